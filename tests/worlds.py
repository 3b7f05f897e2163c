"""A configuration, a store and an origin on a clock of their own: what the tests of the schedule share."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from aggregator.config import Config, load
from aggregator.due import choose
from aggregator.models import FeedState
from aggregator.pipeline.run import SourceResult, update_due
from aggregator.store import Store
from tests.store_samples import NOW
from tests.support import Site


class World:
    """Sources that are looked at when the test says so.

    Args:
        place: where its configuration goes.
        sources: the parts of their configuration that matter, by id.
        sections: of feeds.yaml.
    """

    def __init__(self, place: Site, store: Store, sources: Mapping[str, Mapping[str, Any]], **sections: Any) -> None:
        sections = {"fetch": {"allow_private_addresses": True}, **sections}
        place.configure(*({"id": name, **source} for name, source in sources.items()), **sections)
        self.config: Config = load(place.config, {})
        self.store = store
        self.now = NOW
        store.sync_sources(self.config.sources)

    async def cycle(self, now: datetime | None = None) -> list[SourceResult]:
        """One cycle at a moment."""
        self.now = now or self.now
        chosen = choose(self.config, self.store, self.now)
        return await update_due(self.config, self.store, chosen, clock=lambda: self.now)

    def state(self, name: str = "one") -> FeedState:
        """What is remembered of a source."""
        return self.store.states()[name]

    def due(self, name: str = "one") -> datetime:
        """When a source is due."""
        due = self.state(name).next_due_at
        assert due is not None
        return due

    def wait(self, name: str = "one") -> timedelta:
        """How long from now until a source is due."""
        return self.due(name) - self.now
