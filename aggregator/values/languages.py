"""Language tags (BCP 47): how they are found, how they are stored, and how they are published.

A source may write anything. `found_tag` keeps what looks like a tag, `tidy_tag` what an entry is stored with, and
`valid_tag` what an output may carry; each is stricter than the one before.
"""

from __future__ import annotations

import re

#: A tag in the configuration. Its first part has two or three letters: longer ones are reserved or not assigned
#: (RFC 5646, section 2.2.1).
CONFIGURED = r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8}){0,8}"

_FOUND = re.compile(r"[A-Za-z]{1,8}(?:[-_][A-Za-z0-9]{1,8}){0,8}")
_TIDY = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,4}")
_LONGEST_TIDY = 40
#: `langtag` and `privateuse` of RFC 5646, section 2.1; the grandfathered tags were replaced long ago.
_VALID = re.compile(
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


def found_tag(value: object) -> str | None:
    """Return the tag that a document names, with ``-`` for ``_``; None for what does not look like a tag."""
    if isinstance(value, str) and _FOUND.fullmatch(value := value.strip()):
        return value.replace("_", "-")
    return None


def tidy_tag(tag: str | None) -> str | None:
    """Return a tag as an entry is stored with it, or None for what cannot be one."""
    tidy = "" if tag is None else tag[:_LONGEST_TIDY].strip().replace("_", "-")
    return tidy if _TIDY.fullmatch(tidy) else None


def valid_tag(tag: str | None) -> str | None:
    """Return a well-formed tag (RFC 5646, section 2.1; ``_`` is read as ``-``), or None."""
    if not tag:
        return None
    tag = tag.strip().replace("_", "-")
    return tag if _VALID.fullmatch(tag) else None
