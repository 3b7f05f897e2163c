"""Turns: what a publication leaves alone because it was changed since, where several processes share a store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from aggregator.models import ALL, Ruling
from aggregator.store import PostFile, Store
from tests.store.contract.implementations import Opener
from tests.store_samples import entry, pending_keys, placed, publish, ruled, source, update

#: The implementations that one process has alone.
ALONE = frozenset({"sqlite"})


@pytest.fixture
def other(opener: Opener, two: Store) -> Iterator[Store]:
    """Another process, on the same store with two sources."""
    with closing(opener()) as opened:
        yield opened


@pytest.fixture
def is_shared(implementation: str) -> bool:
    return implementation not in ALONE


def unassigned_keys(store: Store) -> list[str]:
    return [one.key for one in store.unassigned(100)]


def test_entries_that_come_or_change_after_a_turn_wait_for_the_next(two: Store, other: Store, is_shared: bool) -> None:
    two.apply(update("a", entry("a", "k1"), entry("a", "k2")))
    two.turn()
    other.apply(update("a", changed=(entry("a", "k1", title="Changed"),)))
    new = entry("b", "k3")
    other.apply(ruled("b", (new, Ruling(new, placements=placed("o")))))
    first = ["k2"] if is_shared else ["k1", "k2", "k3"]
    assert (pending_keys(two), unassigned_keys(two)) == (first, first)
    assert [item.entry.key for item in two.pending(100, two.pending(1)[0])] == first[1:]
    assert two.pending_categories() == ({"c"} if is_shared else {"c", "d", "o"})
    # The other one has a turn of its own, or none.
    assert pending_keys(other) == ["k1", "k2", "k3"]
    two.turn()
    assert (pending_keys(two), unassigned_keys(two)) == (["k1", "k2", "k3"],) * 2
    assert two.pending_categories() == {"c", "d", "o"}


@pytest.mark.parametrize("change", ["entry", "again", "title", "source", "ruling"])
def test_entries_that_change_after_a_turn_stay_pending(two: Store, other: Store, is_shared: bool, change: str) -> None:
    two.sync_sources([source("a", name=None), source("b", category="d")])
    two.apply(update("a", entry("a", "k1"), entry("a", "k2"), title="First"))
    two.apply(update("b", entry("b", "k3")))
    two.turn()
    pending = two.pending(100)
    changed = entry("a", "k1", title="Changed")
    if change == "entry":
        other.apply(update("a", changed=(changed,), title="First"))
    elif change == "again":
        other.mark_pending(["a"])
    elif change == "title":
        other.apply(update("a", title="Second"))
    elif change == "source":
        other.sync_sources([source("a", name=None, category="e"), source("b", category="d")])
    else:
        (stored,) = [one for one in other.entries_after(0, 100) if one.entry.key == "k1"]
        assert other.replace_rulings([(stored, Ruling(changed))], {}) == []
    two.mark_published([item.pk for item in pending])
    left = [] if not is_shared else ["k1", "k2"] if change in ("again", "title", "source") else ["k1"]
    assert pending_keys(other) == left
    two.turn()
    two.mark_published([item.pk for item in two.pending(100)])
    assert pending_keys(other) == []


def test_feeds_that_are_cleared_after_a_turn_stay_so(two: Store, other: Store, is_shared: bool) -> None:
    one = entry("a", "k1")
    two.apply(ruled("a", (one, Ruling(one, placements=placed("o")))))
    publish(two)
    names = ("feeds/c", "feeds/o", "feeds/d", f"feeds/{ALL}")
    two.record_fingerprints(dict.fromkeys(names, ""))
    two.turn()
    (pk,) = [one.pk for one in other.newest(None, 10)]
    other.remove_entries("a", [pk])
    two.record_fingerprints({**dict.fromkeys(names, "made"), "else": "x"})
    stay = "" if is_shared else "made"
    assert two.fingerprints() == {**dict.fromkeys(names, stay), "feeds/d": "made", "else": "x"}
    with two.alone():
        two.record_fingerprints({"feeds/c": "alone"})
    assert two.fingerprints()["feeds/c"] == "alone"
    two.turn()
    two.record_fingerprints(dict.fromkeys(names, "again"))
    assert two.fingerprints() == {**dict.fromkeys(names, "again"), "else": "x"}


def test_records_of_others_have_no_turn(two: Store) -> None:
    two.turn()
    for value in ("", "a", "", "b"):
        two.record_fingerprints({"hooks/a": value})
        assert two.fingerprints() == {"hooks/a": value}


def test_pages_that_become_stale_while_they_are_written_stay_stale(two: Store, other: Store, is_shared: bool) -> None:
    two.apply(update("a", *(entry("a", f"k{number}") for number in range(6))))
    publish(two)
    two.archives.close_pages("c", 2, 2)
    first, second = two.archives.stale_pages()
    pks = [item.pk for item in other.archives.items(first)]
    other.remove_entries("a", pks[:1])
    two.archives.mark_written([first, second])
    left = two.archives.stale_pages()
    assert [(page.output, page.number) for page in left] == ([("c", 1)] if is_shared else [])
    other.archives.mark(["c"])
    two.archives.mark_written(two.archives.stale_pages())
    assert two.archives.stale_pages() == []


def test_a_post_of_an_entry_that_is_withheld_while_it_is_written_is_withdrawn(
    two: Store, other: Store, is_shared: bool
) -> None:
    two.apply(update("a", entry("a", "k1"), entry("a", "k2")))
    publish(two)
    two.turn()
    first, second = (one.pk for one in other.entries_after(0, 10))
    for stored in other.entries_after(0, 10):
        assert other.replace_rulings([(stored, Ruling(stored.entry, "dropped"))], {}) == []
    two.save_post_files({first: PostFile(None, "digest")})
    withheld = [one.pk for one in two.withheld_posts(10)]
    assert withheld == ([first] if is_shared else [])
    assert second not in withheld


def test_what_is_done_alone_may_be_several_transactions(two: Store, other: Store) -> None:
    with two.alone():
        two.record_fingerprints({"a": "1"})
        with two.alone():
            two.apply(update("a", entry("a", "k1")))
        two.turn()
        two.record_fingerprints({"a": "2"})
    other.record_fingerprints({"b": "3"})
    assert two.fingerprints() == {"a": "2", "b": "3"}


def test_only_one_does_what_has_a_name(two: Store, other: Store, is_shared: bool) -> None:
    with two.sole("posts") as first, two.sole("posts") as again, other.sole("posts") as second:
        assert (first, again, second) == (True, True, not is_shared)
        with other.sole("lists") as besides:
            assert besides
    with other.sole("posts") as free:
        assert free
