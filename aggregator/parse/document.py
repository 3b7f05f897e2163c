"""What the readers get, and the limits that all of them keep."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urljoin, urlsplit

from aggregator.models import RawEntry

#: Entries of one document that are kept: the first, which are the newest wherever there is an order.
MAX_ENTRIES = 10_000
MAX_TAGS = 100
MAX_ENCLOSURES = 50
MAX_AUTHORS = 20
#: Characters; a longer guid is no guid but a mistake, and is left out.
MAX_GUID = 2048
#: Characters; no browser or server is sure to take a longer address.
MAX_URL = 4096
#: The largest length that JavaScript and JSON can carry.
MAX_LENGTH = 2**53 - 1

#: An address that needs no resolving and no second look; most are such.
_ABSOLUTE = re.compile(r"https?://[A-Za-z0-9][\w.-]*(?::\d+)?(?:[/?#][!-~]*)?", re.ASCII)
_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(?:[-_][A-Za-z0-9]{1,8}){0,8}")
_SURROGATES = re.compile("[\ud800-\udfff]")
_TAB_OR_NEWLINE = re.compile(r"[\t\r\n]+")


@dataclass(frozen=True, slots=True)
class Document:
    """A document as text, and what it is by its content."""

    format: Literal["json", "xml"]
    #: For XML: from the root element on, without declarations, so that no entity is declared in it.
    text: str
    #: Name of the root element in lower case, e.g. ``rss``, ``rdf:rdf``; "" for JSON.
    root: str
    #: Where it came from: base of relative addresses.
    url: str
    repairs: tuple[str, ...] = ()


def address(value: object, base: str = "") -> str | None:
    """Resolve an address; None for what is none, is too long, is not http(s) or cannot be encoded."""
    if not isinstance(value, str):
        return None
    if len(value) <= MAX_URL and _ABSOLUTE.fullmatch(value):
        return value
    if _SURROGATES.search(value):
        return None
    value = _TAB_OR_NEWLINE.sub("", value.strip())
    if not value or len(value) > MAX_URL:
        return None
    try:
        url = urljoin(base, value)
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme in ("http", "https") and parts.netloc and len(url) <= MAX_URL else None


def base_address(value: object, document_url: str) -> str:
    """The base for links: `value` resolved, or the document's own address where that is no web address."""
    return address(value, document_url) or document_url


def language(value: object) -> str | None:
    """A language tag (BCP 47, with ``-``), or None for what does not look like one."""
    if isinstance(value, str) and _LANGUAGE.fullmatch(value := value.strip()):
        return value.replace("_", "-")
    return None


def size(value: object) -> int | None:
    """A number of bytes or seconds, or None for what is no sane count."""
    if isinstance(value, float) and 0 <= value <= MAX_LENGTH:
        return int(value)
    text = str(value).strip() if isinstance(value, str | int) else ""
    if text.isascii() and text.isdigit() and len(text) <= 16 and int(text) <= MAX_LENGTH:
        return int(text)
    return None


def guid(value: object) -> str | None:
    """An id without the white space around it, or None where there is none or it is far too long."""
    text = value.strip() if isinstance(value, str) else ""
    return text if 0 < len(text) <= MAX_GUID else None


def saying(entries: Sequence[RawEntry]) -> tuple[RawEntry, ...]:
    """The entries that have anything to show or to be known by; dates and tags alone are nothing."""
    return tuple(
        one
        for one in entries
        if one.guid or one.url or one.title or one.content or one.summary or one.enclosures or one.image
    )


def nothing_said(entries: Sequence[RawEntry]) -> tuple[str, ...]:
    """A note where a document has entries and none of them says anything: no feed is empty without a word."""
    if not entries or saying(entries):
        return ()
    return (f"none of its {len(entries):,} entries has an id, an address, a title or a text",)
