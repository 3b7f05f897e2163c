"""The checks of single values in feeds.yaml, as types for the models in `schema`.

Each check takes what YAML gave, returns the value to use, and raises ValueError with a sentence that completes
"`key` …" for people. No network; the only files read are those of the time zone database.
"""

from __future__ import annotations

import codecs
import functools
import ipaddress
import re
import unicodedata
import warnings
import zoneinfo
from datetime import timedelta
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

from pydantic import BeforeValidator, PlainValidator, WithJsonSchema

from aggregator.config.characters import invisible
from aggregator.config.durations import DURATION_PATTERN, SIZE_PATTERN, parse_duration, parse_size
from aggregator.config.ids import MAX_ID, fold, is_word_character, slug
from aggregator.config.problems import show
from aggregator.config.wording import (
    encoding_advice,
    language_advice,
    misread_selector,
    scheme_advice,
    selector_advice,
    zone_advice,
)
from aggregator.values.languages import CONFIGURED
from aggregator.values.urls import ENVIRONMENT, without_feed_scheme

MAX_TEXT = 500
"""Characters of a title, a name or a selector at most."""
MAX_URL = 4096
"""Characters of an address at most."""
RESERVED_SLUGS = frozenset({"all"})
"""Folders of `public/` that are no category."""

# Device names that Windows reserves in every folder.
_DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{name}{n}" for name in ("com", "lpt") for n in range(10))})
#: File systems count 255 bytes in a name.
_MAX_SLUG_BYTES = 200

_LANGUAGE = re.compile(CONFIGURED)
_STARRED = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){0,2}(?:\.\*){1,3}")
_MOST_NETWORKS = 5
_IS_NETWORK = re.compile(r"[0-9a-fA-F.:]{2,45}(?:/[0-9]{1,3})?")
_NO_PROXY = ("none", "no", "off", "direct", "false")
_HOST_AND_PORT = re.compile(r"[\w.-]{1,253}:[0-9]{1,5}")
_HEADER_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,300}[\x21-\x7e])?")


def text(value: object) -> str:
    """One line of text, white space around it taken off."""
    if not isinstance(value, str):
        raise ValueError(_no_text(value))
    stripped = value.strip()
    if not stripped:
        raise ValueError("is empty; give it a value, or take the key away")
    if len(stripped) > MAX_TEXT:
        raise ValueError(f"is longer than {MAX_TEXT} characters")
    # Control characters, surrogates, and the line and paragraph separators.
    if not stripped.isprintable() and any(unicodedata.category(one) in ("Cc", "Cs", "Zl", "Zp") for one in stripped):
        raise ValueError("must be one line without control characters")
    return stripped


def http_url(value: object) -> str:
    """An http(s) address with a host (RFC 3986, RFC 9110 section 4.2)."""
    if not isinstance(value, str):
        raise ValueError(_no_url(value))
    url = without_feed_scheme(value.strip())
    if len(url) > MAX_URL:
        raise ValueError(f"is longer than {MAX_URL} characters")
    if not url.isascii() and (odd := invisible(url)):
        raise ValueError(f"{show(url)} is no address: {odd}")
    # Of the characters that can be printed, the blank is the only space.
    if "{{" in url or "{%" in url:
        raise ValueError(f"{show(url)} is no address; templates are not filled in, references are: `${{env:NAME}}`")
    if " " in url or (
        not url.isprintable() and any(c.isspace() or unicodedata.category(c) in ("Cc", "Cs") for c in url)
    ):
        raise ValueError("must be an address without spaces; write `%20` for one")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        said = "its port must be a number up to 65535" if str(error).startswith("Port ") else str(error)
        raise ValueError(f"{show(url)} is no address: {said}") from None
    if parts.scheme not in ("http", "https"):
        raise ValueError(f"{show(url)} must begin with `https://` or `http://`{scheme_advice(url)}")
    if not host:
        hint = scheme_advice(url) or "; write it like `https://example.org/feed.xml`"
        raise ValueError(f"{show(url)} has no host{hint}")
    if host in ("http", "https"):
        raise ValueError(f"{show(url)} begins with `{parts.scheme}://` twice; take one away")
    return url


def _no_url(value: object) -> str:
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return "must be one address, not a list; make an entry of its own for each"
    return _no_text(value)


def site_url(value: object) -> str:
    """The address of a folder: an http(s) address that ends with `/`."""
    url = http_url(value)
    if "?" in url or "#" in url:
        raise ValueError(f"{show(url)} must be the address of a folder, without `?` and `#`")
    return url if url.endswith("/") else url + "/"


def placeholder(value: object) -> str | None:
    """An http(s) address, in which ``{n}`` stands for a number; or false, which becomes None."""
    if value is False:
        return None
    if not isinstance(value, str):
        raise ValueError("must be an address, in which `{n}` stands for a number, or `false`")
    if value.strip().lower() in ("none", "no", "off", "null", "false"):
        raise ValueError(f"{show(value)} is no address; write `false` without quotes for no picture")
    http_url(value.replace("{n}", "0"))
    return value.strip()


