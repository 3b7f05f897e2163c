"""The ids of sources and the slugs of categories: what one may be, and how an id is made from a name or an address.

An id is written by hand, or derived. A derived one does not depend on the order of the sources, nor on secrets, so that
it stays the same when the file is sorted or a key is changed. Pure.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from aggregator.config.fields import checked, quotes_hint
from aggregator.config.problems import show
from aggregator.models import ALL

MAX_ID = 64
"""Characters in an id or a slug at most."""
RESERVED_SLUGS = frozenset({ALL})
"""Folders of `public/` that do not belong to a category."""

# Device names that Windows reserves in every folder.
_DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{name}{n}" for name in ("com", "lpt") for n in range(10))})
#: File systems allow 255 bytes in a name.
_MAX_SLUG_BYTES = 200
_SUFFIX = 8
#: Word characters at the start that are neither letters nor digits.
_LEADING_MARKS = re.compile(r"^[\W_]+")
_ASCII_WORDS = re.compile("[a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Named:
    """What the id of one source is made from."""

    #: As written by hand, or None.
    id: str | None
    name: str | None
    #: The address as written in the file, references not replaced.
    url: str


def assign(sources: Sequence[Named]) -> list[str]:
    """Give every source its id.

    Returns:
        One id for each source, in their order. Two are equal where the sources are the same, or where an id was written
        twice; `repeated` finds them.
    """
    bases = [source.id or _base(source) for source in sources]
    count = Counter(bases)
    return [
        base
        if source.id is not None or (count[base] == 1 and not _ambiguous(source))
        else _with_suffix(base, source.url)
        for source, base in zip(sources, bases, strict=True)
    ]


def apart(new: Sequence[Named], there: Sequence[Named]) -> list[str | None]:
    """Return ids to write for new sources whose derived ids would be those of others, or change them.

    Args:
        there: the sources that keep their ids.

    Returns:
        For each new source an id, or None where its derived one is its own.
    """
    taken = {source.id or _base(source) for source in there}
    last: dict[str, int] = {}
    found: list[str | None] = []
    for source in new:
        base = source.id or _base(source)
        identity = None
        while source.id is None and (identity or base) in taken:
            last[base] = last.get(base, 1) + 1
            suffix = f"-{last[base]}"
            identity = base[: MAX_ID - len(suffix)].rstrip("-") + suffix
        taken.add(identity or base)
        found.append(identity)
    return found


def repeated(ids: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Iterate over pairs of indexes (the first use of an id, a later use of it)."""
    first: dict[str, int] = {}
    for index, identity in enumerate(ids):
        if first.setdefault(identity, index) != index:
            yield first[identity], index


def source_id(value: object) -> str:
    """Check the id of a source: lower-case letters and digits of any script, and `-`, `_`, `.`."""
    name = value if isinstance(value, str) else ""
    if not _is_name(name, "-_.") or len(name) > MAX_ID:
        raise ValueError(
            f"{show(value)} cannot be an id: use up to {MAX_ID} lower-case letters, digits, `-`, `_` and `.`, "
            f"beginning with a letter or a digit{quotes_hint(value)}{_slug_hint(name)}"
        )
    return name


def category_slug(value: object) -> str:
    """Check the slug of a category: like an id, without `.`, and safe as the name of a folder on every system."""
    if not isinstance(value, str):
        shown = "a list" if isinstance(value, list) else "a mapping" if isinstance(value, dict) else show(value)
        raise ValueError(f"must be one slug, not {shown}{quotes_hint(value)}")
    if value in RESERVED_SLUGS:
        raise ValueError(f"`{value}` is reserved for the feeds of all categories; choose another slug")
    if value in _DEVICES:
        raise ValueError(f"`{value}` cannot be the name of a folder on Windows; choose another slug")
    if not _is_name(value, "-_") or len(value) > MAX_ID or len(value.encode()) > _MAX_SLUG_BYTES:
        raise ValueError(
            f"{show(value)} cannot be a slug: use up to {MAX_ID} lower-case letters, digits, `-` and `_`, "
            f"beginning with a letter or a digit; the title can be anything{_slug_hint(value)}"
        )
    return value


def slug(text: str) -> str:
    """Return the letters and digits of a text, folded, with a single `-` between words; may be empty."""
    words = _ASCII_WORDS.findall(text.lower()) if text.isascii() else _words(fold(text))
    return "-".join(words)[:MAX_ID].rstrip("-")


def fold(text: str) -> str:
    """Fold a text, so that two spellings that people take for one are equal (NFKC, casefold)."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def _is_word_character(character: str) -> bool:
    """Whether it is a letter, a digit, or a mark that belongs to a letter, in any script."""
    return character.isalnum() or unicodedata.category(character).startswith("M")


def _is_name(value: str, also: str) -> bool:
    return (
        value[:1].isalnum()
        and all(_is_word_character(character) or character in also for character in value)
        and fold(value) == value
    )


def _slug_hint(written: str) -> str:
    """Give advice, ``; write `x` ``, with the slug of what was written; empty where it has none."""
    name = slug(written)
    return f"; write `{name}`" if name and name != written and len(name) <= MAX_ID else ""


def _words(text: str) -> Iterator[str]:
    """Return the words of a folded text in any script."""
    spaced = "".join(character if _is_word_character(character) else " " for character in text)
    # A mark that has lost its letter is invisible; no word begins with one.
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
    """Whether the address without its query does not distinguish this source from others of the site."""
    return "?" in source.url and not (source.name and slug(source.name))


_ID_PATTERN = r"^(?![-_.])[^\u0000-,/:-@A-Z\[-^`{-\u007f]+$"
SLUG_PATTERN = r"^(?![-_])[^\u0000-,./:-@A-Z\[-^`{-\u007f]+$"
"""The form of a slug, as far as a JSON Schema pattern (ECMA-262) can express it."""

SourceId = Annotated[str, *checked(source_id, pattern=_ID_PATTERN, maxLength=MAX_ID)]
Slug = Annotated[str, *checked(category_slug)]
