"""Publication is right whatever happens in the store meanwhile, and wherever it ends."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from aggregator.publish import archives
from aggregator.publish.publication import Report, publish_lists, publish_outputs, publish_posts
from aggregator.store import Store, open_store
from tests.postgres import new_database
from tests.publish.turns import HAPPENINGS, Shared, Watched, shared
from tests.support import Site


@pytest.fixture(autouse=True)
def small_and_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "PAGE_SIZE", 4)
    # Nothing has to outlive the machine.
    monkeypatch.setattr(os, "sync", lambda: None)
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture(params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, site: Site) -> Iterator[Shared]:
    if request.param == "postgresql":
        with new_database() as uri, shared(site, lambda: open_store(uri)) as made:
            yield made
    else:
        # Beside the data folder, so that all of that can be compared.
        with shared(site, lambda: open_store(site.folder / "aggregator.db")) as made:
            yield made


@pytest.fixture
def postgresql(site: Site) -> Iterator[Shared]:
    with new_database() as uri, shared(site, lambda: open_store(uri)) as made:
        yield made


def in_parts(world: Shared, store: Store) -> None:
    """Publish as jobs do."""
    config, data, now = world.config, world.site.data, world.now
    reports = [publish_posts(store, config, data, now=now)]
    reports += [publish_outputs(store, config, data, [slug], now=now) for slug in reports[0].outdated]
    reports.append(publish_lists(store, config, data, now=now))
    assert [failure for report in reports for failure in report.failures] == []


def as_one(world: Shared, store: Store) -> None:
    """Publish as one process does."""
    world.publish(store)


WAYS = (as_one, in_parts)


def calls_of(world: Shared, way: Callable[[Shared, Store], None]) -> int:
    """Publish, and return how many calls of the store that takes."""
    watched = Watched(world.store, 1_000_000, lambda: None)
    world.add()
    way(world, watched)
    return watched.calls


#: Something happens before every so many calls of the store. With 1 it is before each of them, which takes minutes.
STEP = 17


def steps(count: int) -> range:
    """Return the numbers of the calls before which something happens."""
    return range(0, count, STEP)


@pytest.mark.parametrize("way", WAYS)
def test_what_happens_during_a_publication_is_published_by_the_next_one(
    postgresql: Shared, way: Callable[[Shared, Store], None]
) -> None:
    world = postgresql
    for number, at in enumerate(steps(calls_of(world, way))):
        world.now += timedelta(minutes=20)
        world.add(count=1)
        happening = HAPPENINGS[number % len(HAPPENINGS)]
        way(world, Watched(world.store, at, partial(happening, world)))
        way(world, world.store)
        world.check()


@pytest.mark.parametrize("way", WAYS)
def test_a_publication_that_ends_anywhere_is_completed_by_the_next_one(
    world: Shared, way: Callable[[Shared, Store], None]
) -> None:
    def end() -> None:
        raise KeyboardInterrupt

    for number, at in enumerate(steps(calls_of(world, way))):
        world.now += timedelta(minutes=20)
        world.add(count=1)
        HAPPENINGS[number % len(HAPPENINGS)](world)
        with pytest.raises(KeyboardInterrupt):
            way(world, Watched(world.store, at, end))
        way(world, world.store)
        world.check()


def test_other_parts_may_run_at_any_time(postgresql: Shared) -> None:
    world = postgresql
    config, data = world.config, world.site.data
    slugs = ["c0", "c1", "all", "rust", "slow", "secret"]

    def posts(store: Store) -> Report:
        return publish_posts(store, config, data, now=world.now)

    def feeds(store: Store) -> Report:
        return publish_outputs(store, config, data, slugs, now=world.now)

    def lists(store: Store) -> Report:
        return publish_lists(store, config, data, now=world.now)

    for outer, inner in ((posts, feeds), (feeds, posts), (feeds, lists), (lists, posts), (posts, lists)):
        watched = Watched(world.store, 1_000_000, lambda: None)
        world.add()
        outer(watched)
        for at in steps(watched.calls + STEP):
            world.now += timedelta(minutes=20)
            world.add(count=1)
            world.published_entries_change()
            outer(Watched(world.store, at, partial(inner, world.other)))
            in_parts(world, world.store)
            world.check()


def test_parts_write_what_the_whole_writes(world: Shared, tmp_path: Path) -> None:
    world.add()
    world.everything_is_pending()
    report = publish_posts(world.store, world.config, world.site.data, now=world.now)
    assert report.posts
    assert report.feeds == []
    assert set(report.outdated) == {"c0", "c1", "all", "rust", "few", "fair", "slow", "late", "secret"}
    again = publish_posts(world.store, world.config, world.site.data, now=world.now)
    assert (again.files, again.outdated) == (0, report.outdated)
    for slug in report.outdated:
        # In some, the new entries wait.
        written = publish_outputs(world.store, world.config, world.site.data, [slug], now=world.now).feeds
        assert bool(written) == (slug not in ("slow", "late"))
        assert publish_outputs(world.store, world.config, world.site.data, [slug], now=world.now).files == 0
    publish_lists(world.store, world.config, world.site.data, now=world.now)
    assert publish_posts(world.store, world.config, world.site.data, now=world.now).outdated == []
    assert publish_outputs(world.store, world.config, world.site.data, ["ended"], now=world.now) == Report(
        next_at=again.next_at
    )
    assert world.publish().files == 0
    world.check()
