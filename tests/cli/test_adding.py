"""`aggregator add`, `move` and `rename`: what an address offers, and what of it is written into feeds.yaml."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.origin import Origin, Response
from tests.support import Done, Site, command, item, read_tree, rss

HEAD = "# mine\nfetch: {allow_private_addresses: [127.0.0.0/8]}  # tests\n"


def page(title: str, *feeds: tuple[str, str], body: str = "") -> str:
    links = "".join(
        f'<link rel="alternate" type="application/rss+xml" title="{name}" href="{url}">' for url, name in feeds
    )
    return f"<!doctype html><html><head><title>{title}</title>{links}</head><body>{body}</body></html>"


def feed(title: str, *numbers: int) -> str:
    return rss(
        [item(number, link=f"https://example.org/{title[0]}/{number}", guid=f"{title}{number}") for number in numbers],
        title,
    )


@pytest.fixture
def blog(origin: Origin) -> Origin:
    """A blog with three feeds, one of them of comments, and a news page of another address."""
    origin.route(
        "/",
        page("The Blog", ("/feed", "All"), ("/cats", "Cats"), ("/comments", "Comments on all")),
        content_type="text/html",
    )
    origin.route("/feed", feed("The Blog", 1, 2, 3, 4))
    origin.route("/cats", feed("Cats", 11))
    origin.route("/comments", feed("Words on it", 21, 22))
    return origin


def write(site: Site, rest: str = "sources: []\n") -> str:
    """Write feeds.yaml, and return its text."""
    site.config.write_bytes((HEAD + rest).encode())
    return HEAD + rest


def text_of(site: Site) -> str:
    return site.config.read_bytes().decode()


def add(site: Site, *arguments: str) -> Done:
    return site.run("add", *arguments)


def works(site: Site) -> dict[str, dict[str, Any]]:
    """Check and update the site; returns the status of its sources."""
    assert command("check", "--config", str(site.config)).status == 0
    assert site.run("update").status == 0
    return site.status()


# -- what is shown and added -------------------------------------------------------------------------------------------


def test_in_a_pipe_a_page_shows_its_feeds_and_nothing_is_written(site: Site, blog: Origin) -> None:
    before = write(site)
    done = add(site, f"{blog.url}/")
    assert done.status == 1
    assert done.stdout.splitlines() == [
        "1  feed        The Blog",
        f"               {blog.url}/feed",
        "               the page names it; 4 items",
        "   2026-01-05  Item 4",
        "   2026-01-04  Item 3",
        "   2026-01-03  Item 2",
        "2  feed        Cats",
        f"               {blog.url}/cats",
        "               the page names it; 1 item",
        "   2026-01-12  Item 11",
        "3  feed        Words on it",
        f"               {blog.url}/comments",
        "               the page names it; it has comments; 2 items",
        "   2026-01-23  Item 22",
        "   2026-01-22  Item 21",
    ]
    assert done.stderr == f"Nothing was added. To add the first one: aggregator add {blog.url}/ --yes\n"
    assert text_of(site) == before
    assert not site.data.exists()


def test_the_best_one_is_added_and_works(site: Site, blog: Origin) -> None:
    write(site)
    done = add(site, f"{blog.url}/", "--yes", "--category", "News & more", "--name", "A blog: mine")
    assert done.status == 0
    assert done.stdout.splitlines()[-1] == f"Added a-blog-mine to {site.config}, line 7; the next update fetches it."
    assert "Cats" not in done.stdout
    assert text_of(site) == (
        f"{HEAD}categories:\n  news-more: News & more\n\nsources:\n  - name: 'A blog: mine'\n    category: news-more\n"
        f"    feed: {blog.url}/feed\n"
    )
    assert {name: row["entries"] for name, row in works(site).items()} == {"a-blog-mine": 4}


def test_only_the_page_and_what_it_names_is_asked_for_and_each_once(site: Site, blog: Origin) -> None:
    write(site)
    add(site, f"{blog.url}/")
    assert [seen.path for seen in blog.pages()] == ["/", "/feed", "/cats", "/comments"]


def test_a_feed_is_added_after_the_last_one_of_its_category(site: Site, blog: Origin) -> None:
    rest = """\
