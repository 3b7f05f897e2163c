"""The kind `scrape`: a list page with links, and the pages of its articles.

The list says which articles to fetch, so pages are read while fetching: `fetch` returns the list page with everything
already read in `Fetched.parsed`, and `read` only has to make out the dates, which need the time. An article is fetched
once: its address is its identity, and what is stored is not requested again. An article that cannot be fetched, or on
whose page `article.body` matches nothing, is in `Fetched.missing` and is tried again next time; one that is gone (404,
410) is a note. What there was no time for is missing too: a site may ask for a minute between two requests, and a page
can take seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import Field

from aggregator.config.fields import Encoding, Maybe, Section, Selector, Url
from aggregator.errors import ParseError, SourceError
from aggregator.models import FeedState, Fetched, NotModified, ParsedFeed, RawEntry, Source
from aggregator.sources.articles import (
    ACCEPT,
    PAGE_SECONDS,
    ArticleRules,
    ArticleSettings,
    Listed,
    collect,
    make_article_rules,
    mark_of,
)
from aggregator.sources.kind import Parse, Tools, conditional_request, fingerprint

if TYPE_CHECKING:
    from aggregator.sources.listpage import ListPage

MAX_LIMIT = 1000


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


def address(settings: ScrapeSettings) -> str:
    """Return the address of the list page."""
    return settings.url


def make_rules(settings: ScrapeSettings, file: object) -> ScrapeRules:
    """Return the settings without the address, and without pydantic."""
    article = None if settings.article is None else make_article_rules(settings.article)
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
    from aggregator.sources.listpage import read_list

    listed: ListPage = await tools.offload(read_list, (rules, page), PAGE_SECONDS)
    if rules.article is None:
        return replace(page, parsed=replace(listed.feed, entries=listed.links))
    links = [Listed(link, mark_of(link)) for link in listed.links]
    return await collect(source, page, listed.feed, links, rules.article, rules.encoding, tools)


def read(source: Source, fetched: Fetched, now: datetime, parse: Parse) -> ParsedFeed:
    """Return what was read while fetching, with dates in ISO 8601 where they can be read, else as they stand."""
    if fetched.parsed is None:
        raise ParseError("the articles of this list were not fetched", kind="internal", url=fetched.url)
    return replace(fetched.parsed, entries=tuple(_dated(entry, now) for entry in fetched.parsed.entries))


def _rules(source: Source) -> ScrapeRules:
    if not isinstance(source.rules, ScrapeRules):
        raise SourceError("the source has no scrape rules", kind="internal", url=source.url)
    return source.rules


def _dated(entry: RawEntry, now: datetime) -> RawEntry:
    """Return the entry with its date as ISO 8601 where one is found in the text."""
    from aggregator.dates.relative import find_date

    found = find_date(entry.published, now, entry.timezone) if entry.published else None
    return replace(entry, published=found.isoformat()) if found else entry
