"""The short ways that most entries take give what the long ways give."""

from __future__ import annotations

import sys
import unicodedata
from typing import Literal
from unittest import mock

from hypothesis import example, given
from hypothesis import strategies as st

from aggregator.models import Text
from aggregator.normalize import entry, sanitizer, text
from aggregator.normalize.sanitizer import clean_html, rewriting, text_of
from aggregator.normalize.sanitizer.allowlist import LENIENT, STRICT
from aggregator.normalize.sanitizer.fallbacks import recover_addresses, reveal
from aggregator.normalize.sanitizer.limits import bound
from aggregator.normalize.sanitizer.mathml import put_back, take_out
from aggregator.normalize.sanitizer.rewriting import Rewriter
from aggregator.values import urls
from tests.markup import BASE, faults, soup
from tests.thoroughness import examples

PAGE = "https://example.org/post"
_OTHER_BASES = [
    None,
    "",
    "ftp://x/",
    "https://[bad/",
    "https://1.2.3.999/",
    "https://xn--a/",
    "https://a..b/x",
    "http://e.example:8080/?a&b",
    "https://e.example/a.jpg",
    f"https://{'a' * 400}.example/",
]
bases = st.just(BASE) | st.sampled_from(_OTHER_BASES)

_STARTS = "a a a b p p span img img img source video audio blockquote q pre td table x-noscript x-iframe"
_ENDS = "a b p span blockquote q video pre td table x-noscript x-iframe"
_ATTRIBUTES = """
    href href href src src src style style cite poster srcset class title alt width height target rel loading type
    data-src data-original data-srcset file
"""
_VALUES = """
    x /a /a?b=1&amp;c=2 /a&amp;b //h/x /./x /.x /a/../b /[x] /\\x /é # #n mailto:a@b.c tel:+1 javascript:x data:, ftp:x
    https://e.example/ https://e.example/a.jpg https://e.example/blank.gif https://e.example/Pixel.PNG?x
    https://e.example/undefined/ https://e.example/?a&amp;b https://e.example/null&amp; https://example.org/blog/feed.xml
    https://1.2.3.999/ https://xn--a/ https://e.example:99999/ https://E.example:80/é https://youtube.com/embed/1
    http://e.example:8080/?a&amp;b color:red position:fixed;color:red position:fixed color:'&quot;' 0 1 1px 10 100% 640
    &lt;b&gt; &nbsp; &amp;lt; _blank nofollow
"""
_LONG_VALUES = ["", " ", "/a b", "/x" * 500, "https://e.example/" + "a" * 2000, "https://e.example/a 2x, /b 3x"]
_LOOK_LIKE_TAGS = [' href="/x"', ' href="/x"&gt;', ' style="position:fixed"', ' style="', f' src="{BASE}"', "x-", '"']
_TEXTS = ["x", " ", "\n", "&amp;", "&lt;", "&nbsp;", "\x01", "\ufeff", "中", "<img>", "<pre>\n\nx</pre>"]


def _tag(name: str, attributes: dict[str, str]) -> str:
    return f"<{name}{''.join(f' {attribute}={chr(34)}{value}{chr(34)}' for attribute, value in attributes.items())}>"


def _reread(source: str) -> str:
    """The source as the first sanitizer leaves it, which nearly always leaves that as it is."""
    return LENIENT.clean(LENIENT.clean(source.encode("utf-8", "ignore").decode()))


_values = st.sampled_from(_VALUES.split() + _LONG_VALUES)
_start = st.builds(
    _tag, st.sampled_from(_STARTS.split()), st.dictionaries(st.sampled_from(_ATTRIBUTES.split()), _values, max_size=4)
)
_end = st.sampled_from(_ENDS.split()).map("</{}>".format)
_text = st.sampled_from(_TEXTS + _LOOK_LIKE_TAGS)
markup = st.lists(_start | _start | _end | _text, max_size=12).map("".join) | soup
canonical = markup.map(_reread)


def the_long_way(source: str, base: str | None, kind: Literal["html", "text"] = "html") -> str | None:
    """HTML that both sanitizers cleaned, with a look at every tag in between; None where it keeps changing."""
    source = sanitizer._as_html(Text(source.encode("utf-8", "ignore").decode(), kind, base))
    source, formulas = take_out(reveal(source))
    with (
        mock.patch.object(rewriting, "_all_harmless", lambda _: False),
        mock.patch.object(rewriting, "_is_kept", lambda _: False),
    ):
        for attempt in range(6):
            rewriter = Rewriter(base, PAGE)
            rewritten = rewriter.rewrite(LENIENT.clean(bound(source)))
            if rewriter.lost and not attempt and (recovered := recover_addresses(source)) != source:
                source = recovered
                continue
            source = STRICT.clean(bound(rewritten))
            if source == rewritten:
                if source.isspace():
                    return ""
                return put_back(source, formulas) if formulas else sanitizer._without_idle_breaks(source)
    return None