categories:
  news: News  # n
  tech: Tech
sources:
# first
- feed: https://a.example/
  category: news

# second
- feed: https://b.example/
  category: tech
"""
    before = write(site, rest)
    done = add(site, f"{blog.url}/cats", "--yes", "--category", "NEWS")
    assert done.status == 0
    written = f"\n- feed: {blog.url}/cats\n  name: Cats\n  category: news\n"
    assert text_of(site) == before.replace("  category: news\n", f"  category: news\n{written}")


def test_json_has_everything_and_what_was_added(site: Site, blog: Origin) -> None:
    before = write(site)
    shown = json.loads(add(site, f"{blog.url}/", "--json").stdout)
    assert (shown["url"], shown["there"], shown["added"], shown["untried"]) == (f"{blog.url}/", [], [], 0)
    assert [(one["number"], one["title"], one["items"]) for one in shown["options"]] == [
        (1, "The Blog", 4),
        (2, "Cats", 1),
        (3, "Words on it", 2),
    ]
    first = shown["options"][0]
    assert (first["kind"], first["settings"], first["found"]) == (
        "feed",
        {"feed": f"{blog.url}/feed"},
        "the page names it",
    )
    assert first["newest"][0] == {
        "title": "Item 4",
        "url": "https://example.org/T/4",
        "published": "2026-01-05T10:00:00Z",
    }
    assert text_of(site) == before
    done = add(site, f"{blog.url}/", "--json", "--yes")
    assert done.status == 0
    assert json.loads(done.stdout)["added"] == [{"id": "the-blog", "line": 4, "url": f"{blog.url}/feed"}]


def test_titles_of_strangers_harm_neither_the_file_nor_the_terminal(site: Site, origin: Origin) -> None:
    write(site)
    title = "${env:HOME} \x1b[31m'\": #{x}\u2028- a" + " long" * 40
    escaped = title.replace("\x1b", "&#27;").replace('"', "&quot;")
    origin.route("/feed", rss([item(1, title="&lt;b&gt;One&lt;/b&gt; \u202e")], escaped.replace("&#27;", "")))
    done = add(site, f"{origin.url}/feed", "--yes")
    assert done.status == 0
    assert "\x1b" not in done.stdout
    assert len(text_of(site).splitlines()) == 5
    (row,) = works(site).values()
    assert row["name"].startswith("${env:HOME} [31m'\": #{x} - a long")
    assert len(row["name"]) <= 100


# -- what is there already ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/feed", "/feed/", "/feed?utm_source=x", "/feed#top"])
def test_a_feed_that_is_there_already_is_named_without_a_request(site: Site, blog: Origin, path: str) -> None:
    before = write(site, f"sources:\n- {{id: mine, feed: {blog.url}/feed}}\n")
    done = add(site, blog.url + path, "--yes")
    assert (done.status, done.stdout) == (0, f"{site.config}:4: mine is there already: {blog.url}/feed\n")
    assert (blog.requests, text_of(site)) == ([], before)


def test_a_page_whose_feed_is_there_already_is_named(site: Site, blog: Origin) -> None:
    before = write(site, f"sources:\n- {{id: mine, feed: {blog.url}/feed}}\n")
    done = add(site, f"{blog.url}/", "--yes")
    said = f"{site.config}:4: mine is there already: {blog.url}/feed; the page names it\n"
    assert (done.status, done.stdout, done.stderr) == (0, said, "")
    both = add(site, f"{blog.url}/")
    assert (both.status, both.stderr) == (0, "")
    assert both.stdout.startswith(f"{said}There is also:\n1  feed        Cats\n")
    assert text_of(site) == before


def test_a_feed_is_there_already_where_the_address_leads_to_it(site: Site, blog: Origin) -> None:
    before = write(site, f"sources:\n- {{id: mine, feed: {blog.url}/feed}}\n")
    blog.routes["/old"] = Response(b"", 302, {"Location": "/feed"})
    blog.route("/page", page("P", ("/old", "Old")), content_type="text/html")
    for path in ("/old", "/page"):
        done = add(site, blog.url + path, "--yes")
        assert (done.status, text_of(site)) == (0, before)
        assert "mine is there already" in done.stdout


def test_a_feed_is_there_already_that_has_moved(site: Site, blog: Origin) -> None:
    blog.routes["/old"] = Response(b"", 301, {"Location": "/feed"})
    before = write(site, f"sources:\n- {{id: mine, feed: {blog.url}/old}}\n")
    assert site.run("update").status == 0
    done = add(site, f"{blog.url}/feed", "--yes")
    assert (done.status, text_of(site)) == (0, before)
    assert "mine is there already" in done.stdout


def test_where_a_feed_has_moved_permanently_its_new_address_is_written(site: Site, blog: Origin) -> None:
    write(site)
    blog.routes["/old"] = Response(b"", 301, {"Location": "/feed"})
    assert add(site, f"{blog.url}/old", "--yes").status == 0
    assert text_of(site).endswith(f"    feed: {blog.url}/feed\n")


def test_two_forms_of_one_feed_are_one(site: Site, origin: Origin) -> None:
    write(site)
    origin.route("/", page("B", ("/rss", "RSS"), ("/other", "Other")), content_type="text/html")
    origin.route("/rss", feed("Blog", 1, 2))
    origin.route("/other", feed("Blog", 1, 2).replace("Item", "Post"))
    done = add(site, f"{origin.url}/", "--json")
    assert [one["url"] for one in json.loads(done.stdout)["options"]] == [f"{origin.url}/rss"]


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


# -- a terminal --------------------------------------------------------------------------------------------------------


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Let a person answer; returns the questions that were asked."""

    def answer(*answers: str) -> list[str]:
        asked: list[str] = []
        left = iter(answers)

        def prompt(question: str, **options: Any) -> str:
            asked.append(question)
            return next(left) or str(options["default"])

        monkeypatch.setattr("aggregator.cli.adding._is_terminal", lambda: True)
        monkeypatch.setattr("typer.prompt", prompt)
        return asked

    return answer


