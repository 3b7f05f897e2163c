"""What the rest of the program asks of a store; the one implementation is `aggregator.store.sqlstore`.

A store is synchronous and is used by one thread at a time. Every method is one transaction. All errors of the
database come out as `StoreError`; those that one row is to blame for as `RowError`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple, Protocol

from aggregator.models import Entry, FeedState, FeedUpdate, HostTraffic, Item, Known, KnownEntry, Source


@dataclass(frozen=True, slots=True)
class Assignment:
    """The published id and the post's path of one entry, given once and kept."""

    pk: int
    id: str
    #: Below `data/posts/`, with `/`.
    path: str
    #: `path` folded (NFKC, casefold), so that no two posts differ by case or normalization only.
    path_key: str


class FeedMetadata(NamedTuple):
    """What a feed told of itself when it was last seen."""

    title: str | None
    home_url: str | None


@dataclass(frozen=True, slots=True)
class UnassignedEntry:
    """A pending entry without an id and a path, with all that these are made from."""

    pk: int
    key: str
    guid: str | None
    title: str
    #: Of its source.
    url: str
    #: Slug.
    category: str
    source_id: str


class PostFile(NamedTuple):
    """What is known of the post file of an entry, as digests."""

    #: As it was last written; None before that, "" where that was before digests were kept.
    written: str | None
    #: What was to replace it when that was last begun.
    intended: str | None


