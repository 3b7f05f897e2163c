"""The kind `scrape`: from a list page in GBK and its articles to entries."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from aggregator.dates.formats import parse_date
from aggregator.models import FeedState, Fetched, NotModified, RawEntry, Source, Text
from aggregator.sources import KINDS
from aggregator.sources.fields import FieldRules
from aggregator.sources.scrape import ScrapeRules
from tests.origin import Origin
from tests.scraping import ARTICLE, RULES, article_page, fetch, html, list_page, pull, source

BODY = '<p style="text-indent: 2em;">第一段，“引号”&nbsp;与喆。</p><p><img src="/i/a.png"></p> \n'


def site(origin: Origin, *names: str, rules: ScrapeRules = RULES, body: str = BODY) -> Source:
    """A list of articles, all with the same text."""
    for name in names:
        html(origin, f"/news/{name}.html", article_page(body))
    links = [(f"/news/{name}.html", f"标题 {name}") for name in names]
    return source(html(origin, "/news/list.html", list_page(*links)), rules)


async def test_list_and_articles_become_entries(origin: Origin) -> None:
    pulled = await pull(site(origin, "1", "2"))
    feed = pulled.feed
    assert (feed.version, feed.reader, feed.title, feed.language) == ("scrape", "scrape", "新闻 - 列表", "zh-CN")
    assert (feed.home_url, feed.repairs, pulled.fetched.missing) == (f"{origin.url}/news/list.html", (), ())
    url = f"{origin.url}/news/1.html"
    assert feed.entries[0] == RawEntry(
        guid=url,
        url=url,
        title=Text("标题 1", "text"),
        content=Text(BODY, "html", url),
        published="2026-04-16T01:20:00+00:00",
        authors=("林一舟",),
        language="zh-CN",
        timezone="Asia/Shanghai",
    )
    assert [entry.title for entry in feed.entries] == [Text("标题 1", "text"), Text("标题 2", "text")]


async def test_known_articles_are_not_fetched_again(origin: Origin) -> None:
    listed = site(origin, "1", "2", "3")
    known = f"{origin.url}/news/2.html"
    pulled = await pull(listed, known=[known])
    assert [entry.guid for entry in pulled.feed.entries] == [f"{origin.url}/news/{n}.html" for n in (1, 3)]
    assert pulled.asked == tuple(f"{origin.url}/news/{n}.html" for n in (1, 2, 3))
    assert origin.asked("/news/2.html") == []


async def test_a_list_of_known_articles_costs_one_request(origin: Origin) -> None:
    pulled = await pull(site(origin, "1", "2"), known=[f"{origin.url}/news/{n}.html" for n in (1, 2)])
    assert (pulled.feed.entries, pulled.fetched.missing) == ((), ())
    assert len(origin.pages()) == 1


async def test_unchanged_list_is_not_read(origin: Origin) -> None:
    html(origin, "/news/1.html", article_page(BODY))
    listed = source(html(origin, "/list.html", list_page(("/news/1.html", "一")), conditional=True))
    first = (await pull(listed)).fetched
    state = FeedState("site", etag=first.etag, request_hash=KINDS["scrape"].request_hash(listed))
    assert isinstance(await fetch(listed, state), NotModified)
    assert len(origin.asked("/news/1.html")) == 1

    # Other rules read another feed out of the same page.
    changed = replace(listed, rules=replace(RULES, limit=5))
    assert isinstance(await fetch(changed, state), Fetched)


async def test_links_are_absolute_and_named_once(origin: Origin) -> None:
    for path in ("/deep/a.html", "/news/b.html", "/news/c.html?id=1&page=2"):
        html(origin, path, article_page(BODY))
    links = [
        ("a.html", ""),
        ("a.html#comments", "甲"),
        ("../news/b.html", "乙"),
        (f"{origin.url}/news/c.html?id=1&amp;page=2", "丙"),
        ("javascript:void(0)", "脚本"),
        ("mailto:someone@site.example", "信"),
        ("#top", "顶"),
    ]
    url = html(origin, "/list.html", list_page(*links, head='<base href="/deep/">'))
    entries = (await pull(source(url))).feed.entries
    assert [entry.url for entry in entries] == [
        f"{origin.url}/deep/a.html",
        f"{origin.url}/news/b.html",
        f"{origin.url}/news/c.html?id=1&page=2",
    ]
    assert [entry.title and entry.title.value for entry in entries] == ["甲", "乙", "丙"]
    assert len(origin.asked("/deep/a.html")) == 1


async def test_identity_is_the_listed_address_whatever_it_redirects_to(origin: Origin) -> None:
    html(origin, "/archive/1.html", article_page('<p><img src="a.png"></p>'))
    origin.route("/news/1.html", status=301, headers={"Location": "/archive/1.html"})
    (entry,) = (await pull(source(html(origin, "/list.html", list_page(("/news/1.html", "一")))))).feed.entries
    assert entry.guid == entry.url == f"{origin.url}/news/1.html"
    assert entry.content is not None
    assert entry.content.base == f"{origin.url}/archive/1.html"


async def test_limit_counts_different_articles_from_the_top(origin: Origin) -> None:
    listed = site(origin, "1", "1", "2", "3", "4", rules=replace(RULES, limit=3))
    entries = (await pull(listed)).feed.entries
    assert [entry.title and entry.title.value for entry in entries] == ["标题 1", "标题 2", "标题 3"]


async def test_items_may_be_elements_that_hold_a_link(origin: Origin) -> None:
    html(origin, "/1.html", article_page(BODY))
    page = '<ul><li><b>New</b> <a name=x></a><a href="/1.html"><img alt=" A  picture "></a><a href="/2.html">2</a></ul>'
    listed = source(html(origin, "/list.html", page), ScrapeRules(items="li", article=ARTICLE))
    (entry,) = (await pull(listed)).feed.entries
    assert (entry.url, entry.title) == (f"{origin.url}/1.html", Text("A picture", "text"))


@pytest.mark.parametrize(
    ("link", "title"),
    [
        ('<a href="/1.html" title="全部的 标题">全部的…</a>', "全部的 标题"),
        ('<a href="/1.html" title="The whole title">The whole...</a>', "The whole title"),
        ('<a href="/1.html" title="点击查看">正常的标题</a>', "正常的标题"),
        ('<a href="/1.html">被截断的…</a>', "被截断的…"),
        ('<a href="/1.html">\n 多行\n <b>标题</b> </a>', "多行 标题"),
        ('<a href="/1.html" title="只有这个"><img src="x.png"></a>', "只有这个"),
    ],
)
async def test_title_from_the_list(origin: Origin, link: str, title: str) -> None:
    html(origin, "/1.html", article_page(BODY))
    listed = source(html(origin, "/list.html", link), ScrapeRules(items="a", article=ARTICLE))
    (entry,) = (await pull(listed)).feed.entries
    assert entry.title == Text(title, "text")


async def test_title_from_the_article(origin: Origin) -> None:
    rules = replace(RULES, article=replace(ARTICLE, title=FieldRules("h1")))
    (entry,) = (await pull(site(origin, "1", rules=rules))).feed.entries
    assert entry.title == Text("全文的标题", "text")


async def test_list_without_articles_is_all_there_is(origin: Origin) -> None:
    rules = ScrapeRules(items="a", limit=2)
    page = '<a href="/log#v3">v3</a><a href="/log#v2">v2</a><a href="/log#v1">v1</a>'
    pulled = await pull(source(html(origin, "/list.html", page), rules))
    assert [(entry.url, entry.title) for entry in pulled.feed.entries] == [
        (f"{origin.url}/log#v3", Text("v3", "text")),
        (f"{origin.url}/log#v2", Text("v2", "text")),
    ]
    assert (pulled.asked, len(origin.pages())) == ((), 1)


async def test_unwanted_elements_are_removed(origin: Origin) -> None:
    body = '<p>正文</p><div class="ad">广告<p class="ad">又是</p></div><p>结尾<span class="share">分享</span></p>'
    rules = replace(RULES, article=replace(ARTICLE, remove=(".ad", "span.share"), author=FieldRules(".ad")))
    (entry,) = (await pull(site(origin, "1", rules=rules, body=body))).feed.entries
    assert entry.content is not None
    assert entry.content.value == "<p>正文</p><p>结尾</p>"
    assert entry.authors == ("广告 又是",)


@pytest.mark.parametrize(
    ("shown", "found"),
    [
        ("2022-06-29 14:36", datetime(2022, 6, 29, 6, 36, tzinfo=UTC)),
        ("时间：2022-06-29 14:36 来源：本站", datetime(2022, 6, 29, 6, 36, tzinfo=UTC)),
        ("发布于 3小时前", datetime(2026, 4, 20, 9, 0, tzinfo=UTC)),
        ('<time datetime="2026-04-01T08:00:00+08:00">愚人节</time>', datetime(2026, 4, 1, tzinfo=UTC)),
        ("不知何时", None),
    ],
)
async def test_dates_are_made_out(origin: Origin, shown: str, found: datetime | None) -> None:
    html(origin, "/1.html", article_page(BODY, date=shown))
    rules = replace(RULES, article=replace(ARTICLE, date=FieldRules("div.time.fl time, div.time.fl:not(:has(time))")))
    (entry,) = (await pull(source(html(origin, "/list.html", list_page(("/1.html", "一"))), rules))).feed.entries
    assert entry.published is not None
    assert parse_date(entry.published, timezone=entry.timezone) == found
    assert found or entry.published == shown


async def test_the_seed_comes_out_byte_for_byte(origin: Origin, shared: Path) -> None:
    seed = (shared / "seeds" / "000_7a375ae5d94181a0.txt").read_text(encoding="utf-8")
    body = seed.split("<div>   \n", 1)[1].rsplit("  \n</div>", 1)[0]
    body = re.sub(r"https://cors\.[^?]*\?(?=http:)", "", body).replace(' referrerpolicy="no-referrer"', "")
    title = "“人民会客厅”联手华为云“桑田岛时间”聚焦县域发展的数字化未来"
    html(origin, "/1.html", article_page(body, date="2022-06-29 14:36", encoding="gbk"))
    (entry,) = (await pull(source(html(origin, "/list.html", list_page(("/1.html", title)))))).feed.entries
    assert entry.content is not None
    assert entry.content.value == body
    assert '<img src="http://images.' in body
    assert (entry.title, entry.published) == (Text(title, "text"), "2022-06-29T06:36:00+00:00")
