"""The daemon: cycles for as long as the process lives.

In: a configuration file and a data folder that the caller has locked. Out: the same as `aggregator update` gives, again
and again. It owns the store and the jobs (tick and heartbeat), and it must survive every failure that can pass:
a full disk, a locked database, a bad feeds.yaml, a clock that jumps. What one cycle fetches with is made for it and
closed after it, so that nothing can pile up between cycles.

A cycle whose last sources are slow goes on beside the next ones, which leave those sources and their domains alone.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger

from aggregator.config import Config
from aggregator.cycle import Cycle, Summary
from aggregator.due import TURN, choose, spread
from aggregator.errors import AggregatorError, ConfigError
from aggregator.logs import tell, tell_result, told_renewal, unreached
from aggregator.models import FeedState, Source
from aggregator.news import teller
from aggregator.reload import ConfigFile, differences
from aggregator.store import Store, open_store
from aggregator.systemd import Systemd
from aggregator.terminal import counted
from aggregator.workers import StoreThread

if TYPE_CHECKING:
    from pathlib import Path

    from aggregator.pipeline.run import SourceResult

#: A cycle in which nothing at all came to its end for so long hangs; the watchdog is then left without its sign.
STALLED = timedelta(minutes=15)
#: How often the clock is compared with one that cannot be set.
CLOCK_CHECK = timedelta(seconds=5)
HEARTBEAT = timedelta(seconds=20)
#: Cycles at once; each but the last one is held by slow sources.
MOST = 8

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class DaemonSettings:
    """What the daemon is told besides the configuration."""

    data: Path
    #: Time from one look for due sources to the next.
    every: timedelta
    #: Time that running fetches get to come to their end after a signal.
    grace: timedelta
    #: Log only what got worse or better, see `news`.
    quiet: bool = False


@dataclass(eq=False, slots=True)
class _Running:
    """A cycle under way."""

    #: What it has not come to the end of yet, by id.
    sources: dict[str, Source]
    #: Whether all of them have begun, so that it waits for slow ones only.
    begun: bool = False
    task: asyncio.Task[None] | None = field(default=None, repr=False)


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
        #: Held while a cycle is being begun.
        self._beginning = asyncio.Lock()
        self._cycles: list[_Running] = []
        #: Of all cycles, and of what is done between them.
        self._thread = StoreThread()
        self._store: Store | None = None
        #: Whether the store is to be opened again, after something went wrong.
        self._suspect = False
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
            tell(f"watching {counted(len(self.config.sources), 'source')}", action="start")
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
        self._thread.close()
        self._close_store()

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
        """Begin a cycle over the sources that are due, unless those of the last one have not all begun yet."""
        async with self._beginning:
            if self._stop.is_set() or len(self._cycles) >= MOST or not all(one.begun for one in self._cycles):
                return
            if self._suspect and self._cycles:
                # Their sources end soon, one way or the other; then the store is opened again.
                return
            self._moved()
            await self._guarded(self._begin)
            await self._settle()

    async def wait(self) -> None:
        """Wait until no cycle is under way."""
        while tasks := [one.task for one in self._cycles if one.task is not None and not one.task.done()]:
            await asyncio.wait(tasks)

    def heartbeat(self) -> None:
        """Tell systemd that the daemon lives, unless a cycle hangs."""
        quiet = timedelta(seconds=time.monotonic() - self._progress)
        if (self._cycles or self._beginning.locked()) and quiet > STALLED:
            tell(f"nothing has come to its end for {quiet.seconds // 60} min", action="cycle", level=logging.ERROR)
            return
        self._systemd.alive()
        self._systemd.status(self._state)

    async def _guarded(self, job: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do a job; its failure is logged, and the next try starts with a store opened anew."""
        try:
            await job()
        except AggregatorError as error:
            state, self._state = self._state, f"trouble: {error}"
            if not (self._settings.quiet and state == self._state):
                tell(str(error), action="cycle", level=logging.ERROR)
            self._suspect = True
        except Exception as error:
            self._state = f"trouble: {type(error).__name__}"
            logging.getLogger(__name__).exception("unexpected error; the next tick tries again")
            self._suspect = True

    async def _begin(self) -> None:
        store = await self._thread.run(self._opened_store)
        await self._thread.run(self._sync, store)
        config = self.config
        if not self._spread:
            waiting = await self._thread.run(spread, config, store, self._clock())
            self._spread = True
            if waiting:
                are = f"{counted(waiting, 'source')} {'is' if waiting == 1 else 'are'}"
                tell(f"{are} overdue; they start one after the other", action="start")
        busy = [source for cycle in self._cycles for source in cycle.sources.values()]
        chosen = await self._thread.run(choose, config, store, self._clock(), turn=TURN, busy=busy)
        if self._stop.is_set():
            return
        running = _Running({source.id: source for source, _ in chosen}, begun=not chosen)
        self._cycles.append(running)
        running.task = asyncio.create_task(self._cycle(running, store, chosen, len(busy)))

    async def _cycle(
        self, running: _Running, store: Store, chosen: Sequence[tuple[Source, FeedState]], busy: int
    ) -> None:
        """Run a cycle to its end, whatever that is."""
        started = time.monotonic()
        cycle = Cycle(
            store,
            self._settings.data,
            self._thread,
            config=lambda: self.config,
            clock=self._clock,
            on_posts=lambda posts: self._moved(),
            on_renewed=self._on_renewed,
            on_news=(lambda news: teller(self.config, store)(news)) if self._settings.quiet else None,
        )

        def begun() -> None:
            running.begun = True

        async def run() -> None:
            summary = await cycle.run(
                chosen, on_result=partial(self._hear, running), on_begun=begun, stopping=self._stopping, busy=busy
            )
            self._tell(summary, time.monotonic() - started)

        try:
            await self._guarded(run)
        finally:
            self._cycles.remove(running)
            await self._settle()

    def _tell(self, summary: Summary, seconds: float) -> None:
        """Log what a cycle gave; raise what went wrong."""
        results, written = summary.results, summary.written
        self._state = f"{counted(len(self.config.sources), 'source')}; last cycle at {self._clock():%H:%M:%S} UTC: "
        self._state += f"{len(results)} asked"
        if removed := summary.removed:
            what = counted(removed, "entry", "entries")
            tell(f"removed {what} kept no longer", action="retention", removed=removed)
        if results or written.files:
            failed = sum(result.failed for result in results)
            files = f"{counted(len(written.posts), 'post')} and {counted(len(written.feeds), 'feed')} written"
            tell(
                f"{counted(len(results), 'source')}, {failed} failed{unreached(results)}; {files}",
                action="cycle",
                elapsed=round(seconds, 3),
                posts=len(written.posts),
                feeds=len(written.feeds),
            )
        for failure in summary.failures:
            tell(str(failure), action="publish", level=logging.ERROR)
        if summary.troubles and self._settings.quiet:
            # They were news.
            self._suspect = True
            return
        for trouble in summary.troubles[:-1]:
            tell(str(trouble), action="cycle", level=logging.ERROR)
        if summary.troubles:
            raise summary.troubles[-1]

    async def _settle(self) -> None:
        """Where no cycle is under way, close a store that is to be opened again."""
        if self._suspect and not self._cycles:
            self._suspect = False
            await self._thread.run(self._close_store)

    def _sync(self, store: Store) -> None:
        """Put the newest configuration in force, in the store and here at once: cycles under way publish by it."""
        config = self._fresh or self.config
        store.sync_sources(config.sources)
        self.config = config
        if self._fresh is config:
            self._fresh = None

    def _hear(self, running: _Running, result: SourceResult) -> None:
        self._moved()
        running.sources.pop(result.source.id, None)
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
        """Wait for the cycles under way; after the grace period they are cancelled, and what they stored stays."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.grace.total_seconds()):
                async with self._beginning:
                    await self.wait()
                return
        tell("the grace period is over; running fetches are given up", action="stop", level=logging.WARNING)
        for one in self._cycles:
            if one.task is not None:
                one.task.cancel()
        await self.wait()
