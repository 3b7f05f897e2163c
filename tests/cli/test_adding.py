"""`aggregator add`: what an address offers, what of it is written into feeds.yaml, and what is there already."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.adding import HEAD, add, feed, page, serve_blog, text_of, works, write
from tests.origin import Origin, Response
from tests.support import Site, item, rss

pytestmark = pytest.mark.usefixtures("workers_inside")


@pytest.fixture
def blog(origin: Origin) -> Origin:
    """A blog with three feeds, one of them of comments."""
    return serve_blog(origin)


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
    assert done.stderr == "Nothing was added. To add the first one: the same command with --yes\n"
    assert text_of(site) == before
    assert not site.data.exists()


@pytest.mark.processes
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
