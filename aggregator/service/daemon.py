"""The daemon: one cycle after another until the process is stopped.

In: a configuration file and a data folder that the caller has locked. Out: the files that `aggregator update` writes.
The daemon owns the store and the jobs (tick and heartbeat), and survives every temporary failure: a full disk, a locked
database, an invalid feeds.yaml, a clock that jumps. Each cycle makes its HTTP client and closes it, so that nothing can
pile up between cycles.

A cycle that waits for slow sources continues beside the next ones, which leave those sources and their domains alone.
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
from aggregator.errors import AggregatorError, ConfigError
from aggregator.judging import rules_note
from aggregator.log import log_event, log_renewal, log_result, outage_suffix, withheld
from aggregator.models import FeedState, Source
from aggregator.pipeline.due import TURN, choose, spread
from aggregator.place import place_of
from aggregator.service.after_publish import AfterPublish
from aggregator.service.news import news_logger
from aggregator.service.reload import ConfigFile, differences
from aggregator.service.systemd import STALLED, Systemd
from aggregator.store import Store, open_store
from aggregator.values.terminal import counted
from aggregator.workers import StoreThread

if TYPE_CHECKING:
    from pathlib import Path

    from aggregator.pipeline.run import SourceResult
    from aggregator.publish.report import Report

#: Interval at which the clock is compared with the monotonic one.
CLOCK_CHECK = timedelta(seconds=5)
HEARTBEAT = timedelta(seconds=20)
#: Maximum number of cycles at once; all but the last one wait for slow sources.
MAX_CYCLES = 8

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class DaemonSettings:
    """The settings of the daemon besides the configuration."""

    data: Path
    #: Time from one search for due sources to the next.
    every: timedelta
    #: Time that running fetches get to end after a signal.
    grace: timedelta
    #: Log only what got worse or better; see `aggregator.service.news`.
    quiet: bool = False


@dataclass(eq=False, slots=True)
class _RunningCycle:
    """A cycle that is running."""

    #: The sources that are not done yet, by id.
    sources: dict[str, Source]
    #: Whether all of them have begun, so that it only waits for slow ones.
    begun: bool = False
    task: asyncio.Task[None] | None = field(default=None, repr=False)


class FixedDelay(BaseTrigger):  # type: ignore[misc]
    """A trigger that fires one interval after it was evaluated last.

    APScheduler's own interval trigger iterates over all missed times: millions when a board without a battery for its
    clock gets the date.
    """

    def __init__(self, interval: timedelta) -> None:
        self._interval = interval

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """See `BaseTrigger`."""
        return now if previous_fire_time is None else now + self._interval


class Daemon:
    """One daemon; `run` it once.

    Args:
        file: feeds.yaml; it is watched, and reloaded when it changes.
        clock: the current time, aware and in UTC.
        renew: makes sure before each cycle that no other process has the database, see `aggregator.store.exclusive`.
    """

    def __init__(
        self,
        file: ConfigFile,
        config: Config,
        settings: DaemonSettings,
        systemd: Systemd,
        clock: Callable[[], datetime],
        renew: Callable[[], None] = lambda: None,
    ) -> None:
        self.config = config
        self._place = place_of(settings.data, config.database)
        self._renew = renew
        self._file = file
        self._settings = settings
        self._systemd = systemd
        self._clock = clock
        #: A configuration that takes effect at the next tick.
        self._pending: Config | None = None
        self._stop = asyncio.Event()
        #: Held while a cycle is started.
        self._starting = asyncio.Lock()
        self._cycles: list[_RunningCycle] = []
        #: The thread that uses the store, for all cycles and between them.
        self._thread = StoreThread()
        self._after_publish = AfterPublish(settings.data, self._thread, lambda: self.config, clock, stop=self._stop)
        self._store: Store | None = None
        #: Whether to reopen the store, after something failed.
        self._reopen = False
        #: Messages about folders most of whose posts were missing in the last cycle.
        self._lost: list[str] = []
        #: When something was completed last, on the monotonic clock.
        self._progress_at = time.monotonic()
        #: One line for systemd.
        self._state = "starting"
        #: Whether the sources that were overdue at the start are spread over time.
        self._is_spread = False
        self._scheduler = self._make_scheduler()
        #: The last configuration of which it was looked up whether stored entries were judged by its rules.
        self._noted: Config | None = None

    async def run(self) -> None:
        """Run until `stop` is called; then let running fetches end within the grace period."""
        self._stop.clear()
        scheduler = self._scheduler
        scheduler.start()
        watcher = asyncio.create_task(self._file.watch(self.reload))
        try:
            self._systemd.ready()
            log_event(f"watching {counted(len(self.config.sources), 'source')}", action="start")
            await self._watch_clock(scheduler)
            self._systemd.stopping()
            log_event("stopping; waiting for running fetches", action="stop")
            scheduler.pause()
            await self._finish()
        finally:
            watcher.cancel()
            scheduler.shutdown(wait=False)
            with suppress(asyncio.CancelledError):
                await watcher
            self.close()
        log_event("stopped", action="stop")

    def stop(self) -> None:
        """Make `run` return; no further cycle is started."""
        self._stop.set()

    def close(self) -> None:
        """Close the store, after its last use."""
        self._thread.close()
        self._close_store()

    def reload(self) -> None:
        """Reload feeds.yaml, in force from the next tick; if it is invalid, log the errors and keep the old one."""
        self._systemd.reloading()
        old = self._pending or self.config
        try:
            self._pending = self._file.load()
        except ConfigError as error:
            for problem in error.problems:
                log_event(str(problem), action="reload", level=logging.ERROR)
            log_event(
                f"{self._file.path} is invalid; the old one stays in force",
                action="reload",
                level=logging.ERROR,
            )
        else:
            changes = differences(old, self._pending)
            log_event(f"reloaded {self._file.path}: {changes}; in force from the next tick", action="reload")
            if place_of(self._settings.data, self._pending.database) != self._place:
                text = "`database` is another one now; it is used after a restart"
                log_event(text, action="reload", level=logging.WARNING)
        self._systemd.ready()

    async def tick(self) -> None:
        """Start a cycle over the sources that are due, unless the last one has sources that have not begun yet."""
        async with self._starting:
            if self._stop.is_set() or len(self._cycles) >= MAX_CYCLES or not all(one.begun for one in self._cycles):
                return
            if self._reopen and self._cycles:
                # Wait for them: the store can be reopened only when no cycle uses it.
                return
            self._record_progress()
            await self._guard(self._start_cycle)
            await self._settle()

    async def wait(self) -> None:
        """Wait until no cycle is running."""
        while tasks := [one.task for one in self._cycles if one.task is not None and not one.task.done()]:
            await asyncio.wait(tasks)

    def heartbeat(self) -> None:
        """Notify the watchdog of systemd, unless a cycle hangs."""
        quiet = timedelta(seconds=time.monotonic() - self._progress_at)
        if (self._cycles or self._starting.locked()) and quiet > STALLED:
            log_event(f"nothing has been completed for {quiet.seconds // 60} min", action="cycle", level=logging.ERROR)
            return
        self._systemd.alive()
        self._systemd.status(self._state)

    async def _guard(self, job: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do a job; if it fails, log the error and reopen the store before the next try."""
        try:
            await job()
        except AggregatorError as error:
            state, self._state = self._state, f"trouble: {error}"
            if not (self._settings.quiet and state == self._state):
                log_event(str(error), action="cycle", level=logging.ERROR)
            self._reopen = True
        except Exception as error:
            self._state = f"trouble: {type(error).__name__}"
            logging.getLogger(__name__).exception("unexpected error; the next tick tries again")
            self._reopen = True

    async def _start_cycle(self) -> None:
        store = await self._thread.run(self._opened_store)
        await self._thread.run(self._sync, store)
        config = self.config
        await self._note_rules(store, config)
        if not self._is_spread:
            waiting = await self._thread.run(spread, config, store, self._clock())
            self._is_spread = True
            if waiting:
                are = f"{counted(waiting, 'source')} {'is' if waiting == 1 else 'are'}"
                log_event(f"{are} overdue; they are fetched one after the other", action="start")
        busy = [source for cycle in self._cycles for source in cycle.sources.values()]
        chosen = await self._thread.run(choose, config, store, self._clock(), turn=TURN, busy=busy)
        if self._stop.is_set():
            return
        running = _RunningCycle({source.id: source for source, _ in chosen}, begun=not chosen)
        self._cycles.append(running)
        running.task = asyncio.create_task(self._run_cycle(running, store, chosen, len(busy)))

    async def _note_rules(self, store: Store, config: Config) -> None:
        """Log where the rules of a new configuration are not those of the stored entries."""
        if config is not self._noted:
            action = "start" if self._noted is None else "reload"
            if note := await self._thread.run(rules_note, store, config):
                log_event(note, action=action)
            self._noted = config

    async def _run_cycle(
        self, running: _RunningCycle, store: Store, chosen: Sequence[tuple[Source, FeedState]], busy: int
    ) -> None:
        """Run a cycle until it ends, fails or is cancelled."""
        started = time.monotonic()
        cycle = Cycle(
            store,
            self._settings.data,
            self._thread,
            config=lambda: self.config,
            clock=self._clock,
            on_posts=lambda posts: self._record_progress(),
            on_renewed=self._on_renewed,
            on_news=(lambda news: news_logger(self.config, store)(news)) if self._settings.quiet else None,
            after_publish=self._after_publish,
        )

        def begun() -> None:
            running.begun = True

        async def run() -> None:
            summary = await cycle.run(
                chosen, on_result=partial(self._on_result, running), on_begun=begun, stopping=self._stopping, busy=busy
            )
            self._wake_at(summary.written.next_at)
            self._log_summary(summary, time.monotonic() - started)

        try:
            await self._guard(run)
        finally:
            self._cycles.remove(running)
            await self._settle()

    def _wake_at(self, moment: datetime | None) -> None:
        """Look again when an output changes by itself, if that is before the next tick."""
        job = self._scheduler.get_job(self.tick.__name__)
        if moment is not None and job is not None:
            # The clock of the jobs is that of the system.
            at = datetime.now(UTC) + (moment - self._clock())
            if job.next_run_time is not None and at < job.next_run_time:
                job.modify(next_run_time=at)

    def _log_summary(self, summary: Summary, seconds: float) -> None:
        """Log the summary of a cycle; raise its last trouble, if there is one."""
        results, written = summary.results, summary.written
        self._state = f"{counted(len(self.config.sources), 'source')}; last cycle at {self._clock():%H:%M:%S} UTC: "
        self._state += f"{len(results)} asked"
        if removed := summary.removed:
            what = counted(removed, "expired entry", "expired entries")
            log_event(f"removed {what}", action="retention", removed=removed)
        if results or written.files:
            failed = sum(result.failed for result in results)
            files = f"{counted(len(written.posts), 'post')} and {counted(len(written.feeds), 'feed')} written"
            some = withheld(results)
            files += "".join(f", {count} {what}" for what, count in some.items())
            log_event(
                f"{counted(len(results), 'source')}, {failed} failed{outage_suffix(results)}; {files}",
                action="cycle",
                elapsed=round(seconds, 3),
                posts=len(written.posts),
                feeds=len(written.feeds),
                **some,
            )
        self._log_edits(written)
        for failure in summary.failures:
            log_event(str(failure), action="publish", level=logging.ERROR)
        if summary.troubles and self._settings.quiet:
            # They were reported as news.
            self._reopen = True
            return
        for trouble in summary.troubles[:-1]:
            log_event(str(trouble), action="cycle", level=logging.ERROR)
        if summary.troubles:
            raise summary.troubles[-1]

    def _log_edits(self, written: Report) -> None:
        """Log what persons did with posts, and once that most of a folder is missing."""
        for text in written.edits():
            log_event(text, action="publish")
        for text in written.lost:
            if text not in self._lost:
                log_event(text, action="publish", level=logging.WARNING)
        self._lost = written.lost

    async def _settle(self) -> None:
        """Close a store that has to be reopened, if no cycle is running."""
        if self._reopen and not self._cycles:
            self._reopen = False
            await self._thread.run(self._close_store)

    def _sync(self, store: Store) -> None:
        """Put the newest configuration in force; cycles that are running publish with it, too."""
        config = self._pending or self.config
        store.sync_sources(config.sources)
        if config.database and config is not self._noted:
            from aggregator.cluster.inforce import record

            record(store, config)
        self.config = config
        if self._pending is config:
            self._pending = None

    def _on_result(self, running: _RunningCycle, result: SourceResult) -> None:
        self._record_progress()
        running.sources.pop(result.source.id, None)
        log_result(result)

    def _on_renewed(self, done: int, total: int) -> None:
        self._record_progress()
        log_renewal(done, total)

    def _stopping(self) -> bool:
        # Called before each source; results may be held back for a while, so this counts as progress.
        self._record_progress()
        return self._stop.is_set()

    def _record_progress(self) -> None:
        self._progress_at = time.monotonic()

    def _opened_store(self) -> Store:
        self._renew()
        if self._store is None:
            self._store = open_store(self._place)
        return self._store

    def _close_store(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            with suppress(AggregatorError):
                store.close()

    def _make_scheduler(self) -> AsyncIOScheduler:
        scheduler = AsyncIOScheduler(
            timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        )
        # A tick that takes longer than the interval is nothing to log.
        logging.getLogger("apscheduler").setLevel(logging.CRITICAL)
        beat = min(HEARTBEAT, timedelta(seconds=(self._systemd.watchdog or HEARTBEAT.total_seconds()) / 2))
        for job, interval in ((self.heartbeat, beat), (self.tick, self._settings.every)):
            scheduler.add_job(job, FixedDelay(interval), id=job.__name__, next_run_time=datetime.now(UTC))
        return scheduler

    async def _watch_clock(self, scheduler: AsyncIOScheduler) -> None:
        """Wait for `stop`; when the clock is changed, run the jobs at once: their times may be far in the future."""
        offset = time.time() - time.monotonic()
        while not self._stop.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), CLOCK_CHECK.total_seconds())
            drift = time.time() - time.monotonic() - offset
            if abs(drift) > CLOCK_CHECK.total_seconds():
                log_event(f"the clock was changed by {drift:+.0f} s", action="clock", level=logging.WARNING)
                offset += drift
                for job in scheduler.get_jobs():
                    job.modify(next_run_time=datetime.now(UTC))

    async def _finish(self) -> None:
        """Wait for running cycles, and cancel them after the grace period; what they stored stays."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.grace.total_seconds()):
                async with self._starting:
                    await self.wait()
                return
        log_event("the grace period is over; running fetches are cancelled", action="stop", level=logging.WARNING)
        for one in self._cycles:
            if one.task is not None:
                one.task.cancel()
        await self.wait()
