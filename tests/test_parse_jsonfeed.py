"""JSON Feed: broken documents, and any JSON at all; good ones are among the samples."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.errors import ParseError
from aggregator.models import Fetched, ParsedFeed
from aggregator.parse import parse

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


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just("//a.example/b")
NAMES = (
    "id url external_url title content_html content_text summary date_published tags authors author name attachments "
    "mime_type size_in_bytes duration_in_seconds image language"
)
KEYS = st.sampled_from(NAMES.split())
ITEMS = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=8))


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
