"""Sitemaps through whole cycles: found, read, asked conditionally, and their pages read once."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from aggregator.pipeline import engine
from aggregator.store import Store, open_store
from tests.newsroom import Newsroom, ThreadWorker
from tests.origin import Origin
from tests.support import Site
from tests.worlds import World

TEXT = "<p>" + "It is long enough to be an article of its own. " * 8 + "</p>"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(tmp_path / "x.db")) as store:
        yield store


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read pages in this process: there are many cycles, and each would start another one."""
    monkeypatch.setattr(engine, "Worker", ThreadWorker)


class Mapped(Newsroom):
    """A site with sitemaps, and articles that say what they are."""

    def page(self, path: str, title: str, day: str = "2024-01-02", text: str = TEXT) -> None:
        head = f'<title>{title} - My Site</title><meta property="og:site_name" content="My Site">'
        head += f'<meta property="article:published_time" content="{day}T10:00:00Z">'
        body = f"<nav>Menu</nav><article><h1>{title}</h1>{text}</article><footer>Foot</footer>"
        html = f"<html><head>{head}</head><body>{body}</body></html>"
        self.origin.route(path, html, content_type="text/html", conditional=True)

    def urls(self, path: str, pages: dict[str, str], **options: Any) -> str:
        """Serve a sitemap of pages with their dates."""
        listed = "".join(self._entry("url", page, date) for page, date in pages.items())
        return self.serve(path, f"<urlset>{listed}</urlset>", **options)

    def index(self, path: str, children: dict[str, str], **options: Any) -> str:
        """Serve an index of sitemaps with their dates."""
        listed = "".join(self._entry("sitemap", child, date) for child, date in children.items())
        return self.serve(path, f"<sitemapindex>{listed}</sitemapindex>", **options)

    def serve(self, path: str, body: bytes | str, *, conditional: bool = True, **options: Any) -> str:
        return self.origin.route(path, body, conditional=conditional, **options)

    def _entry(self, name: str, path: str, date: str) -> str:
        said = f"<lastmod>{date}</lastmod>" if date else ""
        return f"<{name}><loc>{self.origin.url}{path}</loc>{said}</{name}>"


def mapped(site: Site, store: Store, origin: Origin, sitemap: object) -> Mapped:
    return Mapped(origin, World(site, store, {"one": {"sitemap": sitemap}}))


async def test_new_pages_become_entries_and_a_second_cycle_asks_for_the_sitemap_alone(
    site: Site, store: Store, origin: Origin
) -> None:
    room = mapped(site, store, origin, f"{origin.url}/sitemap.xml")
    room.page("/a", "First", "2024-01-01")
    room.page("/b", "Second", "2024-01-02")
    room.urls("/sitemap.xml", {"/": "2024-01-03", "/a": "2024-01-01", "/b": "2024-01-02"})
    result = await room.cycle()
    assert (result.new, result.notes, result.state.title) == (2, (), "My Site")
    entry = room.entries()["/a"]
    assert (entry.title, entry.html.startswith("<p>It is long"), entry.dated) == ("First", True, True)
    assert f"{entry.published_at:%Y-%m-%d %H:%M}" == "2024-01-01 10:00"
    assert (await room.cycle()).new == 0
    assert (room.asked("/sitemap.xml"), room.asked("/a"), room.asked("/b")) == ([200, 304], [200], [200])


async def test_a_new_lastmod_reads_the_page_again(site: Site, store: Store, origin: Origin) -> None:
    room = mapped(site, store, origin, f"{origin.url}/sitemap.xml")
    for path in ("/a", "/b"):
        room.page(path, path)
    room.urls("/sitemap.xml", {"/a": "2024-01-01", "/b": "2024-01-02"})
    await room.cycle()
    room.urls("/sitemap.xml", {"/a": "2024-01-05", "/b": "2024-01-02"})
    room.page("/a", "Corrected")
    result = await room.cycle()
    assert (result.new, result.changed, room.entries()["/a"].title) == (0, 1, "Corrected")
    # A build that dates all pages anew costs a conditional request for each, three times.
    for day in range(6, 16):
        room.urls("/sitemap.xml", {"/a": f"2024-01-{day:02d}", "/b": f"2024-01-{day:02d}"})
        await room.cycle()
    assert (room.asked("/a"), room.asked("/b")) == ([200, 200, 304, 304, 304], [200, 304, 304, 304])


