"""The pages of articles behind a list: how they are read, which of them are asked for, and what comes of it.

Kinds of source that read a list give its items to `collect`, which asks for the pages that are new or may have changed
(`revisits`), has them read in another process (`articlepage`), and joins what list and page say.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from aggregator.config.fields import AnySelector, ElementSelector, Maybe, Section, TimeZone, with_short_form
from aggregator.errors import FetchError, ParseError, SourceError
from aggregator.models import Enclosure, Fetched, NotModified, PageState, ParsedFeed, RawEntry, Source
from aggregator.sources.fields import FieldRules, PageDate, PageField, rules_of
from aggregator.sources.kind import ShareUsedUp, Tools, plain_request, read_in_worker
from aggregator.values.terminal import counted

if TYPE_CHECKING:
    from aggregator.sources.articlepage import ArticlePage
    from aggregator.sources.drift import Memory
    from aggregator.sources.paging import Pages
    from aggregator.sources.revisits import Plan, Visit

ACCEPT = "text/html, application/xhtml+xml, */*;q=0.1"
#: Articles of one source that are fetched at once; the limits of the fetcher apply as well.
AT_ONCE = 4
#: CPU time in seconds for reading one page.
PAGE_SECONDS = 10.0
#: Media types of documents that are no pages.
_FILES = frozenset({"application/pdf", "application/zip", "application/msword", "application/epub+zip"})
_OFFICE = "application/vnd."
#: Pages of one article.
DEFAULT_PAGES = 10
MAX_PAGES = 20


@dataclass(frozen=True, slots=True)
class Listed:
    """An item of a list, with an article page behind it."""

    #: What the list says of it.
    entry: RawEntry
    #: Digest of that, see `mark_of`.
    mark: str


@dataclass(frozen=True, slots=True)
class ArticleRules:
    """How to read an article page. Fields that are None are as the page says for programs, or as the list says."""

    #: CSS selector or XPath of the element whose inner HTML is the article; None: it is found.
    body: str | None = None
    title: FieldRules | None = None
    author: FieldRules | None = None
    date: FieldRules | None = None
    image: FieldRules | None = None
    categories: FieldRules | None = None
    #: IANA name of the zone of dates that carry none, e.g. ``Asia/Shanghai``.
    timezone: str | None = None
    #: Elements to take out of the body.
    remove: tuple[str, ...] = ()
    #: The link to the next page of the article; None: there is one page.
    next: str | None = None
    #: Pages of one article at most.
    pages: int = DEFAULT_PAGES


class ArticleSettings(Section):
    """How to read the article pages behind a list; `true` stands for all defaults."""

    body: Maybe[ElementSelector] = Field(
        default=None, description="CSS selector or XPath of the element that holds the article; found if left out."
    )
    title: Maybe[PageField] = Field(
        default=None, description="Where the title is; that of the list, or else the page's own if left out."
    )
    author: Maybe[PageField] = Field(
        default=None, description="Where the author's name is; as the list or the page says if left out."
    )
    date: Maybe[PageDate] = Field(
        default=None, description="Where the date of publication is; as the page or the list says if left out."
    )
    image: Maybe[PageField] = Field(
        default=None,
        description="Where its picture is; that of the list, or else of its text, or else of the page if left out.",
    )
    categories: Maybe[PageField] = Field(
        default=None, description="Where its categories are, all that match; those of the list if left out."
    )
    timezone: Maybe[TimeZone] = Field(
        default=None, description="Time zone of dates that name none, such as `Asia/Shanghai`; UTC if left out."
    )
    remove: tuple[ElementSelector, ...] = Field(
        default=(), description="CSS selectors or XPath of elements to remove from the article."
    )
    next: Maybe[AnySelector] = Field(
        default=None, description="CSS selector or XPath of the link to the next page of the same article."
    )
    pages: int = Field(
        default=DEFAULT_PAGES, strict=True, ge=1, le=MAX_PAGES, description="Pages of one article to read at most."
    )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Allow `true` in place of the mapping."""
        return with_short_form(schema, handler, {"const": True})

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: object) -> object:
        if value is False:
            raise ValueError("is `false`; write `true`, or remove the key")
        return {} if value is True else value


