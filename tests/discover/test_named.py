"""What a page names as its feeds."""

from __future__ import annotations

import pytest

from aggregator.discover.elements import Elements
from aggregator.discover.named import MAX_FEEDS, Way, named_feeds
from aggregator.sources.page import Page
from tests.discover.pages import fetched

URL = "https://example.org/news/"


def named(body: str, links: str = "", *, article: bool = False) -> list[tuple[str, str]]:
    """Addresses and titles of the feeds that a page at `URL` names."""
    page = Elements(Page(fetched(body, URL), None))
    return [(one.url, one.title) for one in named_feeds(page, links, article=article)]


def urls(body: str, links: str = "") -> list[str]:
    return [url for url, _ in named(body, links)]


@pytest.mark.parametrize(
    "link",
    [
        '<link rel="alternate" type="application/rss+xml" href="x">',
        "<link rel=Alternate type='APPLICATION/ATOM+XML; charset=utf-8' href=x>",
        '<link rel="alternate home" type="application/feed+json" href="x">',
        '<link rel="feed" href="x">',
        '<link rel="alternate" type="text/xml" href="x">',
        '<link rel="alternate" hreflang="en" type="application/rss+xml" href="x">',
    ],
)
def test_links_to_feeds_are_recognized(link: str) -> None:
    assert urls(link) == ["https://example.org/news/x"]


@pytest.mark.parametrize(
    "link",
    [
        '<link rel="alternate" hreflang="de" href="/de/">',
        '<link rel="alternate" type="application/json" href="/wp-json/wp/v2/pages/2">',
        '<link rel="alternate" type="application/json" href="/api/pages/2">',
        '<link rel="alternate" type="text/xml+oembed" href="/oembed?format=xml">',
        '<link rel="alternate stylesheet" type="text/css" href="feed.css">',
        '<link rel="alternate" media="handheld" href="https://m.example.org/">',
        '<link rel="alternate" type="application/activity+json" href="/users/x">',
        '<link rel="search" type="application/rss+xml" href="/search">',
        '<link rel="alternate" type="application/rss+xml" href="javascript:alert(1)">',
        '<link rel="alternate" type="application/rss+xml">',
        '<link rel="EditURI" type="application/rsd+xml" href="/xmlrpc.php?rsd">',
        '<a href="/livestock-feeds">Livestock feeds and licences</a>',
        '<a href="/subscribe">Subscribe to our newsletter</a>',
        '<a href="https://other.example/feed">A partner</a>',
        '<a href="mailto:rss@example.org">RSS</a>',
    ],
)
def test_other_links_are_no_feeds(link: str) -> None:
    assert urls(link) == []


def test_base_and_odd_addresses_are_resolved() -> None:
    page = (
        '<base href="https://cdn.example.net/a/b"><link rel=alternate type=application/atom+xml href=" feed\n.atom ">'
    )
    assert urls(page) == ["https://cdn.example.net/a/feed.atom"]


def test_headers_name_feeds_as_rfc_8288_says() -> None:
    said = (
        '</style.css>; rel=preload; as=style, <a.atom>; title="Said, with \\"quotes\\"; and commas"; '
        'rel="x alternate"; type="application/atom+xml", <b.rss>; rel="self", <c>; rel=alternate; type=text/html'
    )
    assert named("", said) == [("https://example.org/news/a.atom", 'Said, with "quotes"; and commas')]


def test_one_feed_in_several_formats_is_offered_once_the_strictest() -> None:
    page = (
        '<link rel="alternate" type="application/feed+json" title="Log (JSON)" href="/feed.json">'
        '<link rel="alternate" type="application/rss+xml" title="Log - RSS" href="/feed.rss">'
        '<link rel="alternate" type="application/atom+xml" title="Log - Atom" href="/feed.atom">'
    )
    assert urls(page) == ["https://example.org/feed.atom"]


def test_feeds_that_are_only_called_alike_stay_apart() -> None:
    page = "".join(
        f'<link rel="alternate" type="application/rss+xml" title="RSS" href="/{name}.xml">' for name in ("a", "b", "c")
    )
    assert urls(page) == [f"https://example.org/{name}.xml" for name in ("a", "b", "c")]


@pytest.mark.parametrize(
    "title", ["Comments", "Kommentare", "Flux des commentaires", "评论 Feed", "コメント", "Комментарии"]
)
def test_comments_come_last_in_many_languages(title: str) -> None:
    page = (
        f'<link rel="alternate" type="application/rss+xml" title="Site &raquo; {title}" href="/1.xml">'
        '<link rel="alternate" type="application/rss+xml" title="Site" href="/2.xml">'
    )
    assert urls(page) == ["https://example.org/2.xml", "https://example.org/1.xml"]


def test_what_is_below_an_article_has_its_comments_and_below_a_section_its_articles() -> None:
    page = (
        '<link rel="alternate" type="application/rss+xml" title="All" href="/feed/">'
        '<link rel="alternate" type="application/rss+xml" title="These" href="/news/feed/">'
    )
    assert urls(page)[0] == "https://example.org/news/feed/"
    assert named(page, article=True)[0][0] == "https://example.org/feed/"


def test_the_number_of_a_visit_is_no_part_of_an_address() -> None:
    page = f'<link rel="alternate" type="application/atom+xml" href="/feed?mode=news&amp;sid={"0af1" * 8}">'
    assert urls(page) == ["https://example.org/feed?mode=news"]


@pytest.mark.parametrize(
    "anchor",
    [
        '<a href="/rss.xml">XML</a>',
        '<a href="/blog/feed/">Subscribe</a>',
        '<a href="/?feed=rss2">news</a>',
        '<a href="/updates" title="RSS">x</a>',
        '<a href="/updates"><img src="rss.gif" alt="RSS feed"></a>',
        '<a href="/updates"><i class="fa fa-rss"></i></a>',
        '<a href="/updates" type="application/atom+xml">x</a>',
        '<a href="/updates">RSS订阅</a>',
        '<a href="https://feeds.example.net/example/feed.xml">RSS</a>',
    ],
)
def test_links_for_people_are_found_by_address_and_by_what_they_say(anchor: str) -> None:
    assert len(urls(anchor)) == 1


def test_what_programs_are_told_comes_before_links_for_people() -> None:
    page = '<a href="/a/feed">RSS</a><link rel="alternate" type="application/rss+xml" href="/b.xml">'
    found = named_feeds(Elements(Page(fetched(page, URL), None)), "", article=False)
    assert [one.way for one in found] == [Way.LINK, Way.ANCHOR]


def test_thousands_of_feeds_are_bounded() -> None:
    page = "".join(
        f'<link rel="alternate" type="application/rss+xml" title="T{n}" href="/{n}.rss">' for n in range(3000)
    )
    assert len(urls(page)) <= MAX_FEEDS
