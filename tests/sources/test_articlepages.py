"""Article pages: the article found without selectors, fields, and articles of several pages."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from aggregator.errors import ParseError
from aggregator.models import Fetched, RawEntry, Text
from aggregator.sources.articlepage import ArticlePage, ArticleWork, joined, read_article
from aggregator.sources.articles import ArticleRules
from aggregator.sources.fields import FieldRules
from tests.origin import Origin
from tests.scraping import RULES, Pulled, html, list_page, pull, source

URL = "https://example.org/news/1.html"
LONG = "<p>" + "This is a sentence of the article, and it is long enough. " * 5 + "</p>"
TEASER = '<div class="post-content"><p>Another article, in short.</p></div>'


def read(body: str, rules: ArticleRules | None = None, head: str = "", **options: Any) -> ArticlePage:
    page = f"<html><head>{head}</head><body>{body}</body></html>"
    fetched = Fetched(URL, URL, 200, "text/html; charset=utf-8", page.encode())
    return read_article(ArticleWork(rules or ArticleRules(), None, fetched, **options))


@pytest.mark.parametrize(
    "body",
    [
        f"<nav>Menu</nav><article>{LONG}</article><aside>x</aside>",
        f'<div itemprop="articleBody">{LONG}</div><article>{TEASER}</article>',
        f'<article><h2>x</h2><div class="Entry-Content clear">{LONG}</div><p>Tags</p></article>',
        f'<div id="js_content">{LONG}</div>',
        f"<main>{LONG}</main>",
        f'<div role="main">{LONG}</div>',
        f'{TEASER * 3}<div class="x">{LONG}</div>',
        f'<article class="card"><p>{"Teaser. " * 20}</p></article><div class="x">{LONG * 9}</div>'.replace(
            LONG * 9, LONG
        ),
        f'<div class="nav"><a href="/">{"link " * 50}</a></div><div class="story">{LONG}</div><div>foot</div>',
        f'<div class="comments"><p>Short comment</p></div><div class="x">{LONG}</div>',
    ],
)
def test_the_article_is_found(body: str) -> None:
    if "Teaser" in body:
        body = body.replace(LONG, LONG * 3)
        assert read(body).html.count("This is a sentence") == 15
    else:
        assert read(body).html == LONG


def test_paragraphs_in_blocks_of_their_own_are_one_article() -> None:
    blocks = "".join(f"<div class=w><div>{LONG}</div></div>" for _ in range(4))
    assert read(f"<div><div>Head</div><div id=x>{blocks}</div></div>").html.count("<p>") == 4


def test_lines_of_text_are_an_article() -> None:
    text = "一行正文，" * 40 + "<br>" + "又一行正文，" * 40
    assert read(f"<div><a href=/>首页</a></div><div>{text}</div>").html == text


def test_what_is_no_part_of_an_article_is_taken_out() -> None:
    unwanted = (
        '<h1>The title</h1><div class="entry-meta">By Ann</div><script>x()</script><nav>1 2 3</nav>'
        '<div class="sharedaddy">Share</div><aside><a href="/x">Related article</a></aside><form>Subscribe</form>'
        '<div hidden>Hidden</div><div role="complementary">More</div><ul class="social-share">Tweet</ul>'
    )
    wanted = f'{LONG}<aside>A note beside the text</aside><div class="article-share-wrapper">{LONG}</div>'
    found = read(
        f'<article>{unwanted}{wanted}<section id="comments">No</section></article>', head="<title>The title</title>"
    )
    assert found.html == wanted
    assert found.facts.title == Text("The title", "text")
    # Where an element is named, it is taken as it is.
    kept = read(f"<article>{unwanted}{LONG}</article>", ArticleRules(body="article"))
    assert kept.html == unwanted + LONG


def test_an_article_of_pictures_is_one() -> None:
    assert read('<article><img src="a.png"></article>').html == '<img src="a.png">'


def test_json_ld_has_the_article_where_the_page_has_none() -> None:
    text = "One sentence & more. " * 20
    script = f'<script type="application/ld+json">{{"@type":"Article","articleBody":"{text}\\n{text}"}}</script>'
    assert read("<div id=app></div>", head=script).html == f"<p>{text.strip().replace('&', '&amp;')}</p>" * 2


def test_a_page_without_an_article_says_what_to_do() -> None:
    with pytest.raises(ParseError, match=r"no article was found on the page; name the element .* \(article.body\)"):
        read("<div id=app>Loading</div>")
    with pytest.raises(ParseError, match="the article is empty on the article page"):
        read(f"<article>{LONG}</article>", ArticleRules(remove=("p",)))


def test_fields_by_selector_attribute_expression_and_constant() -> None:
    rules = ArticleRules(
        body="#t",
        title=FieldRules("//h1/text()"),
        author=FieldRules(".by", regex="By (.*)"),
        date=FieldRules(".by", attribute="data-at", format="unix", timezone="Asia/Shanghai"),
        image=FieldRules(".lead"),
        categories=FieldRules("a.tag"),
    )
    found = read(
        '<h1>The <b>big</b> title</h1><p class=by data-at="1700000000">By Ann Bell</p><div class=lead>'
        '<img src="blank.gif" data-src="/big.jpg"></div><a class=tag>One</a><a class=tag>Two</a><div id=t>Text</div>',
        rules,
    )
    assert found.said == RawEntry(
        title=Text("The", "text"),
        published="2023-11-14T22:13:20+00:00",
        authors=("Ann Bell",),
        tags=("One", "Two"),
        image="https://example.org/big.jpg",
    )
    assert found.filled == dict.fromkeys(("title", "author", "date", "image", "categories"), True)
    constant = read("<div id=t>Text</div>", ArticleRules(body="#t", author=FieldRules(value="The editors")))
    assert (constant.said.authors, constant.notes) == (("The editors",), ())
    whole = read(
        "<p>Source: Ann.</p><div id=t>x</div>", ArticleRules(body="#t", author=FieldRules(regex=r"Source: (\w+)\."))
    )
    assert whole.said.authors == ("Ann",)
    xpath = ArticleRules(body="//div[@id='t']", remove=("//div[@id='t']/p[2]",))
    assert read("<div id=t><p>1</p><p>2</p><p>3</p></div>", xpath).html == "<p>1</p><p>3</p>"


def test_fields_that_are_not_found_are_named() -> None:
    rules = ArticleRules(
        body="#t", author=FieldRules(".by"), image=FieldRules(".lead"), date=FieldRules(timezone="UTC")
    )
    found = read("<div id=t>Text</div>", rules)
    assert found.filled == {"author": False, "image": False}
    assert found.notes == (
        "`.by` (article.author) matches nothing on some articles",
        "`.lead` (article.image) matches nothing on some articles",
    )


HEAD = (
    '<title>Title of the page</title><meta name="author" content="Ann"><meta property="og:image" content="/og.png">'
    '<meta property="article:published_time" content="2026-04-01T10:00:00Z">'
)


def test_what_list_and_page_say_is_joined() -> None:
    rules = ArticleRules(body="#t", timezone="Asia/Shanghai")
    page = read("<div id=t>Text</div>", rules, HEAD)
    bare = joined(RawEntry(guid="g", url=URL), page, rules)
    assert bare == RawEntry(
        guid="g",
        url=URL,
        title=Text("Title of the page", "text"),
        content=Text("Text", "html", URL),
        published="2026-04-01T10:00:00Z",
        authors=("Ann",),
        image="https://example.org/og.png",
        timezone="Asia/Shanghai",
    )
    listed = RawEntry(
        guid="g",
        url=URL,
        title=Text("Title of the list", "text"),
        summary=Text("In short", "text"),
        published="2026-04-01 09:59",
        authors=("Ben",),
        tags=("One",),
        image="https://example.org/list.png",
        timezone="Europe/Berlin",
    )
    assert joined(listed, page, rules) == replace(listed, content=Text("Text", "html", URL))
    # A day alone says less than the page; what is asked for by a selector counts most.
    assert joined(replace(listed, published="2026-04-01"), page, rules).published == "2026-04-01T10:00:00Z"
    assert joined(replace(listed, published="3 hours ago"), page, rules).published == "3 hours ago"
    named = replace(rules, title=FieldRules("h1"), date=FieldRules(".at", timezone="Asia/Tokyo"))
    page = read("<h1>Heading</h1><i class=at>2026-03-31</i><div id=t><img src=a.png></div>", named, HEAD)
    entry = joined(listed, page, named)
    assert (entry.title, entry.published, entry.timezone) == (Text("Heading", "text"), "2026-03-31", "Asia/Tokyo")
    assert joined(replace(listed, image=None), page, named).image is None


# Articles of several pages.

PAGED = replace(RULES, article=ArticleRules(body="#t", next="a.next"), encoding=None)


def part(origin: Origin, path: str, text: str, following: str = "") -> str:
    link = f'<a class="next" href="{following}">Next</a>' if following else ""
    return html(origin, path, f'<html><body><div id="t">{text}</div>{link}</body></html>')


async def paged(origin: Origin, **rules: Any) -> Pulled:
    article = replace(PAGED.article or ArticleRules(), **rules)
    listed = source(html(origin, "/list.html", list_page(("/1.html", "一"))), replace(PAGED, article=article))
    return await pull(listed)


def text_of(pulled: Pulled) -> str:
    (entry,) = pulled.feed.entries
    assert entry.content is not None
    return entry.content.value


async def test_the_pages_of_an_article_are_one_text(origin: Origin) -> None:
    part(origin, "/1.html", "<p>One</p>", "1_2.html")
    part(origin, "/1_2.html", "<p>Two</p>", "/1_3.html#top")
    part(origin, "/1_3.html", "<p>Three</p>")
    pulled = await paged(origin)
    assert text_of(pulled) == "<p>One</p>\n<p>Two</p>\n<p>Three</p>"
    assert (pulled.feed.repairs, pulled.fetched.missing) == ((), ())
    # What its first page says of changes is not true of the others.
    assert pulled.fetched.pages[0].body_hash is None


@pytest.mark.parametrize(
    "back", ["/1.html", "/2.html", "/2.html#x", "javascript:next()", "https://other.example/3", ""]
)
async def test_loops_and_links_that_lead_elsewhere_end_it(origin: Origin, back: str) -> None:
    part(origin, "/1.html", "<p>One</p>", "/2.html")
    part(origin, "/2.html", "<p>Two</p>", back)
    pulled = await paged(origin)
    assert text_of(pulled) == "<p>One</p>\n<p>Two</p>"
    assert pulled.fetched.missing == ()
    assert len(origin.asked("/2.html")) == 1


async def test_the_same_page_at_another_address_ends_it(origin: Origin) -> None:
    part(origin, "/1.html", "<p>One</p>", "/1.html?page=2")
    origin.handle("/1.html", origin.routes["/1.html"])
    pulled = await paged(origin)
    assert text_of(pulled) == "<p>One</p>"
    assert len(origin.pages()) == 3


async def test_a_redirect_to_a_page_that_was_read_ends_it(origin: Origin) -> None:
    part(origin, "/1.html", "<p>One</p>", "/2.html")
    origin.route("/2.html", status=302, headers={"Location": "/1.html"})
    assert text_of(await paged(origin)) == "<p>One</p>"


async def test_the_number_of_pages_is_bounded(origin: Origin) -> None:
    for number in range(1, 9):
        part(origin, f"/{number}.html", f"<p>{number}</p>", f"/{number + 1}.html")
    pulled = await paged(origin, pages=3)
    assert text_of(pulled) == "<p>1</p>\n<p>2</p>\n<p>3</p>"
    assert pulled.feed.repairs == ("some articles have more than 3 pages (article.pages)",)
    assert origin.asked("/4.html") == []


async def test_a_page_that_is_not_there_is_the_end(origin: Origin) -> None:
    part(origin, "/1.html", "<p>One</p>", "/2.html")
    pulled = await paged(origin)
    assert text_of(pulled) == "<p>One</p>"
    (note,) = pulled.feed.repairs
    assert note.startswith("article ends before its last page")
    html(origin, "/2.html", "<html><body>no article</body></html>")
    assert text_of(await paged(origin)) == "<p>One</p>"


async def test_a_page_that_fails_makes_the_article_incomplete(origin: Origin) -> None:
    part(origin, "/1.html", "<p>One</p>", "/2.html")
    origin.route("/2.html", "oops", status=503)
    pulled = await paged(origin)
    assert text_of(pulled) == "<p>One</p>"
    (missing,) = pulled.fetched.missing
    assert "/2.html" in missing
    (state,) = pulled.fetched.pages
    assert (state.mark.startswith("."), state.fruitless, state.body_hash) == (True, 1, None)


async def test_addresses_are_those_of_their_page(origin: Origin) -> None:
    part(origin, "/1.html", '<img src="a.png">', "/deep/2.html")
    more = '<img src="b.png" srcset="b.png 1x, /c.png 2x" data-src="d.png"><a href="../e">x</a><p>1 &lt; 2</p>'
    part(origin, "/deep/2.html", more)
    base = origin.url
    assert text_of(await paged(origin)) == (
        f'<img src="a.png">\n<img data-src="{base}/deep/d.png" src="{base}/deep/b.png" '
        f'srcset="{base}/deep/b.png 1x, {base}/c.png 2x"/><a href="{base}/e">x</a><p>1 &lt; 2</p>'
    )
