"""The daemon: cycles for as long as the process lives.

In: a configuration file and a data folder that the caller has locked. Out: the same as `aggregator update` gives, again
and again. It owns the store and the jobs (tick and heartbeat), and it must survive every failure that can pass:
a full disk, a locked database, a bad feeds.yaml, a clock that jumps. What one cycle fetches with is made for it and
closed after it, so that nothing can pile up between cycles.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger

from aggregator.config import Config
from aggregator.due import TURN, choose, spread
from aggregator.errors import AggregatorError, ConfigError
from aggregator.health import write_heartbeat
from aggregator.hooks import due_calls, run_calls
from aggregator.logs import tell, tell_result, told_renewal, unreached
from aggregator.pool import Pool
from aggregator.publish.site import publish
from aggregator.reload import ConfigFile, differences
from aggregator.retention import retain
from aggregator.store import Store, open_store
from aggregator.systemd import Systemd
from aggregator.update import Result, update_due

if TYPE_CHECKING:
    from pathlib import Path

#: A cycle in which nothing at all came to its end for so long hangs; the watchdog is then left without its sign.
STALLED = timedelta(minutes=15)
#: How often the clock is compared with one that cannot be set.
CLOCK_CHECK = timedelta(seconds=5)
HEARTBEAT = timedelta(seconds=20)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class DaemonSettings:
    """What the daemon is told besides the configuration."""

    data: Path
    #: Time from one look for due sources to the next.
    every: timedelta
    #: Time that running fetches get to come to their end after a signal.
    grace: timedelta


class Every(BaseTrigger):  # type: ignore[misc]
    """Fires an interval after the last time it was looked at.

    APScheduler's own interval trigger counts all times that were missed, one by one: millions where a board without
    a clock of its own learns the date.
    """

    def __init__(self, interval: timedelta) -> None:
        self._interval = interval

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """See `BaseTrigger`."""
        return now if previous_fire_time is None else now + self._interval


class Daemon:
    """One daemon; `run` it once.

    Args:
        file: feeds.yaml; watched, and read anew when it changes.
        clock: the current time, aware and in UTC.
    """

    def __init__(
        self,
        file: ConfigFile,
        config: Config,
        settings: DaemonSettings,
        systemd: Systemd,
        clock: Callable[[], datetime],
    ) -> None:
        self.config = config
        self._file = file
        self._settings = settings
        self._systemd = systemd
        self._clock = clock
        self._fresh: Config | None = None
        self._stop = asyncio.Event()
        self._busy = asyncio.Lock()
        #: The one thread that touches the store outside of `update_due`.
        self._keeper = ThreadPoolExecutor(1, "aggregator-daemon")
        self._store: Store | None = None
        self._running: asyncio.Task[Any] | None = None
        self._progress = time.monotonic()
        self._state = "starting"
        self._spread = False

    async def run(self) -> None:
        """Work until `stop` is called; then let running fetches end, within the grace period."""
        self._stop.clear()
        scheduler = self._scheduler()
        scheduler.start()
        watcher = asyncio.create_task(self._file.watch(self.reload))
        try:
            self._systemd.ready()
            tell(f"watching {len(self.config.sources)} sources", action="start")
            await self._watch_clock(scheduler)
            self._systemd.stopping()
            tell("stopping; running fetches may end", action="stop")
            scheduler.pause()
            await self._finish()
        finally:
            watcher.cancel()
            scheduler.shutdown(wait=False)
            with suppress(asyncio.CancelledError):
                await watcher
            self.close()
        tell("stopped", action="stop")

    def stop(self) -> None:
        """Ask `run` to end; no new work is begun."""
        self._stop.set()

    def close(self) -> None:
        """Close the store, after what uses it has ended."""
        self._keeper.submit(self._close_store).result()
        self._keeper.shutdown()

    def reload(self) -> None:
        """Read feeds.yaml; a good one takes effect at the next tick, a bad one is reported and the old one stays."""
        self._systemd.reloading()
        old = self._fresh or self.config
        try:
            self._fresh = self._file.load()
        except ConfigError as error:
            for problem in error.problems:
                tell(str(problem), action="reload", level=logging.ERROR)
            tell(f"{self._file.path} is wrong; the old one stays in force", action="reload", level=logging.ERROR)
        else:
            changes = differences(old, self._fresh)
            tell(f"read {self._file.path} anew: {changes}; in force from the next tick", action="reload")
        self._systemd.ready()

    async def tick(self) -> None:
        """Run one cycle over the sources that are due."""
        await self._work("cycle", self._cycle)

    def heartbeat(self) -> None:
        """Tell systemd that the daemon lives, unless a cycle hangs."""
        quiet = timedelta(seconds=time.monotonic() - self._progress)
        if self._busy.locked() and quiet > STALLED:
            tell(f"nothing has come to its end for {quiet.seconds // 60} min", action="cycle", level=logging.ERROR)
            return
        self._systemd.alive()
        self._systemd.status(self._state)

    async def _work(self, action: str, job: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run a job by itself; its failure is logged, and the next try starts with a store opened anew."""
        async with self._busy:
            if self._stop.is_set():
                return
            self._running = asyncio.current_task()
            self._progress = time.monotonic()
            try:
                await job()
            except AggregatorError as error:
                self._state = f"trouble: {error}"
                tell(str(error), action=action, level=logging.ERROR)
                await self._in_keeper(self._close_store)
            except Exception as error:
                self._state = f"trouble: {type(error).__name__}"
                logging.getLogger(__name__).exception("unexpected error; the next tick tries again")
                await self._in_keeper(self._close_store)
            finally:
                self._running = None

    async def _cycle(self) -> None:
        started = time.monotonic()
        if self._fresh is not None:
            self.config, self._fresh = self._fresh, None
        config = self.config
        store = await self._in_keeper(self._opened_store)
        await self._in_keeper(store.sync_sources, config.sources)
        if not self._spread:
            waiting = await self._in_keeper(spread, config, store, self._clock())
            self._spread = True
            if waiting:
                tell(f"{waiting} sources are overdue; they start one after the other", action="start")
        chosen = await self._in_keeper(partial(choose, config, store, self._clock(), turn=TURN))
        with Pool() as pool:
            results = await update_due(
                config, store, chosen, clock=self._clock, pool=pool, on_result=self._on_result, stopping=self._stopping
            )
            removed = await self._in_keeper(retain, config, store, self._settings.data, self._clock())
            if removed.entries:
                count = removed.entries
                tell(f"{count} entries removed that are kept no longer", action="retention", removed=count)
            write = partial(publish, store, config, self._settings.data, progress=lambda posts: self._moved())
            report = await self._in_keeper(partial(write, renewing=self._on_renewed, run=pool.submit))
        for failure in (*removed.failures, *report.failures):
            tell(str(failure), action="publish", level=logging.ERROR)
        await self._in_keeper(write_heartbeat, self._settings.data, self._clock())
        if calls := due_calls(config, await self._in_keeper(store.fingerprints), results):
            await self._in_keeper(store.record, await run_calls(calls))
        failed = sum(result.failed for result in results)
        self._state = f"{len(config.sources)} sources; last cycle at {self._clock():%H:%M:%S} UTC: {len(results)} asked"
        if results or report.files:
            written = f"{len(report.posts)} posts and {len(report.feeds)} feeds written"
            tell(
                f"{len(results)} sources, {failed} failed{unreached(results)}; {written}",
                action="cycle",
                elapsed=round(time.monotonic() - started, 3),
                posts=len(report.posts),
                feeds=len(report.feeds),
            )

    def _on_result(self, result: Result) -> None:
        self._moved()
        tell_result(result)

    def _on_renewed(self, done: int, total: int) -> None:
        self._moved()
        told_renewal(done, total)

    def _stopping(self) -> bool:
        # Asked before each source, whose results may be held back for a while.
        self._moved()
        return self._stop.is_set()

    def _moved(self) -> None:
        self._progress = time.monotonic()

    def _opened_store(self) -> Store:
        if self._store is None:
            self._store = open_store(self._settings.data / "aggregator.db")
        return self._store

    def _close_store(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            with suppress(AggregatorError):
                store.close()

    async def _in_keeper(self, function: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._keeper, function, *args)

    def _scheduler(self) -> AsyncIOScheduler:
        scheduler = AsyncIOScheduler(
            timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        )
        # A tick that takes longer than the interval is no event.
        logging.getLogger("apscheduler").setLevel(logging.CRITICAL)
        beat = min(HEARTBEAT, timedelta(seconds=(self._systemd.watchdog or HEARTBEAT.total_seconds()) / 2))
        for job, interval in ((self.heartbeat, beat), (self.tick, self._settings.every)):
            scheduler.add_job(job, Every(interval), id=job.__name__, next_run_time=datetime.now(UTC))
        return scheduler

    async def _watch_clock(self, scheduler: AsyncIOScheduler) -> None:
        """Wait for the end; where the clock was set back, have the jobs run now and not when it has caught up."""
        offset = time.time() - time.monotonic()
        while not self._stop.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), CLOCK_CHECK.total_seconds())
            drift = time.time() - time.monotonic() - offset
            if abs(drift) > CLOCK_CHECK.total_seconds():
                tell(f"the clock was set by {drift:+.0f} s", action="clock", level=logging.WARNING)
                offset += drift
                for job in scheduler.get_jobs():
                    job.modify(next_run_time=datetime.now(UTC))

    async def _finish(self) -> None:
        """Wait for the running job; after the grace period it is cancelled, and what it stored stays."""
        try:
            async with asyncio.timeout(self._settings.grace.total_seconds()):
                async with self._busy:
                    return
        except TimeoutError:
            tell("the grace period is over; running fetches are given up", action="stop", level=logging.WARNING)
        running = self._running
        if running is not None:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