@examples(150, thorough=500)
@example('<x-noscript class="x">a</x-noscript>', BASE)
@example('<p><a href="/x">a</a></p>', "https://1.2.3.999/")
@example(f'<img src="{BASE}">', BASE)
@example('<b style="color:red"><b><b><b><b style="position:fixed"><p>a', BASE)
@given(canonical | markup, bases)
def test_html_is_as_if_everything_had_been_done_for_it(source: str, base: str | None) -> None:
    made = clean_html(Text(source, "html", base), page=PAGE)
    expected = the_long_way(source, base)
    assert expected is None or made == expected


@examples(200, thorough=500)
@example("\u3000a b\u3000", "text")
@example(' a style="position:fixed" href="/x" ', "html")
@example("a\u00a0b", "html")
@example("a\u2028b\ufdd0\U0001ffff", "html")
@given(st.text(st.characters(exclude_characters="<&"), max_size=20), st.sampled_from(["html", "text"]))
def test_words_are_as_if_they_had_been_sanitized(source: str, kind: Literal["html", "text"]) -> None:
    if source and not source.isspace():
        assert clean_html(Text(source, kind, BASE), page=PAGE) == the_long_way(source, BASE, kind)


def test_what_no_output_can_carry_is_seen_in_any_text() -> None:
    for seen in (*map(chr, range(sys.maxunicode + 1)), *(f"中{chr(code)}" for code in range(128))):
        assert rewriting._is_legal(seen) is (rewriting._ILLEGAL.search(seen) is None)


def _clean_and_count(source: str, base: str | None) -> tuple[str, int]:
    """The cleaned HTML, and how often the strict sanitizer ran for it."""
    with mock.patch.object(sanitizer, "STRICT") as strict:
        strict.clean.side_effect = STRICT.clean
        made = clean_html(Text(source, "html", base), page=PAGE)
    return made, len(strict.clean.mock_calls)


@examples(100, thorough=300)
@given(canonical, bases)
def test_what_the_strict_sanitizer_did_not_read_it_would_not_change(source: str, base: str | None) -> None:
    made, count = _clean_and_count(source, base)
    if not count:
        assert STRICT.clean(made) == made
        assert list(faults(made)) == []


def test_the_strict_sanitizer_is_left_out_only_where_at_most_origins_were_added() -> None:
    for source in ("a", "<p>a &amp; b</p>", '<p style="color:red"><a class="c" href="/a?b=1&amp;c=2">x</a></p>'):
        assert _clean_and_count(source, BASE)[1] == 0
    for source in (
        "<p>a",
        "<br/>",
        "a<!-- -->",
        '<a href="b">x</a>',
        '<p style="position:fixed">a</p>',
        '<img src="/a.png">',
        '<x-noscript class="x">a</x-noscript>',
        "<pre>\nx</pre>",
        "a\x01",
        "<i>" * 300 + "a" + "</i>" * 300,
    ):
        assert _clean_and_count(source, BASE)[1] > 0


@given(markup)
def test_where_a_word_is_seen_at_a_glance_there_is_one(source: str) -> None:
    safe = clean_html(Text(source, "html", BASE))
    assert text_of(safe) or not entry._SAYS.search(safe)


_LINK_PARTS = (
    "http:// https:// HTTPS:// a a.example A.b - . .. :80 :99999 / ? # & &amp; &copy; ; % %2f %zz [ @ ' ~ + | é"
)
links = st.lists(st.sampled_from([*_LINK_PARTS.split(), " "]), max_size=10).map("".join)


@examples(200, thorough=500)
@example(f"https://{'a.' * 130}example/")
@example("http://a.example?")
@given(links | links.map("https://a.example/".__add__) | links.map("https://a".__add__))
def test_an_address_that_is_clean_already_would_stay_as_it_is(url: str) -> None:
    assert urls.clean_url(url) == urls._clean(url)


def test_no_letter_that_has_to_go_is_taken_for_one_that_shows() -> None:
    for letter in filter(str.isprintable, map(chr, range(sys.maxunicode + 1))):
        assert text._FILLERS.search(letter) or not (text._INVISIBLE.search(letter) or text._IDLE_JOINER.search(letter))


@given(st.text() | st.text(alphabet=st.sampled_from("a \n\u200d\u3164\u034f\u00ad\U0001f468\U000e0041\u0301e")))
def test_the_same_letters_are_taken_out_of_any_text(value: str) -> None:
    seen = text._IDLE_JOINER.sub("", text._INVISIBLE.sub("", value))
    assert text.tidy_line(value, 10_000) == unicodedata.normalize("NFC", " ".join(seen.split()))
