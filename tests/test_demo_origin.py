"""The demo's origin: what it serves is complete, well formed, and served as sites do."""

from __future__ import annotations

import calendar
import re
import socket
import struct
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import urljoin

import feedparser
import httpx
import jsonschema
import pytest
import yaml
from bs4 import BeautifulSoup
from lxml import etree

from aggregator.demo import demo_config, serve


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    with serve() as url:
        yield url


def get(url: str, **headers: str) -> httpx.Response:
    """A GET that follows no redirect."""
    return httpx.get(url, headers=headers, timeout=60)


def test_served_addresses_end_with_the_context() -> None:
    before = set(threading.enumerate())
    with serve() as url:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", url)
        assert get(f"{url}/weekly/rss.xml").status_code == 200
    for thread in set(threading.enumerate()) - before:
        thread.join(timeout=30)  # the answer can be here before the thread that sent it has ended
        assert not thread.is_alive()
    with pytest.raises(httpx.ConnectError):
        get(f"{url}/weekly/rss.xml")


def test_unchanged_samples_answer_304(base: str) -> None:
    for path in ("/factory/list.html", "/weekly/rss.xml", "/images/rooftop.png"):
        first = get(base + path)
        assert (first.status_code, len(first.content)) == (200, int(first.headers["Content-Length"]))
        again = get(base + path, **{"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.headers["ETag"], again.content) == (304, first.headers["ETag"], b"")
        assert get(base + path, **{"If-None-Match": '"other"'}).status_code == 200


def test_head_sends_no_body(base: str) -> None:
    answer = httpx.head(f"{base}/notes/atom.xml", timeout=60)
    assert answer.content == b""
    assert int(answer.headers["Content-Length"]) > 1000


def test_unknown_addresses_are_404(base: str) -> None:
    for path in ("/", "/nothing.html", "/factory", "/../origin.py", "/images/../origin.py", "/weekly/%2e%2e/origin.py"):
        assert get(base + path).status_code == 404


def test_moved_feed_redirects_for_good(base: str) -> None:
    answer = get(f"{base}/tea/feed")
    assert (answer.status_code, answer.headers["Location"]) == (301, "/tea/podcast.xml")


def test_list_site_is_in_gbk_and_complete(base: str) -> None:
    answer = get(f"{base}/factory/list.html")
    assert answer.headers["Content-Type"] == "text/html"
    with pytest.raises(UnicodeDecodeError):
        answer.content.decode("utf-8")
    links = BeautifulSoup(answer.content.decode("gbk"), "lxml").select("div.list-left div.con-details h3 > a")
    assert 4 <= len(links) <= 6
    for link in links:
        page = get(urljoin(f"{base}/factory/list.html", str(link["href"])))
        article = BeautifulSoup(page.content.decode("gbk"), "lxml")
        assert page.status_code == 200
        assert article.select_one("div.artical h1") is not None
        for selector in ("#articleC p", "#articleC img", "div.source-name", "div.time.fl"):
            found = article.select_one(selector)
            assert found is not None, (link, selector)
        (time,) = article.select("div.time.fl")
        assert datetime.strptime(time.get_text(), "%Y-%m-%d %H:%M").year == 2026


@pytest.mark.parametrize(
    ("path", "version"),
    [
        ("/weekly/rss.xml", "rss20"),
        ("/notes/atom.xml", "atom10"),
        ("/library/index.rdf", "rss10"),
        ("/tea/podcast.xml", "rss20"),
    ],
)
def test_xml_feeds_are_well_formed_and_dated(base: str, path: str, version: str) -> None:
    body = get(base + path).content
    etree.fromstring(body)
    feed = feedparser.parse(body)
    assert (feed.version, feed.bozo) == (version, False)
    assert 4 <= len(feed.entries) <= 8
    assert len({entry.id if version != "rss10" else entry.link for entry in feed.entries}) == len(feed.entries)
    for entry in feed.entries:
        assert entry.title
        assert entry.link.startswith("https://")
        stamp = entry.get("published_parsed") or entry.updated_parsed
        when = datetime.fromtimestamp(calendar.timegm(stamp), UTC)
        assert datetime(2026, 1, 1, tzinfo=UTC) < when < datetime(2026, 5, 1, tzinfo=UTC)


def test_rss_dates_name_their_weekday_rightly(base: str) -> None:
    for path in ("/weekly/rss.xml", "/tea/podcast.xml"):
        dates = re.findall(r"<(?:pubDate|lastBuildDate)>(.*?)</", get(base + path).text)
        for text in dates:
            parsed = datetime.strptime(text.replace("GMT", "+0000"), "%a, %d %b %Y %H:%M:%S %z")
            assert parsed.strftime("%a") == text[:3]


def test_json_feed_is_valid(base: str) -> None:
    answer = get(f"{base}/trails/feed.json")
    schema = {
        "required": ["version", "title", "items"],
        "properties": {
            "version": {"const": "https://jsonfeed.org/version/1.1"},
            "items": {
                "minItems": 4,
                "items": {
                    "required": ["id", "title", "date_published"],
                    "anyOf": [{"required": ["content_html"]}, {"required": ["content_text"]}],
                },
            },
        },
    }
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/feed+json")
    jsonschema.validate(answer.json(), schema)


def test_every_picture_is_a_png(base: str) -> None:
    pages = ("/factory/2026-4/ART-1005.html", "/weekly/rss.xml", "/library/index.rdf", "/trails/feed.json")
    names = {name for page in pages for name in re.findall(r"/images/[a-z]+\.png", get(base + page).text)}
    assert len(names) >= 4
    pictures = [get(base + name) for name in names]
    for picture in pictures:
        assert picture.headers["Content-Type"] == "image/png"
        assert picture.content.startswith(b"\x89PNG\r\n\x1a\n")
        assert picture.content.endswith(b"IEND\xaeB`\x82")
    assert len({picture.content for picture in pictures}) == len(names)


def test_broken_feed_is_a_page_with_status_200(base: str) -> None:
    answer = get(f"{base}/lost/feed.html")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html")
    assert feedparser.parse(answer.content).entries == []


def test_configuration_reads_what_is_served(base: str) -> None:
    config = yaml.safe_load(demo_config(base))
    assert config["fetch"]["allow_private_addresses"] == ["127.0.0.0/8"]
    addresses = [source.get("feed") or source["scrape"]["url"] for source in config["sources"]]
    assert {get(address).status_code for address in addresses} == {200, 301}
    assert {source["category"] for source in config["sources"]} == set(config["categories"])
    assert len({source["id"] for source in config["sources"]}) == len(config["sources"])


def test_a_client_that_goes_away_is_no_error(capfd: pytest.CaptureFixture[str]) -> None:
    before = threading.active_count()
    with serve() as address:
        host, _, port = address.partition("://")[2].partition(":")
        with socket.create_connection((host, int(port))) as client:
            client.sendall(b"GET /weekly/rss.xml HTTP/1.1\r\nHost: x\r\n\r\n")
            client.recv(10)
            # With this, the connection is reset when it is closed.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # The thread of the server, and the one of the connection.
        while threading.active_count() > before + 1:
            threading.Event().wait(0.01)
    assert capfd.readouterr().err == ""
