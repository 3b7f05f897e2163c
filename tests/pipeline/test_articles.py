"""Articles through whole cycles: each is fetched once, and again only when the list shows a change."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from aggregator.models import PageState
from aggregator.pipeline import engine
from aggregator.pipeline.due import Share, choose
from aggregator.pipeline.run import update_due
from aggregator.store import Store, open_store
from tests.newsroom import DAY, LATER, Newsroom, ThreadWorker, open_newsroom
from tests.origin import Origin
from tests.support import Site


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(tmp_path / "x.db")) as store:
        yield store


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read pages in this process: there are many cycles, and each would start another one."""
    monkeypatch.setattr(engine, "Worker", ThreadWorker)


@pytest.fixture
def room(site: Site, store: Store, origin: Origin) -> Newsroom:
    """Two articles that were read."""
    room = open_newsroom(site, store, origin)
    room.lists({"/a": "First", "/b": "Second"})
    room.article("/a")
    room.article("/b")
    return room


def remembered(room: Newsroom, path: str) -> PageState:
    url = room.origin.url + path
    return room.world.store.pages.find("one", [url])[url]


async def test_a_second_cycle_asks_for_the_list_alone(room: Newsroom) -> None:
    assert (await room.cycle()).new == 2
    assert (await room.cycle()).new == 0
    assert (room.asked("/news"), room.asked("/a"), room.asked("/b")) == ([200, 304], [200], [200])


async def test_a_new_article_costs_one_request(room: Newsroom) -> None:
    await room.cycle()
    room.article("/c")
    room.lists({"/c": "Third", "/a": "First", "/b": "Second"})
    result = await room.cycle()
    assert (result.new, result.changed) == (1, 0)
    assert (room.asked("/a"), room.asked("/b"), room.asked("/c")) == ([200], [200], [200])


async def test_an_article_is_read_again_when_its_title_on_the_list_changes(room: Newsroom) -> None:
    await room.cycle()
    room.lists({"/a": "First, corrected", "/b": "Second"})
    room.article("/a", "<p>Corrected text</p>")
    result = await room.cycle()
    assert (result.new, result.changed) == (0, 1)
    assert (room.asked("/a"), room.asked("/b")) == ([200, 200], [200])
    entry = room.entries()["/a"]
    assert (entry.title, entry.html) == ("First, corrected", "<p>Corrected text</p>")
    assert (await room.cycle()).changed == 0
    assert room.asked("/a") == [200, 200]


async def test_it_is_asked_for_with_its_validators(room: Newsroom) -> None:
    await room.cycle()
    room.lists({"/a": "First, corrected", "/b": "Second"})
    result = await room.cycle()
    assert (result.failed, result.changed, result.notes) == (False, 0, ())
    assert room.asked("/a") == [200, 304]
    assert remembered(room, "/a").fruitless == 1
    room.lists({"/a": "First, corrected again", "/b": "Second"})
    await room.cycle()
    assert room.asked("/a") == [200, 304, 304]


async def test_after_a_week_it_has_to_come_whole(room: Newsroom) -> None:
    await room.cycle()
    room.lists({"/a": "First, corrected", "/b": "Second"})
    await room.cycle(timedelta(days=8))
    assert room.asked("/a") == [200, 200]


async def test_bytes_that_are_the_same_are_in_vain_without_an_etag(room: Newsroom) -> None:
    room.article("/a", conditional=False)
    await room.cycle()
    room.lists({"/a": "First, corrected", "/b": "Second"})
    assert (await room.cycle()).changed == 0
    assert (room.asked("/a"), remembered(room, "/a").fruitless) == ([200, 200], 1)


async def test_a_page_that_differs_only_around_its_article_is_in_vain(room: Newsroom) -> None:
    await room.cycle()
    room.lists({"/a": "First", "/b": "Second"}, extra="<i>x</i>")
    room.article("/a", nonce="one")
    room.lists({"/a": "First!", "/b": "Second"})
    await room.cycle()
    assert (room.asked("/a"), remembered(room, "/a").fruitless) == ([200, 200], 1)


