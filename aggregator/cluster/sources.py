"""Jobs that update sources: one for each request, which several sources may share.

In: the id that names a request. Out: whichever of its sources are due, updated by an engine of the pipeline; states are
stored together with those of other jobs, and a job ends once that is done. So no source is looked at twice in a turn:
not by two jobs, because of the lock, and not by a second one, because nothing is due then.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime

from aggregator.cluster.engines import Engines
from aggregator.cluster.outcomes import HeldFailures, StateKeeper, Stored
from aggregator.cluster.settings import Times
from aggregator.cluster.trials import SUSPECT, Trials
from aggregator.config import Config
from aggregator.errors import RowError, SourceError
from aggregator.fetch.politeness import gate_of
from aggregator.models import FeedState, Source
from aggregator.pipeline import decide
from aggregator.pipeline.due import is_due
from aggregator.pipeline.engine import Engine
from aggregator.pipeline.outage import SILENCE, Outcome
from aggregator.pipeline.run import SourceResult, summed_up
from aggregator.store import Store
from aggregator.workers import StoreThread

log = logging.getLogger(__name__)


class Requests:
    """Which sources share a request; each request is named by the smallest id of them."""

    def __init__(self, sources: Iterable[Source]) -> None:
        self._sources: dict[str, Source] = {}
        self._named: dict[str, list[Source]] = {}
        self._names: dict[str, str] = {}
        alike: dict[tuple[object, ...], list[Source]] = {}
        for source in sources:
            self._sources[source.id] = source
            alike.setdefault(source.request, []).append(source)
        for several in alike.values():
            name = min(one.id for one in several)
            self._named[name] = several
            self._names |= {one.id: name for one in several}

    def name_of(self, source_id: str) -> str | None:
        """Return the name of the request of a source; None: it is paused, or not configured."""
        source = self._sources.get(source_id)
        return None if source is None or source.paused else self._names[source_id]

    def source(self, name: str) -> Source:
        """Return a source of a request."""
        return self._named[name][0]

    def sources(self, name: str) -> list[Source]:
        """Return the sources of a request that are not paused; none where no request has this name."""
        return [source for source in self._named.get(name, ()) if not source.paused]


class SourceJobs:
    """The source jobs of one worker, under one configuration.

    Args:
        thread: where the store is used.
        places: jobs that run at once.
        trials: of jobs with which workers died.
        on_result: called on the event loop for each source that was updated, with its state before.
    """

    def __init__(
        self,
        config: Config,
        requests: Requests,
        store: Store,
        thread: StoreThread,
        engines: Engines,
        clock: Callable[[], datetime],
        times: Times,
        places: int,
        trials: Trials,
        on_result: Callable[[SourceResult, FeedState], None],
    ) -> None:
        self._config = config
        self._requests = requests
        self._store = store
        self._thread = thread
        self._engines = engines
        self._clock = clock
        self._trials = trials
        self._on_result = on_result
        self._held = HeldFailures(clock, self._silent, seconds=times.patience, places=places)
        self._keeper = StateKeeper(thread, self._save, seconds=times.together)

    async def run(self, attempts: int, name: str) -> None:
        """Update the sources of a request that are due.

        Args:
            attempts: how many workers have died with this job.

        Raises:
            StoreError: nothing can be stored; the sources stay due.
        """
        if attempts < SUSPECT:
            await self._update(name)
            return
        servers = [source.servers[0] for source in self._requests.sources(name)]
        async with self._trials.trial(name, at_once=not all(map(gate_of, servers))) as innocent:
            if innocent:
                await self._update(name)
            else:
                why = f"{attempts} workers ended while they worked on it; see their logs, and those of their machines"
                await self._give_up(await self._due(name), why)

    async def _update(self, name: str) -> None:
        """Update the sources of a request that are due."""
        if chosen := await self._due(name):
            async with self._engines.use() as engine:
                outcomes = await engine.update_together(chosen)
                await asyncio.gather(*(self._settle(engine, outcome) for outcome in outcomes))

    async def _due(self, name: str) -> list[tuple[Source, FeedState]]:
        """Return the sources of a request that are due, with their states."""
        sources = self._requests.sources(name)
        if not sources:
            return []
        states = await self._thread.run(self._store.states_of, [source.id for source in sources])
        now = self._clock()
        return [
            (source, states[source.id]) for source in sources if source.id in states and is_due(states[source.id], now)
        ]

    async def close(self) -> None:
        """Judge failures that are held back; their jobs end then."""
        await self._held.close()

    async def _settle(self, engine: Engine, outcome: Outcome) -> None:
        """Store an outcome, once it is known whether it is a failure of the source."""
        outcome = await self._held.judge(outcome)
        update = outcome.update
        if not outcome.stored:
            update = engine.ingester.public(update)
            await self._keeper.keep(Stored(update.state, outcome.state))
        self._on_result(summed_up(outcome, update), outcome.state)

    async def _give_up(self, chosen: Sequence[tuple[Source, FeedState]], why: str) -> None:
        now = self._clock()
        for source, state in chosen:
            error = SourceError(why, kind="internal", url=source.url)
            outcome = Outcome(source, state, decide.failed(source, state, error, now), error, 0.0)
            await self._keeper.keep(Stored(outcome.update.state, state))
            self._on_result(summed_up(outcome, outcome.update), state)

    async def _silent(self) -> bool:
        last = await self._thread.run(self._store.last_success)
        return last is None or self._clock() - last >= SILENCE

    def _save(self, stored: Sequence[Stored]) -> None:
        """Store states; one that cannot be stored must not stay due, or it would be asked for again and again."""
        try:
            self._store.save_states([one.state for one in stored])
        except RowError:
            for one in stored:
                try:
                    self._store.save_states([one.state])
                except RowError as error:
                    log.error("what came of source %s was not stored: %s", one.state.source_id, error)
                    failure = SourceError(f"it cannot be stored: {error}", kind="internal")
                    with suppress(RowError):
                        self._store.save_states([decide.given_up(one.before, failure, self._clock()).state])
