"""Which sources are updated now, in which order, and the share that each has of the cycle.

A share has limits of time, requests, bytes and computing, so that slow or large sources do not delay the others. Once
it is used up, the work of the source ends with `ShareUsedUp`; the kind of source decides what to do with a part, and
the rest comes next time. Waiting counts: for a slow host, for the turn at a host, and for the process that reads pages.

Light imports: where nothing is due, nothing else is loaded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from aggregator.config import Config
from aggregator.models import FeedState, Fetched, NotModified, Source
from aggregator.schedule import admit, after_stop
from aggregator.sources import ShareUsedUp
from aggregator.store import CLOCK_TOLERANCE, Store

#: A cycle that is followed by another at once takes of each domain what may be requested in this time.
TURN = timedelta(minutes=1)
#: The assumed time of a request.
_REQUEST = timedelta(seconds=1)
_WITHOUT_END = timedelta(days=366)


def choose(
    config: Config,
    store: Store,
    now: datetime,
    *,
    everything: bool = False,
    only: Collection[str] = (),
    turn: timedelta = _WITHOUT_END,
    busy: Collection[Source] = (),
) -> list[tuple[Source, FeedState]]:
    """Return the sources to update now, with their state, those due longest first; domains take turns.

    Otherwise the sources of one domain would take all places and wait there for each other.

    Args:
        everything: all of them, due or not, but for those that are paused.
        only: ids of sources to take, due or paused or not; empty: no restriction.
        turn: take no more of one domain than may be requested in this time; the rest stays due.
        busy: sources that are under way; neither they nor others of their domains are taken.
    """
    found = store.states().values() if everything or only else store.due(now)
    sources = {source.id: source for source in config.sources if (source.id in only if only else not source.paused)}
    chosen = {state.source_id: state for state in found if state.source_id in sources}
    if chosen and busy:
        from aggregator.fetch.politeness import gate_of

        # The limits of a domain are those of one cycle, which does not know of the other one.
        taken = {source.id for source in busy}
        gates = {gate for source in busy for url in source.servers if (gate := gate_of(url))}
        chosen = {
            name: state
            for name, state in chosen.items()
            if name not in taken and gates.isdisjoint(map(gate_of, sources[name].servers))
        }
    if len(chosen) > 1:
        from aggregator.fetch.politeness import gate_of

        fetch = config.fetch
        spacing = fetch.host_delay or _REQUEST / fetch.per_host
        # Those that share a request come one after the other, and need one turn: they are asked as one.
        alike: dict[tuple[object, ...], list[str]] = {}
        for name in chosen:
            alike.setdefault(sources[name].request, []).append(name)
        first = {names[0]: names for names in alike.values()}
        # Of several servers, the first is asked unless it fails.
        waiting = ((name, gate_of(sources[name].servers[0]) or name) for name in first)
        order = [name for start in admit(waiting, now, turn, spacing) for name in first[start.key]]
    else:
        order = list(chosen)
    return [(sources[name], chosen[name]) for name in order]


def is_due(state: FeedState, now: datetime) -> bool:
    """Return whether a source is due, as `Store.due` says."""
    if state.next_due_at is None or state.next_due_at <= now:
        return True
    return state.last_attempt_at is not None and state.last_attempt_at > now + CLOCK_TOLERANCE


def spread(config: Config, store: Store, now: datetime) -> int:
    """Spread the sources that are overdue, so that they do not start all at once after a stop.

    Nothing is done where no more are overdue than run at the same time. Sources that were never fetched are not spread:
    someone who has just added them waits for them.

    Returns:
        How many were given another time.
    """
    paused = {source.id for source in config.sources if source.paused}
    overdue = [
        state
        for state in store.due(now)
        if state.next_due_at is not None and state.next_due_at <= now and state.source_id not in paused
    ]
    if len(overdue) <= config.fetch.concurrency:
        return 0
    why = "it was overdue when the daemon started"
    store.save_states(
        [replace(state, next_due_at=after_stop(state.source_id, now, len(overdue)), due_why=why) for state in overdue]
    )
    return len(overdue)


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Share:
    """The limits for one source in one cycle."""

    #: Wall time, in addition to the `timeout` of the source. Where a host wants a minute between two requests, this is
    #: enough for its robots.txt, a list and a few articles.
    time: timedelta = timedelta(minutes=5)
    #: Documents that are requested, redirects and robots.txt not counted.
    requests: int = 200
    #: Size of all documents, decoded; the last ones may exceed it.
    bytes: int = 50_000_000
    #: CPU time in seconds in the process that reads pages; the last page may exceed it.
    seconds: float = 20.0


#: The share of every source.
USUAL = Share()


class Budget:
    """What is left of the share of one source; for one event loop.

    Args:
        share: the limits.
        timeout: the deadline that the source has for one fetch.
    """

    def __init__(self, share: Share, timeout: timedelta) -> None:
        self._loop = asyncio.get_running_loop()
        self._time = share.time + timeout
        self._until = self._loop.time() + self._time.total_seconds()
        self._requests = share.requests
        self._bytes = share.bytes
        self._seconds = share.seconds

    async def fetch(self, fetching: Callable[[], Awaitable[Fetched | NotModified]]) -> Fetched | NotModified:
        """Fetch a document, unless the time, the requests or the bytes are used up.

        Raises:
            ShareUsedUp: the share is used up.
        """
        if self._bytes <= 0:
            raise ShareUsedUp("this time its documents were too large for more")
        if self._requests <= 0:
            raise ShareUsedUp("this time it had too many documents to ask for more")
        self._requests -= 1
        found = await self._in_time(fetching)
        if isinstance(found, Fetched):
            self._bytes -= len(found.body)
        return found

    async def compute(self, computing: Callable[[], Awaitable[T]]) -> T:
        """Wait for work in another process; `pay` counts its CPU time.

        Raises:
            ShareUsedUp: the share is used up.
        """
        return await self._in_time(computing)

    def pay(self, seconds: float) -> None:
        """Count CPU time in seconds."""
        self._seconds -= seconds

    def check(self) -> None:
        """Raise `ShareUsedUp` where no CPU time is left."""
        if self._seconds <= 0:
            raise ShareUsedUp("this time its pages took too long to read for more")

    async def _in_time(self, work: Callable[[], Awaitable[T]]) -> T:
        message = f"it may take {self._time.total_seconds():g} s at once, waits for its host included"
        if self._loop.time() >= self._until:
            raise ShareUsedUp(message)
        try:
            async with asyncio.timeout_at(self._until):
                return await work()
        except TimeoutError:
            raise ShareUsedUp(message) from None
