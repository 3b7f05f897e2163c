"""What pages say of themselves: for programs, and for people near the heading."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.models import Fetched
from aggregator.sources.page import Page
from aggregator.sources.pagefacts import PageFacts, article_body, facts_of

URL = "https://example.org/news/1.html"


def facts(html: str) -> PageFacts:
    return facts_of(page(html))


def page(html: str) -> Page:
    return Page(Fetched(URL, URL, 200, "text/html; charset=utf-8", html.encode("utf-8", "replace")), None)


def linked(*documents: object) -> str:
    return "".join(f'<script type="application/ld+json">{json.dumps(one)}</script>' for one in documents)


ARTICLE = {
    "@type": "NewsArticle",
    "headline": "Big day",
    "datePublished": "2026-04-01T10:00:00+02:00",
    "dateModified": "2026-04-02T10:00:00+02:00",
    "author": {"@type": "Person", "name": "Ann Bell"},
    "image": {"@type": "ImageObject", "url": "/i.jpg"},
    "keywords": ["Rail", "Weather"],
    "publisher": {"@type": "Organization", "name": "Example Times"},
    "description": "What happened",
}
SAID = PageFacts(
    title="Big day",
    description="What happened",
    published="2026-04-01T10:00:00+02:00",
    modified="2026-04-02T10:00:00+02:00",
    authors=("Ann Bell",),
    image="https://example.org/i.jpg",
    site="Example Times",
    tags=("Rail", "Weather"),
    types=("newsarticle",),
)


@pytest.mark.parametrize(
    "html",
    [
        linked(ARTICLE),
        linked([{"@type": "BreadcrumbList"}, ARTICLE]),
        linked({"@context": "https://schema.org", "@graph": [{"@type": "WebSite"}, ARTICLE]}),
        linked({"@type": "WebPage", "mainEntity": ARTICLE}),
        linked({"@type": "Organization", "name": "Other"}, ARTICLE),
        f'<script type="application/ld+json; charset=utf-8">\n//<![CDATA[\n{json.dumps(ARTICLE)};\n//]]>\n</script>',
        f'<script type="APPLICATION/LD+JSON"><!-- {json.dumps(ARTICLE)} --></script>',
        linked("not a node", 3, None, {"@type": 7}, [[[[[[[ARTICLE]]]]]]], ARTICLE),
        '<script type="application/ld+json">{broken</script>' + linked(ARTICLE),
        linked(
            {
                "@graph": [
                    {"@type": "Person", "@id": "#ann", "name": "Ann Bell"},
                    {"@type": "Organization", "@id": "#pub", "name": "Example Times"},
                    {"@type": "ImageObject", "@id": "#image", "url": "/i.jpg"},
                    {**ARTICLE, "author": [{"@id": "#ann"}], "publisher": {"@id": "#pub"}, "image": {"@id": "#image"}},
                ]
            }
        ),
        linked(
            {**ARTICLE, "@type": ["http://schema.org/NewsArticle"], "author": "Ann Bell", "image": ["/i.jpg", "/j.jpg"]}
        ),
        linked({**ARTICLE, "author": [{"name": ["Ann Bell"]}, {"name": ""}, True], "keywords": "Rail, Weather"}),
    ],
)
def test_json_ld_in_all_its_forms(html: str) -> None:
    found = facts(html)
    assert found == replace(SAID, types=found.types)
    assert "newsarticle" in found.types[0]


def test_of_several_articles_the_one_of_the_page_counts() -> None:
    other = {**ARTICLE, "headline": "Other", "url": "https://example.org/news/2.html"}
    own = {**ARTICLE, "mainEntityOfPage": {"@type": "WebPage", "@id": "http://www.example.org/news/1.html#main"}}
    assert facts(linked(other, own)).title == "Big day"
    # A list of articles is no article.
    assert facts(linked(other, {**other, "url": "https://example.org/news/3.html"})).published == ""


def test_open_graph_and_meta_elements() -> None:
    found = facts(
        '<head><title>Big day | Example</title><link rel="Canonical" href="/a">'
        '<meta property="og:title" content="Big day">'
        '<meta property="og:site_name" content="Example"><meta property="og:image" content="//cdn.example/a.jpg">'
        '<meta property="article:published_time" content="2026-04-01">'
        '<meta property="article:modified_time" content="x">'
        '<meta property="article:tag" content="Rail"><meta property="article:tag" content="Weather">'
        '<meta name="author" content=" Ann  Bell "><meta name="description" content="What happened">'
        '<meta property="og:type" content="article"></head>'
    )
    assert found == PageFacts(
        title="Big day",
        description="What happened",
        published="2026-04-01",
        authors=("Ann Bell",),
        image="https://cdn.example/a.jpg",
        canonical="https://example.org/a",
        site="Example",
        tags=("Rail", "Weather"),
        types=("article",),
    )


@pytest.mark.parametrize(
    ("html", "title"),
    [
        ("<title>Big day - Example Times</title><h1>Example Times</h1><h2>Big day</h2>", "Big day"),
        ("<title>标题_新闻_网站</title><h1>网站</h1><h1>标题</h1>", "标题"),
        ("<title>News</title><h1>Big day in the news today</h1>", "News"),
        (
            '<meta property="og:title" content="Big day | The Site"><meta property="og:site_name" content="The Site">',
            "Big day",
        ),
        (
            '<meta property="og:title" content="The Site: Big day"><meta property="og:site_name" content="The Site">',
            "Big day",
        ),
        ("<h1>\n Big\n day </h1>", "Big day"),
        ("<title>Big day</title><h1></h1>", "Big day"),
        ("<title>About News</title><h2>News</h2><h1>About News</h1>", "About News"),
        ("<p>Nothing</p>", ""),
    ],
)
def test_titles(html: str, title: str) -> None:
    assert facts(html).title == title


@pytest.mark.parametrize(
    ("html", "date"),
    [
        ('<meta name="publishdate" content="2026-04-01 10:20">', "2026-04-01 10:20"),
        ('<meta property="article:published_time" content=""><meta name="pubdate" content="2026-04-01">', "2026-04-01"),
        (
            '<meta property="article:published_time" content="undefined"><time pubdate datetime="2026-04-01">',
            "2026-04-01",
        ),
        ('<span itemprop="datePublished" content="2026-04-01T10:00">1 April</span>', "2026-04-01T10:00"),
        ('<meta itemprop="datePublished" content="2026-04-01">', "2026-04-01"),
        ('<h1>T</h1><p><time datetime="2026-04-01">today</time></p>', "2026-04-01"),
        (
            "<h1>标题</h1><div>来源：本站 发布时间：2022-06-29 14:36 作者：甲</div>",
            "来源：本站 发布时间：2022-06-29 14:36 作者：甲",
        ),
        ("<h1>T</h1><p>By Ann Bell</p><p>Posted on March 3, 2024 in News</p>", "Posted on March 3, 2024 in News"),
        ("<h1>T</h1><div><span>Ann</span> <span>3 hours ago</span></div>", "Ann 3 hours ago"),
        ("<article><span>12.03.2024</span><h1>T</h1><p>Text</p></article>", "12.03.2024"),
        ("<nav>1 May 2026</nav><h1>T</h1><nav>1 May 2026</nav><p>Text</p><footer>1 May 2026</footer>", ""),
        (f"<h1>T</h1><p>{'Long text. ' * 80}</p><p>On 1 May 2026 it ended.</p>", ""),
        (f"<h1>T</h1><p>{'Text that tells much. ' * 8}Since 1 May 2026 it is so, and {'more ' * 30}</p>", ""),
        ("<h1>T</h1><p>1234567890</p><p>2026</p>", ""),
        ('<p>Text</p><time datetime="2026-04-01"></time>', "2026-04-01"),
        ('<time datetime="2026-04-01"></time><time datetime="2026-04-02"></time>', ""),
    ],
)
def test_dates(html: str, date: str) -> None:
    assert facts(html).published == date


@pytest.mark.parametrize(
    ("html", "authors"),
    [
        ('<a rel="author" href="/ann">Ann Bell</a>', ("Ann Bell",)),
        ('<span itemprop="author"><b>by</b> <span itemprop="name">Ann Bell</span></span>', ("Ann Bell",)),
        (
            '<meta property="article:author" content="https://facebook.com/x"><meta name="byl" content="By Ann">',
            ("By Ann",),
        ),
        (linked({**ARTICLE, "author": [{"name": "Ann"}, {"name": "Ben"}, {"name": "Ann"}]}), ("Ann", "Ben")),
        (f'<meta name="author" content="{"x" * 200}">', ()),
    ],
)
def test_authors(html: str, authors: tuple[str, ...]) -> None:
    assert facts(html).authors == authors


def test_the_text_of_an_article_in_json_ld() -> None:
    assert article_body(page(linked({**ARTICLE, "articleBody": " One.\n\nTwo. "}))) == "One.\n\nTwo."
    assert article_body(page(linked(ARTICLE))) == ""


def test_hostile_json_is_harmless() -> None:
    deep = '<script type="application/ld+json">' + "[" * 100_000 + "</script>"
    many = "".join('<script type="application/ld+json">[{"@type":"A"},{"@type":"A"}]</script>' for _ in range(1000))
    large = linked({"@type": "Article", "headline": "x" * 600_000})
    loops = linked({"@graph": [{"@type": "Article", "@id": "#a", "author": {"@id": "#a"}, "headline": ["T"]}]})
    assert facts(deep + many + large).title == ""
    assert facts(loops).title == "T"
    assert facts("<h1>T</h1>" + "<div>" * 200 + "<b></b>" * 20_000).published == ""


@given(st.text(max_size=400))
def test_no_page_raises(text: str) -> None:
    facts(text)
    facts(f'<h1>{text}</h1><div class="{text}">{text}</div><script type="application/ld+json">{text}</script>')


NAMES = ["@type", "@id", "@graph", "author", "name", "image", "url", "headline", "keywords", "datePublished"]


@given(
    st.recursive(
        st.sampled_from([None, True, 3, "Article", "#a", ""]),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6),
    )
)
def test_no_json_raises(value: object) -> None:
    facts(linked(value))
