"""A stored entry that is cleaned again: what is clean stays as it is, and the rules of today count for all others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.models import Enclosure, Entry, RawEntry, Text
from aggregator.normalize.entry import clean_again, without_markup
from tests.markup import faults, soup
from tests.normalize.test_entry import make

BASE = "https://example.org/blog/feed.xml"


def entry(**changes: Any) -> Entry:
    plain = make(RawEntry(guid="k", url="https://example.org/1", title=Text("A title", "text")))
    return replace(plain, **changes)


@given(soup, soup, st.sampled_from([None, "https://example.org/1", "https://example.org/?a=1&amp;b=%zz"]), st.text())
def test_what_is_clean_stays_as_it_is(content: str, summary: str, url: str | None, words: str) -> None:
    raw = RawEntry(
        url=url,
        title=Text(words, "html"),
        content=Text(content, "html", BASE),
        summary=Text(summary, "html", BASE),
        authors=(words, "&amp;lt;"),
        tags=(words, "&amp;lt;"),
        enclosures=(Enclosure("https://example.org/a.png", "image/png", 5, words),),
        image="https://example.org/cover.png",
    )
    once = make(raw)
    assert clean_again(once) == once


@given(soup, soup)
def test_whatever_is_stored_comes_out_safe(html: str, summary: str) -> None:
    again = clean_again(entry(html=html, summary=summary))
    assert [*faults(again.html), *faults(again.summary)] == []
    assert clean_again(again) == again


def test_all_that_is_published_is_cleaned() -> None:
    old = entry(
        html="<p onclick='x'>A</p><script>b</script>",
        summary="<iframe src='https://example.org/'></iframe>",
        title="A\u202etitle",
        url="javascript:x",
        authors=("Jo\u202e", "\u202e"),
        tags=("\x07bell",),
        enclosures=(Enclosure("javascript:x"), Enclosure("https://example.org/a.mp3", "?", -5, "\u202e")),
        comments_url="data:x",
        image="javascript:y",
    )
    again = clean_again(old)
    assert (again.html, again.title, again.url, again.authors) == ("<p>A</p>", "Atitle", None, ("Jo",))
    assert (again.tags, again.comments_url, again.image) == (("bell",), None, None)
    assert again.enclosures == (Enclosure("https://example.org/a.mp3"),)
    assert (again.key, again.guid, again.hash, again.published_at) == (old.key, old.guid, old.hash, old.published_at)


def test_a_body_of_which_nothing_is_left_gives_way_to_the_summary() -> None:
    again = clean_again(entry(html="<script>x</script>", summary="<p>In short</p>"))
    assert (again.html, again.summary) == ("<p>In short</p>", "")
    assert clean_again(entry(title="\u202e", html="<p>A text</p>")).title == "A text"


@pytest.mark.parametrize(
    ("html", "image", "expected"),
    [
        # It stood in the body, and is no picture there.
        ('<img src="https://a.example/p.gif" width="1" height="1">', "https://a.example/p.gif", None),
        (
            '<img src="https://a.example/p.gif" width="1" height="1"><img src="https://a.example/2.png">',
            "https://a.example/p.gif",
            "https://a.example/2.png",
        ),
        # The source named it.
        ("<p>x</p>", "https://a.example/cover.png", "https://a.example/cover.png"),
        ('<img src="https://a.example/1.png">', "https://a.example/1.png", "https://a.example/1.png"),
        ("<p>x</p>", None, None),
    ],
)
def test_the_picture_is_chosen_again(html: str, image: str | None, expected: str | None) -> None:
    assert clean_again(entry(html=html, image=image)).image == expected


def test_words_are_left_of_what_cannot_be_cleaned() -> None:
    left = without_markup(
        entry(html='<p class="a">1 &lt; 2</p><img src="https://a.example/1.png">', summary="s", image="i")
    )
    assert (left.html, left.summary, left.image) == ("<p>1 &lt; 2</p>", "", None)
    assert without_markup(entry(html="", summary="")).html == ""
