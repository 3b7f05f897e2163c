"""Values come out fit for every format, or not at all."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime

import nh3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from aggregator.publish.values import language_tag, plain_text, rfc822, synopsis, xml_text


@given(st.text(st.characters() | st.sampled_from("\x00\x0b\x1f\x7f\x85\ud800\udfff\ufffe\uffff\U0001ffff")))
def test_xml_text_is_all_that_xml_should_hold(text: str) -> None:
    clean = xml_text(text)
    element = etree.Element("a", b=clean)
    element.text = clean
    again = etree.fromstring(etree.tostring(element, encoding="UTF-8"))
    assert (again.text or "") == clean == again.get("b")
    assert len(clean) == sum(1 for c in text if _is_char(ord(c)))


def _is_char(code: int) -> bool:
    """Char of XML 1.0, section 2.2, without the controls that the note there discourages."""
    return (
        code in (9, 10, 13)
        or 0x20 <= code <= 0x7E
        or 0xA0 <= code <= 0xD7FF
        or 0xE000 <= code <= 0xFFFD
        or code > 0xFFFF
    )


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("en", "en"), (" zh_CN ", "zh-CN"), ("zh-Hant-TW", "zh-Hant-TW"), ("de-CH-1996", "de-CH-1996"),
        ("sl-rozaj-biske", "sl-rozaj-biske"), ("en-u-ca-buddhist", "en-u-ca-buddhist"), ("x-klingon", "x-klingon"),
        ("es-419", "es-419"), ("zh-cmn-Hans-CN", "zh-cmn-Hans-CN"), ("en-a-bbb-x-a", "en-a-bbb-x-a"),
        ("e", None), ("english language", None), ("en-", None), ("en--US", None), ("en-a", None), ("中文", None),
        ("a" * 9, None), ("en-US-US", None), ("", None), (None, None),
    ],
)  # fmt: skip
def test_language_tags(tag: str | None, expected: str | None) -> None:
    assert language_tag(tag) == expected


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


@given(st.datetimes(datetime(1, 1, 1), timezones=st.just(UTC)))
def test_rfc822_is_what_the_standard_library_writes(moment: datetime) -> None:
    assert rfc822(moment) == format_datetime(moment)
    assert rfc822(moment, "GMT") == format_datetime(moment, usegmt=True)


_MARKUP = st.lists(
    st.sampled_from(["word ", "词", "<p>", "</p>", "<b>", "</b>", "&amp;", '<a title="x <b> > y">', "\n", "x" * 9]),
    max_size=60,
).map("".join)


@given(_MARKUP, st.sampled_from([5, 20, 50]))
def test_synopsis_is_that_of_all_that_may_be_looked_at(text: str, limit: int) -> None:
    clean = nh3.clean(text)
    part = clean[: limit * 4]
    if part != clean:
        part = part[: max(part.rfind("<"), part.rfind("&"), 0)]
    whole = plain_text(part)
    if part == clean and len(whole) <= limit:
        assert synopsis(clean, limit) == whole
        return
    words = whole[:limit]
    head, space, _ = words.rpartition(" ")
    words = head if space and len(head) > limit // 2 else words
    assert synopsis(clean, limit) == (f"{words}…" if words else "")
