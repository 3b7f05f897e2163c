"""What people are told of sources: hooks of sources that broke or work again, and in quiet workers the news.

A hook is a job of its source, so that it is called once, whichever workers have updated the source. News are what a
quiet worker has seen itself in some time; one worker reports at a time, so that none is reported twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from aggregator.cluster.database import ClusterDatabase
from aggregator.cluster.queue import CONTROL, HOOK, Order, Queue
from aggregator.config import Config
from aggregator.errors import StoreError
from aggregator.models import FeedState
from aggregator.pipeline.run import SourceResult
from aggregator.service import hooks
from aggregator.store import Activity, Store
from aggregator.workers import StoreThread


class Notices:
    """The notices of one worker, under one configuration.

    Args:
        thread: where the store is used.
        on_trouble: called where the queue cannot be used.
        quiet: whether news are reported.
    """

    def __init__(
        self,
        config: Config,
        store: Store,
        thread: StoreThread,
        database: ClusterDatabase,
        queue: Queue,
        on_trouble: Callable[[StoreError], None],
        *,
        quiet: bool,
    ) -> None:
        self._config = config
        self._sources = {source.id: source for source in config.sources}
        self._store = store
        self._thread = thread
        self._database = database
        self._queue = queue
        self._on_trouble = on_trouble
        self._quiet = quiet
        self._results: list[SourceResult] = []
        self._asking: set[asyncio.Task[None]] = set()

    def take(self, result: SourceResult, before: FeedState) -> None:
        """Take note of the result of a source."""
        if self._quiet:
            self._results.append(result)
        failures = result.state.failures
        if failures >= self._config.hooks.after or (before.failures and not failures):
            task = asyncio.create_task(self._ask(Order(HOOK, CONTROL, result.source.id)))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)

    async def hook(self, attempts: int, source_id: str) -> None:
        """Call the hook of a source whose state is another one than was reported.

        That is recorded before: where a worker is killed meanwhile, a notice that went out does not come twice.

        Raises:
            StoreError: the database went away.
        """
        states = await self._thread.run(self._store.states_of, [source_id])
        if source_id not in states or source_id not in self._sources:
            return
        name = hooks.record_name(source_id)
        found = await self._database.rows("SELECT value FROM fingerprints WHERE name = %s", name)
        recorded = {name: str(found[0][0])} if found else {}
        result = SourceResult(self._sources[source_id], states[source_id], 0, 0, 0, (), 0.0)
        if calls := hooks.due_calls(self._config, recorded, [result]):
            await self._thread.run(self._store.record_fingerprints, dict(call.recorded for call in calls))
            await hooks.run_calls(calls)

    async def report(self, seconds: float) -> None:
        """Report the news now and then, until cancelled.

        Raises:
            StoreError: the database went away.
        """
        while self._quiet:
            await asyncio.sleep(seconds)
            await self._thread.run(self._report)

    async def close(self) -> None:
        """Report what is left to report."""
        if self._asking:
            await asyncio.wait(self._asking)
        if self._results:
            try:
                await self._thread.run(self._report)
            except StoreError as error:
                self._on_trouble(error)

    async def _ask(self, order: Order) -> None:
        try:
            await self._queue.put(order)
        except StoreError as error:
            self._on_trouble(error)

    def _report(self) -> None:
        results, self._results = self._results, []
        with self._store.alone():
            self._report_once(results)

    def _report_once(self, results: Sequence[SourceResult]) -> None:
        from aggregator.service.news import Facts, gather, news_logger, wants_rhythms

        records, now = self._store.fingerprints(), self._database.clock()
        rhythms: dict[str, Activity] = {}
        if results and wants_rhythms(records, now):
            rhythms.update(self._store.activity(now))
        bulletin = gather(self._config, records, Facts(now, results, (), rhythms))
        if bulletin.news:
            news_logger(self._config, self._store)(bulletin.news)
        self._store.record_fingerprints(bulletin.record)
