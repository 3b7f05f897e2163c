"""Attributes of FreshRSS and Miniflux in an OPML document -> keys of a source in feeds.yaml.

What has no counterpart that means the same is named, and left out. FreshRSS: docs/en/developers/OPML.md of its
repository; Miniflux: internal/reader/opml of its repository. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

FRESHRSS = "https://freshrss.org/opml"
MINIFLUX = "https://miniflux.app/opml"

#: Parts of an item in the names of FreshRSS (`xPathItemTitle`, `jsonItemTitle`), and ours.
_FIELDS = {
    "title": "title",
    "uri": "link",
    "timestamp": "date",
    "content": "content",
    "author": "author",
    "thumbnail": "image",
    "categories": "categories",
    "uid": "id",
}
_LITERAL = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)')\s*""")
_DOTTED = re.compile(r"(?:\$\.?)?([A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*|\[[0-9]{1,9}\])*)")
_PLAIN_NAME = re.compile(r"[A-Za-z_]\w*")
_STEP = re.compile(r"\.?([A-Za-z_][\w-]*)|\[([0-9]+)\]")
#: XPath of a script element that a CSS selector finds as well.
_SCRIPT = re.compile(r"""//script(?:\[@(id|type|class)=(?:"([^"\\]+)"|'([^'\\]+)')\])?""")
#: PHP's letters of dates (DateTime::createFromFormat), and what `strptime` calls the same.
_DATE_CODES = {
    "d": "%d",
    "j": "%d",
    "D": "%a",
    "l": "%A",
    "m": "%m",
    "n": "%m",
    "M": "%b",
    "F": "%B",
    "Y": "%Y",
    "y": "%y",
    "H": "%H",
    "G": "%H",
    "h": "%I",
    "g": "%I",
    "i": "%M",
    "s": "%S",
    "A": "%p",
    "a": "%p",
    "u": "%f",
    "v": "%f",
    "O": "%z",
    "P": "%z",
    "p": "%z",
    "T": "%Z",
    "e": "%Z",
    "!": "",
    "|": "",
    "%": "%%",
}
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
#: Request headers that are keys of their own, or set by the program.
_OWN_HEADERS = frozenset({"accept-encoding", "authorization", "connection", "content-length", "content-type", "cookie"})
_LONGEST = timedelta(days=366)
_UNITS = (("w", 604_800), ("d", 86_400), ("h", 3600), ("m", 60), ("s", 1))


class NoCounterpart(ValueError):
    """A source cannot be read as the other program does; the message says why, as a clause."""


@dataclass(slots=True)
class Translated:
    """Keys of a source, and what was left out, as clauses."""

    keys: dict[str, Any] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)


def translate(kind: str, address: str, attributes: Mapping[str, str]) -> Translated:
    """Make the keys of a source.

    Args:
        kind: the attribute `type`.
        address: of the feed or page, checked.
        attributes: all of the outline, as `outlines.Outline` has them.

    Raises:
        NoCounterpart: there is no kind of source for it.
    """
    fresh, mini = (_own(attributes, namespace) for namespace in (FRESHRSS, MINIFLUX))
    made = Translated()
    made.keys |= _kind(kind.strip().lower(), address, fresh, made.left_out)
    if fresh:
        _requests(fresh, made)
        _rhythm(fresh.get("ttl", ""), made.keys)
        if fresh.get("filtersactionread"):
            made.left_out.append("filters that mark articles as read (`frss:filtersActionRead`)")
    if mini:
        _miniflux(mini, made)
    return made


def listed_elsewhere(attributes: Mapping[str, str]) -> str | None:
    """Return the address of the list that a folder of FreshRSS is filled from, or None."""
    return attributes.get(f"{{{FRESHRSS}}}opmlurl") or None


def _own(attributes: Mapping[str, str], namespace: str) -> dict[str, str]:
    """Return the attributes of a namespace, also where its prefix was not bound, that have a value."""
    prefixes = {FRESHRSS: "frss", MINIFLUX: "miniflux"}
    starts = f"{{{namespace}}}", f"{{{prefixes[namespace]}}}"
    return {name.partition("}")[2]: value for name, value in attributes.items() if value and name.startswith(starts)}


def _kind(kind: str, address: str, fresh: Mapping[str, str], left_out: list[str]) -> dict[str, Any]:
    if kind == "html+xpath":
        return {"scrape": _scraped(address, fresh)}
    if kind in ("json+dotnotation", "html+xpath+json+dotnotation"):
        return {"json": _json(address, fresh, in_page=kind.startswith("html"))}
    if kind == "xml+xpath":
        raise NoCounterpart("XML read by XPath has no counterpart here")
    if fresh.get("csscontentfilter") and not fresh.get("cssfullcontent"):
        left_out.append("elements to remove (`frss:cssContentFilter`); the rule `remove` does the same")
    if fresh.get("cssfullcontent"):
        left_out.append("full text from the pages (`frss:cssFullContent`); the text of the feed is used")
    return {"feed": address}


def _scraped(address: str, fresh: Mapping[str, str]) -> dict[str, Any]:
    if not fresh.get("xpathitem"):
        raise NoCounterpart("`frss:xPathItem` is missing")
    found = {
        ours: _with_format(value, fresh.get("xpathitemtimeformat", "") if ours == "date" else "")
        for theirs, ours in _FIELDS.items()
        if (value := _expression(fresh.get(f"xpathitem{theirs}", "")))
    }
    return {"url": address, "items": f"xpath:{fresh['xpathitem'].strip()}", **found, **_article(fresh)}


