"""What shows without scripts and plug-ins: lazy images of any loader, texts of `noscript`, links instead of frames."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.normalize.sanitizer.fallbacks import MAX_NOSCRIPT, recover_addresses, reveal
from tests.markup import clean, faults

_BLANKS = [
    "",
    ' src=""',
    ' src="data:image/gif;base64,R0lG"',
    " src='about:blank'",
    ' src="/pagespeed_static/1.JiBnMqyl6S.gif"',
    ' src="https://e.example/img/lazy-loading.gif"',
    ' src="https://e.example/transparent.png?x"',
    " src=undefined",
]


def image(name: str, rest: str = "") -> str:
    return f'<img src="https://example.org/{name}"{rest}>'


@pytest.mark.parametrize("src", _BLANKS)
@pytest.mark.parametrize(
    "name",
    [
        "data-pagespeed-lazy-src",
        "nitro-lazy-src",
        "data-ezsrc",
        "data-cfsrc",
        "data-opt-src",
        "data-orig",
        "file",
        "zoomfile",
        "ess-data",
        "x7",
    ],
)
@pytest.mark.parametrize("value", ["/a.jpg", "https://example.org/a.jpg"])
def test_a_lazy_image_has_its_address_in_any_attribute(src: str, name: str, value: str) -> None:
    assert clean(f'<img{src} {name}="{value}" alt="x">') == image("a.jpg", ' alt="x"')
    assert clean(f'<img alt="x" {name}={value}{src}>') in (
        image("a.jpg", ' alt="x"'),
        '<img alt="x" src="https://example.org/a.jpg">',
    )


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ('<figure data-srcset="/b.jpg 800w, /a.jpg 900w"><img src="/loading.gif"></figure>', "a.jpg"),
        ('<div data-src="/a.jpg">\n<img alt="x"></div>', "a.jpg"),
        ('<img data-x-srcset="/b.jpg 1x, /a.jpg 2x">', "a.jpg"),
        ('<amp-img src="/a.jpg" width="6" height="4"></amp-img>', "a.jpg"),
        ('<amp-anim src="/a.gif"></amp-anim>', "a.gif"),
        ('<object data="/a.svg" type="image/svg+xml">none</object>', "a.svg"),
        ('<img data-link="https://e.example/page" data-y="/a.jpg">', "a.jpg"),
        ('<img data-y="/b.jpg" data-lazy-z="/a?id=1">', "a?id=1"),
    ],
)
def test_other_places_of_an_address(html: str, expected: str) -> None:
    assert f'src="https://example.org/{expected}"' in clean(html)
    assert clean(html).count("<img") == 1


@pytest.mark.parametrize(
    "html",
    [
        '<img data-x="no address">',
        '<img onload="https://e.example/a.jpg">',
        '<img title="https://e.example/a.jpg" alt="/a.jpg">',
        '<img data-permalink="https://e.example/page" data-page-href="https://e.example/">',
        '<img data-src="javascript:alert(1)" data-y="data:image/png;base64,AA">',
        '<a href="/a.jpg"><img></a>',
        '<img data-y="{src}.jpg">',
    ],
)
def test_no_address_is_made_up(html: str) -> None:
    assert "<img" not in clean(html)


def test_an_image_that_shows_keeps_its_address() -> None:
    html = (
        '<img src="https://e.example/a.jpg" data-zoom="https://e.example/b.jpg" data-x-src="https://e.example/c.jpg">'
    )
    assert clean(html) == '<img src="https://e.example/a.jpg">'


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>a</p><noscript><pre>$ x</pre></noscript><p>b</p>", "<p>a</p><pre>$ x</pre><p>b</p>"),
        ("<p>a<NOSCRIPT>b <b>c</b></NOSCRIPT >d</p>", "<p>ab <b>c</b>d</p>"),
        ("<p>One  two.</p><noscript><div>One two.</div></noscript>", "<p>One  two.</p>"),
        ("<noscript>a<script>b</script></noscript>c", "ac"),
        ("<script>'a b'</script><noscript>a b</noscript>", "a b"),
        ("<noscript>x &amp; y</noscript>", "x &amp; y"),
        ("<noscript>a <noscript>b</noscript> c", "a b c"),
        ("<noscript>never closed", "never closed"),
        ("<!-- <noscript> --> a <noscript>b</noscript>", " a b"),
        ('<noscript>text<img src="/t" width=1 height=1></noscript>', "text"),
    ],
)
def test_the_text_of_a_noscript_stays_unless_it_is_a_second_copy(html: str, expected: str) -> None:
    assert clean(html) == expected


def test_very_many_noscripts_are_not_all_looked_at() -> None:
    html = clean("".join(f"<noscript>text {number}.</noscript>" for number in range(3 * MAX_NOSCRIPT)))
    assert html.count("text") == MAX_NOSCRIPT


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        (
            '<iframe src="//www.youtube.com/embed/X?a=1&amp;b=2">no frames</iframe>',
            '<p><a href="https://www.youtube.com/embed/X?a=1&amp;b=2">www.youtube.com</a></p>',
        ),
        (
            "<p>a <iframe data-src=https://player.example/1 title='A &lt;b&gt; film'></iframe> b</p>",
            '<p>a <a href="https://player.example/1">A &lt;b&gt; film</a> b</p>',
        ),
        (
            '<iframe src="about:blank" data-lazy-z="https://e.example/1"></iframe>',
            '<p><a href="https://e.example/1">e.example</a></p>',
        ),
        ("<embed src=/x.swf>after", '<p><a href="https://example.org/x.swf">example.org</a></p>after'),
        (
            '<object><param name="movie" value="/x.swf"><embed src="/x.swf"></object>',
            '<p><a href="https://example.org/x.swf">example.org</a></p>',
        ),
        ('<object data="/x.pdf">no plug-in</object>', '<p><a href="https://example.org/x.pdf">example.org</a></p>'),
        ("<object><p>no plug-in</p></object>", "<p>no plug-in</p>"),
        (
            '<iframe src="/x"></iframe><noscript><iframe src="/x"></iframe></noscript>',
            '<p><a href="https://example.org/x">example.org</a></p>',
        ),
        ("<amp-iframe src=/x></amp-iframe>", '<p><a href="https://example.org/x">example.org</a></p>'),
        ("<iframe src='javascript:\"https://youtube.com/\"'></iframe>", ""),
        ("<iframe src='data:text/html,x'></iframe><iframe srcdoc='<p>x'></iframe><embed><object></object>", ""),
        ("<p>a<iframe>b", "<p>ab</p>"),
        (
            "<noscript><iframe src=/ns height=0 width=0 style='display:none;visibility:hidden'></iframe></noscript>",
            "",
        ),
        ("<iframe src=/t style='border:0;visibility: hidden'></iframe><iframe hidden src=/t></iframe>", ""),
    ],
)
def test_a_frame_leaves_a_link(html: str, expected: str) -> None:
    assert clean(html) == expected


def test_a_flood_of_frames_leaves_some_links() -> None:
    assert clean("".join(f"<iframe src=/{number}></iframe>" for number in range(500))).count("<a ") == 50


_PARTS = st.sampled_from(
    [
        "<noscript>",
        "</noscript>",
        "<iframe",
        "</iframe>",
        "<object",
        "</object>",
        "<embed",
        "<amp-img",
        "</amp-img>",
        "<img",
        "<figure",
        ">",
        ">",
        ">",
        "text",
        "src=/a.jpg",
        'src="data:,"',
        'data-x="/b.png"',
        'data-y-srcset="/c.jpg',
        "data=/d",
        'title="e</noscript>"',
        "<!--",
        "-->",
        "<p>",
        "</p>",
        "<script>",
        "</script>",
        "<math>",
        "<mi>",
        "</math>",
        "name=movie",
        "value=/f",
        "<param",
        "hidden",
        "width=1",
        "height=1",
    ]
)


@given(st.lists(_PARTS, max_size=20).map(" ".join))
def test_whatever_is_opened_is_safe_and_stable(html: str) -> None:
    safe = clean(html, page="https://example.org/post")
    assert list(faults(safe)) == []
    assert clean(safe, page="https://example.org/post") == safe


_FLOODS = ["<noscript>", "</noscript>", "<noscript>a</noscript>", "<object>", "<embed ", "<amp-img>", "<img", "<img "]
_FLOODS += ["<p><img>", "<img src=data:", "<iframe src=/a>", "<object><param ", "<div a=b>\n<img>", "<img src='"]


@pytest.mark.parametrize("html", [*_FLOODS, "<noscript><img></noscript>"])
def test_a_flood_of_them_is_read_once(html: str) -> None:
    # Quadratic reading of these would take hours, and the run would be ended.
    assert len(recover_addresses(reveal(html * (1_000_000 // len(html))))) < 20_000_000
