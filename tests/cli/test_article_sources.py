"""Sources without a feed through the commands, pages read in their own process."""

from __future__ import annotations

import pytest

from tests.origin import Origin
from tests.support import Site

pytestmark = pytest.mark.usefixtures("workers_inside")

TEXT = "<p>" + "A sentence of the article. " * 20 + "</p>"


def test_articles_and_sitemaps_through_update(site: Site, origin: Origin) -> None:
    for path in ("/a", "/b"):
        head = '<meta property="article:published_time" content="2026-01-02T10:00:00Z">'
        page = f"<html><head>{head}</head><body><article><h1>Title of {path[1:]}</h1>{TEXT}</article></body></html>"
        origin.route(path, page, content_type="text/html", conditional=True)
    listed = '<div class="card"><a href="/a">Title of a</a></div>'
    scrape = {"url": origin.route("/list", listed, content_type="text/html", conditional=True), "items": ".card"}
    urls = f"<urlset><url><loc>{origin.url}/b</loc><lastmod>2026-01-02</lastmod></url></urlset>"
    sitemap = origin.route("/sitemap.xml", urls, conditional=True)
    site.configure({"id": "list", "scrape": {**scrape, "article": True}}, {"id": "map", "sitemap": sitemap})
    done = site.run("update")
    assert done.status == 0, done.stderr
    assert sorted(site.posts()) == ["news/Title-of-a.md", "news/Title-of-b.md"]
    assert b"Fri, 02 Jan 2026 10:00:00 GMT" in site.posts()["news/Title-of-a.md"]
    before, asked = site.stamps(), len(origin.pages())
    assert site.run("update", "--all").status == 0
    assert (site.stamps(), len(origin.pages())) == (before, asked + 2)


def test_a_page_without_its_article_is_kept_for_a_look(site: Site, origin: Origin) -> None:
    origin.route("/a", "<html><body><p>Redesigned</p></body></html>", content_type="text/html")
    listed = origin.route("/list", '<a class="x" href="/a">A</a>', content_type="text/html")
    site.configure({"id": "list", "scrape": {"url": listed, "items": "a.x", "article": {"body": "#text"}}})
    done = site.run("update")
    assert done.status == 1
    assert (
        "the one new article could not be read: nothing on the article page matches `#text`"
        in done.stdout + done.stderr
    )
    assert b"Redesigned" in (site.data / "pages" / "list.http").read_bytes()


def test_a_feed_address_that_is_a_sitemap_says_so(site: Site, origin: Origin) -> None:
    site.configure({"id": "one", "feed": origin.route("/sitemap.xml", "<urlset></urlset>")})
    site.run("update")
    assert "this is a sitemap, not a feed; write `sitemap` in place of `feed`" in (site.status()["one"]["error"] or "")