def _expression(text: str) -> str | dict[str, str] | None:
    """Return a field that is found by XPath, or a constant."""
    text = " ".join(text.split())
    if not text:
        return None
    if literal := _LITERAL.fullmatch(text):
        constant = (literal[1] or literal[2] or "").strip()
        return {"value": constant} if constant else None
    return f"xpath:{text}"


def _json(address: str, fresh: Mapping[str, str], *, in_page: bool) -> dict[str, Any]:
    made: dict[str, Any] = {"url": address}
    if in_page:
        match = _SCRIPT.fullmatch(fresh.get("xpathtojson", "").strip())
        if match is None:
            raise NoCounterpart("`frss:xPathToJson` is more than a script element with an attribute")
        made["script"] = f'script[{match[1]}="{match[2] or match[3]}"]' if match[1] else "script"
    made["items"] = f"{_path(fresh.get('jsonitem', ''), whole=True)}[*]"
    for theirs, ours in _FIELDS.items():
        if value := fresh.get(f"jsonitem{theirs}", "").strip():
            form = fresh.get("jsonitemtimeformat", "") if ours == "date" else ""
            made[ours] = _with_format(_path(value), form)
    if (body := fresh.get("curlopt_postfields")) is not None:
        made["body"] = body
    return made | _article(fresh)


def _path(dotted: str, *, whole: bool = False) -> str:
    """Return a path such as ``meta.links[0]`` as JSONPath (RFC 9535); a single name stays one.

    Args:
        whole: it is a path in the document; "" is the document.
    """
    dotted = dotted.strip()
    if whole and dotted in ("", "$"):
        return "$"
    match = _DOTTED.fullmatch(dotted)
    if match is None:
        raise NoCounterpart(f"`{dotted[:60]}` is not a path of names and numbers")
    if not whole and _PLAIN_NAME.fullmatch(match[1]):
        return match[1]
    steps = [
        f"[{number}]" if number else f".{name}" if _PLAIN_NAME.fullmatch(name) else f"['{name}']"
        for name, number in _STEP.findall(match[1])
    ]
    return "$" + "".join(steps)


def _with_format(select: str | dict[str, str], form: str) -> str | dict[str, str]:
    """Return the field of a date with its format."""
    form = form.strip()
    if not form or isinstance(select, dict):
        return select
    if form.strip("!|") == "U":
        return {"select": select, "format": "unix"}
    codes, escaped = [], False
    for letter in form:
        if escaped or not ((letter.isascii() and letter.isalpha()) or letter in "!|%\\"):
            codes.append("%%" if letter == "%" else letter)
            escaped = False
        elif letter == "\\":
            escaped = True
        elif letter in _DATE_CODES:
            codes.append(_DATE_CODES[letter])
        else:
            raise NoCounterpart(f"the format of dates `{form[:60]}` has `{letter}`, which has no counterpart")
    return {"select": select, "format": "".join(codes)}


def _article(fresh: Mapping[str, str]) -> dict[str, Any]:
    if not fresh.get("cssfullcontent"):
        return {}
    removed = {"remove": [fresh["csscontentfilter"]]} if fresh.get("csscontentfilter") else {}
    return {"article": {"body": fresh["cssfullcontent"], **removed}}


def _requests(fresh: Mapping[str, str], made: Translated) -> None:
    """Add what the other program says to curl."""
    headers, cookies = {}, {}
    for line in fresh.get("curlopt_httpheader", "").splitlines():
        name, _, value = (part.strip() for part in line.partition(":"))
        if value and _HEADER_NAME.fullmatch(name) and name.lower() not in _OWN_HEADERS:
            headers[name] = value
        elif name:
            made.left_out.append(f"the header `{name[:60]}` (`frss:CURLOPT_HTTPHEADER`)")
    for part in fresh.get("curlopt_cookie", "").split(";"):
        name, equals, value = part.strip().partition("=")
        if equals:
            cookies[name] = value
    agent = headers.pop("User-Agent", None) or fresh.get("curlopt_useragent")
    given = {"user_agent": agent, "headers": headers, "cookies": cookies, "proxy": fresh.get("curlopt_proxy")}
    made.keys |= {key: value for key, value in given.items() if value}


def _rhythm(ttl: str, keys: dict[str, Any]) -> None:
    """Add how often it is fetched: seconds; a negative number also says that it is paused."""
    if not re.fullmatch(r"-?[0-9]{1,9}", ttl.strip()):
        return
    seconds = int(ttl)
    if 60 <= abs(seconds) <= _LONGEST.total_seconds():
        keys["interval"] = _duration(abs(seconds))
    if seconds < 0:
        keys["paused"] = True


def _duration(seconds: int) -> str:
    parts = []
    for unit, size in _UNITS:
        if seconds >= size:
            parts.append(f"{seconds // size}{unit}")
            seconds %= size
    return "".join(parts)


def _miniflux(mini: Mapping[str, str], made: Translated) -> None:
    if mini.get("disabled") == "true":
        made.keys["paused"] = True
    given = {"user_agent": mini.get("useragent"), "proxy": mini.get("proxyurl")}
    made.keys |= {key: value for key, value in given.items() if value}
    if mini.get("crawler") == "true" or mini.get("scraperrules"):
        made.left_out.append("full text from the pages (`miniflux:crawler`); the text of the feed is used")
    others = [name for name in mini if name.endswith(("listrules", "entryrules", "rewriterules"))]
    if others:
        made.left_out.append("rules that filter or rewrite (`miniflux:…Rules`); write `rules` of the source")
