"""Clean entries, what is to be stored of them, and what is published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from aggregator.models.documents import Enclosure, OriginalFeed, PageState, RawEntry
from aggregator.models.sources import FeedState, Republish

if TYPE_CHECKING:
    from aggregator.models.extras import Extras
    from aggregator.models.rulings import Ruling


@dataclass(frozen=True, slots=True)
class Names:
    """Further names of an entry whose guid or address belongs to other entries of its source as well."""

    #: What it shares.
    base: str
    #: With its own address, where that is not the base itself.
    place: str | None
    #: The rest: with address and title; then with the text too, and with the date instead, where it has one.
    title: str
    text: str
    date: str | None
    #: Whether the document had copies of it with other dates.
    copied: bool


@dataclass(frozen=True, slots=True)
class Identified:
    """A raw entry with its identity, before anything costly is done with it."""

    #: Identity within the source (`normalize.identity`).
    key: str
    #: Fingerprint of what the source said of the entry; another one of the same version means that it changed.
    hash: str
    raw: RawEntry
    #: Where its guid or address alone is no identity.
    names: Names | None = None

    @property
    def version(self) -> str:
        """The version of the fingerprint."""
        return self.hash[:-32]


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
    #: As it was when the entry was first seen; it never changes afterwards.
    published_at: datetime
    #: Last change that the source gives, never before `published_at`.
    updated_at: datetime
    #: Whether `published_at` comes from the source; otherwise it is the time when it was first seen.
    dated: bool
    #: Fingerprint of the raw entry (`Identified.hash`).
    hash: str
    #: The feed that the source took it from; None: it is its own, or the source does not say.
    original_feed: OriginalFeed | None = None
    #: None: it has none of it.
    extras: Extras | None = None
    #: The date that the source gives, if it was in the future when the entry was first seen and was ignored.
    future_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What `decide` has to know about a stored entry."""

    key: str
    hash: str
    published_at: datetime
    updated_at: datetime
    dated: bool
    #: How often it was rewritten since it was first seen.
    revision: int
    #: As in `Entry`.
    future_at: datetime | None = None

    @property
    def version(self) -> str:
        """The version of the fingerprint; those of different versions cannot be compared."""
        return self.hash[:-32]


@dataclass(frozen=True, slots=True)
class KnownEntry:
    """A stored entry that may be one that is not known by its key."""

    known: Known
    guid: str | None
    url: str | None
    title: str
    #: The first `TEXT_COMPARED` characters.
    html: str
    enclosures: tuple[Enclosure, ...]


#: Characters of HTML that are compared to find out whether two entries are the same.
TEXT_COMPARED = 20_000


@dataclass(frozen=True, slots=True)
class FeedUpdate:
    """The outcome of one source in one cycle, to be stored in one transaction."""

    state: FeedState
    new: tuple[Entry, ...] = ()
    changed: tuple[Entry, ...] = ()
    unchanged: int = 0
    #: Notes that are no failure (repairs, articles that could not be fetched).
    notes: tuple[str, ...] = ()
    #: Unchanged entries that another version of the program stored with another fingerprint.
    reread: tuple[Entry, ...] = ()
    #: Further keys, each with the key of the entry that it belongs to; None: it belongs to several entries.
    aliases: tuple[tuple[str, str | None], ...] = ()
    #: What rules made of the new, changed and reread entries, by key; None: they are published as they are.
    rulings: Mapping[str, Ruling] | None = None
    #: What will be remembered of the pages of entries.
    pages: tuple[PageState, ...] = ()


@dataclass(frozen=True, slots=True)
class Origin:
    """The source of an item as the outputs name it."""

    id: str
    name: str
    #: Address of the feed or list page; None where it holds a secret.
    url: str | None
    home_url: str | None
    category: str
    section: str | None
    #: Whether `name` is the one of the configuration; otherwise it comes from outside.
    named: bool = True
    #: As in `Source`.
    republish: Republish = "full"
    copyright: str | None = None
    noindex: bool = False


@dataclass(frozen=True, slots=True)
class Copy:
    """The same item from another source."""

    #: Name of the source, and address of its entry; None: it has none, or it holds a secret.
    name: str
    url: str | None


@dataclass(frozen=True, slots=True)
class Item:
    """A stored entry on its way out."""

    entry: Entry
    #: The same in RSS guid, Atom id and JSON Feed id; kept from the source where that is an absolute URI (RFC 3986).
    id: str
    #: Post file below `data/posts/`, with `/`, or None while it has no name yet.
    path: str | None
    #: Its `category` is the first category of the item.
    origin: Origin
    #: Row number in the store.
    pk: int
    #: Whether its post is a draft.
    draft: bool = False
    #: The other sources that had the same item, the first one first.
    also_at: tuple[Copy, ...] = ()


@dataclass(frozen=True, slots=True)
class Rendered:
    """A finished output."""

    #: Path below its folder, with `/`.
    name: str
    media_type: str
    data: bytes
