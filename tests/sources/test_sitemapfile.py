"""Sitemaps as documents: what is read of them, which addresses are chosen, and hostile ones."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.errors import ParseError
from aggregator.models import Fetched, RawEntry, Text
from aggregator.sources.sitemap import expression_of
from aggregator.sources.sitemapfile import Child, SitemapFile, SitemapWork, named_sitemaps, read_sitemap

NOW = datetime(2026, 4, 20, 12, 0, tzinfo=UTC)
SITE = "https://example.org"
SPACES = (
    'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:news="http://www.google.com/schemas/sitemap-news/0.9" '
    'xmlns:image="http://www.google.com/schemas/sitemap-image/1.1" xmlns:xhtml="http://www.w3.org/1999/xhtml"'
)


def document(body: bytes | str, content_type: str = "application/xml", url: str = f"{SITE}/sitemap.xml") -> Fetched:
    return Fetched(url, url, 200, content_type, body.encode() if isinstance(body, str) else body)


def read(
    body: bytes | str,
    *,
    limit: int = 20,
    include: tuple[str, ...] = (),
    exclude: tuple[str, ...] = (),
    content_type: str = "application/xml",
    hosts: tuple[str, ...] = ("example.org",),
) -> SitemapFile:
    wanted, unwanted = (tuple(map(expression_of, some)) for some in (include, exclude))
    return read_sitemap(SitemapWork(document(body, content_type), hosts, limit, wanted, unwanted, NOW))


def urlset(*urls: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?><urlset {SPACES}>{"".join(urls)}</urlset>'


def url(path: str, lastmod: str = "", more: str = "") -> str:
    said = f"<lastmod>{lastmod}</lastmod>" if lastmod else ""
    return f"<url><loc>{path if '://' in path else SITE + path}</loc>{said}{more}</url>"


def paths(file: SitemapFile) -> list[str]:
    return [(one.entry.url or "").removeprefix(SITE) for one in file.addresses]


def test_the_newest_addresses_are_taken() -> None:
    file = read(
        urlset(
            url("/old", "2020-01-01"),
            url("/new", "2026-04-19T10:00:00+02:00"),
            url("/undated"),
            url("/newer", "2026-04-19T09:00:00Z"),
            url("/year", "2024"),
        ),
        limit=4,
    )
    assert paths(file) == ["/newer", "/new", "/year", "/old"]
    assert file.addresses[0].entry == RawEntry(
        guid=f"{SITE}/newer", url=f"{SITE}/newer", updated="2026-04-19T09:00:00Z"
    )
    assert (file.listed, file.wanted, file.notes) == (5, 5, ())


def test_without_dates_the_first_ones_are_taken_with_a_note() -> None:
    file = read(urlset(*(url(f"/{number}") for number in range(30))), limit=3)
    assert paths(file) == ["/0", "/1", "/2"]
    assert file.notes == ("the sitemap has no dates, so that the first 3 of 30 addresses are taken",)
    same = read(urlset(*(url(f"/{number}", "2026-01-01") for number in range(30))), limit=3)
    assert same.notes == ("the sitemap has the same date for all pages, so that the first 3 of 30 addresses are taken",)
    assert read(urlset(url("/1"), url("/2"))).notes == ()


def test_dates_in_the_future_say_nothing() -> None:
    assert paths(read(urlset(url("/wrong", "2099-01-01"), url("/right", "2026-04-20")), limit=1)) == ["/right"]


def test_the_extension_for_news() -> None:
    news = (
        "<news:news><news:publication><news:name>Example Times</news:name><news:language>de</news:language>"
        "</news:publication><news:publication_date>2026-04-20T09:00:00Z</news:publication_date>"
        "<news:title>Größe &amp; Maß</news:title><news:keywords>Bahn, Wetter</news:keywords></news:news>"
        "<image:image><image:loc>https://cdn.example/a.jpg</image:loc></image:image>"
    )
    file = read(urlset(url("/a", more=news), url("/b", "2026-04-20T08:00:00Z")))
    (first, second) = file.addresses
    assert first.entry == RawEntry(
        guid=f"{SITE}/a",
        url=f"{SITE}/a",
        title=Text("Größe & Maß", "text"),
        published="2026-04-20T09:00:00Z",
        tags=("Bahn", "Wetter"),
        image="https://cdn.example/a.jpg",
        language="de",
    )
    assert (second.entry.url, file.news) == (f"{SITE}/b", True)


def test_what_is_no_article_is_left_out() -> None:
    listed = (
        *("/", "/a.pdf", "/b.JPG", "/c/sitemap.xml", "/d", "/d", "/d#part", "/e?id=1", "/?p=2"),
        *(
            "https://other.example/x",
            "https://notexample.org/x",
            "https://www.example.org/f",
            "https://a.example.org/g",
        ),
        *("mailto:a@example.org", "", "javascript:alert(1)", "//example.org/h"),
    )
    file = read(
        urlset(
            *(f"<url><loc>{one if ':' in one or one[:2] in ('//', '') else SITE + one}</loc></url>" for one in listed)
        )
    )
    assert [one.entry.url for one in file.addresses] == [
        *(f"{SITE}/d", f"{SITE}/e?id=1", f"{SITE}/?p=2"),
        *("https://www.example.org/f", "https://a.example.org/g", f"{SITE}/h"),
    ]
    assert file.foreign == 2


@pytest.mark.parametrize(
    ("include", "exclude", "taken"),
    [
        (("/blog/*",), (), ["/blog/a", "/blog/2026/b", "/blog/c?x=1"]),
        (("/blog/*",), ("*/2026/*",), ["/blog/a", "/blog/c?x=1"]),
        ((), ("/blog/*", "/news/*"), ["/about"]),
        (("/blog/",), (), ["/blog/a", "/blog/2026/b", "/blog/c?x=1"]),
        (("/^/(blog|news)/[a-z]+$/",), (), ["/blog/a", "/news/d"]),
        (("/BLOG/i",), ("*\\?*", "/[?]/"), ["/blog/a", "/blog/2026/b"]),
        (("/新闻/*",), (), ["/%E6%96%B0%E9%97%BB/1"]),
        (("/about",), (), ["/about"]),
        (("/blog",), (), []),
    ],
)
def test_include_and_exclude(include: tuple[str, ...], exclude: tuple[str, ...], taken: list[str]) -> None:
    listed = ["/blog/a", "/blog/2026/b", "/blog/c?x=1", "/news/d", "/about"]
    if include:
        listed.append("/%E6%96%B0%E9%97%BB/1")
    file = read(urlset(*(url(one.replace("&", "&amp;")) for one in listed)), include=include, exclude=exclude)
    assert paths(file) == taken
    assert (file.listed, file.wanted) == (len(listed), len(taken))


def test_an_index_is_in_the_order_of_what_changed_last() -> None:
    body = f"<sitemapindex {SPACES}>" + "".join(
        f"<sitemap><loc>{SITE}/{name}</loc>{f'<lastmod>{date}</lastmod>' if date else ''}</sitemap>"
        for name, date in (
            ("tag-sitemap.xml", "2026-04-20"),
            ("post-sitemap.xml", "2026-04-19"),
            ("post-sitemap2.xml", "2026-04-20"),
            ("image.xml", ""),
            ("wp-sitemap-posts-post-1.xml", ""),
            ("wp-sitemap-posts-post-2.xml", ""),
            ("misc.xml", ""),
            ("other.xml", ""),
        )
    )
    file = read(body + "</sitemapindex>")
    assert [one.url.removeprefix(f"{SITE}/") for one in file.children] == [
        *("post-sitemap2.xml", "tag-sitemap.xml", "post-sitemap.xml"),
        *("wp-sitemap-posts-post-2.xml", "wp-sitemap-posts-post-1.xml", "other.xml", "image.xml", "misc.xml"),
    ]
    assert file.children[0] == Child(f"{SITE}/post-sitemap2.xml", datetime(2026, 4, 20, tzinfo=UTC))


def test_text_with_one_address_a_line() -> None:
    file = read(f"\ufeff\n{SITE}/a\r\n  {SITE}/b  \nno address\n\n", content_type="text/plain")
    assert paths(file) == ["/a", "/b"]


def test_without_namespaces_and_with_prefixes() -> None:
    plain = f"<urlset><url><loc>\n {SITE}/a \n</loc></url><url><loc><![CDATA[{SITE}/b?x=1&y=2]]></loc></url></urlset>"
    assert paths(read(plain)) == ["/a", "/b?x=1&y=2"]
    prefixed = f'<s:urlset xmlns:s="urn:x"><s:url><s:loc>{SITE}/a</s:loc></s:url></s:urlset>'
    assert paths(read(prefixed)) == ["/a"]
    undeclared = f"<urlset><url><loc>{SITE}/a</loc><news:news><news:title>T</news:title></news:news></url></urlset>"
    (one,) = read(undeclared).addresses
    assert one.entry.title == Text("T", "text")


def test_relative_addresses_and_other_encodings() -> None:
    body = '<?xml version="1.0" encoding="gbk"?><urlset><url><loc>/新</loc></url></urlset>'.encode("gbk")
    assert paths(read(body)) == ["/新"]


def test_what_is_cut_off_is_read_as_far_as_it_goes() -> None:
    file = read(urlset(url("/a"), url("/b"))[:-40])
    assert paths(file) == ["/a"]
    assert file.notes == ("the sitemap is not well-formed XML; what could be read of it is used",)
    assert paths(read(urlset(f"<url><loc>{SITE}/a?x=1&y=2</loc></url>", url("/b")))) != []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("<!DOCTYPE html><html><body>404</body></html>", "this is an HTML page, not a sitemap"),
        ('<?xml version="1.0"?><rss version="2.0"></rss>', "this is a feed, not a sitemap; write `feed`"),
        ("<opml></opml>", "its root element is <opml>"),
        ("", "the document is empty"),
        ("User-agent: *", "neither XML nor a list of addresses"),
        ('{"a": 1}', "neither XML nor a list of addresses"),
    ],
)
def test_what_is_no_sitemap_says_so(body: str, said: str) -> None:
    with pytest.raises(ParseError, match=said) as caught:
        read(body)
    assert (caught.value.kind, caught.value.url) == ("not_a_feed", f"{SITE}/sitemap.xml")


def test_hostile_xml_expands_and_fetches_nothing() -> None:
    lol = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    bomb = f'<!DOCTYPE urlset [<!ENTITY l0 "lol">{lol}<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    file = read(f"{bomb}<urlset><url><loc>{SITE}/&l9;</loc></url><url><loc>{SITE}/&x;</loc></url>{url('/a')}</urlset>")
    assert all("lol" not in one and "root:" not in one for one in paths(file))
    assert "/a" in paths(file)
    deep = read("<urlset>" + "<url>" * 5000 + f"<loc>{SITE}/a</loc>")
    assert deep.addresses == ()
    wide = read(urlset(f"<url>{'<x/>' * 20_000}<loc>{SITE}/a</loc></url>"))
    assert paths(wide) == ["/a"]


def test_as_many_addresses_as_a_sitemap_may_have() -> None:
    file = read(urlset(*(url(f"/{n}", f"2026-01-{n % 28 + 1:02d}") for n in range(50_000))), limit=2)
    assert (file.listed, len(file.addresses)) == (50_000, 2)
    assert paths(file) == ["/27", "/55"]


@given(st.text(max_size=300))
def test_no_text_raises_anything_but_a_parse_error(body: str) -> None:
    for whole in (body, f"<urlset><url><loc>{body}</loc></url>", f"<sitemapindex>{body}"):
        try:
            read(whole.encode("utf-8", "replace"))
        except ParseError as error:
            assert error.kind == "not_a_feed"


def test_robots_txt_names_sitemaps() -> None:
    body = (
        "\ufeffUser-agent: *\nDisallow: /x\n# Sitemap: https://example.org/no.xml\nSITEMAP:https://example.org/images.xml\n"
        " Sitemap : /relative.xml # why\nsitemap: https://cdn.example/news.xml\nSitemap: https://example.org/images.xml\n"
        "Sitemap: not an address\nSitemap:\n"
    )
    assert named_sitemaps(document(body, "text/plain", f"{SITE}/robots.txt")) == (
        *("https://cdn.example/news.xml", f"{SITE}/relative.xml", f"{SITE}/not", f"{SITE}/images.xml"),
    )
    many = "\n".join(f"Sitemap: {SITE}/{n}.xml" for n in range(100))
    assert len(named_sitemaps(document(many, "text/plain"))) == 20


def test_a_compressed_sitemap_was_unpacked_before() -> None:
    # The fetcher does it; what is still compressed is not read.
    with pytest.raises(ParseError):
        read(gzip.compress(urlset(url("/a")).encode()))
