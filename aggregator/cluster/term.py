"""A term of a worker: from the moment when it takes jobs under one configuration, until something has to change.

That is a signal, another configuration, a database that went away, or a newer program that has changed the tables. A
term has its own stores, threads, engines and lanes of jobs, and gives all of them back, however it ends.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Coroutine
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from procrastinate import exceptions

from aggregator.cluster.database import ClusterDatabase
from aggregator.cluster.dispatch import Dispatch
from aggregator.cluster.engines import Engines
from aggregator.cluster.leases import DatabaseLeases
from aggregator.cluster.membership import WORKING, Membership, Seen
from aggregator.cluster.notices import Notices
from aggregator.cluster.publishing import Publications, Requester
from aggregator.cluster.queue import (
    CONTROL,
    DISPATCH,
    HOOK,
    PUBLISH,
    SOURCE,
    SOURCES,
    Lane,
    Order,
    Queue,
    Run,
)
from aggregator.cluster.settings import WorkerSettings
from aggregator.cluster.sources import Requests, SourceJobs
from aggregator.cluster.trials import Trials, forget_trials
from aggregator.config import Config
from aggregator.errors import AggregatorError, StoreError
from aggregator.log import log_event, log_result
from aggregator.models import FeedState
from aggregator.pipeline.engine import open_engine
from aggregator.pipeline.run import SourceResult
from aggregator.store import Store, open_store
from aggregator.workers import StoreThread

if TYPE_CHECKING:
    from aiohttp.abc import AbstractResolver

#: Jobs of one lane that run at once, where few take long.
_FEW = 4
#: Seconds between two removals of what nobody needs any more.
_TIDY = 3600.0
#: Seconds after the grace period in which jobs that were cancelled have to end.
_PATIENCE = 15.0
#: Seconds in which whatever the database still owes is waited for, once it went away.
_LAST = 5.0

Work = Callable[[], Coroutine[Any, Any, None]]


class Term:
    """One term.

    Args:
        uri: of the database.
        membership: what the worker says of itself.
        on_seen: called with what each sign of life has told.
        stop: set when the worker is about to end.
    """

    def __init__(
        self,
        uri: str,
        config: Config,
        settings: WorkerSettings,
        database: ClusterDatabase,
        membership: Membership,
        on_seen: Callable[[Seen], Awaitable[None]],
        stop: asyncio.Event,
        resolver: AbstractResolver | None,
    ) -> None:
        self._uri = uri
        self._config = config
        self._settings = settings
        self._database = database
        self._membership = membership
        self._on_seen = on_seen
        self._stop = stop
        self._resolver = resolver
        self._queue = Queue(database, settings.times, self.fail)
        self._ended = asyncio.Event()
        self._trouble: AggregatorError | None = None
        #: Source jobs that run, and since when none has been completed, on the monotonic clock.
        self._running = 0
        self._progress_at = time.monotonic()

    @property
    def quiet(self) -> timedelta:
        """For how long jobs run, and none is completed."""
        return timedelta(seconds=time.monotonic() - self._progress_at if self._running else 0)

    def end(self) -> None:
        """End the term; running jobs get time to end."""
        self._ended.set()

    def fail(self, error: AggregatorError) -> None:
        """End the term because the database cannot be used; `run` raises the first error."""
        self._trouble = self._trouble or error
        self._ended.set()

    async def run(self) -> None:
        """Work until the term ends.

        Raises:
            StoreError: the database cannot be used.
            AggregatorError: raised by `on_seen`.
        """
        async with AsyncExitStack() as stack:
            await self._queue.open()
            await self._queue.disown(self._membership.lanes)
            lanes, jobs, background = await self._prepare(stack)
            self._membership.state = WORKING
            self._membership.places = self._config.fetch.concurrency
            running = [asyncio.create_task(lane.run()) for lane in lanes]  # type: ignore[no-untyped-call]
            beside = [asyncio.create_task(self._watched(one)) for one in background]
            for task in running:
                task.add_done_callback(self._lane_ended)
            try:
                await self._ended.wait()
            finally:
                await _cancelled(beside)
                await self._end_lanes(lanes, running, jobs)
        if self._trouble is not None:
            raise self._trouble

    async def _prepare(self, stack: AsyncExitStack) -> tuple[list[Lane], SourceJobs, list[Work]]:
        """Return the lanes, the source jobs, and what runs beside them."""
        config, settings, database, queue = self._config, self._settings, self._database, self._queue
        times, places, grace = settings.times, config.fetch.concurrency, settings.grace.total_seconds()
        requests = Requests(config.sources)
        store, thread = await self._opened(stack)
        control, beside = await self._opened(stack)
        trials = Trials(database, await stack.enter_async_context(DatabaseLeases(database.pool)))
        engines = Engines(lambda: self._engine(store, thread, trials), times.engine)
        stack.push_async_callback(engines.close)
        requester = Requester(queue, times.publish, self.fail)
        stack.push_async_callback(requester.close)
        notices = Notices(config, control, beside, database, queue, self.fail, quiet=settings.quiet)
        stack.push_async_callback(notices.close)

        def on_result(result: SourceResult, before: FeedState) -> None:
            self._count(result)
            if result.new or result.changed or before.last_success_at is None:
                requester.want()
            notices.take(result, before)

        jobs = SourceJobs(config, requests, store, thread, engines, database.clock, times, places, trials, on_result)
        dispatch = Dispatch(config, requests, control, beside, queue, database, times, places)
        lanes = [
            queue.lane([SOURCES], {SOURCE: partial(self._counted, jobs.run)}, places, grace),
            queue.lane([CONTROL], {DISPATCH: dispatch.run, HOOK: notices.hook}, _FEW, grace),
        ]
        made = None
        if settings.publish:
            files, third = await self._opened(stack)
            made = Publications(config, files, third, settings.data, queue, database.clock, times, self._stop)
            lanes.append(queue.lane([PUBLISH], made.tasks, _FEW, grace))
        report = partial(notices.report, times.news)
        background: list[Work] = [self._beat, self._dispatch, self._take_over, self._tidy, report]
        if made is not None:
            background.append(made.look_again)
        return lanes, jobs, background

    async def _opened(self, stack: AsyncExitStack) -> tuple[Store, StoreThread]:
        """Open a store with a thread of its own."""
        thread = stack.enter_context(StoreThread())
        store = await thread.run(open_store, self._uri)

        async def close() -> None:
            with suppress(StoreError):
                await thread.run(store.close)

        stack.push_async_callback(close)
        return store, thread

    def _engine(self, store: Store, thread: StoreThread, leases: Trials) -> Any:
        clock, data = self._database.clock, self._settings.data
        return open_engine(self._config, store, thread, clock, data=data, resolver=self._resolver, leases=leases)

    async def _counted(self, run: Run, attempts: int, name: str) -> None:
        """Run a source job."""
        if not self._running:
            self._progress_at = time.monotonic()
        self._running += 1
        try:
            await run(attempts, name)
        finally:
            self._running -= 1

    def _count(self, result: SourceResult) -> None:
        self._progress_at = time.monotonic()
        self._membership.sources += 1
        self._membership.entries += result.new
        log_result(result)

    async def _watched(self, work: Work) -> None:
        """Do what runs beside the lanes; where it fails, the term ends."""
        try:
            await work()
        except AggregatorError as error:
            self.fail(error)
        except Exception as error:
            logging.getLogger(__name__).exception("unexpected error; the worker begins again")
            self.fail(StoreError(f"unexpected error: {type(error).__name__}: {error}"))

    def _lane_ended(self, task: asyncio.Task[None]) -> None:
        if not self._ended.is_set():
            error = None if task.cancelled() else task.exception()
            self.fail(StoreError(f"the queue cannot be used: {error.__cause__ or error}" if error else "a lane ended"))

    async def _end_lanes(self, lanes: list[Lane], running: list[asyncio.Task[None]], jobs: SourceJobs) -> None:
        """End the lanes: running jobs may end, unless nothing of them can be stored."""
        if self._trouble is not None:
            await self._database.pool.close(timeout=_LAST)
        pending: set[asyncio.Task[None]] = set(running)
        until = time.monotonic() + self._settings.grace.total_seconds() + _PATIENCE
        while pending and time.monotonic() < until:
            for lane in lanes:
                # Again and again: a lane that begins forgets that it was told to end.
                lane.end(at_once=self._trouble is not None)
            if self._trouble is None:
                await jobs.close()
            _, pending = await asyncio.wait(pending, timeout=1.0)
        self._membership.lanes = [lane.worker_id for lane in lanes if lane.worker_id is not None]
        if pending:
            log_event("some jobs do not end; they are left behind", action="stop", level=logging.ERROR)
        for task in set(running) - pending:
            error = task.exception()
            if error is not None and not isinstance(error, exceptions.ConnectorException):
                logging.getLogger(__name__).error("a lane of jobs ended with an error", exc_info=error)

    async def _beat(self) -> None:
        while True:
            await self._on_seen(await self._membership.beat(self._database))
            await asyncio.sleep(self._settings.times.beat)

    async def _dispatch(self) -> None:
        order = Order(DISPATCH, CONTROL, priority=1)
        while True:
            await self._queue.put_periodically(order, self._settings.times.dispatch)
            await asyncio.sleep(self._settings.times.dispatch)

    async def _take_over(self) -> None:
        while True:
            if count := await self._queue.take_over():
                log_event(f"took over {count} jobs of workers that ended", action="cycle")
            await asyncio.sleep(self._settings.times.take_over)

    async def _tidy(self) -> None:
        while True:
            await self._queue.tidy()
            await self._membership.forget_dead(self._database)
            await forget_trials(self._database)
            await asyncio.sleep(_TIDY)


async def _cancelled(tasks: Collection[asyncio.Task[None]]) -> None:
    """Cancel tasks, and wait until they have ended; a library may lose a cancellation, so they get another one."""
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=1.0)
