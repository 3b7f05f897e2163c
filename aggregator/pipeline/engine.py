"""What updates one source at a time, for as long as it is open: the stages in their order, and what they share.

    fetch -> ingest (parse -> identify -> recognize -> normalize -> decide -> judge -> store)

In: a source that is due, with its state. Out: an `Outcome`, never an exception for one source's failure. One engine has
one HTTP client, so that robots.txt is read once and the turns of a host are kept; `run.update_due` opens one for a
cycle, a worker of a cluster one for some minutes. Documents are stored by the engine, outcomes without one by its user,
several together. Each source has a share of time, bytes and computing, see `due.Budget`.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from asyncio import Lock
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
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
from aggregator.pipeline.judge import Judge, NeedsSteps
from aggregator.pipeline.outage import Outcome
from aggregator.pipeline.savedpages import SavedPages
from aggregator.pipeline.together import Group, Send, groups_of
from aggregator.sources import KINDS, Instances, ShareUsedUp, Tools, without_old_validators
from aggregator.store import Store
from aggregator.workers import StoreThread, Worker

if TYPE_CHECKING:
    from aiohttp.abc import AbstractResolver

    from aggregator.fetch.leases import Leases
    from aggregator.pipeline.steps import StepRunner

log = logging.getLogger(__name__)

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


@asynccontextmanager
async def open_engine(
    config: Config,
    store: Store,
    thread: StoreThread,
    clock: Callable[[], datetime],
    *,
    concurrency: int | None = None,
    new: int = 0,
    dry_run: bool = False,
    share: Share = USUAL,
    in_force: Callable[[], Config] | None = None,
    data: Path | None = None,
    through: Callable[[Send], Send] = lambda send: send,
    on_read: OnRead | None = None,
    steps: bool = True,
    pages: Worker | None = None,
    resolver: AbstractResolver | None = None,
    leases: Leases | None = None,
) -> AsyncIterator[Engine]:
    """Open an engine; what it has in memory only is stored by `Engine.record`.

    Args:
        clock: the current time, aware and in UTC.
        concurrency: requests in flight at most; None: as many as `config` says.
        new: how many new documents there may be.
        dry_run: fetch and compare, but store nothing.
        share: the limits of each source.
        in_force: the configuration by which entries are judged, as of the moment when they are stored; None: `config`.
        data: the data folder, where pages that could not be read are kept; None: they are not kept.
        through: what requests go through: it takes the function that sends them, and returns the one to use.
        on_read, steps: see `Ingester`.
        pages: what reads pages (`page_worker`); None: one for this engine alone.
        resolver: looks up host names; None: the system does.
        leases: whoever keeps the politeness of several processes; None: this is the only one.

    Raises:
        StoreError: the store cannot be read.
    """
    current = in_force or (lambda: config)
    judge = Judge(store, current, record=not dry_run)
    ingester = Ingester(store, clock, dry_run, config.secrets, config.confidential, judge, steps, on_read)
    async with AsyncExitStack() as stack:
        pages = pages or _closed(stack, page_worker())
        tolerant, *readers = _workers(stack, new)
        waits = await thread.run(ingester.host_waits)
        settings = fetch_settings(config, concurrency or config.fetch.concurrency)
        made = Fetcher(settings, clock=clock, waits=waits, resolver=resolver, leases=leases)
        fetcher = await stack.enter_async_context(made)
        instances = Instances(await thread.run(store.pages.instances), clock)
        own = _Steps(stack, current, ingester, thread, settings.user_agent)
        sending, saved = through(fetcher.fetch), SavedPages(None if dry_run else data)
        yield Engine(ingester, thread, fetcher, sending, share, tolerant, pages, readers, own, instances, saved)


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
class Engine:
    """An open engine; see `open_engine`."""

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
    instances: Instances
    saved: SavedPages
    #: Pages wait here, so that a source whose share is used up meanwhile does not start another page.
    page_turn: Lock = field(default_factory=Lock)

    async def update_together(self, sources: Sequence[tuple[Source, FeedState]]) -> list[Outcome]:
        """Update sources at once; those with one request have one document.

        Raises:
            StoreError: as for `update`.
        """
        groups = groups_of(sources, self.ingester.clock())
        updates = (self.update(one, state, groups.get(one.id)) for one, state in sources)
        outcomes = list[Outcome]()
        for made in await asyncio.gather(*updates, return_exceptions=True):
            if isinstance(made, BaseException):
                raise made
            outcomes.append(made)
        return outcomes

    async def update(self, source: Source, state: FeedState, group: Group | None = None) -> Outcome:
        """Run one source through all stages; every error becomes an outcome.

        Args:
            group: the sources that share its request, if there are several.

        Raises:
            StoreError: nothing can be stored.
        """
        started = time.monotonic()
        error, stored = None, False
        try:
            update, stored = await self._pull(source, state, group)
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

    async def record(self) -> None:
        """Store the traffic of hosts, until when they want to be left alone, and how instances answered."""
        await self.thread.run(self.ingester.record_traffic, self.fetcher.traffic, self.fetcher.waits)
        await self.thread.run(self.ingester.record_instances, self.instances.changed)

    async def _pull(self, source: Source, state: FeedState, group: Group | None) -> tuple[FeedUpdate, bool]:
        """Return the outcome of a poll, and whether it is stored."""
        kind = KINDS[source.kind]
        now = self.ingester.clock()
        asked = group.asked(source) if group else moves.usable(source, without_old_validators(state, now), now)
        fetched = await kind.fetch(source, asked, self._tools(source, group, Budget(self.share, source.timeout)))
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

    def _tools(self, source: Source, group: Group | None, budget: Budget) -> Tools:
        send = self.send

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
