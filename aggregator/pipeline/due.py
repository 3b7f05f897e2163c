"""Which sources are updated now, and in which order. Light imports: where nothing is due, nothing else is loaded."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta

from aggregator.config import Config
from aggregator.models import FeedState, Source
from aggregator.schedule import admit, after_stop
from aggregator.store import Store

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
        gates = {gate for source in busy if (gate := gate_of(source.url))}
        chosen = {
            name: state
            for name, state in chosen.items()
            if name not in taken and gate_of(sources[name].url) not in gates
        }
    if len(chosen) > 1:
        from aggregator.fetch.politeness import gate_of

        fetch = config.fetch
        spacing = fetch.host_delay or _REQUEST / fetch.per_host
        waiting = ((name, gate_of(sources[name].url) or name) for name in chosen)
        order = [start.key for start in admit(waiting, now, turn, spacing)]
    else:
        order = list(chosen)
    return [(sources[name], chosen[name]) for name in order]


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
