"""One HTML page: its original markup, its encoding, its addresses, and the limits that hostile pages meet."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from bs4 import BeautifulSoup
from hypothesis import example, given
from hypothesis import strategies as st

from aggregator.errors import ParseError
from aggregator.models import Fetched
from aggregator.sources.page import MAX_ATTRIBUTES_PER_TAG, MAX_DEPTH, MAX_TAGS, Page, text_of

URL = "http://site.example/news/list.html"


def page(html: str | bytes, encoding: str | None = None, content_type: str = "text/html") -> Page:
    body = html if isinstance(html, bytes) else html.encode()
    return Page(Fetched(URL, URL, 200, content_type, body), encoding)


def inner(body: str, before: str = "", tag: str = "div") -> str:
    """Inner HTML of an element of a page, with traps around it."""
    opened = page(
        "<!DOCTYPE html><html><head><title>Not <div> this</title><script>'<div id=body>'</script></head><body>"
        f'<!-- <div> --><div title="a > b">x</div>{before}<{tag} id="body">{body}</{tag}><div>after</div></body></html>'
    )
    element = opened.first("#body")
    assert element is not None
    return opened.inner_html(element)


@pytest.mark.parametrize(
    "body",
    [
        '<p style="text-indent: 2em; text-align: left;">正文</p><p><img src="a.png"></p> \n',
        "<p>one<p>two<br>three<br/>four",
        "text &nbsp;&amp; &ldquo;quoted&rdquo; &#8220;again&#8221; & bare",
        "<div>nested</div><DIV>shouted</DIV ><div><div>twice</div></div>",
        "<a target=_blank  href='?a=1&b=2'  title='it\"s > this'>link</a>",
        '<!-- </div> --><style>a{}</style><script>"</div>"</script>after',
        "<ul><li>one<li>two</ul><table><tr><td>x</table>",
        '<svg viewBox="0 0 1 1"><path d="M0"/></svg><my-element data-x=1>y</my-element>',
        "<textarea><div></textarea><video controls></video>",
        "",
    ],
)
@pytest.mark.parametrize("tag", ["div", "article"])
def test_inner_html_is_the_original_markup(body: str, tag: str) -> None:
    assert inner(body, tag=tag) == body


@pytest.mark.parametrize(
    ("body", "written"),
    [
        # The page's parser and the text disagree about where the element ends.
        ("one</div>two", "one"),
        ("<div/>x", "<div></div>x"),
    ],
)
def test_inner_html_is_written_anew_where_the_original_would_read_otherwise(body: str, written: str) -> None:
    assert inner(body) == written


def test_inner_html_of_an_element_that_never_ends() -> None:
    opened = page("<div id=a><p>text<b>bold")
    element = opened.first("#a")
    assert element is not None
    assert opened.inner_html(element) == "<p>text<b>bold</b></p>"


_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="<>&"), max_size=8)
_FLAT = st.one_of(_TEXT, st.sampled_from(["<br>", "&amp;", "&nbsp;", "<img src='x>y'>", "<!-- <div> -->", " \n"]))
_BALANCED = st.recursive(
    _FLAT,
    lambda inside: st.builds(
        lambda tag, attribute, parts: f"<{tag}{attribute}>{''.join(parts)}</{tag}>",
        st.sampled_from(["div", "DIV", "b", "span", "section", "blockquote"]),
        st.sampled_from(["", " class=x", " title='a > \"b\"'", ' style="a: b;"  id=c']),
        st.lists(inside, max_size=4),
    ),
    max_leaves=12,
)


@given(st.lists(_BALANCED, max_size=4).map("".join), st.lists(_BALANCED, max_size=3).map("".join))
def test_inner_html_of_sound_markup_is_always_the_original(body: str, before: str) -> None:
    opened = page(f"<html><body>{before}<div data-here>{body}</div></body></html>")
    element = opened.first("[data-here]")
    assert element is not None
    assert opened.inner_html(element) == body


_SHREDS = [
    "<div>",
    "</div>",
    "<div",
    "'",
    '"',
    ">",
    "<!--",
    "-->",
    "<script>",
    "</script>",
    "<p>",
    "x",
    "<b",
    "=",
    "</",
]


@given(st.lists(st.sampled_from(_SHREDS), max_size=30).map("".join))
@example("<script><!--<script>")
def test_inner_html_of_broken_markup_reads_as_the_parser_read_it(shreds: str) -> None:
    opened = page(f"<body><div id=body>{shreds}")
    element = opened.first("#body")
    assert element is not None
    expected, inner = element.decode_contents(), opened.inner_html(element)
    if _read(expected) == expected:
        assert _read(inner) == expected
    else:
        # A script that opens another inside of a comment and never ends cannot be written so that it is read again.
        assert inner == element.decode_contents(formatter="minimal")


def _read(inner: str) -> str:
    again = BeautifulSoup(f"<div>{inner}</div>", "lxml").div
    assert again is not None
    return again.decode_contents()


def text(html: bytes, encoding: str | None = None, content_type: str = "text/html") -> str:
    found = page(html, encoding, content_type).first("p")
    assert found is not None
    return text_of(found)


CHINESE = "智慧城市的建设，是一个很长的过程。"


@pytest.mark.parametrize("codec", ["gbk", "gb18030", "utf-8", "big5"])
def test_encoding_is_read_from_header_page_or_rules(codec: str) -> None:
    words = CHINESE if codec != "big5" else "智慧城市的建設，是一個很長的過程。"
    plain = f"<html><body><p>{words}</p></body></html>".encode(codec)
    declared = f"<html><head><meta charset={codec}></head><body><p>{words}</p></body></html>".encode(codec)
    assert text(plain, content_type=f"text/html; charset={codec}") == words
    assert text(declared) == words
    assert text(plain, codec) == words


def test_gb2312_means_its_superset() -> None:
    rare = "朱镕基与喆、€ 和 𠮷"
    html = f"<meta http-equiv=Content-Type content='text/html; charset=gb2312'><p>{rare}</p>".encode("gb18030")
    assert text(html) == rare
    assert text(html, "gb2312") == rare
    assert text(html, "gbk") == rare


def test_forced_encoding_wins_over_everything_said() -> None:
    # These two characters in GBK are also valid UTF-8.
    html = "<meta charset=utf-8><p>联通</p>".encode("gbk")
    assert text(html, "gbk", "text/html; charset=utf-8") == "联通"


def test_wrong_declarations_are_seen_through() -> None:
    html = f"<meta charset=utf-8><p>{CHINESE * 3}</p>"
    assert text(html.encode("gbk"), content_type="text/html; charset=utf-8") == CHINESE * 3
    assert text(html.replace("utf-8", "gbk").encode(), content_type="text/html; charset=gbk") == CHINESE * 3


#: Titles as lists have them, by their encoding.
TITLES = {
    "gbk": "新闻中心 通知公告 智慧城市建设座谈会在京召开 关于开展申报工作的通知",
    "big5": "新聞中心 最新消息 圖書館閉館公告 臺北市政府辦理說明會 報名至月底截止",
    "shift_jis": "お知らせ 市立図書館の休館日について ホームページをリニューアルしました",
    "euc-jp": "お知らせ 市立図書館の休館日について ホームページをリニューアルしました",
    "euc-kr": "공지사항 시립도서관 휴관일 안내 홈페이지 개편을 알려드립니다",
    "windows-1251": "Новости и объявления Библиотека закрыта на ремонт",
    "koi8-r": "Новости и объявления Библиотека закрыта на ремонт",
    "windows-1252": "Bibliothèque fermée dès la rentrée, déjà là où à l’été",
    "utf-8": "新闻 Новости お知らせ",
}
EAST_ASIAN = ["gbk", "big5", "shift_jis", "euc-jp", "euc-kr"]


def listed(title: str, codec: str, head: str = "") -> bytes:
    """A page with little text and much markup."""
    rows = "".join(
        f'<li class="item"><a href="/news/{n}.html" class="title">{word}</a></li>'
        for n, word in enumerate(title.split())
    )
    script = "<script src='/static/js/jquery.min.js'></script>" * 5
    return f"<html><head>{head}{script}</head><body><p>{title}</p><ul>{rows}</ul></body></html>".encode(codec)


@pytest.mark.parametrize("codec", TITLES)
def test_an_encoding_that_nothing_declares_is_found(codec: str) -> None:
    assert text(listed(TITLES[codec], codec)) == TITLES[codec]


@pytest.mark.parametrize("said", [*TITLES, "iso-8859-1", "utf-16", "x-unknown"])
@pytest.mark.parametrize("codec", [*EAST_ASIAN, "utf-8"])
def test_an_encoding_that_is_declared_wrongly_is_found(codec: str, said: str) -> None:
    title = TITLES[codec]
    assert text(listed(title, codec), content_type=f"text/html; charset={said}") == title
    assert text(listed(title, codec, f"<meta charset={said}>")) == title


@pytest.mark.parametrize("codec", TITLES)
def test_the_page_knows_better_than_a_server_that_says_the_same_of_all_pages(codec: str) -> None:
    html = listed(TITLES[codec], codec, f'<meta http-equiv="Content-Type" content="text/html; charset={codec}">')
    assert text(html, content_type="text/html; charset=iso-8859-1") == TITLES[codec]


@pytest.mark.parametrize(("forced", "codec"), [("shift_jis", "cp932"), ("big5", "big5hkscs"), ("euc-kr", "cp949")])
def test_a_forced_encoding_means_what_it_means_to_browsers(forced: str, codec: str) -> None:
    words = {"cp932": "①㈱髙", "big5hkscs": "啲嘢", "cp949": "똠방각하"}[codec]
    assert text(f"<p>{words}</p>".encode(codec), forced) == words


def test_a_page_that_cannot_be_read_in_its_encoding_is_noted() -> None:
    html = listed(TITLES["gbk"], "gbk")
    assert page(html, "utf-8").misread == "74 characters of the page cannot be read as utf-8; set `encoding`"
    assert page(html).misread is None
    assert page(listed(TITLES["gbk"] * 20, "gbk") + b"\xff\xff\xff\xff\xff\xff", "gbk").misread is None
    assert page(b"<p>caf\xe9", "utf-8").misread is None


@given(
    st.binary(max_size=300), st.sampled_from(["", "; charset=gbk", "; charset=utf-7", "; charset=idna", "; charset=x"])
)
def test_no_bytes_raise(body: bytes, said: str) -> None:
    opened = page(body, content_type=f"text/html{said}")
    assert list(opened.select("a[href]")) is not None


@pytest.mark.parametrize(
    ("base", "href", "url"),
    [
        ("", "a.html", "http://site.example/news/a.html"),
        ("", " /b.html\n", "http://site.example/b.html"),
        ("", "//other.example/c", "http://other.example/c"),
        ("", "https://other.example/d", "https://other.example/d"),
        ("/archive/", "e.html", "http://site.example/archive/e.html"),
        ("https://cdn.example/x/", "f.html", "https://cdn.example/x/f.html"),
        ("javascript:alert(1)", "g.html", "http://site.example/news/g.html"),
        ("", "javascript:void(0)", None),
        ("", "mailto:someone@site.example", None),
        ("", "http://[broken/", None),
        ("", "", None),
    ],
)
def test_addresses_are_resolved(base: str, href: str, url: str | None) -> None:
    tag = f'<base href="{base}">' if base else ""
    assert page(f"<head>{tag}</head><body>x").absolute(href) == url


def test_title_and_language() -> None:
    opened = page("<html lang=' zh_CN '><head><title> News\n of  today </title></head><body></body></html>")
    assert (opened.title, opened.language) == ("News of today", "zh-CN")
    assert (page("<p>x").title, page("<p>x").language) == (None, None)
    assert page("<html lang='<script>'>").language is None


def test_meta_elements_have_their_content_as_text() -> None:
    found = page('<head><meta property="og:title" content=" A  title "></head>').first("meta[property='og:title']")
    assert found is not None
    assert text_of(found) == "A title"


def test_too_many_tags_are_refused() -> None:
    with pytest.raises(ParseError, match="more than 100000 tags") as caught:
        page("<b>" * (MAX_TAGS + 1))
    assert caught.value.kind == "too_large"


def test_too_many_attributes_are_refused_whichever_tag_has_them() -> None:
    names = " ".join(f"a{number}" for number in range(1000))
    most = MAX_TAGS * MAX_ATTRIBUTES_PER_TAG // 1000
    for html in (
        f"<b {names}></b>" * (most + 1),
        f"<b {names}/>" * (most + 1),
        f"<b/{names.replace(' ', '/')}>" * most,
    ):
        with pytest.raises(ParseError, match="more than 200000 attributes") as caught:
            page(html + "<i a>")
        assert caught.value.kind == "too_large"
    assert page(f"<b {names}></b>" * (most - 1) + "<i a>").first("i[a]") is not None


def test_limit_of_tags_and_attributes_can_be_lower() -> None:
    fetched = Fetched("http://site.example/", "http://site.example/", 200, "text/html", b"<b a b></b>" * 50)
    assert Page(fetched, None, 100).first("b") is not None
    for more in (b"<b></b>", b"<b a b c></b>"):
        with pytest.raises(ParseError, match="more than 100 tags"):
            Page(replace(fetched, body=fetched.body + more), None, 100)
    with pytest.raises(ParseError, match="more than 200 attributes"):
        Page(replace(fetched, body=b"<b a b c d e></b>" * 49), None, 100)


def test_too_deep_pages_are_refused() -> None:
    with pytest.raises(ParseError, match="nests more than 256") as caught:
        page("<div>" * (MAX_DEPTH + 10))
    assert caught.value.kind == "unparsable"
    assert page("<div>" * (MAX_DEPTH - 10) + "<a>").first("a") is not None


@pytest.mark.slow
@pytest.mark.parametrize(
    "html",
    [
        "<div class=a>" * 200 + "<div class=b><h3><a>x</a></h3></div>" * 12_000,
        "<p " + " ".join(f"a{i}=1" for i in range(100_000)) + ">",
        "<!--" * 90_000,
        "<p>" + "&lt;" * 1_000_000,
        "<p class='" + "a " * 500_000 + "'>",
        "<script>" * 90_000,
        "<meta " * 90_000,
        "<div id=x " + "'" * 1_000_001,
    ],
    ids=["deep", "attributes", "comments", "entities", "classes", "scripts", "metas", "quotes"],
)
def test_hostile_pages_end_in_bounded_time(html: str) -> None:
    started = time.process_time()
    try:
        opened = page(html)
        assert list(opened.select("div.a div.c div.b h3 > a")) == []
        for element in opened.select("p, div"):
            opened.inner_html(element)
            break
    except ParseError as error:
        assert error.kind in ("unparsable", "too_large")
    assert time.process_time() - started < 60
