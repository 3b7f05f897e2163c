"""The text of sanitized HTML, whole and cut."""

from __future__ import annotations

from html.parser import HTMLParser

import nh3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.values.plaintext import plain_text, synopsis


@pytest.mark.parametrize(
    ("fragment", "text"),
    [
        ("<p>a</p><p>b<br>c</p>", "a b c"),
        ("中<b>文</b><a href=\"https://a.example/?a>b\" title='x'>字</a>", "中文字"),
        ("1 &lt; 2 &amp;amp; &nbsp; 3", "1 < 2 &amp; 3"),
        ('<img alt="no > text">', ""),
        ("", ""),
    ],
)
def test_plain_text(fragment: str, text: str) -> None:
    assert plain_text(fragment) == text == synopsis(fragment)


@pytest.mark.parametrize(
    ("fragment", "limit", "text"),
    [
        ("<p>one two three</p>", 13, "one two three"),
        ("<p>one two three</p>", 12, "one two…"),
        ("<p>一二三四五六七八九十</p>", 5, "一二三四五…"),
        ("abcdefgh", 4, "abcd…"),
        ("<p>a</p>" + "<img>" * 10, 5, "a…"),
        ("<img>" * 10, 5, ""),
        ("ab &amp; cd &amp; ef", 4, "ab &…"),
    ],
)
def test_synopsis_is_cut_between_words(fragment: str, limit: int, text: str) -> None:
    assert synopsis(fragment, limit) == text


@given(st.text(st.sampled_from("<>&;\"'/ abp中#x") | st.characters(codec="utf-8")), st.integers(1, 20))
def test_synopsis_of_any_html_is_the_start_of_its_text(text: str, limit: int) -> None:
    clean = nh3.clean(text * 3)
    cut = synopsis(clean, limit)
    assert len(cut) <= limit + 1
    assert plain_text(clean).startswith(cut.removesuffix("…"))


@pytest.mark.parametrize("piece", ["<", '<a "', "<a b='", "&", "<p", '"<'])
def test_broken_html_takes_linear_time(piece: str) -> None:
    assert plain_text(piece * 100_000)


_MARKUP = st.lists(
    st.sampled_from(["word ", "词", "<p>", "</p>", "<b>", "</b>", "&amp;", '<a title="x <b> > y">', "\n", "x" * 9]),
    max_size=60,
).map("".join)


@given(_MARKUP, st.sampled_from([5, 20, 50]))
def test_synopsis_is_that_of_all_that_may_be_looked_at(text: str, limit: int) -> None:
    clean = nh3.clean(text)
    part = clean[: limit * 4]
    if part != clean:
        reader = HTMLParser(convert_charrefs=False)
        reader.feed(part)
        # What is left is a tag or a reference that is cut off.
        part = part[: len(part) - len(reader.rawdata)]
    whole = plain_text(part)
    if part == clean and len(whole) <= limit:
        assert synopsis(clean, limit) == whole
        return
    words = whole[:limit]
    head, space, _ = words.rpartition(" ")
    words = head if space and len(head) > limit // 2 else words
    assert synopsis(clean, limit) == (f"{words}…" if words else "")


@pytest.mark.parametrize("start", ["", "<p>", "&amp; ", '<p title="a > b &amp; c">'])
def test_a_long_text_with_markup_at_its_start_alone_has_a_synopsis(start: str) -> None:
    text = "& word word word…" if "& " in plain_text(start) + " " else "word word word word…"
    assert synopsis(f"{start}{'word ' * 500}</p>", 20) == text