@pytest.mark.parametrize(
    ("answers", "added"),
    [
        ([""], ["the-blog"]),
        (["4", "0", "x", "1 9", " ", "3, 1 1"], ["the-blog", "words-on-it"]),
        (["n"], []),
    ],
)
def test_a_person_chooses(
    site: Site, blog: Origin, answering: Callable[..., list[str]], answers: list[str], added: list[str]
) -> None:
    before = write(site)
    asked = answering(*answers)
    done = add(site, f"{blog.url}/")
    assert set(asked) == {"Add which one (1 to 3, several with a space between, or n for none)"}
    assert (done.status, done.stderr) == ((0, "") if added else (1, "Nothing was added.\n"))
    if added:
        assert list(works(site)) == added
    else:
        assert text_of(site) == before


def test_a_name_is_for_one_source(site: Site, blog: Origin, answering: Callable[..., list[str]]) -> None:
    write(site)
    asked = answering("1 2", "2")
    assert add(site, f"{blog.url}/", "--name", "Mine").status == 0
    assert asked == ["Add which one (1 to 3, or n for none)"] * 2
    assert list(works(site)) == ["mine"]


def test_beside_one_that_is_there_nothing_is_added_by_default(
    site: Site, blog: Origin, answering: Callable[..., list[str]]
) -> None:
    before = write(site, f"sources:\n- {{id: mine, feed: {blog.url}/feed}}\n")
    answering("", "1")
    assert (add(site, f"{blog.url}/").status, text_of(site)) == (0, before)
    assert add(site, f"{blog.url}/").status == 0
    assert list(works(site)) == ["mine", "cats"]
