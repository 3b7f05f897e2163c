"""Titles, names and tags as plain text."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.models import Text
from aggregator.normalize.text import (
    MAX_AUTHOR,
    MAX_FALLBACK,
    MAX_TAG,
    MAX_TAGS,
    MAX_TITLE,
    UNTITLED,
    clean_authors,
    clean_tags,
    escape_formulas,
    fallback_title,
    has_markup,
    plain_title,
    shorten,
)

FAMILY = "👨\u200d👩\u200d👧"
FLAG = "🇨🇳"

_MARKUP = ["<b>", "</b>", "<hr>", "<p>", "</p>", "<", "&amp;", "&lt;", "&#0;", "&#xD800;", "&#99999999999;"]
_PIECES = [*_MARKUP, "e\u0301", "🇨", "中", "\u0301"]
_INVISIBLE = [" ", "\n", "\u200d", "\u202e", "\u00ad", "\ud800"]
words = st.text() | st.lists(st.sampled_from([*_PIECES, *_INVISIBLE, FAMILY, FLAG]), max_size=20).map("".join)


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<b>Bold</b> and <a href='x>'>link</a>", "Bold and '>link"),
        ("<b>Bold</b> and <a href='x'>link</a>", "Bold and link"),
        ("CSS+<hr>生成", "CSS+<hr>生成"),
        ("H<sub>2</sub>O", "H2O"),
        ("one<br>two<br/>three", "one two three"),
        ("1 < 2 &amp; 3 > 2", "1 < 2 & 3 > 2"),
        ("&lt;script&gt; explained", "<script> explained"),
        ("&amp;lt;", "&lt;"),
        ("<p>The <i>whole</i> title</p>", "The whole title"),
        ("The <p> element", "The <p> element"),
        ("C++ <vector>", "C++ <vector>"),
        ("  two\n\tlines\u3000\u2028here ", "two lines here"),
        ("&nbsp;a&nbsp;b", "a b"),
        ("\u202etxt.exe\u200b\ufeff\u00ad", "txt.exe"),
        ("x\x00y\x1b\x7fz\ufffe", "xyz"),
        ("e\u0301", "é"),
        (FAMILY + FLAG, FAMILY + FLAG),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("in\u200dvisible", "invisible"),
        ("a \u200d b", "a b"),
        ("葛\U000e0100", "葛\U000e0100"),
        ("x\U000e0041y", "xy"),
        ("&#xD800;&#55296;", "\ufffd\ufffd"),
        ("&#" + "9" * 5000 + ";", "\ufffd"),
        ("\u200b<b></b> ", ""),
    ],
)
def test_titles_in_html(html: str, expected: str) -> None:
    assert plain_title(Text(html, "html")) == expected


def test_a_title_that_is_text_is_taken_literally() -> None:
    assert plain_title(Text("<b>AT&amp;T</b>", "text")) == "<b>AT&amp;T</b>"


@given(words)
def test_titles_are_printable_lines_and_stable(value: str) -> None:
    title = plain_title(Text(value, "html"))
    assert len(title) <= MAX_TITLE
    assert title == " ".join(title.split())
    assert unicodedata.is_normalized("NFC", title)
    assert not {"Cc", "Cs"} & {unicodedata.category(letter) for letter in title}
    assert plain_title(Text(title, "text")) == title


@pytest.mark.parametrize("cluster", [FAMILY, FLAG, "👍🏽", "g\u0308\u0323", "한", "\u1112\u1161\u11ab", "❤\ufe0f"])
@pytest.mark.parametrize("before", range(4))
def test_a_cut_never_falls_inside_of_a_grapheme(cluster: str, before: int) -> None:
    text = "a" * before + cluster * 20
    for limit in range(2 + before + len(cluster), 3 * len(cluster) + before + 3):
        cut = shorten(text, limit)
        assert len(cut) <= limit
        assert cut.endswith("…")
        assert cut[before:-1].replace(cluster, "") == ""


def test_a_cluster_without_end_is_cut_anyway() -> None:
    assert len(plain_title(Text("a" + "\u0316" * 5000, "text"))) <= MAX_TITLE


@pytest.mark.parametrize(
    ("body", "url", "expected"),
    [
        ("A short note.", "https://example.org/x", "A short note."),
        ("word " * 40, None, ("word " * 15).strip() + "…"),
        ("字" * 200, None, "字" * (MAX_FALLBACK - 1) + "…"),
        ("", "https://example.org/2024/hello-world.html?a=/b", "hello-world"),
        ("", "https://example.org/%E4%B8%AD%E6%96%87/", "中文"),
        ("", "https://example.org/", "example.org"),
        (" \u200b", None, UNTITLED),
    ],
)
def test_a_missing_title_is_made_of_what_there_is(body: str, url: str | None, expected: str) -> None:
    assert fallback_title(body, url) == expected


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("mail@example.org (Jane Doe)", "Jane Doe"),
        ("Jane Doe <mail@example.org>", "Jane Doe"),
        ('"Doe, Jane" <mail@example.org>', "Doe, Jane"),
        ("Jane Doe (mail@example.org)", "Jane Doe"),
        ("jane.doe@example.org", "jane.doe"),
        ("mailto:jane@example.org", "jane"),
        ("Jane (editor)", "Jane (editor)"),
        ("@jane@social.example", "@jane@social.example"),
        ("Tom &amp; Jerry", "Tom & Jerry"),
        ("李四, 王五; 赵六", "李四, 王五; 赵六"),
        ("  a\n b ", "a b"),
        ("L@ra7", "L@ra7"),
        ("Jane @ Example", "Jane @ Example"),
        ("Nils (mailto:nils@example.org)", "Nils"),
        ("Nils <mailto:nils@example.org>", "Nils"),
        ("nils@xn--bcher-kva.example", "nils"),
        ("nils@bücher.example", "nils"),
        ("nils@example.org.", "nils"),
        ('<a href="/team/ada">Ada Fenn</a>', "Ada Fenn"),
        ("<b>Ada</b> <i>Fenn</i>", "Ada Fenn"),
        ('<a href="mailto:ada@example.org">Ada Fenn</a>', "Ada Fenn"),
        ("Ada <Fenn>", "Ada <Fenn>"),
        ("<b></b>", "<b></b>"),
    ],
)
def test_authors_are_names_without_mail_addresses(raw: str, name: str) -> None:
    assert clean_authors([raw]) == (name,)


def test_authors_are_given_once_and_empty_ones_not() -> None:
    assert clean_authors(["Jane", "", "<>", "jane", "Tom"])[0] == "Jane"
    assert len(clean_authors(["Jane", "JANE", "jane <a@b.example>"])) == 1


@given(st.lists(st.text(alphabet=st.sampled_from("ab@<>()\"',;: \u202e.")), max_size=5))
def test_no_mail_address_comes_out(raw: list[str]) -> None:
    for name in clean_authors(raw):
        assert 0 < len(name) <= MAX_AUTHOR
        assert re.search(r"(?<![\w@.])[\w.]+@\w+\.[a-z]{2}", name) is None


@pytest.mark.parametrize(
    ("raw", "tag"),
    [
        ('<a href="/t/tide">tide</a>', "tide"),
        ("&lt;canvas&gt;", "<canvas>"),
        ("<canvas>", "<canvas>"),
        ("<b>", "<b>"),
        ("a < b > c", "a < b > c"),
    ],
)
def test_tags_are_without_markup_unless_they_are_about_it(raw: str, tag: str) -> None:
    assert clean_tags([raw]) == (tag,)


@pytest.mark.parametrize(
    ("text", "markup"),
    [
        ("plain", False),
        ("Clay &amp; glaze", False),
        ("if $n<m$ and $k>2$", False),
        ("for $a<b$ it does not", False),
        ("a <b and c> d", False),
        ("i <s and j = 3", False),
        ("C++ <vector> and <int>", False),
        ("<3 you", False),
        ("x <- y", False),
        ("<foo>bar</foo>", False),
        ("<p>", True),
        ("one<br/>two", True),
        ("one<BR >two", True),
        ("</div>", True),
        ("<a href='x'>", True),
        ("<a href=x>", True),
        ('<img alt="a<b" src="x">', True),
        ("<o:p></o:p>", True),
        ("<my-element>", True),
        ("<!-- x -->", True),
        ("<![CDATA[x]]>", True),
        ("<svg>", True),
        ("<math>", True),
    ],
)
def test_what_has_markup(text: str, markup: bool) -> None:
    assert has_markup(text) is markup


@pytest.mark.parametrize(
    "text", ["<" * 200_000, "<b " * 70_000, "<b =" * 50_000, "<b " + "= " * 100_000, "<b " + "a=" + " " * 200_000]
)
def test_markup_is_looked_for_in_linear_time(text: str) -> None:
    assert not has_markup(text)
    assert escape_formulas(text) == text


def test_tags_are_trimmed_unique_and_limited() -> None:
    assert clean_tags([" Tech ", "tech", "", "  ", "C++", "Q&amp;A", "a,b"]) == ("Tech", "C++", "Q&A", "a,b")
    many = clean_tags([f"{number} {'x' * 200}" for number in range(10_000)])
    assert len(many) == MAX_TAGS
    assert all(len(tag) <= MAX_TAG for tag in many)
