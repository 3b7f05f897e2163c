"""Cycles that end early: what was answered before the end is kept."""

from __future__ import annotations

import asyncio
import threading
from contextlib import closing, suppress

from aggregator.config import load
from aggregator.due import choose
from aggregator.pipeline.run import SourceResult, update_due
from aggregator.store import open_store
from tests.origin import Origin, Response, Seen
from tests.store_samples import NOW
from tests.support import Site


async def test_cancelled_cycle_keeps_the_outcomes_that_it_has(site: Site, origin: Origin) -> None:
    release = threading.Event()

    def hang(seen: Seen) -> Response:
        release.wait(30)
        return Response()

    site.configure({"id": "gone", "feed": origin.url + "/gone"}, {"id": "slow", "feed": origin.handle("/slow", hang)})
    config = load(site.config, {})
    finished = asyncio.Event()
    with closing(open_store(site.data / "x.db")) as store:
        store.sync_sources(config.sources)
        cycle = asyncio.create_task(
            update_due(
                config, store, choose(config, store, NOW), clock=lambda: NOW, on_result=lambda result: finished.set()
            )
        )
        await finished.wait()
        cycle.cancel()
        with suppress(asyncio.CancelledError):
            await cycle
        release.set()
        assert {name: state.failures for name, state in store.states().items()} == {"gone": 1, "slow": 0}
        assert sum(one.requests for one in store.host_traffic(NOW.date())) >= 1


async def test_stopped_cycle_begins_no_source_and_keeps_the_outcomes_that_it_has(site: Site, origin: Origin) -> None:
    site.configure(
        {"id": "one", "feed": origin.url + "/one"},
        {"id": "two", "feed": origin.url + "/two"},
        fetch={"allow_private_addresses": True, "concurrency": 1},
    )
    config = load(site.config, {})
    told: list[SourceResult] = []
    with closing(open_store(site.data / "x.db")) as store:
        store.sync_sources(config.sources)
        chosen = choose(config, store, NOW)
        results = await update_due(
            config, store, chosen, clock=lambda: NOW, on_result=told.append, stopping=lambda: bool(told)
        )
        assert results == told
        assert {name: state.failures for name, state in store.states().items()} == {"one": 1, "two": 0}
