"""Clean entries, what is to be stored of them, and what is published."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from aggregator.models.documents import Enclosure, RawEntry
from aggregator.models.sources import FeedState


@dataclass(frozen=True, slots=True)
class Identified:
    """A raw entry with its identity, before anything costly is done with it."""

    #: Identity within the source (`normalize.identity`).
    key: str
    #: Fingerprint of everything the source said of the entry, hexadecimal; another one means that it changed.
    hash: str
    raw: RawEntry


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry, clean: text is plain, HTML is safe, addresses are absolute http(s), dates are known."""

    source_id: str
    #: Identity within the source (`normalize.identity`).
    key: str
    #: The source's own id as found, or None.
    guid: str | None
    url: str | None
    #: Plain text on one line, never empty.
    title: str
    #: Safe HTML, "" where the source has no text at all.
    html: str
    #: Safe HTML of a summary that is not the body itself, or "".
    summary: str
    authors: tuple[str, ...]
    tags: tuple[str, ...]
    enclosures: tuple[Enclosure, ...]
    image: str | None
    comments_url: str | None
    language: str | None
    published_at: datetime
    #: Last change the source told of, never before `published_at`.
    updated_at: datetime
    #: Whether `published_at` comes from the source; otherwise it is the time of the first sight.
    dated: bool
    #: Fingerprint of the raw entry; another one means that the entry changed.
    hash: str


@dataclass(frozen=True, slots=True)
class Known:
    """What decide has to know about an entry that is stored already."""

    key: str
    hash: str
    published_at: datetime
    updated_at: datetime
    dated: bool
    #: How often it was rewritten since its first sight.
    revision: int


@dataclass(frozen=True, slots=True)
class FeedUpdate:
    """The outcome of one source in one cycle, to be stored in one transaction."""

    state: FeedState
    new: tuple[Entry, ...] = ()
    changed: tuple[Entry, ...] = ()
    unchanged: int = 0
    #: Things worth telling that are no failure (repairs, articles that could not be had).
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Origin:
    """The source of an item as the outputs name it."""

    id: str
    name: str
    #: Address of the feed or list page.
    url: str
    home_url: str | None
    category: str
    section: str | None
    #: Whether `name` is the one of the configuration; otherwise it comes from outside.
    named: bool = True


@dataclass(frozen=True, slots=True)
class Item:
    """A stored entry on its way out."""

    entry: Entry
    #: The same in RSS guid, Atom id and JSON Feed id; kept from the source where that is an absolute URI (RFC 3986).
    id: str
    #: Post file below `data/posts/`, with `/`, or None while it has no name yet.
    path: str | None
    origin: Origin
    #: Row number in the store.
    pk: int


@dataclass(frozen=True, slots=True)
class Rendered:
    """A finished output."""

    #: Path below its folder, with `/`.
    name: str
    media_type: str
    data: bytes
