"""Results of steps of one's own."""

from __future__ import annotations

from aggregator.store import Store
from tests.store_samples import HOUR, NOW, entry, source, update


def test_results_are_kept_by_their_hash(store: Store) -> None:
    assert store.steps.results(["h1"]) == {}
    store.steps.save("h1", {"title": "Größe", "tags": ["a"], "lone": "\ud800"}, NOW)
    store.steps.save("h2", {}, NOW + HOUR)
    assert store.steps.results(["h1", "h2", "h3"]) == {
        "h1": {"title": "Größe", "tags": ["a"], "lone": "\ud800"},
        "h2": {},
    }
    assert [store.steps.count_since(NOW + hours * HOUR) for hours in (0, 1, 2)] == [2, 1, 0]
    store.steps.save("h1", {"title": "2"}, NOW + 2 * HOUR)
    assert store.steps.results(["h1", "h2"]) == {"h1": {"title": "2"}, "h2": {}}


def test_the_results_of_one_step_can_be_counted(store: Store) -> None:
    for name in ("a/1", "a/2", "ab/1", "b/1"):
        store.steps.save(name, {}, NOW)
    assert [store.steps.count_since(NOW, begin) for begin in ("a/", "b/", "c/", "")] == [2, 1, 0, 4]


def test_what_no_stored_entry_can_need_is_forgotten(store: Store) -> None:
    for name, days in {"old": -9, "late": -6, "new": 1}.items():
        store.steps.save(name, {}, NOW + days * 24 * HOUR)
    store.steps.forget_unneeded()
    assert len(store.steps.results(["old", "late", "new"])) == 3
    store.sync_sources([source("a")])
    store.apply(update("a", entry("a", "k"), last_success_at=NOW))
    store.steps.forget_unneeded()
    assert store.steps.results(["old", "late", "new"]).keys() == {"late", "new"}
