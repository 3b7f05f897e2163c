"""The pages of articles behind a list: which are fetched, and what comes of it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from pydantic import Field

from aggregator.config.fields import Maybe, Section, Selector, TimeZone
from aggregator.errors import FetchError, ParseError, SourceError
from aggregator.models import Fetched, ParsedFeed, RawEntry, Source
from aggregator.sources.kind import ShareUsedUp, Tools, plain_request
from aggregator.values.terminal import counted

if TYPE_CHECKING:
    from aggregator.sources.articlepage import ArticlePage

ACCEPT = "text/html, application/xhtml+xml, */*;q=0.1"
#: Articles of one source that are fetched at once; the limits of the fetcher apply as well.
AT_ONCE = 4
#: CPU time in seconds for reading one page.
PAGE_SECONDS = 10.0


class Remembered(Protocol):
    """What a kind remembers of its source (`FeedState.memory`)."""

    def dump(self) -> str:
        """Return it as text."""


@dataclass(frozen=True, slots=True)
class Listed:
    """An item of a list, with an article page behind it."""

    #: What the list says of it.
    entry: RawEntry
    #: Digest of that, see `mark_of`.
    mark: str


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


def make_article_rules(settings: ArticleSettings) -> ArticleRules:
    """Return the settings without pydantic."""
    one = settings
    return ArticleRules(one.body, one.title, one.author, one.date, one.timezone, one.remove)


def mark_of(entry: RawEntry, *more: str) -> str:
    """Return a digest that changes when a list says something else of an article; hexadecimal.

    Args:
        entry: what the list says. Its date counts only where it is absolute: ``3 hours ago`` changes by itself.
        more: what else counts, such as `lastmod` of a sitemap.
    """
    title, content, summary = (text and text.value for text in (entry.title, entry.content, entry.summary))
    said = entry.url, title, content, summary, entry.image, entry.authors, entry.tags, more
    return hashlib.sha256(repr((*said, _absolute(entry.published), _absolute(entry.updated))).encode()).hexdigest()


async def collect(
    source: Source,
    page: Fetched,
    feed: ParsedFeed,
    listed: Sequence[Listed],
    rules: ArticleRules,
    encoding: str | None,
    tools: Tools,
    memory: Remembered | None = None,
) -> Fetched:
    """Fetch the articles that are not stored, and return the list with what came of them.

    Args:
        page: the list as it came.
        feed: what it says of itself.
        listed: the articles on it, in its order.
        encoding: as in `ScrapeRules`.
        memory: what the kind will remember of the source; None: what it remembers stays.

    Raises:
        SourceError: most links are new, and none of them could be read.
    """
    from aggregator.sources.articlepage import ArticlePage

    links = [one.entry for one in listed]
    known = await tools.known([link.url for link in links if link.url])
    new = [link for link in links if link.url not in known]
    outcomes = await _articles(source, rules, encoding, new, tools)
    articles = [one for one in outcomes if isinstance(one, ArticlePage)]
    gone = [one for one in outcomes if _is_gone(one)]
    failed = [one for one in outcomes if isinstance(one, SourceError) and not _is_gone(one)]
    left = [one for one in outcomes if isinstance(one, ShareUsedUp)]
    # One bad link among known ones is no failure. When the site has changed, soon all links of the list are failures.
    if not articles and len(failed) * 2 > len(links):
        message = f"none of the {len(new)} new articles could be read; the first: {failed[0]}"
        if len(new) == 1:
            message = f"the one new article could not be read: {failed[0]}"
        raise SourceError(message, kind=failed[0].kind)
    notes = (note for article in articles for note in article.notes)
    feed = replace(
        feed,
        entries=tuple(article.entry for article in articles),
        repairs=(*dict.fromkeys(notes), *(f"article is gone: {one}" for one in gone)),
    )
    are = f"{counted(len(left), 'article')} {'is' if len(left) == 1 else 'are'}"
    later = [f"{are} left for the next time: {left[0]}"] if left else []
    said = memory.dump() if memory else page.memory
    return replace(page, parsed=feed, missing=(*map(str, failed), *later), memory=said)


def _absolute(date: str | None) -> str:
    """Return a date if it is the same whenever it is read, else ""."""
    if not date:
        return ""
    from aggregator.dates.relative import find_date

    found = find_date(date, _ONE_DAY, None)
    return found.isoformat() if found and found == find_date(date, _ANOTHER_DAY, None) else ""


#: Two times at which a relative date is not the same.
_ONE_DAY, _ANOTHER_DAY = datetime(2020, 7, 15, 9, 30, tzinfo=UTC), datetime(2020, 7, 18, 21, 10, tzinfo=UTC)


async def _articles(
    source: Source, article: ArticleRules, encoding: str | None, links: Sequence[RawEntry], tools: Tools
) -> list[ArticlePage | SourceError | ShareUsedUp]:
    """Fetch and read article pages, a few at a time; what fails is in the result."""
    from aggregator.sources.articlepage import read_article

    gate = asyncio.Semaphore(AT_ONCE)

    async def one(link: RawEntry) -> ArticlePage | SourceError | ShareUsedUp:
        request = replace(plain_request(source, link.url or "", accept=ACCEPT), robots=True)
        async with gate:
            try:
                page = await tools.fetch(request)
                work = article, encoding, link, page
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
