"""Single values of entries, read alike by every reader: dates, media types, playing times, markup in plain text."""

from __future__ import annotations

import html
import html.entities
import re

from aggregator.models import Text
from aggregator.parse.document import address, size

_TAG = re.compile(r"</?[A-Za-z][^<>]*+>")
_CLOCK = re.compile(r"(?:([0-9]{1,3}):)?([0-9]{1,3}):([0-9]{1,2})(?:[.,][0-9]{1,9})?")
_ISO_CLOCK = re.compile(r"PT(?:([0-9]{1,4})H)?(?:([0-9]{1,6})M)?(?:([0-9]{1,8})(?:\.[0-9]{1,9})?S)?", re.IGNORECASE)
#: What an Atom relation is also written with (RFC 4287, section 4.2.7.2).
_RELATION = re.compile(r"https?://www\.iana\.org/assignments/relation/")
#: How a relative address begins; a guid that begins otherwise is a name.
_PATH = ("/", "./", "../", "?")
_MEDIA_TYPE = re.compile(r"[\w.+-]{1,60}/[\w.+-]{1,100}(?:\s*;[^\r\n]{0,100})?")
_END_TAG = re.compile(r"</\w+>")
_REFERENCE = re.compile(r"&#?\w+;")
_TAG_NAME = re.compile(r"</?(\w+)")
_NAMED_REFERENCE = re.compile(r"&(\w+);")
_ELEMENTS = frozenset(
    """a abbr acronym address area article aside audio b big blockquote br button canvas caption center cite code col
    colgroup command datagrid datalist dd del details dfn dialog dir div dl dt em event-source fieldset figcaption
    figure font footer form h1 h2 h3 h4 h5 h6 header hr i img input ins kbd keygen label legend li m map mark menu
    meter multicol nav nextid noscript ol optgroup option output p pre progress q s samp section select small sound
    source spacer span strike strong sub sup table tbody td textarea tfoot th thead time tr tt u ul var video
    """.split()
)


def date(value: object) -> str | None:
    """The text of a date, or None where there is none or it is far too long for one."""
    text = value.strip() if isinstance(value, str) else ""
    return text if 0 < len(text) <= 200 else None


def media_type(value: object) -> str:
    """A media type in lower case, or "" for what is none (RFC 6838, section 4.2)."""
    if not value:
        return ""
    text = str(value).strip().lower()
    return text if _MEDIA_TYPE.fullmatch(text) else ""


def seconds(value: object) -> int | None:
    """Playing time, as seconds, as ``[hours:]minutes:seconds`` (iTunes' duration) or as ISO 8601 has it."""
    text = str(value or "").strip()
    if not text:
        return None
    if match := _CLOCK.fullmatch(text) or (_ISO_CLOCK.fullmatch(text) if len(text) > 2 else None):
        hours, minutes, rest = match.groups("0")
        return int(hours) * 3600 + int(minutes) * 60 + int(rest)
    return size(text.partition(".")[0])


def visible(text: Text | None) -> str | None:
    """What a text shows, on one line; None where that is nothing."""
    if text is None:
        return None
    value = html.unescape(_TAG.sub("", text.value)) if text.type == "html" else text.value
    return " ".join(value.split()) or None


def relation(value: object) -> str:
    """The relation of a link by its short name; "alternate" where it names none (RFC 4287, section 4.2.7.2)."""
    if value is None or value == "alternate":
        return "alternate"
    text = value.strip().lower() if isinstance(value, str) else ""
    return _RELATION.sub("", text) if text.startswith("http") else text or "alternate"


def permalink(guid: str | None, base: str) -> str | None:
    """The address that a guid is, resolved where it begins like a path; None for what is only a name."""
    text = guid.strip() if guid else ""
    return address(text) or (address(text, base) if text.startswith(_PATH) else None)


def says_more(one: Text, other: Text) -> bool:
    """Whether a text shows more than another."""
    if one.value == other.value or (len(one.value) <= len(other.value) and "<" not in other.value):
        return False
    # A plain copy of a text with links is a bit longer than that, for it spells their addresses out.
    margin = 5 if "<" in other.value and "<" not in one.value else 4
    return 4 * len(visible(one) or "") > margin * len(visible(other) or "")


def looks_like_html(text: str) -> bool:
    """Whether a text that should be plain is markup all the same.

    It is if it closes a tag or names a character, and if all tags and names in it are those of HTML: a wrong yes would
    lose text such as ``a <b`` for ever, so that every doubt is a no.
    """
    if "<" not in text and "&" not in text:
        return False
    if not (_END_TAG.search(text) or _REFERENCE.search(text)):
        return False
    tags = all(name.lower() in _ELEMENTS for name in _TAG_NAME.findall(text))
    return tags and all(f"{name};" in html.entities.html5 for name in _NAMED_REFERENCE.findall(text))
