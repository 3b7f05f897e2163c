"""The section `rsshub` of feeds.yaml: the instances of RSSHub (https://docs.rsshub.app) that sources of that kind use.

Also the checks of a route, which is the address of such a source: the same on every instance.
"""

from __future__ import annotations

import re
from typing import Annotated, ClassVar
from urllib.parse import quote

from pydantic import Field, field_validator

from aggregator.config.fields import MAX_URL, Maybe, Section, ShortSection, SiteUrl, checked, not_text
from aggregator.config.problems import show
from aggregator.values.urls import without_userinfo

MAX_INSTANCES = 10
"""Instances in one list at most: each may be asked in turn."""
SCHEME = "rsshub://"
"""How the address of a source of this kind begins."""

#: Parameters that let a request pass (https://docs.rsshub.app/guide/parameters).
_ACCESS = re.compile(r"[?&](key|code)=", re.IGNORECASE)
_WEB = re.compile(r"https?://", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"/(:[A-Za-z_]\w*)")
_DOTS = re.compile(r"/\.{1,2}(?=/|\Z)")
_KEY = re.compile(r"[^\x00-\x1f\x7f]{1,500}")
#: Characters that stay as they are in a path and in a query; all others are percent-encoded, so that the path is the
#: same in the request and in the access code that is made of it.
_IN_PATH = "/%!$&'()*+,;=:@-._~"
_IN_QUERY = _IN_PATH + "?"


def route(value: object) -> str:
    """Check a route, such as ``/ofweek/news`` or ``rsshub://ofweek/news``, and return it as the latter.

    Characters that an address cannot have are percent-encoded (RFC 3986, section 2.1).
    """
    if not isinstance(value, str):
        raise ValueError(not_text(value))
    written = value.strip()
    if written[: len(SCHEME)].lower() == SCHEME:
        written = "/" + written[len(SCHEME) :]
    if _ACCESS.search(written):
        raise ValueError("must not have the parameters `key` and `code`; give the `key` of the instances in `rsshub`")
    if _WEB.match(written):
        path = "/" + written.partition("://")[2].partition("/")[2]
        example = path if _wrong(path) is None else "/ofweek/news"
        raise ValueError(f"must be a route, such as {show(example)}; the address before it belongs to `instances`")
    if not written.startswith("/"):
        raise ValueError(f"{show(value)} is not a route; write `/{written.strip('/')[:50] or 'ofweek/news'}`")
    if problem := _wrong(written):
        raise ValueError(f"{show(value)} is not a route: {problem}")
    path, mark, query = written[1:].partition("?")
    return SCHEME + quote(path, _IN_PATH) + mark + quote(query, _IN_QUERY)


def _wrong(written: str) -> str | None:
    """Return why a text that begins with `/` is no route, as a clause, or None."""
    path = written.partition("?")[0]
    if len(written) > MAX_URL:
        return f"it is longer than {MAX_URL} characters"
    if not path.strip("/"):
        return "it has no path"
    if path.startswith("//"):
        return "it begins with `//`; remove one"
    if " " in written or not written.isprintable():
        return "it has spaces or control characters; write `%20` for a space"
    if "#" in written:
        return "it has a `#`, which is not sent; write `%23` where it is a part of the route"
    if "\\" in written:
        return "it has a backslash; write `%5C`"
    if _DOTS.search(path):
        return "it has a part `.` or `..`"
    if name := _PLACEHOLDER.search(path):
        return f"`{name[1]}` stands for a value in RSSHub's documentation; write the value"
    return None


def key(value: object) -> str:
    """Check an access key; it may be any text on one line."""
    if not isinstance(value, str) or not _KEY.fullmatch(value):
        raise ValueError("must be text on one line; put a number in quotes")
    return value


_ROUTE_PATTERN = r"^\s*(/|[Rr][Ss][Ss][Hh][Uu][Bb]://)[^/\s#]"

Route = Annotated[str, *checked(route, pattern=_ROUTE_PATTERN, maxLength=MAX_URL)]
AccessKey = Annotated[str, *checked(key, minLength=1)]
KEY_MEANING = (
    "`ACCESS_KEY` of {}; better as a reference: `${{env:NAME}}` or `${{file:PATH}}`. It is never sent: requests "
    "carry a code for their route."
)
"""What the key of instances is; `{}` says of which ones."""


class InstanceSettings(ShortSection):
    """An instance of RSSHub; its address in short."""

    SHORT: ClassVar[str] = "url"

    url: SiteUrl = Field(description="Its address, with user name and password where a proxy before it wants them.")
    key: Maybe[AccessKey] = Field(default=None, description=KEY_MEANING.format("this instance"))


Instances = Annotated[tuple[InstanceSettings, ...], Field(min_length=1, max_length=MAX_INSTANCES)]


class InstancesSettings(Section):
    """A list of instances."""

    @field_validator("instances", check_fields=False)
    @classmethod
    def _once(cls, instances: tuple[InstanceSettings, ...] | None) -> tuple[InstanceSettings, ...] | None:
        seen: set[str] = set()
        for one in instances or ():
            name = without_userinfo(one.url)
            if name in seen:
                raise ValueError(f"names {show(name)} twice; keep one of them")
            seen.add(name)
        return instances


class RsshubSettings(InstancesSettings):
    """The instances of RSSHub that sources with a route use."""

    instances: Instances = Field(
        description="Addresses of instances, in the order in which they are asked; each may be a mapping with `url` "
        "and `key`."
    )
    key: Maybe[AccessKey] = Field(
        default=None, description=KEY_MEANING.format("all instances that have none of their own")
    )
