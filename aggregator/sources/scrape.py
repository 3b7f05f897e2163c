"""The kind `scrape`: a list page with links, and the pages of its articles.

The list says which articles to fetch, so pages are read while fetching: `fetch` gives the list page with everything
already read in `Fetched.parsed`, and `read` is left with the dates, which need the time. An article is fetched once:
its address is its identity, and what is stored is not asked for again. An article that cannot be had, or on whose page
`article.body` matches nothing, is in `Fetched.missing` and is tried again next time; one that is gone (404, 410) is a
note. So is what there was no time for: a site may ask for a minute between two requests, and a page can take seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from aggregator.dates.relative import find_date
from aggregator.errors import FetchError, ParseError, SourceError
from aggregator.models import (
    ArticleRules,
    FeedState,
    Fetched,
    NotModified,
    ParsedFeed,
    RawEntry,
    ScrapeRules,
    Source,
)
from aggregator.sources.base import Parse, Spent, Tools, conditional_request, fingerprint, plain_request
from aggregator.values.terminal import counted

if TYPE_CHECKING:
    from aggregator.sources.listing import ArticlePage, ListPage

ACCEPT = "text/html, application/xhtml+xml, */*;q=0.1"

AS_FETCHED = False

#: Articles of one source that are fetched at once; the fetcher's own limits apply besides.
AT_ONCE = 4
#: Seconds that the reading of one page may compute.
PAGE_SECONDS = 10.0


def request_hash(source: Source) -> str:
    """Validators of a list page belong to its address and to the rules by which it is read."""
    return fingerprint(source, source.scrape, ACCEPT)


async def fetch(source: Source, state: FeedState, tools: Tools) -> Fetched | NotModified:
    """Fetch the list page, and the articles on it that are not stored."""
    rules = _rules(source)
    request = conditional_request(source, state, accept=ACCEPT, request_hash=request_hash(source))
    page = await tools.fetch(replace(request, robots=True))
    if isinstance(page, NotModified):
        return page
    from aggregator.sources.listing import ArticlePage, read_list

    listed: ListPage = await tools.offload(read_list, (rules, page), PAGE_SECONDS)
    if rules.article is None:
        return replace(page, parsed=replace(listed.feed, entries=listed.links))
    known = await tools.known([link.url for link in listed.links if link.url])
    new = [link for link in listed.links if link.url not in known]
    outcomes = await _articles(source, rules, rules.article, new, tools)
    articles = [one for one in outcomes if isinstance(one, ArticlePage)]
    gone = [one for one in outcomes if _is_gone(one)]
    failed = [one for one in outcomes if isinstance(one, SourceError) and not _is_gone(one)]
    left = [one for one in outcomes if isinstance(one, Spent)]
    # One bad link among known ones is no news. When the site has changed, its list soon holds nothing but failures.
    if not articles and len(failed) * 2 > len(listed.links):
        message = f"none of the {len(new)} new articles could be read; the first: {failed[0]}"
        if len(new) == 1:
            message = f"the one new article could not be read: {failed[0]}"
        raise SourceError(message, kind=failed[0].kind)
    notes = (note for article in articles for note in article.notes)
    feed = replace(
        listed.feed,
        entries=tuple(article.entry for article in articles),
        repairs=(*dict.fromkeys(notes), *(f"article is gone: {one}" for one in gone)),
    )
    are = f"{counted(len(left), 'article')} {'is' if len(left) == 1 else 'are'}"
    later = [f"{are} left for the next time: {left[0]}"] if left else []
    return replace(page, parsed=feed, missing=(*map(str, failed), *later))


def read(source: Source, fetched: Fetched, now: datetime, parse: Parse) -> ParsedFeed:
    """Give what was read while fetching, its dates made out: ISO 8601 where one was found, else the text as it is."""
    if fetched.parsed is None:
        raise ParseError("the articles of this list were not fetched", kind="internal", url=fetched.url)
    return replace(fetched.parsed, entries=tuple(_dated(entry, now) for entry in fetched.parsed.entries))


def _rules(source: Source) -> ScrapeRules:
    if source.scrape is None:
        raise SourceError("the source has no scrape rules", kind="internal", url=source.url)
    return source.scrape


async def _articles(
    source: Source, rules: ScrapeRules, article: ArticleRules, links: Sequence[RawEntry], tools: Tools
) -> list[ArticlePage | SourceError | Spent]:
    """Fetch and read article pages, a few at a time; what fails is in the result."""
    from aggregator.sources.listing import read_article

    gate = asyncio.Semaphore(AT_ONCE)

    async def one(link: RawEntry) -> ArticlePage | SourceError | Spent:
        request = replace(plain_request(source, link.url or "", accept=ACCEPT), robots=True)
        async with gate:
            try:
                page = await tools.fetch(request)
                work = article, rules.encoding, link, page
                result: ArticlePage = await tools.offload(read_article, work, PAGE_SECONDS)
            except ParseError as error:
                # What was ended from outside could not say where.
                return error if error.url else ParseError(str(error), kind=error.kind, url=link.url)
            except (SourceError, Spent) as error:
                return error
            return result

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(link)) for link in links]
    return [task.result() for task in tasks]


def _is_gone(outcome: object) -> bool:
    return isinstance(outcome, FetchError) and outcome.status in (404, 410)


def _dated(entry: RawEntry, now: datetime) -> RawEntry:
    """The entry with its date as ISO 8601 where one is found in the text."""
    found = find_date(entry.published, now, entry.timezone) if entry.published else None
    return replace(entry, published=found.isoformat()) if found else entry
