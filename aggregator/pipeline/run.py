"""Many sources at once: the only module that knows the order of the stages.

    due sources -> fetch -> ingest (parse -> identify -> recognize -> normalize -> decide -> judge -> store)

`update_due` runs one cycle. Documents are fetched concurrently on the event loop and ingested one after the other in
the thread of the store (`workers`); outcomes without a document are stored together. One source's failure is an outcome
like any other, never an exception. Each source has a share of time, bytes and computing, see `due.Budget`.
"""

from __future__ import annotations

import logging
import os
import time
from asyncio import Lock, TaskGroup
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aggregator import __version__
from aggregator.config import Config
from aggregator.errors import FetchError, ParseError, RowError, SourceError, StoreError, WorkerError
from aggregator.fetch import Fetcher, FetchSettings
from aggregator.models import FailureKind, FeedState, FeedUpdate, Fetched, NotModified, ParsedFeed, Request, Source
from aggregator.parse import parse
from aggregator.pipeline import decide, moves
from aggregator.pipeline.decide import Received
from aggregator.pipeline.due import USUAL, Budget, Share
from aggregator.pipeline.ingest import Ingester, NeedsTolerantParser, NewDocument, OnRead, read_new
from aggregator.pipeline.judge import Judge, NeedsSteps, verdicts
from aggregator.pipeline.outage import SILENCE, OutageDetector, Outcome
from aggregator.pipeline.savedpages import SavedPages
from aggregator.pipeline.together import Group, Send, groups_of
from aggregator.sources import KINDS, Instances, ShareUsedUp, Tools, without_old_validators
from aggregator.store import Store
from aggregator.workers import StoreThread, Worker

if TYPE_CHECKING:
    from aggregator.pipeline.steps import StepRunner

log = logging.getLogger(__name__)

#: Outcomes without a document that are stored in one transaction.
STATES_AT_ONCE = 200
#: Limits for parsing a document, in seconds of CPU time and MiB: no real one comes near them.
_SECONDS = 30.0
_MEMORY_MB = 1024
#: MiB for the process that reads pages.
_PAGE_MEMORY_MB = 600
#: New documents in one cycle from which other processes help to read them: with fewer, starting them costs more.
MANY_NEW = 1000
#: More processes than this do not help: the thread of the store is the limit then.
_MOST_READERS = 3
#: Documents that a process has at a time: the one it reads, and the next.
_DEPTH = 2
#: Bytes below which a document is not sent to another process.
_SMALL = 12_000


@dataclass(frozen=True, slots=True)
class SourceResult:
    """The result of one source in one cycle, without the entries, which would fill the memory in a long cycle."""

    source: Source
    state: FeedState
    new: int
    changed: int
    unchanged: int
    #: Notes that are no failure.
    notes: tuple[str, ...]
    #: Seconds from the start of the fetch to the outcome.
    seconds: float
    #: New and changed entries that rules have dropped, and those that wait for a person; the other counts are without.
    dropped: int = 0
    held: int = 0

    @property
    def unreached(self) -> bool:
        """Whether our own network was down, so that this is no failure of the source."""
        return self.state.outages > 0

    @property
    def failed(self) -> bool:
        return self.state.failures > 0 and not self.unreached

    @property
    def missed(self) -> bool:
        """Whether the poll brought no document, because of the source or of our own network."""
        return self.failed or self.unreached

    @property
    def quiet(self) -> bool:
        """Whether there is nothing to report: no failure, nothing new, changed or to be reviewed, no note."""
        return not (self.failed or self.new or self.changed or self.held or self.notes)


