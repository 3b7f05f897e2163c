"""Our side of each benchmark: the stages alone, and a whole cycle as `aggregator update` runs it.

Everything goes through the public functions of the package. What a cycle needs is imported before the clock starts,
as it is for the peers in Python; what imports cost is measured by the benchmark of the start-up.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.peers import ask_all, documents, request_headers

if TYPE_CHECKING:
    from aggregator.models import Fetched, Request
    from benchmarks.tasks import Clock, Task

_LOOPBACK = ("127.0.0.0/8",)
_USER_AGENT = "aggregator-benchmark"

#: What a cycle imports when it runs.
_CYCLE = (
    "aggregator.pipeline.run",
    "aggregator.publish.publication",
    "aggregator.cli.console",
    "rich.table",
    "alembic.command",
    "aggregator.cli",
)
#: What it imports besides, on PostgreSQL.
_ON_POSTGRESQL = ("aggregator.store.postgresql", "sqlalchemy.dialects.postgresql", "aggregator.store.exclusive")
#: What an import of subscriptions imports when it runs.
_IMPORT = ("aggregator.cli", "aggregator.subscriptions.merging", "aggregator.sources")


def _fetched(body: bytes, url: str = "https://s.example.org/feed") -> Fetched:
    from aggregator.models import Fetched

    return Fetched(requested_url=url, url=url, status=200, content_type="application/xml", body=body)


def parse(clock: Clock, *, load: dict[str, Any] | None = None, files: Sequence[str] = (), passes: int = 1) -> int:
    """`aggregator.parse.parse`; the notes say which reader read how many documents."""
    from aggregator.errors import ParseError
    from aggregator.parse import parse as parse_one

    fetched = [_fetched(body) for body in documents(load, files)]
    readers: Counter[str] = Counter()

    def entries(document: Fetched) -> int:
        try:
            parsed = parse_one(document)
        except ParseError:
            readers["refused"] += 1
            return 0
        readers[parsed.reader] += 1
        return len(parsed.entries)

    entries(fetched[0])
    readers.clear()
    clock.passes = passes
    with clock:
        for _ in range(passes):
            done = sum(map(entries, fetched))
    clock.notes["readers"] = {name: count // passes for name, count in readers.items()}
    return done


def normalize(clock: Clock, *, load: dict[str, Any], passes: int = 1) -> int:
    """`identify` and `normalize` of entries that are all new."""
    from functools import partial

    from aggregator.normalize.entry import normalize as normalize_one
    from aggregator.normalize.identity import identify
    from aggregator.parse import parse as parse_one

    feeds = [parse_one(_fetched(body)).entries for body in documents(load)]
    now = datetime(2026, 6, 1, tzinfo=UTC)
    make = partial(
        normalize_one,
        source_id="one",
        language=None,
        now=now,
        known=None,
    )
    make(identify(feeds[0])[0])
    clock.passes = passes
    with clock:
        for _ in range(passes):
            done = sum(len([make(one) for one in identify(entries)]) for entries in feeds)
    return done


def _request(url: str, etag: str | None) -> Request:
    from aggregator.models import Request
    from aggregator.sources.feed import ACCEPT

    return Request(
        url=url,
        timeout=timedelta(seconds=20),
        max_body=15_000_000,
        allow_private=_LOOPBACK,
        accept=ACCEPT,
        etag=etag,
    )


def fetch(clock: Clock, *, urls: list[str], etags: list[str | None], concurrency: int, read: bool = False) -> int:
    """`Fetcher.fetch` of every address, by as many workers as a cycle has; read: and `parse` of what came."""
    from aggregator.fetch import Fetcher, FetchSettings
    from aggregator.models import Fetched
    from aggregator.parse import parse as parse_one

    requests = {url: _request(url, etag) for url, etag in zip(urls, etags, strict=True)}

    async def run() -> int:
        async with Fetcher(FetchSettings(user_agent=_USER_AGENT, concurrency=concurrency)) as fetcher:

            async def get(url: str, headers: dict[str, str]) -> int:
                answer = await fetcher.fetch(requests[url])
                if read and isinstance(answer, Fetched):
                    parse_one(answer)
                return 200

            return await ask_all(get, urls, [{}] * len(urls), concurrency)

    with clock:
        return asyncio.run(run())


def fetch_bare(
    clock: Clock, *, urls: list[str], etags: list[str | None], headers: dict[str, str], concurrency: int
) -> int:
    """The same documents through aiohttp alone, and our `parse` of what came."""
    import aiohttp

    from aggregator.parse import parse as parse_one

    async def run() -> int:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=concurrency)) as session:

            async def get(url: str, sent: dict[str, str]) -> int:
                async with session.get(url, headers=sent) as answer:
                    parse_one(_fetched(await answer.read(), url))
                    return answer.status

            return await ask_all(get, urls, request_headers(headers, etags), concurrency)

    with clock:
        return asyncio.run(run())


def cycle(clock: Clock, *, config: str, data: str, database: str | None = None) -> int:
    """`aggregator update --all`, called in this process; returns the number of posts there are then.

    The database is that of the data folder, or the one of this URI. The configuration is read once before the clock
    starts, to know what that costs of the whole.
    """
    from aggregator.__main__ import main
    from aggregator.config import load
    from aggregator.place import VARIABLE

    os.environ.pop(VARIABLE, None)
    if database is not None:
        os.environ[VARIABLE] = database
    for module in (*_CYCLE, *(_ON_POSTGRESQL if database is not None else ())):
        importlib.import_module(module)
    started = time.perf_counter()
    load(Path(config), os.environ)
    clock.notes["reading the configuration"] = time.perf_counter() - started
    sys.argv = ["aggregator", "update", "--all", "--config", config, "--data", data]
    with clock:
        try:
            main()
        except SystemExit as end:
            status = end.code
    if status:
        raise RuntimeError(f"the cycle ended with exit status {status}")
    return sum(1 for _ in (Path(data) / "posts").rglob("*.md"))


def subscribe(clock: Clock, *, config: str, file: str) -> int:
    """`aggregator opml import`, called in this process; returns the number of sources there are then."""
    from aggregator.__main__ import main
    from aggregator.config import load

    for module in _IMPORT:
        importlib.import_module(module)
    sys.argv = ["aggregator", "opml", "import", file, "--config", config]
    with clock:
        try:
            main()
        except SystemExit as end:
            status = end.code
    if status:
        raise RuntimeError(f"the import ended with exit status {status}")
    return len(load(Path(config), os.environ).sources)


def rest(clock: Clock, *, config: str, data: str) -> int:
    """Store all configured sources as if none were due for a day, nothing measured; returns their number."""
    from aggregator.config import load
    from aggregator.models import FeedState
    from aggregator.store import open_store

    sources = load(Path(config), os.environ).sources
    due = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    with closing(open_store(Path(data) / "aggregator.db")) as store:
        store.sync_sources(sources)
        store.save_states([FeedState(source.id, next_due_at=due) for source in sources])
    return len(sources)


TASKS: dict[str, Task] = {
    "parse": parse,
    "normalize": normalize,
    "fetch": fetch,
    "fetch_bare": fetch_bare,
    "cycle": cycle,
    "subscribe": subscribe,
    "rest": rest,
}