async def test_a_list_that_changes_all_the_time_is_believed_three_times_and_then_once_a_day(room: Newsroom) -> None:
    await room.cycle()
    for number in range(1, 10):
        room.lists({"/a": f"First ({number} views)", "/b": "Second"})
        await room.cycle()
    assert room.asked("/a") == [200, 304, 304, 304]
    for number in range(10, 16):
        room.lists({"/a": f"First ({number} views)", "/b": "Second"})
        await room.cycle(LATER * 4)
    # Two days later.
    assert room.asked("/a") == [200, 304, 304, 304, 304, 304]
    assert room.asked("/b") == [200]


async def test_what_changes_after_many_visits_in_vain_is_read(room: Newsroom) -> None:
    await room.cycle()
    for number in range(6):
        room.lists({"/a": f"First ({number} views)", "/b": "Second"})
        await room.cycle()
    room.article("/a", "<p>At last</p>")
    room.lists({"/a": "First (100 views)", "/b": "Second"})
    assert (await room.cycle(DAY)).changed == 1
    assert room.entries()["/a"].html == "<p>At last</p>"
    assert remembered(room, "/a").fruitless == 0


async def test_relative_dates_are_no_change(site: Site, store: Store, origin: Origin) -> None:
    room = open_newsroom(site, store, origin)
    room.article("/a")
    for shown in ("3 hours ago", "5 hours ago", "yesterday"):
        room.lists({"/a": "First"}, f"<span>{shown}</span>")
        await room.cycle()
    assert (room.asked("/news"), room.asked("/a")) == ([200, 200, 200], [200])


async def test_corrected_rules_read_what_is_listed_again(room: Newsroom, site: Site, store: Store) -> None:
    for path in ("/a", "/b", "/c"):
        room.article(path, f"<p>Text of {path}</p><em>Ann</em><p class=ad>Buy</p>")
    room.lists({"/a": "First", "/b": "Second", "/c": "Third"})
    await room.cycle()
    room.lists({"/a": "First", "/b": "Second"})
    later = open_newsroom(site, store, room.origin, {"body": "#text", "author": "em", "remove": [".ad"]})
    later.world.now = room.world.now
    result = await later.cycle()
    assert (result.new, result.changed) == (0, 2)
    assert (room.asked("/a"), room.asked("/c")) == ([200, 200], [200])
    entries = room.entries()
    assert (entries["/a"].authors, entries["/c"].authors) == (("Ann",), ())
    assert "Buy" not in entries["/a"].html
    assert (await later.cycle()).changed == 0


async def test_articles_of_an_older_database_are_only_remembered(room: Newsroom) -> None:
    await room.cycle()
    store = room.world.store
    forget_pages(store)
    room.lists({"/a": "First, corrected", "/b": "Second"})
    assert (await room.cycle()).new == 0
    assert (room.asked("/a"), room.asked("/b")) == ([200], [200])
    state = remembered(room, "/a")
    assert (state.asked_at, state.etag, state.fruitless) == (None, None, 0)
    room.lists({"/a": "First, corrected again", "/b": "Second"})
    room.article("/a", "<p>New</p>")
    assert (await room.cycle()).changed == 1
    assert (room.asked("/a"), room.asked("/b")) == ([200, 200], [200])


def forget_pages(store: Store) -> None:
    """Make the database one of a version that remembered no pages."""
    import sqlalchemy

    database = store._database  # type: ignore[attr-defined]
    with database.write() as connection:
        connection.execute(sqlalchemy.text("DELETE FROM pages"))


async def test_a_failed_article_is_asked_for_again_and_costs_no_other(room: Newsroom) -> None:
    good = room.origin.routes["/b"]
    room.origin.route("/b", "oops", status=503)
    result = await room.cycle()
    assert (result.new, result.failed) == (1, False)
    assert any("/b" in note for note in result.notes)
    room.origin.handle("/b", good)
    result = await room.cycle()
    assert (result.new, result.notes) == (1, ())
    assert (room.asked("/news"), room.asked("/a"), room.asked("/b")) == ([200, 200], [200], [503, 200])
    # Now the list may say again that nothing has changed.
    await room.cycle()
    assert room.asked("/news")[-1] == 304


