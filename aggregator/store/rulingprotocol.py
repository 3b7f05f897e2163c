"""The part of the interface of the store about what rules make of entries: rulings, outputs, decisions, steps.

`protocol.Store` includes it. What is published of an entry is stored beside it: the entry itself stays as its source
gave it, and an `Item` shows it with its changes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from aggregator.models import Decision, Placement, Ruling, Sight, Verdict
from aggregator.store.memberprotocol import MemberStore

if TYPE_CHECKING:
    from aggregator.store.protocol import StoredEntry

FEEDS = "feeds/"
"""The start of the names of the fingerprints of feeds; the slug of a category or output follows, or `models.ALL`.

The store clears such a fingerprint in the transaction that changes which entries the feed shows, or how. Where entries
are pending, the caller of `Store.pending_categories` does it.
"""
DEFINITIONS = "output/"
"""The start of the names of the fingerprints of the definitions with which memberships were made; a slug follows."""
RULES = "rules"
"""The name of the fingerprint of the rules as of which the stored entries are judged; absent: of `NO_RULES`."""
NO_RULES = "none"
"""The fingerprint of no rules but the default ones. "", which no rules have: entries were judged by different rules."""


class Judged(NamedTuple):
    """What is known of a stored entry besides the entry itself."""

    seen_at: datetime | None
    decision: Decision | None
    #: As stored: the category that rules or a person chose, and what came of the entry.
    ruling_category: str | None
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Membership:
    """An output, or further category, to which an entry belongs."""

    placement: Placement
    #: Whether the output shows it: it is published, no draft, and its source is configured.
    listed: bool
    added_at: datetime | None
    #: None: it waits, where the output has a delay or a rate.
    released_at: datetime | None


@dataclass(frozen=True, slots=True)
class StoredRuling:
    """A stored entry with what became of it."""

    stored: StoredEntry
    sight: Sight
    decision: Decision | None
    #: As stored; changes that cannot be read are left out.
    ruling: Ruling
    memberships: tuple[Membership, ...]
    #: Whether its source is configured.
    configured: bool


class Tombstone(NamedTuple):
    """What is remembered of a removed entry."""

    source_id: str
    key: str
    #: Its published id; None: it had none.
    id: str | None


class WithheldPost(NamedTuple):
    """A post file of an entry that is not published any more."""

    pk: int
    folder: str
    path: str


class StepStore(Protocol):
    """Results of steps of one's own, by a hash of step and input."""

    def results(self, hashes: Collection[str]) -> dict[str, Mapping[str, Any]]:
        """Return what is stored; what cannot be read is left out."""

    def save(self, hash: str, result: Mapping[str, Any], now: datetime) -> None:
        """Store a result, in place of an earlier one."""

    def count_since(self, moment: datetime, begin: str = "") -> int:
        """Return how many results were made at a moment or later, of hashes that begin so."""

    def forget_unneeded(self) -> None:
        """Forget the results that were made long before any stored entry was first seen; it reads all entries."""


class RulingStore(Protocol):
    """What rules made of entries."""

    @property
    def members(self) -> MemberStore:
        """The members of the outputs."""

    @property
    def steps(self) -> StepStore:
        """Results of steps of one's own."""

    def judged(self, source_id: str, keys: Collection[str]) -> dict[str, Judged]:
        """Return what a ruling on stored entries of a source depends on, and how they were judged last, by key."""

    def rulings_after(
        self, pk: int, limit: int, source_id: str | None = None, since: datetime | None = None
    ) -> list[StoredRuling]:
        """Return stored entries after a row number with what became of them, in the order of their row numbers.

        Args:
            source_id: only those of this source.
            since: only those that were first seen since; where that is not known, that were published since.
        """

    def replace_rulings(
        self, changes: Iterable[tuple[StoredEntry, Ruling]], fingerprints: Mapping[str, str]
    ) -> list[int]:
        """Store other rulings on stored entries, and fingerprints, all or nothing.

        Memberships that stay keep their times; new ones are as old as the entry. Entries become pending if anything but
        their memberships changes.

        Args:
            changes: consumed while the transaction is open, so that they need not be in memory at once. What makes them
                may read the store, and sees what was stored of them so far.

        Returns:
            Row numbers of the entries that their source has changed since they were read: they are left as they are.
        """

    def replace_memberships(self, output: str, rows: Iterable[tuple[int, Placement]], definition: str) -> None:
        """Make the memberships of an output again, all or nothing, and record the definition.

        Those that stay keep their times. Pages of the archive that get other items become stale; if older ones come
        in, the whole archive is made again.

        Args:
            rows: each member; its `Placement.entry`, if any, is the entry as this output alone shows it. Consumed as in
                `replace_rulings`.
        """

    def drop_output(self, output: str) -> None:
        """Forget the memberships of an output, and their definition."""

    def decide(self, pk: int, decision: Decision | None, now: datetime) -> None:
        """Record what a person decided on an entry (None: nothing any more); the next publication carries it out.

        This may be done while another process publishes.

        Raises:
            RowError: there is no such entry.
        """

    def to_carry_out(self, limit: int) -> list[StoredRuling]:
        """Return entries with decisions that are not carried out, in the order of their row numbers."""

    def carry_out(self, pk: int, ruling: Ruling, now: datetime) -> None:
        """Store the ruling that follows from a decision, and that the decision is carried out."""

    def held(self, limit: int, after: int = 0) -> list[StoredRuling]:
        """Return entries that wait for a person, after a row number, in the order of their row numbers."""

    def find(self, text: str, limit: int = 20) -> list[StoredRuling]:
        """Return the entries with this id, address, post path or key; if there is none, with these words in the title.

        The newest come first.
        """

    def tombstone_of(self, text: str) -> Tombstone | None:
        """Return the removed entry that had this id, post path or key."""

    def withheld_posts(self, limit: int) -> list[WithheldPost]:
        """Return posts whose files may be there although the entry is not published any more.

        They are returned until their files are forgotten (`Store.forget_posts`), or the entry is published again.
        """
