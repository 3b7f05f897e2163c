"""Many sources at once.

    due sources -> engine (fetch -> ingest) -> outage -> store

`update_due` runs one cycle. Documents are fetched concurrently on the event loop and ingested one after the other in
the thread of the store (`workers`), see `engine`; outcomes without a document are stored together. One source's failure
is an outcome like any other, never an exception.
"""

from __future__ import annotations

from asyncio import TaskGroup
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from aggregator.config import Config
from aggregator.errors import RowError, StoreError
from aggregator.models import FeedState, FeedUpdate, Source
from aggregator.pipeline.due import USUAL, Share
from aggregator.pipeline.engine import Engine, open_engine
from aggregator.pipeline.ingest import OnRead
from aggregator.pipeline.judge import verdicts
from aggregator.pipeline.outage import SILENCE, OutageDetector, Outcome
from aggregator.pipeline.together import Group, Send, groups_of
from aggregator.store import Store
from aggregator.workers import StoreThread, Worker

#: Outcomes without a document that are stored in one transaction.
STATES_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class SourceResult:
    """The result of one source in one cycle, without the entries, which would fill the memory in a long cycle."""

    source: Source
    state: FeedState
    new: int
    changed: int
    unchanged: int
    #: Notes that are no failure.
    notes: tuple[str, ...]
    #: Seconds from the start of the fetch to the outcome.
    seconds: float
    #: New and changed entries that rules have dropped, and those that wait for a person; the other counts are without.
    dropped: int = 0
    held: int = 0

    @property
    def unreached(self) -> bool:
        """Whether our own network was down, so that this is no failure of the source."""
        return self.state.outages > 0

    @property
    def failed(self) -> bool:
        return self.state.failures > 0 and not self.unreached

    @property
    def missed(self) -> bool:
        """Whether the poll brought no document, because of the source or of our own network."""
        return self.failed or self.unreached

    @property
    def quiet(self) -> bool:
        """Whether there is nothing to report: no failure, nothing new, changed or to be reviewed, no note."""
        return not (self.failed or self.new or self.changed or self.held or self.notes)


def summed_up(outcome: Outcome, update: FeedUpdate) -> SourceResult:
    """Return the result of an outcome.

    Args:
        update: that of the outcome, as it is stored.
    """
    new, changed, dropped, held = verdicts(update)
    counts = new, changed, update.unchanged
    return SourceResult(outcome.source, update.state, *counts, update.notes, outcome.seconds, dropped, held)


async def update_due(
    config: Config,
    store: Store,
    chosen: Sequence[tuple[Source, FeedState]],
    *,
    clock: Callable[[], datetime],
    thread: StoreThread | None = None,
    dry_run: bool = False,
    on_result: Callable[[SourceResult], None] = lambda result: None,
    stopping: Callable[[], bool] = lambda: False,
    on_begun: Callable[[], None] = lambda: None,
    share: Share = USUAL,
    busy: int = 0,
    in_force: Callable[[], Config] | None = None,
    data: Path | None = None,
    through: Callable[[Send], Send] = lambda send: send,
    on_read: OnRead | None = None,
    steps: bool = True,
    pages: Worker | None = None,
) -> list[SourceResult]:
    """Run one cycle over the chosen sources and return what each gave, in the order in which they finished.

    Args:
        thread: the thread of the store; None: one for this cycle alone.
        on_result: called on the event loop for each finished source.
        stopping: called before each source; once it is true, no other is started, and those in progress are finished.
        on_begun: called once all sources are started.
        busy: sources of other cycles in progress; together there are at most `fetch.concurrency`.
        others: see `open_engine`.

    Raises:
        StoreError: the store cannot keep outcomes any more (disk full, database gone); what was stored before stays.
        RowError: it could not keep some; all others are done.
    """
    if not chosen:
        return []
    concurrency = max(1, config.fetch.concurrency - busy)
    async with AsyncExitStack() as stack:
        if thread is None:
            thread = stack.enter_context(StoreThread())
        engine = await stack.enter_async_context(
            open_engine(
                config,
                store,
                thread,
                clock,
                concurrency=concurrency,
                new=sum(state.last_success_at is None for _, state in chosen),
                dry_run=dry_run,
                share=share,
                in_force=in_force,
                data=data,
                through=through,
                on_read=on_read,
                steps=steps,
                pages=pages,
            )
        )
        run = _Run(engine, groups_of(chosen, clock()))
        return await run.update_all(chosen, concurrency, on_result, stopping, on_begun)


@dataclass(frozen=True, slots=True)
class _Run:
    """The state of one cycle."""

    engine: Engine
    #: Sources that share their request, by id.
    groups: dict[str, Group]
    #: Outcomes without a document, until there are enough of them to be stored together.
    states: list[FeedState] = field(default_factory=list)
    #: Why some outcomes could not be stored.
    lost: list[RowError] = field(default_factory=list)

    async def update_all(
        self,
        chosen: Sequence[tuple[Source, FeedState]],
        concurrency: int,
        on_result: Callable[[SourceResult], None],
        stopping: Callable[[], bool],
        on_begun: Callable[[], None],
    ) -> list[SourceResult]:
        """Update the sources, `concurrency` at a time; see `update_due`."""
        results: list[SourceResult] = []
        trouble: BaseException | None = None
        queue = iter(enumerate(chosen, 1))
        engine, ingester = self.engine, self.engine.ingester
        outage = OutageDetector(ingester.clock)

        async def keep(outcomes: Sequence[Outcome]) -> None:
            for outcome in outcomes:
                result = await self._keep(outcome)
                results.append(result)
                on_result(result)

        async def work() -> None:
            for number, (source, state) in queue:
                if stopping():
                    return
                if number == len(chosen):
                    on_begun()
                await keep(outage.add(await engine.update(source, state, self.groups.get(source.id))))

        try:
            async with TaskGroup() as tasks:
                for _ in range(min(concurrency, len(chosen))):
                    tasks.create_task(work())
        except* StoreError as group:
            # Several sources fail with the same error at once; one report is enough.
            trouble = group.exceptions[0]
        finally:
            # Also where the cycle is cancelled, so that answers of servers are not requested again.
            if trouble is None:
                silent = outage.waiting and await engine.thread.run(ingester.silent, SILENCE)
                await keep(outage.close(silent=silent))
                await self.flush()
                await engine.record()
        if trouble is not None:
            raise trouble
        if self.lost:
            raise self.lost[0]
        return results

    async def _keep(self, outcome: Outcome) -> SourceResult:
        """Store an outcome soon where a document did not bring it, and sum it up.

        A crash then costs some requests once more.
        """
        update = outcome.update
        if not outcome.stored:
            update = self.engine.ingester.public(update)
            self.states.append(update.state)
            if len(self.states) >= STATES_AT_ONCE:
                await self.flush()
        return summed_up(outcome, update)

    async def flush(self) -> None:
        """Store the states that are still to be stored."""
        self.lost.extend(await self.engine.thread.run(self.engine.ingester.keep, self.states))
