"""Images show without scripts: lazy loaders, candidates, counting pixels."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.normalize.images import MAX_SRCSET, candidates, clean_srcset
from aggregator.normalize.sanitizer import first_image
from tests.markup import BASE, clean


def image(name: str, rest: str = "") -> str:
    return f'<img src="https://example.org/{name}"{rest}>'


@pytest.mark.parametrize(
    "name", ["data-original", "data-src", "data-lazy-src", "data-actualsrc", "data-echo", "file", "data-original-src"]
)
@pytest.mark.parametrize("src", ["", ' src="data:image/gif;base64,R0lG"', ' src="/img/blank.gif"', ' src=""'])
def test_a_lazy_image_gets_its_true_address(name: str, src: str) -> None:
    assert clean(f'<img{src} {name}="/a.png" alt="x">') == image("a.png", ' alt="x"')


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ('<img alt="x" src="/t.jpg" data-original="/full.jpg">', '<img alt="x" src="https://example.org/full.jpg">'),
        ('<img src="/a.jpg" data-src="javascript:x">', image("a.jpg")),
        ('<img src="/a.jpg" data-url="/article">', image("a.jpg")),
        ('<img src="undefined" data-src="/a.jpg">', image("a.jpg")),
        ('<img src="https://example.org/p/undefined">', ""),
        ('<img src="data:image/png;base64,AA">', ""),
        ('<img src="/static/blank.gif">', ""),
        ("<img alt=x>", ""),
        ("<img src=''>", ""),
        ('<img src="/a b.png">', image("a%20b.png")),
        ('<img src="/a.png" referrerpolicy="x" onerror="y" id="z" loading="lazy">', image("a.png", ' loading="lazy"')),
    ],
)
def test_which_address_is_taken(html: str, expected: str) -> None:
    assert clean(html) == expected


def test_candidates_alone_give_the_largest() -> None:
    assert 'src="https://example.org/blog/b.jpg"' in clean('<img srcset="a.jpg 300w, b.jpg 900w, c.jpg 600w">')
    assert 'src="https://example.org/blog/b.jpg"' in clean('<img data-srcset="a.jpg, b.jpg 2x">')
    assert clean('<img srcset="javascript:x 2x">') == ""


def test_candidates_become_absolute_or_go() -> None:
    html = '<img src="https://e.example/a" srcset="{}">'
    assert clean(html.format("/b 1x, c 2x")) == html.format("https://example.org/b 1x, https://example.org/blog/c 2x")
    assert clean(html.format("data:x 2x")) == '<img src="https://e.example/a">'
    untouched = html.format("https://e.example/w_300,h_200/b 300w,   https://e.example/c 600w")
    assert clean(untouched) == untouched


def test_a_picture_lends_its_sources() -> None:
    html = '<picture><source data-srcset="/a.webp 100w, /b.webp 200w" type="image/webp"><img src="data:,"></picture>'
    assert clean(html) == (
        '<picture><source srcset="https://example.org/a.webp 100w, https://example.org/b.webp 200w" type="image/webp">'
        '<img src="https://example.org/b.webp"></picture>'
    )


@pytest.mark.parametrize(
    "size",
    [
        'width="1" height="1"',
        "width=0 height=0",
        'width="1px" height="1"',
        'style="width:1px; height:1px"',
        'height=1 style="width: 0"',
    ],
)
def test_counting_pixels_go(size: str) -> None:
    assert clean(f'<p>a<img src="https://count.example/x" {size}></p>') == "<p>a</p>"


def test_thin_images_stay() -> None:
    assert "<img" in clean('<img src="/line.png" width="600" height="1">')


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ('<img src="data:,"><noscript><img src="/r.png"></noscript>', image("r.png")),
        ('<noscript><img src="/r.png"></noscript> <img class="lazy" src="/blank.gif">', image("r.png") + " "),
        ('<img data-src="/r.png"><noscript><img src="/r.png"></noscript>', image("r.png")),
        ('<a><img data-src="/r.png"></a><noscript><img src="/q.png"></noscript>', f"<a>{image('r.png')}</a>"),
        ('<noscript><img src="/r.png"></noscript><img data-src="/r.png">', image("r.png")),
        ('a<noscript> <p></p><img src="/t" width=1 height=1></noscript>b', "ab"),
        ('<p>a<noscript><img src="/r.png"></noscript></p>', f"<p>a{image('r.png')}</p>"),
        ('<img data-src="/q.png">text<noscript><img src="/r.png"></noscript>', f"{image('q.png')}text{image('r.png')}"),
    ],
)
def test_a_noscript_lends_its_image_where_none_beside_it_shows(html: str, expected: str) -> None:
    assert clean(html) == expected


@given(st.text(alphabet=st.sampled_from("ab,. \n12wx()/:"), max_size=40))
def test_cleaning_candidates_again_changes_nothing(srcset: str) -> None:
    once = clean_srcset(srcset, BASE)
    assert clean_srcset(once, BASE) == once
    assert all(url.startswith("https://") for url, _ in candidates(srcset, BASE))


def test_an_overlong_list_of_candidates_is_not_read() -> None:
    assert candidates("https://e.example/a 1x, " * MAX_SRCSET, BASE) == ()


@pytest.mark.parametrize(
    "srcset",
    [
        "t.png 1e0x",
        "https://e.example/b.png 1x, //evil.example/t.png 100w 50h",
        "data:image/svg+xml,x .5x",
        "javascript:alert(1) foo",
        "/a.png 1x, relative.png (",
    ],
)
@pytest.mark.parametrize(
    "tag", ['<img src="https://e.example/x.png" srcset="{}">', '<source srcset="{}"><img src="/y">']
)
def test_candidates_that_are_not_understood_do_not_stay_as_they_are(tag: str, srcset: str) -> None:
    safe = clean(tag.format(srcset))
    for left_out in ("t.png", "data:", "javascript", "relative.png"):
        assert left_out not in safe
    assert clean(safe) == safe


def test_candidates_that_need_no_change_keep_their_bytes() -> None:
    srcset = "\n https://e.example/a,b.png 1x ,\thttps://e.example/c.png 2x,"
    assert clean_srcset(srcset, BASE) == srcset


@pytest.mark.parametrize("around", ["picture", "video"])
def test_a_source_lends_its_picture_to_the_next_image_only(around: str) -> None:
    html = f'<{around}><source srcset="/big.jpg 2x"><img src="https://example.org/s.jpg"></{around}>'
    assert clean(f'{html}<p>x</p><img alt="x">').endswith(f"</{around}><p>x</p>")
    assert clean(f'<{around}><source srcset="/big.jpg 2x"><img alt="x"></{around}>').count("big.jpg") == 2


@pytest.mark.parametrize("src", ["https://e.example/&#10;/undefined", "\\undefined"])
def test_an_address_that_says_nothing_once_it_is_resolved_is_none(src: str) -> None:
    assert clean(f'<img src="{src}">') == ""


@pytest.mark.parametrize(
    "rest",
    [
        'src="https://s.w.org/images/core/emoji/15.0.3/72x72/1f600.png" class="wp-smiley" style="height: 1em;"',
        'src="/e/1f600.png" class="emoji"',
        'src="/twemoji@14/72x72/1f600.png"',
        'src="/any/emoji/1f600.png" width="72" height="72"',
        'src="/smile.png" width="20" height="20"',
        'src="/smile.png" style="width: 1.2em"',
    ],
)
def test_the_image_of_an_emoji_becomes_the_emoji(rest: str) -> None:
    assert clean(f'<p>a <img alt="\U0001f600" {rest}> b</p>') == "<p>a \U0001f600 b</p>"


@pytest.mark.parametrize(
    ("tag", "text"),
    [
        ('<img src="/images/smilies/icon_smile.gif" alt=":)" class="wp-smiley">', ":)"),
        ('<img src="/x.png" alt=":blob &amp; cat:" class="custom-emoji">', ":blob &amp; cat:"),
        ('<img src="/x.png" alt="1\ufe0f\u20e3" height="18">', "1\ufe0f\u20e3"),
        (
            '<img src="/x.png" alt="\U0001f468\u200d\U0001f469\u200d\U0001f467" height="18">',
            "\U0001f468\u200d\U0001f469\u200d\U0001f467",
        ),
    ],
)
def test_so_does_any_other_that_stands_for_characters(tag: str, text: str) -> None:
    assert clean(tag) == text


@pytest.mark.parametrize(
    "tag",
    [
        '<img src="https://e.example/photo.jpg" alt="\u2764\ufe0f" width="640">',
        '<img src="https://e.example/photo.jpg" alt="\u2764\ufe0f">',
        f'<img src="https://e.example/x.png" alt="{"long " * 20}" class="emoji">',
        '<img src="https://e.example/x.png" alt="" class="emoji">',
        '<img src="https://e.example/x.png" alt="a" width="16" height="16">',
    ],
)
def test_other_images_stay(tag: str) -> None:
    assert clean(tag) == tag


@pytest.mark.parametrize(
    "tag",
    [
        '<img src="https://e.example/x.png" alt="" class="emoji">',
        '<img src="https://0.gravatar.com/avatar/abc?s=96">',
        '<img src="https://secure.gravatar.com/avatar/abc" class="photo">',
        '<img src="https://e.example/x.png" class="avatar avatar-96">',
        '<img src="https://files.example/accounts/avatars/1/original/x.png">',
        '<img src="https://avatars1.githubusercontent.com/u/1">',
        '<img src="https://e.example/icon.png" width="16" height="16">',
        '<img src="https://e.example/icon.png" height="32px">',
        '<img src="https://e.example/icon.png" style="width: 1em">',
        '<img src="https://e.example/line.png" width="600" height="1">',
        '<img src="https://feeds.feedburner.com/~r/x/~4/y">',
        '<img src="https://pixel.wp.com/b.gif?x">',
        '<img src="https://feeds.wordpress.com/1.0/comments/x/">',
    ],
)
def test_no_picture_is_taken_for_that_of_the_entry(tag: str) -> None:
    picture = '<img src="https://e.example/avatar-2-poster.jpg" width="320" height="200" class="alignleft">'
    safe = clean(tag + picture)
    assert safe == tag + picture
    assert first_image(safe) == "https://e.example/avatar-2-poster.jpg"
    assert first_image(clean(tag)) is None


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ('<img src="https://e.example/a.jpg" width="5472" height="3648">', None),
        ('<img src="https://e.example/a.jpg" width="99999">', '<img src="https://e.example/a.jpg">'),
        ('<img src="https://e.example/a.jpg" border="0" hspace="9">', None),
        (
            '<img src="https://e.example/a.jpg" border="9999" hspace="500" vspace="-9">',
            '<img src="https://e.example/a.jpg">',
        ),
        ('<table width="100%" cellpadding="5"><tbody><tr><td width="33.3%">x</td></tr></tbody></table>', None),
        ('<table width="640"><tbody><tr><td>x</td></tr></tbody></table>', None),
        (
            '<table width=" 09999" cellspacing="999" border="400"><tbody><tr><td width="400%" height="2000">x',
            "<table><tbody><tr><td>x</td></tr></tbody></table>",
        ),
        ('<hr width="5000" size="999">', "<hr>"),
        ('<video width="640" height="9000"></video>', '<video width="640"></video>'),
        ('width="99999" <b>x</b>', None),
    ],
)
def test_no_size_covers_what_is_around_the_text(html: str, expected: str | None) -> None:
    assert clean(html) == (html if expected is None else expected)
