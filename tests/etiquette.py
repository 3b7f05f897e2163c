"""Several hosts on one loopback origin: what the etiquette and guard suites share."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from aggregator.errors import FetchError
from aggregator.fetch import Fetcher, FetchSettings
from aggregator.models import Fetched, NotModified, Request
from tests.daemons import PATIENCE
from tests.origin import Origin, Response, Seen

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
FEED = b"<rss version='2.0'><channel><title>t</title></channel></rss>"
AGENT = "aggregator/1.0 (+https://feeds.example.org/)"


class Names(AbstractResolver):
    """Every name leads to the origin, unless `addresses` says otherwise; answers are taken one after the other."""

    def __init__(self, origin: Origin, addresses: Mapping[str, Sequence[Sequence[str]]] | None = None) -> None:
        self._port = origin.port
        self._addresses = {name: list(answers) for name, answers in (addresses or {}).items()}
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        self.asked.append(host)
        answers = self._addresses.get(host, [["127.0.0.1"]])
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=self._port if address == "127.0.0.1" else port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        """There is nothing to close."""


def fetcher(origin: Origin, **changes: Any) -> Fetcher:
    """A fetcher for which every host is the origin; `changes` are of its settings, but for `waits`."""
    waits: Mapping[str, datetime] = changes.pop("waits", {})
    settings = {"user_agent": AGENT, "concurrency": 8, **changes}
    return Fetcher(FetchSettings(**settings), waits=waits, clock=lambda: NOW, resolver=Names(origin))


def request(url: str, **changes: Any) -> Request:
    """A request that may reach loopback."""
    settings: dict[str, Any] = {
        "timeout": timedelta(seconds=30),
        "max_body": 1_000_000,
        "allow_private": True,
        "accept": "*/*",
    }
    return Request(url=url, **(settings | changes))


async def fetch(origin: Origin, url: str, **changes: Any) -> Fetched | NotModified:
    """One fetch with a fetcher of its own."""
    async with fetcher(origin) as one:
        return await one.fetch(request(url, **changes))


async def failure(origin: Origin, url: str, **changes: Any) -> FetchError:
    """The error of one fetch with a fetcher of its own."""
    async with fetcher(origin) as one:
        return await failed(one, url, **changes)


async def failed(one: Fetcher, url: str, **changes: Any) -> FetchError:
    """The error of one fetch."""
    with pytest.raises(FetchError) as caught:
        await one.fetch(request(url, **changes))
    return caught.value


def serve(origin: Origin, path: str = "/feed", body: bytes = FEED, status: int = 200, **headers: str) -> None:
    """Answer at `path` on every host; `_` in the names of headers stands for `-`."""
    origin.handle(path, Response(body, status, {name.replace("_", "-"): value for name, value in headers.items()}))


def hosts(origin: Origin) -> list[str]:
    """The hosts that were asked, in order."""
    return [seen.headers["host"] for seen in origin.requests]


class Crowd:
    """A route that holds every request until `size` are there, and counts them.

    Args:
        size: requests that go on together.
        seconds: go on after this time with fewer; for a size that is never reached.
    """

    def __init__(self, size: int, *, seconds: float = PATIENCE) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._there = threading.Barrier(size)
        self.running: dict[str, int] = {}
        self.most: dict[str, int] = {}

    def __call__(self, seen: Seen) -> Response:
        host = seen.headers["host"]
        with self._lock:
            self.running[host] = self.running.get(host, 0) + 1
            self.most[host] = max(self.most.get(host, 0), self.running[host])
            self.most["all"] = max(self.most.get("all", 0), sum(self.running.values()))
        try:
            self._there.wait(self._seconds)
        except threading.BrokenBarrierError:
            self._there.reset()
        with self._lock:
            self.running[host] -= 1
        return Response(FEED)


async def together(one: Fetcher, *urls: str, **changes: Any) -> list[Fetched | NotModified | BaseException]:
    """Fetch all at once; failures are in the result."""
    return await asyncio.gather(*(one.fetch(request(url, **changes)) for url in urls), return_exceptions=True)
