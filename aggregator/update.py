"""The pipeline: the only place that knows the order of the stages.

    due sources -> fetch -> parse -> identify -> select -> normalize -> decide -> store

`update_due` runs one cycle. Fetching is concurrent on the event loop; reading documents runs in worker threads (and in
a process of its own where a reader cannot be trusted to end); everything that touches the store runs in one thread,
one source after the other. One source's failure is an outcome like any other, never an exception.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from aggregator import __version__, decide
from aggregator.config import Config
from aggregator.errors import SourceError, StoreError
from aggregator.fetch import Fetcher, FetchSettings
from aggregator.isolate import Isolated
from aggregator.models import FeedState, FeedUpdate, Fetched, NotModified, ParsedFeed, Source
from aggregator.normalize import identify, normalize
from aggregator.parse.dates import parse_date
from aggregator.sources import KINDS, Tools
from aggregator.store import Store

log = logging.getLogger(__name__)

#: Limits of the process that reads feeds: no honest feed comes near them.
PARSE_SECONDS = 30.0
PARSE_MEMORY_MB = 1024


@dataclass(frozen=True, slots=True)
class Result:
    """What one source gave in one cycle."""

    source: Source
    update: FeedUpdate
    #: Seconds from the start of the fetch to the stored outcome.
    seconds: float

    @property
    def failed(self) -> bool:
        return self.update.state.failures > 0


async def update_due(
    config: Config,
    store: Store,
    chosen: Sequence[tuple[Source, FeedState]],
    *,
    clock: Callable[[], datetime],
    dry_run: bool = False,
    on_result: Callable[[Result], None] = lambda result: None,
    stopping: Callable[[], bool] = lambda: False,
) -> list[Result]:
    """Run one cycle over the chosen sources and return what each gave, in the order in which they finished.

    Args:
        clock: the current time, aware and in UTC.
        dry_run: fetch and compare, but store nothing.
        on_result: called on the event loop for each finished source.
        stopping: asked before each source; once true, no other is begun, and those under way come to their end.

    Raises:
        StoreError: the store cannot keep outcomes any more (disk full, database gone); what was stored before stays.
    """
    if not chosen:
        return []
    settings = FetchSettings(user_agent=_user_agent(config), concurrency=config.fetch.concurrency)
    results: list[Result] = []
    broken: Exception | None = None
    with ExitStack() as stack:
        readers = stack.enter_context(ThreadPoolExecutor(2, "aggregator-read"))
        keeper = stack.enter_context(ThreadPoolExecutor(1, "aggregator-store"))
        parser = Isolated("aggregator.parse:parse", seconds=PARSE_SECONDS, memory_mb=PARSE_MEMORY_MB)
        stack.callback(parser.close)
        async with Fetcher(settings) as fetcher:
            cycle = _Cycle(store, fetcher, parser.call, readers, keeper, clock, dry_run)
            queue = iter(chosen)

            async def work() -> None:
                for source, state in queue:
                    if stopping():
                        return
                    result = await cycle.update_source(source, state)
                    results.append(result)
                    on_result(result)

            try:
                async with asyncio.TaskGroup() as tasks:
                    for _ in range(min(config.fetch.concurrency, len(chosen))):
                        tasks.create_task(work())
            except* StoreError as failed:
                # One is enough: the others say the same.
                broken = failed.exceptions[0]
    if broken is not None:
        raise broken
    return results


@dataclass(frozen=True, slots=True)
class _Cycle:
    """What the steps of one cycle share."""

    store: Store
    fetcher: Fetcher
    parse: Callable[[Fetched], ParsedFeed]
    readers: ThreadPoolExecutor
    keeper: ThreadPoolExecutor
    clock: Callable[[], datetime]
    dry_run: bool

    async def update_source(self, source: Source, state: FeedState) -> Result:
        """Run one source through all stages and store the outcome, whatever it is."""
        started = time.monotonic()
        loop = asyncio.get_running_loop()
        try:
            update = await self._pull(source, state)
        except SourceError as error:
            update = decide.failed(source, state, error, self.clock())
        except StoreError:
            raise
        except Exception as error:
            # A bug must cost one source one cycle, not the cycle; the traceback is for the report.
            log.exception("source %s: unexpected error", source.id)
            surprise = SourceError(
                f"unexpected error: {type(error).__name__}: {error}", kind="internal", url=source.url
            )
            update = decide.failed(source, state, surprise, self.clock())
        if not self.dry_run:
            await loop.run_in_executor(self.keeper, self.store.apply, update)
        return Result(source, update, time.monotonic() - started)

    async def _pull(self, source: Source, state: FeedState) -> FeedUpdate:
        kind = KINDS[source.kind]
        loop = asyncio.get_running_loop()
        tools = Tools(
            fetch=self.fetcher.fetch,
            known=partial(self._known_keys, source.id),
            offload=lambda function, *args: loop.run_in_executor(self.readers, partial(function, *args)),
            parse=self.parse,
        )
        fetched = await kind.fetch(source, state, tools)
        state = replace(state, request_hash=kind.request_hash(source))
        if isinstance(fetched, NotModified):
            return decide.not_modified(source, state, fetched, self.clock())
        parsed = await loop.run_in_executor(self.readers, kind.read, source, fetched, self.clock(), tools)
        return await loop.run_in_executor(self.keeper, self._settle, source, state, fetched, parsed)

    async def _known_keys(self, source_id: str, keys: Sequence[str]) -> set[str]:
        loop = asyncio.get_running_loop()
        known = await loop.run_in_executor(self.keeper, self.store.known, source_id, keys)
        return known.keys() | await loop.run_in_executor(self.keeper, self.store.removed, source_id, keys)

    def _settle(self, source: Source, state: FeedState, fetched: Fetched, parsed: ParsedFeed) -> FeedUpdate:
        """Compare with what is known and normalize only what is new or changed."""
        now = self.clock()
        identified = identify(parsed.entries)
        removed = self.store.removed(source.id, [one.key for one in identified])
        identified = tuple(one for one in identified if one.key not in removed)
        known = self.store.known(source.id, [one.key for one in identified])
        selection = decide.select(identified, known)
        make = partial(normalize, source_id=source.id, language=parsed.language, now=now, parse_date=_parse_date)
        return decide.succeeded(
            source,
            state,
            fetched,
            parsed,
            tuple(make(one, known=None) for one in selection.new),
            tuple(make(one, known=old) for one, old in selection.changed),
            selection.unchanged,
            now,
            notes=(*parsed.repairs, *fetched.missing),
        )


def _parse_date(text: str, timezone: str | None) -> datetime | None:
    return parse_date(text, timezone=timezone)


def _user_agent(config: Config) -> str:
    """How we name ourselves to servers: the program, and the site that an operator of theirs can look at."""
    return config.fetch.user_agent or f"aggregator/{__version__} (+{config.site.url})"
