"""What the fast readers take, and what they leave to the tolerant one."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.models import Fetched, ParsedFeed
from aggregator.parse import REPAIR_LIMIT, parse, parse_plain

URL = "https://site.example/feed"
ITEM = "<rss version='2.0'><channel><item><title>&e;</title><guid x='&e;'>1</guid></item></channel></rss>"


def fetched(text: str) -> Fetched:
    return Fetched(requested_url=URL, url=URL, status=200, content_type="", body=text.encode())


def title(feed: ParsedFeed) -> str | None:
    (found,) = feed.entries
    return found.title.value if found.title else None


@pytest.mark.parametrize(
    "before",
    [
        "",
        "<?xml version='1.0'?>",
        "<!-- <rss> -->",
        "<!-- <a> --><?x <rss> ?>",
        "<?xml version='1.0'?>\n<!-- a --> <?b c?>\n",
        "\ufeff",
        "\ufeff<?xml version='1.0' encoding='utf-8'?><!-- ?> -->",
    ],
)
def test_no_entity_is_expanded_wherever_its_doctype_stands(before: str) -> None:
    feed = parse(fetched(f"{before}<!DOCTYPE rss [<!ENTITY e 'expanded'>]>{ITEM}"))
    assert title(feed) == "&e;"


@pytest.mark.parametrize("control", ["\x85", "&#133;", "&#x85;", "&#x0085;"])
def test_a_control_is_the_letter_that_was_meant(control: str) -> None:
    feed = parse(fetched(f"<rss version='2.0'><channel><item><title>One{control}two</title></item></channel></rss>"))
    assert title(feed) == "One…two"


def test_a_doctype_that_is_only_written_about_is_no_trouble() -> None:
    text = ITEM.replace("&e;", "").replace("<title>", "<title><![CDATA[What <!DOCTYPE html> means]]>")
    feed = parse_plain(fetched(text))
    assert feed is not None
    assert (title(feed), feed.reader, feed.repairs) == ("What <!DOCTYPE html> means", "lxml", ())


def test_only_documents_of_moderate_size_are_repaired_outside_of_a_process_of_their_own() -> None:
    text = ITEM.replace("&e;", "Ham & eggs")
    small = parse_plain(fetched(text))
    assert small is not None
    assert (small.reader, title(small), small.repairs) == (
        "lxml",
        "Ham & eggs",
        ("not well-formed XML, repaired: an & that is no reference",),
    )
    large = fetched(text.replace("<item>", "<item>" + " " * REPAIR_LIMIT))
    assert parse_plain(large) is None
    assert title(parse(large)) == "Ham & eggs"


@pytest.mark.parametrize("void", ["<br>", "<BR>", "<img src='x'>", "<xhtml:br>", "<hr>"])
def test_no_text_after_an_element_without_an_end_is_lost(void: str) -> None:
    text = ITEM.replace("&e;", "t").replace("<guid", f"<description><p>one{void}two<p>three</description><guid")
    (found,) = parse(fetched(text)).entries
    assert found.summary is not None
    assert [word in found.summary.value for word in ("one", "two", "three")] == [True] * 3


def xhtml(*markup: str) -> str:
    """What is read of an Atom entry's content."""
    content = f"<content type='xhtml'><div xmlns='http://www.w3.org/1999/xhtml'>{''.join(markup)}</div></content>"
    feed = parse_plain(fetched(f"<feed xmlns='http://www.w3.org/2005/Atom'><entry>{content}</entry></feed>"))
    assert feed is not None
    (entry,) = feed.entries
    assert entry.content is not None
    return entry.content.value


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("a<br>b</br>c", "a<br>bc"),
        ("<p>1<br>2<b>3</b>4<i>5</i></br>6</p>7", "<p>1<br>2<b>3</b>4<i>5</i>6</p>7"),
        ("<hr>a<br>b<img>c</img>d</br>e</hr>f", "<hr>a<br>b<img>cdef"),
        ("<br><b>x</b></br>", "<br><b>x</b>"),
        ("<p>a<br/>b</p>", "<p>a<br>b</p>"),
    ],
)
def test_what_stands_in_an_element_that_html_leaves_empty_comes_after_it(markup: str, expected: str) -> None:
    assert xhtml(markup) == expected


_TEXT = st.text("ab", min_size=1, max_size=2)
_TREES = st.recursive(
    _TEXT,
    lambda parts: st.builds(
        lambda name, inner: f"<{name}>{''.join(inner)}</{name}>",
        st.sampled_from(["br", "img", "p", "b", "source"]),
        st.lists(parts, max_size=3),
    ),
)


@given(st.lists(_TREES, min_size=1, max_size=4))
def test_no_text_of_xhtml_is_lost_or_moved(trees: list[str]) -> None:
    whole = "start" + "".join(trees)
    assert re.sub("<[^>]*>", "", xhtml(whole)) == re.sub("<[^>]*>", "", whole)


@pytest.mark.parametrize("broken", ["", "&nope;"])
def test_the_title_of_a_file_is_not_that_of_the_entry(broken: str) -> None:
    media = "<media:content url='https://e.example/1'><media:title>Jane</media:title></media:content>"
    item = f"<item><title></title><link>https://e.example/</link>{media}<description>a{broken}</description></item>"
    text = f"<rss version='2.0' xmlns:media='http://search.yahoo.com/mrss/'><channel>{item}</channel></rss>"
    for document in (text, text.replace("<channel>", "<channel><item><x></item>")):
        entry = parse(fetched(document)).entries[-1]
        assert entry.title is None
        assert [file.title for file in entry.enclosures] == ["Jane"]
    grouped = text.replace("<media:content", "<media:group><media:title>Both</media:title><media:content")
    entry = parse(fetched(grouped.replace("</media:content>", "</media:content></media:group>"))).entries[0]
    assert entry.title is not None
    assert entry.title.value == "Both"
