"""The part of the interface of the store about the same item from several sources; `protocol.Store` has it as `copies`.

By what an entry is found, its address, is stored with its ruling. Whatever may change a group makes its address stale;
`rejoin` compares the entries of stale addresses again. Thus groups depend on what is stored alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from aggregator.models import Candidate, Group

Pair = tuple[int, int]
Join = Callable[[str, Sequence[Candidate], Collection[Pair]], Iterable[Group]]
"""Returns the groups among all entries with an address: (address, entries, pairs that are kept apart)."""

DUPLICATES = "duplicates"
"""Name of the fingerprint of the settings with which everything stored was joined; "": nothing is joined."""


class CopyOf(NamedTuple):
    """A copy, and the entry that is published for it."""

    pk: int
    leader: int
    #: Whether its text and link are shown.
    shown: bool


class CopyStore(Protocol):
    """Entries that are other entries' items again; the items of the store name them in `Item.also_at`."""

    def restart(self, definition: str) -> None:
        """Record other settings, and that the addresses of all entries have to be made again; "": nothing is joined.

        Without a definition all copies are published again at once.
        """

    def stale_sources(self) -> list[str]:
        """Return the ids of the sources of whose entries the addresses have to be made again.

        These are all after `restart`, and those that were moved to another category, or removed or configured again.
        """

    def replace_addresses(self, source_id: str, addresses: Mapping[int, str | None]) -> None:
        """Store the addresses of all entries of a source, all or nothing, which makes those that they have stale."""

    def stale(self, limit: int, after: str = "") -> list[str]:
        """Return addresses whose entries have to be compared again, after an address, in order."""

    def rejoin(self, addresses: Collection[str], join: Join) -> None:
        """Compare the entries of stale addresses again, all or nothing.

        New copies are no longer published. Entries that are no copies any more are, and become pending, as do those
        that are published for other entries than before.
        """

    def keep_apart(self, one: int, other: int) -> None:
        """Record that two entries are no duplicates, whatever they have in common."""

    def apart(self, pks: Collection[int]) -> set[Pair]:
        """Return the pairs among these entries that are kept apart, the smaller row number first."""

    def of(self, pks: Collection[int]) -> list[CopyOf]:
        """Return the copies among these entries, and the copies of these entries, by row number."""
