"""How the stored sources follow the configured ones."""

from __future__ import annotations

from typing import Any

import pytest

from aggregator.models import FeedState
from aggregator.store import Store
from tests.store_samples import HOUR, NOW, entry, newest_keys, pending_keys, publish, source, update

STATE: dict[str, Any] = {
    "title": "Feed",
    "home_url": "https://a.example/",
    "etag": "e",
    "last_modified": "m",
    "body_hash": "b",
    "request_hash": "r",
    "last_attempt_at": NOW,
    "last_success_at": NOW,
    "next_due_at": NOW + HOUR,
    "failures": 2,
    "failure_kind": "dns",
    "error": "no such host",
    "due_why": "failed twice",
    "rhythm": "1 2 -",
    "feed_hints": "ttl=3600",
    "gone_days": 1,
    "gone_last": NOW.date(),
    "moved_to": "https://b.example/feed",
    "moved_since": NOW,
}
LEFT_BY_ANOTHER_ADDRESS = FeedState(
    "a", title="Feed", home_url="https://a.example/", last_attempt_at=NOW, last_success_at=NOW, rhythm="1 2 -"
)


@pytest.fixture
def store(store: Store) -> Store:
    """A store with the source `a`, its state, and one published entry."""
    store.sync_sources([source("a")])
    store.apply(update("a", entry("a", "k"), **STATE))
    publish(store)
    return store


def sync_keys(store: Store) -> dict[str, list[str]]:
    """Return which of the entries k, l, m each configured source has."""
    return {id: sorted(store.recognize(id, ["k", "l", "m"])[0]) for id in store.states()}


def test_nothing_changes_without_a_change(store: Store) -> None:
    before = (store.states(), store.entry_counts(), store.newest(None, 9))
    store.sync_sources([source("a", line=7, max_body=1)])
    assert (store.states(), store.entry_counts(), store.newest(None, 9), store.pending(9)) == (*before, [])


def test_new_source_is_due_at_once(store: Store) -> None:
    store.sync_sources([source("a"), source("b")])
    assert store.due(NOW) == [FeedState("b")]
    assert store.entry_counts() == {"a": 1, "b": 0}


def test_removed_source_is_in_no_list_and_comes_back_as_it_was(store: Store) -> None:
    before = (store.states(), store.newest(None, 9), store.newest("c", 9))
    store.mark_pending(["a"])
    store.sync_sources([])
    assert (store.states(), store.entry_counts(), store.due(NOW + 2 * HOUR)) == ({}, {}, [])
    assert (newest_keys(store), newest_keys(store, "c"), pending_keys(store)) == ([], [], [])
    assert store.pending_categories() == set()
    store.sync_sources([source("a")])
    assert (store.states(), store.newest(None, 9), store.newest("c", 9)) == before
    assert pending_keys(store) == ["k"]


def test_outcome_of_a_source_that_was_removed_meanwhile_is_kept_for_later(store: Store) -> None:
    store.sync_sources([])
    store.apply(update("a", entry("a", "l")))
    assert pending_keys(store) == []
    store.sync_sources([source("a")])
    # The other one is rendered once more: a change of the program has not reached it meanwhile.
    assert pending_keys(store) == ["k", "l"]
    assert store.entry_counts() == {"a": 2}


def test_new_category_moves_the_entries(store: Store) -> None:
    store.sync_sources([source("a", category="d")])
    assert (newest_keys(store, "c"), newest_keys(store, "d")) == ([], ["k"])
    assert [item.origin.category for item in store.pending(9)] == ["d"]


@pytest.mark.parametrize("change", [{"name": "New"}, {"name": None}, {"section": "New"}, {"category": "new"}])
def test_what_posts_show_makes_them_pending(store: Store, change: dict[str, str | None]) -> None:
    store.sync_sources([source("a", **change)])
    assert pending_keys(store) == ["k"]
    assert store.states() == {"a": FeedState("a", **STATE)}


def test_name_that_is_the_same_as_the_title_changes_no_post(store: Store) -> None:
    store.sync_sources([source("a", name="Feed")])
    publish(store)
    store.sync_sources([source("a", name=None)])
    assert pending_keys(store) == []


