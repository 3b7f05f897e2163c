"""What `Fetcher` asks of whoever keeps the politeness of several processes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from aggregator.errors import ConnectionLost, FetchError
from aggregator.fetch import Fetcher, FetchSettings
from aggregator.fetch.leases import Held, LeaseEnded, LeftAlone
from aggregator.models import Fetched
from tests.daemons import PATIENCE
from tests.etiquette import AGENT, NOW, Crowd, Names, failed, hosts, request, serve, together
from tests.origin import Origin, Response, Seen


@dataclass
class Noted:
    """Leases of one process, which write down what they are asked."""

    log: list[tuple[Any, ...]] = field(default_factory=list)
    #: What the next leases answer to `allows` and do in `check`.
    allowed: list[bool] = field(default_factory=list)
    checks: list[Callable[[], None]] = field(default_factory=list)
    #: What `take` raises next.
    errors: list[Exception] = field(default_factory=list)
    out: int = 0
    most: int = 0

    async def take(self, domain: str, host: str, slots: int, delay: float, seconds: float) -> Held:
        self.log.append(("take", domain, host, slots, delay, seconds))
        if self.errors:
            raise self.errors.pop(0)
        self.out += 1
        self.most = max(self.most, self.out)
        return One(self)

    async def leave_alone(self, host: str, wait: timedelta) -> None:
        self.log.append(("leave alone", host, wait))

    async def slow_down(self, domain: str, delay: float) -> None:
        self.log.append(("slow down", domain, delay))

    def of(self, what: str) -> list[tuple[Any, ...]]:
        return [entry[1:] for entry in self.log if entry[0] == what]


@dataclass
class One:
    """One of them."""

    leases: Noted

    def allows(self, seconds: float) -> bool:
        return self.leases.allowed.pop(0) if self.leases.allowed else True

    def check(self) -> None:
        if self.leases.checks:
            self.leases.checks.pop(0)()

    async def give_back(self) -> None:
        self.leases.out -= 1
        self.leases.log.append(("give back",))


def fetcher(origin: Origin, leases: Noted, **changes: Any) -> Fetcher:
    """A fetcher with leases for which every host is the origin."""
    settings = FetchSettings(user_agent=AGENT, concurrency=8, **changes)
    return Fetcher(settings, clock=lambda: NOW, resolver=Names(origin), leases=leases)


async def test_every_request_has_a_lease_of_its_own(origin: Origin) -> None:
    serve(origin, "/old", b"", 302, Location="http://blog.example.com/feed")
    serve(origin)
    leases = Noted()
    async with fetcher(origin, leases, per_host=3, host_delay=timedelta(seconds=2)) as one:
        await one.fetch(request("http://www.example.org/old", robots=True, timeout=timedelta(seconds=20)))
    asked = leases.of("take")
    assert [entry[:4] for entry in asked] == [
        ("example.org", "www.example.org", 3, 2.0),
        ("example.org", "www.example.org", 3, 2.0),
        ("example.com", "blog.example.com", 3, 2.0),
        ("example.com", "blog.example.com", 3, 2.0),
    ]
    assert [seen.path for seen in origin.requests] == ["/robots.txt", "/old", "/robots.txt", "/feed"]
    assert all(seconds > 20 for *_, seconds in asked[:2])
    assert [entry[0] for entry in leases.log] == ["take", "give back"] * 4


async def test_this_machine_needs_none(origin: Origin) -> None:
    leases = Noted()
    async with fetcher(origin, leases) as one:
        await one.fetch(request(origin.route("/feed", "<rss/>")))
    assert leases.log == []


async def test_a_process_asks_for_as_many_as_there_are_places(origin: Origin) -> None:
    """So the database is not asked by hundreds of requests for one domain."""
    origin.handle("/feed", Crowd(2))
    leases = Noted()
    async with fetcher(origin, leases) as one:
        results = await together(one, *(f"http://h{n}.example.org/feed" for n in range(6)))
    assert all(isinstance(result, Fetched) for result in results)
    assert (leases.most, leases.out, len(leases.of("take"))) == (2, 0, 6)


async def test_a_host_that_is_left_alone_is_not_asked(origin: Origin) -> None:
    until = NOW + timedelta(minutes=3)
    leases = Noted(errors=[LeftAlone(until)])
    async with fetcher(origin, leases) as one:
        error = await failed(one, "http://www.example.org/feed")
        (traffic,) = one.traffic
    assert (error.held, error.retry_after, error.url) == (True, until, "http://www.example.org/feed")
    assert (traffic.requests, traffic.held) == (0, 1)
    assert origin.requests == []


@pytest.mark.parametrize(("said", "wait"), [({"Retry_After": "120"}, timedelta(minutes=2)), ({}, timedelta(hours=1))])
async def test_what_a_host_wants_is_told_before_the_lease_is_given_back(
    origin: Origin, said: dict[str, str], wait: timedelta
) -> None:
    serve(origin, "/busy", b"", 429, **said)
    leases = Noted()
    async with fetcher(origin, leases) as one:
        assert not (await failed(one, "http://www.example.org/busy")).held
        # Whether it holds is for the leases to say.
        assert not (await failed(one, "http://www.example.org/busy")).held
        assert one.waits == {}
    assert leases.log[1:3] == [("leave alone", "www.example.org", wait), ("give back",)]


async def test_waits_of_this_machine_stay_here(origin: Origin) -> None:
    serve(origin, "/busy", b"", 503, Retry_After="120")
    leases = Noted()
    settings = FetchSettings(user_agent=AGENT, concurrency=8)
    there, later = f"127.0.0.1:{origin.port}", NOW + timedelta(minutes=1)
    async with Fetcher(settings, clock=lambda: NOW, leases=leases) as one:
        await failed(one, f"{origin.url}/busy")
        waits = one.waits
        assert (await failed(one, f"{origin.url}/busy")).held
    assert waits == {there: NOW + timedelta(minutes=2)}
    known = {there: later, "www.example.org": later}
    async with Fetcher(settings, clock=lambda: NOW, leases=leases, waits=known) as one:
        assert one.waits == {there: later}
    assert leases.log == []


async def test_a_crawl_delay_is_told_once(origin: Origin) -> None:
    serve(origin, "/robots.txt", b"User-agent: *\nCrawl-delay: 900")
    serve(origin)
    leases = Noted()
    async with fetcher(origin, leases) as one:
        for _ in range(3):
            await one.fetch(request("http://www.example.org/feed", robots=True))
    assert leases.of("slow down") == [("example.org", 60.0)]
    assert [entry[3] for entry in leases.of("take")] == [0.0, 60.0, 60.0, 60.0]


async def test_a_lease_that_got_old_is_given_back_for_another(origin: Origin) -> None:
    serve(origin)
    leases = Noted(allowed=[False, False, True])
    async with fetcher(origin, leases) as one:
        await one.fetch(request("http://example.org/feed"))
        (traffic,) = one.traffic
    assert [entry[0] for entry in leases.log] == ["take", "give back"] * 3
    assert (traffic.requests, len(origin.requests)) == (1, 1)


@pytest.mark.parametrize("before", [0, 1])
async def test_nothing_is_sent_after_the_lease_has_ended(origin: Origin, before: int) -> None:
    """Neither over a new connection nor over one that was kept."""

    def ended() -> None:
        asked.append(len(origin.requests))
        raise LeaseEnded

    asked: list[int] = []
    serve(origin)
    leases = Noted(checks=[*[lambda: None] * before, ended])
    async with fetcher(origin, leases) as one:
        for _ in range(before + 1):
            assert isinstance(await one.fetch(request("http://example.org/feed")), Fetched)
        (traffic,) = one.traffic
    assert asked == [before]
    assert [entry[0] for entry in leases.log] == ["take", "give back"] * (before + 2)
    assert (traffic.requests, len(origin.requests)) == (before + 1, before + 1)


async def test_a_database_that_went_away_is_no_failure_of_the_source(origin: Origin) -> None:
    serve(origin)
    leases = Noted(errors=[ConnectionLost("it went away"), ConnectionLost("it went away")])
    async with fetcher(origin, leases) as one:
        with pytest.raises(ConnectionLost, match="went away"):
            await one.fetch(request("http://example.org/feed"))
        # Nor is it remembered as what robots.txt says.
        with pytest.raises(ConnectionLost, match="went away"):
            await one.fetch(request("http://example.org/feed", robots=True))
        assert isinstance(await one.fetch(request("http://example.org/feed", robots=True)), Fetched)
    assert hosts(origin) == ["example.org"] * 2


async def test_rules_that_were_held_back_are_asked_for_again(origin: Origin) -> None:
    serve(origin)
    leases = Noted(errors=[LeftAlone(NOW + timedelta(seconds=1))])
    async with fetcher(origin, leases) as one:
        assert (await failed(one, "http://example.org/feed", robots=True)).held
        assert isinstance(await one.fetch(request("http://example.org/feed", robots=True)), Fetched)


@pytest.mark.parametrize("ending", ["refused", "cut off", "cancelled"])
async def test_a_lease_is_given_back_however_the_request_ends(origin: Origin, ending: str) -> None:
    there = asyncio.Event()
    loop, over = asyncio.get_running_loop(), threading.Event()

    def hold(handler: BaseHTTPRequestHandler) -> None:
        over.wait(PATIENCE)

    def answer(seen: Seen) -> Response:
        loop.call_soon_threadsafe(there.set)
        if ending == "cancelled":
            return Response(raw=hold)
        return Response(b"", 500) if ending == "refused" else Response(raw=lambda handler: None)

    origin.handle("/bad", answer)
    leases = Noted()
    async with fetcher(origin, leases) as one:
        asking = asyncio.create_task(one.fetch(request("http://example.org/bad")))
        await there.wait()
        if ending == "cancelled":
            asking.cancel()
        with pytest.raises((FetchError, asyncio.CancelledError)):
            await asking
    over.set()
    assert leases.log[-1] == ("give back",)
    assert leases.out == 0
