"""Failures of all hosts at once are ours: nobody is blamed, all are tried again soon, and it ends by itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.errors import FetchError, SourceError
from aggregator.models import FailureKind, FeedState, FeedUpdate
from aggregator.pipeline.outage import MOST, OutageDetector, Outcome
from aggregator.service.health import assess
from aggregator.service.hooks import due_calls
from aggregator.store import Store, open_store
from tests.origin import Origin, Response
from tests.store_samples import NOW, source
from tests.support import Site, item, rss
from tests.worlds import World

MINUTE = timedelta(minutes=1)
WELL = Response(rss([item(1)]).encode(), 200, {"ETag": '"1"'})


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    """End the connection without an answer."""


DEAD = Response(raw=hang_up)


@pytest.fixture
def store(site: Site) -> Iterator[Store]:
    opened = open_store(site.data / "aggregator.db")
    yield opened
    opened.close()


@pytest.fixture
def everywhere() -> Iterator[Origin]:
    """An origin at every address of this machine, so that there are several hosts."""
    opened = Origin(host="")
    yield opened
    opened.close()


def dead(origin: Origin, hosts: int) -> dict[str, dict[str, str]]:
    """Sources on so many hosts that do not answer."""
    numbers = range(1, hosts + 1)
    return {
        f"s{number}": {"feed": origin.handle(f"/{number}", DEAD).replace("127.0.0.1", f"127.0.0.{number}")}
        for number in numbers
    }


async def test_nobody_is_blamed_when_every_host_fails_at_once(site: Site, everywhere: Origin, store: Store) -> None:
    world = World(site, store, dead(everywhere, 3), hooks={"on_problem": "false", "after": 1})
    results = await world.cycle()
    assert [result.unreached for result in results] == [True] * 3
    assert not any(result.failed for result in results)
    assert due_calls(world.config, {}, results) == []
    for name, state in store.states().items():
        assert (state.failures, state.failure_kind, state.error, state.outages) == (0, None, None, 1)
        assert state.last_attempt_at == NOW
        assert 2 * MINUTE <= world.wait(name) < 4 * MINUTE
        assert "network here" in (state.due_why or "")


async def test_the_tries_become_fewer_and_the_first_answer_ends_it(
    site: Site, everywhere: Origin, store: Store
) -> None:
    world = World(site, store, dead(everywhere, 3))
    for number in range(1, 8):
        await world.cycle(max(world.due(f"s{n}") for n in (1, 2, 3)) if number > 1 else NOW)
        assert {state.outages for state in store.states().values()} == {number}
    assert all(60 * MINUTE <= world.wait(f"s{n}") < 120 * MINUTE for n in (1, 2, 3))
    everywhere.handle("/1", WELL)
    await world.cycle(max(world.due(f"s{n}") for n in (1, 2, 3)))
    assert {name: (state.failures, state.outages) for name, state in store.states().items()} == {
        "s1": (0, 0),
        "s2": (1, 0),
        "s3": (1, 0),
    }


async def test_what_failed_before_keeps_its_account(site: Site, everywhere: Origin, store: Store) -> None:
    world = World(site, store, dead(everywhere, 3))
    before = FeedState("s1", failures=2, failure_kind="http_status", error="the server answered 500")
    store.save_states([before])
    results = await world.cycle()
    state = world.state("s1")
    assert (state.failures, state.failure_kind, state.error, state.outages) == (2, "http_status", before.error, 1)
    assert not any(result.failed for result in results)


async def test_one_host_is_no_network(site: Site, everywhere: Origin, store: Store) -> None:
    world = World(site, store, dead(everywhere, 1))
    results = await world.cycle()
    assert [result.failed for result in results] == [True]
    assert world.state("s1").failures == 1


@pytest.mark.parametrize(("ago", "down"), [(30 * MINUTE, False), (60 * MINUTE, True)])
async def test_two_hosts_are_the_network_where_nothing_worked_for_an_hour(
    ago: timedelta, down: bool, site: Site, everywhere: Origin, store: Store
) -> None:
    idle = {"feed": "https://other.example/feed"}
    world = World(site, store, {**dead(everywhere, 2), "idle": idle})
    store.save_states([FeedState("idle", last_success_at=NOW - ago, next_due_at=NOW + 60 * MINUTE)])
    results = await world.cycle()
    assert [(result.failed, result.unreached) for result in results] == [(not down, down)] * 2
    assert [(world.state(name).failures, world.state(name).outages) for name in ("s1", "s2")] == [
        (int(not down), int(down))
    ] * 2


async def test_two_hosts_that_fail_in_different_ways_are_blamed(site: Site, everywhere: Origin, store: Store) -> None:
    # One ends the connection, the other knows no TLS.
    other = everywhere.handle("/tls", WELL).replace("http://127.0.0.1", "https://127.0.0.2")
    world = World(site, store, {**dead(everywhere, 1), "s2": {"feed": other}})
    kinds = {result.state.failure_kind for result in await world.cycle()}
    assert len(kinds) == 2
    assert None not in kinds


async def test_a_source_that_is_configured_no_longer_does_not_count(
    site: Site, everywhere: Origin, store: Store
) -> None:
    world = World(site, store, {"old": {"feed": "https://other.example/feed"}})
    store.save_states([FeedState("old", last_success_at=NOW - MINUTE)])
    world = World(site, store, dead(everywhere, 2))
    assert [result.unreached for result in await world.cycle()] == [True, True]


@pytest.mark.parametrize("answer", [WELL, Response(b"", 500), Response(b"no feed")])
async def test_one_answer_clears_the_network_whatever_it_says(
    answer: Response, site: Site, everywhere: Origin, store: Store
) -> None:
    world = World(site, store, dead(everywhere, 4))
    everywhere.handle("/4", answer)
    await world.cycle()
    assert [world.state(f"s{n}").failures for n in (1, 2, 3)] == [1, 1, 1]
    assert {state.outages for state in store.states().values()} == {0}


def test_the_commands_say_so(site: Site, everywhere: Origin) -> None:
    site.configure(*({"id": name, **one} for name, one in dead(everywhere, 3).items()))
    done = site.run("update")
    assert done.status == 1
    assert "3 sources, 0 failed, 3 not reached: the network here seems to be down" in done.stdout
    assert {row["state"] for row in site.status().values()} == {"unreached"}
    assert site.run("status", "--failing", "--json").stdout.strip() == "[]"
    health = site.run("health")
    assert (health.status, "3 of 3 sources were not reached" in health.stdout) == (1, True)


def outcome(name: str, kind: FailureKind | None = None, *, held: bool = False) -> Outcome:
    error: SourceError | None = FetchError("no", kind=kind, held=held) if kind else None
    return Outcome(source(name), FeedState(name), FeedUpdate(FeedState(name, failures=int(bool(kind)))), error, 0.0)


def test_failures_are_held_back_until_a_host_answers() -> None:
    detector = OutageDetector(lambda: NOW)
    assert detector.add(outcome("a", "dns")) == []
    assert [one.source.id for one in detector.add(outcome("b", "refused"))] == ["b"]
    assert [one.source.id for one in detector.add(outcome("c", "http_status", held=True))] == ["c"]
    assert detector.add(outcome("d", "timeout")) == []
    assessd = detector.add(outcome("e"))
    assert [(one.source.id, one.update.state.failures) for one in assessd] == [("a", 1), ("d", 1), ("e", 0)]
    assert len(detector.add(outcome("f", "dns"))) == 1
    assert detector.close() == []


def test_no_more_than_some_are_held_back() -> None:
    detector = OutageDetector(lambda: NOW)
    for number in range(MOST - 1):
        assert detector.add(outcome(f"s{number}", "connect")) == []
    assessd = detector.add(outcome("last", "connect"))
    assert len(assessd) == MOST
    assert {one.update.state.outages for one in assessd} == {1}
    assert detector.close() == []


def test_an_address_that_cannot_be_read_is_a_host_of_its_own() -> None:
    detector = OutageDetector(lambda: NOW)
    for number in range(3):
        strange = outcome("a", "dns")
        detector.add(replace(strange, source=source("a", url=f"http://[{number}")))
    assert [one.update.state.outages for one in detector.close()] == [1, 1, 1]


@given(
    st.sampled_from(["http://", "HTTPS://", "rsshub://", "//", ""]),
    st.lists(st.sampled_from(["http://", "u:1@", "a-b.org", "A", ":80", ":", "/", "?", "#", "[::1]", "\n"])),
)
def test_the_host_of_a_source_is_that_of_its_address_on_the_web(scheme: str, pieces: list[str]) -> None:
    url = scheme + "".join(pieces)
    try:
        parts = urlsplit(url)
        host = parts.hostname if parts.scheme in ("http", "https") else None
    except ValueError:
        host = None
    assert source("a", url=url).host == host


def test_a_monitor_hears_of_it() -> None:
    states = [FeedState(name, outages=2, next_due_at=NOW) for name in "abc"]
    found = assess(NOW, states, NOW, max_age=MINUTE, max_failing=0.5)
    assert found.problems == ("3 of 3 sources were not reached: the network here seems to be down",)
