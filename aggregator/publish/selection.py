"""Which items an output shows at a time.

In: the settings of an output, its members in the store, and `now`. Out: the items in the order of the feed, and when
there will be others without any change of the members. Only the entries that are shown are read: what an output looks
at besides them are rows of an index, at most some for each source.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from aggregator.models import ALL, Digest, Item, Output, Rate
from aggregator.publish.appearance import as_shown
from aggregator.publish.digests import MAX_HEADLINES, digest_item, period_of
from aggregator.publish.outputs import MergedFeed
from aggregator.store import Member, Store, UnreadableRow

#: Members of an output with a rate that are looked at, for each item that it shows: one source may have most of them.
_RELEASED = 10
#: Members that are compared in an output that shows the same item once, for each item that it shows.
_COMPARED = 2
#: Digests in a feed at most: all of them are made again when one of their items may have changed.
MAX_DIGESTS = 31
#: Members of one period that are counted at most.
MOST_IN_PERIOD = 10_000
_EARLIEST = datetime(1, 1, 1, tzinfo=UTC)


class Shown(NamedTuple):
    """What an output showed last, as the store records it."""

    #: When it will show something else, by itself; None: never.
    due_at: datetime | None
    digest: str
    #: Since when items wait for their turn by its rate; None: none did.
    since: datetime | None = None

    @classmethod
    def load(cls, value: str) -> Shown | None:
        """Return what is recorded; None if it cannot be read."""
        try:
            due, digest, since = value.split(" ")
            due_at, began = (
                None if one == "-" else datetime.fromisoformat(one).astimezone(UTC) for one in (due, since)
            )
        except ValueError:
            return None
        return cls(due_at, digest, began)

    def dump(self) -> str:
        """Return the value that is recorded."""
        due, since = ("-" if one is None else one.isoformat() for one in (self.due_at, self.since))
        return f"{due} {self.digest} {since}"

    def is_due(self, now: datetime) -> bool:
        """Whether it has to be selected again."""
        return self.due_at is not None and self.due_at <= now


@dataclass(frozen=True, slots=True)
class Selection:
    """What an output shows."""

    #: In the order of the feed.
    items: list[Item]
    due_at: datetime | None = None
    since: datetime | None = None

    @property
    def shown(self) -> Shown:
        """What the store records of it; the texts count only where they are made here."""
        parts = [[item.id, "" if item.pk else item.entry.html] for item in self.items]
        return Shown(self.due_at, hashlib.sha256(json.dumps(parts).encode()).hexdigest(), self.since)


_SELECTIONS = "selections/"


def selection_name(slug: str) -> str:
    """Return the name of the fingerprint that holds what an output showed last."""
    return f"{_SELECTIONS}{slug}"


def ended_selections(recorded: Mapping[str, str], outputs: Mapping[str, Output]) -> list[str]:
    """Return the names of the records of outputs that are gone, or do not change by themselves any more.

    Where such an output comes back, it begins anew.
    """
    timed = {selection_name(slug) for slug, output in outputs.items() if is_timed(output)}
    return [name for name, value in recorded.items() if name.startswith(_SELECTIONS) and value and name not in timed]


def last_shown(recorded: Mapping[str, str], slug: str) -> Shown | None:
    """Return what an output showed last, by the fingerprints of the store; None if that is not known."""
    return Shown.load(recorded.get(selection_name(slug), ""))


def is_timed(output: Output) -> bool:
    """Whether an output changes by itself, as time passes."""
    return (output.max_age, output.delay, output.rate, output.digest) != (None,) * 4


class Selector:
    """Selects the items of feeds.

    Args:
        categories: titles of the categories, by slug.
        author: the author of digests.
    """

    def __init__(self, store: Store, now: datetime, categories: Mapping[str, str], author: str) -> None:
        self._store = store
        self._members = store.members
        self.now = now
        self._categories = categories
        self._author = author

    def select(self, feed: MergedFeed, before: Shown | None, unreadable: list[UnreadableRow]) -> Selection:
        """Return what a feed shows now; in an output with a rate, waiting items may come out.

        Args:
            before: what it showed last.
            unreadable: rows that cannot be read are appended to it.
        """
        output = feed.output
        if feed.kind != "output":
            slug = None if feed.slug == ALL else feed.slug
            return Selection(self._store.newest(slug, output.limit, unreadable))
        if output.rate is None and is_timed(output):
            self._members.forget_releases(output.slug)
        if output.digest is not None:
            return self._digests(output, output.digest, unreadable)
        since = None if before is None else before.since
        if output.rate is None:
            since, due = None, self._next_delayed(output)
        else:
            since, due = self._release(output, output.rate, since)
        items = self._items(output, self._chosen(output), unreadable)[: output.limit]
        dues = [] if due is None else [due]
        if output.max_age is not None and items:
            dues.append(min(item.entry.published_at for item in items) + output.max_age)
        return Selection(items, min(dues, default=None), since)

    def shown(self, feed: MergedFeed) -> list[int]:
        """Return the row numbers of the entries that a feed shows now, or whose headlines it may; nothing comes out."""
        if feed.kind != "output":
            slug = None if feed.slug == ALL else feed.slug
            return [item.pk for item in self._store.newest(slug, feed.output.limit, [])]
        return self._chosen(feed.output)

    def _items(self, output: Output, pks: Sequence[int], unreadable: list[UnreadableRow]) -> list[Item]:
        items = self._members.items(output.slug, pks, unreadable)
        if output.duplicates:
            from aggregator.duplicates.items import join_items

            items = join_items(items, output, self._store.copies.apart(pks))
        return [as_shown(item, output, self._categories) for item in items]

    def _chosen(self, output: Output, *, named: bool = True) -> list[int]:
        """Return the row numbers of the items that an output shows.

        Args:
            named: leave out those that will be shown as soon as they have ids.
        """
        if output.duplicates:
            output = replace(output, limit=output.limit * _COMPARED)
        slug, limit, fair = output.slug, output.limit, output.mix == "fair"
        seen = None if output.delay is None else self.now - output.delay
        since = self._oldest(output)
        if output.rate is not None:
            found = self._members.released(slug, limit * _RELEASED, since)
        elif fair:
            found = self._in_turn(output, seen, since, named=named)
        elif output.per_source is not None:
            found = self._members.newest_per_source(slug, output.per_source, seen, since, named=named)
        else:
            found = self._members.newest(slug, limit, seen, since, named=named)
        return chosen(found, limit, per_source=output.per_source, fair=fair)

    def _oldest(self, output: Output) -> datetime | None:
        return None if output.max_age is None else self.now - output.max_age

    def _in_turn(self, output: Output, seen: datetime | None, since: datetime | None, *, named: bool) -> list[Member]:
        """Return as many of each source as are needed to fill the feed in turn."""
        most = min(output.per_source or output.limit, output.limit)
        depth = 1
        while True:
            found = self._members.newest_per_source(output.slug, depth, seen, since, named=named)
            counts = Counter(member.source_pk for member in found)
            if depth == most or len(found) >= output.limit or max(counts.values(), default=0) < depth:
                return found
            depth = min(4 * depth, most)

    # -- what waits --------------------------------------------------------------------------------------------------

    def _next_delayed(self, output: Output) -> datetime | None:
        """Return when the next item comes out that waits for its delay."""
        if output.delay is None:
            return None
        added = self._members.next_added(output.slug, self.now - output.delay)
        return None if added is None else added + output.delay

    def _release(self, output: Output, rate: Rate, since: datetime | None) -> tuple[datetime | None, datetime | None]:
        """Let as many items out as the rate allows, those that came last first.

        A feed begins with what there is: only what comes later has to wait. It is filled up with that, too, where it
        has more room than at its beginning, or members that it began with are gone.

        Args:
            since: when the feed began; None: it has to begin.

        Returns:
            When the feed began, if there is anything to begin with, and when the next items may come out.
        """
        members, slug, oldest = self._members, output.slug, self._oldest(output)
        delay = output.delay or timedelta(0)
        seen = self.now - delay
        if since is None:
            # What comes later has to wait; an entry that is stored has come, also without an id.
            first = self._chosen(replace(output, rate=None), named=False)
            members.release(slug, first, self.now - rate.period)
            return (self.now if first else None), self._next_delayed(output)
        if (room := output.limit - len(members.released(slug, output.limit, oldest))) > 0:
            earlier = members.waiting(slug, room, _EARLIEST, since - delay, oldest)
            members.release(slug, [member.pk for member in earlier], self.now - rate.period)
        lately = members.released_between(slug, self.now - rate.period, self.now)
        room = max(rate.count - len(lately), 0)
        waiting = members.waiting(slug, room + 1, since - delay, seen, oldest)
        members.release(slug, [member.pk for member in waiting[:room]], self.now)
        if len(waiting) > room:
            return since, min([*lately, self.now]) + rate.period
        return since, self._next_delayed(output)

    # -- digests -----------------------------------------------------------------------------------------------------

    def _digests(self, output: Output, digest: Digest, unreadable: list[UnreadableRow]) -> Selection:
        """Return a digest for each of the last periods in which something came."""
        current = period_of(digest, self.now)
        items: list[Item] = []
        end, limit = current.start, min(output.limit, MAX_DIGESTS)
        while len(items) < limit and (last := self._members.last_added(output.slug, end)) is not None:
            period = period_of(digest, last)
            came = self._members.added_between(output.slug, period.start, period.end, MOST_IN_PERIOD)
            most = len(came) if output.per_source is None else output.per_source
            pks = chosen(came, len(came), per_source=most)
            shown = chosen(came, MAX_HEADLINES, per_source=most, fair=output.mix == "fair")
            headlines = self._items(output, shown, unreadable)
            if headlines:
                more = len(pks) - len(shown)
                items.append(digest_item(output, period, headlines, author=self._author, more=more))
            end = period.start
        return Selection(items, current.end)


def chosen(found: Sequence[Member], limit: int, *, per_source: int | None = None, fair: bool = False) -> list[int]:
    """Return the row numbers of the members that are shown, newest first.

    Args:
        found: members in the order of the feed.
        limit: how many are shown at most.
        per_source: how many of one source are shown at most.
        fair: in turn the newest of each source, and not just the newest.
    """
    ranks: dict[int, int] = {}
    ranked = []
    for place, member in enumerate(found):
        rank = ranks[member.source_pk] = ranks.get(member.source_pk, 0) + 1
        if per_source is None or rank <= per_source:
            ranked.append((rank if fair else 0, place))
    return [found[place].pk for place in sorted(place for _, place in sorted(ranked)[:limit])]