async def update_due(
    config: Config,
    store: Store,
    chosen: Sequence[tuple[Source, FeedState]],
    *,
    clock: Callable[[], datetime],
    thread: StoreThread | None = None,
    dry_run: bool = False,
    on_result: Callable[[SourceResult], None] = lambda result: None,
    stopping: Callable[[], bool] = lambda: False,
    on_begun: Callable[[], None] = lambda: None,
    share: Share = USUAL,
    busy: int = 0,
    in_force: Callable[[], Config] | None = None,
    data: Path | None = None,
    through: Callable[[Send], Send] = lambda send: send,
    on_read: OnRead | None = None,
    steps: bool = True,
    pages: Worker | None = None,
) -> list[SourceResult]:
    """Run one cycle over the chosen sources and return what each gave, in the order in which they finished.

    Args:
        clock: the current time, aware and in UTC.
        thread, pages: what uses the store, and what reads pages (`page_worker`); None: one for this cycle alone.
        dry_run: fetch and compare, but store nothing.
        on_result: called on the event loop for each finished source.
        stopping: called before each source; once it is true, no other is started, and those in progress are finished.
        on_begun: called once all sources are started.
        share: the limits of each source.
        busy: sources of other cycles in progress; together there are at most `fetch.concurrency`.
        in_force: the configuration by which entries are judged, as of the moment when they are stored; None: `config`.
        data: the data folder, where pages that could not be read are kept; None: they are not kept.
        through: what requests go through: it takes the function that sends them, and returns the one to use.
        on_read, steps: see `Ingester`.

    Raises:
        StoreError: the store cannot keep outcomes any more (disk full, database gone); what was stored before stays.
        RowError: it could not keep some; all others are done.
    """
    if not chosen:
        return []
    concurrency = max(1, config.fetch.concurrency - busy)
    current = in_force or (lambda: config)
    judge = Judge(store, current, record=not dry_run)
    ingester = Ingester(store, clock, dry_run, config.secrets, config.confidential, judge, steps, on_read)
    async with AsyncExitStack() as stack:
        if thread is None:
            thread = stack.enter_context(StoreThread())
        pages = pages or _closed(stack, page_worker())
        tolerant, *readers = _workers(stack, sum(state.last_success_at is None for _, state in chosen))
        waits = await thread.run(ingester.host_waits)
        settings = fetch_settings(config, concurrency)
        fetcher = await stack.enter_async_context(Fetcher(settings, clock=clock, waits=waits))
        instances = Instances(await thread.run(store.pages.instances), clock)
        own = _Steps(stack, current, ingester, thread, settings.user_agent)
        groups = groups_of(chosen, clock())
        sending, saved = through(fetcher.fetch), SavedPages(None if dry_run else data)
        run = _Run(ingester, thread, fetcher, sending, share, tolerant, pages, readers, own, groups, instances, saved)
        return await run.update_all(chosen, concurrency, on_result, stopping, on_begun)


def page_worker() -> Worker:
    """Return a process that reads pages, not started yet; the caller closes it."""
    return Worker(seconds=_SECONDS, memory_mb=_PAGE_MEMORY_MB)


def _workers(stack: AsyncExitStack, new: int) -> list[Worker]:
    """Return the other processes of a cycle, none started: for the tolerant reader, and for many new documents.

    Args:
        stack: closes them.
        new: how many new documents there may be.
    """
    count = 0
    if new >= MANY_NEW:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        count = min(cores - 1, _MOST_READERS)
    return [_closed(stack, Worker(seconds=_SECONDS, memory_mb=_MEMORY_MB)) for _ in range(1 + count)]


def _closed(stack: AsyncExitStack, worker: Worker) -> Worker:
    stack.push_async_callback(worker.close)
    return worker


class _Steps:
    """What runs steps of one's own, made when the first one is needed: few configurations have any.

    Args:
        stack: closes it.
        config: returns the configuration in force.
    """

    def __init__(
        self,
        stack: AsyncExitStack,
        config: Callable[[], Config],
        ingester: Ingester,
        thread: StoreThread,
        user_agent: str,
    ) -> None:
        self._stack = stack
        self._config = config
        self._ingester = ingester
        self._thread = thread
        self._user_agent = user_agent
        self._runner: StepRunner | None = None

    async def finish(self, source: Source, needed: NeedsSteps) -> FeedUpdate:
        """Run steps until the entries of an outcome can be judged, and store it: a step may use what another made."""
        tried: dict[str, str] = {}
        while True:
            failures = await (await self._ready()).run(needed.calls)
            tried |= dict.fromkeys(needed.calls, "") | failures
            try:
                return await self._thread.run(self._ingester.finish, source, needed.update, tried)
            except NeedsSteps as more:
                needed = more

    async def _ready(self) -> StepRunner:
        if self._runner is None:
            from aggregator.pipeline.steps import StepRunner

            store, clock = self._ingester.store, self._ingester.clock
            self._runner = StepRunner(self._config, store, self._thread, clock, user_agent=self._user_agent)
            await self._stack.enter_async_context(self._runner)
        return self._runner


