"""Jobs that publish, for the workers that do: posts, each merged feed, the lists, and the command for changed files.

Posts get their ids and paths under one lock, each feed is written under one of its own, so that several workers can
share the work on one folder. Removal of expired entries goes before the posts. All of it is that of a cycle; here it
comes some time after entries were stored by any worker, and now and then without.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

from aggregator.cluster.queue import COMMAND, LISTS, OUTPUT, POSTS, PUBLISH, Order, Queue, Run
from aggregator.cluster.settings import Times
from aggregator.config import Config
from aggregator.errors import StoreError
from aggregator.log import log_event, log_renewal
from aggregator.publish.publication import publish_lists, publish_outputs, publish_posts
from aggregator.publish.report import OutputFailure, Report
from aggregator.retention import retain
from aggregator.service.after_publish import AfterPublish, record_changes
from aggregator.service.health import CYCLE, write_heartbeat
from aggregator.store import Store
from aggregator.values.terminal import counted
from aggregator.workers import StoreThread

#: Name of the fact that tells when posts were published last, and the value of which is how many seconds that took.
PUBLISHED = "published"
#: Posts go before feeds, whose archives need their ids.
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
        #: What was not published at the last time, by the job, which is said once.
        self._failures: dict[str, list[OutputFailure]] = {}
        self._lost: list[str] = []
        #: Whether it was said that another process publishes.
        self._said = False
        #: When an output changes by itself; None: never.
        self.next_at: datetime | None = None

    @property
    def tasks(self) -> dict[str, Run]:
        """What does the jobs, by their names."""
        return {POSTS: self.posts, OUTPUT: self.output, LISTS: self.lists, COMMAND: self.command}

    async def posts(self, attempts: int) -> None:
        """Remove what has expired, and publish posts; feeds that are out of date get jobs of their own.

        Raises:
            StoreError: the store failed, not on one row.
        """
        # Publications that take long must not take all the time of this worker.
        if (pause := self._not_before - time.monotonic()) > 0:
            await asyncio.sleep(pause)
        started = time.monotonic()
        report = await self._thread.run(self._only_here, POSTS, self._publish_posts)
        if report is None:
            return
        took = time.monotonic() - started
        self._not_before = time.monotonic() + min(took, self._times.publish_pause)
        self.next_at = report.next_at
        await self._done(POSTS, report, took)
        for slug in sorted(report.outdated):
            await self._queue.put(Order(OUTPUT, PUBLISH, slug))
        await self._queue.put(Order(LISTS, PUBLISH))
        await self._queue.database.record(PUBLISHED, f"{took:.3f}")

    async def output(self, attempts: int, slug: str) -> None:
        """Write a merged feed and its archive.

        Raises:
            StoreError: the store failed, not on one row.
        """
        started = time.monotonic()
        job = f"{OUTPUT}:{slug}"
        report = await self._thread.run(self._only_here, job, partial(self._publish_output, slug))
        if report is not None:
            await self._done(job, report, time.monotonic() - started)

    async def lists(self, attempts: int) -> None:
        """Write the lists of the sources and of the feeds.

        Raises:
            StoreError: the store failed, not on one row.
        """
        started = time.monotonic()
        report = await self._thread.run(self._only_here, LISTS, self._publish_lists)
        if report is not None:
            await self._done(LISTS, report, time.monotonic() - started)

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

    def _only_here(self, job: str, publish: Callable[[], Report]) -> Report | None:
        """Publish, unless another process is at it: one that stands still, so that its job was taken over.

        It may go on any time, and write what it had read before. What is left undone now is found again, and so is what
        has changed since.
        """
        with self._store.sole(job) as sole:
            if sole:
                self._said = False
                return publish()
        if not self._said:
            self._said = True
            log_event("another worker publishes, and has not been heard of; waiting", action="publish")
        return None

    def _publish_posts(self) -> Report:
        now = self._clock()
        removed = retain(self._config, self._store, self._data, now)
        if removed.entries:
            what = counted(removed.entries, "expired entry", "expired entries")
            log_event(f"removed {what}", action="retention", removed=removed.entries)
        report = publish_posts(self._store, self._config, self._data, now=now, renewing=log_renewal)
        record_changes(self._store, self._config, report, removed.posts)
        report.failures = [*removed.failures, *report.failures]
        write_heartbeat(self._data, now)
        self._store.record_fingerprints({CYCLE: now.isoformat()})
        whole = Report(kept=removed.kept).followed_by(report)
        whole.outdated = report.outdated
        return whole

    def _publish_output(self, slug: str) -> Report:
        report = publish_outputs(self._store, self._config, self._data, [slug], now=self._clock())
        record_changes(self._store, self._config, report)
        return report

    def _publish_lists(self) -> Report:
        report = publish_lists(self._store, self._config, self._data, now=self._clock())
        record_changes(self._store, self._config, report)
        return report

    async def _done(self, job: str, report: Report, seconds: float) -> None:
        """Log what a job has published, and let the command be called for it."""
        if report.files:
            posts, feeds = len(report.posts), len(report.feeds)
            message = f"{counted(posts, 'post')} and {counted(feeds, 'feed')} written"
            log_event(message, action="publish", posts=posts, feeds=feeds, elapsed=round(seconds, 3))
            if self._config.after_publish:
                await self._queue.put(Order(COMMAND, PUBLISH))
        for text in report.edits():
            log_event(text, action="publish")
        if job == POSTS:
            self._log_once(self._lost, report.lost, logging.WARNING)
            self._lost = report.lost
        known, self._failures[job] = self._failures.get(job, []), report.failures
        self._log_once(known, report.failures, logging.ERROR)

    def _log_once(self, known: Sequence[object], now: Sequence[object], level: int) -> None:
        for one in now:
            if one not in known:
                log_event(str(one), action="publish", level=level)


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
