"""The table of known sites."""

from __future__ import annotations

from datetime import date
from urllib.parse import urlsplit

import pytest

from aggregator.discover.candidates import of_address, well_known
from aggregator.discover.elements import Elements
from aggregator.discover.sites import known, table
from aggregator.sources.page import Page
from tests.discover.pages import FOLDER, fetched

PAIRS = [
    tuple(line.split())
    for line in (FOLDER / "addresses.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
]


@pytest.mark.parametrize("url, best", PAIRS)
def test_addresses_of_known_sites_give_their_feeds(url: str, best: str) -> None:
    entry = of_address(url, instances=True)[0].entry
    assert best == (f"rsshub:{entry['rsshub']}" if "rsshub" in entry else entry["feed"])


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/",
        "https://github.com/pricing",
        "https://github.com/",
        "https://gitlab.com/explore/projects",
        "https://notgithub.com/a/b",
        "https://www.youtube.com/@ferry",
        "https://www.blogspot.com/",
        "https://zhuanlan.zhihu.com/p/123",
        "https://vimeo.com/123456",
        "https://soundcloud.com/ann",
        "https://medium.com/m/signin",
    ],
)
def test_other_addresses_give_nothing_by_themselves(url: str) -> None:
    assert of_address(url, instances=True) == []


def test_each_entry_was_checked_on_a_day_and_can_be_reached() -> None:
    sampled = {urlsplit(url).hostname for url, _ in PAIRS}
    for site in table():
        assert date(2026, 1, 1) <= site.checked <= date(2100, 1, 1)
        assert site.hosts or site.marks
        assert site.at
        assert all(feed.startswith(("https://", "{")) for at in site.at for feed in at.feeds)
        assert all(route.startswith("/") for at in site.at for route in at.routes)
        read = all(at.read for at in site.at if at.feeds)
        reached = any(host in sampled or _covers(host, sampled) for host in site.hosts)
        assert reached or site.marks or read, site.hosts


def _covers(host: str, sampled: set[str | None]) -> bool:
    return host.startswith("*.") and any((one or "").endswith(host[1:]) for one in sampled)


def test_values_of_a_page_are_short_and_whole() -> None:
    page = f'<meta property="al:ios:url" content="soundcloud://users:{"1" * 100_000}">'
    found = known("https://soundcloud.com/ann", Elements(Page(fetched(page, "https://soundcloud.com/ann"), None)))

    assert all(one.feed is None or len(one.feed) < 4100 for one in found)


def test_usual_addresses_are_those_of_the_folder_and_of_the_host() -> None:
    assert well_known("https://example.org/blog/") == [
        *(f"https://example.org/blog/{name}" for name in _USUAL),
        *(f"https://example.org/{name}" for name in _USUAL),
        "https://example.org/sitemap.xml",
    ]
    assert well_known("http://example.org:8080/a/index.html?x=1")[0] == "http://example.org:8080/a/feed"
    assert well_known("https://example.org")[0] == "https://example.org/feed"


_USUAL = ("feed", "rss.xml", "atom.xml", "feed.xml", "index.xml", "rss", "feed.json")
