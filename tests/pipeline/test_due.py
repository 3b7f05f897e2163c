"""Which sources are updated, and in which order."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from aggregator.config import Config, load
from aggregator.models import FeedState
from aggregator.pipeline.due import TURN, choose, spread
from aggregator.store import Store, open_store
from tests.store_samples import HOUR, NOW
from tests.support import Site

SECOND = timedelta(seconds=1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path / "x.db")
    yield opened
    opened.close()


def configured(site: Site, store: Store, *urls: str, **fetch: object) -> Config:
    """Sources s0, s1 … at these addresses, in the store."""
    site.configure(*({"id": f"s{n}", "feed": url} for n, url in enumerate(urls)), fetch=fetch)
    config = load(site.config, {})
    store.sync_sources(config.sources)
    return config


def ids(config: Config, store: Store, **options: object) -> list[str]:
    return [source.id for source, _ in choose(config, store, NOW, **options)]  # type: ignore[arg-type]


def test_domains_take_turns_and_the_oldest_of_each_goes_first(site: Site, store: Store) -> None:
    hosts = ["a.example.org", "b.example.org", "example.org", "example.com", "one.github.io", "two.github.io"]
    config = configured(site, store, *(f"https://{host}/feed" for host in hosts))
    store.save_states([FeedState(f"s{n}", next_due_at=NOW - n * SECOND) for n in range(6)])
    assert ids(config, store) == ["s5", "s4", "s3", "s2", "s1", "s0"]
    store.save_states([FeedState(f"s{n}", next_due_at=NOW - (9 - n) * SECOND) for n in range(6)])
    assert ids(config, store) == ["s0", "s3", "s4", "s5", "s1", "s2"]


def test_everything_and_some_are_taken_due_or_not(site: Site, store: Store) -> None:
    config = configured(site, store, *(f"https://example{n}.org/feed" for n in range(4)))
    store.save_states([FeedState(f"s{n}", next_due_at=NOW + HOUR) for n in range(3)])
    assert ids(config, store) == ["s3"]
    assert sorted(ids(config, store, everything=True)) == ["s0", "s1", "s2", "s3"]
    assert ids(config, store, only=["s1"]) == ["s1"]


def test_what_is_under_way_is_left_alone_with_its_domain(site: Site, store: Store) -> None:
    urls = ["https://a.example.org/1", "https://b.example.org/2", "https://example.com/3"]
    config = configured(site, store, *urls, "http://127.0.0.1/4", "http://127.0.0.1/5")
    busy = [source for source in config.sources if source.id in ("s0", "s3")]
    assert ids(config, store, busy=busy) == ["s2", "s4"]
    assert ids(config, store, busy=config.sources) == []


def test_a_crowded_domain_does_not_fill_a_cycle_of_the_daemon(site: Site, store: Store) -> None:
    urls = [f"https://example.org/{n}" for n in range(200)]
    config = configured(site, store, *urls, "https://example.com/", "http://127.0.0.1/1", "http://127.0.0.1/2")
    taken = ids(config, store, turn=TURN)
    assert len(taken) == 120 + 3
    assert {"s200", "s201", "s202"} <= set(taken[:4])
    assert len(ids(config, store)) == 203
    slow = configured(site, store, *urls, host_delay="10s")
    assert len(ids(slow, store, turn=TURN)) == 6


def test_what_is_overdue_after_a_stop_is_spread(site: Site, store: Store) -> None:
    config = configured(site, store, *(f"https://example{n}.org/feed" for n in range(50)))
    store.save_states([FeedState(f"s{n}", next_due_at=NOW - HOUR, etag="x") for n in range(49)])
    store.save_states([FeedState("s49", next_due_at=NOW + HOUR, due_why="every 1h")])
    assert spread(config, store, NOW) == 49
    states = store.states()
    assert (states["s49"].next_due_at, states["s49"].due_why) == (NOW + HOUR, "every 1h")
    dues = [state.next_due_at for name, state in states.items() if name != "s49"]
    assert all(due is not None and NOW <= due < NOW + 49 * SECOND for due in dues)
    assert len(set(dues)) > 20
    assert (states["s0"].etag, states["s0"].due_why) == ("x", "it was overdue when the daemon started")


def test_new_sources_are_not_overdue_and_start_at_once(site: Site, store: Store) -> None:
    config = configured(site, store, *(f"https://example{n}.org/feed" for n in range(100)))
    assert spread(config, store, NOW) == 0
    assert len(ids(config, store)) == 100
    store.save_states([FeedState(f"s{n}", next_due_at=NOW - HOUR) for n in range(40)])
    assert spread(config, store, NOW + HOUR) == 40
    states = store.states()
    assert {states[f"s{n}"].next_due_at for n in range(40, 100)} == {None}


def test_a_few_start_at_once(site: Site, store: Store) -> None:
    config = configured(site, store, *(f"https://example{n}.org/feed" for n in range(32)))
    assert spread(config, store, NOW) == 0
    assert len(ids(config, store)) == 32


def test_sources_that_wait_for_a_clock_that_was_set_back_are_left_alone(site: Site, store: Store) -> None:
    config = configured(site, store, *(f"https://example{n}.org/feed" for n in range(40)))
    later = NOW + 1000 * HOUR
    store.save_states([FeedState(f"s{n}", last_attempt_at=later, next_due_at=later + HOUR) for n in range(40)])
    assert spread(config, store, NOW) == 0
    assert len(ids(config, store)) == 40
