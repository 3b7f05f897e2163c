"""What another aggregator took over keeps the feed that it is from, whatever format it comes in and goes out by."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.config.secrets import public_entry
from aggregator.models import FeedState, FeedUpdate, Fetched, OriginalFeed, ParsedFeed, RawEntry
from aggregator.normalize.entry import clean_again, normalize
from aggregator.normalize.identity import identify
from aggregator.parse import parse, parse_plain, tolerant
from aggregator.parse.sniff import sniff
from aggregator.store import open_store
from tests.origin import Origin
from tests.publish_items import ENTRY
from tests.store_samples import source
from tests.support import Site, item, rss

URL = "https://planet.example/all/feed"
NOW = datetime(2025, 1, 1, tzinfo=UTC)
BIRDS = OriginalFeed("Birds & bees", None, "https://birds.example/feed", "https://birds.example/")


def _read(text: str) -> RawEntry:
    """The one entry of a document; both readers of XML must make the same of it."""
    fetched = Fetched(requested_url=URL, url=URL, status=200, content_type="", body=text.encode())
    found = parse(fetched)
    strict = parse_plain(fetched)
    if text.startswith("<"):
        assert strict is not None
        other: ParsedFeed = tolerant.read(sniff(fetched))
        assert replace(other, reader=strict.reader) == strict
    (only,) = found.entries
    return only


def _rss(inside: str) -> OriginalFeed | None:
    return _read(
        '<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom"><channel><title>t</title>'
        f"<item><title>x</title><link>https://birds.example/1</link>{inside}</item></channel></rss>"
    ).original_feed


def _atom(inside: str, head: str = "") -> OriginalFeed | None:
    return _read(
        f'<feed xmlns="http://www.w3.org/2005/Atom">{head}<title>t</title><entry><id>urn:x:1</id><title>x</title>{inside}</entry></feed>'
    ).original_feed


def _json(origin: Any) -> OriginalFeed | None:
    feed = {"version": "https://jsonfeed.org/version/1.1", "title": "t", "items": [{"id": "1", "title": "x"}]}
    feed["items"][0]["_origin"] = origin  # type: ignore[index]
    return _read(json.dumps(feed)).original_feed


def test_rss_names_the_feed_by_its_source() -> None:
    found = _rss('<source url="https://birds.example/feed"> Birds\n &amp; bees </source>')
    assert found == OriginalFeed("Birds & bees", None, "https://birds.example/feed", None)
    assert _rss('<source url="/feed">A</source>') == OriginalFeed("A", None, "https://planet.example/feed", None)
    assert _rss("") is None
    assert _rss("<source/>") == OriginalFeed("")


def test_atom_names_it_by_a_source_of_its_own() -> None:
    source = (
        "<source><id>tag:birds.example,2024:f</id><title{}</title><updated>2024-05-01T00:00:00Z</updated>"
        '<link rel="self" href="https://birds.example/feed"/><link href="https://birds.example/"/></source>'
    )
    wanted = replace(BIRDS, id="tag:birds.example,2024:f")
    assert _atom(source.format(">Birds &amp; bees")) == wanted
    assert _atom(source.format(' type="html">Birds &lt;b>&amp;amp;&lt;/b> bees')) == wanted
    assert _rss(source.format(">Birds &amp; bees").replace("<", "<atom:").replace("<atom:/", "</atom:")) == wanted
    assert _atom("<source/>") == OriginalFeed("")
    assert _atom("") is None


def test_json_feed_names_it_as_we_do() -> None:
    origin = {"title": "Birds & bees", "url": "https://birds.example/", "feed_url": "https://birds.example/feed"}
    assert _json(origin) == BIRDS
    assert _json({"title": 1, "url": [], "feed_url": "javascript:alert(1)"}) == OriginalFeed("")
    for nothing in (None, "x", 1, [origin]):
        assert _json(nothing) is None


def _clean(feed: OriginalFeed) -> OriginalFeed | None:
    (one,) = identify([RawEntry(guid="1", url="https://e.example/", original_feed=feed)])
    made = normalize(one, source_id="s", language=None, now=NOW, known=None)
    assert clean_again(made) == made
    return made.original_feed


def test_what_is_kept_is_bounded_and_safe() -> None:
    found = _clean(
        OriginalFeed("a\u202e\x00" + "b" * 9999, "no id", "https://風.example/a b", "https://u:p@h.example/")
    )
    assert found is not None
    assert found.title.startswith("abbb")
    assert len(found.title) <= 500
    assert found.id is None
    assert (found.url, found.home_url) == ("https://xn--615a.example/a%20b", "https://h.example/")
    assert _clean(OriginalFeed("", None, "https://h.example/feed", None)) == OriginalFeed(
        "h.example", None, "https://h.example/feed", None
    )
    assert _clean(OriginalFeed("Only a name")) is None
    assert _clean(OriginalFeed("x", None, "javascript:alert(1)", "file:///etc/passwd")) is None


@given(st.text(), st.none() | st.text(), st.none() | st.text(), st.none() | st.text())
def test_anything_is_cleaned_once_and_for_all(title: str, id: str | None, url: str | None, home: str | None) -> None:
    once = _clean(OriginalFeed(title, id, url, home))
    assert once is None or _clean(once) == once


def test_another_origin_is_a_change_of_the_entry() -> None:
    raw = RawEntry(guid="1", url="https://e.example/")
    hashes = {identify([replace(raw, original_feed=feed)])[0].hash for feed in (None, BIRDS, OriginalFeed("x"))}
    assert len(hashes) == 3


def test_secrets_are_taken_out_of_it() -> None:
    feed = OriginalFeed("At hush1234", "urn:x:hush1234", "https://h.example/?k=hush1234", "https://h.example/")
    made = public_entry(replace(ENTRY, original_feed=feed), frozenset({"hush1234"})).original_feed
    assert made == OriginalFeed("At ***", None, None, "https://h.example/")


def test_a_row_whose_origin_is_damaged_can_be_read_for_repair(tmp_path: Path) -> None:
    with closing(open_store(tmp_path / "aggregator.db")) as store:
        store.sync_sources([source("a")])
        store.apply(FeedUpdate(FeedState("a"), new=(replace(ENTRY, source_id="a", original_feed=BIRDS),)))
        (kept,) = store.entries_after(0, 10)
        assert kept.entry.original_feed == BIRDS
    with closing(sqlite3.connect(tmp_path / "aggregator.db")) as database, database:
        database.execute("UPDATE entries SET original_feed = '[1'")
    with closing(open_store(tmp_path / "aggregator.db")) as store:
        (kept,) = store.entries_after(0, 10)
        assert kept.entry.original_feed is None


@pytest.mark.parametrize("name", ["rss.xml", "atom.xml", "feed.json"])
def test_a_second_instance_keeps_the_origins_of_the_first(tmp_path: Path, origin: Origin, name: str) -> None:
    for folder in ("first", "second"):
        (tmp_path / folder).mkdir()
    first, second = Site(tmp_path / "first"), Site(tmp_path / "second")
    origin.route("/birds", rss([item(1), item(2)], title="Birds &amp; bees"), content_type="application/rss+xml")
    origin.route("/pots", rss([item(3)], title="Pots"), content_type="application/rss+xml")
    first.configure(
        {"id": "birds", "feed": origin.url + "/birds"}, {"id": "pots", "feed": origin.url + "/pots", "name": "My pots"}
    )
    assert first.run("update").status == 0
    origin.route("/merged", first.public()[f"all/{name}"], content_type="application/xml")
    second.configure({"id": "planet", "feed": origin.url + "/merged", "name": "Planet"})
    assert second.run("update").status == 0
    before, after = (
        {one["id"]: one["_origin"] for one in json.loads(site.public()["all/feed.json"])["items"]}
        for site in (first, second)
    )
    if name == "rss.xml":
        # RSS has no place for the home page of a source.
        before = {id: {key: value for key, value in one.items() if key != "url"} for id, one in before.items()}
    assert after == before
    assert {one["title"] for one in after.values()} == {"Birds & bees", "My pots"}
    if name == "atom.xml":
        source_of = [one.partition(b"</source>")[0] for one in first.public()["all/atom.xml"].split(b"<source>")[1:]]
        again = [one.partition(b"</source>")[0] for one in second.public()["all/atom.xml"].split(b"<source>")[1:]]
        assert again == source_of


RICH = """<?xml version="1.0"?><rss version="2.0" xmlns:media="http://search.yahoo.com/mrss/"
 xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel>
