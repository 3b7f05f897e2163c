"""Lists without a feed, through `update` and `status`: what is told of a site that was rebuilt, and what stays."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from aggregator.fetch import recorded
from tests.origin import Origin
from tests.support import Site, command

pytestmark = pytest.mark.usefixtures("workers_inside")

SCRAPE: dict[str, Any] = {
    "items": "div.card",
    "title": "h2",
    "link": {"select": "a.more", "attribute": "href"},
    "date": {"select": ".meta", "regex": r"(\d{4}-\d{2}-\d{2})", "timezone": "Asia/Shanghai"},
}


def list_page(count: int, card: str = "card", meta: str = "meta", start: int = 1) -> str:
    items = "".join(
        f'<div class="{card}"><h2>Title {number}</h2><p class="{meta}">on 2024-03-{number % 28 + 1:02}, x</p>'
        f'<a class="more" href="/{number}.html">More</a></div>'
        for number in range(start, start + count)
    )
    return f"<html><head><title>News</title></head><body>{items}</body></html>"


def serve(origin: Origin, *page: Any, **more: Any) -> str:
    return origin.route("/news", list_page(*page, **more), content_type="text/html")


@pytest.fixture
def listed(site: Site, origin: Origin) -> Site:
    """A list of 25 items, read once."""
    site.configure({"id": "news", "scrape": {"url": serve(origin, 25), "limit": 25, **SCRAPE}})
    done = site.run("update")
    assert done.status == 0, done.stderr
    return site


def test_a_list_is_published_with_its_dates(listed: Site) -> None:
    items = json.loads(listed.public()["news/feed.json"])["items"]
    assert len(items) == 25
    assert items[0]["title"].startswith("Title ")
    assert {item["date_published"][11:] for item in items} == {"16:00:00+00:00"}
    assert len(listed.posts()) == 25


def test_a_rebuilt_site_is_a_failure_with_the_page_at_hand(listed: Site, origin: Origin) -> None:
    posts = listed.posts()
    serve(origin, 25, card="tile")
    done = listed.run("update", "--all")
    assert done.status == 1
    assert "0 of 25 items matched `div.card` (scrape.items); look at the page and correct the selector" in done.stderr
    row = listed.status()["news"]
    assert row["error"].endswith("the page is kept in pages/news.http")
    assert row["failure_kind"] == "nothing_matched"
    kept = recorded.load((listed.data / "pages" / "news.http").read_bytes(), f"{origin.url}/news")
    assert kept.body.decode() == list_page(25, card="tile")
    assert kept.url == f"{origin.url}/news"
    assert "div.card" in listed.run("status", "news").stdout
    assert listed.posts() == posts
    # It says so again, with the same number, until the selector is corrected.
    assert "0 of 25 items" in listed.run("update", "--all").stderr
    listed.configure(
        {"id": "news", "scrape": {"url": f"{origin.url}/news", "limit": 25, **SCRAPE, "items": "div.tile"}}
    )
    assert listed.run("update", "--all").status == 0
    assert listed.posts() == posts


def test_the_first_page_ever_without_items_has_no_number(site: Site, origin: Origin) -> None:
    site.configure({"id": "news", "scrape": {"url": serve(origin, 3), **SCRAPE, "items": "div.kard"}})
    done = site.run("update")
    assert done.status == 1
    assert "0 items matched `div.kard` (scrape.items); look at the page" in done.stderr
    assert (site.data / "pages" / "news.http").exists()


def test_a_page_of_a_script_is_told(site: Site, origin: Origin) -> None:
    url = origin.route("/news", "<body><div id=app></div><script src=/a.js></script>", content_type="text/html")
    site.configure({"id": "news", "scrape": {"url": url, **SCRAPE}})
    assert "it has hardly any text, so perhaps a script fills it in" in site.run("update").stderr


def test_a_field_that_is_suddenly_empty_is_a_note_until_it_is_filled_again(listed: Site, origin: Origin) -> None:
    note = "`date` was always filled and is empty in the last 25 items; look at `scrape.date`"
    serve(origin, 25, meta="when", start=20)
    done = listed.run("update", "--all")
    assert done.status == 0, done.stderr
    assert note in listed.status()["news"]["notes"]
    # A page that has not changed since says nothing else.
    assert listed.run("update", "--all").status == 0
    assert note in listed.status()["news"]["notes"]
    serve(origin, 25, meta="when", start=21)
    listed.run("update", "--all")
    assert note in listed.status()["news"]["notes"]
    serve(origin, 25, start=22)
    listed.run("update", "--all")
    assert listed.status()["news"]["notes"] == []


def test_corrected_rules_start_again(listed: Site, origin: Origin) -> None:
    url = serve(origin, 25, meta="when", start=20)
    listed.run("update", "--all")
    corrected = {**SCRAPE, "date": {"select": ".when", "timezone": "Asia/Shanghai"}}
    listed.configure({"id": "news", "scrape": {"url": url, "limit": 25, **corrected}})
    assert listed.run("update", "--all").status == 0
    assert listed.status()["news"]["notes"] == []


def test_the_second_time_nothing_is_written(listed: Site) -> None:
    before = listed.stamps()
    assert listed.run("update", "--all").status == 0
    assert listed.stamps() == before


@pytest.mark.processes
def test_a_list_in_xpath_gives_the_same_as_one_in_css(listed: Site, origin: Origin) -> None:
    posts = listed.posts()
    xpath = {
        "items": "//div[@class='card']",
        "title": "./h2",
        "link": "./a[@class='more']/@href",
        "date": {"select": "substring(.//p, 4, 10)", "timezone": "Asia/Shanghai"},
    }
    listed.configure({"id": "news", "scrape": {"url": f"{origin.url}/news", "limit": 25, **xpath}})
    done = listed.run("update", "--all")
    assert done.status == 0, done.stderr
    assert listed.posts() == posts


@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        ("gbk", "新闻中心的通知公告"),
        ("big5", "新聞中心的通知公告"),
        ("shift_jis", "市役所からのお知らせ"),
        ("euc_jp", "市役所からのお知らせ"),
        ("euc_kr", "시청에서 알려드립니다"),
        ("cp1251", "Новости и объявления"),
        ("utf-8", "Новости и 通知"),
    ],
)
def test_a_list_in_any_encoding_is_read_without_being_told(
    site: Site, origin: Origin, encoding: str, words: str
) -> None:
    body = list_page(12).replace("Title", words).encode(encoding)
    url = origin.route("/news", body, content_type="text/html")
    site.configure({"id": "news", "scrape": {"url": url, **SCRAPE}})
    done = site.run("update")
    assert done.status == 0, done.stderr
    titles = {item["title"] for item in json.loads(site.public()["news/feed.json"])["items"]}
    assert titles == {f"{words} {number}" for number in range(1, 13)}


def test_check_shows_what_a_field_of_an_item_means(site: Site) -> None:
    site.configure({"scrape": {"url": "https://a.example/", "items": "li", "title": "//h2"}})
    done = command("check", "--config", str(site.config))
    assert done.status == 0
    assert "`//h2` looks at the whole page, not below the item; did you mean `.//h2`?" in done.stdout + done.stderr


def test_items_with_an_id_come_once_whatever_becomes_of_their_addresses(site: Site, origin: Origin) -> None:
    scrape = {**SCRAPE, "id": {"select": "a.more", "attribute": "href", "regex": r"(\d+)\.html"}}
    site.configure({"id": "news", "scrape": {"url": serve(origin, 12), **scrape}})
    assert site.run("update").status == 0
    posts = set(site.posts())
    page = list_page(12, card="tile").replace('href="/', 'href="/en/news/')
    url = origin.route("/news", page, content_type="text/html")
    site.configure({"id": "news", "scrape": {"url": url, **scrape, "items": "div.tile"}})
    done = site.run("update", "--all")
    assert done.status == 0, done.stderr
    assert set(site.posts()) == posts
    assert "/en/news/" in json.loads(site.public()["news/feed.json"])["items"][0]["url"]


def test_items_of_an_older_database_get_no_pictures_until_the_rules_change(site: Site, origin: Origin) -> None:
    page = "<body>{}<div class=card><img src=/7.jpg><a href=/7>The title</a></div></body>"
    url = origin.route("/news", page.format("<img>"), content_type="text/html")
    site.configure({"id": "news", "scrape": {"url": url, "items": "a"}})
    assert site.run("update").status == 0
    before = site.posts()
    with closing(sqlite3.connect(site.data / "aggregator.db")) as database, database:
        # The version before knew no memory, and took no picture of a card.
        database.execute("UPDATE sources SET memory = NULL, request_hash = NULL")
    site.configure({"id": "news", "scrape": {"url": url, "items": ".card"}})
    for change in ("<b>", "<i>"):
        assert "0 changed" in site.run("update", "--all").stdout
        assert site.posts() == before
        origin.route("/news", page.format(change), content_type="text/html")
    site.configure({"id": "news", "scrape": {"url": url, "items": ".card", "title": "a"}})
    assert "1 changed" in site.run("update", "--all").stdout
