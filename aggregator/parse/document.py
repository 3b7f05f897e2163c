"""What the readers get, the limits that they share, and single values that all of them read alike.

Values are addresses, ids, dates as text, counts, playing times, relations of links, and markup in plain text.
"""

from __future__ import annotations

import html.entities
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urljoin, urlsplit

from aggregator.models import RawEntry, Text
from aggregator.values.markup import IN_TITLES, SURROGATES, unescape

#: Entries of one document that are kept: the first ones, which are the newest where there is an order.
MAX_ENTRIES = 10_000
MAX_TAGS = 100
MAX_ENCLOSURES = 50
MAX_AUTHORS = 20
#: Characters; a longer guid is a mistake, and is ignored.
MAX_GUID = 2048
#: Characters; not every browser and server accepts a longer address.
MAX_URL = 4096
#: The largest length that JavaScript and JSON can carry.
MAX_LENGTH = 2**53 - 1

#: An address that is absolute and plain, as most are.
_ABSOLUTE = re.compile(r"https?://[A-Za-z0-9][\w.-]*(?::\d+)?(?:[/?#][!-~]*)?", re.ASCII)
_TAB_OR_NEWLINE = re.compile(r"[\t\r\n]+")

_TAG = re.compile(r"</?[A-Za-z][^<>]*+>")
_CLOCK = re.compile(r"(?:([0-9]{1,3}):)?([0-9]{1,3}):([0-9]{1,2})(?:[.,][0-9]{1,9})?")
_ISO_CLOCK = re.compile(r"PT(?:([0-9]{1,4})H)?(?:([0-9]{1,6})M)?(?:([0-9]{1,8})(?:\.[0-9]{1,9})?S)?", re.IGNORECASE)
#: What an Atom relation is also written with (RFC 4287, section 4.2.7.2).
_RELATION = re.compile(r"https?://www\.iana\.org/assignments/relation/")
#: How a relative address begins; a guid that begins otherwise is a name.
_PATH = ("/", "./", "../", "?")
_END_TAG = re.compile(r"</\w+>")
_REFERENCE = re.compile(r"&#?\w+;")
_TAG_NAME = re.compile(r"</?(\w+)")
_NAMED_REFERENCE = re.compile(r"&(\w+);")


@dataclass(frozen=True, slots=True)
class TextDocument:
    """A document as text, and what it is by its content."""

    format: Literal["json", "xml"]
    #: For XML: from the root element on, without declarations, so that no entity is declared in it.
    text: str
    #: Name of the root element in lower case, e.g. ``rss``, ``rdf:rdf``; "" for JSON.
    root: str
    #: Its address, the base of relative addresses.
    url: str
    repairs: tuple[str, ...] = ()


def address(value: object, base: str = "") -> str | None:
    """Resolve an address; None for what is not one, is too long, is not http(s) or cannot be encoded."""
    if not isinstance(value, str):
        return None
    if len(value) <= MAX_URL and _ABSOLUTE.fullmatch(value):
        return value
    if SURROGATES.search(value):
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
    """Resolve the base of links; the address of the document where `value` is not an http(s) address."""
    return address(value, document_url) or document_url


def whole_number(value: object) -> int | None:
    """Read a number of bytes or seconds; None for what is not a count."""
    if isinstance(value, float) and 0 <= value <= MAX_LENGTH:
        return int(value)
    text = str(value).strip() if isinstance(value, str | int) else ""
    if text.isascii() and text.isdigit() and len(text) <= 16 and int(text) <= MAX_LENGTH:
        return int(text)
    return None


def guid(value: object) -> str | None:
    """Return an id without the white space around it; None where there is none or it is longer than `MAX_GUID`."""
    text = value.strip() if isinstance(value, str) else ""
    return text if 0 < len(text) <= MAX_GUID else None


def date_text(value: object) -> str | None:
    """Return the text of a date; None where there is none or it is too long for one."""
    text = value.strip() if isinstance(value, str) else ""
    return text if 0 < len(text) <= 200 else None


def seconds(value: object) -> int | None:
    """Read a playing time: seconds, ``[hours:]minutes:seconds`` (duration of iTunes), or an ISO 8601 duration."""
    text = str(value or "").strip()
    if not text:
        return None
    if match := _CLOCK.fullmatch(text) or (_ISO_CLOCK.fullmatch(text) if len(text) > 2 else None):
        hours, minutes, rest = match.groups("0")
        return int(hours) * 3600 + int(minutes) * 60 + int(rest)
    return whole_number(text.partition(".")[0])


def visible_text(text: Text | None) -> str | None:
    """Return what a text shows, on one line; None where that is nothing."""
    if text is None:
        return None
    value = unescape(_TAG.sub("", text.value)) if text.type == "html" else text.value
    return " ".join(value.split()) or None


def relation(value: object) -> str:
    """Return the short name of the relation of a link; "alternate" if it names none (RFC 4287, section 4.2.7.2)."""
    if value is None or value == "alternate":
        return "alternate"
    text = value.strip().lower() if isinstance(value, str) else ""
    return _RELATION.sub("", text) if text.startswith("http") else text or "alternate"


def permalink(guid: str | None, base: str) -> str | None:
    """Return the address that a guid is, resolved if it begins like a path; None for what is only a name."""
    text = guid.strip() if guid else ""
    return address(text) or (address(text, base) if text.startswith(_PATH) else None)


def shows_more(one: Text, other: Text) -> bool:
    """Whether a text shows more than another."""
    if one.value == other.value or (len(one.value) <= len(other.value) and "<" not in other.value):
        return False
    # A plain copy of a text with links is a bit longer, because it contains their addresses.
    margin = 5 if "<" in other.value and "<" not in one.value else 4
    return 4 * len(visible_text(one) or "") > margin * len(visible_text(other) or "")


def looks_like_html(text: str) -> bool:
    """Whether a text that should be plain is markup.

    It is if it has an end tag or a reference, and if all its tags and references are known in HTML. A wrong yes would
    lose text such as ``a <b``, so any doubt is a no.
    """
    if "<" not in text and "&" not in text:
        return False
    if not (_END_TAG.search(text) or _REFERENCE.search(text)):
        return False
    tags = all(name.lower() in IN_TITLES for name in _TAG_NAME.findall(text))
    return tags and all(f"{name};" in html.entities.html5 for name in _NAMED_REFERENCE.findall(text))


def without_empty(entries: Sequence[RawEntry]) -> tuple[RawEntry, ...]:
    """Remove the entries that have nothing to show or to be identified by; dates and tags alone do not count."""
    return tuple(
        one
        for one in entries
        if one.guid or one.url or one.title or one.content or one.summary or one.enclosures or one.image
    )


def empty_note(entries: Sequence[RawEntry]) -> tuple[str, ...]:
    """Make a note where a document has entries and all of them are empty: no feed is empty without a reason."""
    if not entries or without_empty(entries):
        return ()
    return (f"none of its {len(entries):,} entries has an id, an address, a title or a text",)
