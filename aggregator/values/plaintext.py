"""Sanitized HTML -> its text, without markup. Pure."""

from __future__ import annotations

import html
import re

from aggregator.values.markup import INLINE

# Tags of sanitized HTML, and the names of elements: every attribute value is double quoted.
_TAG = re.compile(r'<(?:/?([a-z]+)(?=[\s>]))?+[^"<>]*+(?:"[^"]*"[^"<>]*+)*+>')
_CUT_REFERENCE = re.compile(r"&[#0-9A-Za-z]*\Z")
# Inline elements do not part words, all others do.
_JOINING = INLINE - {"acronym", "big"} | {"rp", "rt", "ruby"}


def plain_text(fragment: str) -> str:
    """Return the text of sanitized HTML on one line."""
    return _one_line(_without_tags(fragment))


def _without_tags(fragment: str) -> str:
    parts = _TAG.split(fragment)
    parts[1::2] = ["" if name in _JOINING else " " for name in parts[1::2]]
    return "".join(parts)


def _one_line(text: str) -> str:
    return " ".join(html.unescape(text).split())


def synopsis(fragment: str, limit: int = 300) -> str:
    """Return at most `limit` characters from the start of the text of sanitized HTML, with an ellipsis if it is cut.

    Only the first `limit` * 4 characters of `fragment` are read, and half of them where these are enough.
    """
    for size in (limit * 2, limit * 4):
        part = fragment[:size]
        bare = _without_tags(part)
        if len(part) < len(fragment):
            # The cut may have gone through a tag, which is the only one that is left, or a character reference.
            bare = _CUT_REFERENCE.sub("", bare.partition("<")[0])
        text = _one_line(bare)
        if len(part) == len(fragment) and len(text) <= limit:
            return text
        # With this much text, what follows changes nothing.
        if len(text) > limit:
            break
    text = text[:limit]
    head, space, _ = text.rpartition(" ")
    if space and len(head) > limit // 2:
        text = head
    return f"{text}…" if text else ""
