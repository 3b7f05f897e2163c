"""The part of the interface of the store from which outputs select what they show; `protocol.Store` includes it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple, Protocol

from aggregator.models import Item

if TYPE_CHECKING:
    from aggregator.store.protocol import UnreadableRow


class Member(NamedTuple):
    """An entry in an output, with what decides whether it is shown."""

    pk: int
    source_pk: int
    #: In seconds since 1970; None: it is damaged.
    published_at: int | None
    #: Its place among the entries of its source with one date; the highest comes first.
    position: int

    @property
    def order(self) -> tuple[float, int, int, int]:
        """Its place in the order of feeds."""
        when = float("-inf") if self.published_at is None else -self.published_at
        return (when, self.source_pk, -self.position, self.pk)


class MemberStore(Protocol):
    """The members of outputs that are published, to select from; all methods read rows of an index only.

    `seen`: only those that became members then, or before. `since`: only those that were published after. `named`: none
    that get their ids with the next publication, where other processes may just have stored such.
    """

    def newest(
        self, output: str, limit: int, seen: datetime | None, since: datetime | None, *, named: bool = False
    ) -> list[Member]:
        """Return the newest members, in the order of feeds."""

    def newest_per_source(
        self, output: str, limit: int, seen: datetime | None, since: datetime | None, *, named: bool = False
    ) -> list[Member]:
        """Return the newest members of each source, at most `limit` of each, in the order of feeds."""

    def released(self, output: str, limit: int, since: datetime | None) -> list[Member]:
        """Return those that came out last, in the order of feeds."""

    def released_between(self, output: str, start: datetime, end: datetime) -> list[datetime]:
        """Return when members came out, after `start` and until `end`, in order."""

    def waiting(self, output: str, limit: int, after: datetime, seen: datetime, since: datetime | None) -> list[Member]:
        """Return those that became members after a time and have not come out, the last one first."""

    def release(self, output: str, pks: Collection[int], at: datetime) -> None:
        """Record when members came out that were waiting."""

    def forget_releases(self, output: str) -> None:
        """Forget that members came out."""

    def next_added(self, output: str, after: datetime) -> datetime | None:
        """Return when the first of those became a member that did so after a time and wait."""

    def last_added(self, output: str, before: datetime) -> datetime | None:
        """Return when the last of those became a member that did so before a time and wait."""

    def added_between(self, output: str, start: datetime, end: datetime, limit: int) -> list[Member]:
        """Return those that became members from `start` on and before `end`, in the order of feeds."""

    def items(self, output: str, pks: Collection[int], unreadable: list[UnreadableRow] | None = None) -> list[Item]:
        """Return members with an id as the output shows them, in the order of `pks`; `unreadable` as in `pending`."""
