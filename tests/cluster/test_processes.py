"""Processes that share a database: an origin writes down what they do to it, also where they are killed or frozen."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from aggregator.cluster.leases import DatabaseLeases, Pool
from aggregator.errors import FetchError
from aggregator.fetch import Fetcher, FetchSettings
from aggregator.fetch.addresses import parse
from aggregator.fetch.politeness import domain_of
from tests.daemons import PATIENCE, wait_until
from tests.etiquette import Names, request, together
from tests.origin import Origin, Response, Seen


@dataclass
class Watched:
    """A route that writes down who is there, and for how long."""

    seconds: float = 0.0
    #: Hosts whose requests stay until they may go.
    kept: frozenset[str] = frozenset()
    may_go: threading.Event = field(default_factory=threading.Event)
    #: Of each request: its host, and when it came and went.
    visits: list[tuple[str, float, float]] = field(default_factory=list)
    there: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, seen: Seen) -> Response:
        host, came = seen.headers["host"], time.monotonic()
        with self.lock:
            self.there.append(host)
        if host in self.kept:
            self.may_go.wait(PATIENCE)
        time.sleep(self.seconds)
        with self.lock:
            self.visits.append((host, came, time.monotonic()))
        return Response(b"<rss/>")

    def by_domain(self) -> dict[str, list[tuple[float, float]]]:
        found: dict[str, list[tuple[float, float]]] = {}
        for host, came, went in self.visits:
            found.setdefault(domain_of(parse(f"http://{host}/")), []).append((came, went))
        return found


@contextmanager
def asking(
    database: str,
    origin: Origin,
    urls: Sequence[str],
    *,
    per_host: int = 2,
    spare: float = 5.0,
    timeout: float = 30.0,
    robots: bool = False,
    held: bool = False,
) -> Iterator[subprocess.Popen[str]]:
    """A process that asks for addresses; killed at the end of the block."""
    task = {
        "database": database,
        "port": origin.port,
        "urls": list(urls),
        "per_host": per_host,
        "timeout": timeout,
        "spare": spare,
        "robots": robots,
        "held": held,
    }
    command = [sys.executable, "-m", "tests.cluster.asker", json.dumps(task)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def said(process: subprocess.Popen[str]) -> list[Any]:
    """What it says until its end."""
    out, _ = process.communicate(timeout=PATIENCE)
    return [json.loads(line) for line in out.splitlines()]


def at_once(visits: Sequence[tuple[float, float]]) -> int:
    """How many were there at the same time at most."""
    changes = sorted([(came, 1) for came, _ in visits] + [(went, -1) for _, went in visits])
    most = there = 0
    for _, change in changes:
        there += change
        most = max(most, there)
    return most


def test_an_origin_sees_no_more_than_one_process_would_send(shared_database: str, origin: Origin) -> None:
    """Redirects, robots.txt and three domains; one of them has a Crawl-delay."""
    watched = Watched(0.01)
    origin.handle("/feed", watched)
    origin.handle("/old", Response(b"", 302, {"Location": "http://c.busy-cluster.org/feed"}))

    def rules(seen: Seen) -> Response:
        slow = seen.headers["host"].endswith("slow-cluster.org")
        watched(seen)
        return Response(b"User-agent: *\nCrawl-delay: 0.6\n" if slow else b"")

    origin.handle("/robots.txt", rules)
    addresses = [f"http://{name}.busy-cluster.org/feed?{n}" for name in "abc" for n in range(4)]
    addresses += [f"http://www.other-cluster.org/old?{n}" for n in range(3)]
    addresses += [f"http://www.slow-cluster.org/feed?{n}" for n in range(2)]
    with (
        asking(shared_database, origin, addresses, robots=True) as one,
        asking(shared_database, origin, addresses, robots=True) as two,
    ):
        results = [*said(one), *said(two)]
    assert [kind for _, kind, _ in results] == ["ok"] * 2 * len(addresses)
    visits = watched.by_domain()
    assert {domain: at_once(them) <= 2 for domain, them in visits.items()} == {
        "busy-cluster.org": True,
        "slow-cluster.org": True,
        "other-cluster.org": True,
    }
    # The delay holds from the moment on that one of them has read it: the first requests are those that read it. How
    # long a request takes from its beginning to the origin is not for leases to say.
    starts = sorted(came for came, _ in visits["slow-cluster.org"])[2:]
    assert len(starts) == 4
    assert min(after - before for before, after in pairwise(starts)) >= 0.3


@asynccontextmanager
async def here(pool: Pool, origin: Origin) -> AsyncIterator[Fetcher]:
    """Another one, in this process, that allows one request at a time."""
    settings = FetchSettings("tests", 50, per_host=1)
    async with (
        DatabaseLeases(pool) as leases,
        Fetcher(settings, resolver=Names(origin), leases=leases) as fetcher,
    ):
        yield fetcher


async def until(condition: Callable[[], object]) -> None:
    await asyncio.to_thread(wait_until, condition)


async def test_a_host_that_wants_to_be_left_alone_is_asked_by_nobody(pool: Pool, origin: Origin) -> None:
    origin.handle("/feed", Response(b"", 429, {"Retry-After": "600"}))
    addresses = [f"http://alone.retry-cluster.org/feed?{n}" for n in range(5)]
    async with here(pool, origin) as one, here(pool, origin) as two:
        results = await asyncio.gather(together(one, *addresses), together(two, *addresses))
    errors = [error for some in results for error in some]
    assert sorted(isinstance(error, FetchError) and error.held for error in errors) == [False] + [True] * 9
    assert len(origin.requests) == 1


async def test_the_lease_of_a_killed_process_holds_as_long_as_its_request_may_take(
    shared_database: str, pool: Pool, origin: Origin
) -> None:
    watched = Watched(kept=frozenset({"a.killed-cluster.org"}))
    origin.handle("/feed", watched)
    with asking(shared_database, origin, ["http://a.killed-cluster.org/feed"], per_host=1) as killed:
        await until(lambda: watched.there)
        killed.kill()
        killed.wait()
    async with here(pool, origin) as other, pool.connection() as connection:
        asked = asyncio.create_task(other.fetch(request("http://b.killed-cluster.org/feed")))
        query = (
            "SELECT held_until[1] > clock_timestamp() + interval '25 seconds' FROM cluster_domains "
            "WHERE domain = 'killed-cluster.org' AND line <> '{}'"
        )
        async with asyncio.timeout(PATIENCE):
            while await (await connection.execute(query)).fetchone() != (True,):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert watched.there == ["a.killed-cluster.org"]
        # As if that time had passed.
        await connection.execute(
            "UPDATE cluster_domains SET held_until[1] = clock_timestamp() WHERE domain = 'killed-cluster.org'"
        )
        await asked
    watched.may_go.set()
    assert watched.there == ["a.killed-cluster.org", "b.killed-cluster.org"]


async def test_a_process_that_was_frozen_sends_nothing_once_its_lease_has_ended(
    shared_database: str, pool: Pool, origin: Origin
) -> None:
    watched = Watched(kept=frozenset({"b.frozen-cluster.org"}))
    origin.handle("/feed", watched)
    address = "http://a.frozen-cluster.org/feed"
    with asking(shared_database, origin, [address], per_host=1, timeout=1.0, spare=0.1, held=True) as frozen:
        assert frozen.stdout is not None and frozen.stdin is not None
        # It has the lease, and is about to connect.
        assert json.loads(await asyncio.to_thread(frozen.stdout.readline)) == "looking up"
        frozen.send_signal(signal.SIGSTOP)
        async with here(pool, origin) as other:
            asked = asyncio.create_task(other.fetch(request("http://b.frozen-cluster.org/feed")))
            await until(lambda: watched.there)
            # The other one is there now; the first one wakes up, and could go on.
            frozen.stdin.write("\n")
            frozen.stdin.flush()
            frozen.send_signal(signal.SIGCONT)
            assert [kind for _, kind, _ in await asyncio.to_thread(said, frozen)] == ["timeout"]
            assert watched.there == ["b.frozen-cluster.org"]
            watched.may_go.set()
            await asked
