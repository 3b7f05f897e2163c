"""The types of the fields in the models of feeds.yaml: the base model, optional keys, and checked single values.

Each check takes the value that YAML gave and returns the value to use. It raises ValueError with a sentence that
completes "`key` …" for people. No network; the only files read are those of the time zone database.
"""

from __future__ import annotations

import codecs
import functools
import ipaddress
import re
import unicodedata
import zoneinfo
from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, TypeVar
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetJsonSchemaHandler,
    PlainValidator,
    WithJsonSchema,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from aggregator.config.advice import (
    encoding_advice,
    invisible_advice,
    language_advice,
    scheme_advice,
    size_advice,
    zone_advice,
)
from aggregator.config.problems import show
from aggregator.config.selectors import check_css, check_xpath, selects_elements
from aggregator.place import connection_string
from aggregator.values.languages import CONFIGURED
from aggregator.values.selectors import xpath_of
from aggregator.values.urls import ENVIRONMENT, without_feed_scheme


class Section(BaseModel):
    """A mapping of known keys: the base of all models of feeds.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def with_short_form(schema: CoreSchema, handler: GetJsonSchemaHandler, short: dict[str, Any]) -> JsonSchemaValue:
    """Return the JSON Schema of a section in whose place something short may stand: what its own method returns.

    Args:
        schema, handler: what pydantic gives to `__get_pydantic_json_schema__`.
        short: the schema of the short form.
    """
    whole = handler(schema)
    mapping = handler.resolve_ref_schema(whole)
    inner = {key: mapping.pop(key) for key in list(mapping) if key not in ("title", "description")}
    mapping["anyOf"] = [short, inner]
    return whole


class ShortSection(Section):
    """A mapping in whose place the value of its main key may stand, as text."""

    #: The main key.
    SHORT: ClassVar[str]

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: object) -> object:
        return {cls.SHORT: value} if isinstance(value, str) else value

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        main = handler.resolve_ref_schema(handler(schema))["properties"][cls.SHORT]
        return with_short_form(schema, handler, {key: main[key] for key in main if key not in ("title", "description")})


MAX_TEXT = 500
"""Characters in a title, a name or a selector at most."""
MAX_URL = 4096
"""Characters in an address at most."""
MAX_NUMBER = 40
"""Characters in a duration or a size at most."""

_LANGUAGE = re.compile(CONFIGURED)
_STARRED = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){0,2}(?:\.\*){1,3}")
_MOST_NETWORKS = 5
_IS_NETWORK = re.compile(r"[0-9a-fA-F.:]{2,45}(?:/[0-9]{1,3})?")
_NO_PROXY = ("none", "no", "off", "direct", "false")
_HOST_AND_PORT = re.compile(r"[\w.-]{1,253}:[0-9]{1,5}")
_HEADER_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,300}[\x21-\x7e])?")
_BYTES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 2**10, "mi": 2**20, "gi": 2**30}
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([kKMG]i?)?B")
_LARGEST = 10**9


def text(value: object) -> str:
    """Check one line of text, and strip the white space around it."""
    if not isinstance(value, str):
        raise ValueError(not_text(value))
    stripped = value.strip()
    if not stripped:
        raise ValueError("is empty; give it a value, or remove the key")
    if len(stripped) > MAX_TEXT:
        raise ValueError(f"is longer than {MAX_TEXT} characters")
    # Control characters, surrogates, and the line and paragraph separators.
    if not stripped.isprintable() and any(unicodedata.category(one) in ("Cc", "Cs", "Zl", "Zp") for one in stripped):
        raise ValueError("must be one line without control characters")
    return stripped


def http_url(value: object) -> str:
    """Check an http(s) address with a host (RFC 3986, RFC 9110 section 4.2)."""
    if not isinstance(value, str):
        raise ValueError(_not_url(value))
    url = without_feed_scheme(value.strip())
    if len(url) > MAX_URL:
        raise ValueError(f"is longer than {MAX_URL} characters")
    if not url.isascii() and (odd := invisible_advice(url)):
        raise ValueError(f"{show(url)} is not an address: {odd}")
    if "{{" in url or "{%" in url:
        raise ValueError(f"{show(url)} is not an address; templates are not filled in, references are: `${{env:NAME}}`")
    # Of the characters that can be printed, the blank is the only space.
    if " " in url or (
        not url.isprintable() and any(c.isspace() or unicodedata.category(c) in ("Cc", "Cs") for c in url)
    ):
        raise ValueError("must be an address without spaces; write `%20` for one")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        said = "its port must be a number up to 65535" if str(error).startswith("Port ") else str(error)
        raise ValueError(f"{show(url)} is not an address: {said}") from None
    if parts.scheme not in ("http", "https"):
        raise ValueError(f"{show(url)} must begin with `https://` or `http://`{scheme_advice(url)}")
    if not host:
        hint = scheme_advice(url) or "; write it like `https://example.org/feed.xml`"
        raise ValueError(f"{show(url)} has no host{hint}")
    if host in ("http", "https"):
        raise ValueError(f"{show(url)} begins with `{parts.scheme}://` twice; remove one")
    return url


def address_with(written: str, places: Mapping[str, str], what: str) -> str:
    """Check an address, which may be relative, with places that are filled in later; it stays as written.

    Args:
        places: what may stand in it, each with an example.
        what: the places, for people.
    """
    filled = written
    for place, example in places.items():
        filled = filled.replace(place, example)
    if len(written) > MAX_URL or " " in written or "{" in filled:
        raise ValueError(f"{show(written)} is not an address with {what}")
    if "://" in filled:
        http_url(filled)
    return written


def _not_url(value: object) -> str:
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return "must be one address, not a list; write one entry for each"
    return not_text(value)


def site_url(value: object) -> str:
    """Check the address of a folder, and end it with `/`."""
    url = http_url(value)
    if "?" in url or "#" in url:
        raise ValueError(f"{show(url)} must be the address of a folder, without `?` and `#`")
    return url if url.endswith("/") else url + "/"


def placeholder(value: object) -> str | None:
    """Check an http(s) address in which ``{n}`` stands for a number; false becomes None."""
    if value is False:
        return None
    if not isinstance(value, str):
        raise ValueError("must be an address, in which `{n}` stands for a number, or `false`")
    if value.strip().lower() in ("none", "no", "off", "null", "false"):
        raise ValueError(f"{show(value)} is not an address; write `false` without quotes for no picture")
    http_url(value.replace("{n}", "0"))
    return value.strip()


def default_proxy(value: object) -> str:
    """Check the address of an HTTP proxy, or the word `ENVIRONMENT`."""
    return ENVIRONMENT if value == ENVIRONMENT else proxy_url(value)


def proxy_url(value: object) -> str:
    """Check the address of an HTTP proxy."""
    word = value.strip().lower() if isinstance(value, str) else ""
    if word in _NO_PROXY:
        raise ValueError(f"{show(value)} is not an address; to use no proxy, remove the key")
    if _HOST_AND_PORT.fullmatch(word):
        raise ValueError(f"{show(value)} must begin with `http://` or `https://`; write `http://{word}`")
    return http_url(value)


def language(value: object) -> str:
    """Check a language tag (BCP 47); it stays as written."""
    if not isinstance(value, str) or not _LANGUAGE.fullmatch(value):
        hint = language_advice(value) or "write one such as `en`, `de` or `zh-CN`"
        raise ValueError(f"{show(value)} is not a language tag; {hint}")
    return value


def user_agent(value: object) -> str:
    """Check a value for the User-Agent header (RFC 9110, section 10.1.5): printable ASCII."""
    if not isinstance(value, str) or not _HEADER_VALUE.fullmatch(value):
        raise ValueError("must be up to 300 printable ASCII characters on one line")
    return value


def selector(value: object) -> str:
    """Check a CSS selector: soupsieve must be able to compile it."""
    if isinstance(value, list | dict):
        bracket = "[" if isinstance(value, list) else "{"
        raise ValueError(f"must be text; put a selector that begins with `{bracket}` in quotes")
    css = text(value)
    check_css(css)
    return css


def any_selector(value: object) -> str:
    """Check a selector of elements, attributes or texts: CSS, or XPath 1.0 where it begins like that."""
    chosen, expression = _either(value)
    if expression is None:
        check_css(chosen, xpath=True)
    elif check_xpath(expression) == "condition":
        raise ValueError(
            f"{show(chosen)} is a condition, true or false; write what is to be selected, such as `//a[…]`"
        )
    return chosen


def element_selector(value: object) -> str:
    """Check a selector of elements: CSS, or XPath 1.0 where it begins like that."""
    chosen, expression = _either(value)
    if expression is None:
        check_css(chosen, xpath=True)
    elif not selects_elements(expression):
        raise ValueError(f"{show(chosen)} gives no elements; write the path of the elements, such as `//div[@class]`")
    return chosen


def _either(value: object) -> tuple[str, str | None]:
    """Return a selector, and the expression in it where it is XPath."""
    if isinstance(value, list | dict):
        return selector(value), None
    chosen = text(value)
    if chosen.startswith(("http://", "https://")):
        raise ValueError(f"{show(chosen)} is an address, not a selector; `url` is the address of the page")
    return chosen, xpath_of(chosen)


@functools.lru_cache(maxsize=1024)
def _is_zone(name: str) -> bool:
    """Whether the IANA time zone database has a zone of this name."""
    try:
        zoneinfo.ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


@functools.lru_cache(maxsize=1024)
def _is_encoding(name: str) -> bool:
    """Whether Python knows a text encoding by this name."""
    try:
        codecs.lookup(name)
        # Codecs such as base64 can be looked up, but give no text.
        b"text".decode(name)
    except (LookupError, ValueError):
        return False
    return True


def _known(
    what: str, is_known: Callable[[str], bool], advise: Callable[[str], str | None], example: str
) -> Callable[[object], str]:
    """Make the check of a name that must be known on this machine; it stays as written."""

    def check(value: object) -> str:
        if isinstance(value, str) and is_known(value):
            return value
        hint = isinstance(value, str) and advise(value)
        raise ValueError(f"{show(value)} is not {what}; {hint or example}")

    return check


timezone = _known("a time zone", _is_zone, zone_advice, "use an IANA name such as `Asia/Shanghai` or `UTC`")
encoding = _known("a known encoding", _is_encoding, encoding_advice, "use one such as `utf-8`, `gbk` or `big5`")


def parse_size(value: object) -> int:
    """Read a size such as ``15MB`` (powers of 1000) or ``1MiB`` (powers of 1024).

    Returns:
        Bytes, 1 to 1,000,000,000.

    Raises:
        ValueError: it is not a size; the message says how to write one.
    """
    if is_bare_number(value):
        raise ValueError(f"`{value}` has no unit; write `{value}B`, `{value}kB` or `{value}MB`")
    match = _SIZE.fullmatch(value) if isinstance(value, str) and len(value) <= MAX_NUMBER else None
    if match is None:
        hint = size_advice(value)
        example = "must be a size such as `500kB`, `15MB` or `1MiB`"
        raise ValueError(f"{show(value)} is not a size; {hint}" if hint else example)
    size = round(float(match[1]) * _BYTES[(match[2] or "").lower()])
    if not 1 <= size <= _LARGEST:
        raise ValueError("must be between `1B` and `1GB`")
    return size


def is_bare_number(value: object) -> bool:
    """Whether the value is a number without a unit; a quoted one counts."""
    if isinstance(value, str):
        return value.isdecimal() and value.isascii() and len(value) <= MAX_NUMBER
    return isinstance(value, int | float) and not isinstance(value, bool)


def private_addresses(value: object) -> bool | tuple[str, ...]:
    """Check true, false, or a list of networks (CIDR); an address stands for the network of that address alone."""
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
        raise ValueError(f"{show(value)} is not a network; write it like `192.168.0.0/16`, in quotes")
    try:
        return str(ipaddress.ip_network(value))
    except ValueError:
        raise ValueError(f"{show(value)} is not a network{_network_advice(value)}") from None


def _network_advice(value: str) -> str:
    """Say what is wrong with a network, and how to write the one that was meant."""
    if match := _STARRED.fullmatch(value):
        octets = [part for part in match[0].split(".") if part != "*"]
        return f"; write `{'.'.join([*octets, '0', '0', '0'][:4])}/{8 * len(octets)}`"
    try:
        whole = ipaddress.ip_network(value, strict=False)
    except ValueError:
        return "; write it like `192.168.0.0/16`"
    return f": bits are set after its first {whole.prefixlen}; write `{whole}`"


def not_text(value: object) -> str:
    """Say of a value that is no text what it is, and what to write instead."""
    if value is None:
        return "is empty; give it a value, or remove the key (a value that begins with `#` must be in quotes)"
    if isinstance(value, list | dict):
        kind, bracket = ("a list", "[") if isinstance(value, list) else ("a mapping", "{")
        return f"must be text, not {kind}; put a value that begins with `{bracket}` in quotes"
    return f"must be text{quotes_hint(value)}"


def quotes_hint(value: object) -> str:
    """Give advice, ``; put it in quotes…``, for a value that YAML read as something other than text."""
    return "" if isinstance(value, str | list | dict) or value is None else f'; put it in quotes: "{show(value)[1:-1]}"'


def _not_null(value: object) -> object:
    if value is None:
        raise ValueError(not_text(value))
    return value


T = TypeVar("T")

Maybe = Annotated[T | None, BeforeValidator(_not_null)]
"""A key that may be left out, but not be empty."""


def checked(check: Any, **json_schema: Any) -> tuple[Any, Any]:
    """Make the metadata of a type: its validator, and its JSON Schema, of type ``string`` with these keywords."""
    return PlainValidator(check), WithJsonSchema({"type": "string", **json_schema})


_SIZE_PATTERN = r"^[0-9]+(\.[0-9]+)? ?([kKMG]i?)?B$"
_URL_PATTERN = r"^\s*([Ff][Ee][Ee][Dd]:)?([Hh][Tt][Tt][Pp][Ss]?|[Ff][Ee][Ee][Dd])://[^/?#\s]"

Text = Annotated[str, *checked(text, pattern=r"\S", maxLength=MAX_TEXT)]
Url = Annotated[str, *checked(http_url, pattern=_URL_PATTERN)]
ProxyUrl = Annotated[str, *checked(proxy_url, pattern=_URL_PATTERN)]
SiteUrl = Annotated[str, *checked(site_url, pattern=_URL_PATTERN + r"[^?#]*$")]
Language = Annotated[str, *checked(language, pattern=f"^{CONFIGURED}$")]
UserAgent = Annotated[str, *checked(user_agent, pattern=rf"^{_HEADER_VALUE.pattern}$")]
Selector = Annotated[str, *checked(selector, pattern=r"\S", maxLength=MAX_TEXT)]
AnySelector = Annotated[str, *checked(any_selector, pattern=r"\S", maxLength=MAX_TEXT)]
ElementSelector = Annotated[str, *checked(element_selector, pattern=r"\S", maxLength=MAX_TEXT)]
TimeZone = Annotated[str, *checked(timezone)]
Encoding = Annotated[str, *checked(encoding)]
Size = Annotated[int, *checked(parse_size, pattern=_SIZE_PATTERN)]
Database = Annotated[str, *checked(connection_string, pattern=r"^\s*(\$\{|postgres(ql)?://|[a-z_]+\s*=)")]
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
