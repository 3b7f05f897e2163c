"""One cycle, from the sources that are due to the files and the hooks.

    update the sources                  while that takes long, every now and then:
                                            remove what is kept no longer; publish what is stored
    remove what is kept no longer
    publish
    leave the heartbeat
    run the hooks of sources that broke, or work again
    tell what got worse or better, to whoever hears nothing else

A source that is slow holds up nobody's publication. No step is left out because another one failed: what went wrong is
in the `Summary`, and the next cycle mends it. What uses the store runs in one thread, which several cycles can share.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from aggregator.errors import AggregatorError
from aggregator.importing import importing
from aggregator.log import tell
from aggregator.publish.publication import publish
from aggregator.publish.report import OutputFailure, Report
from aggregator.retention import retain
from aggregator.service.health import write_heartbeat
from aggregator.values.terminal import counted

if TYPE_CHECKING:
    from pathlib import Path

    from aggregator.config import Config
    from aggregator.models import FeedState, Source
    from aggregator.pipeline.budget import Share
    from aggregator.pipeline.run import SourceResult
    from aggregator.service.news import News
    from aggregator.store import Activity, Store
    from aggregator.workers import StoreThread

log = logging.getLogger(__name__)

#: Time from the first entry that is stored to its publication, where sources are under way for so long. The
#: publication itself takes some more; a minute is promised for both.
PUBLISH_AFTER = timedelta(seconds=45)


@dataclass(slots=True)
class Summary:
    """What a cycle gave."""

    #: In the order in which the sources were done. `asyncio.run` has its task described twice, the result included.
    results: list[SourceResult] = field(default_factory=list, repr=False)
    #: Entries that are kept no longer.
    removed: int = 0
    #: What was written, removed and taken over by all publications.
    written: Report = field(default_factory=Report)
    #: Files and entries that could not be removed or published, as the last publication left it.
    failures: list[OutputFailure] = field(default_factory=list)
    #: What did not work and is no failure of a source.
    troubles: list[AggregatorError] = field(default_factory=list)


class Cycle:
    """One cycle; `run` it once, or `finish` it without one where no source is due.

    Args:
        config: the configuration in force, asked at each publication: it may change while sources are under way.
        thread: the one that uses the store while `run` runs.
        clock: the current time, aware and in UTC.
        publish_after: time from the first entry that is stored to its publication.
        on_posts: called with the number of posts that a publication has looked at so far.
        on_renewed: called while stored entries are brought to today's rules, see `publish`.
        on_news: called at the end with what got worse or better since it was called last, where anything did; None:
            nobody asks for it.
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
        self._began = clock()

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
            from aggregator.pipeline.budget import USUAL
            from aggregator.pipeline.run import update_due

        news = asyncio.Event()

        def hear(result: SourceResult) -> None:
            self.summary.results.append(result)
            if result.new or result.changed:
                news.set()
            self._attempt(on_result, result)

        meanwhile = asyncio.create_task(self._publish_meanwhile(news))
        try:
            await update_due(
                self._config(),
                self._store,
                chosen,
                clock=self._clock,
                thread=self._thread,
                on_result=hear,
                on_begun=on_begun,
                stopping=stopping,
                share=share or USUAL,
                busy=busy,
            )
        except Exception as error:
            self._note(error)
        finally:
            meanwhile.cancel()
            with suppress(asyncio.CancelledError):
                await meanwhile
        await self._thread.run(self._finish)
        await self._call_hooks()
        await self._thread.run(self._tell_news)
        return self.summary

    def finish(self) -> Summary:
        """Do what is done after the sources; without an event loop, in this thread."""
        self._finish()
        self._tell_news()
        return self.summary

    def _finish(self) -> None:
        """Remove, publish, and leave the heartbeat."""
        self._attempt(self._retain)
        self._attempt(self._publish)
        if not self.summary.troubles:
            self._attempt(write_heartbeat, self._data, self._clock())

    async def _publish_meanwhile(self, news: asyncio.Event) -> None:
        """Publish what is stored, each time that something was, after a while in which more of it comes."""
        while True:
            await news.wait()
            await asyncio.sleep(self._publish_after.total_seconds())
            news.clear()
            await self._thread.run(self._publish_quietly)

    def _publish_quietly(self) -> None:
        """Publish while sources are under way; what does not work is tried again at the end, and told then."""
        try:
            self._retain()
            report = self._publish()
        except Exception as error:
            tell(f"not published yet: {error}", action="publish", level=logging.WARNING)
            return
        posts, feeds = len(report.posts), len(report.feeds)
        if report.files:
            files = f"{counted(posts, 'post')} and {counted(feeds, 'feed')}"
            message = f"sources are still under way; {files} written meanwhile"
            tell(message, action="publish", posts=posts, feeds=feeds)

    def _retain(self) -> None:
        removed = retain(self._config(), self._store, self._data, self._clock(), since=self._began)
        self.summary.removed += removed.entries
        self.summary.failures = removed.failures

    def _publish(self) -> Report:
        report = publish(
            self._store,
            self._config(),
            self._data,
            progress=self._on_posts,
            renewing=self._on_renewed,
        )
        before = self.summary.written
        self.summary.written = replace(
            report,
            posts=_once(before.posts, report.posts),
            feeds=_once(before.feeds, report.feeds),
            removed=_once(before.removed, report.removed),
            adopted=_once(before.adopted, report.adopted),
            avoided=_once(before.avoided, report.avoided),
            notes=_once(before.notes, report.notes),
        )
        self.summary.failures = [*self.summary.failures, *report.failures]
        return report

    async def _call_hooks(self) -> None:
        """Run the hooks of sources that broke or work again."""
        from aggregator.service.hooks import due_calls, run_calls

        if not self.summary.results:
            return
        try:
            told = await self._thread.run(self._store.fingerprints)
            if calls := due_calls(self._config(), told, self.summary.results):
                await self._thread.run(self._store.record_fingerprints, await run_calls(calls))
        except Exception as error:
            self._note(error)

    def _tell_news(self) -> None:
        """Say what got worse or better, and remember that it was said."""
        if self._on_news is None:
            return
        from aggregator.service.news import Facts, News, gather, wants_rhythms

        summary, now = self.summary, self._clock()
        told: dict[str, str] = {}
        rhythms: dict[str, Activity] = {}

        def read() -> None:
            told.update(self._store.fingerprints())
            if summary.results and wants_rhythms(told, now):
                rhythms.update(self._store.activity(now))

        self._attempt(read)
        troubles = [*map(str, summary.failures), *map(str, summary.troubles)]
        bulletin = gather(self._config(), told, Facts(now, summary.results, troubles, rhythms))
        if bulletin.news:
            self._attempt(self._on_news, bulletin.news)
        self._attempt(self._store.record_fingerprints, bulletin.record)
        # What cannot be recorded is said again by the next run.
        if more := [News(text, worse=True) for text in map(str, summary.troubles) if text not in troubles]:
            self._attempt(self._on_news, more)

    def _attempt(self, step: Callable[..., object], *args: object) -> None:
        """Do a step; its failure is kept, and the others are done all the same."""
        try:
            step(*args)
        except Exception as error:
            self._note(error)

    def _note(self, error: Exception) -> None:
        if not isinstance(error, AggregatorError):
            log.error("unexpected error", exc_info=error)
            error = AggregatorError(f"unexpected error: {type(error).__name__}: {error}")
        if str(error) not in map(str, self.summary.troubles):
            self.summary.troubles.append(error)


def _once(before: list[str], more: list[str]) -> list[str]:
    return list(dict.fromkeys((*before, *more)))
