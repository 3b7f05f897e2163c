"""The kind `scrape`: a list page with links, and the pages of its articles.

The list says which articles to fetch, so pages are read while fetching: `fetch` returns the list page with everything
already read in `Fetched.parsed`, and `read` only has to make out the dates, which need the time. An article is fetched
once: its address is its identity, and what is stored is not requested again. An article that cannot be fetched, or on
whose page `article.body` matches nothing, is in `Fetched.missing` and is tried again next time; one that is gone (404,
410) is a note. What there was no time for is missing too: a site may ask for a minute between two requests, and a page
can take seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import Field

from aggregator.config.fields import Encoding, Maybe, Section, Selector, TimeZone, Url
from aggregator.errors import FetchError, ParseError, SourceError
from aggregator.models import FeedState, Fetched, NotModified, ParsedFeed, RawEntry, Source
from aggregator.sources.kind import Parse, ShareUsedUp, Tools, conditional_request, fingerprint, plain_request
from aggregator.values.terminal import counted

if TYPE_CHECKING:
    from aggregator.sources.soup import ArticlePage, ListPage

MAX_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class ArticleRules:
    """CSS selectors for one article page; None: not taken from the page."""

    #: Element whose inner HTML is the article.
    body: str
    title: str | None = None
    author: str | None = None
    date: str | None = None
    #: IANA name of the zone of dates that carry none, e.g. ``Asia/Shanghai``.
    timezone: str | None = None
    #: Elements to take out of the body.
    remove: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ScrapeRules:
    """How a list page without a feed becomes entries."""

    #: CSS selector of the links (or of elements that hold one) to the articles.
    items: str
    #: Links to take at most, from the top.
    limit: int = 20
    #: Encoding of list and article pages where it must be forced, e.g. ``gbk``.
    encoding: str | None = None
    #: How to read the article page; None: the list is all there is.
    article: ArticleRules | None = None


class ArticleSettings(Section):
    """How to read the article pages of a scraped source."""

    body: Selector = Field(description="CSS selector of the element that holds the article.")
    title: Maybe[Selector] = Field(default=None, description="CSS selector of the title; the link's text if left out.")
    author: Maybe[Selector] = Field(default=None, description="CSS selector of the author's name.")
    date: Maybe[Selector] = Field(default=None, description="CSS selector of the date of publication.")
    timezone: Maybe[TimeZone] = Field(
        default=None, description="Time zone of dates that name none, such as `Asia/Shanghai`; UTC if left out."
    )
    remove: tuple[Selector, ...] = Field(default=(), description="CSS selectors of elements to remove.")


class ScrapeSettings(Section):
    """A list page without a feed."""

    url: Url = Field(description="Address of the list page.")
    items: Selector = Field(description="CSS selector of the links to the articles, or of elements that hold one.")
    limit: int = Field(default=20, strict=True, ge=1, le=MAX_LIMIT, description="Links to take, from the top.")
    encoding: Maybe[Encoding] = Field(
        default=None, description="Encoding of list and articles, such as `gbk`; detected if left out."
    )
    article: Maybe[ArticleSettings] = Field(
        default=None, description="How to read the article pages; if left out, only the list page is read."
    )


SETTINGS: Any = ScrapeSettings
DESCRIPTION = "A site without a feed: a list page and its articles."
GUIDE = (
    "A list page, the links on it, and the article pages behind the links. Everything that selects is a CSS selector; "
    "one that begins with `#` must be in quotes, because `#` begins a comment."
)
ADDRESS_KEY: str | None = "url"
PARSE_ONLY = False
DATE_ADVICE = "correct the selector `article.date`"

ACCEPT = "text/html, application/xhtml+xml, */*;q=0.1"

#: Articles of one source that are fetched at once; the limits of the fetcher apply as well.
AT_ONCE = 4
#: CPU time in seconds for reading one page.
PAGE_SECONDS = 10.0


def make_rules(settings: ScrapeSettings) -> ScrapeRules:
    """Return the settings without the address, and without pydantic."""
    page, article = settings.article, None
    if page is not None:
        article = ArticleRules(page.body, page.title, page.author, page.date, page.timezone, page.remove)
    return ScrapeRules(settings.items, settings.limit, settings.encoding, article)


def request_hash(source: Source) -> str:
    """Hash what the validators of a list page depend on: its address, and the rules by which it is read."""
    return fingerprint(source, source.rules, ACCEPT)


async def fetch(source: Source, state: FeedState, tools: Tools) -> Fetched | NotModified:
    """Fetch the list page, and the articles on it that are not stored."""
    rules = _rules(source)
    request = conditional_request(source, state, accept=ACCEPT, request_hash=request_hash(source))
    page = await tools.fetch(replace(request, robots=True))
    if isinstance(page, NotModified):
        return page
    from aggregator.sources.soup import ArticlePage, read_list

    listed: ListPage = await tools.offload(read_list, (rules, page), PAGE_SECONDS)
    if rules.article is None:
        return replace(page, parsed=replace(listed.feed, entries=listed.links))
    known = await tools.known([link.url for link in listed.links if link.url])
    new = [link for link in listed.links if link.url not in known]
    outcomes = await _articles(source, rules, rules.article, new, tools)
    articles = [one for one in outcomes if isinstance(one, ArticlePage)]
    gone = [one for one in outcomes if _is_gone(one)]
    failed = [one for one in outcomes if isinstance(one, SourceError) and not _is_gone(one)]
    left = [one for one in outcomes if isinstance(one, ShareUsedUp)]
    # One bad link among known ones is no failure. When the site has changed, soon all links of the list are failures.
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
    """Return what was read while fetching, with dates in ISO 8601 where they can be read, else as they stand."""
    if fetched.parsed is None:
        raise ParseError("the articles of this list were not fetched", kind="internal", url=fetched.url)
    return replace(fetched.parsed, entries=tuple(_dated(entry, now) for entry in fetched.parsed.entries))


def _rules(source: Source) -> ScrapeRules:
    if not isinstance(source.rules, ScrapeRules):
        raise SourceError("the source has no scrape rules", kind="internal", url=source.url)
    return source.rules


async def _articles(
    source: Source, rules: ScrapeRules, article: ArticleRules, links: Sequence[RawEntry], tools: Tools
) -> list[ArticlePage | SourceError | ShareUsedUp]:
    """Fetch and read article pages, a few at a time; what fails is in the result."""
    from aggregator.sources.soup import read_article

    gate = asyncio.Semaphore(AT_ONCE)

    async def one(link: RawEntry) -> ArticlePage | SourceError | ShareUsedUp:
        request = replace(plain_request(source, link.url or "", accept=ACCEPT), robots=True)
        async with gate:
            try:
                page = await tools.fetch(request)
                work = article, rules.encoding, link, page
                result: ArticlePage = await tools.offload(read_article, work, PAGE_SECONDS)
            except ParseError as error:
                # A process that was ended could not say where.
                return error if error.url else ParseError(str(error), kind=error.kind, url=link.url)
            except (SourceError, ShareUsedUp) as error:
                return error
            return result

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(link)) for link in links]
    return [task.result() for task in tasks]


def _is_gone(outcome: object) -> bool:
    return isinstance(outcome, FetchError) and outcome.status in (404, 410)


def _dated(entry: RawEntry, now: datetime) -> RawEntry:
    """Return the entry with its date as ISO 8601 where one is found in the text."""
    from aggregator.dates.relative import find_date

    found = find_date(entry.published, now, entry.timezone) if entry.published else None
    return replace(entry, published=found.isoformat()) if found else entry
