"""The same entry stays the same, whatever its source does to its ids; and two entries are never taken for one."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.models import Entry, FeedState, FeedUpdate, Fetched
from aggregator.pipeline.decide import Received
from aggregator.pipeline.ingest import Ingester
from aggregator.store import Store, open_store
from tests.store_samples import NOW, publish, source
from tests.support import rss
from tests.thoroughness import examples

URL = "https://a.example/feed"
Fields = Mapping[str, str]


@dataclass
class World:
    """One source that shows one document after the other."""

    store: Store
    now: datetime = NOW
    state: FeedState = field(default_factory=lambda: FeedState("a"))

    @property
    def ingester(self) -> Ingester:
        return Ingester(self.store, lambda: self.now, False, frozenset())

    def show(self, *items: Fields) -> FeedUpdate:
        """Ingest a document with these items."""
        self.now += timedelta(hours=1)
        fetched = Fetched(URL, URL, 200, "application/rss+xml", rss(items).encode())
        update = self.ingester.ingest(Received(source("a", url=URL), self.state, fetched, self.now))
        self.state = self.store.states()["a"]
        publish(self.store)
        return update

    def entries(self) -> list[Entry]:
        """All that is stored."""
        return [item.entry for item in self.store.newest(None, 10_000)]


@contextmanager
def opened(folder: Path) -> Iterator[World]:
    with closing(open_store(folder / "aggregator.db")) as store:
        store.sync_sources([source("a", url=URL)])
        yield World(store)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with opened(tmp_path) as one:
        yield one


def counts(update: FeedUpdate) -> tuple[int, int, int]:
    return len(update.new), len(update.changed), update.unchanged


def post(number: int, **changes: str) -> dict[str, str]:
    """An item whose guid is its address; a change to "" leaves the field out."""
    plain = {
        "title": f"Post {number}",
        "link": f"http://site.example/{number}",
        "guid": f"http://site.example/{number}",
        "pubDate": f"Mon, {number:02d} Jan 2024 10:00:00 GMT",
        "description": f"Text of post {number}",
    }
    return {name: value for name, value in (plain | changes).items() if value}


def posts(count: int, base: str = "http://site.example", **changes: str) -> list[dict[str, str]]:
    at = ({"link": f"{base}/{number}", "guid": f"{base}/{number}"} for number in range(1, count + 1))
    return [post(number, **where, **changes) for number, where in enumerate(at, 1)]


@pytest.mark.parametrize("dated", [True, False])
@pytest.mark.parametrize("base", ["https://site.example", "http://www.site.example", "https://www.site.example"])
def test_a_site_that_moves_to_https_or_www_keeps_its_entries(world: World, base: str, dated: bool) -> None:
    dates = {} if dated else {"pubDate": ""}
    world.show(*posts(3, **dates))
    before = [(one.key, one.published_at) for one in world.entries()]
    assert counts(world.show(*posts(3, base, **dates))) == (0, 3, 0)
    assert [(one.key, one.published_at) for one in world.entries()] == before
    order = (3, 2, 1) if dated else (1, 2, 3)
    assert [one.url for one in world.entries()] == [f"{base}/{number}" for number in order]
    # From now on they are known, and what is new is new; back again, too.
    assert counts(world.show(*posts(4, base, **dates))) == (1, 0, 3)
    assert counts(world.show(*posts(3, **dates)))[0] == 0


def test_a_site_that_moves_to_another_host_keeps_its_entries(world: World) -> None:
    world.show(*posts(3))
    assert counts(world.show(*posts(4, "https://new.example/")[:3], post(9))) == (1, 3, 0)


def test_a_link_that_moves_is_followed_where_the_guid_is_another_thing(world: World) -> None:
    world.show(post(1, guid="g1"), post(2, guid=""))
    moved = post(1, guid="g1", link="https://site.example/1"), post(2, guid="", link="https://site.example/2")
    assert counts(world.show(*moved)) == (0, 2, 0)


def test_another_article_at_the_same_path_of_another_host_is_another(world: World) -> None:
    world.show(post(1), post(2))
    there = {"link": "https://other.example/1", "guid": "https://other.example/1"}
    assert counts(world.show(post(2), post(1, **there)))[0] == 1
    assert counts(world.show(post(2), post(1, title="Other", link="https://site.example/1", guid="x")))[0] == 1


def test_what_was_removed_stays_removed_where_its_address_moves(world: World) -> None:
    world.show(*posts(3))
    world.store.remove_entries("a", [item.pk for item in world.store.newest(None, 9) if item.entry.title == "Post 2"])
    assert counts(world.show(*posts(3, "https://site.example"))) == (0, 2, 0)
    assert counts(world.show(*posts(3, "https://www.site.example"))) == (0, 2, 0)


WEATHER = [
    {"title": title, "link": "https://site.example/weather", "pubDate": f"Mon, {day:02d} Jan 2024 06:00:00 GMT"}
    | {"description": f"{title} on day {day}"}
    for day, title in ((1, "Rain"), (2, "Sun"), (3, "Rain"), (4, "Fog"), (5, "Fog"))
]


@pytest.mark.parametrize("guid", ["", "N/A", "https://site.example/weather"])
@pytest.mark.parametrize("dated", [True, False])
def test_entries_that_share_all_their_ids_are_themselves_whoever_stands_beside_them(
    world: World, guid: str, dated: bool
) -> None:
    items = [{**one, **({"guid": guid} if guid else {})} for one in WEATHER]
    items = [{name: text for name, text in one.items() if dated or name != "pubDate"} for one in items]
    assert counts(world.show(*items[2::-1])) == (3, 0, 0)
    assert counts(world.show(*items[3:0:-1])) == (1, 0, 2)
    assert counts(world.show(items[3])) == (0, 0, 1)
    assert counts(world.show(items[0])) == (0, 0, 1)
    assert counts(world.show(items[4], items[3])) == (1, 0, 1)
    assert counts(world.show(*items)) == (0, 0, 5)
    assert sorted(one.html for one in world.entries()) == sorted(one["description"] for one in items)


def test_one_guid_for_all_items_from_the_first_on(world: World) -> None:
    one, two, three = (post(number, guid="ff") for number in (1, 2, 3))
    assert counts(world.show(one)) == (1, 0, 0)
    assert counts(world.show(two, one)) == (1, 0, 1)
    assert counts(world.show(two)) == (0, 0, 1)
    assert counts(world.show(three)) == (1, 0, 0)
    assert counts(world.show({**two, "description": "Text, mended"})) == (0, 1, 0)
    assert counts(world.show({**two, "description": "Text, mended", "title": "Another"})) == (0, 1, 0)
    assert len(world.entries()) == 3


def test_a_guid_that_is_given_to_another_entry_without_both_being_seen_together(world: World) -> None:
    for number in (1, 2, 3):
        assert counts(world.show(post(number, guid="N/A"))) == (1, 0, 0)
    home = {"link": "https://example.org/", "guid": ""}
    for number in (4, 5):
        assert counts(world.show(post(number, **home))) == (1, 0, 0)
    assert counts(world.show(post(4, **home), post(1, guid="N/A"))) == (0, 0, 2)


def fresh(look: int, *numbers: int, **changes: str) -> list[dict[str, str]]:
    return [post(number, guid=f"{look}-{number}", **changes) for number in numbers]


def test_guids_that_change_with_every_fetch_give_way_to_links_and_come_back(world: World) -> None:
    assert counts(world.show(*fresh(1, 1, 2, 3))) == (3, 0, 0)
    assert counts(world.show(*fresh(2, 1, 2, 3))) == (0, 0, 3)
    assert world.state.identity == "guid 1 0 -"
    update = world.show(*fresh(3, 1, 2, 3))
    assert (counts(update), update.notes) == (
        (0, 0, 3),
        ("its guids change with every fetch: its entries are told apart by their links",),
    )
    assert counts(world.show(*fresh(4, 2, 3, 4))) == (1, 0, 2)
    # Edits are edits again, however much of an entry they change.
    assert counts(world.show(*fresh(5, 2, 3, title="New title", description="New text"))) == (0, 2, 0)
    for look in range(6, 12):
        assert counts(world.show(*fresh(look, 2, 3, 4)))[0] == 0
    assert (world.state.identity or "").startswith("link ")
    notes = [note for number in range(5, 10) for note in world.show(*fresh(12, 2, 3, 4, number)).notes]
    assert notes == ["its guids are kept again: its entries are told apart by them"]
    assert world.state.identity is None
    assert counts(world.show(*fresh(12, 2, 3, 4, 20))) == (1, 0, 3)
    assert len(world.entries()) == 10


def test_where_links_change_as_well_title_and_date_are_left(world: World) -> None:
    def session(look: int) -> list[dict[str, str]]:
        return [post(n, guid=f"{look}-{n}", link=f"http://site.example/p?n={n}&amp;sid={look}") for n in (1, 2, 3)]

    world.show(*session(1))
    assert [counts(world.show(*session(look)))[0] for look in range(2, 8)] == [0] * 6
    assert (world.state.identity or "").startswith("title ")
    # An address that always changes is no change of the entry.
    assert counts(world.show(*session(9))) == (0, 0, 3)
    assert len(world.entries()) == 3


def test_a_guid_that_comes_later_and_goes_again(world: World) -> None:
    plain = [post(number, guid="") for number in (1, 2)]
    with_guid = [post(number, guid=f"id-{number}") for number in (1, 2)]
    world.show(*plain)
    for document in (with_guid, plain, with_guid, plain):
        assert counts(world.show(*document)) == (0, 0, 2)


def test_a_guid_that_goes_away(world: World) -> None:
    world.show(post(1, guid="id-1"), post(2, guid="id-2"))
    assert counts(world.show(post(1, guid=""), post(2, guid="id-2"))) == (0, 0, 2)
    assert counts(world.show(post(1, guid=""), post(2, guid=""))) == (0, 0, 2)


def test_the_date_of_publication_is_that_of_the_first_sight(world: World) -> None:
    world.show(post(1), post(2, pubDate=""), post(3))
    first = {one.title: one.published_at for one in world.entries()}
    later = [post(number, pubDate=f"Mon, 05 Feb 2024 1{number}:00:00 GMT") for number in (1, 2, 3)]
    # Nothing but the date is another one: nothing changed.
    assert counts(world.show(*later)) == (0, 0, 3)
    later[0]["description"] = "Text, mended"
    assert counts(world.show(*later)) == (0, 1, 2)
    assert {one.title: one.published_at for one in world.entries()} == first
    (changed,) = [one for one in world.entries() if one.title == "Post 1"]
    assert changed.updated_at.isoformat() == "2024-02-05T11:00:00+00:00"


def test_an_entry_that_always_changes_and_is_dated_by_the_request_comes_to_rest(world: World) -> None:
    def atom(look: int) -> FeedUpdate:
        world.now += timedelta(hours=1)
        now = f"{world.now:%Y-%m-%dT%H:%M:%SZ}"
        entry = f"<entry><id>urn:x</id><title>T</title><updated>{now}</updated><content>It is {now}</content></entry>"
        body = f'<feed xmlns="http://www.w3.org/2005/Atom"><title>F</title>{entry}</feed>'
        fetched = Fetched(URL, URL, 200, "application/atom+xml", body.encode())
        return world.ingester.ingest(Received(source("a", url=URL), world.store.states()["a"], fetched, world.now))

    changed = [len(atom(look).changed) for look in range(40)]
    assert changed == [0] + [1] * 24 + [0] * 15


@pytest.mark.parametrize("date", ["", "Mon, 01 Jan 2024 00:00:00 GMT"])
def test_entries_of_one_date_keep_the_order_of_their_feed(world: World, date: str) -> None:
    world.show(*[post(number, pubDate=date) for number in (7, 3, 9, 1)])
    assert [one.title for one in world.entries()] == ["Post 7", "Post 3", "Post 9", "Post 1"]
    world.show(*[post(number, pubDate=date) for number in (2, 8, 7)])
    assert [one.title for one in world.entries()] == [f"Post {number}" for number in (2, 8, 7, 3, 9, 1)]


def older(text: str, *fields: str) -> str:
    """A hash as the first version made it."""
    whole = "".join(f"{len(field)}:{field}" if field != "-" else "-" for field in fields)
    return text + hashlib.sha256(whole.encode()).hexdigest()[:32]


def test_what_the_first_version_stored_is_found_under_its_keys_and_read_again(world: World) -> None:
    items = [*posts(2), *WEATHER[2::-1], {**post(9), "guid": "N/A"}, {**post(8), "guid": "N/A"}]
    link, titles = "https://site.example/weather", {name: older("", name) for name in ("Rain", "Sun")}
    texts = [older("", "-", f"{one['title']} on day {day}") for day, one in ((3, WEATHER[2]), (1, WEATHER[0]))]
    keys = [
        *("http://site.example/1", "http://site.example/2"),
        f"{link}\n{link}\n{titles['Rain']}\n{texts[0]}",
        f"{link}\n{link}\n{titles['Sun']}",
        f"{link}\n{link}\n{titles['Rain']}\n{texts[1]}",
        *("N/A\nhttp://site.example/9", "N/A\nhttp://site.example/8"),
    ]
    entries = world.show(*items).new
    world.store.remove_entries("a", [item.pk for item in world.store.newest(None, 99)])
    world.store.sync_sources([])
    world.store.remove_source("a")
    world.store.sync_sources([source("a", url=URL)])
    old = [replace(entry, key=key, hash="0" * 32) for entry, key in zip(entries, keys, strict=True)]
    world.store.apply(FeedUpdate(replace(world.state, identity=None), new=tuple(old)))
    publish(world.store)
    update = world.show(*items)
    assert (counts(update), len(update.reread)) == ((0, 0, 7), 7)
    assert {one.key for one in world.entries()} == set(keys)
    assert {(one.title, one.published_at, one.updated_at) for one in world.entries()} == {
        (one.title, one.published_at, one.updated_at) for one in entries
    }
    assert {known.revision for known in world.store.recognize("a", keys).known.values()} == {0}
    again = world.show(*items)
    assert (counts(again), again.reread, again.aliases) == ((0, 0, 7), (), ())
    assert counts(world.show(items[2], items[5])) == (0, 0, 2)


#: How a source may name its entries: guid and link of the entry with this number.
HABITS: dict[str, tuple[str, str]] = {
    "own": ("id-{0}", "http://site.example/{0}"),
    "no guid": ("", "http://site.example/{0}"),
    "no link": ("id-{0}", ""),
    "one guid": ("N/A", "http://site.example/{0}"),
    "home": ("", "https://example.org/"),
    "nothing": ("", ""),
}


@examples(15, thorough=40)
@given(
    st.sampled_from(sorted(HABITS)),
    st.lists(st.lists(st.integers(1, 8), min_size=1, max_size=5, unique=True), min_size=1, max_size=6),
)
def test_entries_that_differ_stay_apart_and_come_once(habit: str, documents: Sequence[Sequence[int]]) -> None:
    guid, link = HABITS[habit]
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder)) as world:
        for document in documents:
            world.show(*[post(n, guid=guid.format(n), link=link.format(n)) for n in document])
        seen = {number for document in documents for number in document}
        said = sorted((one.title, one.html) for one in world.entries())
        assert said == sorted((f"Post {number}", f"Text of post {number}") for number in seen)


@examples(15, thorough=40)
@given(
    st.lists(
        st.lists(st.tuples(st.integers(1, 6), st.sampled_from(sorted(HABITS))), min_size=1, max_size=5),
        min_size=1,
        max_size=6,
    )
)
def test_whatever_a_source_does_to_its_ids_no_entry_is_lost_in_another(
    documents: Sequence[Sequence[tuple[int, str]]],
) -> None:
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder)) as world:
        for document in documents:
            items = [(n, *HABITS[habit]) for n, habit in document]
            world.show(*[post(n, guid=guid.format(n), link=link.format(n)) for n, guid, link in items])
        seen = {number for document in documents for number, _ in document}
        said = {(one.title, one.html) for one in world.entries()}
        assert said == {(f"Post {number}", f"Text of post {number}") for number in seen}