@pytest.mark.parametrize("change", [{"url": "https://a.example/other"}, {"kind": "scrape"}])
def test_new_address_drops_what_belonged_to_the_old_one(store: Store, change: dict[str, str]) -> None:
    store.sync_sources([source("a", **change)])
    assert store.due(NOW) == [LEFT_BY_ANOTHER_ADDRESS]
    assert (store.entry_counts(), newest_keys(store), pending_keys(store)) == ({"a": 1}, ["k"], [])


URL = "https://a.example/feed"


@pytest.mark.parametrize(
    ("old_is_explicit", "new_is_explicit", "follows"),
    [(False, False, True), (False, True, True), (True, False, True), (True, True, True)],
)
def test_renamed_source_is_found_by_its_address(
    store: Store, old_is_explicit: bool, new_is_explicit: bool, follows: bool
) -> None:
    store.sync_sources([source("a", explicit_id=old_is_explicit)])
    store.sync_sources([source("b", url=URL, explicit_id=new_is_explicit)])
    assert store.states() == {"b": FeedState("b", **STATE) if follows else FeedState("b")}
    assert store.entry_counts() == {"b": 1 if follows else 0}
    assert [item.origin.id for item in store.newest(None, 9)] == (["b"] if follows else [])


def test_derived_ids_that_move_up_when_a_source_goes(store: Store) -> None:
    first = source("x", url="https://x.example/1", explicit_id=False)
    second = source("x-2", url="https://x.example/2", explicit_id=False)
    store.sync_sources([first, second])
    store.apply(update("x", entry("x", "l")))
    store.apply(update("x-2", entry("x-2", "m")))
    moved = source("x", url=second.url, explicit_id=False)
    store.sync_sources([moved])
    assert sync_keys(store) == {"x": ["m"]}
    store.sync_sources([moved, source("x-2", url=first.url, explicit_id=False)])
    assert sync_keys(store) == {"x-2": ["l"], "x": ["m"]}


def test_derived_ids_that_change_places(store: Store) -> None:
    first, second = "https://x.example/1", "https://x.example/2"
    store.sync_sources([source("x", url=first, explicit_id=False), source("x-2", url=second, explicit_id=False)])
    store.apply(update("x", entry("x", "l")))
    store.apply(update("x-2", entry("x-2", "m")))
    store.sync_sources([source("x", url=second, explicit_id=False), source("x-2", url=first, explicit_id=False)])
    assert sync_keys(store) == {"x": ["m"], "x-2": ["l"]}


def test_derived_id_with_a_new_address_stays_the_same_source(store: Store) -> None:
    store.sync_sources([source("a", explicit_id=False)])
    store.sync_sources([source("a", explicit_id=False, url="https://elsewhere.example/")])
    assert sync_keys(store) == {"a": ["k"]}


def test_two_sources_with_one_address_stay_apart(store: Store) -> None:
    both = [source("a"), source("b", url=URL, explicit_id=False)]
    store.sync_sources(both)
    assert sync_keys(store) == {"a": ["k"], "b": []}
    store.sync_sources(both[::-1])
    assert sync_keys(store) == {"a": ["k"], "b": []}


def test_explicit_id_that_changes_goes_to_a_row_that_nobody_names(store: Store) -> None:
    store.sync_sources([source("a"), source("b", url=URL)])
    store.apply(update("b", entry("b", "l")))
    store.sync_sources([source("c", url=URL), source("a")])
    assert sync_keys(store) == {"a": ["k"], "c": ["l"]}
    store.sync_sources([source("a"), source("d", url=URL), source("e", url=URL)])
    assert sync_keys(store) == {"a": ["k"], "d": ["l"], "e": []}


def test_explicit_id_wins_over_an_address(store: Store) -> None:
    store.sync_sources([source("a"), source("b")])
    store.apply(update("b", entry("b", "l")))
    store.sync_sources([source("a", url="https://b.example/feed")])
    assert sync_keys(store) == {"a": ["k"]}
