"""The lists of sources and of our feeds are OPML 2.0; that of sources is grouped by category, and tells no secrets."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import feedparser
import pytest
from lxml import etree

from aggregator.models import Category, Every, Source
from aggregator.publish.feeds import Channel, Format
from aggregator.publish.opml import render_opml, render_own
from aggregator.sources.scrape import ScrapeRules
from aggregator.store import FeedMetadata
from tests import DATA
from tests.validators import check_opml

GOLDEN = DATA / "publish" / "opml.xml"
SOURCE = Source(
    id="a",
    name="A & B",
    kind="feed",
    url="https://a.example/feed?x=1&y=2",
    category="news",
    section=None,
    interval=Every(timedelta(hours=1)),
    timeout=timedelta(seconds=20),
    max_body=1000,
    allow_private=False,
    explicit_id=True,
    line=1,
    public_url="https://a.example/feed?x=1&y=2",
)
SOURCES = [
    replace(
        SOURCE,
        id="free",
        category="uncategorized",
        name=None,
        url="https://user:pass@free.example:8000/rss",
        public_url="https://free.example:8000/rss",
        fallback_name="free.example",
    ),
    SOURCE,
    replace(
        SOURCE,
        id="list",
        category="tech",
        name="列表",
        kind="scrape",
        rules=ScrapeRules("a"),
        public_url="https://b.example/list",
    ),
    replace(SOURCE, id="b", name=None, public_url="https://c.example/atom", fallback_name="c.example"),
]
CATEGORIES = {
    "uncategorized": Category("uncategorized", "Uncategorized", None, 10, implicit=True),
    "tech": Category("tech", "编程 <1>", None, 10),
    "empty": Category("empty", "Empty", None, 10),
    "news": Category("news", "News", None, 10),
}
STATES = {
    "b": FeedMetadata(title="Said \x0bitself", home_url="https://c.example/"),
    "list": FeedMetadata(title="Not taken", home_url="https://b.example/"),
}


def test_golden_list() -> None:
    rendered = render_opml("Sources", SOURCES, CATEGORIES, STATES)
    assert check_opml(rendered.data) == []
    assert (rendered.name, rendered.media_type) == ("opml.xml", "text/x-opml")
    assert rendered.data == GOLDEN.read_bytes()


def test_outlines_are_what_opml_wants() -> None:
    root = etree.fromstring(render_opml("Sources", SOURCES, CATEGORIES, {}).data)
    assert root.get("version") == "2.0"
    assert [child.tag for child in root] == ["head", "body"]
    for outline in root.iter("outline"):
        assert outline.get("text")
        if outline.get("type") == "rss":
            assert outline.get("xmlUrl", "").startswith("https://")
        elif outline.get("type") == "link":
            assert outline.get("url", "").startswith("https://")
        else:
            assert len(outline) > 0
    assert sum(outline.get("type") is not None for outline in root.iter("outline")) == len(SOURCES)


def test_other_readers_find_the_feeds() -> None:
    found = feedparser.parse(render_opml("Sources", SOURCES, CATEGORIES, STATES).data)
    assert not found["bozo"]


def test_passwords_stay_at_home() -> None:
    assert b"pass" not in render_opml("Sources", SOURCES, CATEGORIES, STATES).data


def test_addresses_with_secrets_are_left_out() -> None:
    hidden = [replace(source, public_url=None) for source in SOURCES]
    body = etree.fromstring(render_opml("Sources", hidden, CATEGORIES, STATES).data)[1]
    assert [dict(outline.attrib) for outline in body.iter("outline") if not len(outline)] == [
        {"text": "列表", "title": "列表", "type": "link", "url": "https://b.example/"},
        {"text": "A & B", "title": "A & B"},
        {"text": "Said itself", "title": "Said itself", "type": "link", "url": "https://c.example/"},
        {"text": "free.example", "title": "free.example"},
    ]


def test_list_without_sources() -> None:
    root = etree.fromstring(render_opml("Sources", [], {}, {}).data)
    assert root.find("body") is not None
    assert list(root.iter("outline")) == []


def test_addresses_are_uris() -> None:
    source = replace(SOURCES[1], public_url="https://例.example/our feed")
    told = {source.id: FeedMetadata(None, "https://a.example/our [news]")}
    body = etree.fromstring(render_opml("Sources", [source], CATEGORIES, told).data)[1]
    assert check_opml(etree.tostring(body.getroottree())) == []
    (outline,) = [one for one in body.iter("outline") if not len(one)]
    assert outline.get("xmlUrl") == "https://xn--fsq.example/our%20feed"
    assert outline.get("htmlUrl") == "https://a.example/our%20%5Bnews%5D"


CHANNELS = [
    Channel("news", "News \x0b& more", "Text", "https://例.example/", "https://例.example/news/", "zh-CN", "Me"),
    Channel("新闻", "All", "", "https://a.example/", "https://a.example/新闻/", None, "Me"),
]


@pytest.mark.parametrize(
    ("formats", "file"),
    [(["rss", "atom", "json"], "atom.xml"), (["json", "rss"], "rss.xml"), (["json"], "feed.json")],
)
def test_our_feeds_are_listed_once_each(formats: list[Format], file: str) -> None:
    rendered = render_own("Our feeds", [(channel, formats) for channel in CHANNELS])
    assert check_opml(rendered.data) == []
    assert (rendered.name, rendered.media_type) == ("feeds.opml", "text/x-opml")
    root = etree.fromstring(rendered.data)
    assert root.findtext("head/title") == "Our feeds"
    assert [dict(outline.attrib) for outline in root.findall("body/outline")] == [
        {
            "text": "News & more",
            "title": "News & more",
            "description": "Text",
            "type": "rss",
            "xmlUrl": f"https://xn--fsq.example/news/{file}",
            "htmlUrl": "https://xn--fsq.example/",
            "language": "zh-CN",
        },
        {
            "text": "All",
            "title": "All",
            "type": "rss",
            "xmlUrl": f"https://a.example/%E6%96%B0%E9%97%BB/{file}",
            "htmlUrl": "https://a.example/",
        },
    ]