def default_proxy(value: object) -> str:
    """An address of an HTTP proxy, or the word `ENVIRONMENT`."""
    return ENVIRONMENT if value == ENVIRONMENT else proxy_url(value)


def proxy_url(value: object) -> str:
    """An address of an HTTP proxy: mostly one that is itself asked without TLS."""
    word = value.strip().lower() if isinstance(value, str) else ""
    if word in _NO_PROXY:
        raise ValueError(f"{show(value)} is no address; to use no proxy, take the key away")
    if _HOST_AND_PORT.fullmatch(word):
        raise ValueError(f"{show(value)} must begin with `http://` or `https://`; write `http://{word}`")
    return http_url(value)


def language(value: object) -> str:
    """A language tag (BCP 47), as written."""
    if not isinstance(value, str) or not _LANGUAGE.fullmatch(value):
        hint = language_advice(value) or "write one such as `en`, `de` or `zh-CN`"
        raise ValueError(f"{show(value)} is no language tag; {hint}")
    return value


def user_agent(value: object) -> str:
    """A value for the User-Agent header (RFC 9110, section 10.1.5): printable ASCII."""
    if not isinstance(value, str) or not _HEADER_VALUE.fullmatch(value):
        raise ValueError("must be up to 300 printable ASCII characters on one line")
    return value


def selector(value: object) -> str:
    """A CSS selector that soupsieve understands."""
    if isinstance(value, list | dict):
        bracket = "[" if isinstance(value, list) else "{"
        raise ValueError(f"must be text; a selector that begins with `{bracket}` must be in quotes")
    css = text(value)
    _compile_selector(css)
    return css


@functools.lru_cache(maxsize=4096)
def _compile_selector(css: str) -> None:
    if advice := misread_selector(css):
        raise ValueError(f"{show(css)} is no CSS selector: {advice}")
    # Here, because it imports bs4, which most files do not need.
    import soupsieve

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", FutureWarning)
            soupsieve.compile(css)
    except (soupsieve.SelectorSyntaxError, NotImplementedError, FutureWarning, RecursionError, ValueError) as error:
        reason = selector_advice(css) or str(error).partition("\n")[0] or "it is nested too deeply"
        raise ValueError(f"{show(css)} is no CSS selector: {reason}") from None


def timezone(value: object) -> str:
    """The name of a zone in the IANA time zone database."""
    if not isinstance(value, str) or not _is_zone(value):
        hint = isinstance(value, str) and zone_advice(value)
        hint = hint or "use an IANA name such as `Asia/Shanghai` or `UTC`"
        raise ValueError(f"{show(value)} is no time zone; {hint}")
    return value


@functools.lru_cache(maxsize=1024)
def _is_zone(name: str) -> bool:
    try:
        zoneinfo.ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def encoding(value: object) -> str:
    """The name of a text encoding that Python knows, as written."""
    if not isinstance(value, str) or not _is_encoding(value):
        hint = isinstance(value, str) and encoding_advice(value)
        hint = hint or "use one such as `utf-8`, `gbk` or `big5`"
        raise ValueError(f"{show(value)} is no known encoding; {hint}")
    return value


@functools.lru_cache(maxsize=1024)
def _is_encoding(name: str) -> bool:
    try:
        codecs.lookup(name)
        # Codecs such as base64 can be looked up, but give no text.
        b"text".decode(name)
    except (LookupError, ValueError):
        return False
    return True


def private_addresses(value: object) -> bool | tuple[str, ...]:
    """True, false, or a list of networks (CIDR); of one that is given as an address, that address alone."""
    if isinstance(value, bool):
        return value
    if not isinstance(value, list):
        hint = f"; write `[{value}]`" if isinstance(value, str) and _IS_NETWORK.fullmatch(value) else ""
        raise ValueError(f"must be `true`, `false`, or a list of networks such as `[192.168.0.0/16]`{hint}")
    networks, wrong = [], []
    for entry in value:
        try:
            networks.append(_network(entry))
        except ValueError as error:
            wrong.append(str(error))
    if wrong:
        raise ValueError("; ".join(wrong[:_MOST_NETWORKS]))
    return tuple(networks)