def make_article_rules(settings: ArticleSettings) -> ArticleRules:
    """Return the settings without pydantic."""
    one = settings
    return ArticleRules(
        body=one.body,
        title=rules_of(one.title),
        author=rules_of(one.author),
        date=rules_of(one.date),
        image=rules_of(one.image),
        categories=rules_of(one.categories),
        timezone=one.timezone,
        remove=one.remove,
        next=one.next,
        pages=one.pages,
    )


def mark_of(entry: RawEntry, *more: str) -> str:
    """Return a digest that changes when a list says something else of an article; hexadecimal.

    Args:
        entry: what the list says. Its date counts only where it is absolute: ``3 hours ago`` changes by itself.
        more: what else counts, such as `lastmod` of a sitemap.
    """
    title, content, summary = (text and text.value for text in (entry.title, entry.content, entry.summary))
    said = entry.url, title, content, summary, entry.image, entry.authors, entry.tags, more
    return _digest((*said, _absolute(entry.published), _absolute(entry.updated)))


def _absolute(date: str | None) -> str:
    """Return a date if it is the same whenever it is read, else ""."""
    if not date:
        return ""
    from aggregator.dates.relative import absolute_date

    found = absolute_date(date, None)
    return found.isoformat() if found else ""


def dated(fetched: Fetched, now: datetime) -> ParsedFeed:
    """Return what was read while fetching, with dates in ISO 8601 where they can be read, else as they stand.

    Args:
        now: the current time, aware and in UTC, for dates such as ``3 小时前``.

    Raises:
        ParseError: nothing was read.
    """
    from aggregator.dates.relative import find_date

    if fetched.parsed is None:
        raise ParseError("the pages of this source were not fetched", kind="internal", url=fetched.url)

    def one(entry: RawEntry) -> RawEntry:
        found = find_date(entry.published, now, entry.timezone) if entry.published else None
        return replace(entry, published=found.isoformat()) if found else entry

    return replace(fetched.parsed, entries=tuple(map(one, fetched.parsed.entries)))


def reading_of(rules: ArticleRules, encoding: str | None) -> str:
    """Return a digest of how articles are read, hexadecimal; settings that a later version adds do not change it."""
    return _digest((_set(rules), encoding))


def _set(value: Any) -> object:
    """Return the fields of a dataclass that differ from their defaults."""
    if not is_dataclass(value):
        return value
    named = ((one.name, getattr(value, one.name), one.default) for one in fields(value))
    return [(name, _set(said)) for name, said, default in named if said != default]