<title>Birds</title><link>https://birds.example/</link><language>fr</language>
<item xml:lang="pt-BR"><guid isPermaLink="false">b1</guid><title>Um &lt; dois</title><link>https://birds.example/1</link>
<description>Curto</description><content:encoded>&lt;p&gt;Um texto longo.&lt;/p&gt;</content:encoded>
<enclosure url="https://birds.example/a.mp3" length="0" type="audio/mpeg"/>
<media:content url="https://birds.example/b.mp4" type="video/mp4" fileSize="55"/>
<media:thumbnail url="https://birds.example/p.jpg"/><dc:creator>Ann</dc:creator><dc:creator>Bob</dc:creator>
<category>a &amp; b</category><pubDate>Wed, 01 May 2024 00:00:00 GMT</pubDate></item>
<item><guid>https://birds.example/2</guid><title>Only a title</title><link>https://birds.example/2</link>
<pubDate>Wed, 01 May 2024 01:00:00 GMT</pubDate></item>
<item><guid isPermaLink="false">urn:birds:3</guid><title>No link</title><description>Text</description>
<pubDate>Wed, 01 May 2024 02:00:00 GMT</pubDate></item></channel></rss>"""


@pytest.mark.parametrize("name", ["rss.xml", "atom.xml", "feed.json"])
def test_a_second_instance_says_the_same_of_every_entry(tmp_path: Path, origin: Origin, name: str) -> None:
    items = []
    address = origin.route("/birds", RICH, content_type="application/rss+xml")
    for folder in ("first", "second"):
        (tmp_path / folder).mkdir()
        site = Site(tmp_path / folder)
        site.configure({"id": "birds", "feed": address})
        assert site.run("update").status == 0
        items.append(json.loads(site.public()["all/feed.json"])["items"])
        address = origin.route("/merged", site.public()[f"all/{name}"], content_type="application/xml")
    if name == "rss.xml":
        for one in (*items[0], *items[1]):
            one["_origin"].pop("url", None)
    assert items[1] == items[0]
    (rich,) = [one for one in items[0] if one["title"] == "Um < dois"]
    assert rich["language"] == "pt-BR"
    assert "size_in_bytes" not in rich["attachments"][0]
    assert rich["attachments"][1]["size_in_bytes"] == 55