async def test_the_home_page_leads_to_the_sitemaps_of_robots_txt(site: Site, store: Store, origin: Origin) -> None:
    room = mapped(site, store, origin, f"{origin.url}/")
    lines = f"User-agent: *\nDisallow: /admin\nSitemap: {origin.url}/images.xml\nSitemap: {origin.url}/news.xml\n"
    origin.route("/robots.txt", lines, content_type="text/plain")
    room.page("/a", "First")
    room.page("/b", "Second")
    room.urls("/news.xml", {"/a": "2024-01-01"})
    room.urls("/images.xml", {"/b": "2024-01-02"})
    assert (await room.cycle()).new == 2
    robots = len(origin.asked("/robots.txt"))
    assert (await room.cycle()).new == 0
    assert (room.asked("/news.xml"), room.asked("/images.xml")) == ([200, 304], [200, 304])
    # Only the fetcher has asked for it again.
    assert len(origin.asked("/robots.txt")) == robots + 1
    room.page("/c", "Third")
    room.urls("/images.xml", {"/b": "2024-01-02", "/c": "2024-01-03"})
    assert (await room.cycle()).new == 1
    assert (room.asked("/news.xml"), room.asked("/images.xml")) == ([200, 304, 304, 200], [200, 304, 200, 200])


@pytest.mark.parametrize("place", ["/sitemap.xml", "/sitemap_index.xml", "/wp-sitemap.xml"])
async def test_without_robots_txt_the_usual_places_are_tried(
    site: Site, store: Store, origin: Origin, place: str
) -> None:
    room = mapped(site, store, origin, {"url": origin.url})
    room.page("/a", "First")
    # Many sites answer with a page where there is nothing.
    origin.route("/sitemap.xml", "<!doctype html><html><p>Not found</p></html>", content_type="text/html")
    room.urls(place, {"/a": "2024-01-01"})
    assert (await room.cycle()).new == 1


async def test_a_sitemap_that_has_moved_is_found_again(site: Site, store: Store, origin: Origin) -> None:
    room = mapped(site, store, origin, f"{origin.url}/")
    room.page("/a", "First")
    room.urls("/sitemap.xml", {"/a": "2024-01-01"})
    await room.cycle()
    origin.route("/sitemap.xml", "gone", status=404)
    origin.route("/robots.txt", f"Sitemap: {origin.url}/new.xml", content_type="text/plain")
    room.page("/b", "Second")
    room.urls("/new.xml", {"/b": "2024-01-02", "/a": "2024-01-01"})
    assert (await room.cycle()).new == 1


async def test_a_redirect_of_a_sitemap_that_was_found_is_no_move_of_the_source(
    site: Site, store: Store, origin: Origin
) -> None:
    room = mapped(site, store, origin, f"{origin.url}/")
    room.page("/a", "First")
    origin.route("/sitemap.xml", status=301, headers={"Location": "/sitemaps/all.xml"})
    room.urls("/sitemaps/all.xml", {"/a": "2024-01-01"})
    assert (await room.cycle()).state.moved_to is None
    assert (await room.cycle()).state.moved_to is None
    assert room.asked("/sitemaps/all.xml") == [200, 304]
    # That of one that is configured is.
    origin.route("/b.xml", status=301, headers={"Location": "/sitemaps/all.xml"})
    other = mapped(site, store, origin, f"{origin.url}/b.xml")
    other.world.now = room.world.now
    assert (await other.cycle()).state.moved_to == f"{origin.url}/sitemaps/all.xml"


async def test_a_site_without_a_sitemap_says_what_to_do(site: Site, store: Store, origin: Origin) -> None:
    room = mapped(site, store, origin, f"{origin.url}/")
    result = await room.cycle()
    assert (result.failed, result.state.failure_kind) == (True, "http_status")
    assert "no sitemap was found: robots.txt names none; write the address of one" in (result.state.error or "")


