"""Jobs that publish, for the workers that do: posts and feeds, the command for changed files, and when to look again.

Posts get their ids and paths under one lock. Removal of expired entries and publication are those of a cycle; here they
come some time after entries were stored by any worker, and now and then without.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from aggregator.cluster.queue import COMMAND, POSTS, PUBLISH, Order, Queue
from aggregator.cluster.settings import Times
from aggregator.config import Config
from aggregator.errors import StoreError
from aggregator.log import log_event, log_renewal
from aggregator.publish.publication import publish
from aggregator.publish.report import OutputFailure, Report
from aggregator.retention import retain
from aggregator.service.after_publish import AfterPublish, record_changes
from aggregator.service.health import CYCLE, write_heartbeat
from aggregator.store import Store
from aggregator.values.terminal import counted
from aggregator.workers import StoreThread

#: Name of the fact that tells when the last publication ended.
PUBLISHED = "published"
#: Publication goes before anything else of its lane.
WANTED = Order(POSTS, PUBLISH, priority=1)


class Publications:
    """The publication jobs of one worker, under one configuration.

    Args:
        thread: where the store is used.
        stop: set when the worker is about to end.
    """

    def __init__(
        self,
        config: Config,
        store: Store,
        thread: StoreThread,
        data: Path,
        queue: Queue,
        clock: Callable[[], datetime],
        times: Times,
        stop: asyncio.Event,
    ) -> None:
        self._config = config
        self._store = store
        self._thread = thread
        self._data = data
        self._queue = queue
        self._clock = clock
        self._times = times
        self._stop = stop
        self._command = AfterPublish(data, thread, lambda: config, clock, stop=stop)
        #: Before when the next publication does not begin, on the monotonic clock.
        self._not_before = 0.0
        #: What was not published at the last time, which is said once.
        self.failures: list[OutputFailure] = []
        self._lost: list[str] = []
        #: When an output changes by itself; None: never.
        self.next_at: datetime | None = None

    async def posts(self, attempts: int) -> None:
        """Remove what has expired, and publish what is out of date.

        Raises:
            StoreError: the store failed, not on one row.
        """
        # Publications that take long must not take all the time of this worker.
        if (pause := self._not_before - time.monotonic()) > 0:
            await asyncio.sleep(pause)
        started = time.monotonic()
        report = await self._thread.run(self._publish)
        took = time.monotonic() - started
        self._not_before = time.monotonic() + min(took, self._times.publish_pause)
        self.next_at = report.next_at
        self._log(report, took)
        await self._queue.database.record(PUBLISHED, f"{took:.3f}")
        if report.files and self._config.after_publish:
            await self._queue.put(Order(COMMAND, PUBLISH))

    async def command(self, attempts: int) -> None:
        """Call the command for the files that publications have changed.

        Raises:
            StoreError: the store failed.
        """
        failure = await self._command.run(self._store)
        if failure is not None:
            log_event(str(failure), action="publish", level=logging.ERROR)

    async def look_again(self) -> None:
        """Put publication into the queue now and then, until cancelled.

        Raises:
            StoreError: the database went away.
        """
        await self._queue.put(WANTED)
        if self._config.after_publish:
            # What an earlier process has not called it for.
            await self._queue.put(Order(COMMAND, PUBLISH))
        while True:
            await asyncio.sleep(self._wait())
            await self._queue.put(WANTED)

    def _wait(self) -> float:
        again = self._times.publish_again
        if self.next_at is None:
            return again
        return min(again, max(1.0, (self.next_at - self._clock()).total_seconds()))

    def _publish(self) -> Report:
        now = self._clock()
        removed = retain(self._config, self._store, self._data, now)
        if removed.entries:
            what = counted(removed.entries, "expired entry", "expired entries")
            log_event(f"removed {what}", action="retention", removed=removed.entries)
        report = publish(self._store, self._config, self._data, now=now, renewing=log_renewal)
        record_changes(self._store, self._config, report, removed.posts)
        report.failures = [*removed.failures, *report.failures]
        write_heartbeat(self._data, now)
        self._store.record_fingerprints({CYCLE: now.isoformat()})
        return Report(kept=removed.kept).followed_by(report)

    def _log(self, report: Report, seconds: float) -> None:
        if report.files:
            files = f"{counted(len(report.posts), 'post')} and {counted(len(report.feeds), 'feed')} written"
            log_event(
                files, action="publish", posts=len(report.posts), feeds=len(report.feeds), elapsed=round(seconds, 3)
            )
        for text in report.edits():
            log_event(text, action="publish")
        for text in report.lost:
            if text not in self._lost:
                log_event(text, action="publish", level=logging.WARNING)
        self._lost = report.lost
        for failure in report.failures:
            if failure not in self.failures:
                log_event(str(failure), action="publish", level=logging.ERROR)
        self.failures = report.failures


class Requester:
    """Asks for a publication some time after entries were stored, once for all that come meanwhile.

    Args:
        queue: where the job goes.
        seconds: the time.
        on_trouble: called where the queue cannot be used.
    """

    def __init__(self, queue: Queue, seconds: float, on_trouble: Callable[[StoreError], None]) -> None:
        self._queue = queue
        self._seconds = seconds
        self._on_trouble = on_trouble
        self._waiting: asyncio.Task[None] | None = None

    def want(self) -> None:
        """Take note that entries were stored."""
        if self._waiting is None:
            self._waiting = asyncio.create_task(self._ask_later())

    async def close(self) -> None:
        """Ask at once, if anything was stored."""
        if self._waiting is not None:
            self._waiting.cancel()
            await self._ask()

    async def _ask_later(self) -> None:
        await asyncio.sleep(self._seconds)
        self._waiting = None
        await self._ask()

    async def _ask(self) -> None:
        try:
            await self._queue.put(WANTED)
        except StoreError as error:
            self._on_trouble(error)
