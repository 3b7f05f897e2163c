"""Media types (RFC 6838): those of feeds, and how the types of files are found, stored and published."""

from __future__ import annotations

import re

RSS = "application/rss+xml"
ATOM = "application/atom+xml"
JSON_FEED = "application/feed+json"

_FOUND = re.compile(r"[\w.+-]{1,60}/[\w.+-]{1,100}(?:\s*;[^\r\n]{0,100})?")
_BARE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")
#: RFC 6838, section 4.2, with parameters.
_VALID = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*(?:\s*;[^\x00-\x1f]*)?")


def found_type(value: object) -> str:
    """Return the media type that a document names, with its parameters, in lower case; "" for what is none."""
    if not value:
        return ""
    text = str(value).strip().lower()
    return text if _FOUND.fullmatch(text) else ""


def without_parameters(text: str) -> str:
    """Return the type and subtype of a media type in lower case; they may be anything."""
    return text.partition(";")[0].strip().lower()


def is_bare(text: str) -> bool:
    """Whether a text is a type and a subtype in lower case, of the lengths that RFC 6838 allows (section 4.2)."""
    return _BARE.fullmatch(text) is not None


def is_valid(text: str) -> bool:
    """Whether a text is a media type, with or without parameters."""
    return _VALID.fullmatch(text) is not None
