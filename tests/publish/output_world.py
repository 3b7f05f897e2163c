"""A data folder with outputs whose members are put in by hand, to publish at any time."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from aggregator.config import Config, load
from aggregator.models import Entry, FeedState, FeedUpdate, Placement, Ruling
from aggregator.publish.publication import Report, publish
from aggregator.store import Store, open_store
from aggregator.store.rulingprotocol import DEFINITIONS
from tests.store_samples import NOW, entry
from tests.support import Site
from tests.validators import check_atom, check_jsonfeed, check_rss

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
OUTPUT = "rust"


@dataclass
class World:
    """One output, `OUTPUT`; members come in by `add`."""

    site: Site
    store: Store
    config: Config
    now: datetime = NOW

    def configure(self, sources: int = 3, **settings: Any) -> None:
        """Give the output these settings."""
        self.config = configured(self.site, sources, **settings)
        self._settle()

    def _settle(self) -> None:
        """Keep the members that were put in by hand."""
        self.store.sync_sources(self.config.sources)
        made = {f"{DEFINITIONS}{slug}": output.definition for slug, output in self.config.outputs.items()}
        self.store.record_fingerprints(made)

    def add(
        self,
        *keys: str,
        source: int = 0,
        published: datetime | None = None,
        seen: datetime | None = None,
        output: str | None = OUTPUT,
        own: dict[str, Any] | None = None,
        **changes: Any,
    ) -> None:
        """Store entries of a source that belong to the output; the first one is the newest of them."""
        id = f"s{source}"
        new = tuple(entry(id, key, published_at=published or self.now, title=key, **changes) for key in keys)
        rulings = (
            {one.key: Ruling(one, placements=(Placement(output, replace(one, **own) if own else None),)) for one in new}
            if output
            else None
        )
        self.apply(id, new, rulings, seen or self.now)

    def rule(self, key: str, **ruling: Any) -> None:
        """Store another ruling on an entry of the first source, which changes its text."""
        one = entry("s0", key, published_at=self.now, title=key, html=f"<p>{self.now}</p>", hash=str(self.now))
        self.apply("s0", (one,), {key: Ruling(one, **ruling)}, self.now)

    def apply(self, id: str, new: tuple[Entry, ...], rulings: Mapping[str, Ruling] | None, seen: datetime) -> None:
        self.store.apply(FeedUpdate(FeedState(id, last_success_at=seen), new=new, rulings=rulings))

    def publish(self, **settings: Any) -> Report:
        """Publish now; nothing fails."""
        report = publish(self.store, self.config, self.site.data, now=self.now, **settings)
        assert report.failures == []
        return report

    def published(self, after: timedelta = timedelta(0)) -> list[str]:
        """Publish after some time, and return the titles in the output."""
        self.now += after
        self.publish()
        return self.titles()

    def check(self, folder: str = OUTPUT) -> None:
        """Validate the feeds of a folder."""
        public = self.site.public()
        assert check_rss(public[f"{folder}/rss.xml"]) == []
        assert check_atom(public[f"{folder}/atom.xml"]) == []
        assert check_jsonfeed(public[f"{folder}/feed.json"]) == []

    def titles(self, folder: str = OUTPUT) -> list[str]:
        return [item["title"] for item in self.items(folder)]

    def items(self, folder: str = OUTPUT) -> list[dict[str, Any]]:
        feed = json.loads(self.site.public()[f"{folder}/feed.json"])
        items: list[dict[str, Any]] = feed["items"]
        return items


def configured(site: Site, sources: int = 3, outputs: dict[str, Any] | None = None, **settings: Any) -> Config:
    """Return a configuration with some sources, and the output with these settings."""
    site.configure(
        *({"id": f"s{n}", "name": f"Source {n}", "feed": f"https://s{n}.example/feed"} for n in range(sources)),
        outputs={OUTPUT: {"title": "Rust", **settings}} if outputs is None else outputs,
    )
    return load(site.config, os.environ)


@contextmanager
def world_of(site: Site, **settings: Any) -> Iterator[World]:
    config = configured(site, **settings)
    store = open_store(site.data / "aggregator.db")
    try:
        world = World(site, store, config)
        world.configure(**settings)
        yield world
    finally:
        store.close()
