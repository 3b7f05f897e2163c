"""A feed of RSSHub is the same whichever instance gave it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.errors import ParseError
from aggregator.models import Enclosure, Fetched, OriginalFeed, ParsedFeed, RawEntry, Text
from aggregator.models.extras import Alternate, Extras, MediaSource
from aggregator.sources.rsshubfeed import Addresses, independent, read_feed, without_code
from tests.support import item, rss

A, B = "https://a.example/", "https://b.example:8443/hub/"
CODE = "0f820530128805ffc10351f22b5fd121"
NAMES = Addresses((A, B), A)


def neutral(text: str, names: Addresses = NAMES) -> str:
    """What becomes of the text of an entry."""
    feed = ParsedFeed("rss20", "x", (RawEntry(guid="1", content=Text(text, "html")),))
    (entry,) = independent(feed, names).entries
    assert entry.content is not None
    return entry.content.value


def guid(text: str | None, url: str | None = None) -> str | None:
    (entry,) = independent(ParsedFeed("rss20", "x", (RawEntry(guid=text, url=url),)), NAMES).entries
    return entry.guid


@pytest.mark.parametrize(
    ("there", "here"),
    [
        ("https://b.example:8443/hub/x.png", "https://a.example/x.png"),
        ("https://b.example:8443/hub", "https://a.example"),
        ("https://b.example:8443/hub?x=1", "https://a.example?x=1"),
        ("http://B.example:8443/hub/x", "https://a.example/x"),
        ("http://a.example/x http://a.example:80/y", "https://a.example/x https://a.example/y"),
        ("https://a.example:443/x", "https://a.example/x"),
        ("see https://b.example:8443/hub.", "see https://a.example."),
        ('<img src="https://b.example:8443/hub/1">', '<img src="https://a.example/1">'),
        (
            "https://img.example/?u=https%3A%2F%2Fb.example:8443%2Fhub%2F1.png",
            "https://img.example/?u=https%3A%2F%2Fa.example%2F1.png",
        ),
    ],
)
def test_addresses_become_those_of_the_first_instance(there: str, here: str) -> None:
    assert neutral(there) == here


@pytest.mark.parametrize(
    "other",
    [
        "https://b.example:8443/hubs/x",
        "https://b.example:8443/hub-2/x",
        "https://b.example:8443/other",
        "https://b.example/hub/x",
        "https://b.example:84430/hub/x",
        "https://a.example.org/x",
        "https://a.example:8080/x",
        "https://a.example@evil.example/x",
        "https://xa.example/",
        "//a.example/x",
        "ftp://a.example/",
        "a.example/x",
    ],
)
def test_other_addresses_stay(other: str) -> None:
    assert neutral(other) == other


def test_guids_lose_the_instance_and_other_guids_stay() -> None:
    assert guid("https://b.example:8443/hub/ofweek/1") == "rsshub://ofweek/1"
    assert guid("http://a.example/ofweek/1") == "rsshub://ofweek/1"
    assert guid(f"https://a.example/ofweek/1?code={CODE}") == f"rsshub://ofweek/1?code={CODE}"
    for other in ("https://www.ofweek.example/1", "ofweek-1", "x https://a.example/1", "https://a.example.org/"):
        assert guid(other) == other


def test_an_address_of_an_instance_stands_for_the_guid_that_is_missing() -> None:
    assert guid(None, "https://b.example:8443/hub/ofweek/1") == "rsshub://ofweek/1"
    assert guid(None, "https://www.ofweek.example/1") is None
    assert guid(None) is None


@pytest.mark.parametrize(
    ("there", "here"),
    [
        (f"https://a.example/x?code={CODE}", "https://a.example/x"),
        (f"https://a.example/x?a=1&code={CODE}", "https://a.example/x?a=1"),
        (f"https://a.example/x?code={CODE}&a=1", "https://a.example/x?a=1"),
        (f"https://a.example/x?a=1&amp;code={CODE}&amp;b=2", "https://a.example/x?a=1&amp;b=2"),
        (f"https://a.example/x?code={CODE}&amp;b=2#c", "https://a.example/x?b=2#c"),
        (f"the code is {CODE}", "the code is ***"),
    ],
)
def test_the_access_code_goes_wherever_it_stands(there: str, here: str) -> None:
    assert without_code(there, CODE) == here
    assert neutral(there, Addresses((A, B), A, CODE)) == here
    assert without_code(there, None) == there


def feed_of(name: str, code: str) -> ParsedFeed:
    """A feed that has the address of an instance wherever a feed can have one."""
    there = name.removesuffix("/")
    entry = RawEntry(
        guid=f"{there}/1?code={code}",
        url=f"{there}/link",
        title=Text(f"At {there}/title", "text"),
        content=Text(f'<a href="{there}/x?code={code}&amp;y=1">x</a>', "html", f"{there}/base"),
        summary=Text(f"{there}/summary", "text"),
        enclosures=(Enclosure(f"{there}/sound.mp3", title=f"{there}/sound"),),
        image=f"{there}/image.png",
        comments_url=f"{there}/comments",
        former_url=f"{there}/former",
        original_feed=OriginalFeed("Feed", f"{there}/id", f"{there}/feed", f"{there}/"),
        extras=Extras(
            comments_feed=f"{there}/comments?code={code}",
            alternates=(Alternate("video/mp4", (MediaSource(f"{there}/film.mp4"),)),),
            noindex=True,
        ),
    )
    return ParsedFeed("rss20", "x", (entry,), title=there, home_url=f"{there}/home")


def test_no_value_tells_which_instance_gave_it() -> None:
    first = independent(feed_of(A, CODE), Addresses((A, B), A, CODE))
    other = "1" * 32
    assert independent(feed_of(B, other), Addresses((A, B), A, other)) == first
    assert "b.example" not in repr(first)
    assert CODE not in repr(first)
    assert first == independent(first, Addresses((A, B), A, CODE))


@given(st.text(st.sampled_from("ab:/.@-%2Fhtps?#\"'<> é"), max_size=80))
def test_any_text_is_changed_once_and_for_all(text: str) -> None:
    once = neutral(f"{text}https://b.example:8443/hub{text}")
    assert neutral(once) == once


def test_what_is_no_feed_is_an_error() -> None:
    page = Fetched("https://a.example/x", "https://a.example/x", 200, "text/html", b"<html><body>no</body></html>")
    with pytest.raises(ParseError, match="HTML page"):
        read_feed((page, NAMES))


def test_a_feed_is_read_by_any_reader() -> None:
    broken = rss([item(1)]).replace("</channel>", "&nbsp;<unclosed></channel>")
    for body in (rss([item(1)]), broken, '{"version": "https://jsonfeed.org/version/1.1", "items": [{"id": "1"}]}'):
        page = Fetched("https://a.example/x", "https://a.example/x", 200, "application/xml", body.encode())
        assert len(read_feed((page, NAMES)).entries) == 1
