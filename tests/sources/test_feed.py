"""The kind `feed`: what is asked for, when validators go along, and what comes out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aggregator.errors import FetchError, ParseError
from aggregator.models import FeedState, Fetched, NotModified, Source
from aggregator.sources import KINDS
from tests.origin import Origin
from tests.scraping import fetch, pull, source
from tests.support import item, rss


def remembered(fetched: Fetched, request_hash: str) -> FeedState:
    """The state that a successful pull leaves behind."""
    return FeedState(
        "site",
        etag=fetched.etag,
        last_modified=fetched.last_modified,
        body_hash=fetched.body_hash,
        request_hash=request_hash,
    )


async def outcome(feed: Source, state: FeedState) -> Fetched | NotModified:
    return await fetch(feed, state)


async def test_feed_is_read(origin: Origin) -> None:
    url = origin.route("/feed.xml", rss([item(1), item(2)], title="News"))
    pulled = await pull(source(url, None))
    assert (pulled.feed.title, pulled.feed.version) == ("News", "rss20")
    assert [entry.url for entry in pulled.feed.entries] == ["https://example.org/1", "https://example.org/2"]


@pytest.mark.parametrize(
    ("said", "home"),
    [
        ("https://site.example/our news", "https://site.example/our%20news"),
        ("https://user:word@site.example/", "https://site.example/"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("https://site.example/", "https://site.example/"),
    ],
)
async def test_the_home_page_is_a_uri(origin: Origin, said: str, home: str) -> None:
    text = f"<rss><channel><title>T</title><link>{said}</link></channel></rss>"
    pulled = await pull(source(origin.route("/feed.xml", text.encode()), None))
    assert pulled.feed.home_url == home


async def test_feeds_are_asked_for_and_anything_is_taken(origin: Origin) -> None:
    await pull(source(origin.route("/feed.xml", rss([item(1)])), None))
    accept = origin.asked("/feed.xml")[0].headers["accept"]
    for media_type in ("application/rss+xml", "application/atom+xml", "application/feed+json", "*/*"):
        assert media_type in accept


async def test_validators_go_along_with_the_same_request_only(origin: Origin) -> None:
    headers = {"Last-Modified": "Mon, 20 Apr 2026 00:30:00 GMT"}
    feed = source(origin.route("/feed.xml", rss([item(1)]), headers=headers, conditional=True), None)
    first = await fetch(feed)
    assert isinstance(first, Fetched)
    state = remembered(first, KINDS["feed"].request_hash(feed))

    assert isinstance(await outcome(feed, state), NotModified)
    assert isinstance(await outcome(feed, replace(state, request_hash="of another request")), Fetched)
    assert isinstance(await outcome(feed, replace(state, request_hash=None)), Fetched)

    conditional = [seen.headers.get("if-none-match") for seen in origin.asked("/feed.xml")]
    assert conditional == [None, first.etag, None, None]
    assert origin.asked("/feed.xml")[1].headers["if-modified-since"] == headers["Last-Modified"]


async def test_the_same_bytes_again_are_not_modified(origin: Origin) -> None:
    feed = source(origin.route("/feed.xml", rss([item(1)])), None)
    first = await fetch(feed)
    assert isinstance(first, Fetched)
    assert isinstance(await outcome(feed, remembered(first, KINDS["feed"].request_hash(feed))), NotModified)


def test_request_hash_follows_the_address_and_the_kind() -> None:
    feed, request_hash = source("https://a.example/feed", None), KINDS["feed"].request_hash
    assert request_hash(feed) == request_hash(replace(feed, name="renamed", category="moved"))
    assert request_hash(feed) != request_hash(replace(feed, url="https://b.example/feed"))
    assert request_hash(feed) != KINDS["scrape"].request_hash(feed)


async def test_failures_are_told_apart(origin: Origin) -> None:
    with pytest.raises(FetchError) as missing:
        await pull(source(f"{origin.url}/nowhere.xml", None))
    assert (missing.value.kind, missing.value.status) == ("http_status", 404)
    with pytest.raises(ParseError) as page:
        await pull(source(origin.route("/page", "<!DOCTYPE html><html><title>Hello</title></html>"), None))
    assert page.value.kind == "not_a_feed"
