"""What the stages are held against: feedparser, fastfeedparser, lxml, nh3, BeautifulSoup, aiohttp, httpx.

Each task does the whole of its work through the peer's public functions, with the peer's defaults unless its name says
otherwise, and returns how many entries, bodies or answers it dealt with.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.workload import Workload

if TYPE_CHECKING:
    from benchmarks.tasks import Clock, Task


def documents(load: dict[str, Any] | None, files: Sequence[str] = ()) -> list[bytes]:
    """The named files, or the feeds of a workload."""
    if files:
        return [Path(file).read_bytes() for file in files]
    workload = Workload(**(load or {}))
    return [workload.feed(number) for number in range(workload.sources)]


def bodies(load: dict[str, Any]) -> list[str]:
    """The bodies of all entries of a workload."""
    workload = Workload(**load)
    return [
        workload.entry(source, number).body for source in range(workload.sources) for number in range(workload.entries)
    ]


def _each(clock: Clock, work: Callable[[Any], int], values: Sequence[Any], passes: int) -> int:
    """Do the work on every value, `passes` times over, after a first one that is not measured."""
    done = work(values[0])
    clock.passes = passes
    with clock:
        for _ in range(passes):
            done = sum(map(work, values))
    return done


def feedparser(
    clock: Clock, *, plain: bool, load: dict[str, Any] | None = None, files: Sequence[str] = (), passes: int = 1
) -> int:
    """`feedparser.parse`; plain: without cleaning the HTML and resolving its links."""
    import feedparser

    options = {"sanitize_html": False, "resolve_relative_uris": False} if plain else {}

    def parse(body: bytes) -> int:
        return len(feedparser.parse(body, **options).entries)

    return _each(clock, parse, documents(load, files), passes)


def fastfeedparser(clock: Clock, *, load: dict[str, Any], passes: int = 1) -> int:
    """`fastfeedparser.parse`."""
    import fastfeedparser

    def parse(body: bytes) -> int:
        return len(fastfeedparser.parse(body).entries)

    return _each(clock, parse, documents(load), passes)


def lxml(clock: Clock, *, load: dict[str, Any], passes: int = 1) -> int:
    """`lxml.etree.fromstring`: the tree alone, nothing read from it."""
    from lxml import etree

    def parse(body: bytes) -> int:
        etree.fromstring(body)
        return 0

    return _each(clock, parse, documents(load), passes)


def nh3(clock: Clock, *, load: dict[str, Any], passes: int = 1) -> int:
    """`nh3.clean` of the bodies."""
    import nh3

    def clean(body: str) -> int:
        return bool(nh3.clean(body))

    return _each(clock, clean, bodies(load), passes)


def soup(clock: Clock, *, load: dict[str, Any], passes: int = 1) -> int:
    """BeautifulSoup on lxml: read the bodies and write them again, nothing cleaned."""
    from bs4 import BeautifulSoup

    def clean(body: str) -> int:
        return bool(BeautifulSoup(body, "lxml").decode())

    return _each(clock, clean, bodies(load), passes)


Get = Callable[[str, dict[str, str]], Awaitable[int]]


async def ask_all(get: Get, urls: Sequence[str], headers: Sequence[dict[str, str]], concurrency: int) -> int:
    """Get every address, at most `concurrency` at once; how many were answered with 200 or 304."""
    queue = iter(zip(urls, headers, strict=True))
    answered = 0

    async def work() -> None:
        nonlocal answered
        for url, sent in queue:
            status = await get(url, sent)
            answered += status in (200, 304)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(min(concurrency, len(urls))):
            tasks.create_task(work())
    return answered


def request_headers(base: dict[str, str], etags: Sequence[str | None]) -> list[dict[str, str]]:
    """The headers of each request: the same for all but the validator."""
    return [base if etag is None else {**base, "If-None-Match": etag} for etag in etags]


def aiohttp(
    clock: Clock, *, urls: list[str], etags: list[str | None], headers: dict[str, str], concurrency: int
) -> int:
    """One `aiohttp.ClientSession`; bodies are read, and nothing is done with them."""
    import aiohttp

    async def run() -> int:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=concurrency)) as session:

            async def get(url: str, sent: dict[str, str]) -> int:
                async with session.get(url, headers=sent) as answer:
                    await answer.read()
                    return answer.status

            return await ask_all(get, urls, request_headers(headers, etags), concurrency)

    with clock:
        return asyncio.run(run())


def httpx(
    clock: Clock,
    *,
    on_aiohttp: bool,
    urls: list[str],
    etags: list[str | None],
    headers: dict[str, str],
    concurrency: int,
) -> int:
    """One `httpx.AsyncClient`, on its own pool or on aiohttp's."""
    import httpx
    from httpx_aiohttp import AiohttpTransport

    limits = httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)

    async def run() -> int:
        transport = AiohttpTransport(limits=limits) if on_aiohttp else httpx.AsyncHTTPTransport(limits=limits)
        async with httpx.AsyncClient(transport=transport, trust_env=False) as client:

            async def get(url: str, sent: dict[str, str]) -> int:
                return (await client.get(url, headers=sent)).status_code

            return await ask_all(get, urls, request_headers(headers, etags), concurrency)

    with clock:
        return asyncio.run(run())


TASKS: dict[str, Task] = {
    "feedparser": feedparser,
    "fastfeedparser": fastfeedparser,
    "lxml": lxml,
    "nh3": nh3,
    "soup": soup,
    "aiohttp": aiohttp,
    "httpx": httpx,
}
