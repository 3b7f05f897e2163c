"""One cycle, from the sources that are due to the files and the hooks::

    Cycle.run(chosen):
        update_due(chosen)           fetch and store; meanwhile, some time after entries were stored, again and again:
            retain                       remove expired entries
            publish                      write what differs; an error is logged, and the steps below try again
        retain
        publish
        write_heartbeat              only if no step has failed
        due_calls, run_calls         hooks of sources that broke, or work again
        AfterPublish.run             the command for changed files, also after each publication meanwhile
        gather, on_news              report what got worse or better, if `on_news` is given
        return summary

    Cycle.finish(): the same without `update_due`, the hooks and the command, for a cycle in which no source is due

A slow source does not delay the publication of the others. A step that fails keeps no other step from being done: the
error is in the `Summary`, and the next cycle tries again. Everything that uses the store runs on one thread, which
several cycles can share.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from aggregator import importing
from aggregator.errors import AggregatorError
from aggregator.log import log_event
from aggregator.publish.publication import publish
from aggregator.publish.report import OutputFailure, Report
from aggregator.retention import retain
from aggregator.service.after_publish import AfterPublish, record_changes
from aggregator.service.health import write_heartbeat
from aggregator.values.terminal import counted

if TYPE_CHECKING:
    from pathlib import Path

    from aggregator.config import Config
    from aggregator.models import FeedState, Source
    from aggregator.pipeline.due import Share
    from aggregator.pipeline.run import SourceResult
    from aggregator.service.news import News
    from aggregator.store import Activity, Store
    from aggregator.workers import StoreThread

log = logging.getLogger(__name__)

#: Time from the first entry that is stored to its publication, if the update takes that long. The documentation
#: promises a minute, which includes the publication itself.
PUBLISH_AFTER = timedelta(seconds=45)


@dataclass(slots=True)
class Summary:
    """The results of a cycle."""

    #: In the order in which the sources were done. Not part of `repr`, which `asyncio.run` computes twice.
    results: list[SourceResult] = field(default_factory=list, repr=False)
    #: Number of expired entries that were removed.
    removed: int = 0
    #: What all publications wrote, removed and adopted.
    written: Report = field(default_factory=Report)
    #: Files and entries that could not be removed or published, at the last publication.
    failures: list[OutputFailure] = field(default_factory=list)
    #: Errors that are no failure of a source.
    troubles: list[AggregatorError] = field(default_factory=list)


class Cycle:
    """One cycle; call `run` once, or `finish` if no source is due.

    Args:
        config: returns the configuration in force; it may change while sources are updated.
        thread: the thread that uses the store while `run` runs.
        clock: the current time, aware and in UTC.
        publish_after: time from the first entry that is stored to its publication.
        on_posts: called with the number of posts that a publication has checked so far.
        on_renewed: called while stored entries are cleaned by the current rules, see `publish`.
        on_news: called at the end with what got worse or better since its last call, if anything did; None: no news
            are gathered.
        after_publish: what runs the command for changed files, shared by all cycles of a process; None: one of its own.
    """

    def __init__(
        self,
        store: Store,
        data: Path,
        thread: StoreThread,
        *,
        config: Callable[[], Config],
        clock: Callable[[], datetime],
        publish_after: timedelta = PUBLISH_AFTER,
        on_posts: Callable[[int], None] = lambda posts: None,
        on_renewed: Callable[[int, int], None] = lambda done, total: None,
        on_news: Callable[[Sequence[News]], None] | None = None,
        after_publish: AfterPublish | None = None,
    ) -> None:
        self.summary = Summary()
        self._store = store
        self._data = data
        self._thread = thread
        self._config = config
        self._clock = clock
        self._publish_after = publish_after
        self._on_posts = on_posts
        self._on_renewed = on_renewed
        self._on_news = on_news
        self._after_publish = after_publish or AfterPublish(data, thread, config, clock)
        self._began = clock()
        #: The call of the command for what was published meanwhile.
        self._calling: asyncio.Task[None] | None = None
        #: Post files that retention has deleted since the last publication.
        self._deleted: list[str] = []

    async def run(
        self,
        chosen: Sequence[tuple[Source, FeedState]],
        *,
        on_result: Callable[[SourceResult], None] = lambda result: None,
        on_begun: Callable[[], None] = lambda: None,
        stopping: Callable[[], bool] = lambda: False,
        share: Share | None = None,
        busy: int = 0,
    ) -> Summary:
        """Run all steps; see `update_due` for the arguments."""
        with importing():
            from aggregator.pipeline.due import USUAL
            from aggregator.pipeline.run import update_due

        stored = asyncio.Event()

        def collect(result: SourceResult) -> None:
            self.summary.results.append(result)
            if result.new or result.changed:
                stored.set()
            self._attempt(on_result, result)

        meanwhile = asyncio.create_task(self._publish_meanwhile(stored))
        try:
            await update_due(
                self._config(),
                self._store,
                chosen,
                clock=self._clock,
                thread=self._thread,
                on_result=collect,
                on_begun=on_begun,
                stopping=stopping,
                share=share or USUAL,
                busy=busy,
                in_force=self._config,
                data=self._data,
            )
        except Exception as error:
            self._note(error)
        finally:
            meanwhile.cancel()
            with suppress(asyncio.CancelledError):
                await meanwhile
        try:
            await self._thread.run(self._finish)
            await self._call_hooks()
            if self._calling is not None:
                await self._calling
            await self._call_command()
        finally:
            if self._calling is not None:
                self._calling.cancel()
        await self._thread.run(self._report_news)
        return self.summary

    def finish(self) -> Summary:
        """Run the steps after the update, without hooks and command, on this thread and without an event loop."""
        self._finish()
        self._report_news()
        return self.summary

    def _finish(self) -> None:
        """Remove expired entries, publish, and write the heartbeat."""
        self._attempt(self._retain)
        self._attempt(self._publish)
        if not self.summary.troubles:
            self._attempt(write_heartbeat, self._data, self._clock())

    async def _publish_meanwhile(self, stored: asyncio.Event) -> None:
        """Publish each time some entries were stored, after a pause in which more can come."""
        while True:
            await stored.wait()
            await asyncio.sleep(self._publish_after.total_seconds())
            stored.clear()
            await self._thread.run(self._publish_quietly)
            # The command may take longer than the pause to the next publication.
            if self._calling is None or self._calling.done():
                self._calling = asyncio.create_task(self._call_command())

    def _publish_quietly(self) -> None:
        """Publish while sources are updated; what fails is tried again at the end, and reported then."""
        try:
            self._retain()
            report = self._publish()
        except Exception as error:
            log_event(f"not published yet: {error}", action="publish", level=logging.WARNING)
            return
        posts, feeds = len(report.posts), len(report.feeds)
        if report.files:
            files = f"{counted(posts, 'post')} and {counted(feeds, 'feed')}"
            message = f"sources are still being updated; {files} written meanwhile"
            log_event(message, action="publish", posts=posts, feeds=feeds)

    def _retain(self) -> None:
        removed = retain(self._config(), self._store, self._data, self._clock(), since=self._began)
        self.summary.removed += removed.entries
        self._deleted += removed.posts
        self.summary.written = self.summary.written.followed_by(Report(kept=removed.kept))
        self.summary.failures = removed.failures

    def _publish(self) -> Report:
        report = publish(
            self._store,
            self._config(),
            self._data,
            now=self._clock(),
            progress=self._on_posts,
            renewing=self._on_renewed,
        )
        record_changes(self._store, self._config(), report, self._deleted)
        self._deleted.clear()
        self.summary.written = self.summary.written.followed_by(report)
        self.summary.failures = [*self.summary.failures, *report.failures]
        return report

    async def _call_hooks(self) -> None:
        """Run the hooks of sources that broke, or work again."""
        from aggregator.service.hooks import due_calls, run_calls

        if not self.summary.results:
            return
        try:
            fingerprints = await self._thread.run(self._store.fingerprints)
            if calls := due_calls(self._config(), fingerprints, self.summary.results):
                await self._thread.run(self._store.record_fingerprints, await run_calls(calls))
        except Exception as error:
            self._note(error)

    async def _call_command(self) -> None:
        """Call the command for the files that publications have changed."""
        try:
            failure = await self._after_publish.run(self._store)
        except Exception as error:
            self._note(error)
        else:
            if failure is not None and failure not in self.summary.failures:
                self.summary.failures.append(failure)

    def _report_news(self) -> None:
        """Report what got worse or better, and record that it was reported."""
        if self._on_news is None:
            return
        from aggregator.service.news import Facts, News, gather, wants_rhythms

        summary, now = self.summary, self._clock()
        records: dict[str, str] = {}
        rhythms: dict[str, Activity] = {}

        def read() -> None:
            records.update(self._store.fingerprints())
            if summary.results and wants_rhythms(records, now):
                rhythms.update(self._store.activity(now))

        self._attempt(read)
        troubles = [*map(str, summary.failures), *map(str, summary.troubles), *summary.written.lost]
        bulletin = gather(self._config(), records, Facts(now, summary.results, troubles, rhythms))
        if bulletin.news:
            self._attempt(self._on_news, bulletin.news)
        self._attempt(self._store.record_fingerprints, bulletin.record)
        # The next run reports again what could not be recorded.
        if more := [News(text, worse=True) for text in map(str, summary.troubles) if text not in troubles]:
            self._attempt(self._on_news, more)

    def _attempt(self, step: Callable[..., object], *args: object) -> None:
        """Do a step; if it fails, keep the error, so that the other steps are done all the same."""
        try:
            step(*args)
        except Exception as error:
            self._note(error)

    def _note(self, error: Exception) -> None:
        """Add an error to the summary, once."""
        if not isinstance(error, AggregatorError):
            log.error("unexpected error", exc_info=error)
            error = AggregatorError(f"unexpected error: {type(error).__name__}: {error}")
        if str(error) not in map(str, self.summary.troubles):
            self.summary.troubles.append(error)