async def test_a_crash_costs_no_article(room: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    store = room.world.store

    def crash(update: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(store, "apply", crash)
        assert (await room.cycle()).failed
    assert (room.entries(), store.pages.find("one", [room.origin.url + "/a"])) == ({}, {})
    assert (await room.cycle()).new == 2
    assert (await room.cycle()).new == 0
    assert room.asked("/a") == [200, 200]


async def test_a_known_article_that_fails_when_asked_again_stays_and_is_asked_again(room: Newsroom) -> None:
    await room.cycle()
    good = room.origin.routes["/a"]
    room.lists({"/a": "First, corrected", "/b": "Second"})
    room.origin.route("/a", "oops", status=500)
    result = await room.cycle()
    assert (result.failed, result.changed) == (False, 0)
    assert room.entries()["/a"].title == "First"
    room.origin.handle("/a", good)
    await room.cycle()
    assert room.asked("/a") == [200, 500, 304]


@pytest.mark.parametrize("status", [404, 410])
async def test_a_gone_article_is_asked_for_once_a_day(room: Newsroom, status: int) -> None:
    room.origin.route("/b", "gone", status=status)
    result = await room.cycle()
    assert (result.new, result.failed) == (1, False)
    (note,) = result.notes
    assert note.startswith("article is gone")
    for number in range(4):
        room.article(f"/{number}")
        room.lists({f"/{number}": f"News {number}", "/a": "First", "/b": "Second"})
        result = await room.cycle()
        assert any("1 article could not be read and will be asked for once a day" in note for note in result.notes)
    assert room.asked("/b") == [status]
    room.article("/b")
    room.lists({"/a": "First", "/b": "Second"})
    assert (await room.cycle(DAY)).new == 1


async def test_a_known_article_that_is_gone_stays_and_is_not_asked_for_again(room: Newsroom) -> None:
    await room.cycle()
    room.lists({"/a": "First, removed", "/b": "Second"})
    room.origin.route("/a", "gone", status=410)
    for _ in range(3):
        await room.cycle()
        room.lists({"/a": "First, removed", "/b": "Second", "/c": "Third"})
        room.article("/c")
    assert (room.asked("/a"), room.entries()["/a"].title) == ([200, 410], "First")


@pytest.mark.parametrize("place", ["/", "/news"])
async def test_an_article_that_leads_to_the_home_page_or_the_list_is_gone(room: Newsroom, place: str) -> None:
    await room.cycle()
    before = room.entries()["/a"]
    room.origin.route("/", '<div id="text">Welcome</div>', content_type="text/html")
    room.lists({"/a": "First, withdrawn", "/b": "Second", "/c": "Third"}, '<div id="text">The newest</div>')
    for path in ("/a", "/c"):
        room.origin.route(path, status=302, headers={"Location": place})
    result = await room.cycle()
    assert (result.new, result.changed) == (0, 0)
    assert any(f"leads to {room.origin.url}{place} in place of it" in note for note in result.notes)
    assert (room.entries()["/a"], set(room.entries())) == (before, {"/a", "/b"})


async def test_an_article_may_be_the_home_page_of_another_site(room: Newsroom) -> None:
    other = Origin(host="localhost")
    try:
        other.route("/", '<div id="text">A tool</div>', content_type="text/html")
        room.origin.route("/a", status=302, headers={"Location": f"http://localhost:{other.port}/"})
        assert (await room.cycle()).new == 2
    finally:
        other.close()


async def test_an_article_that_never_can_be_read_is_asked_for_less_and_less(room: Newsroom) -> None:
    room.origin.route("/b", "<html><body>something else</body></html>", content_type="text/html")
    for number in range(8):
        room.lists({"/a": "First", "/b": "Second", f"/{number}": "More"})
        room.article(f"/{number}")
        await room.cycle()
    assert len(room.asked("/b")) == 3
    # Corrected rules are tried at once.
    world = room.world
    later = open_newsroom(Site(world.config.path.parent), world.store, room.origin, {"body": "body"})
    later.world.now = world.now
    await later.cycle()
    assert len(room.asked("/b")) == 4
    assert "/b" in room.entries()


async def test_what_there_was_no_time_for_comes_next_time(room: Newsroom) -> None:
    world = room.world
    chosen = choose(world.config, world.store, world.now)
    share = Share(requests=2)
    (result,) = await update_due(world.config, world.store, chosen, clock=lambda: world.now, share=share)
    assert result.new == 1
    assert any("1 article is left for the next time" in note for note in result.notes)
    assert (await room.cycle()).new == 1
    assert (room.asked("/a"), room.asked("/b")) == ([200], [200])


@pytest.fixture
def long_room(site: Site, store: Store, origin: Origin) -> Newsroom:
    """A list of three pages with two articles each."""
    room = open_newsroom(site, store, origin, next="/news/{n}", pages=3)
    for number, path in enumerate(("/news", "/news/2", "/news/3")):
        links = [f"/{number}a", f"/{number}b"]
        rows = "".join(f'<div class="card"><a href="{link}">{link}</a></div>' for link in links)
        origin.route(path, f"<body>{rows}</body>", content_type="text/html", conditional=True)
        for link in links:
            room.article(link)
    return room


async def test_what_there_was_no_time_for_may_be_on_a_further_page(long_room: Newsroom) -> None:
    world = long_room.world
    for new in (2, 2, 2, 0):
        chosen = choose(world.config, world.store, world.now)
        share = Share(requests=5)
        (result,) = await update_due(world.config, world.store, chosen, clock=lambda: world.now, share=share)
        assert result.new == new
        world.now += LATER
    # All of it is there, so that the first page alone is asked for.
    assert len(long_room.asked("/news/2")) == 3


async def test_a_failed_article_may_be_on_a_further_page(long_room: Newsroom) -> None:
    long_room.origin.route("/2b", b"busy", status=503)
    assert ((await long_room.cycle()).new, (await long_room.cycle()).new) == (5, 0)
    long_room.article("/2b")
    assert (await long_room.cycle()).new == 1
    await long_room.cycle()
    assert len(long_room.asked("/news/3")) == 3


async def test_a_link_to_a_file_is_an_item_with_that_file(room: Newsroom) -> None:
    room.origin.route("/a", b"%PDF-1.7 ...", content_type="application/octet-stream")
    room.origin.route("/b", b"PK..", content_type="application/vnd.oasis.opendocument.text")
    assert ((await room.cycle()).new, (await room.cycle()).new) == (2, 0)
    entries = room.entries()
    assert (entries["/a"].title, entries["/a"].html) == ("First", "")
    (file,) = entries["/a"].enclosures
    assert (file.url, file.type, file.length) == (f"{room.origin.url}/a", "application/pdf", 12)
    assert entries["/b"].enclosures[0].type == "application/vnd.oasis.opendocument.text"


async def test_a_field_that_was_always_filled_and_no_longer_is_is_told(
    site: Site, store: Store, origin: Origin
) -> None:
    room = open_newsroom(site, store, origin, {"body": "#text", "author": "em"})
    for number in range(12):
        room.article(f"/{number}", f"<em>Ann</em><p>{number}</p>")
    room.lists({f"/{number}": f"News {number}" for number in range(12)})
    assert (await room.cycle()).notes == ()
    for number in range(20, 23):
        room.article(f"/{number}", f"<b>Ann</b><p>{number}</p>")
    room.lists({f"/{number}": f"News {number}" for number in range(20, 23)})
    notes = (await room.cycle()).notes
    assert any("`author` was always filled" in note and "`scrape.article.author`" in note for note in notes)