def _digest(value: object) -> str:
    return hashlib.sha256(repr(value).encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(slots=True)
class _Outcome:
    """What came of one visit."""

    visit: Visit
    #: The entry, if the page was read.
    entry: RawEntry | None = None
    #: What is to be remembered of the page; None: nothing new.
    state: PageState | None = None
    #: Why it could not be read, or not yet.
    error: SourceError | ShareUsedUp | None = None
    notes: list[str] = field(default_factory=list)
    #: Which fields of feeds.yaml were found on the page, by key.
    filled: dict[str, bool] = field(default_factory=dict)
    #: The name of the site, as the page has it.
    site: str = ""

    @property
    def gone(self) -> bool:
        """Whether the page is not there any more."""
        return isinstance(self.error, FetchError) and self.error.status in (404, 410)


async def complete(
    source: Source,
    page: Fetched,
    feed: ParsedFeed,
    pages: Pages,
    memory: Memory,
    rules: ArticleRules | None,
    encoding: str | None,
    tools: Tools,
) -> Fetched:
    """Return a list with its items, with what will be remembered of it, and with the articles behind it.

    Args:
        page: the list as it came.
        feed: what its first page says of itself.
        pages: its items.
        memory: with the number of its items.
        rules: how to read the articles; None: the list is all there is.
        encoding: as for `collect`.

    Raises:
        SourceError: as for `collect`.
    """
    memory, notes = memory.observe(pages.filled)
    page = replace(page, missing=tuple(pages.missing), notes=(*page.notes, *notes), memory=memory.dump())
    if rules is None:
        return replace(page, parsed=replace(feed, entries=tuple(pages.entries)))
    listed = [Listed(entry, mark_of(entry)) for entry in pages.entries]
    return await collect(source, page, feed, listed, rules, encoding, tools, memory)


async def collect(
    source: Source,
    page: Fetched,
    feed: ParsedFeed,
    listed: Sequence[Listed],
    rules: ArticleRules,
    encoding: str | None,
    tools: Tools,
    memory: Memory | None = None,
) -> Fetched:
    """Fetch the articles that are new or may have changed, and return the list with what came of them.

    Args:
        page: the list as it came; what is `missing` of it stays.
        feed: what it says of itself, with notes as its `repairs`.
        listed: the articles on it, in its order. Items without an address are taken as they are.
        encoding: the encoding of articles where it must be forced.
        memory: what the kind will remember of the source; None: what it remembers stays.

    Raises:
        SourceError: most articles of the list are new, and none of them could be read.
    """
    from aggregator.sources import revisits

    linked = revisits.by_key([one for one in listed if one.entry.url])
    stored, pages = await tools.known(list(linked)), await tools.pages(list(linked))
    plan = revisits.plan(linked, stored, pages, reading_of(rules, encoding), tools.clock())
    outcomes = await _visit_all(source, rules, encoding, plan, tools)
    _check(outcomes, plan, len(linked))
    failed = [one for one in outcomes if isinstance(one.error, SourceError) and not one.gone]
    left = [one for one in outcomes if isinstance(one.error, ShareUsedUp)]
    notes = dict.fromkeys(note for one in outcomes for note in one.notes)
    notes |= dict.fromkeys(f"article is gone: {one.error}" for one in outcomes if one.gone)
    if plan.resting:
        what = counted(len(plan.resting), "article")
        notes[f"{what} could not be read and will be asked for once a day: {plan.resting[0].url}"] = None
    if memory is not None:
        memory, drifted = memory.observe([_named(source, one.filled) for one in outcomes if one.entry])
        notes |= dict.fromkeys(drifted)
        # It may be on a further page of the list, which nothing else would have read again.
        memory = replace(memory, left=memory.left or bool(failed or left))
    feed = replace(
        feed,
        title=feed.title or next((one.site for one in outcomes if one.site), None),
        entries=(*(one.entry for one in listed if not one.entry.url), *(one.entry for one in outcomes if one.entry)),
        repairs=(*feed.repairs, *notes),
    )
    are = f"{counted(len(left), 'article')} {'is' if len(left) == 1 else 'are'}"
    later = [f"{are} left for the next time: {left[0].error}"] if left else []
    return replace(
        page,
        parsed=feed,
        missing=(*page.missing, *(str(one.error) for one in failed), *later),
        memory=memory.dump() if memory else page.memory,
        pages=(*page.pages, *plan.remembered, *(one.state for one in outcomes if one.state)),
    )


def _named(source: Source, filled: dict[str, bool]) -> dict[str, bool]:
    return {f"{source.kind}.article.{name}": found for name, found in filled.items()}


def _check(outcomes: Sequence[_Outcome], plan: Plan, count: int) -> None:
    """Raise if nothing could be read of a list that is mostly new.

    One bad link among known ones is no failure. When the site has changed, soon all links of the list are failures.
    """
    failed = [one.error for one in outcomes if isinstance(one.error, SourceError) and not one.gone]
    fine = any(one.error is None or one.entry for one in outcomes)
    if fine or not failed or (len(failed) + len(plan.resting)) * 2 <= count:
        return
    new = sum(not one.visit.stored for one in outcomes)
    what = f"{new} new articles" if new == len(outcomes) else f"{len(outcomes)} new or changed articles"
    message = f"none of the {what} could be read; the first: {failed[0]}"
    if len(outcomes) == 1:
        message = f"the one {'new' if new else 'changed'} article could not be read: {failed[0]}"
    error = SourceError(message, kind=failed[0].kind)
    error.page = next((one.page for one in failed if one.page is not None), None)
    raise error


async def _visit_all(
    source: Source, rules: ArticleRules, encoding: str | None, plan: Plan, tools: Tools
) -> list[_Outcome]:
    """Ask for pages and read them, a few at a time; what fails is in the result."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(visit: Visit) -> _Outcome:
        async with gate:
            return await _visit(source, rules, encoding, visit, tools)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(visit)) for visit in plan.visits]
    return [task.result() for task in tasks]


async def _visit(source: Source, rules: ArticleRules, encoding: str | None, visit: Visit, tools: Tools) -> _Outcome:
    """Ask for the page of one article, and read it and those that continue it."""
    from aggregator.sources.articlepage import ArticleWork, digest_of, joined, read_article

    outcome = _Outcome(visit)
    etag, last_modified, body_hash = visit.validators
    request = plain_request(
        source,
        visit.url,
        accept=ACCEPT,
        etag=etag,
        last_modified=last_modified,
        body_hash=body_hash,
        robots=True,
    )
    try:
        page = await tools.fetch(request)
        if isinstance(page, NotModified):
            outcome.state = visit.unchanged(page)
            return outcome
        _check_place(page, source)
        if (file := _file(page)) is not None:
            outcome.entry = replace(visit.listed.entry, enclosures=(file,))
            outcome.state = visit.read(page, page.body_hash, whole=True)
            return outcome
        first = await read_in_worker(tools, read_article, ArticleWork(rules, encoding, page), page, PAGE_SECONDS)
    except (SourceError, ShareUsedUp) as error:
        outcome.error = error
        if isinstance(error, SourceError):
            outcome.state = visit.gone() if outcome.gone else visit.failed()
        return outcome
    article, whole = await _with_rest(source, rules, encoding, page, first, tools, outcome)
    outcome.entry = joined(visit.listed.entry, article, rules)
    outcome.notes += article.notes
    outcome.filled, outcome.site = article.filled, article.site
    if outcome.error is not None:
        outcome.state = visit.incomplete()
    else:
        outcome.state = visit.read(page, digest_of(article), whole=whole)
    return outcome


def _check_place(page: Fetched, source: Source) -> None:
    """Raise where a site leads to its home page or to the list in place of an article: many do where one is gone.

    What is there would take the place of the article that is stored.
    """
    asked, there = urlsplit(page.requested_url), urlsplit(page.url)
    home = there.path in ("", "/") and not there.query and (asked.path not in ("", "/") or bool(asked.query))
    alike = _site(asked.hostname) == _site(there.hostname)
    if page.url != page.requested_url and alike and (home or page.url == source.url):
        message = f"the server leads to {page.url} in place of it"
        raise FetchError(message, kind="http_status", status=HTTPStatus.NOT_FOUND, url=page.requested_url)


def _site(host: str | None) -> str:
    return (host or "").removeprefix("www.")


def _file(page: Fetched) -> Enclosure | None:
    """Return what a list links to where that is no page but a file: lists of notices link to PDF documents."""
    said = page.content_type.partition(";")[0].strip().lower()
    pdf = page.body.startswith(b"%PDF-")
    office = said.startswith(_OFFICE) and not said.endswith("+xml")
    if not (pdf or office or said in _FILES or said.startswith(("image/", "audio/", "video/"))):
        return None
    return Enclosure(page.url, "application/pdf" if pdf else said, len(page.body))


async def _with_rest(
    source: Source,
    rules: ArticleRules,
    encoding: str | None,
    page: Fetched,
    first: ArticlePage,
    tools: Tools,
    outcome: _Outcome,
) -> tuple[ArticlePage, bool]:
    """Read the pages that continue an article; return all of it, and whether its first page was all.

    A page that is not there, or on which nothing is found, is the end. What fails otherwise makes the article
    incomplete, and is the error of the outcome: it is asked for again.
    """
    from aggregator.sources.articlepage import ArticleWork, read_article

    parts, seen, latest = [first.html], {page.requested_url, page.url}, first
    while latest.next is not None and latest.next not in seen:
        if len(parts) == rules.pages or sum(map(len, parts)) > source.max_body:
            outcome.notes.append(f"some articles have more than {rules.pages} pages (article.pages)")
            break
        seen.add(latest.next)
        try:
            more = await tools.fetch(plain_request(source, latest.next, accept=ACCEPT, robots=True))
            if isinstance(more, NotModified) or more.url in seen - {latest.next}:
                break
            seen.add(more.url)
            work = ArticleWork(rules, encoding, more, first.base)
            latest = await read_in_worker(tools, read_article, work, more, PAGE_SECONDS)
        except (SourceError, ShareUsedUp) as error:
            if isinstance(error, ParseError) or (isinstance(error, FetchError) and error.status in (404, 410)):
                outcome.notes.append(f"article ends before its last page: {error}")
            else:
                outcome.error = error
            break
        if latest.html in parts:
            break
        parts.append(latest.html)
    return (first if len(parts) == 1 else replace(first, html="\n".join(parts))), len(parts) == 1
