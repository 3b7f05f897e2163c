"""Archives of the feeds (RFC 5005): following the links gives every item; a closed page gets no further items."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from typing import Any

import pytest
from lxml import etree

from tests.origin import Origin
from tests.support import Site, item, rss

BASE = "https://feeds.example.org/"
NAMES = {"rss": "rss.xml", "atom": "atom.xml", "json": "feed.json"}
_ATOM = "{http://www.w3.org/2005/Atom}"
_ARCHIVE = "{http://purl.org/syndication/history/1.0}archive"


class Document:
    """One document of a feed: its items, and its links to others."""

    def __init__(self, site: Site, url: str) -> None:
        assert url.startswith(BASE)
        self.url = url
        data = site.public()[url.removeprefix(BASE)]
        if url.endswith(".json"):
            feed = json.loads(data)
            self.ids = [one["id"] for one in feed["items"]]
            self.previous, self.own, self.current = feed.get("next_url"), feed["feed_url"], None
            self.is_archive = False
            return
        root = etree.fromstring(data)
        head = root if root.tag == f"{_ATOM}feed" else root[0]
        links = {link.attrib["rel"]: link.attrib["href"] for link in head.findall(f"{_ATOM}link")}
        ids = head.findall(f"{_ATOM}entry/{_ATOM}id") or head.findall("item/guid")
        self.ids = [one.text for one in ids]
        self.previous, self.own = links.get("prev-archive"), links["self"]
        self.current = links.get("current")
        self.is_archive = head.find(_ARCHIVE) is not None


def documents(site: Site, form: str, slug: str = "news") -> list[Document]:
    """The feed, and the pages of its archive by their links, newest first."""
    found = [Document(site, f"{BASE}{slug}/{NAMES[form]}")]
    while (url := found[-1].previous) is not None:
        assert url not in {one.url for one in found}
        found.append(Document(site, url))
    return found


def history(site: Site, form: str, slug: str = "news") -> set[str]:
    return {str(one) for document in documents(site, form, slug) for one in document.ids}


def _serve(site: Site, origin: Origin, numbers: range, more: Mapping[str, Any] | None = None, **sections: Any) -> None:
    items = [item(number, pubDate=_date(number)) for number in reversed(numbers)]
    feeds = {"limit": 20, **(more or {})}
    site.configure({"id": "one", "feed": origin.route("/feed", rss(items))}, feeds=feeds, **sections)


def _date(number: int) -> str:
    return f"Thu, 15 Jan 2026 {number // 60 % 24:02d}:{number % 60:02d}:00 GMT"


def _ids(numbers: range) -> set[str]:
    return {f"https://example.org/{number}" for number in numbers}


def _changed(before: Mapping[str, object], after: Mapping[str, object]) -> set[str]:
    return {name for name in {*before, *after} if before.get(name) != after.get(name) and name.startswith("public/")}


@pytest.mark.parametrize("form", NAMES)
def test_links_lead_to_every_item(site: Site, origin: Origin, form: str) -> None:
    _serve(site, origin, range(250))
    assert site.run("update").status == 0
    feed, *pages = documents(site, form)
    assert len(feed.ids) == 20
    assert (len(pages), max(len(page.ids) for page in pages)) == (3, 100)
    # No item is in two pages.
    assert len({one for page in pages for one in page.ids}) == sum(len(page.ids) for page in pages)
    assert history(site, form) == history(site, form, "all") == _ids(range(250))


def test_links_lead_from_newer_items_to_older_ones(site: Site, origin: Origin) -> None:
    _serve(site, origin, range(250))
    site.run("update")
    found = [int(one.rpartition("/")[2]) for page in documents(site, "rss")[1:] for one in page.ids]
    assert found == sorted(found, reverse=True)


@pytest.mark.parametrize("form", ["rss", "atom"])
def test_pages_say_what_they_are(site: Site, origin: Origin, form: str) -> None:
    _serve(site, origin, range(250))
    site.run("update")
    feed, *pages = documents(site, form)
    assert (feed.is_archive, feed.own, feed.current) == (False, feed.url, None)
    assert [(page.is_archive, page.own, page.current) for page in pages] == [
        (True, page.url, feed.url) for page in pages
    ]


def test_new_item_writes_at_most_two_documents_of_a_format(site: Site, origin: Origin) -> None:
    _serve(site, origin, range(150))
    site.run("update")
    for last in range(151, 175):
        before = site.stamps()
        _serve(site, origin, range(last - 30, last))
        site.run("update", "--all")
        written = _changed(before, site.stamps())
        for name in NAMES.values():
            for slug in ("news", "all"):
                ours = {one for one in written if one.startswith(f"public/{slug}/") and one.endswith(name)}
                assert f"public/{slug}/{name}" in ours
                assert len(ours) <= 2
    assert history(site, "atom") == _ids(range(174))


def test_late_item_with_an_old_date_is_in_the_archive_at_once(site: Site, origin: Origin) -> None:
    _serve(site, origin, range(100, 130))
    site.run("update")
    closed = {page.url: page.ids for page in documents(site, "json")[1:]}
    _serve(site, origin, range(5, 130))
    site.run("update", "--all")
    assert history(site, "json") == _ids(range(5, 130))
    # What was closed stays as it was.
    assert closed == {page.url: page.ids for page in documents(site, "json")[1:] if page.url in closed}


def test_changed_item_is_written_only_where_it_is(site: Site, origin: Origin) -> None:
    _serve(site, origin, range(250))
    site.run("update")
    before = site.stamps()
    (page,) = [one for one in documents(site, "atom") if "https://example.org/7" in one.ids]
    items = [item(7, title="Another title", pubDate=_date(7))]
    origin.route("/feed", rss(items))
    site.run("update", "--all")
    number = page.url.split("/")[-2]
    assert _changed(before, site.stamps()) == {
        f"public/{slug}/archive/{number}/{name}" for slug in ("news", "all") for name in NAMES.values()
    }
    assert b"Another title" in site.public()[page.url.removeprefix(BASE)]


def test_removed_items_leave_their_pages_only(site: Site, origin: Origin) -> None:
    _serve(site, origin, range(250))
    site.run("update")
    before = site.stamps()
    _serve(site, origin, range(250), retention={"count": 200})
    site.run("update", "--all")
    assert history(site, "rss") == history(site, "rss", "all") == _ids(range(50, 250))
    pages = {name.split("/")[3] for name in _changed(before, site.stamps()) if "/archive/" in name}
    assert len(pages) == 1


def test_source_that_moves_to_another_category_takes_its_history_along(site: Site, origin: Origin) -> None:
    _serve(site, origin, range(150), categories={"news": "News", "other": "Other"})
    site.run("update")
    source = {"id": "one", "feed": origin.url + "/feed", "category": "other"}
    site.configure(source, feeds={"limit": 20}, categories={"news": "News", "other": "Other"})
    site.run("update")
    assert history(site, "atom") == set()
    assert history(site, "atom", "other") == history(site, "atom", "all") == _ids(range(150))


def test_source_that_is_no_longer_configured_leaves_the_archives_and_comes_back(site: Site, origin: Origin) -> None:
    _serve(site, origin, range(150))
    site.run("update")
    site.configure({"id": "two", "feed": origin.route("/two", rss([item(1000)]))}, feeds={"limit": 20})
    site.run("update")
    assert history(site, "json") == history(site, "json", "all") == _ids(range(1000, 1001))
    _serve(site, origin, range(150))
    site.run("update", "--all")
    assert history(site, "json") == history(site, "json", "all") == _ids(range(150))


def test_new_name_of_a_source_reaches_the_archives(site: Site, origin: Origin) -> None:
    _serve(site, origin, range(150))
    site.run("update")
    site.configure({"id": "one", "name": "New name", "feed": origin.url + "/feed"}, feeds={"limit": 20})
    site.run("update")
    for page in documents(site, "atom"):
        data = site.public()[page.url.removeprefix(BASE)]
        assert data.count(b"<title>New name</title>") == len(page.ids)


def test_archives_can_be_switched_off_and_on(site: Site, origin: Origin) -> None:
    _serve(site, origin, range(150))
    site.run("update")
    before = site.public()
    _serve(site, origin, range(150), {"archive": False})
    site.run("update")
    assert not [name for name in site.public() if "archive" in name]
    assert documents(site, "rss")[0].previous is None
    _serve(site, origin, range(150))
    site.run("update")
    assert site.public() == before


def test_format_that_is_no_longer_written_leaves_no_files(site: Site, origin: Origin) -> None:
    _serve(site, origin, range(150))
    site.run("update")
    _serve(site, origin, range(150), {"formats": ["atom"]})
    site.run("update")
    assert {name.rpartition("/")[2] for name in site.public() if name.startswith("news/")} == {"atom.xml"}
    assert history(site, "atom") == _ids(range(150))


def test_category_that_is_no_longer_configured_leaves_no_archive(site: Site, origin: Origin) -> None:
    categories = {"news": "News", "old": "Old"}
    source = {"id": "one", "feed": origin.route("/feed", rss([item(n) for n in range(50)])), "category": "old"}
    site.configure(source, feeds={"limit": 20}, categories=categories)
    site.run("update")
    assert any(name.startswith("old/archive/") for name in site.public())
    site.configure({**source, "category": "news"}, feeds={"limit": 20})
    site.run("update")
    assert not [name for name in site.public() if name.startswith("old/")]
    assert history(site, "atom") == _ids(range(50))


def test_page_that_cannot_be_written_is_reported_and_written_later(site: Site, origin: Origin) -> None:
    obstacle = site.data / "public" / "news" / "archive"
    obstacle.parent.mkdir(parents=True)
    obstacle.write_text("a file in the place of the folder")
    _serve(site, origin, range(150))
    done = site.run("update")
    assert done.status == 4
    assert "public/news/archive/1/atom.xml" in done.stderr
    # Everything else is there.
    assert history(site, "atom", "all") == _ids(range(150))
    obstacle.unlink()
    assert site.run("update").status == 0
    assert history(site, "atom") == _ids(range(150))


def test_publish_restores_archives(site: Site, origin: Origin) -> None:
    _serve(site, origin, range(150))
    site.run("update")
    before = site.public()
    for name in ("news/archive/1/atom.xml", "all/archive/1/feed.json"):
        (site.data / "public" / name).unlink()
    assert site.run("publish").status == 0
    assert site.public() == before


def test_second_run_writes_nothing(site: Site, origin: Origin) -> None:
    _serve(site, origin, range(150))
    site.run("update")
    before = site.stamps()
    site.run("update", "--all")
    site.run("publish")
    assert site.stamps() == before


def test_closed_page_gets_no_item_in_the_place_of_a_removed_one(site: Site, origin: Origin) -> None:
    _serve(site, origin, range(1, 30))
    site.run("update")
    # The item that comes last is the oldest, so that all items are in a page.
    _serve(site, origin, range(30))
    site.run("update", "--all")
    _serve(site, origin, range(30), retention={"count": 29})
    site.run("update")
    (page, *_) = documents(site, "json")[1:]
    _serve(site, origin, range(31), retention={"count": 30})
    site.run("update", "--all")
    assert history(site, "json") == history(site, "json", "all") == _ids(range(1, 31))
    assert Document(site, page.url).ids == page.ids


def test_pages_of_a_purged_source_get_no_items_of_another(site: Site, origin: Origin) -> None:
    _serve(site, origin, range(150))
    site.run("update")
    pages = {page.url for page in documents(site, "atom")[1:]}
    assert site.run("remove", "one", "--purge", "--yes").status == 0
    assert history(site, "atom") == set()
    site.configure({"id": "two", "feed": origin.route("/two", rss([item(n) for n in range(30)]))}, feeds={"limit": 20})
    site.run("update")
    assert history(site, "atom") == history(site, "atom", "all") == _ids(range(30))
    assert not any(page.ids for page in documents(site, "atom") if page.url in pages)


def test_archive_with_missing_rows_is_made_again(site: Site, origin: Origin) -> None:
    _serve(site, origin, range(150), {"limit": 1})
    site.run("update")
    with closing(sqlite3.connect(site.data / "aggregator.db")) as database, database:
        database.execute("DELETE FROM archives WHERE output = 'news' AND number = 1")
        database.execute("INSERT INTO stale_archives (output, number) VALUES ('news', 5), ('nothing', 1)")
    _serve(site, origin, range(152), {"limit": 1})
    assert site.run("update", "--all").status == 0
    assert history(site, "json") == history(site, "json", "all") == _ids(range(152))
