"""The interface of the store; `aggregator.store.sqlstore` implements it.

A store is synchronous and is used by one thread at a time. Every method is one transaction. All errors of the database
are raised as `StoreError`; an error that a single row causes is a `RowError`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple, Protocol

from aggregator.models import (
    Entry,
    FeedState,
    FeedUpdate,
    HostTraffic,
    InstanceState,
    Item,
    Known,
    KnownEntry,
    PageState,
    Source,
)
from aggregator.store.copyprotocol import CopyStore
from aggregator.store.rulingprotocol import RulingStore
from aggregator.store.turnprotocol import TurnStore

POSTS = "posts"
"""The folder of posts whose paths are stored with the entries."""
CLOCK_TOLERANCE = timedelta(minutes=5)
"""A last attempt further in the future than this means that the clock was set back."""
#: Maximum number of further keys of one entry; later ones replace earlier ones.
MAX_ALIASES = 8


@dataclass(frozen=True, slots=True)
class Assignment:
    """The published id of one entry and the path of its post, given once and kept."""

    pk: int
    id: str
    #: Relative to the folder of the posts, separated by `/`.
    path: str
    #: `path` folded (NFKC, casefold), so that no two paths differ only by case or normalization.
    path_key: str


class FeedMetadata(NamedTuple):
    """What a feed said about itself when it was last read."""

    title: str | None
    home_url: str | None


@dataclass(frozen=True, slots=True)
class UnassignedEntry:
    """A pending entry without an id and a path, with everything that these are made from."""

    pk: int
    key: str
    guid: str | None
    title: str
    #: Address of its source.
    url: str
    #: Slug of its category.
    category: str
    source_id: str
    published_at: datetime


class PostFile(NamedTuple):
    """Digests of the post file of an entry."""

    #: The file as last written; None: not written yet, "": written before digests were kept.
    written: str | None
    #: The content that was about to be written last.
    intended: str | None


class PostEdit(NamedTuple):
    """What a person did with the file of a post in one folder."""

    #: ``edited``, ``moved``, ``deleted``, or ``missing``: not written, because most files of the folder are not there.
    edit: str
    #: Where it was moved to, below the folder; None: it is at its own path, if it exists.
    path: str | None = None
    #: Digests that the file with the new version beside it can have.
    upstream: tuple[str, ...] = ()


class WrittenPost(NamedTuple):
    """A post whose file was written to a folder."""

    pk: int
    id: str
    path: str
    edit: PostEdit | None


class ArchivePage(NamedTuple):
    """A closed page of the archive of one output."""

    #: Slug of a category or output, or `models.ALL`.
    output: str
    #: From 1, oldest first.
    number: int
    #: It holds the listed entries with row numbers greater than `after`, up to `last`.
    after: int
    last: int
    #: When it became stale; 0 in a store that one process has alone.
    stamp: int = 0


class UnreadableRow(NamedTuple):
    """An entry whose row cannot be read."""

    pk: int
    #: Its key and its source, for people.
    entry: str
    reason: str


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """A stored entry, published or not, of any source, configured or not."""

    pk: int
    #: How often its source has changed it.
    revision: int
    #: Address of its source.
    source_url: str
    #: Its published id and the path of its post; None until they are assigned.
    id: str | None
    path: str | None
    entry: Entry


@dataclass(frozen=True, slots=True)
class Activity:
    """How often a source published in the last year."""

    #: Entries in the year, and in its last four weeks.
    entries: int
    last_four_weeks: int
    first_at: datetime
    last_at: datetime


class Recognized(NamedTuple):
    """What is stored under a set of keys."""

    #: By the requested key, which may be an alias of the entry.
    known: dict[str, Known]
    #: Keys whose entries were removed.
    removed: set[str]
    #: Keys that belong to several entries; one of these entries may still be in `known`.
    shared: set[str]
    #: Whether any entry was found by an alias.
    aliased: bool


class ArchiveStore(Protocol):
    """The archives of outputs and categories, and of `models.ALL`: their pages, numbered from 1, oldest first."""

    def close_pages(self, output: str, limit: int, size: int) -> None:
        """Add pages to the archive of an output, so that each listed entry is in a page or among the newest ones.

        The new pages are stale. No closed page gets new entries later. Only sources that are moved to another category
        or configured again, and other rules and outputs, bring old entries along; pages that grow too much by that are
        split.

        Args:
            limit: number of the newest entries, which the feed itself shows.
            size: maximum number of entries of a page; only the last new page can have fewer.
        """

    def page_count(self, output: str) -> int:
        """Return the number of pages in the archive of an output."""

    def outputs(self) -> list[str]:
        """Return the outputs that have archives."""

    def mark(self, outputs: Iterable[str]) -> None:
        """Make all pages of the archives of these outputs stale."""

    def stale_pages(self) -> list[ArchivePage]:
        """Return the pages whose files have to be written.

        They are new, or an entry in them was changed or removed or has come in later, or its source has another name,
        address or category.
        """

    def items(self, page: ArchivePage, unreadable: list[UnreadableRow] | None = None) -> list[Item]:
        """Return the entries of a page; order and `unreadable` as in `Store.newest`."""

    def mark_written(self, pages: Sequence[ArchivePage]) -> None:
        """Record that the files of these pages are up to date, unless one became stale again since it was read."""

    def drop(self, output: str) -> None:
        """Forget all pages of the archive of an output."""


class EditStore(Protocol):
    """What persons did with the files of posts, by folder."""

    def find(self, folder: str, pks: Collection[int]) -> dict[int, PostEdit]:
        """Return what was done with the posts of these entries, by row number."""

    def save(self, folder: str, edits: Mapping[int, PostEdit]) -> None:
        """Record what was done with the posts of these entries, in place of what was recorded."""

    def forget(self, folder: str, pks: Collection[int]) -> None:
        """Record that nothing was done with the posts of these entries."""

    def return_missing(self, folder: str) -> None:
        """Forget which posts of a folder are ``missing``, and make their entries pending."""

    def written(self, folder: str, pk: int, limit: int) -> list[WrittenPost]:
        """Return the posts after a row number whose files were written to a folder, by row number."""


class PageStore(Protocol):
    """What kinds of source remember: of the pages of entries, and of instances that serve the same documents."""

    def find(self, source_id: str, keys: Collection[str]) -> dict[str, PageState]:
        """Return what is remembered of the pages of a source's entries, by the keys of these entries."""

    def instances(self) -> dict[str, InstanceState]:
        """Return how instances answered, by address."""

    def record_instances(self, states: Iterable[InstanceState]) -> None:
        """Store how instances answered, in place of what was stored of them."""


