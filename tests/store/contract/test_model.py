"""Any sequence of calls gives what a simple store in memory gives."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from aggregator.models import Entry, FeedState, FeedUpdate, Known, Source
from aggregator.store import Assignment
from tests.store.contract.implementations import IMPLEMENTATIONS, some
from tests.store_samples import NOW, entry, source

IDS = ("a", "b", "c")
KEYS = ("k0", "k1", "k2", "k3")
TITLES = st.none() | st.sampled_from(["T1", "T2"])
MOMENTS = st.integers(0, 3).map(lambda hours: NOW + timedelta(hours=hours))


@dataclass
class Stored:
    """One entry of the model."""

    entry: Entry
    revision: int = 0
    pending: bool = True
    id: str = ""
    #: Its place in the document.
    place: tuple[int, int] = (0, 0)


@dataclass
class Feed:
    """One source of the model."""

    source: Source
    state: FeedState
    active: bool = True
    entries: dict[str, Stored] = field(default_factory=dict)

    @property
    def shown(self) -> tuple[str, str, str | None]:
        name = self.source.name or self.state.title or f"{self.source.id}.example"
        return name, self.source.category, self.source.section


class Model(RuleBasedStateMachine):
    """The store beside a model of it."""

    implementation: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.rest = ExitStack()
        folder = self.rest.enter_context(tempfile.TemporaryDirectory())
        self.opener = self.rest.enter_context(IMPLEMENTATIONS[self.implementation](Path(folder)))

    @initialize()
    def open(self) -> None:
        self.store = self.opener()
        self.feeds: dict[str, Feed] = {}
        self.prints: dict[str, str] = {}
        self.documents = 0

    def teardown(self) -> None:
        self.store.close()
        self.rest.close()

    @rule(
        ids=st.sets(st.sampled_from(IDS)),
        name=st.none() | st.just("Name"),
        category=st.sampled_from(["c", "d"]),
        section=st.none() | st.just("s"),
    )
    def sync(self, ids: set[str], name: str | None, category: str, section: str | None) -> None:
        wanted = {id: source(id, name=name, category=category, section=section) for id in sorted(ids)}
        self.store.sync_sources(list(wanted.values()))
        for id, feed in self.feeds.items():
            feed.active = id in wanted
        for id, configured in wanted.items():
            feed = self.feeds.setdefault(id, Feed(configured, FeedState(id)))
            before, feed.source = feed.shown, configured
            self._touch(feed, feed.shown != before)

    @rule(
        id=st.sampled_from(IDS),
        keys=st.sets(st.sampled_from(KEYS)),
        hash=st.sampled_from(["h1", "h2"]),
        published=MOMENTS,
        dated=st.booleans(),
        title=TITLES,
        due=st.none() | MOMENTS,
    )
    def apply(
        self,
        id: str,
        keys: set[str],
        hash: str,
        published: datetime,
        dated: bool,
        title: str | None,
        due: datetime | None,
    ) -> None:
        if id not in self.feeds:
            return
        feed = self.feeds[id]
        given = [
            entry(id, key, hash=hash, published_at=published, updated_at=published, dated=dated) for key in sorted(keys)
        ]
        state = FeedState(id, title=title, next_due_at=due)
        new = tuple(one for one in given if one.key not in feed.entries)
        changed = tuple(one for one in given if one.key in feed.entries)
        self.store.apply(FeedUpdate(state, new=new, changed=changed))
        self.documents += 1
        for place, one in enumerate(given):
            self._keep(feed, one)
            if one in new:
                feed.entries[one.key].place = (-self.documents, place)
        before, feed.state = feed.shown, state
        self._touch(feed, feed.shown != before)

    def _keep(self, feed: Feed, given: Entry) -> None:
        stored = feed.entries.get(given.key)
        if stored is None:
            feed.entries[given.key] = Stored(given)
            return
        first = stored.entry.published_at
        updated = max(first, given.updated_at)
        given = replace(given, published_at=first, updated_at=updated, dated=stored.entry.dated)
        stored.entry, stored.revision, stored.pending = given, stored.revision + 1, True

    def _touch(self, feed: Feed, changed: bool) -> None:
        for stored in feed.entries.values():
            stored.pending |= changed

    @rule(limit=st.integers(1, 5))
    def publish(self, limit: int) -> None:
        items = self.store.pending(limit)
        wanted = self._pending()[:limit]
        assert [(item.entry, item.id) for item in items] == [(stored.entry, stored.id) for stored in wanted]
        names = [f"{item.entry.source_id}-{item.entry.key}" for item in items]
        self.store.assign(
            [Assignment(item.pk, name, f"{name}.md", name) for item, name in zip(items, names, strict=True)]
        )
        self.store.mark_published([item.pk for item in items])
        for stored, name in zip(wanted, names, strict=True):
            stored.id, stored.pending = name, False

    @rule(ids=st.sets(st.sampled_from(IDS)))
    def touch(self, ids: set[str]) -> None:
        self.store.mark_pending(ids)
        for id in ids & self.feeds.keys():
            self._touch(self.feeds[id], True)

    @rule(prints=st.dictionaries(st.sampled_from(["x", "y"]), st.sampled_from(["1", "2"])))
    def record(self, prints: dict[str, str]) -> None:
        self.store.record_fingerprints(prints)
        self.prints |= prints

    @rule()
    def open_again(self) -> None:
        self.store.close()
        self.store = self.opener()

    def _pending(self) -> list[Stored]:
        found = [one for feed in self.feeds.values() if feed.active for one in feed.entries.values() if one.pending]
        return sorted(found, key=lambda one: (one.entry.published_at, one.entry.source_id, one.entry.key))

    @invariant()
    def sources_agree(self) -> None:
        active = {id: feed for id, feed in self.feeds.items() if feed.active}
        assert self.store.states() == {id: feed.state for id, feed in active.items()}
        assert self.store.entry_counts() == {id: len(feed.entries) for id, feed in active.items()}
        due = {id for id, feed in active.items() if (feed.state.next_due_at or NOW) <= NOW + timedelta(hours=1)}
        assert {state.source_id for state in self.store.due(NOW + timedelta(hours=1))} == due
        assert self.store.pending_categories() == {
            self.feeds[one.entry.source_id].source.category for one in self._pending()
        }
        assert self.store.fingerprints() == self.prints

    @invariant()
    def entries_agree(self) -> None:
        for id, feed in self.feeds.items():
            assert self.store.recognize(id, KEYS)[0] == {
                key: Known(
                    key,
                    stored.entry.hash,
                    stored.entry.published_at,
                    stored.entry.updated_at,
                    stored.entry.dated,
                    stored.revision,
                )
                for key, stored in feed.entries.items()
            }
        for category in (None, "c", "d"):
            wanted = [
                stored
                for feed in self.feeds.values()
                if feed.active and category in (None, feed.source.category)
                for stored in feed.entries.values()
                if stored.id
            ]
            sources = list(self.feeds)
            wanted.sort(key=lambda stored: (sources.index(stored.entry.source_id), stored.place))
            wanted.sort(key=lambda stored: stored.entry.published_at, reverse=True)
            found = self.store.newest(category, 4)
            assert [(item.entry, item.id) for item in found] == [(stored.entry, stored.id) for stored in wanted[:4]]
            assert [(item.origin.name, item.origin.category, item.origin.section) for item in found] == [
                self.feeds[stored.entry.source_id].shown for stored in wanted[:4]
            ]


def test_the_store_does_what_a_model_of_it_does(implementation: str) -> None:
    machine = type("Machine", (Model,), {"implementation": implementation})
    run_state_machine_as_test(machine, settings=settings(some(implementation, 40), stateful_step_count=20))