def _network(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{show(value)} is no network; write it like `192.168.0.0/16`, in quotes")
    try:
        return str(ipaddress.ip_network(value))
    except ValueError:
        raise ValueError(f"{show(value)} is no network{_network_advice(value)}") from None


def _network_advice(value: str) -> str:
    """What is wrong with a network, and how the one is written that was meant."""
    if match := _STARRED.fullmatch(value):
        octets = [part for part in match[0].split(".") if part != "*"]
        return f"; write `{'.'.join([*octets, '0', '0', '0'][:4])}/{8 * len(octets)}`"
    try:
        whole = ipaddress.ip_network(value, strict=False)
    except ValueError:
        return "; write it like `192.168.0.0/16`"
    return f": bits are set behind its first {whole.prefixlen}; write `{whole}`"


def source_id(value: object) -> str:
    """An id of a source: lower-case letters and digits of any script, and `-`, `_`, `.`."""
    name = value if isinstance(value, str) else ""
    if not _is_name(name, "-_.") or len(name) > MAX_ID:
        raise ValueError(
            f"{show(value)} cannot be an id: use up to {MAX_ID} lower-case letters, digits, `-`, `_` and `.`, "
            f"beginning with a letter or a digit{_quotes(value)}{_slug_hint(name)}"
        )
    return name


def category_slug(value: str) -> str:
    """A slug of a category: like an id, without `.`, and safe as the name of a folder on every system."""
    if value in RESERVED_SLUGS:
        raise ValueError(f"`{value}` is taken: it holds the feeds of all categories; choose another slug")
    if value in _DEVICES:
        raise ValueError(f"`{value}` cannot be the name of a folder on Windows; choose another slug")
    if not _is_name(value, "-_") or len(value) > MAX_ID or len(value.encode()) > _MAX_SLUG_BYTES:
        raise ValueError(
            f"{show(value)} cannot be a slug: use up to {MAX_ID} lower-case letters, digits, `-` and `_`, "
            f"beginning with a letter or a digit; the title can be anything{_slug_hint(value)}"
        )
    return value


def _slug_hint(written: str) -> str:
    """``; write `x` `` with the name made from what was written, where there is one."""
    name = slug(written)
    return f"; write `{name}`" if name and name != written and len(name) <= MAX_ID else ""


def _is_name(value: str, also: str) -> bool:
    return (
        value[:1].isalnum()
        and all(is_word_character(character) or character in also for character in value)
        and fold(value) == value
    )


def _no_text(value: object) -> str:
    if value is None:
        return "is empty; give it a value, or take the key away (a value that begins with `#` must be in quotes)"
    if isinstance(value, list | dict):
        kind, bracket = ("a list", "[") if isinstance(value, list) else ("a mapping", "{")
        return f"must be text, not {kind}; put it in quotes where it begins with `{bracket}`"
    return f"must be text{_quotes(value)}"


def _quotes(value: object) -> str:
    """Advice for a value that YAML read as something other than text."""
    return "" if isinstance(value, str | list | dict) or value is None else f'; put it in quotes: "{show(value)[1:-1]}"'


def _not_null(value: object) -> object:
    if value is None:
        raise ValueError(_no_text(value))
    return value


T = TypeVar("T")

Maybe = Annotated[T | None, BeforeValidator(_not_null)]
"""A key that may be left out, but not be empty."""


def _checked(check: Any, **json_schema: Any) -> tuple[Any, Any]:
    return PlainValidator(check), WithJsonSchema({"type": "string", **json_schema})


_NAME_PATTERN = r"^(?![-_.])[^\u0000-,/:-@A-Z\[-^`{-\u007f]+$"
SLUG_PATTERN = r"^(?![-_])[^\u0000-,./:-@A-Z\[-^`{-\u007f]+$"
"""What a slug looks like, as far as a JSON Schema pattern (ECMA-262) can say."""
_URL_PATTERN = r"^\s*([Ff][Ee][Ee][Dd]:)?([Hh][Tt][Tt][Pp][Ss]?|[Ff][Ee][Ee][Dd])://[^/?#\s]"

Text = Annotated[str, *_checked(text, pattern=r"\S", maxLength=MAX_TEXT)]
Url = Annotated[str, *_checked(http_url, pattern=_URL_PATTERN)]
ProxyUrl = Annotated[str, *_checked(proxy_url, pattern=_URL_PATTERN)]
SiteUrl = Annotated[str, *_checked(site_url, pattern=_URL_PATTERN + r"[^?#]*$")]
Language = Annotated[str, *_checked(language, pattern=f"^{CONFIGURED}$")]
UserAgent = Annotated[str, *_checked(user_agent, pattern=rf"^{_HEADER_VALUE.pattern}$")]
Selector = Annotated[str, *_checked(selector, pattern=r"\S", maxLength=MAX_TEXT)]
TimeZone = Annotated[str, *_checked(timezone)]
Encoding = Annotated[str, *_checked(encoding)]
SourceId = Annotated[str, *_checked(source_id, pattern=_NAME_PATTERN, maxLength=MAX_ID)]
Slug = Annotated[str, *_checked(category_slug)]
Duration = Annotated[timedelta, *_checked(parse_duration, pattern=DURATION_PATTERN)]
Size = Annotated[int, *_checked(parse_size, pattern=SIZE_PATTERN)]
DefaultProxy = Annotated[
    str,
    PlainValidator(default_proxy),
    WithJsonSchema({"anyOf": [{"const": ENVIRONMENT}, {"type": "string", "pattern": _URL_PATTERN}]}),
]
Placeholder = Annotated[
    str | None,
    PlainValidator(placeholder),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": _URL_PATTERN}, {"const": False}]}),
]
PrivateAddresses = Annotated[
    bool | tuple[str, ...],
    PlainValidator(private_addresses),
    WithJsonSchema({"anyOf": [{"type": "boolean"}, {"type": "array", "items": {"type": "string"}}]}),
]
