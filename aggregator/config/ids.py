"""The ids of sources: written by hand, or derived from name or address.

A derived id does not depend on the order of the sources, nor on secrets, so that it stays when the file is sorted
or a key is changed. Pure.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

MAX_ID = 64
"""Characters of an id at most."""

_SUFFIX = 8
#: Of word characters, those that are neither letters nor digits.
_LEADING_MARKS = re.compile(r"^[\W_]+")
#: The words of a text that has nothing but ASCII.
_ASCII_WORDS = re.compile("[a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Named:
    """What the id of one source is made from."""

    #: As written by hand, or None.
    id: str | None
    name: str | None
    #: The address as it stands in the file, references not replaced.
    url: str


def assign(sources: Sequence[Named]) -> list[str]:
    """Give every source its id.

    Returns:
        One id for each source, in their order. Where two are equal, the sources are the same, or an id was written
        twice: `repeated` finds them.
    """
    bases = [source.id or _base(source) for source in sources]
    count = Counter(bases)
    return [
        base
        if source.id is not None or (count[base] == 1 and not _ambiguous(source))
        else _with_suffix(base, source.url)
        for source, base in zip(sources, bases, strict=True)
    ]


def repeated(ids: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Pairs of indexes (the first use of an id, a later use of it)."""
    first: dict[str, int] = {}
    for index, identity in enumerate(ids):
        if first.setdefault(identity, index) != index:
            yield first[identity], index


def fold(text: str) -> str:
    """Fold a text so that two spellings that people take for one are equal (NFKC, casefold)."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def is_word_character(character: str) -> bool:
    """Whether it is a letter, a digit, or a mark that belongs to a letter, in any script."""
    return character.isalnum() or unicodedata.category(character).startswith("M")


def slug(text: str) -> str:
    """The letters and digits of a text, folded, everything else as single `-`; may be empty."""
    words = _ASCII_WORDS.findall(text.lower()) if text.isascii() else _words(fold(text))
    return "-".join(words)[:MAX_ID].rstrip("-")


def _words(text: str) -> Iterator[str]:
    """The words of a folded text in any script."""
    spaced = "".join(character if is_word_character(character) else " " for character in text)
    # A mark that has lost its letter cannot be seen; no word begins with one.
    words = (_LEADING_MARKS.sub("", word) for word in spaced.split())
    return (word for word in words if word)


def _with_suffix(base: str, url: str) -> str:
    digest = hashlib.sha256(url.encode("utf-8", "replace")).hexdigest()
    return f"{base[: MAX_ID - _SUFFIX - 1].rstrip('-')}-{digest[:_SUFFIX]}"


def _base(source: Named) -> str:
    return (slug(source.name) if source.name else "") or slug(_host_and_path(source.url)) or "source"


def _host_and_path(url: str) -> str:
    try:
        parts = urlsplit(url)
        return f"{parts.hostname or ''} {parts.path}"
    except ValueError:
        return url


def _ambiguous(source: Named) -> bool:
    """Whether the address alone, without its query, would not tell this source from its siblings."""
    return "?" in source.url and not (source.name and slug(source.name))
