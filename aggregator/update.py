"""The pipeline: the only place that knows the order of the stages.

    due sources -> fetch -> digest (parse -> identify -> select -> normalize -> decide -> store)

`update_due` runs one cycle. Fetching is concurrent on the event loop; a document that came is digested in a worker
thread (in processes of their own where a reader cannot be trusted to end, and where there is enough to do for several
cores), see `digest`; outcomes without a document are stored together. One source's failure is an outcome like any
other, never an exception. Each source has a share of time, bytes and computing, see `budget`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from aggregator import __version__, decide
from aggregator.budget import USUAL, Budget, Share
from aggregator.config import Config
from aggregator.digest import Digester, Intricate
from aggregator.errors import FetchError, RowError, SourceError, StoreError
from aggregator.fetch import Fetcher, FetchSettings, Request
from aggregator.isolate import MEMORY_MB, SECONDS, Isolated
from aggregator.models import FeedState, FeedUpdate, Fetched, NotModified, Source
from aggregator.outage import SILENCE, Jury, Outcome
from aggregator.pool import Pool
from aggregator.sources import KINDS, Spent, Tools, doubted, moves
from aggregator.store import Store

log = logging.getLogger(__name__)

#: Outcomes without a document that are stored in one transaction.
STATES_AT_ONCE = 200
#: Entries that most feeds show.
_USUAL_ENTRIES = 15
#: MiB for the process that reads pages.
_PAGE_MEMORY_MB = 600


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Result:
    """What one source gave in one cycle; without the entries, which would fill the memory of a long cycle."""

    source: Source
    state: FeedState
    new: int
    changed: int
    unchanged: int
    #: Things worth telling that are no failure.
    notes: tuple[str, ...]
    #: Seconds from the start of the fetch to the outcome.
    seconds: float

    @property
    def unreached(self) -> bool:
        """Whether the network here was down, so that nothing can be said of the source."""
        return self.state.outages > 0

    @property
    def failed(self) -> bool:
        return self.state.failures > 0 and not self.unreached

    @property
    def missed(self) -> bool:
        """Whether the look brought nothing that could be read, whoever is to blame."""
        return self.failed or self.unreached

    @property
    def quiet(self) -> bool:
        """Whether there is nothing to tell: no failure, nothing new or changed, no note."""
        return not (self.failed or self.new or self.changed or self.notes)


async def update_due(
    config: Config,
    store: Store,
    chosen: Sequence[tuple[Source, FeedState]],
    *,
    clock: Callable[[], datetime],
    pool: Pool | None = None,
    dry_run: bool = False,
    on_result: Callable[[Result], None] = lambda result: None,
    stopping: Callable[[], bool] = lambda: False,
    on_begun: Callable[[], None] = lambda: None,
    share: Share = USUAL,
    busy: int = 0,
) -> list[Result]:
    """Run one cycle over the chosen sources and return what each gave, in the order in which they finished.

    Args:
        clock: the current time, aware and in UTC.
        pool: where entries are cleaned; None: one for this cycle alone.
        dry_run: fetch and compare, but store nothing.
        on_result: called on the event loop for each finished source.
        stopping: asked before each source; once true, no other is begun, and those under way come to their end.
        on_begun: called once no source waits for its beginning any more.
        share: what each source may have.
        busy: sources of other cycles under way; together no more than `fetch.concurrency` are.

    Raises:
        StoreError: the store cannot keep outcomes any more (disk full, database gone); what was stored before stays.
        RowError: it could not keep some; all others are done.
    """
    if not chosen:
        return []
    concurrency = max(1, config.fetch.concurrency - busy)
    settings = fetch_settings(config, concurrency)
    with ExitStack() as stack:
        if pool is None:
            pool = stack.enter_context(Pool())
        pool.expect(_USUAL_ENTRIES * sum(state.last_success_at is None for _, state in chosen))
        tolerant = Isolated("aggregator.parse:parse", seconds=SECONDS, memory_mb=MEMORY_MB)
        pages = Isolated("aggregator.pool:perform", seconds=SECONDS, memory_mb=_PAGE_MEMORY_MB)
        for process in (tolerant, pages):
            stack.callback(process.close)
        digester = Digester(store, pool, clock, dry_run, config.secrets, config.confidential)
        # Threads wait for each other's turn; what must not wait for documents has one of its own.
        digesting = stack.enter_context(ThreadPoolExecutor(pool.threads, "aggregator-digest"))
        reading = stack.enter_context(ThreadPoolExecutor(1, "aggregator-read"))
        paging = stack.enter_context(ThreadPoolExecutor(1, "aggregator-page"))
        keeping = stack.enter_context(ThreadPoolExecutor(1, "aggregator-store"))
        # Where the cycle is cancelled, nobody waits for a document that takes long.
        for process in (tolerant, pages):
            stack.callback(process.stop)
        waits = await _in(keeping, digester.host_waits)
        async with Fetcher(settings, clock=clock, waits=waits) as fetcher:
            looks = _Looks(digester, fetcher, tolerant, pages, share, digesting, reading, paging, keeping)
            return await looks.run(chosen, concurrency, on_result, stopping, on_begun)


@dataclass(frozen=True, slots=True)
class _Looks:
    """What all looks at sources in one cycle have in common."""

    digester: Digester
    fetcher: Fetcher
    #: Reads the documents that may take long, one after the other, in the thread `reading`.
    tolerant: Isolated
    #: The same for pages, in the thread `paging`.
    pages: Isolated
    share: Share
    digesting: ThreadPoolExecutor
    reading: ThreadPoolExecutor
    paging: ThreadPoolExecutor
    #: The thread for short visits to the store.
    keeping: ThreadPoolExecutor
    #: Outcomes without a document, until there are enough of them to be stored together.
    states: list[FeedState] = field(default_factory=list)
    #: Why some outcomes could not be stored.
    lost: list[RowError] = field(default_factory=list)

    async def run(
        self,
        chosen: Sequence[tuple[Source, FeedState]],
        concurrency: int,
        on_result: Callable[[Result], None],
        stopping: Callable[[], bool],
        on_begun: Callable[[], None],
    ) -> list[Result]:
        """Update the sources, so many at once; see `update_due`."""
        results: list[Result] = []
        trouble: BaseException | None = None
        queue = iter(enumerate(chosen, 1))
        jury = Jury(self.digester.clock)

        async def keep(outcomes: Sequence[Outcome]) -> None:
            for outcome in outcomes:
                result = await self._keep(outcome)
                results.append(result)
                on_result(result)

        async def work() -> None:
            for number, (source, state) in queue:
                if stopping():
                    return
                if number == len(chosen):
                    on_begun()
                await keep(jury.hear(await self.update_source(source, state)))

        try:
            async with asyncio.TaskGroup() as tasks:
                for _ in range(min(concurrency, len(chosen))):
                    tasks.create_task(work())
        except* StoreError as group:
            # Several sources meet the same trouble at once; one account of it is enough.
            trouble = group.exceptions[0]
        finally:
            # Also where the cycle is cancelled: what servers have answered is not to be asked of them again.
            if trouble is None:
                silent = jury.waiting and await _in(self.keeping, self.digester.silent, SILENCE)
                await keep(jury.close(silent=silent))
                await self.flush()
                await _in(self.keeping, self.digester.record_traffic, self.fetcher.traffic, self.fetcher.waits)
        if trouble is not None:
            raise trouble
        if self.lost:
            raise self.lost[0]
        return results

    async def update_source(self, source: Source, state: FeedState) -> Outcome:
        """Run one source through all stages; whatever comes of it is an outcome."""
        started = time.monotonic()
        error, stored = None, False
        try:
            update, stored = await self._pull(source, state)
        except SourceError as failure:
            error = failure
        except Spent as spent:
            error = FetchError(f"not done: {spent}", kind="timeout", held=True)
            update = decide.postponed(state, str(error))
            return Outcome(source, state, update, error, time.monotonic() - started)
        except RowError as failure:
            # Its values are at fault, and not the database.
            error = SourceError(f"it cannot be stored: {failure}", kind="internal", url=source.url)
        except StoreError:
            raise
        except Exception as failure:
            # A bug must cost one source one cycle, not the cycle; the traceback is for the report.
            log.exception("source %s: unexpected error", source.id)
            words = f"unexpected error: {type(failure).__name__}: {failure}"
            error = SourceError(words, kind="internal", url=source.url)
        if error is not None:
            update = self._failed(source, state, error)
        return Outcome(source, state, update, error, time.monotonic() - started, stored)

    def _failed(self, source: Source, state: FeedState, error: SourceError) -> FeedUpdate:
        try:
            return decide.failed(source, state, error, self.digester.clock())
        except Exception:
            # What is remembered of one source must not end the cycle of all.
            log.exception("source %s: unexpected error", source.id)
            return decide.given_up(state, error, self.digester.clock())

    async def _keep(self, outcome: Outcome) -> Result:
        """Store an outcome soon where a document did not bring it, and sum it up.

        A crash then costs some requests once more.
        """
        update = outcome.update
        if not outcome.stored:
            update = self.digester.without_secrets(update)
            self.states.append(update.state)
            if len(self.states) >= STATES_AT_ONCE:
                await self.flush()
        counts = len(update.new), len(update.changed), update.unchanged
        return Result(outcome.source, update.state, *counts, update.notes, outcome.seconds)

    async def flush(self) -> None:
        """Store the states that are still to be stored."""
        self.lost.extend(await _in(self.keeping, self.digester.keep, self.states))

    async def _pull(self, source: Source, state: FeedState) -> tuple[FeedUpdate, bool]:
        """The outcome of a look, and whether it is stored."""
        kind = KINDS[source.kind]
        now = self.digester.clock()
        asked = moves.usable(source, doubted(state, now), now)
        fetched = await kind.fetch(source, asked, self._tools(source, Budget(self.share, source.timeout)))
        now = self.digester.clock()
        request_hash = kind.request_hash(source)
        if state.request_hash != request_hash:
            state = replace(state, request_hash=request_hash)
        state, fetched = moves.remember(source, state, asked, fetched, now)
        if isinstance(fetched, NotModified):
            return decide.not_modified(source, state, fetched, now), False
        return await self._digest(source, state, fetched), True

    async def _digest(self, source: Source, state: FeedState, fetched: Fetched) -> FeedUpdate:
        try:
            return await _in(self.digesting, self.digester.digest, source, state, fetched)
        except Intricate:
            read = await _in(self.reading, self.tolerant.call, fetched)
            return await _in(self.digesting, self.digester.digest, source, state, fetched, read)

    def _tools(self, source: Source, budget: Budget) -> Tools:
        async def fetch(request: Request) -> Fetched | NotModified:
            return await budget.fetch(lambda: self.fetcher.fetch(request))

        async def offload(function: Callable[[Any], Any], argument: object, seconds: float) -> Any:
            work = (function, argument)
            return await budget.compute(lambda: _in(self.paging, self._read_page, budget, work, seconds))

        return Tools(fetch, lambda keys: _in(self.keeping, self.digester.seen, source.id, keys), offload)

    def _read_page(self, budget: Budget, work: tuple[Callable[[Any], Any], object], seconds: float) -> Any:
        budget.check()
        try:
            return self.pages.call(work, seconds=seconds)
        finally:
            budget.pay(self.pages.spent)


async def _in(threads: ThreadPoolExecutor, function: Callable[..., T], *args: Any) -> T:
    return await asyncio.get_running_loop().run_in_executor(threads, function, *args)


def fetch_settings(config: Config, concurrency: int) -> FetchSettings:
    """How documents are fetched, so many at once."""
    return FetchSettings(
        user_agent=_user_agent(config),
        concurrency=concurrency,
        per_host=config.fetch.per_host,
        host_delay=config.fetch.host_delay or timedelta(0),
        proxy=config.fetch.proxy,
    )


def _user_agent(config: Config) -> str:
    """How we name ourselves to servers: the program, and where their operators can look and write to."""
    contact = f"; {config.fetch.contact}" if config.fetch.contact else ""
    return config.fetch.user_agent or f"aggregator/{__version__} (+{config.site.url}{contact})"
