"""The validators that judge our feeds do find faults."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from aggregator.models import Enclosure
from aggregator.publish.feeds import Channel, Format, render_feeds
from tests.publish_items import make_item
from tests.validators import check_atom, check_jsonfeed, check_opml, check_rss, read_back

CHANNEL = Channel("a", "Title", "Text", "https://a.example/", "https://a.example/a/", "en", "Author")
ITEM = make_item(
    1, summary="<p>s</p>", image="https://a.example/i.png", enclosures=(Enclosure("https://a.example/a.mp3"),)
)


def _valid(form: Format) -> str:
    return render_feeds(CHANNEL, [ITEM, replace(ITEM, id="https://example.org/other")], [form])[0].data.decode()


def _broken(form: Format, old: str, new: str) -> bytes:
    text = _valid(form)
    assert old in text
    return text.replace(old, new, 1).encode()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('version="2.0"', 'version="0.91"'),
        ("</channel>", ""),
        ("<title>Title</title>", ""),
        ("<link>https://a.example/</link>", "<link>/</link>"),
        ("<language>en<", "<language>en_US<"),
        ("Thu, 30 Jun 2022", "Fri, 30 Jun 2022"),
        ("Wed, 29 Jun 2022 06:36:00 +0000", "2022-06-29T06:36:00Z"),
        ('rel="self"', 'rel="alternate"'),
        ("<docs>", "<title>again</title><docs>"),
        ("<docs>", "<unknown/><docs>"),
        ("<description>&lt;p", "<x>&lt;p"),
        ("<link>https://example.org/1</link>", "<link>https://example.org/a b</link>"),
        ('isPermaLink="false"', 'isPermaLink="no"'),
        ('isPermaLink="false">https://example.org/id/1', 'isPermaLink="true">urn:x'),
        ("https://example.org/other", "https://example.org/id/1"),
        ('length="0"', 'length=""'),
        ('type="audio/mpeg"', 'type="audio"'),
        ("</item>", '<enclosure url="https://a.example/b" length="1" type="a/b"/></item>'),
        ('<source url="https://example.org/feed">', "<source>"),
        ("<category>one</category>", "<category/>"),
        ("<dc:creator>Ann</dc:creator>", "<dc:creator/>"),
        ("2022-06-30T07:00:05+00:00", "2022-06-31T07:00:05+00:00"),
        ('<media:thumbnail url="https://a.example/i.png"', '<media:thumbnail url="i.png"'),
        ("<item>", '<item xml:lang="??">'),
        ("<link>https://example.org/1</link>", "<link>https://例.example/</link>"),
        ("<link>https://example.org/1</link>", "<link>https://example.org/100%</link>"),
        ("<link>https://example.org/1</link>", "<link>https://example.org/[1]</link>"),
        ("<link>https://example.org/1</link>", "<link>https://a:b@example.org/</link>"),
        ("https://example.org/id/1", "urn:uuid:post-1"),
        ("<title>A title", "<title>A\u0085title"),
        ("&lt;p&gt;Text&lt;/p&gt;", "&lt;bdo dir=&quot;rtl&quot;&gt;Text&lt;/bdo&gt;"),
        ("&lt;p&gt;Text&lt;/p&gt;", "&lt;a href=&quot;/x&quot;&gt;Text&lt;/a&gt;"),
        ("&lt;p&gt;Text&lt;/p&gt;", " "),
        ('<source url="https://example.org/feed">', '<source url="https://example.org/our feed">'),
    ],
)
def test_rss_faults_are_found(old: str, new: str) -> None:
    assert check_rss(_valid("rss").encode()) == []
    assert check_rss(_broken("rss", old, new)) != []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("</feed>", ""),
        ("<title>Title</title>", "<title/>"),
        ("<id>https://a.example/a/atom.xml</id>", ""),
        ("<id>https://a.example/a/atom.xml</id>", "<id>atom</id>"),
        ('type="html"', 'type="CDATA"'),
        ('type="html"', 'type="text/html"'),
        ("2022-06-30T07:00:05+00:00", "2022-06-30 07:00:05"),
        ("2022-06-30T07:00:05+00:00", "2022-06-30T07:00:05"),
        ('rel="self"', 'rel="alternate"'),
        ("https://example.org/other", "https://example.org/id/1"),
        ('rel="enclosure" type="audio/mpeg"', 'rel="alternate" type="text/html"'),
        ('rel="enclosure"', 'rel=""'),
        ('rel="enclosure"', 'rel="enclosure" length="long"'),
        ('href="https://example.org/1"', 'href="/1"'),
        ("<name>Ann</name>", "<name> </name>"),
        ('term="one"', 'term=""'),
        ('term="one"', ""),
        ('<media:thumbnail url="https://a.example/i.png"', '<media:thumbnail url="i.png"'),
        ('xml:lang="en"', 'xml:lang="en_US"'),
        ("<source>\n      <id>https://example.org/feed</id>", "<source>"),
        ("<entry>", "<entry><unknown/>"),
        ('href="https://example.org/1"', 'href="https://例.example/"'),
        ('href="https://example.org/1"', 'href="https://example.org/%zz"'),
        ('href="https://example.org/feed"', 'href="https://example.org/our feed"'),
        ("https://example.org/id/1", "urn:uuid:post-1"),
        ("<title>A title", "<title>A\u0085title"),
        ("&lt;p&gt;Text&lt;/p&gt;", "&lt;script&gt;"),
        ("&lt;p&gt;Text&lt;/p&gt;", ""),
        ('rel="enclosure"', 'rel="enclosure" length="0"'),
    ],
)
def test_atom_faults_are_found(old: str, new: str) -> None:
    assert check_atom(_valid("atom").encode()) == []
    assert check_atom(_broken("atom", old, new)) != []


Change = Callable[[dict[str, Any], dict[str, Any]], object]
JSON_FAULTS: dict[str, Change] = {
    "version": lambda feed, item: feed.update(version="https://jsonfeed.org/version/1"),
    "no title": lambda feed, item: feed.pop("title"),
    "items no list": lambda feed, item: feed.update(items={}),
    "relative address": lambda feed, item: feed.update(home_page_url="/"),
    "unknown member": lambda feed, item: feed.update(author="x"),
    "item no object": lambda feed, item: feed["items"].append("x"),
    "numeric id": lambda feed, item: item.update(id=1),
    "empty id": lambda feed, item: item.update(id=""),
    "id": lambda feed, item: item.update(id="urn:uuid:post-1"),
    "control characters": lambda feed, item: item.update(title="a\x85b"),
    "address beyond ASCII": lambda feed, item: item.update(url="https://例.example/"),
    "harmful element": lambda feed, item: item.update(content_html='<bdo dir="rtl">x</bdo>'),
    "relative link": lambda feed, item: item.update(content_html='<img src="i.png">'),
    "origin": lambda feed, item: item["_origin"].update(feed_url="https://example.org/our feed"),
    "size of nothing": lambda feed, item: item["attachments"][0].update(size_in_bytes=0),
    "id twice": lambda feed, item: item.update(id="https://example.org/other"),
    "no content": lambda feed, item: item.pop("content_html"),
    "date": lambda feed, item: item.update(date_published="29 Jun 2022"),
    "empty tag": lambda feed, item: item.update(tags=[""]),
    "empty author": lambda feed, item: item.update(authors=[{}]),
    "language": lambda feed, item: item.update(language="en_US"),
    "attachment without type": lambda feed, item: item["attachments"][0].pop("mime_type"),
    "attachment type": lambda feed, item: item["attachments"][0].update(mime_type="audio"),
    "attachment size": lambda feed, item: item["attachments"][0].update(size_in_bytes=-1),
    "boolean size": lambda feed, item: item["attachments"][0].update(size_in_bytes=True),
    "extension no object": lambda feed, item: item.update(_origin="x"),
    "extension name": lambda feed, item: item.update({"_a.b": {}}),
}


@pytest.mark.parametrize("change", JSON_FAULTS.values(), ids=JSON_FAULTS)
def test_json_feed_faults_are_found(change: Change) -> None:
    feed = json.loads(_valid("json"))
    assert check_jsonfeed(json.dumps(feed).encode()) == []
    change(feed, feed["items"][0])
    assert check_jsonfeed(json.dumps(feed).encode()) != []


@pytest.mark.parametrize("data", [b"[]", b"{", b"\xff", b'{"a":1,"a":2}', b'{"a":NaN}'])
def test_what_is_no_json_object_is_refused(data: bytes) -> None:
    assert check_jsonfeed(data) != []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('version="2.0"', 'version="1.0"'),
        ('text="a"', 'text=""'),
        ('text="a"', 'text="a\u0085"'),
        (' xmlUrl="https://a.example/feed"', ""),
        ("https://a.example/feed", "https://a.example/our feed"),
        ('htmlUrl="https://a.example/"', 'htmlUrl="/"'),
        ('type="rss" xmlUrl="https://a.example/feed"', 'type="link"'),
    ],
)
def test_opml_faults_are_found(old: str, new: str) -> None:
    outline = '<outline text="a" type="rss" xmlUrl="https://a.example/feed" htmlUrl="https://a.example/"/>'
    text = f'<opml version="2.0"><head/><body>{outline}</body></opml>'
    assert check_opml(text.encode()) == []
    assert check_opml(text.replace(old, new).encode()) != []


def test_read_back_gives_the_same_of_every_format() -> None:
    entry = ITEM.entry
    wanted = (ITEM.id, entry.title, entry.url, entry.published_at, entry.updated_at, entry.tags)
    for form in ("rss", "atom", "json"):
        assert read_back(_valid(form).encode())[0] == wanted
