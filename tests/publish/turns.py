"""A store whose calls are watched, so that something happens before one of them; and a folder to publish to with it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from aggregator.config import Config, load
from aggregator.models import FeedState, FeedUpdate, Placement, Ruling
from aggregator.publish.publication import Report, publish
from aggregator.store import Store
from aggregator.store.rulingprotocol import DEFINITIONS
from tests.store_samples import NOW, entry
from tests.support import Site, read_tree

#: Parts of the store that are objects of their own.
_ROOMS = ("archives", "copies", "edits", "members", "steps")
OUTPUTS = ("rust", "few", "fair", "slow", "late", "secret")


class Watched:
    """A store of which each call is counted; before one of them, something happens.

    Args:
        at: the number of the call, from 0.
        happens: what happens then, or at the first call after it at which others may write.
    """

    def __init__(self, store: Store, at: int, happens: Callable[[], object]) -> None:
        self._store = store
        self._at = at
        self._happens = happens
        self._alone = False
        #: How many calls there were.
        self.calls = 0
        self.happened = False

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if name in _ROOMS:
            return _Room(self, found)
        return self.watched(found) if callable(found) else found

    def watched(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            self._step()
            return method(*given, **named)

        return call

    @contextmanager
    def alone(self) -> Iterator[None]:
        self._step()
        with self._store.alone():
            self._alone = True
            try:
                yield
            finally:
                self._alone = False

    def _step(self) -> None:
        if self.calls >= self._at and not self.happened and not self._alone:
            self.happened = True
            self._happens()
        self.calls += 1


class _Room:
    def __init__(self, watched: Watched, room: Any) -> None:
        self._watched = watched
        self._room = room

    def __getattr__(self, name: str) -> Any:
        return self._watched.watched(getattr(self._room, name))


@dataclass
class Shared:
    """A folder and two stores on one database: one publishes, through the other one comes what happens meanwhile."""

    site: Site
    store: Store
    other: Store
    config: Config
    now: datetime = NOW
    made: int = 0
    #: The keys of all entries that are stored, oldest first.
    keys: list[str] = field(default_factory=list)

    def publish(self, store: Any = None, **settings: Any) -> Report:
        """Publish as one process does; nothing fails."""
        report = publish(store or self.store, self.config, self.site.data, now=self.now, **settings)
        assert report.failures == []
        return report

    def check(self) -> None:
        """All files are those that a publication writes to an empty folder from what is stored."""
        files = read_tree(self.site.data)
        with TemporaryDirectory() as empty:
            report = publish(self.store, self.config, Path(empty), now=self.now, everything=True, restore=True)
            assert report.failures == []
            assert files == read_tree(Path(empty))

    def add(self, store: Store | None = None, count: int = 2) -> None:
        """Store new entries of two sources, in their categories, and in all outputs besides."""
        for id in ("s0", "s1"):
            self.made += 1
            keys = [f"{id}-{self.made}-{number}" for number in range(count)]
            self.keys += keys
            self._apply(store or self.store, id, *keys, version=0)

    def change(self, store: Store, key: str, **ruling: Any) -> None:
        """Store another version of an entry, with a ruling."""
        self.made += 1
        self._apply(store, key.partition("-")[0], key, version=self.made, **ruling)

    def _apply(self, store: Store, id: str, *keys: str, version: int, **ruling: Any) -> None:
        new = tuple(
            entry(
                id,
                key,
                title=f"{key} {version}",
                hash=f"{key} {version}",
                html=f"<p>Version {version}</p>",
                published_at=NOW + timedelta(minutes=int(key.split("-")[1])),
            )
            for key in keys
        )
        said = {"placements": tuple(Placement(slug) for slug in OUTPUTS), **ruling}
        given = {one.key: Ruling(one, **said) for one in new}
        store.apply(FeedUpdate(FeedState(id, last_success_at=self.now), new=new, rulings=given))

    # -- what others do ------------------------------------------------------------------------------------------------

    def entries_come(self) -> None:
        self.add(self.other, 1)

    def pending_entry_changes(self) -> None:
        self.change(self.other, self.keys[-1])

    def published_entries_change(self) -> None:
        for key in (self.keys[0], self.keys[len(self.keys) // 2]):
            self.change(self.other, key)

    def entries_are_dropped(self) -> None:
        for key in (self.keys.pop(), self.keys.pop(0)):
            self.change(self.other, key, verdict="dropped")

    def dropped_entry_returns(self) -> None:
        key = self.keys[-2]
        self.change(self.other, key, verdict="held")
        self.change(self.other, key)

    def entries_leave_outputs(self) -> None:
        for key in (self.keys[-1], self.keys[0]):
            self.change(self.other, key, placements=(Placement("rust"),))

    def entries_move(self) -> None:
        for key in (self.keys[-1], self.keys[0]):
            self.change(self.other, key, category="c2")

    def source_gets_another_title(self) -> None:
        self.made += 1
        self.other.apply(FeedUpdate(FeedState("s1", title=f"Told {self.made}", last_success_at=self.now)))

    def entries_are_withheld_as_copies(self) -> None:
        """As the comparison of duplicates does."""
        known = {one.entry.key: one for one in self.other.entries_after(0, 10_000)}
        for key in (self.keys.pop(), self.keys.pop(0)):
            one = known[key]
            assert self.other.replace_rulings([(one, Ruling(one.entry, "copy"))], {}) == []

    def everything_is_pending(self) -> None:
        self.other.mark_pending(["s0", "s1"])


#: What others may do at any time.
HAPPENINGS: tuple[Callable[[Shared], None], ...] = (
    Shared.entries_come,
    Shared.pending_entry_changes,
    Shared.published_entries_change,
    Shared.entries_are_dropped,
    Shared.dropped_entry_returns,
    Shared.entries_leave_outputs,
    Shared.entries_move,
    Shared.source_gets_another_title,
    Shared.entries_are_withheld_as_copies,
    Shared.everything_is_pending,
)


def configured(site: Site) -> Config:
    """Return a configuration with categories, outputs of many kinds, and two folders of posts."""
    outputs: dict[str, dict[str, Any]] = {
        "rust": {"limit": 3},
        "few": {"per_source": 1},
        "fair": {"mix": "fair", "limit": 3},
        "slow": {"rate": "2/hour", "limit": 4},
        "late": {"delay": "1h"},
        "secret": {"private": True, "limit": 3},
    }
    site.configure(
        {"id": "s0", "name": "Source 0", "feed": "https://s0.example/feed", "category": "c0"},
        {"id": "s1", "feed": "https://s1.example/feed", "category": "c1"},
        {"id": "s2", "feed": "https://s2.example/feed", "category": "c2"},
        categories={"c0": "First", "c1": "Second", "c2": "Third"},
        feeds={"limit": 3, "formats": ["json"]},
        posts=[{"folder": "posts"}, {"folder": "more", "preset": "hugo", "categories": ["c1", "c2"]}],
        outputs={slug: {"title": slug.title(), **settings} for slug, settings in outputs.items()},
    )
    return load(site.config, os.environ)


@contextmanager
def shared(site: Site, opened: Callable[[], Store]) -> Iterator[Shared]:
    """Give a folder with published entries; `opened` opens a store on one database."""
    config = configured(site)
    store, other = opened(), opened()
    try:
        store.sync_sources(config.sources)
        store.record_fingerprints({f"{DEFINITIONS}{slug}": one.definition for slug, one in config.outputs.items()})
        world = Shared(site, store, other, config)
        world.add(count=3)
        world.publish()
        yield world
    finally:
        store.close()
        other.close()