@dataclass(frozen=True, slots=True)
class _Run:
    """The state of one cycle."""

    ingester: Ingester
    #: Where the ingester works.
    thread: StoreThread
    fetcher: Fetcher
    #: Sends requests through it.
    send: Send
    share: Share
    tolerant: Worker
    pages: Worker
    #: Processes that help where there are many new documents.
    readers: list[Worker]
    steps: _Steps
    #: Sources that share their request, by id.
    groups: dict[str, Group]
    instances: Instances
    saved: SavedPages
    #: Pages wait here, so that a source whose share is used up meanwhile does not start another page.
    page_turn: Lock = field(default_factory=Lock)
    #: Outcomes without a document, until there are enough of them to be stored together.
    states: list[FeedState] = field(default_factory=list)
    #: Why some outcomes could not be stored.
    lost: list[RowError] = field(default_factory=list)

    async def update_all(
        self,
        chosen: Sequence[tuple[Source, FeedState]],
        concurrency: int,
        on_result: Callable[[SourceResult], None],
        stopping: Callable[[], bool],
        on_begun: Callable[[], None],
    ) -> list[SourceResult]:
        """Update the sources, `concurrency` at a time; see `update_due`."""
        results: list[SourceResult] = []
        trouble: BaseException | None = None
        queue = iter(enumerate(chosen, 1))
        outage = OutageDetector(self.ingester.clock)

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
                await keep(outage.add(await self.update_source(source, state)))

        try:
            async with TaskGroup() as tasks:
                for _ in range(min(concurrency, len(chosen))):
                    tasks.create_task(work())
        except* StoreError as group:
            # Several sources fail with the same error at once; one report is enough.
            trouble = group.exceptions[0]
        finally:
            # Also where the cycle is cancelled, so that answers of servers are not requested again.
            if trouble is None:
                silent = outage.waiting and await self.thread.run(self.ingester.silent, SILENCE)
                await keep(outage.close(silent=silent))
                await self.flush()
                await self.thread.run(self.ingester.record_traffic, self.fetcher.traffic, self.fetcher.waits)
                await self.thread.run(self.ingester.record_instances, self.instances.changed)
        if trouble is not None:
            raise trouble
        if self.lost:
            raise self.lost[0]
        return results

    async def update_source(self, source: Source, state: FeedState) -> Outcome:
        """Run one source through all stages; every error becomes an outcome."""
        started = time.monotonic()
        error, stored = None, False
        try:
            update, stored = await self._pull(source, state)
        except SourceError as failure:
            error = failure
        except ShareUsedUp as spent:
            error = FetchError(f"not done: {spent}", kind="timeout", held=True)
            update = decide.postponed(state, str(error))
            return Outcome(source, state, update, error, time.monotonic() - started)
        except RowError as failure:
            # The values are wrong, not the database.
            error = SourceError(f"it cannot be stored: {failure}", kind="internal", url=source.url)
        except StoreError:
            raise
        except Exception as failure:
            # A bug must not end the cycle for all other sources; the traceback is for the bug report.
            log.exception("source %s: unexpected error", source.id)
            words = f"unexpected error: {type(failure).__name__}: {failure}"
            error = SourceError(words, kind="internal", url=source.url)
        if error is not None:
            await self._save_page(source, error)
            update = self._failed(source, state, error)
        elif state.failures:
            await self.thread.run(self.saved.forget, source.id)
        return Outcome(source, state, update, error, time.monotonic() - started, stored)

    async def _save_page(self, source: Source, error: SourceError) -> None:
        """Keep the page that could not be read, and name its file in the error."""
        if error.page is None:
            return
        if place := await self.thread.run(self.saved.save, source.id, error.page):
            error.args = (f"{error}; the page is kept in {place}",)

    def _failed(self, source: Source, state: FeedState, error: SourceError) -> FeedUpdate:
        try:
            return decide.failed(source, state, error, self.ingester.clock())
        except Exception:
            # What is remembered of one source must not end the cycle of all.
            log.exception("source %s: unexpected error", source.id)
            return decide.given_up(state, error, self.ingester.clock())

    async def _keep(self, outcome: Outcome) -> SourceResult:
        """Store an outcome soon where a document did not bring it, and sum it up.

        A crash then costs some requests once more.
        """
        update = outcome.update
        if not outcome.stored:
            update = self.ingester.public(update)
            self.states.append(update.state)
            if len(self.states) >= STATES_AT_ONCE:
                await self.flush()
        new, changed, dropped, held = verdicts(update)
        counts = new, changed, update.unchanged
        return SourceResult(outcome.source, update.state, *counts, update.notes, outcome.seconds, dropped, held)

    async def flush(self) -> None:
        """Store the states that are still to be stored."""
        self.lost.extend(await self.thread.run(self.ingester.keep, self.states))

    async def _pull(self, source: Source, state: FeedState) -> tuple[FeedUpdate, bool]:
        """Return the outcome of a poll, and whether it is stored."""
        kind = KINDS[source.kind]
        now = self.ingester.clock()
        group = self.groups.get(source.id)
        asked = group.asked(source) if group else moves.usable(source, without_old_validators(state, now), now)
        fetched = await kind.fetch(source, asked, self._tools(source, Budget(self.share, source.timeout)))
        now = self.ingester.clock()
        request_hash = kind.request_hash(source)
        if state.request_hash != request_hash:
            state = replace(state, request_hash=request_hash)
        state, fetched = moves.remember(source, state, asked, fetched, now)
        if isinstance(fetched, NotModified):
            return decide.not_modified(source, state, fetched, now), False
        return await self._ingest(Received(source, state, fetched, now)), True

    async def _ingest(self, received: Received) -> FeedUpdate:
        try:
            return await self._read(received)
        except NeedsSteps as needed:
            return await self.steps.finish(received.source, needed)

    async def _read(self, received: Received) -> FeedUpdate:
        new = await self._read_new(received)
        if new and (update := await self.thread.run(self.ingester.ingest_new, received, new)):
            return update
        try:
            return await self.thread.run(self.ingester.ingest, received)
        except NeedsTolerantParser:
            parsed = await self._parse_tolerantly(received.fetched)
            return await self.thread.run(self.ingester.ingest, received, parsed)

    async def _read_new(self, received: Received) -> NewDocument | None:
        """Return a document of which nothing is known, read in another process where that pays."""
        source, fetched = received.source, received.fetched
        worker = min(self.readers, key=lambda one: one.calls, default=None)
        known = received.state.last_success_at is not None or not KINDS[source.kind].PARSE_ONLY
        if worker is None or worker.calls >= _DEPTH or known or len(fetched.body) < _SMALL:
            return None
        try:
            return (await worker.run(read_new, source.id, fetched, received.now))[0]
        except WorkerError as error:
            if error.kind == "internal":
                # A bug is easier to trace in this process.
                return None
            raise _unread(error) from None

    async def _parse_tolerantly(self, fetched: Fetched) -> ParsedFeed:
        try:
            return (await self.tolerant.run(parse, fetched))[0]
        except WorkerError as error:
            raise _unread(error) from None

    def _tools(self, source: Source, budget: Budget) -> Tools:
        group, send = self.groups.get(source.id), self.send

        async def fetch(request: Request) -> Fetched | NotModified:
            return await budget.fetch(lambda: group.fetch(source, request, send) if group else send(request))

        async def offload(function: Callable[[Any], Any], argument: object, seconds: float) -> Any:
            return await budget.compute(lambda: self._read_page(budget, function, argument, seconds))

        return Tools(
            fetch,
            lambda keys: self.thread.run(self.ingester.seen, source.id, keys),
            lambda keys: self.thread.run(self.ingester.store.pages.find, source.id, keys),
            offload,
            self.instances,
            self.ingester.clock,
        )

    async def _read_page(self, budget: Budget, function: Callable[[Any], Any], argument: object, seconds: float) -> Any:
        async with self.page_turn:
            budget.check()
            try:
                result, spent = await self.pages.run(function, argument, seconds=seconds)
            except WorkerError as error:
                budget.pay(error.seconds)
                raise _unread(error) from None
            budget.pay(spent)
            return result


def _unread(error: WorkerError) -> ParseError:
    """Return a document that a process did not read, as a failure of its source."""
    kind: FailureKind = "internal" if error.kind == "internal" else "unparsable"
    return ParseError(f"it could not be read: {error}", kind=kind)


def fetch_settings(config: Config, concurrency: int) -> FetchSettings:
    """Return how documents are fetched, `concurrency` at a time."""
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
