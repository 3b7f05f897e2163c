"""The pass that makes ill-formed XML readable."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from aggregator.parse.wellformed import repair_markup


@pytest.mark.parametrize(
    ("inside", "repaired"),
    [
        ("a & b < c > d", "a &amp; b &lt; c > d"),
        ("?a=1&b=2&copy=3", "?a=1&amp;b=2&amp;copy=3"),
        ("caf&eacute; &lt;b&gt; &#65; &AMP; &bogus;", "café &lt;b&gt; &#65; &amp; &amp;bogus;"),
        ("<![CDATA[a & <b> &eacute;]]>", "<![CDATA[a & <b> &eacute;]]>"),
        ("a<!-- & <x> -->b<?php x ?>c", "abc"),
        ("<!-- never closed", "&lt;!-- never closed"),
        ("<!DOCTYPE x>", "&lt;!DOCTYPE x>"),
        ('<a t="1 < 2 & 3">x</a>', '<a t="1 &lt; 2 &amp; 3">x</a>'),
        ("<a t='it's'>x</a>", "<a t='it's'>x</a>"),
        ("<3 <- </ >", "&lt;3 &lt;- &lt;/ >"),
    ],
)
def test_what_is_no_markup_is_escaped(inside: str, repaired: str) -> None:
    result = repair_markup(f"<rss>{inside}</rss>", "rss")
    assert result.text == f"<rss>{repaired}</rss>"
    assert not result.cut_off


@pytest.mark.parametrize(
    ("inside", "repaired"),
    [
        ("<d><div><p>a</div>b</d>", "<d><div><p>a</p></div>b</d>"),
        ("<d><b><i>a</b></i>c</d>", "<d><b><i>a</i></b>c</d>"),
        ("<d>a</p>b</d>", "<d>ab</d>"),
        ("<d>a<br>b<IMG src='x'>c<hr/>d</d>", "<d>a<br/>b<IMG src='x'/>c<hr/>d</d>"),
        ("<d>a<br></br>b</d>", "<d>a<br/>b</d>"),
        ("<d><p>a<p>b</p></d>", "<d><p>a</p><p>b</p></d>"),
        ("<d><ul><li>a<li>b</ul></d>", "<d><ul><li>a</li><li>b</li></ul></d>"),
    ],
)
def test_markup_in_an_entry_is_balanced(inside: str, repaired: str) -> None:
    assert repair_markup(f"<rss><item>{inside}</item></rss>", "rss").text == f"<rss><item>{repaired}</item></rss>"


@pytest.mark.parametrize("inside", ["<d>a", "<d>a<title>b</title>", "a</d>", "<br>", "<d><link>a</d>"])
def test_what_it_is_not_known_how_to_balance_stays(inside: str) -> None:
    assert repair_markup(f"<rss><item>{inside}</item></rss>", "rss").text == f"<rss><item>{inside}</item></rss>"


@pytest.mark.parametrize(
    "end", ["", "<item>", "<item><title>x", "<item><title>x</title></it", "<item><![CDATA[</item></rss>", "</rs"]
)
def test_a_document_that_is_cut_off_ends_after_its_last_whole_entry(end: str) -> None:
    result = repair_markup(f"<rss><channel><item><title>1</title></item>{end}", "rss")
    assert (result.entries, result.cut_off) == (1, True)
    root = etree.fromstring(result.text)
    assert [item.findtext("title") for item in root.iter("item")] == ["1"]


def test_an_end_tag_in_cdata_ends_nothing() -> None:
    assert repair_markup("<rss><item><![CDATA[</item></rss>]]>", "rss").entries == 0


@pytest.mark.parametrize(
    ("text", "repaired"),
    [
        ("<rss></rss><item/>", "<rss><item/></rss>"),
        ("<rss>a</rss> <item><d>b</d></item>", "<rss>a <item><d>b</d></item></rss>"),
        ("<rss></rss><rss><item/></rss>", "<rss><rss><item/></rss></rss>"),
        ("<rss></rss><?xml version='1.0'?><rss x='y'><item/></rss>", "<rss><rss x='y'><item/></rss></rss>"),
        ("<rss></rss><rss><item/></rss><rss><item/></rss>", "<rss><rss><item/></rss><rss><item/></rss></rss>"),
        ("<rss></rss><rss><item/></rss><item/>", "<rss><rss><item/></rss><item/></rss>"),
    ],
)
def test_entries_after_the_end_of_the_root_element_come_to_stand_inside(text: str, repaired: str) -> None:
    result = repair_markup(text, "rss")
    assert (result.text, result.cut_off) == (repaired, False)
    assert not result.trailing


def test_an_entry_after_the_end_that_is_cut_off_goes() -> None:
    result = repair_markup("<rss><item>a</item></rss><item><title>b", "rss")
    assert (result.text, result.entries, result.cut_off) == ("<rss><item>a</item></rss>", 1, True)


@pytest.mark.slow
def test_many_ends_before_a_last_entry_take_linear_time() -> None:
    result = repair_markup("<rss></rss>" + "</x></rss>" * 200_000 + "<item/>", "rss")
    assert result.text.endswith("<item/></rss>")


def test_anything_else_after_the_end_goes() -> None:
    assert repair_markup("<rss></rss>\n<p>junk", "rss").text == "<rss></rss>"
    assert repair_markup("<rss></rss>\n<p>junk", "rss").trailing
    assert not repair_markup("<rss></rss>\n", "rss").trailing


PIECES = [
    "<a>",
    "</a>",
    "<item>",
    "</item>",
    "<",
    ">",
    "&",
    "&lt;",
    '"',
    "<a b='",
    "<![CDATA[",
    "]]>",
    "<!--",
    "-->",
    "x",
]


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
def test_the_pass_leaves_nothing_for_a_second_one(text: str) -> None:
    once = repair_markup(f"<rss>{text}</rss>", "rss")
    assert repair_markup(once.text, "rss").text == once.text


@given(st.text(alphabet="ab<&;>é ", max_size=60))
def test_text_without_names_after_angle_brackets_becomes_well_formed(text: str) -> None:
    text = text.replace("<a", "< a").replace("<b", "< b").replace("<é", "< é")
    element = etree.fromstring(repair_markup(f"<rss>{text}</rss>", "rss").text)
    assert element.text is None or "<a" not in element.text
    assert list(element) == []
