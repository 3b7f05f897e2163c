"""Another process writes to the database for longer than we wait: the message says so, and nothing is lost."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from aggregator.errors import StoreError
from aggregator.store.sqlite import SqliteDatabase
from aggregator.store.sqlstore import SqlStore
from tests.origin import Origin
from tests.support import Site, item, rss
from tests.worlds import World


async def test_lock_that_outlasts_the_wait_costs_a_cycle_and_nothing_else(site: Site, origin: Origin) -> None:
    path = site.data / "x.db"
    sources = {
        name: {"feed": origin.route(f"/{name}", rss([item(number)]), conditional=True)}
        for number, name in enumerate(("one", "two", "three"))
    }
    with closing(SqlStore(SqliteDatabase(path, lock_timeout=0.2))) as store:
        world = World(site, store, sources)
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreError, match=r"x\.db: database is locked: another process is writing to it; wait"):
                await world.cycle()
            # What was read is still there, and says that nothing was stored.
            assert {state.last_success_at for state in store.states().values()} == {None}
            assert set(store.entry_counts().values()) == {0}
            other.execute("ROLLBACK")
        results = await world.cycle()
        assert [(result.new, result.failed) for result in results] == [(1, False)] * 3
        assert store.entry_counts() == {"one": 1, "two": 1, "three": 1}
