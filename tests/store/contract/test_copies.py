"""The same item from several sources: what is stored of it depends on the entries alone, and is shown everywhere."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.duplicates.joining import join
from aggregator.duplicates.levels import Levels
from aggregator.models import (
    ALL,
    Candidate,
    Copy,
    Duplicates,
    FeedState,
    FeedUpdate,
    Item,
    Ruling,
    Source,
    Verdict,
)
from aggregator.store import DUPLICATES, CopyOf, Store
from tests.store.contract.implementations import IMPLEMENTATIONS, Opener, some
from tests.store_samples import HOUR, NOW, entry, pending_keys, publish, source

ON = Levels({ALL: Duplicates("url")})
ADDRESS = "example.org/1"
SOURCES = [source("a"), source("b"), source("c", category="d")]


def bring(
    store: Store,
    source_id: str,
    key: str,
    address: str | None = ADDRESS,
    *,
    verdict: Verdict = "published",
    changed: bool = False,
    title: str = "A title",
    **fields: Any,
) -> None:
    """Store an entry with an address."""
    one = entry(source_id, key, title=title, **fields)
    rulings = {key: Ruling(one, verdict, address=address)}
    new, old = ((), (one,)) if changed else ((one,), ())
    store.apply(FeedUpdate(FeedState(source_id, last_success_at=NOW), new, old, rulings=rulings))


def rejoin(store: Store, levels: Levels = ON) -> None:
    """Do what publication does, with the addresses that are stored."""
    for source_id in store.copies.stale_sources():
        found = store.rulings_after(0, 1000, source_id)
        store.copies.replace_addresses(source_id, {one.stored.pk: one.ruling.address for one in found})
    while stale := store.copies.stale(2):
        store.copies.rejoin(stale, lambda address, found, apart: join(address, found, levels, apart))


def judge(store: Store, key: str, **ruling: Any) -> None:
    """Store another ruling on an entry."""
    (one,) = (one for one in store.rulings_after(0, 1000) if one.stored.entry.key == key)
    address = ruling.pop("address", one.ruling.address)
    store.replace_rulings([(one.stored, Ruling(one.stored.entry, address=address, **ruling))], {})


def listed(store: Store) -> list[str]:
    return sorted(item.entry.key for item in store.newest(None, 1000))


def pk_of(store: Store, key: str) -> int:
    return next(one.stored.pk for one in store.rulings_after(0, 1000) if one.stored.entry.key == key)


@pytest.fixture
def three(store: Store) -> Store:
    """Three sources with one item, the first of them published."""
    store.sync_sources(SOURCES)
    store.copies.restart(ON.definition)
    for one in SOURCES:
        bring(store, one.id, one.id)
    rejoin(store)
    publish(store)
    return store


def test_one_is_published_and_names_the_others(three: Store) -> None:
    (item,) = three.newest(None, 10)
    assert (item.entry.key, item.id) == ("a", "id:a/a")
    assert item.also_at == (Copy("Name of b", "https://b.example/b"), Copy("Name of c", "https://c.example/c"))
    assert three.newest("d", 10) == []
    assert [one.ruling.verdict for one in three.rulings_after(0, 10)] == ["published", "copy", "copy"]


def test_pages_of_archives_name_the_others(three: Store) -> None:
    for number in range(3):
        bring(three, "a", f"later {number}", f"example.org/{number + 2}", published_at=NOW + (number + 1) * HOUR)
    rejoin(three)
    publish(three)
    three.archives.close_pages(ALL, 2, 2)
    (page,) = three.archives.stale_pages()
    assert [len(item.also_at) for item in three.archives.items(page)] == [0, 2]


def test_the_lead_passes_on_to_the_next(three: Store) -> None:
    before = three.newest(None, 10)
    judge(three, "a", verdict="dropped")
    rejoin(three)
    assert pending_keys(three) == ["b"]
    publish(three)
    assert listed(three) == ["b"]
    assert [copy.name for item in three.newest(None, 10) for copy in item.also_at] == ["Name of c"]
    judge(three, "a")
    rejoin(three)
    publish(three)
    assert three.newest(None, 10) == before


def test_a_held_entry_does_not_lead(three: Store) -> None:
    judge(three, "a", verdict="held")
    judge(three, "b", draft=True)
    rejoin(three)
    publish(three)
    assert listed(three) == ["c"]


def test_a_removed_entry_passes_the_lead_on(three: Store) -> None:
    three.remove_entries("a", [pk_of(three, "a")])
    rejoin(three)
    publish(three)
    assert listed(three) == ["b"]
    three.remove_entries("c", [pk_of(three, "c")])
    rejoin(three)
    assert pending_keys(three) == ["b"]
    assert [item.also_at for item in three.newest(None, 10)] == [()]


def test_a_source_that_is_no_longer_configured(three: Store) -> None:
    three.sync_sources(SOURCES[1:])
    rejoin(three)
    publish(three)
    assert listed(three) == ["b"]
    three.sync_sources(SOURCES)
    rejoin(three)
    assert listed(three) == ["a"]


def test_another_name_of_a_source_is_shown(three: Store) -> None:
    three.sync_sources([SOURCES[0], replace(SOURCES[1], name="Other"), SOURCES[2]])
    assert pending_keys(three) == ["a"]
    assert [copy.name for copy in three.newest(None, 1)[0].also_at] == ["Other", "Name of c"]


def test_another_title_of_a_feed_is_shown(store: Store) -> None:
    store.sync_sources([source("a"), source("b", name=None)])
    store.copies.restart(ON.definition)
    bring(store, "a", "a")
    bring(store, "b", "b")
    rejoin(store)
    publish(store)
    store.apply(FeedUpdate(FeedState("b", title="Title")))
    assert pending_keys(store) == ["a"]
    assert [copy.name for copy in store.newest(None, 1)[0].also_at] == ["Title"]


def test_a_copy_that_changes_is_shown(three: Store) -> None:
    bring(three, "b", "b", changed=True, url="https://b.example/other")
    assert pending_keys(three) == ["a"]
    rejoin(three)
    assert listed(three) == ["a"]
    assert three.newest(None, 1)[0].also_at[0].url == "https://b.example/other"
    publish(three)
    bring(three, "b", "b", "example.org/other", changed=True)
    rejoin(three)
    assert pending_keys(three) == ["a", "b"]
    publish(three)
    assert listed(three) == ["a", "b"]


def test_the_preferred_copy_is_shown(three: Store) -> None:
    levels = Levels({ALL: Duplicates("url", prefer=("c",))})
    bring(three, "c", "c", changed=True, html="<p>Better</p>", url="https://c.example/better")
    three.copies.restart(levels.definition)
    rejoin(three, levels)
    assert pending_keys(three) == ["a"]
    publish(three)
    (item,) = three.newest(None, 10)
    assert (item.id, item.path, item.entry.published_at) == ("id:a/a", "a/a.md", NOW)
    assert (item.entry.html, item.entry.url) == ("<p>Better</p>", "https://c.example/better")
    assert (item.origin.id, item.origin.category) == ("c", "c")
    assert [copy.name for copy in item.also_at] == ["Name of a", "Name of b"]


def test_pending_items_are_paged_by_their_own_sources(three: Store) -> None:
    """The source of the preferred copy, which is shown, is not where the item stands in the order."""
    levels = Levels({ALL: Duplicates("url", prefer=("c",))})
    bring(three, "b", "z", "example.org/2")
    three.copies.restart(levels.definition)
    rejoin(three, levels)
    first = three.pending(1)
    assert [one.entry.key for one in (*first, *three.pending(1, first[0]))] == ["a", "z"]


def test_pairs_are_kept_apart(three: Store) -> None:
    pks = [pk_of(three, key) for key in "abc"]
    three.copies.keep_apart(pks[1], pks[0])
    assert three.copies.apart(pks) == {(pks[0], pks[1])}
    assert three.copies.apart(pks[1:]) == set()
    rejoin(three)
    publish(three)
    assert listed(three) == ["a", "b"]
    assert three.copies.of(pks) == [CopyOf(pks[2], pks[0], False)]


def test_switched_off_and_on_again(three: Store) -> None:
    before = three.newest(None, 10)
    three.copies.restart("")
    assert (three.copies.stale(10), three.copies.stale_sources()) == ([], [])
    assert pending_keys(three) == ["a", "b", "c"]
    publish(three)
    assert listed(three) == ["a", "b", "c"]
    assert [item.also_at for item in three.newest(None, 10)] == [(), (), ()]
    assert three.fingerprints()[DUPLICATES] == ""
    three.copies.restart(ON.definition)
    assert three.copies.stale_sources() == ["a", "b", "c"]
    for one in three.rulings_after(0, 10):
        three.copies.replace_addresses(one.sight.source, {one.stored.pk: ADDRESS})
    rejoin(three)
    publish(three)
    assert three.newest(None, 10) == before


def test_feeds_are_out_of_date_in_the_same_transaction(three: Store) -> None:
    names = [f"feeds/{slug}" for slug in ("c", "d", ALL)]
    three.record_fingerprints(dict.fromkeys(names, "made"))
    judge(three, "a", verdict="dropped")
    judge(three, "b", verdict="dropped")
    three.record_fingerprints(dict.fromkeys(names, "made"))
    rejoin(three)
    assert {name for name in names if three.fingerprints()[name] == ""} == {"feeds/d", f"feeds/{ALL}"}


def test_settings_of_a_category_follow_a_source_that_moves(three: Store) -> None:
    levels = Levels({ALL: Duplicates(), "c": Duplicates("url")})
    three.copies.restart(levels.definition)
    rejoin(three, levels)
    publish(three)
    assert listed(three) == ["a", "c"]
    three.sync_sources([*SOURCES[:2], replace(SOURCES[2], category="c")])
    rejoin(three, levels)
    assert listed(three) == ["a"]


def test_what_is_stale_survives(opener: Opener) -> None:
    with closing(opener()) as store:
        store.sync_sources(SOURCES)
        store.copies.restart(ON.definition)
        for one in SOURCES:
            bring(store, one.id, one.id)
    with closing(opener()) as store:
        assert store.copies.stale(10) == [ADDRESS]
        rejoin(store)
        publish(store)
        assert listed(store) == ["a"]


KEYS = ("a1", "a2", "b1", "b2", "c1")
EVENTS = st.one_of(
    st.tuples(
        st.just("bring"),
        st.sampled_from(KEYS),
        st.sampled_from([ADDRESS, ADDRESS, "example.org/2", None]),
        st.sampled_from(["A title", "A title", "Another one"]),
        st.sampled_from([0, 20, 45]),
        st.sampled_from(["published", "published", "published", "held"]),
    ),
    st.tuples(
        st.just("judge"), st.sampled_from(KEYS), st.sampled_from(["published", "dropped", "held"]), st.booleans()
    ),
    st.tuples(st.just("remove"), st.sampled_from(KEYS)),
    st.tuples(
        st.just("sources"), st.sampled_from(["abc", "ab", "bc", "c"]), st.sampled_from("cd"), st.sampled_from("xy")
    ),
    st.tuples(st.just("apart"), st.sampled_from(KEYS), st.sampled_from(KEYS)),
    st.tuples(st.just("levels"), st.integers(0, 3)),
    st.tuples(st.just("publish")),
)
LEVELS = (
    ON,
    Levels({ALL: Duplicates("url", prefer=("c", "b"))}),
    Levels({ALL: Duplicates(), "c": Duplicates("url")}),
    Levels({ALL: Duplicates("url"), "d": Duplicates("off")}),
)


class World:
    """A store to which things happen, and what was written of it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.levels = ON
        self.written: dict[int, Item] = {}
        self.removed: set[str] = set()
        store.sync_sources(SOURCES)
        store.copies.restart(ON.definition)

    def happen(self, event: tuple[Any, ...]) -> None:
        what, *more = event
        known = {one.stored.entry.key: one for one in self.store.rulings_after(0, 100)}
        if what == "bring":
            key, address, title, days, verdict = more
            moment = NOW + timedelta(days=days)
            if key not in self.removed:
                bring(
                    self.store,
                    key[0],
                    key,
                    address,
                    title=title,
                    verdict=verdict,
                    changed=key in known,
                    published_at=moment,
                    updated_at=moment,
                )
        elif what == "judge" and more[0] in known:
            judge(self.store, more[0], verdict=more[1], draft=more[2])
        elif what == "remove" and more[0] in known:
            self.store.remove_entries(more[0][0], [known[more[0]].stored.pk])
            self.removed.add(more[0])
        elif what == "sources":
            self.store.sync_sources([self._source(name, *more[1:]) for name in more[0]])
        elif what == "apart" and more[0] in known and more[1] in known and more[0] != more[1]:
            self.store.copies.keep_apart(known[more[0]].stored.pk, known[more[1]].stored.pk)
        elif what == "levels":
            self.levels = LEVELS[more[0]]
            self.store.copies.restart(self.levels.definition)
        elif what == "publish":
            self.publish()

    @staticmethod
    def _source(name: str, category: str, title: str) -> Source:
        return source(name, category=category if name == "b" else "c", name=f"{title} {name}")

    def publish(self) -> None:
        """Write what is pending, and compare all that is written with what is stored."""
        rejoin(self.store, self.levels)
        publish_pending = {item.pk: item for item in self.store.pending(100)}
        publish(self.store)
        shown = {item.pk: item for item in self.store.newest(None, 100)}
        drafts = {pk for pk in publish_pending if pk not in shown}
        self.written |= {pk: shown[pk] for pk in publish_pending if pk in shown}
        assert shown == {pk: self.written[pk] for pk in shown}
        assert all(publish_pending[pk].draft for pk in drafts)

    def copies(self) -> list[CopyOf]:
        return self.store.copies.of([one.stored.pk for one in self.store.rulings_after(0, 100)])

    def expected(self) -> list[CopyOf]:
        """What the entries alone say."""
        found: dict[str, list[Candidate]] = {}
        for one in self.store.rulings_after(0, 100):
            if one.ruling.address is not None:
                stored, ruling = one.stored.entry, one.ruling
                published = ruling.verdict in ("published", "copy") and one.configured and not ruling.draft
                candidate = Candidate(
                    one.stored.pk,
                    stored.source_id,
                    ruling.category or one.sight.category,
                    stored.title,
                    stored.published_at,
                    stored.dated,
                    published,
                )
                found.setdefault(one.ruling.address, []).append(candidate)
        apart = self.store.copies.apart([one.pk for some in found.values() for one in some])
        groups = [group for address, some in found.items() for group in join(address, some, self.levels, apart)]
        return sorted(CopyOf(pk, group.leader, pk == group.shown) for group in groups for pk in group.copies)


def test_the_state_depends_on_the_entries_alone(implementation: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    @some(implementation, 150)
    @given(events=st.lists(EVENTS, max_size=25))
    def check(events: list[tuple[Any, ...]]) -> None:
        check_state(events, implementation, tmp_path_factory)

    check()


def check_state(events: list[tuple[Any, ...]], implementation: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    with (
        IMPLEMENTATIONS[implementation](tmp_path_factory.mktemp("store")) as opener,
        closing(opener()) as store,
    ):
        world = World(store)
        for event in events:
            world.happen(event)
        world.publish()
        assert world.copies() == world.expected()
        verdicts = {one.stored.pk for one in store.rulings_after(0, 100) if one.ruling.verdict == "copy"}
        assert verdicts == {one.pk for one in world.copies()}
        before = store.rulings_after(0, 100)
        store.copies.restart(world.levels.definition)
        world.publish()
        assert store.rulings_after(0, 100) == before
        assert store.copies.stale(10) == []
        store.copies.restart("")
        assert world.copies() == []
        assert "copy" not in {one.ruling.verdict for one in store.rulings_after(0, 100)}