class Store(RulingStore, TurnStore, Protocol):
    """Sources, their state, and their entries."""

    @property
    def archives(self) -> ArchiveStore:
        """The archives of the outputs."""

    @property
    def copies(self) -> CopyStore:
        """Entries that are other entries' items again."""

    @property
    def edits(self) -> EditStore:
        """What persons did with the files of posts."""

    @property
    def pages(self) -> PageStore:
        """What kinds of source remember of pages and instances."""

    def close(self) -> None:
        """Close the store; a second call does nothing."""

    def sync_sources(self, sources: Sequence[Source]) -> None:
        """Make the stored sources agree with the configuration.

        New sources are added and are due at once. A source whose derived id changed is found by its URL, or by the URL
        that it has moved to, and keeps its entries. A source whose URL changed loses its validators and failures and is
        due at once. If its name, section or category changed, its entries become pending. A source that is no longer
        configured keeps its entries and its state, but its entries appear in no feed until it is configured again.
        """

    def states(self) -> dict[str, FeedState]:
        """Return the state of every configured source, by id."""

    def states_of(self, ids: Collection[str]) -> dict[str, FeedState]:
        """Return the states of these sources, by id; one that is not configured is left out."""

    def due(self, now: datetime) -> list[FeedState]:
        """Return the states of the sources that are due: those that were never tried, then the longest overdue first.

        If the last attempt lies in the future, the clock was set back: the source is due and comes last.
        """

    def due_ids(self, now: datetime) -> list[str]:
        """Return the ids of the sources that are due; order as in `due`."""

    def last_success(self) -> datetime | None:
        """Return the time of the last success of any configured source; None if there was none."""

    def entry_counts(self) -> dict[str, int]:
        """Return the number of stored entries of every configured source, by id."""

    def activity(self, now: datetime) -> dict[str, Activity]:
        """Return how often each configured source published in the last year, by id.

        A source without an entry in that year is left out.
        """

    def recognize(self, source_id: str, keys: Collection[str]) -> Recognized:
        """Look up which of `keys` are stored for a source, and which belong to removed entries.

        For a source that is not stored, the result is empty.
        """

    def similar_entries(
        self, source_id: str, keys: Collection[str], moments: Collection[datetime], newest: int
    ) -> list[KnownEntry]:
        """Return the entries of a source that have one of these keys or dates, and its newest ones.

        Args:
            moments: dates of publication.
            newest: how many of the newest to return; a few hundred entries are returned at most.
        """

    def expired(self, source_id: str, before: datetime | None, count: int | None, limit: int) -> dict[int, str | None]:
        """Return some entries of a source that were published before a time, or are not among its `count` newest.

        Returns:
            At most `limit` row numbers, each with the path of its post.
        """

    def remove_entries(self, source_id: str, pks: Collection[int]) -> None:
        """Remove entries of a source for good; their keys, ids and paths are remembered."""

    def source_ids(self) -> list[str]:
        """Return the ids of all stored sources, configured or not, oldest first."""

    def remove_source(self, source_id: str) -> None:
        """Remove a source that is no longer configured, and what is remembered of its removed entries.

        All its entries have to be removed before. If the source is not stored, nothing happens.
        """

    def reset_source(self, source_id: str) -> None:
        """Clear validators, failures and due time of a source: it is due at once, and its whole document is requested.

        Its entries and what identifies them stay.
        """

    def apply(self, update: FeedUpdate) -> None:
        """Store one outcome: entries and state together, or nothing.

        New, changed and reread entries become pending. A new entry that is already stored counts as changed, and a
        changed entry that is not stored counts as new. A stored entry keeps its id, its path and its date of
        publication. A reread entry keeps its revision. New entries of one date keep their order. If the title of the
        feed names the source and has changed, all its entries become pending. The source must be known from
        `sync_sources`; it may be no longer configured.

        What rules made of the entries is stored beside them; an entry without a ruling is published as it is. A new
        entry was first seen at the time of the success, and is stored with the date of publication of its ruling. What
        is remembered of pages replaces what was.
        """

    def save_states(self, states: Sequence[FeedState]) -> None:
        """Store the outcomes of several sources that brought no entries: not modified, or failed."""

    def pending(
        self, limit: int, after: Item | None = None, unreadable: list[UnreadableRow] | None = None
    ) -> list[Item]:
        """Return entries of configured sources whose post has to be written, by date, source id and key, oldest first.

        After `turn`, these are only those that were pending then and were not changed since.

        Args:
            limit: the maximum number of entries.
            after: return only entries that come after this one.
            unreadable: rows that cannot be read are appended to it; None: such a row raises RowError.
        """

    def unassigned(self, limit: int, unreadable: list[UnreadableRow] | None = None) -> list[UnassignedEntry]:
        """Return at most `limit` pending entries without an id and a path; order and `unreadable` as in `pending`."""

    def pending_categories(self) -> set[str]:
        """Return the slugs of the categories and outputs that have pending entries, up to the horizon of the turn."""

    def taken(self, ids: Collection[str], path_keys: Collection[str], folder: str = POSTS) -> tuple[set[str], set[str]]:
        """Return which of the ids, and of the folded paths in a folder, are assigned, to stored or removed entries.

        Paths of removed entries are remembered in `POSTS` only.
        """

    def assign(self, assignments: Sequence[Assignment]) -> None:
        """Store ids and paths of entries that have none, all or nothing.

        Raises:
            RowError: an id or path is already taken.
        """

    def add_posts(self, folder: str, assignments: Sequence[Assignment]) -> None:
        """Store the paths of entries in a folder other than `POSTS`, all or nothing; their ids stay.

        Raises:
            RowError: a path is already taken.
        """

    def move_posts(self, assignments: Sequence[Assignment], folder: str = POSTS) -> None:
        """Give other paths to entries whose posts were never written there, all or nothing; their ids stay.

        Raises:
            RowError: a path is already taken.
        """

    def post_paths(self, folder: str, pks: Collection[int]) -> dict[int, str]:
        """Return the paths that these entries have in a folder, by row number."""

    def post_folders(self) -> list[str]:
        """Return the folders other than `POSTS` in which entries have paths."""

    def any_post_written(self, folder: str) -> bool:
        """Whether the file of any stored entry was ever written to a folder."""

    def posts_in(self, folder: str, pk: int, limit: int) -> list[Item]:
        """Return items that have a path in a folder, with this path, after a row number, by row number.

        Their sources need not be configured.
        """

    def replace_posts(self, folder: str, assignments: Sequence[Assignment]) -> None:
        """Give other paths to entries in a folder, written or not, all or nothing; their files there are forgotten.

        Raises:
            RowError: a path is already taken.
        """

    def forget_posts(self, folder: str, pks: Collection[int]) -> None:
        """Forget the files of these entries in a folder, and their paths there, except in `POSTS`."""

    def post_files(self, pks: Collection[int], folder: str = POSTS) -> dict[int, PostFile]:
        """Return the digests of the post files of these entries in a folder, by row number.

        An entry whose file was never about to be written is left out.
        """

    def save_post_files(self, files: Mapping[int, PostFile], folder: str = POSTS) -> None:
        """Store the digests of the post files of these entries in a folder, before the files are replaced."""

    def mark_published(self, pks: Collection[int]) -> None:
        """Record that the posts of these entries are written as intended in all folders; they are no longer pending.

        An entry that was changed, or made pending again, since `turn` stays pending; without a turn, there must be no
        such change between `pending` and this call. The pages of archives that hold some of them become stale.
        """

    def mark_pending(self, source_ids: Collection[str]) -> None:
        """Make all entries of these sources pending, so that their posts are rendered again."""

    def feed_metadata(self) -> dict[str, FeedMetadata]:
        """Return what the feed of every configured source said about itself, by id."""

    def change_feed_metadata(self, change: Callable[[FeedMetadata], FeedMetadata]) -> None:
        """Change what the feeds of all stored sources said about themselves.

        The entries of a source whose metadata changes become pending.
        """

    def entry_count(self) -> int:
        """Return the number of all stored entries."""

    def entries_after(self, pk: int, limit: int) -> list[StoredEntry]:
        """Return at most `limit` stored entries after a row number, in the order of their row numbers.

        A damaged value is read as empty, or as the text that is left of it.
        """

    def rewrite_entries(self, changed: Sequence[StoredEntry], fingerprints: Mapping[str, str]) -> None:
        """Replace the published values of entries, which become pending, and record fingerprints, all or nothing.

        Identity, dates, hash and revision stay. An entry that its source has changed since it was read is left as it
        is. An entry without an id gets a new id and a new path from the next publication.
        """

    def retired_items(self, pk: int, limit: int) -> list[Item]:
        """Return published entries whose source is no longer configured, after a row number, by row number.

        Those that rules or a person withhold are left out.
        """

    def newest(self, category: str | None, limit: int, unreadable: list[UnreadableRow] | None = None) -> list[Item]:
        """Return the newest entries with an id of a category or output (None: of all categories), newest first.

        They are as it shows them. A category has the entries whose first one it is, and those that are in it besides.
        Entries of one date are grouped by source, in the order in which they were given to `apply`; those of a later
        call come first. Rows that cannot be read are appended to `unreadable`, as in `pending`, and the next entries
        take their places.
        """

    def record_traffic(self, now: datetime, traffic: Iterable[HostTraffic], waits: Mapping[str, datetime]) -> None:
        """Add the requests of one cycle to the counts of the day, and store until when each host must not be asked."""

    def host_waits(self, now: datetime) -> dict[str, datetime]:
        """Return the hosts that must not be asked at `now`, each with the time at which that ends."""

    def host_traffic(self, first: date) -> list[HostTraffic]:
        """Return the traffic of each host since a day (UTC), at most 90 days back, by name of the host."""

    def fingerprints(self) -> dict[str, str]:
        """Return all recorded fingerprints, by name."""

    def record_fingerprints(self, fingerprints: Mapping[str, str]) -> None:
        """Record fingerprints by name, for instance of the settings an output was made from; other names stay.

        After `turn`, that of a feed which was cleared since then stays cleared.
        """