async def test_an_index_with_dates_is_read_from_what_changed_last(site: Site, store: Store, origin: Origin) -> None:
    room = mapped(site, store, origin, {"url": f"{origin.url}/index.xml", "limit": 2})
    for path in ("/a", "/b", "/c", "/old"):
        room.page(path, path)
    room.index("/index.xml", {"/1.xml": "2020-01-01", "/3.xml": "2024-01-02", "/2.xml": "2024-01-03"})
    room.urls("/1.xml", {"/old": "2020-01-01"})
    room.urls("/2.xml", {"/a": "2024-01-03"})
    room.urls("/3.xml", {"/b": "2024-01-02", "/c": "2023-12-30"})
    assert (await room.cycle()).new == 2
    assert set(room.entries()) == {"/a", "/b"}
    assert room.asked("/1.xml") == []
    await room.cycle()
    assert (room.asked("/index.xml"), room.asked("/2.xml")) == ([200, 304], [200])
    room.page("/d", "/d")
    room.urls("/2.xml", {"/a": "2024-01-03", "/d": "2024-01-05"})
    room.index("/index.xml", {"/1.xml": "2020-01-01", "/3.xml": "2024-01-02", "/2.xml": "2024-01-05"})
    assert (await room.cycle()).new == 1
    # Two newer addresses are known, so that the others cannot have one of the newest two.
    assert (room.asked("/2.xml"), room.asked("/3.xml")) == ([200, 200], [200])


async def test_an_index_without_dates_is_not_believed_to_show_changes(site: Site, store: Store, origin: Origin) -> None:
    room = mapped(site, store, origin, f"{origin.url}/wp-sitemap.xml")
    room.page("/a", "/a")
    room.index("/wp-sitemap.xml", {"/wp-sitemap-posts-post-1.xml": "", "/wp-sitemap-users-1.xml": ""})
    room.urls("/wp-sitemap-posts-post-1.xml", {"/a": "2024-01-01"})
    room.urls("/wp-sitemap-users-1.xml", {}, conditional=False)
    assert (await room.cycle()).new == 1
    assert (await room.cycle()).new == 0
    assert room.asked("/wp-sitemap-posts-post-1.xml") == [200, 304]
    room.page("/b", "/b")
    room.urls("/wp-sitemap-posts-post-1.xml", {"/a": "2024-01-01", "/b": "2024-01-02"})
    assert (await room.cycle()).new == 1
    assert room.asked("/a") == [200]


async def test_a_sitemap_that_fails_costs_no_other_and_is_read_next_time(
    site: Site, store: Store, origin: Origin
) -> None:
    room = mapped(site, store, origin, f"{origin.url}/index.xml")
    room.page("/a", "/a")
    room.page("/b", "/b")
    room.index("/index.xml", {"/1.xml": "2024-01-01", "/2.xml": "2024-01-02"})
    room.urls("/1.xml", {"/a": "2024-01-01"})
    origin.route("/2.xml", "oops", status=503)
    result = await room.cycle()
    assert (result.new, result.failed) == (1, False)
    assert any(note.startswith("a sitemap could not be read") and "/2.xml" in note for note in result.notes)
    room.urls("/2.xml", {"/b": "2024-01-02"})
    result = await room.cycle()
    assert (result.new, result.notes) == (1, ())
    await room.cycle()
    assert room.asked("/index.xml") == [200, 200, 304]


async def test_an_index_of_nothing_but_failures_fails(site: Site, store: Store, origin: Origin) -> None:
    room = mapped(site, store, origin, f"{origin.url}/index.xml")
    room.index("/index.xml", {"/1.xml": "2024-01-01", "/index.xml": "2024-01-01"})
    result = await room.cycle()
    assert result.failed
    assert "no sitemap of the index could be read; the first: " in (result.state.error or "")


async def test_large_indexes_and_loops_are_bounded(site: Site, store: Store, origin: Origin) -> None:
    room = mapped(site, store, origin, {"url": f"{origin.url}/index.xml", "limit": 100})
    children = {f"/{number}.xml": f"2024-01-{number + 1:02d}" for number in range(20)}
    room.index("/index.xml", {"/index.xml": "2024-01-31", "/deep.xml": "2024-01-30", **children})
    room.index("/deep.xml", {"/index.xml": "2024-01-31", "/deeper.xml": "2024-01-30"})
    room.index("/deeper.xml", {"/deepest.xml": "2024-01-31"})
    room.urls("/deepest.xml", {})
    for number in range(20):
        room.page(f"/{number}", f"Page {number}")
        room.urls(f"/{number}.xml", {f"/{number}": "2024-01-01"})
    result = await room.cycle()
    assert (result.new, result.failed) == (5, False)
    assert any(note.startswith("16 further sitemaps of an index are not read") for note in result.notes)
    assert len([seen for seen in origin.pages() if seen.path.endswith(".xml")]) == 8


