"""Which entries with one address or key are one item. Pure.

A false join hides an item, so that there must be no doubt: titles agree, dates lie within `SPAN`, and of each source
there is only one entry that it can be. The result depends on the entries alone, and not on the order in which they
come: the entry that was stored first is the one that is published.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta
from itertools import pairwise

from aggregator.duplicates.levels import Levels
from aggregator.duplicates.titles import title_forms
from aggregator.models import Candidate, Group

#: Time between the dates of two entries that are one item, at most.
SPAN = timedelta(days=30)

#: In front of a key, which no host begins with.
KEY = "="

Pair = tuple[int, int]


def join(address: str, candidates: Iterable[Candidate], levels: Levels, apart: Collection[Pair] = ()) -> list[Group]:
    """Return the groups among all entries with an address, those of one entry left out, by their leaders.

    Args:
        address: the canonical address, or `KEY` and a key.
        candidates: in any order.
        apart: pairs of row numbers that are not joined, the smaller one first.
    """
    scopes: dict[str, list[Candidate]] = {}
    for one in candidates:
        scope = levels.scope(one.category) if one.published else None
        if scope is not None:
            scopes.setdefault(scope, []).append(one)
    groups = [
        _group(members, levels.of(members[0].category).prefer)
        for found in scopes.values()
        for members in _gather(address, found, apart)
        if len(members) > 1
    ]
    return sorted(groups)


def _group(members: Sequence[Candidate], prefer: Sequence[str]) -> Group:
    rank = {source: place for place, source in enumerate(prefer)}
    leader, *copies = members
    face = min(members, key=lambda one: (rank.get(one.source, len(rank)), one.pk))
    return Group(leader.pk, tuple(one.pk for one in copies), None if face is leader else face.pk)


def _gather(address: str, candidates: Sequence[Candidate], apart: Collection[Pair]) -> list[list[Candidate]]:
    """Put each entry, the first stored first, in the first group with whose entries it agrees.

    The time that this takes grows with the number of entries and not with its square: all entries of a podcast may have
    the address of its page.
    """
    if len({one.source for one in candidates}) < 2:
        return []
    agreement = _Agreement(address, candidates, apart)
    groups: list[list[Candidate]] = []
    #: The numbers of the groups by the form of the title and the month of their leaders.
    places: dict[tuple[str, int], list[int]] = {}
    for one in sorted(candidates, key=lambda one: one.pk):
        month, forms = one.published_at.toordinal() // SPAN.days, agreement.forms(one)
        near = {number for form in forms for at in (-1, 0, 1) for number in places.get((form, month + at), ())}
        for number in sorted(near):
            if all(agreement.of(one, member) for member in groups[number]):
                groups[number].append(one)
                break
        else:
            for form in forms:
                places.setdefault((form, month), []).append(len(groups))
            groups.append([one])
    return groups


class _Agreement:
    """Whether two of the entries with an address are one item."""

    def __init__(self, address: str, candidates: Sequence[Candidate], apart: Collection[Pair]) -> None:
        host = address.partition("/")[0]
        keyed = address.startswith(KEY)
        # Entries with one key are one item whatever their titles are.
        self._forms = {one.pk: ("",) if keyed else title_forms(one.title, host) for one in candidates}
        self._apart = frozenset(apart)
        #: Entries whose source has another one like them at the address, as pages with a series have: only an equal
        #: date says which of them it is.
        self._recurring: set[int] = set()
        #: Those of them of which nothing says it.
        self._doubtful: set[int] = set()
        like: dict[tuple[str, str], list[Candidate]] = {}
        for one in candidates:
            for form in self._forms[one.pk]:
                like.setdefault((one.source, form), []).append(one)
        for some in like.values():
            self._compare(sorted(some, key=lambda one: one.published_at))

    def _compare(self, by_date: Sequence[Candidate]) -> None:
        for one, other in pairwise(by_date):
            if other.published_at - one.published_at <= SPAN:
                same = one.published_at == other.published_at
                self._recurring.update((one.pk, other.pk))
                self._doubtful.update(two.pk for two in (one, other) if same or not two.dated)

    def forms(self, one: Candidate) -> tuple[str, ...]:
        """Return the forms of the title of an entry, none if it cannot be joined with any other."""
        return () if one.pk in self._doubtful else self._forms[one.pk]

    def of(self, one: Candidate, other: Candidate) -> bool:
        """Whether two entries are one item."""
        if one.source == other.source or (min(one.pk, other.pk), max(one.pk, other.pk)) in self._apart:
            return False
        if not self._agree(one, other):
            return False
        if one.pk in self._recurring or other.pk in self._recurring:
            return one.dated and other.dated and one.published_at == other.published_at
        return abs(one.published_at - other.published_at) <= SPAN

    def _agree(self, one: Candidate, other: Candidate) -> bool:
        """Whether the title of one is a form of the title of the other."""
        first, second = self.forms(one), self.forms(other)
        return bool(first and second) and (first[0] in second or second[0] in first)
