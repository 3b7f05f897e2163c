"""Bounds of time and memory: documents made to be slow are read like others. What is measured is work, not seconds."""

from __future__ import annotations

import re

import nh3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.normalize.sanitizer import text_of
from aggregator.normalize.sanitizer.limits import (
    MAX_ATTRIBUTES,
    MAX_DEPTH,
    MAX_ELEMENTS,
    MAX_HTML,
    MAX_VALUE,
    PIECE,
    SMALL_TAGS,
    Nesting,
    bound,
    cut,
)
from tests.markup import clean
from tests.thoroughness import examples

_NAMES = """
    a b font span div p ul li dl dt dd table tr td th caption col option h1 h2 o:p ruby rt section nobr img object image
    select button form svg math title template textarea iframe script style input body plaintext hr blockquote
"""
_NESTED = frozenset(_NAMES.split()) - frozenset("svg math script style plaintext iframe body".split())
_READ = nh3.Cleaner(tags=_NESTED | {"tbody"}, attributes={}, clean_content_tags=set(), link_rel=None)
_VOID = {"br", "hr", "img", "col", "input"}


def depth(html: str) -> int:
    """How deep the sanitizer's parser nests a document."""
    deepest = level = 0
    for end, name in re.findall(r"<(/?)([a-z][^ >]*)[^>]*>", _READ.clean(html)):
        if name not in _VOID:
            level += -1 if end else 1
            deepest = max(deepest, level)
    return deepest


_name = st.sampled_from(sorted(frozenset(_NAMES.split())))
_noise = st.sampled_from(["x", "<!-- </div> -->", "<![CDATA[ x> </div> ]]>", "<!-->", '<i title="</div>">', "</i>"])
motif = st.lists(_name.map("<{}>".format) | _name.map("</{}>".format) | _noise, min_size=2, max_size=7).map("".join)


@examples(30)
@given(motif)
def test_no_repetition_nests_deeper_than_the_bound(part: str) -> None:
    assert depth(bound(part * 1000)) <= 2 * MAX_DEPTH + 20


def test_small_documents_pass_untouched() -> None:
    html = "<div>" * 100 + "<!-- c --><script>x</script>" + "</div>" * 100
    assert bound(html) is html


@pytest.mark.parametrize("end", ["", "text", "\n", "<br>"])
def test_a_long_document_with_nothing_to_cut_keeps_its_bytes(end: str) -> None:
    part = '<p class="c">a <a href="d">e <b>f</b></a><br>g</p><ul><li>h</li></ul><table><tr><td>i</td></tr></table>'
    html = f"<div>{part * 1000}</div>{end}"
    assert bound(html) == html


def test_a_long_article_with_sloppy_markup_loses_nothing() -> None:
    part = "<h2>a</h2><p>b <b>c <i>d</b></i><p>e<ul><li>f<li>g</ul><table><tr><td>h<td>i<tr><td>j</table><br>&amp; < k"
    html = f"<div>{part * 2000}</div>"
    read = nh3.Cleaner(link_rel=None)
    assert read.clean(bound(html[:1_000_000])) != ""
    short = f"<div>{part * 40}</div>" + " " * 50_000
    assert read.clean(bound(short)) == read.clean(short)


@pytest.mark.parametrize(
    "html",
    [
        "<div>" * 100_000 + "text",
        "<p><div></p>" * 50_000 + "text",
        "<span><div></span>" * 50_000 + "text",
        "<li><ul></li>" * 50_000 + "text",
        "<table><tr><td>" * 30_000 + "text",
        "<div><textarea></div></textarea>" * 20_000 + "text",
        "<div><svg><![CDATA[ x></div> ]]></svg>" * 20_000 + "text",
        "<b class=1><div><div><div><div><div><div><div><div><div></b>" * 5_000 + "text",
        "<button><span><button></button><foo></button>" * 20_000 + "text",
    ],
    ids=lambda html: html[:30],
)
def test_deep_nesting_is_cut_and_the_text_kept(html: str) -> None:
    assert depth(bound(html)) <= 2 * MAX_DEPTH + 20
    assert "text" in clean(html)


def test_formatting_that_is_left_open_does_not_multiply() -> None:
    html = "".join(f"<p><font class={number}>x</p>" for number in range(50_000))
    assert len(nh3.clean(bound(html), attributes={"font": {"class"}})) < 20_000_000
    assert len(clean(html)) <= MAX_HTML


def test_a_flood_of_elements_ends_and_its_text_stays() -> None:
    html = bound("<br>x" * (2 * MAX_ELEMENTS))
    assert html.count("<br>") == MAX_ELEMENTS
    assert html.count("x") == 2 * MAX_ELEMENTS
    assert bound("</br>" * (2 * MAX_ELEMENTS)).count("</br>") == MAX_ELEMENTS


def test_a_flood_of_attributes_and_an_endless_value_are_cut() -> None:
    many = bound("<p " + " ".join(f"a{number}=1" for number in range(50_000)) + ">x")
    assert many.count("=") == MAX_ATTRIBUTES
    assert len(bound(f'<p class="a" title="{"&" * 100 * MAX_VALUE}">x')) < 100


@pytest.mark.parametrize("value", ['"{}"', "'{}'", "{}"])
def test_only_values_that_are_too_long_are_emptied(value: str) -> None:
    flood = "<i>x</i>" * SMALL_TAGS
    long, short = value.format("=" * MAX_VALUE), value.format("=" * (MAX_VALUE - 20))
    assert bound(f"<p title={long} class={short} lang=a>{flood}").startswith(f'<p title="" class={short} lang=a>')


def test_long_texts_are_read_in_pieces_that_change_nothing() -> None:
    text = "a&amp;b&#65;c<d " * 10_000
    pieces = bound(text).split("<!---->")
    assert max(map(len, pieces)) <= PIECE
    assert text_of(nh3.clean(bound(text))) == text_of(nh3.clean(text))


def test_what_is_taken_out_does_not_join_texts_to_a_tag() -> None:
    html = bound("<<form>div>" * 20_000)
    assert "<div>" not in html


@pytest.mark.parametrize(
    "html", ["<a b='", "<a ", "<a/", '<a b=">"', "<!--", "<?", "<iframe>", "<noscript>", "<svg>", "&"]
)
def test_what_never_ends_is_read_once(html: str) -> None:
    # Quadratic reading of these would take hours, and the run would be ended.
    assert len(clean(html * (MAX_HTML // len(html)))) <= MAX_HTML


def test_the_result_is_never_longer_than_the_limit() -> None:
    safe = clean("&" * (MAX_HTML // 4))
    assert len(safe) <= MAX_HTML
    assert clean(safe) == safe


@pytest.mark.parametrize(
    ("limit", "begin"), [(0, ""), (1, "a"), (2, "a"), (3, "a"), (4, "a<b>"), (5, "a<b>c"), (9, "a<b>c < d")]
)
def test_a_cut_is_not_inside_of_a_tag(limit: int, begin: str) -> None:
    assert cut("a<b>c < d", limit) == begin


def test_nesting_counts_what_is_open() -> None:
    nesting = Nesting()
    for tag in ("<div>", "<p>", "<b>", "<ul>", "<li>", "<li>", "</ul>", "<img>", "</div>"):
        name = tag.strip("</>")
        if tag[1] == "/":
            nesting.close(name)
        else:
            nesting.open(name, len(tag))
    assert nesting.stack == []
    assert nesting.loose == 1
    assert nesting.fits
