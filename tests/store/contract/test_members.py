"""Selections among the members of an output, by date, by source, and by when they come out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from aggregator.models import Placement, Ruling
from aggregator.store import Member, Store
from tests.store_samples import HOUR, NOW, entry, placed, publish, ruled, source

DAY = timedelta(days=1)
#: When the first member was seen.
START = NOW + DAY


@pytest.fixture
def filled(store: Store) -> Store:
    """Ten members of `o`, one an hour, of which every third is of source `b`; `k9` has no id; others are elsewhere."""
    store.sync_sources([source("a"), source("b")])
    for number in range(10):
        one = entry("b" if number % 3 == 0 else "a", f"k{number}", published_at=NOW + number * HOUR)
        seen_at = START + number * HOUR
        store.apply(ruled(one.source_id, (one, Ruling(one, placements=placed("o"))), last_success_at=seen_at))
        other = entry("a", f"x{number}", published_at=NOW + number * HOUR)
        store.apply(ruled("a", (other, Ruling(other, placements=placed("p")))))
        if number < 9:
            publish(store)
    held = entry("a", "held", published_at=NOW + 99 * HOUR)
    store.apply(ruled("a", (held, Ruling(held, "held", placements=placed("o")))))
    return store


def keys(store: Store, found: Sequence[Member | int]) -> str:
    """Return the numbers of members that have an id, in their order."""
    pks = [one.pk if isinstance(one, Member) else one for one in found]
    return "".join(item.entry.key.removeprefix("k") for item in store.members.items("o", pks))


def test_the_newest(filled: Store) -> None:
    newest = filled.members.newest
    assert keys(filled, newest("o", 4, None, None)) == "876"
    assert keys(filled, newest("o", 99, None, None)) == "876543210"
    assert keys(filled, newest("o", 2, START + 5 * HOUR, None)) == "54"
    assert keys(filled, newest("o", 99, START + 5 * HOUR, NOW + 3 * HOUR)) == "54"
    assert newest("none", 4, None, None) == []


def test_the_newest_of_each_source(filled: Store) -> None:
    each = filled.members.newest_per_source
    assert keys(filled, each("o", 2, None, None)) == "876"
    assert keys(filled, each("o", 99, None, None)) == "876543210"
    assert keys(filled, each("o", 2, START + 5 * HOUR, None)) == "5430"
    assert keys(filled, each("o", 2, START + 5 * HOUR, NOW + 2 * HOUR)) == "543"
    assert each("none", 9, None, None) == []


def test_members_of_one_date_are_in_the_order_of_feeds(store: Store) -> None:
    store.sync_sources([source("a"), source("b")])
    for id in ("b", "a", "b"):
        new = [entry(id, f"{id}{number}") for number in range(4)]
        store.apply(ruled(id, *((one, Ruling(one, placements=placed("o"))) for one in new)))
        publish(store)
    whole = [item.pk for item in store.newest("o", 99)]
    assert len(whole) == 8
    assert [member.pk for member in store.members.newest("o", 99, None, None)] == whole
    assert [member.pk for member in store.members.newest_per_source("o", 99, None, None)] == whole


def test_members_come_out_when_they_are_released(filled: Store) -> None:
    out = filled.members
    assert out.released("o", 9, None) == []
    waiting = out.waiting("o", 3, START, START + 5 * HOUR, None)
    assert keys(filled, waiting) == "543"
    assert keys(filled, out.waiting("o", 99, START - DAY, START + 5 * HOUR, NOW + 3 * HOUR)) == "54"
    out.release("o", [], NOW)
    out.release("o", [waiting[0].pk, waiting[2].pk], NOW + 2 * DAY)
    out.release("o", [waiting[1].pk], NOW + 3 * DAY)
    # Who came out stays so.
    out.release("o", [waiting[1].pk], NOW + 4 * DAY)
    assert keys(filled, out.released("o", 9, None)) == "543"
    assert keys(filled, out.released("o", 1, None)) == "4"
    assert keys(filled, out.released("o", 9, NOW + 4 * HOUR)) == "5"
    assert keys(filled, out.waiting("o", 99, START, START + 5 * HOUR, None)) == "21"
    assert out.released_between("o", NOW, NOW + 2 * DAY) == [NOW + 2 * DAY] * 2
    assert out.released_between("o", NOW + 2 * DAY, NOW + 9 * DAY) == [NOW + 3 * DAY]
    out.forget_releases("o")
    assert out.released("o", 9, None) == []


def test_members_of_a_time(filled: Store) -> None:
    out = filled.members
    assert keys(filled, out.added_between("o", START + HOUR, START + 4 * HOUR, 9)) == "321"
    assert keys(filled, out.added_between("o", START + HOUR, START + 4 * HOUR, 2)) == "32"
    assert out.next_added("o", START + HOUR) == START + 2 * HOUR
    assert out.next_added("o", START + 9 * HOUR) is None
    assert out.last_added("o", START + HOUR) == START
    assert out.last_added("o", START) is None
    out.release("o", [member.pk for member in out.newest("o", 99, START + 2 * HOUR, None)], NOW + 2 * DAY)
    assert keys(filled, out.added_between("o", START + HOUR, START + 4 * HOUR, 9)) == "3"
    assert out.last_added("o", START + 3 * HOUR) is None


def test_items_are_as_the_output_shows_them(store: Store) -> None:
    store.sync_sources([source("a")])
    one = entry("a", "k")
    own = entry("a", "k", title="Other")
    store.apply(ruled("a", (one, Ruling(one, placements=(Placement("o", own), *placed("p"))))))
    publish(store)
    (item,) = store.newest("c", 9)
    assert item.entry.title == "Title k"
    assert [found.entry.title for found in store.members.items("o", [item.pk])] == ["Other"]
    assert [found.entry.title for found in store.members.items("p", [item.pk])] == ["Title k"]
