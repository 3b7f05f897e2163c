"""Values that every output format can carry.

In: strings and addresses as stored. Out: the same where they are fit, else the nearest that is. Pure.
"""

from __future__ import annotations

import html
import re
from datetime import datetime

# Everything outside of Char (XML 1.0, section 2.2) and the controls that it discourages, and the rest. To see that a
# text is fit takes half as long as to look for what is not.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_FIT = re.compile("[\t\n\r -~\u00a0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*+")

# RFC 822, section 5.1; strftime would follow the locale.
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# `langtag` and `privateuse` of RFC 5646, section 2.1; the grandfathered tags have been replaced long since.
_LANGUAGE = re.compile(
    r"""
    (?: [a-z]{2,3} (?: -[a-z]{3} ){0,3} | [a-z]{4,8} )
    (?: -[a-z]{4} )?
    (?: -(?: [a-z]{2} | [0-9]{3} ) )?
    (?: -(?: [a-z0-9]{5,8} | [0-9][a-z0-9]{3} ) )*
    (?: -[a-wyz0-9] (?: -[a-z0-9]{2,8} )+ )*
    (?: -x (?: -[a-z0-9]{1,8} )+ )?
    | x (?: -[a-z0-9]{1,8} )+
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)

# Tags of sanitized HTML, and the names of elements: every attribute value is double quoted.
_TAG = re.compile(r'<(?:/?([a-z]+)(?=[\s>]))?+[^"<>]*+(?:"[^"]*"[^"<>]*+)*+>')
# Inline elements do not part words, all others do.
_INLINE = frozenset(
    """
    a abbr b bdi bdo cite code del dfn em font i ins kbd mark q rp rt ruby s samp small span strike strong sub sup time
    tt u var wbr
    """.split()
)


def xml_text(text: str) -> str:
    """Drop the characters that no XML document can hold or should hold: C0 and C1 controls mean nothing in a text."""
    return text if _FIT.fullmatch(text) else _FORBIDDEN.sub("", text)


def rfc822(moment: datetime, zone: str = "+0000") -> str:
    """A date as RFC 822 has it, with four digits in its year; `moment` is in UTC, and `zone` is what to call that."""
    day, month = _DAYS[moment.weekday()], _MONTHS[moment.month - 1]
    return (
        f"{day}, {moment.day:02} {month} {moment.year:04} {moment.hour:02}:{moment.minute:02}:{moment.second:02} {zone}"
    )


def language_tag(tag: str | None) -> str | None:
    """A well-formed language tag (BCP 47; ``_`` is taken for ``-``), or None."""
    if not tag:
        return None
    tag = tag.strip().replace("_", "-")
    return tag if _LANGUAGE.fullmatch(tag) else None


def attribute(text: str) -> str:
    """A text as the value of an attribute in double quotes, written as the sanitizer writes it."""
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")


def plain_text(fragment: str) -> str:
    """The text of sanitized HTML on one line."""
    return _one_line(_without_tags(fragment))


def _without_tags(fragment: str) -> str:
    parts = _TAG.split(fragment)
    parts[1::2] = ["" if name in _INLINE else " " for name in parts[1::2]]
    return "".join(parts)


def _one_line(text: str) -> str:
    return " ".join(html.unescape(text).split())


def synopsis(fragment: str, limit: int = 300) -> str:
    """The beginning of the text of sanitized HTML, at most `limit` characters, with an ellipsis where it was cut.

    Only the first `limit` * 4 characters of `fragment` are looked at, and half of them where these are enough.
    """
    for size in (limit * 2, limit * 4):
        part = fragment[:size]
        if len(part) < len(fragment):
            # The cut may have gone through a tag or a character reference.
            part = part[: max(part.rfind("<"), part.rfind("&"), 0)]
        bare = _without_tags(part)
        text = _one_line(bare)
        if len(part) == len(fragment) and len(text) <= limit:
            return text
        # With this much text, what follows changes nothing; unless the cut left the beginning of a tag.
        if len(text) > limit and "<" not in bare:
            break
    text = text[:limit]
    head, space, _ = text.rpartition(" ")
    if space and len(head) > limit // 2:
        text = head
    return f"{text}…" if text else ""
