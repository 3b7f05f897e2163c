"""Selections among the members of an output, by date, by source, and by when they come out."""

from __future__ import annotations

from datetime import timedelta

import pytest

from aggregator.models import Item, Ruling
from aggregator.store import Store
from tests.store_samples import HOUR, NOW, entry, placed, publish, ruled, source

DAY = timedelta(days=1)


@pytest.fixture
def members(store: Store) -> Store:
    """Ten members of `o`, one an hour, of which every third is of source `b`; `k9` has no id; others are elsewhere."""
    store.sync_sources([source("a"), source("b")])
    for number in range(10):
        one = entry("b" if number % 3 == 0 else "a", f"k{number}", published_at=NOW + number * HOUR)
        seen_at = NOW + DAY + number * HOUR
        store.apply(ruled(one.source_id, (one, Ruling(one, placements=placed("o"))), last_success_at=seen_at))
        other = entry("a", f"x{number}", published_at=NOW + number * HOUR)
        store.apply(ruled("a", (other, Ruling(other, placements=placed("p")))))
        if number < 9:
            publish(store)
    held = entry("a", "held", published_at=NOW + 99 * HOUR)
    store.apply(ruled("a", (held, Ruling(held, "held", placements=placed("o")))))
    return store


def keys(items: list[Item]) -> str:
    """Return the numbers of the items, in their order."""
    return "".join(item.entry.key.removeprefix("k") for item in items)


def test_the_newest_page_by_page(members: Store) -> None:
    newest = members.members.newest
    first = newest("o", 4)
    assert keys(first) == "8765"
    second = newest("o", 4, first[-1])
    assert keys(second) == "4321"
    assert keys(newest("o", 4, second[-1])) == "0"
    assert newest("none", 4) == []
    members.remove_entries("a", [second[-1].pk])
    assert keys(newest("o", 4, second[-1])) == "0"


def test_entries_of_one_date_are_all_in_one_of_the_pages(store: Store) -> None:
    store.sync_sources([source("a"), source("b")])
    for id in ("b", "a", "b"):
        new = [entry(id, f"{id}{number}") for number in range(4)]
        store.apply(ruled(id, *((one, Ruling(one, placements=placed("o"))) for one in new)))
        publish(store)
    whole = store.newest("o", 99)
    paged: list[Item] = []
    while page := store.members.newest("o", 3, paged[-1] if paged else None):
        paged += page
    assert paged == whole
    assert len(whole) == 8


def test_the_newest_of_each_source(members: Store) -> None:
    each = members.members.newest_per_source
    assert keys(each("o", 2, 9)) == "8763"
    assert keys(each("o", 2, 3)) == "876"
    assert keys(each("o", 9, 9)) == "876543210"
    assert keys(each("o", 2, 9, NOW + 6 * HOUR)) == "876"
    assert keys(each("o", 2, 9, released=True)) == ""
    members.members.release("o", [item.pk for item in members.newest("o", 9)[4:]], NOW)
    assert keys(each("o", 2, 9, released=True)) == "4320"
    assert members.members.sources("o") == ["a", "b"]
    assert members.members.sources("none") == []


def test_members_come_out_when_they_are_released(members: Store) -> None:
    out = members.members
    assert out.released("o", 9) == []
    waiting = out.waiting("o", 3)
    assert [one.added_at for one in waiting] == [NOW + DAY + number * HOUR for number in range(3)]
    members.record_fingerprints({"feeds/o": "made", "feeds/p": "made"})
    out.release("o", [], NOW)
    assert members.fingerprints()["feeds/o"] == "made"
    out.release("o", [waiting[0].pk, waiting[2].pk], NOW + 2 * DAY)
    out.release("o", [waiting[1].pk], NOW + 3 * DAY)
    assert members.fingerprints() == {"feeds/o": "", "feeds/p": "made"}
    assert keys(out.released("o", 9)) == "210"
    assert keys(out.released("o", 2)) == "21"
    assert len(out.waiting("o", 99)) == 6
    assert out.released_since("o", NOW + 3 * DAY) == [NOW + 3 * DAY]
    assert out.released_since("o", NOW) == [NOW + 2 * DAY] * 2 + [NOW + 3 * DAY]


def test_members_of_a_time(members: Store) -> None:
    start, out = NOW + DAY, members.members
    assert keys(out.added_between("o", start + HOUR, start + 4 * HOUR, 9)) == "321"
    assert keys(out.added_between("o", start + HOUR, start + 4 * HOUR, 2)) == "32"
    out.release("o", [one.pk for one in out.waiting("o", 99)[::2]], NOW + 2 * DAY)
    assert keys(out.added_between("o", start + HOUR, start + 4 * HOUR, 9)) == "321"
