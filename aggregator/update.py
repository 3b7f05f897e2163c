"""The pipeline: the only place that knows the order of the stages.

    due sources -> fetch -> parse -> identify -> select -> normalize -> decide -> store

`update_due` runs one cycle. Fetching is concurrent on the event loop; reading documents and cleaning entries runs in
worker threads (in processes of their own where a reader cannot be trusted to end, and where there is enough to do for
several cores); everything that touches the store runs in one thread, one source after the other. One source's failure
is an outcome like any other, never an exception.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from aggregator import __version__, decide
from aggregator.config import Config, redact
from aggregator.errors import SourceError, StoreError
from aggregator.fetch import Fetcher, FetchSettings
from aggregator.isolate import Isolated
from aggregator.making import Batch, make_entries
from aggregator.models import Entry, FeedState, FeedUpdate, Fetched, NotModified, ParsedFeed, RawEntry, Source
from aggregator.normalize import identify
from aggregator.outage import Jury, Outcome
from aggregator.parse import parse_plain
from aggregator.parse.dates import parse_date
from aggregator.pool import Pool
from aggregator.sources import KINDS, Tools, moves
from aggregator.store import Store

log = logging.getLogger(__name__)

#: Limits of the processes that read feeds and clean their entries: no honest feed comes near them.
PARSE_SECONDS = 30.0
PARSE_MEMORY_MB = 1024
#: Outcomes without entries that are stored in one transaction.
STATES_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Result:
    """What one source gave in one cycle; without the entries, which would fill the memory of a long cycle."""

    source: Source
    state: FeedState
    new: int
    changed: int
    unchanged: int
    #: Things worth telling that are no failure.
    notes: tuple[str, ...]
    #: Seconds from the start of the fetch to the outcome.
    seconds: float

    @property
    def unreached(self) -> bool:
        """Whether the network here was down, so that nothing can be said of the source."""
        return self.state.outages > 0

    @property
    def failed(self) -> bool:
        return self.state.failures > 0 and not self.unreached

    @property
    def missed(self) -> bool:
        """Whether the look brought nothing that could be read, whoever is to blame."""
        return self.failed or self.unreached

    @property
    def quiet(self) -> bool:
        """Whether there is nothing to tell: no failure, nothing new or changed, no note."""
        return not (self.failed or self.new or self.changed or self.notes)


async def update_due(
    config: Config,
    store: Store,
    chosen: Sequence[tuple[Source, FeedState]],
    *,
    clock: Callable[[], datetime],
    dry_run: bool = False,
    on_result: Callable[[Result], None] = lambda result: None,
    stopping: Callable[[], bool] = lambda: False,
) -> list[Result]:
    """Run one cycle over the chosen sources and return what each gave, in the order in which they finished.

    Args:
        clock: the current time, aware and in UTC.
        dry_run: fetch and compare, but store nothing.
        on_result: called on the event loop for each finished source.
        stopping: asked before each source; once true, no other is begun, and those under way come to their end.

    Raises:
        StoreError: the store cannot keep outcomes any more (disk full, database gone); what was stored before stays.
    """
    if not chosen:
        return []
    settings = FetchSettings(
        user_agent=_user_agent(config),
        concurrency=config.fetch.concurrency,
        per_host=config.fetch.per_host,
        host_delay=config.fetch.host_delay or timedelta(0),
    )
    with ExitStack() as stack:
        cleaner = Pool(make_entries, seconds=PARSE_SECONDS, memory_mb=PARSE_MEMORY_MB)
        stack.callback(cleaner.close)
        readers = stack.enter_context(ThreadPoolExecutor(max(cleaner.threads, 2), "aggregator-read"))
        keeper = stack.enter_context(ThreadPoolExecutor(1, "aggregator-store"))
        parser = Isolated("aggregator.parse:parse", seconds=PARSE_SECONDS, memory_mb=PARSE_MEMORY_MB)
        stack.callback(parser.close)
        waits = store.host_waits(clock())
        async with Fetcher(settings, clock=clock, waits=waits) as fetcher:
            parse = partial(_parse, parser)
            cycle = _Cycle(store, fetcher, parse, cleaner, readers, keeper, clock, dry_run, config.secrets)
            return await cycle.run(chosen, config.fetch.concurrency, on_result, stopping)


@dataclass(frozen=True, slots=True)
class _Cycle:
    """What the steps of one cycle share."""

    store: Store
    fetcher: Fetcher
    parse: Callable[[Fetched], ParsedFeed]
    cleaner: Pool[Batch, tuple[Entry, ...]]
    readers: ThreadPoolExecutor
    keeper: ThreadPoolExecutor
    clock: Callable[[], datetime]
    dry_run: bool
    secrets: frozenset[str]
    #: Outcomes without entries, until there are enough of them to be stored together.
    states: list[FeedState] = field(default_factory=list)

    async def run(
        self,
        chosen: Sequence[tuple[Source, FeedState]],
        concurrency: int,
        on_result: Callable[[Result], None],
        stopping: Callable[[], bool],
    ) -> list[Result]:
        """Update the sources, so many at once; see `update_due`."""
        results: list[Result] = []
        trouble: BaseException | None = None
        queue = iter(chosen)
        jury = Jury(self.clock)

        async def keep(outcomes: Sequence[Outcome]) -> None:
            for outcome in outcomes:
                result = await self._keep(outcome)
                results.append(result)
                on_result(result)

        async def work() -> None:
            for source, state in queue:
                if stopping():
                    return
                await keep(jury.hear(await self.update_source(source, state)))

        try:
            async with asyncio.TaskGroup() as tasks:
                for _ in range(min(concurrency, len(chosen))):
                    tasks.create_task(work())
        except* StoreError as group:
            # Several sources meet the same trouble at once; one account of it is enough.
            trouble = group.exceptions[0]
        finally:
            # Also where the cycle is cancelled: what servers have answered is not to be asked of them again.
            if trouble is None:
                await keep(jury.close())
                if not self.dry_run:
                    await self.flush()
                    self.store.record_traffic(self.clock(), self.fetcher.traffic, self.fetcher.waits)
        if trouble is not None:
            raise trouble
        return results

    async def update_source(self, source: Source, state: FeedState) -> Outcome:
        """Run one source through all stages; whatever comes of it is an outcome."""
        started = time.monotonic()
        error = None
        try:
            update = await self._pull(source, state)
        except SourceError as failure:
            error = failure
        except StoreError:
            raise
        except Exception as failure:
            # A bug must cost one source one cycle, not the cycle; the traceback is for the report.
            log.exception("source %s: unexpected error", source.id)
            words = f"unexpected error: {type(failure).__name__}: {failure}"
            error = SourceError(words, kind="internal", url=source.url)
        if error is not None:
            update = decide.failed(source, state, error, self.clock())
        return Outcome(source, state, update, error, time.monotonic() - started)

    async def _keep(self, outcome: Outcome) -> Result:
        """Store an outcome, and sum it up."""
        update = self._without_secrets(outcome.update)
        if not self.dry_run:
            await self._store(update)
        counts = len(update.new), len(update.changed), update.unchanged
        return Result(outcome.source, update.state, *counts, update.notes, outcome.seconds)

    async def _store(self, update: FeedUpdate) -> None:
        """Store an outcome at once, or soon where it has no entries: a crash then costs some requests once more."""
        if update.new or update.changed or update.unchanged:
            await asyncio.get_running_loop().run_in_executor(self.keeper, self.store.apply, update)
        else:
            self.states.append(update.state)
            if len(self.states) >= STATES_AT_ONCE:
                await self.flush()

    async def flush(self) -> None:
        """Store the states that are still to be stored."""
        states = self.states.copy()
        self.states.clear()
        await asyncio.get_running_loop().run_in_executor(self.keeper, self.store.keep, states)

    def _without_secrets(self, update: FeedUpdate) -> FeedUpdate:
        """What is told of an update goes into the database and from there to many places."""
        if update.state.error is None and not update.notes:
            return update
        error = update.state.error and redact(update.state.error, self.secrets)
        notes = tuple(redact(note, self.secrets) for note in update.notes)
        return replace(update, state=replace(update.state, error=error), notes=notes)

    async def _pull(self, source: Source, state: FeedState) -> FeedUpdate:
        kind = KINDS[source.kind]
        loop = asyncio.get_running_loop()
        tools = Tools(
            fetch=self.fetcher.fetch,
            known=partial(self._known_keys, source.id),
            offload=lambda function, *args: loop.run_in_executor(self.readers, partial(function, *args)),
            parse=self.parse,
        )
        asked = moves.usable(source, state, self.clock())
        fetched = await kind.fetch(source, asked, tools)
        state = replace(state, request_hash=kind.request_hash(source))
        state, fetched = moves.remember(source, state, asked, fetched, self.clock())
        if isinstance(fetched, NotModified):
            return decide.not_modified(source, state, fetched, self.clock())
        parsed = await loop.run_in_executor(self.readers, kind.read, source, fetched, self.clock(), tools)
        selection = await loop.run_in_executor(self.keeper, self._select, source.id, parsed)
        batch = Batch(
            source.id,
            parsed.language,
            self.clock(),
            (*((one, None) for one in selection.new), *selection.changed),
        )
        entries = await loop.run_in_executor(self.readers, self.cleaner.run, batch) if batch.entries else ()
        return decide.succeeded(
            source,
            state,
            fetched,
            parsed,
            entries[: len(selection.new)],
            entries[len(selection.new) :],
            selection.unchanged,
            batch.now,
            notes=(*fetched.notes, *parsed.repairs, *fetched.missing, *selection.notes),
        )

    async def _known_keys(self, source_id: str, keys: Sequence[str]) -> set[str]:
        loop = asyncio.get_running_loop()
        known = await loop.run_in_executor(self.keeper, self.store.known, source_id, keys)
        return known.keys() | await loop.run_in_executor(self.keeper, self.store.removed, source_id, keys)

    def _select(self, source_id: str, parsed: ParsedFeed) -> decide.Selection:
        """Compare a document with what is known."""
        identified = identify(parsed.entries)
        removed = self.store.removed(source_id, [one.key for one in identified])
        identified = tuple(one for one in identified if one.key not in removed)
        known = self.store.known(source_id, [one.key for one in identified])
        return decide.select(identified, known, _changed_at)


def _changed_at(raw: RawEntry) -> datetime | None:
    return parse_date(raw.updated, timezone=raw.timezone) if raw.updated else None


def _parse(isolated: Isolated, fetched: Fetched) -> ParsedFeed:
    """Read a feed here where that is sure to be quick, and in a process that can be ended otherwise."""
    parsed = parse_plain(fetched)
    if parsed is not None:
        return parsed
    answer: ParsedFeed = isolated.call(fetched)
    return answer


def _user_agent(config: Config) -> str:
    """How we name ourselves to servers: the program, and where their operators can look and write to."""
    contact = f"; {config.fetch.contact}" if config.fetch.contact else ""
    return config.fetch.user_agent or f"aggregator/{__version__} (+{config.site.url}{contact})"
