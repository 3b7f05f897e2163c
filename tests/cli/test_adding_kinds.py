"""`aggregator add` of other sources than feeds, and where nothing is found or something stands in the way."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.adding import add, feed, page, serve_blog, text_of, works, write
from tests.origin import Origin, Response
from tests.support import Site, command, read_tree

pytestmark = pytest.mark.usefixtures("workers_inside")


@pytest.fixture
def blog(origin: Origin) -> Origin:
    """A blog with three feeds, one of them of comments."""
    return serve_blog(origin)


# -- where nothing is found, and what stands in the way ---------------------------------------------------------------


def test_nothing_found_says_what_was_tried(site: Site, origin: Origin) -> None:
    before = write(site)
    origin.route("/", page("P", ("/gone", "Feed")), content_type="text/html")
    done = add(site, f"{origin.url}/", "--yes")
    assert (done.status, text_of(site)) == (1, before)
    assert done.stdout.splitlines()[0] == f"Nothing was found at {origin.url}/. Tried:"
    assert f"{origin.url}/gone" in done.stdout
    assert "the page names it: the server answered 404 Not Found" in done.stdout
    assert "usual addresses of feeds: there is no feed" in done.stdout
    assert done.stdout.endswith(f"{site.config} was not changed.\n")
    assert json.loads(add(site, f"{origin.url}/", "--json").stdout)["misses"][0]["found"] == "the page names it"


def test_a_usual_address_is_tried_where_the_page_names_no_feed(site: Site, origin: Origin) -> None:
    write(site)
    origin.route("/", page("P"), content_type="text/html")
    origin.route("/atom.xml", feed("Blog", 1))
    assert add(site, f"{origin.url}/", "--yes").status == 0
    assert text_of(site).endswith(f"    feed: {origin.url}/atom.xml\n")


def test_a_link_may_lead_to_a_page_of_feeds(site: Site, origin: Origin) -> None:
    write(site)
    origin.route("/", page("P", body='<a href="/flux-rss">Flux RSS</a>'), content_type="text/html")
    feeds = '<a href="/syndication/1">Communiqués (RSS)</a> <a href="/syndication/2">Avis (RSS)</a>'
    origin.route("/flux-rss", page("Nos flux", body=feeds), content_type="text/html")
    origin.route("/syndication/1", feed("Blog", 1))
    origin.route("/syndication/2", feed("Avis", 2))
    done = add(site, f"{origin.url}/")
    assert done.stdout.count("a page of feeds names it") == 2
    assert add(site, f"{origin.url}/", "--yes").status == 0
    assert text_of(site).endswith(f"    feed: {origin.url}/syndication/1\n")


def test_a_page_of_feeds_is_left_alone_where_robots_are_told_so(site: Site, origin: Origin) -> None:
    write(site)
    origin.route("/robots.txt", "User-agent: *\nDisallow: /flux\n", content_type="text/plain")
    origin.route("/", page("P", body='<a href="/flux">Flux RSS</a>'), content_type="text/html")
    origin.route("/flux", page("Nos flux", ("/1", "Avis")), content_type="text/html")
    origin.route("/1", feed("Avis", 1))
    assert add(site, f"{origin.url}/", "--yes").status == 1


@pytest.mark.parametrize(
    ("head", "followed"),
    [
        ("<meta http-equiv=Refresh content=\"0; URL='/cgi/home?a=1&amp;b=2'\">", True),
        ('<META content="1;url=/cgi/home?a=1&b=2" http-equiv="refresh" />', True),
        ('<noscript><meta http-equiv="refresh" content="0;url=/cgi/home?a=1&b=2"></noscript>', False),
        ('<meta http-equiv="refresh" content="300;url=/cgi/home?a=1&b=2">', False),
        ('<meta http-equiv="refresh" content="0;url=/">', False),
        ('<meta http-equiv="refresh" content="0;url=javascript:alert(1)">', False),
    ],
)
def test_a_page_may_send_browsers_on(site: Site, origin: Origin, head: str, followed: bool) -> None:
    write(site)
    origin.route("/", f"<html><head>{head}<title>Wait</title></head></html>", content_type="text/html")
    origin.route("/cgi/home?a=1&b=2", page("P", ("out", "All")), content_type="text/html")
    origin.route("/cgi/out", feed("Blog", 1))
    assert add(site, f"{origin.url}/", "--yes").status == (0 if followed else 1)
    assert text_of(site).endswith(f"    feed: {origin.url}/cgi/out\n") == followed


def test_a_large_page_or_sitemap_is_no_feed(site: Site, origin: Origin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aggregator.parse.PLAIN_LIMIT", 100)
    write(site)
    origin.route("/", page("P", ("/all", "All")), content_type="text/html")
    origin.route("/all", feed("Blog", 1))
    assert "the page names it; 1 item" in add(site, f"{origin.url}/").stdout
    assert "the address is a feed; 1 item" in add(site, f"{origin.url}/all").stdout
    text = f"<article><p>{'Words. ' * 50}</p></article>"
    origin.route("/a", page("A", body=text), content_type="text/html")
    place = f"<url><loc>{origin.url}/a</loc><lastmod>2026-01-02</lastmod></url>"
    origin.route("/map", f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{place}</urlset>')
    assert "the address is a sitemap; 1 item" in add(site, f"{origin.url}/map").stdout


def test_the_feed_of_the_site_is_shown_where_a_wall_is_before_the_page(site: Site, origin: Origin) -> None:
    write(site)
    wall = "<title>Just a moment...</title><script>window._cf_chl_opt={}</script>"
    origin.route("/", wall, status=403, content_type="text/html", headers={"cf-mitigated": "challenge"})
    done = add(site, f"{origin.url}/")
    assert done.status == 1
    assert re.search(r"the address: Cloudflare stands before the site .*403.*a token", done.stdout)
    origin.route("/feed", feed("Blog", 1))
    done = add(site, f"{origin.url}/")
    assert re.match(r"note +Cloudflare stands before the site .*\nThere is:\n1  feed        Blog\n", done.stdout)


def test_a_feed_behind_a_wall_names_the_wall(site: Site, origin: Origin) -> None:
    before = write(site)
    origin.route(
        "/feed", "<title>Attention</title>", status=403, content_type="text/html", headers={"cf-mitigated": "challenge"}
    )
    done = add(site, f"{origin.url}/feed", "--yes")
    assert (done.status, text_of(site)) == (1, before)
    assert "Cloudflare" in done.stdout


def test_a_private_address_is_not_reached_and_the_message_says_what_to_do(site: Site, blog: Origin) -> None:
    site.config.write_text("sources: []\n", encoding="utf-8")
    done = add(site, f"{blog.url}/feed", "--yes")
    assert (done.status, blog.requests, text_of(site)) == (1, [], "sources: []\n")
    assert (
        "127.0.0.1 is not a public address; to fetch from there, list its network in allow_private_addresses"
        in done.stdout
    )


def test_robots_are_obeyed_for_pages_and_feeds_are_read(site: Site, blog: Origin) -> None:
    before = write(site)
    blog.route("/robots.txt", "User-agent: *\nDisallow: /\n", content_type="text/plain")
    done = add(site, f"{blog.url}/page", "--yes")
    assert "robots.txt asks programs to leave this page alone" in done.stdout
    write(site)
    assert add(site, f"{blog.url}/cats", "--yes").status == 0
    assert text_of(site).endswith(f"    feed: {blog.url}/cats\n")
    assert before != text_of(site)


def test_an_unreachable_host_is_asked_once(site: Site) -> None:
    before = write(site)
    done = add(site, "http://127.0.0.1:1/feed")
    assert (done.status, text_of(site)) == (1, before)
    assert "nothing listens on port 1 of 127.0.0.1" in done.stdout
    assert len(done.stdout.splitlines()) == 3


def test_an_address_without_a_scheme_is_asked_by_http_where_https_does_not_answer(site: Site, blog: Origin) -> None:
    write(site)
    assert add(site, f"127.0.0.1:{blog.port}/feed", "--yes").status == 0
    assert text_of(site).endswith(f"    feed: {blog.url}/feed\n")


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("ftp://example.org/", "must begin with `https://`"),
        ("https:///feed", "has no host"),
        ("not an address", "must be an address without spaces"),
        ("/ofweek/news", "names no instances; add `rsshub: {instances:"),
        ("rsshub://ofweek/news", "names no instances"),
    ],
)
def test_what_is_no_address_is_a_usage_error(site: Site, address: str, why: str) -> None:
    before = write(site)
    done = add(site, address)
    assert (done.status, done.stdout, text_of(site)) == (2, "", before)
    assert why in done.stderr


def test_without_a_file_init_is_named(site: Site) -> None:
    done = add(site, "https://example.org/")
    assert done.status == 2
    assert "there is no such file; `aggregator init` writes one" in done.stderr
    assert not site.config.exists()


def test_a_file_with_mistakes_is_left_alone(site: Site) -> None:
    before = write(site, "sources: []\nfetsh: {}\n")
    done = add(site, "https://example.org/")
    assert (done.status, text_of(site)) == (2, before)
    assert "fetsh" in done.stderr


@pytest.mark.parametrize("rest", ["", "sources:\n", "sources:\n  # none yet\n"])
def test_a_file_without_sources_gets_its_first_one(site: Site, blog: Origin, rest: str) -> None:
    before = write(site, rest)
    assert add(site, f"{blog.url}/feed", "--yes").status == 0
    assert text_of(site).startswith(before)
    assert list(works(site)) == ["the-blog"]


def test_a_file_that_changed_meanwhile_is_left_alone(site: Site, origin: Origin) -> None:
    write(site)

    def answer(seen: Any) -> Response:
        site.config.write_text("sources: []\n# edited\n", encoding="utf-8")
        return Response(feed("Blog", 1).encode(), 200, {"Content-Type": "application/xml"})

    origin.handle("/feed", answer)
    done = add(site, f"{origin.url}/feed", "--yes")
    assert done.status == 4
    assert "was changed in the meantime" in done.stderr
    assert text_of(site) == "sources: []\n# edited\n"


# -- other kinds -------------------------------------------------------------------------------------------------------


def test_a_sitemap_is_a_source(site: Site, origin: Origin) -> None:
    write(site)
    article = "<html><head><title>Article {n}</title></head><body><article><p>{text}</p></article></body></html>"
    for n in (1, 2):
        origin.route(f"/a/{n}", article.format(n=n, text="Words. " * 50), content_type="text/html")
    urls = "".join(f"<url><loc>{origin.url}/a/{n}</loc><lastmod>2026-01-0{n}</lastmod></url>" for n in (1, 2))
    origin.route("/map.xml", f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{urls}</urlset>')
    done = add(site, f"{origin.url}/map.xml", "--yes")
    assert done.status == 0
    assert "the address is a sitemap; 2 items" in done.stdout
    assert text_of(site).endswith(f"  - sitemap: {origin.url}/map.xml\n")
    assert [row["entries"] for row in works(site).values()] == [2]


def test_a_list_in_gbk_is_read_by_selectors_and_the_feed_of_the_whole_site_comes_after(
    site: Site, origin: Origin
) -> None:
    write(site)
    origin.route("/feed", feed("All", 1))
    article = (
        "<html><head><meta charset=gbk><title>{0}</title></head><body><h1>{0}</h1><article>{1}</article></body></html>"
    )
    rows = ""
    for n in range(1, 9):
        title = f"新闻标题第{n}号：这是一个很长的题目"
        body = article.format(title, f"<p>{'正文内容。' * 40}</p>").encode("gbk")
        origin.route(f"/news/2026/{n}.html", body, content_type="text/html")
        link = f'<h3><a href="/news/2026/{n}.html">{title}</a></h3>'
        rows += f'<li class="row">{link}<span class="at">2026-01-0{n}</span></li>'
    listed = f"<html><head><meta charset=gbk><title>新闻</title></head><body><ul>{rows}</ul></body></html>"
    origin.route("/news/", listed.encode("gbk"), content_type="text/html")
    done = add(site, f"{origin.url}/news/")
    assert re.match(r"1  scrape      新闻\n +\{url: .*items: .*\n +a list on the page; 8 items\n", done.stdout)
    assert f"2  feed        All\n               {origin.url}/feed\n" in done.stdout
    assert add(site, f"{origin.url}/news/", "--yes").status == 0
    assert f"  - name: 新闻\n    scrape:\n      url: {origin.url}/news/\n      items: " in text_of(site)
    assert [row["entries"] for row in works(site).values()] == [8]
    (post, *_) = (text.decode() for name, text in site.posts().items() if "1" in name)
    assert "正文内容" in post


@pytest.mark.processes
def test_an_answer_of_an_api_is_read_by_paths(site: Site, origin: Origin) -> None:
    write(site)
    rows = [
        {"name": f"Entry number {n} of this list", "url": f"https://example.org/x/{n}", "at": f"2026-01-0{n}"}
        for n in range(1, 9)
    ]
    origin.route("/api", json.dumps({"data": {"list": rows}}), content_type="application/json")
    origin.route("/feed", feed("All", 1))
    done = add(site, f"{origin.url}/api", "--yes")
    assert done.status == 0
    assert "a list in the data; 8 items" in done.stdout
    settings = "items: $.data.list[*]\n      title: name\n      link: url\n      date: at\n"
    assert text_of(site).endswith(f"  - json:\n      url: {origin.url}/api\n      {settings}")
    assert [row["entries"] for row in works(site).values()] == [8]


@pytest.mark.parametrize("address", ["/ofweek/news", "rsshub://ofweek/news"])
def test_a_route_of_rsshub_is_a_source_where_instances_are_configured(site: Site, origin: Origin, address: str) -> None:
    write(site, f"rsshub: {{instances: [{origin.url}/hub]}}\nsources: []\n")
    origin.route("/hub/ofweek/news", feed("OFweek", 1, 2))
    done = add(site, address, "--yes")
    assert done.status == 0
    assert "1  rsshub      OFweek\n               rsshub://ofweek/news\n" in done.stdout
    assert [row["entries"] for row in works(site).values()] == [2]
    again = add(site, address, "--yes")
    assert (again.status, "is there already: rsshub://ofweek/news" in again.stdout) == (0, True)
    missing = add(site, "/ofweek/other")
    assert missing.status == 1
    assert "a route of RSSHub: " in missing.stdout
    assert "404" in missing.stdout


def test_a_list_of_subscriptions_is_imported(site: Site) -> None:
    write(site)
    outline = '<outline text="{0}" type="rss" xmlUrl="https://{0}.example/feed"/>'
    body = f'<outline text="News">{outline.format("a")}</outline>{outline.format("b")}'
    (site.folder / "mine.opml").write_text(f'<opml version="2.0"><body>{body}</body></opml>', encoding="utf-8")
    done = command("add", str(site.folder / "mine.opml"), "--config", str(site.config))
    assert done.status == 0
    assert "Added 2 sources in 1 new category" in done.stdout
    assert "    category: news\n    feed: https://a.example/feed\n" in text_of(site)
    assert add(site, str(site.folder / "mine.opml"), "--name", "x").status == 2


def test_a_list_of_subscriptions_at_an_address_is_named(site: Site, origin: Origin) -> None:
    before = write(site)
    origin.route("/list", '<opml version="2.0"><body><outline text="a" xmlUrl="https://a.example/"/></body></opml>')
    done = add(site, f"{origin.url}/list", "--yes")
    assert (done.status, text_of(site)) == (1, before)
    assert f"this is a list of subscriptions: aggregator opml import {origin.url}/list" in done.stdout


def test_nothing_in_the_data_folder_changes(site: Site, blog: Origin) -> None:
    write(site, f"sources:\n- feed: {blog.url}/cats\n")
    assert site.run("update").status == 0
    before = read_tree(site.data)
    assert add(site, f"{blog.url}/feed", "--yes").status == 0
    assert read_tree(site.data) == before


def test_tries_are_bounded_in_number_and_time(site: Site, origin: Origin, monkeypatch: pytest.MonkeyPatch) -> None:
    write(site)
    feeds = [(f"/feed/{n}", f"Feed {n}") for n in range(50)]
    for n, (path, title) in enumerate(feeds):
        origin.route(path, feed(title, n + 1))
    origin.route("/", page("P", *feeds), content_type="text/html")
    done = add(site, f"{origin.url}/")
    assert len(origin.pages()) == 13
    assert done.stdout.count("the page names it") == 12
    assert re.search(r"\n\d+ more candidates not tried; add one by its own address\.\n\Z", done.stdout)
    monkeypatch.setattr("aggregator.discover.search.SECONDS", 0)
    assert "Nothing was found" in add(site, f"{origin.url}/").stdout
