"""JSON Feed: broken documents, and any JSON at all; good ones are among the samples."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.errors import ParseError
from aggregator.models import Enclosure, Fetched, ParsedFeed, RawEntry
from aggregator.parse import parse
from tests.thoroughness import examples

URL = "https://site.example/feed.json"
VERSION = "https://jsonfeed.org/version/1.1"


def read(text: str) -> ParsedFeed:
    return parse(Fetched(requested_url=URL, url=URL, status=200, content_type="", body=text.encode()))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"version": "https://jsonfeed.org/version/1", "items": [{"id"', "the document is cut off: broken JSON"),
        ('{"items": [{"title": "an unfinished str', "the document is cut off: broken JSON"),
        ("{'single': 1}", "broken JSON: Expecting property name"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a": ' * 50_000, "nested too deeply"),
        (f'{{"items": [{"9" * 5000}]}}', "broken JSON"),
    ],
)
def test_broken_json(text: str, message: str) -> None:
    with pytest.raises(ParseError, match=message) as error:
        read(text)
    assert (error.value.kind, error.value.url) == ("unparsable", URL)


def test_a_feed_without_items_is_empty_and_says_so() -> None:
    parsed = read(json.dumps({"version": VERSION, "items": None}))
    assert (parsed.entries, parsed.repairs) == ((), ("it has no list of items",))


def test_a_feed_without_version_is_read() -> None:
    assert len(read('{"title": "t", "items": [{"id": "1", "content_text": "x"}]}').entries) == 1


def test_nan_and_double_keys_do_no_harm() -> None:
    parsed = read(f'\ufeff{{"version": 1, "version": "{VERSION}", "x": NaN, "items": [{{"id": "1", "id": "2"}}]}}')
    assert [entry.guid for entry in parsed.entries] == ["2"]


def test_only_the_first_10_000_items_are_read() -> None:
    parsed = read(json.dumps({"version": VERSION, "items": [{"id": n} for n in range(10_001)]}))
    assert len(parsed.entries) == 10_000
    assert parsed.repairs == ("only the first 10,000 entries were read",)


def item(**fields: Any) -> RawEntry:
    (only,) = read(json.dumps({"version": VERSION, "items": [{"id": "1", "url": "/posts/1/", **fields}]})).entries
    return only


@pytest.mark.parametrize(
    "fields",
    [
        {"author": "Jane"},
        {"authors": {"name": "Jane"}},
        {"authors": [], "author": {"name": "Jane"}},
        {"authors": [{}], "author": {"name": "Jane"}},
        {"authors": ["Jane"]},
        {"authors": "Jane"},
        {"authors": [[{"name": "Jane"}]]},
        {"author": [{"name": "Jane"}]},
    ],
)
def test_authors_in_the_shapes_in_which_they_come(fields: dict[str, Any]) -> None:
    assert item(**fields).authors == ("Jane",)


@pytest.mark.parametrize("tags", ["clay, glaze", ["clay", "glaze"], [["clay"], "glaze"], [{"name": "clay"}, "glaze"]])
def test_tags_in_the_shapes_in_which_they_come(tags: Any) -> None:
    assert item(tags=tags).tags == ("clay", "glaze")


@pytest.mark.parametrize("files", [{"url": "a.mp3"}, [{"url": "a.mp3"}], "a.mp3", ["a.mp3"], [[{"url": "a.mp3"}]]])
def test_attachments_in_the_shapes_in_which_they_come(files: Any) -> None:
    assert item(attachments=files).enclosures == (Enclosure("https://site.example/posts/1/a.mp3"),)


@pytest.mark.parametrize("image", ["a.png", {"url": "a.png"}])
def test_addresses_of_an_item_start_from_its_page(image: Any) -> None:
    assert item(image=image).image == "https://site.example/posts/1/a.png"


@pytest.mark.parametrize("name", ["title", "summary"])
@pytest.mark.parametrize(
    ("said", "kind"),
    [("Salt &amp; smoke &#8211; it&#8217;s hot", "html"), ("AT&T &bogus; 1 < 2", "text"), ("Plain", "text")],
)
def test_references_in_texts_that_should_be_plain(name: str, said: str, kind: str) -> None:
    text = getattr(item(**{name: said}), name)
    assert (text.value, text.type) == (said, kind)


def test_numbers_are_texts_where_a_word_is_meant() -> None:
    found = item(title=1984, tags=[2024], author=7)
    assert (found.title and found.title.value, found.tags, found.authors) == ("1984", ("2024",), ("7",))


def test_one_item_is_a_list_of_one() -> None:
    parsed = read(json.dumps({"version": VERSION, "title": "A &amp; B", "items": {"id": "1", "content_text": "x"}}))
    assert ([one.guid for one in parsed.entries], parsed.repairs, parsed.title) == (["1"], (), "A & B")


FEED = json.dumps({"version": VERSION, "items": [{"id": "1", "content_text": "x"}]})


@pytest.mark.parametrize("behind", ["\n<!-- cached -->", " x", "}", FEED, "\x00"])
def test_what_stands_behind_the_feed_is_left_out(behind: str) -> None:
    parsed = read(FEED + behind)
    assert [one.guid for one in parsed.entries] == ["1"]
    assert parsed.repairs[-1] == "text after the end of the feed was left out" or behind == "\x00"


@pytest.mark.parametrize("before", ["Notice: x in y.php\n", "<br />\n<b>Warning</b>: x\n", ")]}',\n"])
def test_what_stands_before_the_feed_is_left_out(before: str) -> None:
    parsed = read(before + FEED)
    assert ([one.guid for one in parsed.entries], parsed.repairs) == (["1"], ("text before the feed was left out",))


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just("//a.example/b")
NAMES = (
    "id url external_url title content_html content_text summary date_published tags authors author name attachments "
    "mime_type size_in_bytes duration_in_seconds image language"
)
KEYS = st.sampled_from(NAMES.split())
ITEMS = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=8))


@examples(30)
@given(st.lists(ITEMS, max_size=5), ITEMS, ITEMS)
def test_any_json_is_read_without_an_error(items: Any, authors: Any, language: Any) -> None:
    feed = {"version": VERSION, "items": items, "authors": authors, "language": language, "title": authors}
    parsed = read(json.dumps(feed))
    for entry in parsed.entries:
        repr(entry).encode("utf-8")
        assert entry.url is None or entry.url.startswith(("http://", "https://"))


def test_addresses_that_cannot_be_encoded_are_none() -> None:
    item = {"id": "1", "url": "https://a.example/\ud800", "content_text": "x"}
    feed = {"version": VERSION, "home_page_url": "https://a.example/\ud800", "items": [item]}
    parsed = read(json.dumps(feed))
    assert (parsed.home_url, parsed.entries[0].url) == (None, None)