class UnreadableRow(NamedTuple):
    """A row of an entry that cannot be read."""

    pk: int
    #: As people find it: its key and its source.
    entry: str
    reason: str


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An entry as it is stored, published or not, of a source that is configured or not."""

    pk: int
    #: How often it was rewritten by its source.
    revision: int
    #: Address of its source.
    source_url: str
    #: Published id and path of its post, None until they are given.
    id: str | None
    path: str | None
    entry: Entry


@dataclass(frozen=True, slots=True)
class Activity:
    """How often a source published of late."""

    #: Entries in the time looked at, and in its last four weeks.
    entries: int
    last_four_weeks: int
    first_at: datetime
    last_at: datetime


class Recognized(NamedTuple):
    """What is stored under some keys."""

    #: By the key that was asked for, which may be another one than that of the entry.
    known: dict[str, Known]
    #: Keys whose entries were removed.
    removed: set[str]
    #: Keys that belong to several entries; one of these may be known by it all the same.
    shared: set[str]
    #: Whether some of the entries are known by another key than their own.
    aliased: bool


class Store(Protocol):
    """Sources, their state, and their entries."""

    def close(self) -> None: ...

    def sync_sources(self, sources: Sequence[Source]) -> None:
        """Make the list of sources mirror the configuration.

        New ones are added, due at once. A source whose derived id changed is found by its URL, or by the one that it
        has moved to, and keeps its entries. One whose URL changed loses its validators and failures and is due at
        once. Where its name, section or category changed, its entries become pending. One that is no longer configured
        keeps its entries and state, but they appear in no feed until it comes back.
        """

    def states(self) -> dict[str, FeedState]:
        """State of every configured source, by id."""

    def due(self, now: datetime) -> list[FeedState]:
        """States of the configured sources that are due: those due at once, then the longest overdue first.

        Where the last attempt lies in the future, the clock was set back: the source is due, and comes last.
        """

    def last_success(self) -> datetime | None:
        """When a configured source last worked, None where none ever did."""

    def entry_counts(self) -> dict[str, int]:
        """Number of stored entries of every configured source, by id."""

    def activity(self, now: datetime) -> dict[str, Activity]:
        """How often each configured source published in the last year, by id; none without an entry in it."""

    def recognize(self, source_id: str, keys: Collection[str]) -> Recognized:
        """Those of `keys` that are stored for the source, and those whose entries were removed from it.

        None of a source that is not stored.
        """

    def similar_entries(
        self, source_id: str, keys: Collection[str], moments: Collection[datetime], newest: int
    ) -> list[KnownEntry]:
        """Entries of a source with one of these keys or dates of publication, and the newest; a few hundred at most."""

    def expired(self, source_id: str, before: datetime | None, count: int | None, limit: int) -> dict[int, str | None]:
        """Some entries of a source that were published before a moment, or are not among its `count` newest.

        Returns:
            At most `limit` row numbers, each with the path of its post.
        """

    def remove_entries(self, source_id: str, pks: Collection[int]) -> None:
        """Remove entries of a source for good: their keys are remembered, and so are their ids and paths."""

    def source_ids(self) -> list[str]:
        """Ids of all sources that are stored, configured or not, by age."""

    def remove_source(self, source_id: str) -> None:
        """Remove a source that is configured no longer, and what is remembered of its removed entries.

        All its entries have to be removed before; one that is not stored is none to remove.
        """

    def reset_source(self, source_id: str) -> None:
        """Forget validators, failures and due date of a source: it is due at once, and asked for all of its document.

        Its entries stay, and so does what tells them apart.
        """

    def apply(self, update: FeedUpdate) -> None:
        """Store one outcome: entries and state together, or nothing.

        New, changed and reread entries become pending. A new one that is stored already counts as changed, and a
        changed one that is not counts as new. An entry that is stored keeps its id, its path and its date of
        publication. A reread one keeps its revision. New entries of one date keep their order. Where the title of the
        feed names the source and is another now, all its entries become pending. The source has to be known from
        `sync_sources`; it may be configured no longer.
        """

    def save_states(self, states: Sequence[FeedState]) -> None:
        """Store the outcomes of several sources that gave no entries: not modified, or failed."""

    def pending(
        self, limit: int, after: Item | None = None, unreadable: list[UnreadableRow] | None = None
    ) -> list[Item]:
        """Entries of configured sources whose post is not written, by date, source id and key, oldest first.

        Args:
            limit: how many at most.
            after: only those that come after this one.
            unreadable: where the rows go that cannot be read; None: such a row is a RowError.
        """

    def unassigned(self, limit: int, unreadable: list[UnreadableRow] | None = None) -> list[UnassignedEntry]:
        """Pending entries that have no id and no path yet, at most `limit`; order and `unreadable` as in `pending`."""

    def pending_categories(self) -> set[str]:
        """Slugs of the categories that have pending entries."""

    def taken(self, ids: Collection[str], path_keys: Collection[str]) -> tuple[set[str], set[str]]:
        """Those of the ids and folded paths that are assigned already."""

    def assign(self, assignments: Sequence[Assignment]) -> None:
        """Keep the ids and paths of entries that have none yet, all or nothing; one that is taken is a RowError."""

    def move_posts(self, assignments: Sequence[Assignment]) -> None:
        """Give other paths to entries whose posts were never written, all or nothing; one that is taken is a RowError.

        Their ids stay.
        """

    def post_files(self, pks: Collection[int]) -> dict[int, PostFile]:
        """What is known of the post files of these entries, by row number; none for those that were never begun."""

    def save_post_files(self, files: Mapping[int, PostFile]) -> None:
        """Keep what is known of the post files of these entries, before they are replaced."""

    def mark_published(self, pks: Collection[int]) -> None:
        """The posts of these entries are written as intended: they are pending no longer.

        No `apply` and no `touch` may come between `pending` and this, or what they asked for would not be written.
        """

    def mark_pending(self, source_ids: Collection[str]) -> None:
        """Make all entries of these sources pending, so that their posts are rendered anew."""

    def feed_metadata(self) -> dict[str, FeedMetadata]:
        """What the feed of every configured source told of itself, by id."""

    def change_feed_metadata(self, change: Callable[[FeedMetadata], FeedMetadata]) -> None:
        """Change what the feed of every stored source told of itself; entries that it names become pending."""

    def entry_count(self) -> int:
        """Number of all stored entries."""

    def entries_after(self, pk: int, limit: int) -> list[StoredEntry]:
        """Stored entries in the order of their row numbers, at most `limit` after a number.

        A value that is damaged is read as an empty one, or as the text that is left of it.
        """

    def rewrite_entries(self, changed: Sequence[StoredEntry], fingerprints: Mapping[str, str]) -> None:
        """Replace what is published of entries, which become pending, and record how far this has come, or nothing.

        Their identity, dates, hash and revision stay. One whose source has rewritten it since it was read is left as
        it is. One without an id is given a new one, and a path, by the next publication.
        """

    def retired_items(self, pk: int, limit: int) -> list[Item]:
        """Entries with an id and a path whose source is configured no longer, by row number, after a number."""

    def newest(self, category: str | None, limit: int, unreadable: list[UnreadableRow] | None = None) -> list[Item]:
        """The newest assigned entries of a category (None: of all), newest first.

        Those of one date are together by source, in the order in which they were given to `apply`, those of a later
        call first. Rows that cannot be read go to `unreadable`, as in `pending`, and others take their places.
        """

    def record_traffic(self, now: datetime, traffic: Iterable[HostTraffic], waits: Mapping[str, datetime]) -> None:
        """Add what one cycle asked of hosts to the day's counts; keep until when they want to be left alone."""

    def host_waits(self, now: datetime) -> dict[str, datetime]:
        """Hosts that want to be left alone after `now`, with the time until when."""

    def host_traffic(self, first: date) -> list[HostTraffic]:
        """What was asked of each host since that day (UTC), at most 90 days back, by name."""

    def fingerprints(self) -> dict[str, str]:
        """What was recorded with `record`, by name."""

    def record_fingerprints(self, fingerprints: Mapping[str, str]) -> None:
        """Remember of each named output from which settings it was made; the other names stay."""
