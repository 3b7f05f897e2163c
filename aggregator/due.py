"""Which sources are updated now. Light on imports: a cycle in which nothing is due needs no more than this."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from aggregator.config import Config
from aggregator.models import FeedState, Source
from aggregator.store import Store


def choose(
    config: Config, store: Store, now: datetime, *, everything: bool = False, only: Collection[str] = ()
) -> list[tuple[Source, FeedState]]:
    """The sources to update now, with their state, in the order of feeds.yaml.

    Args:
        everything: all of them, due or not.
        only: ids of sources to take, due or not; empty: no restriction.
    """
    states = store.states() if everything or only else {state.source_id: state for state in store.due(now)}
    return [
        (source, states[source.id])
        for source in config.sources
        if source.id in states and (not only or source.id in only)
    ]
