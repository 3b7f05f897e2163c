"""Results of steps of one's own."""

from __future__ import annotations

from aggregator.store import Store
from tests.store_samples import HOUR, NOW


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
    store.steps.forget(NOW + 2 * HOUR)
    assert store.steps.results(["h1", "h2"]) == {"h1": {"title": "2"}}
