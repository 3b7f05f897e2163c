"""The parts of a worker: outcomes, requests, dispatch and engines, without a database server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from aggregator.cluster.dispatch import Dispatch
from aggregator.cluster.engines import Engines
from aggregator.cluster.outcomes import HeldFailures, StateKeeper, Stored
from aggregator.cluster.queue import Order
from aggregator.cluster.settings import Times
from aggregator.cluster.sources import Requests, SourceJobs
from aggregator.cluster.trials import SUSPECT, Trials
from aggregator.config import load
from aggregator.errors import FetchError, RowError, StoreError
from aggregator.models import FailureKind, FeedState, FeedUpdate, Source
from aggregator.pipeline.outage import Outcome
from aggregator.pipeline.run import SourceResult
from aggregator.store import Store, open_store
from aggregator.workers import StoreThread
from tests.store_samples import NOW, source
from tests.support import Site


def clock() -> datetime:
    return NOW


def outcome(name: str, kind: FailureKind | None = None) -> Outcome:
    """The outcome of a source on a host of its own."""
    state = FeedState(name)
    error = FetchError("it did not work", kind=kind) if kind else None
    after = replace(state, failures=1 if kind else 0, failure_kind=kind)
    return Outcome(source(name, url=f"https://{name}.example/feed"), state, FeedUpdate(after), error, 0.1)


async def not_silent() -> bool:
    return False


async def judged(held: HeldFailures, *outcomes: Outcome) -> list[Outcome]:
    """The outcomes, judged as they come at once."""
    async with asyncio.timeout(30):
        return await asyncio.gather(*(held.judge(one) for one in outcomes))


async def test_a_failure_waits_for_an_answer_of_any_host() -> None:
    held = HeldFailures(clock, not_silent, seconds=60, places=50)
    failed, fine = await judged(held, outcome("a", "dns"), outcome("b"))
    assert (failed.update.state.failures, fine.update.state.failures) == (1, 0)


async def test_an_answer_does_not_count_for_what_fails_later() -> None:
    held = HeldFailures(clock, not_silent, seconds=60, places=50)
    await judged(held, outcome("a"))
    waiting = asyncio.create_task(held.judge(outcome("b", "connect")))
    await asyncio.sleep(0)
    assert not waiting.done()
    await held.close()
    assert (await waiting).update.state.failures == 1


@pytest.mark.parametrize(("seconds", "places"), [(0.01, 50), (60.0, 3)])
async def test_failures_of_all_hosts_are_those_of_our_network(seconds: float, places: int) -> None:
    held = HeldFailures(clock, not_silent, seconds=seconds, places=places)
    found = await judged(held, *(outcome(name, "connect") for name in "abc"))
    assert [(one.update.state.failures, one.update.state.outages) for one in found] == [(0, 1)] * 3


async def test_one_failing_host_is_a_failure_of_its_source() -> None:
    held = HeldFailures(clock, not_silent, seconds=0.01, places=50)
    (found,) = await judged(held, outcome("a", "connect"))
    assert (found.update.state.failures, found.update.state.outages) == (1, 0)


async def test_a_store_that_fails_lets_no_outcome_wait_for_ever() -> None:
    async def fails() -> bool:
        raise StoreError("gone")

    held = HeldFailures(clock, fails, seconds=0.01, places=50)
    assert len(await judged(held, outcome("a", "connect"))) == 1


async def test_states_are_stored_together() -> None:
    calls = list[int]()
    with StoreThread() as thread:
        keeper = StateKeeper(thread, lambda states: calls.append(len(states)), seconds=0.01)
        await asyncio.gather(*(keeper.keep(Stored(FeedState(str(n)), FeedState(str(n)))) for n in range(250)))
    assert calls == [200, 50]


async def test_who_waits_for_a_state_learns_that_it_was_not_stored() -> None:
    def fails(states: object) -> None:
        raise StoreError("the disk is full")

    with StoreThread() as thread:
        keeper = StateKeeper(thread, fails, seconds=0.01)
        with pytest.raises(StoreError, match="full"):
            await keeper.keep(Stored(FeedState("a"), FeedState("a")))


def test_requests_are_named_by_the_smallest_id_of_their_sources() -> None:
    same = [source(name, url="https://a.example/feed") for name in ("c", "a", "b")]
    requests = Requests([*same, source("d", url="https://d.example/feed", paused=True)])
    assert [requests.name_of(name) for name in ("a", "b", "c", "d", "nowhere")] == ["a", "a", "a", None, None]
    assert [one.id for one in requests.sources("a")] == ["c", "a", "b"]
    assert requests.sources("b") == requests.sources("d") == requests.sources("nowhere") == []


class FakeQueue:
    """What dispatch puts, and what is there already."""

    def __init__(self, there: list[str]) -> None:
        self.there = there
        self.put_: list[str] = []

    async def under_way(self) -> list[str]:
        return self.there

    async def put(self, *orders: Order) -> bool:
        self.put_ += [order.of for order in orders]
        return True

    async def expect(self, count: int) -> None:
        assert count == len(self.there) + len(self.put_)


class FakeDatabase:
    clock = staticmethod(clock)

    async def rows(self, statement: str, *values: object) -> list[tuple[int]]:
        return [(0,)]


async def dispatched(site: Site, listed: list[dict[str, Any]], there: list[str], places: int = 50) -> list[str]:
    """The requests that go into the queue, where `there` are in it."""
    site.configure(*listed)
    config = load(site.config, {})
    with closing(open_store(site.folder / "store.db")) as store, StoreThread() as thread:
        store.sync_sources(config.sources)
        queue = FakeQueue(there)
        dispatch = Dispatch(
            config,
            Requests(config.sources),
            store,
            thread,
            cast("Any", queue),
            cast("Any", FakeDatabase()),
            Times(),
            places,
        )
        await dispatch.run(0)
        return queue.put_


def on(host: str, count: int) -> list[dict[str, Any]]:
    return [{"id": f"{host}{number:03d}", "feed": f"https://www.{host}.example/{number}"} for number in range(count)]


async def test_domains_take_turns_in_the_queue(site: Site) -> None:
    found = await dispatched(site, [*on("big", 300), *on("small", 2)], ["big000", "big001"])
    # Two a second may be asked of a domain, for a minute, and two are there.
    assert len([name for name in found if name.startswith("big")]) == 118
    assert found[:4] == ["small000", "small001", "big002", "big003"]


async def test_the_queue_holds_no_more_than_the_places_need(site: Site) -> None:
    many = [{"id": f"s{number:03d}", "feed": f"https://h{number}.example/"} for number in range(60)]
    assert len(await dispatched(site, many, [], places=2)) == 40
    assert await dispatched(site, many, [f"s{number:03d}" for number in range(30)], places=2) == []


async def test_paused_sources_and_those_in_the_queue_are_left_out(site: Site) -> None:
    listed = [*on("a", 2), {"id": "p", "feed": "https://p.example/", "paused": True}, {**on("a", 1)[0], "id": "z"}]
    assert await dispatched(site, listed, ["a001"]) == ["a000"]
    assert await dispatched(site, [], []) == []


class FakeEngine:
    def __init__(self) -> None:
        self.recorded = 0

    async def record(self) -> None:
        self.recorded += 1


async def test_an_engine_that_was_replaced_is_closed_by_its_last_user() -> None:
    made, open_ = list[FakeEngine](), set[FakeEngine]()

    @asynccontextmanager
    async def make() -> AsyncIterator[FakeEngine]:
        engine = FakeEngine()
        made.append(engine)
        open_.add(engine)
        yield engine
        open_.discard(engine)

    engines = Engines(cast("Any", make), 0.0)
    async with engines.use() as first, engines.use() as second:
        assert (first is not second, len(open_)) == (True, 2)
    # The second one has been replaced by none yet.
    assert open_ == {made[1]}
    await engines.close()
    assert (open_, [one.recorded for one in made]) == (set(), [1, 1])


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(tmp_path / "store.db")) as made:
        yield made


class GivenUp:
    """The trials of a source that has ended too many workers."""

    @asynccontextmanager
    async def trial(self, name: str, *, at_once: bool) -> AsyncIterator[bool]:
        yield False


def jobs_of(store: Store, thread: StoreThread, sources: list[Source], site: Site) -> tuple[SourceJobs, list[Any]]:
    """Source jobs that have no engine, and what they gave."""
    site.configure()
    results = list[SourceResult]()
    store.sync_sources(sources)
    config, requests, engines = load(site.config, {}), Requests(sources), cast("Engines", None)
    times = Times(together=0.0)
    trials = cast("Trials", GivenUp())
    made = SourceJobs(
        config, requests, store, thread, engines, clock, times, 5, trials, lambda one, before: results.append(one)
    )
    return made, results


async def test_a_source_that_ends_workers_is_given_up(store: Store, site: Site) -> None:
    with StoreThread() as thread:
        jobs, results = jobs_of(store, thread, [source("a")], site)
        await jobs.run(SUSPECT, "a")
    state = store.states()["a"]
    assert (state.failure_kind, state.failures, len(results)) == ("internal", 1, 1)
    assert state.next_due_at is not None
    assert state.next_due_at > NOW


async def test_jobs_without_due_sources_end_at_once(store: Store, site: Site) -> None:
    with StoreThread() as thread:
        jobs, results = jobs_of(store, thread, [source("a"), source("b", paused=True)], site)
        store.save_states([replace(store.states()["a"], next_due_at=NOW + timedelta(hours=1))])
        for name in ("a", "b", "nowhere"):
            await jobs.run(0, name)
    assert results == []


async def test_a_state_that_cannot_be_stored_does_not_stay_due(
    store: Store, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = type(store).save_states

    def refuse(self: Store, states: list[FeedState]) -> None:
        if any(state.etag == "bad" for state in states):
            raise RowError("no such text")
        save(cast("Any", self), states)

    monkeypatch.setattr(type(store), "save_states", refuse)
    with StoreThread() as thread:
        jobs, _ = jobs_of(store, thread, [source("a"), source("b")], site)
        before = store.states()
        after = [replace(before[name], etag=etag, next_due_at=NOW) for name, etag in (("a", "bad"), ("b", "fine"))]
        jobs._save([Stored(state, before[state.source_id]) for state in after])
    states = store.states()
    assert (states["a"].failure_kind, states["b"].etag) == ("internal", "fine")
