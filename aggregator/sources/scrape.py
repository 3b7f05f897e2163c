"""The kind `scrape`: list pages without a feed, and the pages of their articles.

The list says which articles to fetch, so pages are read while fetching: `fetch` returns the list page with everything
already read in `Fetched.parsed`, and `read` only has to make out the dates that need the time. Where a list has several
pages, the first one is requested conditionally; the others when the source is read for the first time, and later only
as long as a page has items that are not stored.

An article is fetched once: its address is its identity, and what is stored is not requested again. An article that
cannot be fetched, or on whose page `article.body` matches nothing, is in `Fetched.missing` and is tried again next
time; one that is gone (404, 410) is a note. What there was no time for is missing too: a site may ask for a minute
between two requests, and a page can take seconds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urljoin

from pydantic import ConfigDict, Field, model_validator

from aggregator.config.fields import (
    MAX_URL,
    ElementSelector,
    Encoding,
    Maybe,
    Section,
    Url,
    address_with,
    any_selector,
    checked,
    text,
)
from aggregator.config.problems import show
from aggregator.errors import ParseError, SourceError
from aggregator.models import FeedState, Fetched, NotModified, ParsedFeed, Source
from aggregator.sources.articles import (
    ACCEPT,
    PAGE_SECONDS,
    ArticleRules,
    ArticleSettings,
    complete,
    dated,
    make_article_rules,
)
from aggregator.sources.drift import Memory
from aggregator.sources.fields import FIELDS, FieldRules, PageDate, PageField, rules_of
from aggregator.sources.kind import Parse, Tools, conditional_request, fingerprint, plain_request, read_in_worker
from aggregator.sources.paging import MAX_LIMIT, MAX_PAGES, USUAL_LIMIT, USUAL_PAGES, Pages, bounds
from aggregator.values.selectors import NUMBER
from aggregator.values.terminal import counted

if TYPE_CHECKING:
    from aggregator.sources.listpage import ListPage

#: An address, of the second page for example.
_ONE_PAGE = re.compile(r"https?://|[/?](?:[\w./?&=%-]*[/=_-])?\d[\w./?&=%-]*$")


@dataclass(frozen=True, slots=True)
class ScrapeRules:
    """How list pages without a feed become entries."""

    #: Selector of the items: of links to articles, or of elements that hold one.
    items: str
    #: Items to take at most, from the top.
    limit: int = USUAL_LIMIT
    #: Encoding of list and article pages where it must be forced, e.g. ``gbk``.
    encoding: str | None = None
    #: How to read the article page; None: the list is all there is.
    article: ArticleRules | None = None
    #: Where the fields of an item are; None: where they usually are, see `listpage`.
    link: FieldRules | None = None
    title: FieldRules | None = None
    date: FieldRules | None = None
    summary: FieldRules | None = None
    content: FieldRules | None = None
    author: FieldRules | None = None
    image: FieldRules | None = None
    categories: FieldRules | None = None
    id: FieldRules | None = None
    #: Selector of the link to the next page, or address of a page in which ``{n}`` is its number; None: there is one.
    next: str | None = None
    #: Pages to read at most.
    pages: int = 1
    #: Whether the first picture of an item is taken where there is neither a field for it nor an article.
    pictures: bool = True


def next_page(value: object) -> str:
    """Check the selector of a link, or an address with the number of a page."""
    if not isinstance(value, str) or NUMBER not in value:
        if isinstance(value, str) and _ONE_PAGE.match(value):
            raise ValueError(f"{show(value)} is one address; write `{NUMBER}` in place of the number of the page")
        return any_selector(value)
    return address_with(text(value), {NUMBER: "2"}, f"`{NUMBER}` for the number of the page")


NextPage = Annotated[str, *checked(next_page, pattern=r"\S", maxLength=MAX_URL)]


class ScrapeSettings(Section):
    """A list page without a feed."""

    model_config = ConfigDict(json_schema_extra={"dependentRequired": {"pages": ["next"]}})

    url: Url = Field(description="Address of the list page.")
    items: ElementSelector = Field(
        description="CSS selector or XPath of the items: links to articles, or elements that hold one."
    )
    link: Maybe[PageField] = Field(
        default=None, description="Where the link to the article is; the item itself or its first link if left out."
    )
    title: Maybe[PageField] = Field(default=None, description="Where the title is; the text of the link if left out.")
    date: Maybe[PageDate] = Field(
        default=None,
        description="Where the date is; a `time` element or a short text with a date in the item if left out.",
    )
    summary: Maybe[PageField] = Field(default=None, description="Where a summary is, as text.")
    content: Maybe[PageField] = Field(default=None, description="Where the text is, as HTML.")
    author: Maybe[PageField] = Field(default=None, description="Where the name of the author is.")
    image: Maybe[PageField] = Field(
        default=None,
        description="Where the picture is; the first one in the item, where no article is read, if left out.",
    )
    categories: Maybe[PageField] = Field(default=None, description="Where the categories are: all that match.")
    id: Maybe[PageField] = Field(
        default=None, description="Where an id is that stays the same when the address changes; the link if left out."
    )
    limit: Maybe[int] = Field(
        default=None,
        strict=True,
        ge=1,
        le=MAX_LIMIT,
        description=f"Items to take, from the top; {USUAL_LIMIT} (with `next` all) if left out.",
    )
    next: Maybe[NextPage] = Field(
        default=None,
        description="Selector of the link to the next page, or an address in which `{n}` is the number of the page, "
        "from 2 on; the list has one page if left out.",
    )
    pages: Maybe[int] = Field(
        default=None,
        strict=True,
        ge=1,
        le=MAX_PAGES,
        description=f"Pages to read at most; {USUAL_PAGES} if left out.",
    )
    encoding: Maybe[Encoding] = Field(
        default=None, description="Encoding of list and articles, such as `gbk`; detected if left out."
    )
    article: Maybe[ArticleSettings] = Field(
        default=None, description="How to read the article pages; if left out, only the list page is read."
    )

    @model_validator(mode="after")
    def _pages_need_next(self) -> ScrapeSettings:
        if self.pages is not None and self.next is None:
            raise ValueError("has `pages`, but not `next`; write where the next page is")
        return self


SETTINGS: Any = ScrapeSettings
DESCRIPTION = "A site without a feed: a list page and its articles."
GUIDE = (
    "List pages, the items on them, and the article pages behind the items. A selector is CSS, or XPath 1.0 where it "
    "begins with `/`, `./`, `../`, `(`, `@`, a function such as `normalize-space(`, or `xpath:`; one that begins with "
    "`#` or `@` must be in quotes. A field is a selector, or a mapping that says which part of what it selects is the "
    "value. [Scraping](scraping.md) shows how to find selectors, with examples."
)
ADDRESS_KEY: str | None = "url"
PARSE_ONLY = False
DATE_ADVICE = "correct the selector `date` or `article.date`, or give its `format`"


def address(settings: ScrapeSettings) -> str:
    """Return the address of the list page."""
    return settings.url


def make_rules(settings: ScrapeSettings, file: object) -> ScrapeRules:
    """Return the settings without the address, and without pydantic."""
    one = settings
    article = None if one.article is None else make_article_rules(one.article)
    limit, pages = bounds(one.limit, one.pages, several=one.next is not None)
    fields: dict[str, Any] = {name: rules_of(getattr(one, name)) for name in FIELDS}
    return ScrapeRules(one.items, limit, one.encoding, article, next=one.next, pages=pages, **fields)


def request_hash(source: Source) -> str:
    """Hash what the validators of a list page depend on: its address, and the rules by which it is read."""
    return fingerprint(source, source.rules, ACCEPT)


async def fetch(source: Source, state: FeedState, tools: Tools) -> Fetched | NotModified:
    """Fetch the list page, the pages that follow it, and the articles on them that are not stored."""
    rules = _rules(source)
    request = conditional_request(source, state, accept=ACCEPT, request_hash=request_hash(source), robots=True)
    page = await tools.fetch(request)
    if isinstance(page, NotModified):
        return page
    memory = Memory.load(state.memory, request_hash(source))
    if state.memory is None and state.last_success_at is not None:
        # An older version read it, which took no pictures from lists; with them, all posts of the source would change.
        memory = replace(memory, plain=True)
    rules = replace(rules, pictures=not memory.plain)
    first = await _read(rules, page, tools)
    if not first.entries:
        error = ParseError(_nothing(rules, first, memory), kind="nothing_matched", url=page.url)
        error.page = page
        raise error
    everything = state.last_success_at is None or memory.left
    pages = await _follow(source, rules, tools, page, first, everything=everything)
    memory = memory.with_items(first.matched, left=pages.left)
    return await complete(source, page, first.feed, pages, memory, rules.article, rules.encoding, tools)


def read(source: Source, fetched: Fetched, now: datetime, parse: Parse) -> ParsedFeed:
    """Return what was read while fetching, with dates in ISO 8601 where they can be read, else as they stand."""
    return dated(fetched, now)


async def _follow(
    source: Source, rules: ScrapeRules, tools: Tools, page: Fetched, first: ListPage, *, everything: bool
) -> Pages:
    """Return the items of a list page and of those that follow it."""
    pages = Pages(tools, rules.limit, first)
    written = rules.next or ""
    asked = {page.url, page.requested_url}
    before = first

    async def ask(number: int) -> ListPage | None:
        nonlocal before
        url = urljoin(page.url, written.replace(NUMBER, str(number))) if NUMBER in written else before.next
        if url is None or url in asked:
            return None
        asked.add(url)
        found = await tools.fetch(plain_request(source, url, accept=ACCEPT, robots=True))
        if isinstance(found, NotModified):
            return None
        asked.add(found.url)
        before = await _read(rules, found, tools)
        if not before.matched and NUMBER not in written:
            pages.missing.append(f"no item on page {number} of the list matches `{rules.items}` ({found.url})")
        return before

    if rules.next is not None:
        await pages.follow(rules.pages, ask, everything=everything, counted=NUMBER in written)
    return pages


async def _read(rules: ScrapeRules, page: Fetched, tools: Tools) -> ListPage:
    from aggregator.sources.listpage import read_list

    return await read_in_worker(tools, read_list, (rules, page), page, PAGE_SECONDS)


def _nothing(rules: ScrapeRules, page: ListPage, memory: Memory) -> str:
    """Return the message for a list without items."""
    what = f"`{rules.items}` (scrape.items)"
    if not page.matched:
        script = "; it has hardly any text, so perhaps a script fills it in" if page.bare else ""
        return memory.zero(what) + script
    if rules.link is not None:
        found = f"what `link` selects leads to no other page, in {counted(page.matched, 'item')} that match {what}"
        return f"{found}; look at the page and correct `scrape.link`"
    return (
        f"no link to another page is in what matches {what}; look at the page and correct the selector, or add `link`"
    )


def _rules(source: Source) -> ScrapeRules:
    if not isinstance(source.rules, ScrapeRules):
        raise SourceError("the source has no scrape rules", kind="internal", url=source.url)
    return source.rules
