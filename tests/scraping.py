"""A site without a feed, and what it takes to pull it: shared by the tests of the kind `scrape`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from aggregator.fetch import Fetcher, FetchSettings
from aggregator.models import Every, FeedState, Fetched, NotModified, PageState, ParsedFeed, Source
from aggregator.parse import parse
from aggregator.sources import KINDS, Instances, Tools
from aggregator.sources.articles import ArticleRules
from aggregator.sources.fields import FieldRules
from aggregator.sources.scrape import ScrapeRules
from tests.origin import Origin

NOW = datetime(2026, 4, 20, 12, 0, tzinfo=UTC)

ITEMS = "div.list-left div.con-details h3 > a"
ARTICLE = ArticleRules(
    body="#articleC",
    author=FieldRules("div.source-name"),
    date=FieldRules("div.time.fl"),
    timezone="Asia/Shanghai",
)
RULES = ScrapeRules(items=ITEMS, encoding="gbk", article=ARTICLE)


def source(url: str, rules: ScrapeRules | None = RULES) -> Source:
    """A source of the kind that its rules make it, allowed to reach loopback."""
    return Source(
        id="site",
        name=None,
        kind="scrape" if rules else "feed",
        url=url,
        category="news",
        section=None,
        interval=Every(timedelta(hours=1)),
        timeout=timedelta(minutes=1),
        max_body=200_000,
        allow_private=("127.0.0.0/8",),
        rules=rules,
        explicit_id=True,
        line=1,
    )


def list_page(*links: tuple[str, str], head: str = "") -> bytes:
    """A list page in GBK with an item for each pair of address and title."""
    items = "".join(f'<div class="con-details"><h3><a href="{url}">{title}</a></h3></div>\n' for url, title in links)
    return (
        f'<!DOCTYPE html><html lang="zh-CN"><head><meta charset="gbk"><title>新闻 - 列表</title>{head}</head>'
        f'<body><a href="/about.html">关于</a><div class="list-left">{items}</div></body></html>'
    ).encode("gbk")


def article_page(body: str, date: str = "2026-04-16 09:20", author: str = "林一舟", encoding: str = "gb18030") -> bytes:
    """An article page with `body` as it stands."""
    return (
        '<!DOCTYPE html><html lang="zh-CN"><head><title>文章</title></head><body><div class="artical">'
        f'<h1>全文的标题</h1><div class="source-name"> {author} </div><div class="time fl">{date}</div>'
        f'<div class="artical-content" id="articleC">{body}</div></div><div>页脚</div></body></html>'
    ).encode(encoding)


def html(origin: Origin, path: str, body: bytes | str, *, conditional: bool = False) -> str:
    """Serve a page as such sites do: without a charset."""
    return origin.route(path, body, content_type="text/html", conditional=conditional)


async def offload(function: Callable[[Any], Any], argument: object, seconds: float) -> Any:
    """Compute in a thread, without a limit."""
    return await asyncio.to_thread(function, argument)


@dataclass(frozen=True)
class Pulled:
    """What one pull of a source gave."""

    fetched: Fetched
    feed: ParsedFeed
    #: The keys that the source asked the store for.
    asked: tuple[str, ...]


async def fetch(
    source: Source,
    state: FeedState | None = None,
    known: Collection[str] = (),
    asked: list[str] | None = None,
    pages: Mapping[str, PageState] = MappingProxyType({}),
) -> Fetched | NotModified:
    """Fetch over real HTTP, with `known` as the keys that are stored, and `pages` as what is remembered of pages."""

    async def lookup(keys: Sequence[str]) -> set[str]:
        if asked is not None:
            asked.extend(keys)
        return set(keys) & set(known)

    async def remembered(keys: Sequence[str]) -> dict[str, PageState]:
        return {key: pages[key] for key in keys if key in pages}

    async with Fetcher(FetchSettings(user_agent="tests", concurrency=8)) as fetcher:
        instances = Instances({}, lambda: NOW)
        tools = Tools(fetcher.fetch, lookup, remembered, offload, instances, lambda: NOW)
        return await KINDS[source.kind].fetch(source, state or FeedState(source.id), tools)


async def pull(source: Source, state: FeedState | None = None, known: Collection[str] = ()) -> Pulled:
    """Fetch and read a source that is new or has changed."""
    asked: list[str] = []
    fetched = await fetch(source, state, known, asked)
    assert isinstance(fetched, Fetched)
    return Pulled(fetched, KINDS[source.kind].read(source, fetched, NOW, parse), tuple(asked))
