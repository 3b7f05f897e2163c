"""Values that every output format can carry.

In: strings and addresses as stored. Out: the same where they are fit, else the nearest that is. Pure.
"""

from __future__ import annotations

import html
import re

# Everything outside of Char (XML 1.0, section 2.2).
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")

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

# Tags of sanitized HTML: every attribute value is double quoted.
_REST_OF_TAG = r'[^"<>]*+(?:"[^"]*"[^"<>]*+)*+>'
_TAG = re.compile("<" + _REST_OF_TAG)
# Inline elements do not part words, all others do.
_INLINE = re.compile(
    r"</?(?:a|abbr|b|bdi|bdo|cite|code|del|dfn|em|font|i|ins|kbd|mark|q|rp|rt|ruby|s|samp|small|span|strike|strong|sub"
    r"|sup|time|tt|u|var|wbr)(?=[\s>])" + _REST_OF_TAG
)

# RFC 3986, section 3.2.1; the last @ before the path ends the userinfo, as browsers read it.
_USERINFO = re.compile(r"\A([a-zA-Z][a-zA-Z0-9+.-]*://)[^/?#]*@")


def xml_text(text: str) -> str:
    """Drop the characters that no XML document can hold."""
    return _FORBIDDEN.sub("", text)


def language_tag(tag: str | None) -> str | None:
    """A well-formed language tag (BCP 47; ``_`` is taken for ``-``), or None."""
    if not tag:
        return None
    tag = tag.strip().replace("_", "-")
    return tag if _LANGUAGE.fullmatch(tag) else None


def public_url(url: str) -> str:
    """An address without user name and password: what is configured for us is not for everybody."""
    return _USERINFO.sub(r"\1", url)


def plain_text(fragment: str) -> str:
    """The text of sanitized HTML on one line."""
    return " ".join(html.unescape(_TAG.sub(" ", _INLINE.sub("", fragment))).split())


def synopsis(fragment: str, limit: int = 300) -> str:
    """The beginning of the text of sanitized HTML, at most `limit` characters, with an ellipsis where it was cut.

    Only the first `limit` * 4 characters of `fragment` are looked at.
    """
    part = fragment[: limit * 4]
    if len(part) < len(fragment):
        # The cut may have gone through a tag or a character reference.
        part = part[: max(part.rfind("<"), part.rfind("&"), 0)]
    text = plain_text(part)
    if len(text) <= limit and len(part) == len(fragment):
        return text
    text = text[:limit]
    head, space, _ = text.rpartition(" ")
    if space and len(head) > limit // 2:
        text = head
    return f"{text}…" if text else ""