async def test_compressed_sitemaps_and_those_of_text(site: Site, store: Store, origin: Origin) -> None:
    room = mapped(site, store, origin, f"{origin.url}/index.xml")
    for path in ("/a", "/b"):
        room.page(path, path)
    room.index("/index.xml", {"/1.xml.gz": "", "/2.txt": ""})
    packed = gzip.compress(f"<urlset><url><loc>{origin.url}/a</loc></url></urlset>".encode())
    room.serve("/1.xml.gz", packed, content_type="application/x-gzip")
    room.serve("/2.txt", f"{origin.url}/b\n", content_type="text/plain")
    assert (await room.cycle()).new == 2


async def test_a_bomb_is_too_large(site: Site, store: Store, origin: Origin) -> None:
    room = Mapped(origin, World(site, store, {"one": {"sitemap": f"{origin.url}/s.xml.gz", "max_body": "1MB"}}))
    room.serve("/s.xml.gz", gzip.compress(b"<urlset>" + b" " * 2_000_000), content_type="application/gzip")
    result = await room.cycle()
    assert (result.failed, result.state.failure_kind) == (True, "too_large")


async def test_patterns_that_match_nothing_are_a_failure_with_the_sitemap_at_hand(
    site: Site, store: Store, origin: Origin
) -> None:
    room = mapped(site, store, origin, {"url": f"{origin.url}/s.xml", "include": ["/blog/*"]})
    room.urls("/s.xml", {"/a": "", "/b": ""})
    result = await room.cycle()
    assert (result.failed, result.state.failure_kind) == (True, "nothing_matched")
    assert "0 of 2 addresses matched `include` and `exclude` (sitemap)" in (result.state.error or "")


async def test_a_list_of_news_may_be_empty(site: Site, store: Store, origin: Origin) -> None:
    room = mapped(site, store, origin, {"url": f"{origin.url}/s.xml", "include": ["/sport/*"]})
    news = f"<url><loc>{origin.url}/a</loc><news:news><news:title>A</news:title></news:news></url>"
    room.serve("/s.xml", f'<urlset xmlns:news="urn:n">{news}</urlset>')
    assert not (await room.cycle()).failed
    room.serve("/s.xml", "<urlset></urlset>")
    assert not (await room.cycle()).failed


async def test_addresses_of_other_sites_only_are_a_failure(site: Site, store: Store, origin: Origin) -> None:
    room = mapped(site, store, origin, f"{origin.url}/s.xml")
    room.serve("/s.xml", "<urlset><url><loc>https://other.example/x</loc></url></urlset>")
    assert "the sitemap has only addresses of other sites (1)" in ((await room.cycle()).state.error or "")


async def test_the_titles_of_a_list_of_news_are_taken(site: Site, store: Store, origin: Origin) -> None:
    room = mapped(site, store, origin, f"{origin.url}/news.xml")
    room.page("/a", "Title of the page")
    news = "<n:title>Title of the list</n:title><n:publication_date>2024-01-09T08:30:00Z</n:publication_date>"
    listed = f"<url><loc>{origin.url}/a</loc><n:news>{news}</n:news></url>"
    room.serve("/news.xml", f'<urlset xmlns:n="urn:n">{listed.replace("n:news", "news:news")}</urlset>')
    await room.cycle()
    entry = room.entries()["/a"]
    assert (entry.title, f"{entry.published_at:%m-%d %H:%M}") == ("Title of the list", "01-09 08:30")


async def test_what_was_remembered_of_other_rules_is_not_used(site: Site, store: Store, origin: Origin) -> None:
    room = mapped(site, store, origin, f"{origin.url}/s.xml")
    for path in ("/a", "/b"):
        room.page(path, path)
    room.urls("/s.xml", {"/a": "2024-01-02", "/b": "2024-01-01"})
    await room.cycle()
    later = mapped(site, store, origin, {"url": f"{origin.url}/s.xml", "article": {"remove": ["p"]}})
    later.world.now = room.world.now
    # Nothing is left of the articles.
    assert (await later.cycle()).failed
    assert room.asked("/s.xml") == [200, 200]
