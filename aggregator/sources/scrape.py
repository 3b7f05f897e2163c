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
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urldefrag

from bs4 import Tag

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
    Text,
)
from aggregator.parse.xmltree import one_line
from aggregator.sources.base import Parse, Spent, Tools, conditional_request, fingerprint, plain_request
from aggregator.sources.page import Page, attribute, text_of
from aggregator.values.terminal import counted

ACCEPT = "text/html, application/xhtml+xml, */*;q=0.1"

AS_FETCHED = False

#: Articles of one source that are fetched at once; the fetcher's own limits apply besides.
AT_ONCE = 4
#: Seconds that the reading of one page may compute.
PAGE_SECONDS = 10.0
#: Start and end tags of an article page; a list page may have more. There are many articles, and each is read twice.
MAX_ARTICLE_TAGS = 40_000

#: Elements that make an article without any text one all the same.
_MEDIA = ["img", "picture", "video", "audio", "iframe", "embed", "object", "svg"]


@dataclass(frozen=True, slots=True)
class _List:
    """A list page, read."""

    feed: ParsedFeed
    #: The articles it links to, with the titles that stand there.
    links: tuple[RawEntry, ...]


@dataclass(frozen=True, slots=True)
class _Article:
    """An article page, read."""

    entry: RawEntry
    #: Selectors that matched nothing.
    notes: tuple[str, ...]


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
    listed: _List = await tools.offload(_read_list, (rules, page), PAGE_SECONDS)
    if rules.article is None:
        return replace(page, parsed=replace(listed.feed, entries=listed.links))
    known = await tools.known([link.url for link in listed.links if link.url])
    new = [link for link in listed.links if link.url not in known]
    outcomes = await _articles(source, rules, rules.article, new, tools)
    articles = [one for one in outcomes if isinstance(one, _Article)]
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


def _read_list(work: tuple[ScrapeRules, Fetched]) -> _List:
    """Find the links on a list page.

    Raises:
        ParseError: there are none.
    """
    rules, fetched = work
    page = Page(fetched, rules.encoding)
    titles: dict[str, str] = {}
    matched = 0
    for element in page.select(rules.items):
        matched += 1
        link = element if element.name == "a" else element.find("a", href=True)
        url = page.absolute(attribute(link, "href")) if isinstance(link, Tag) and attribute(link, "href") else None
        if url is None or not isinstance(link, Tag):
            continue
        # A fragment is a place on a page; it tells entries apart only where their pages are not fetched.
        url = urldefrag(url).url if rules.article else url
        if url == urldefrag(fetched.url).url:
            continue
        if url not in titles and len(titles) == rules.limit:
            break
        # A picture often links to the article before its title does.
        titles[url] = titles.get(url) or _link_title(link)
    if not titles:
        what = "nothing on the page matches" if not matched else "no link to another page is in what matches"
        message = f"{what} `{rules.items}` (scrape.items); look at the page and correct the selector"
        raise ParseError(message, kind="nothing_matched", url=fetched.url)
    links = tuple(
        RawEntry(guid=url, url=url, title=Text(title, "text") if title else None) for url, title in titles.items()
    )
    return _List(ParsedFeed("scrape", "scrape", (), page.title, fetched.url, page.language), links)


def _link_title(link: Tag) -> str:
    """Text of a link; what its `title` says where the text is missing or cut off, else its picture's `alt`."""
    text, whole = text_of(link), " ".join(attribute(link, "title").split())
    if whole and (not text or text.endswith(("…", "..."))):
        return whole
    picture = link.find("img", alt=True)
    return text or (" ".join(attribute(picture, "alt").split()) if isinstance(picture, Tag) else "")


async def _articles(
    source: Source, rules: ScrapeRules, article: ArticleRules, links: Sequence[RawEntry], tools: Tools
) -> list[_Article | SourceError | Spent]:
    """Fetch and read article pages, a few at a time; what fails is in the result."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(link: RawEntry) -> _Article | SourceError | Spent:
        request = replace(plain_request(source, link.url or "", accept=ACCEPT), robots=True)
        async with gate:
            try:
                page = await tools.fetch(request)
                work = article, rules.encoding, link, page
                result: _Article = await tools.offload(_read_article, work, PAGE_SECONDS)
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


def _read_article(work: tuple[ArticleRules, str | None, RawEntry, Fetched | NotModified]) -> _Article:
    """Read an article page.

    Raises:
        ParseError: there is no article on it.
    """
    rules, encoding, link, fetched = work
    if isinstance(fetched, NotModified):
        raise ParseError("the server says unchanged of a page never fetched", kind="unparsable", url=fetched.url)
    page = Page(fetched, encoding, MAX_ARTICLE_TAGS)
    notes: list[str] = []

    def text(key: str, selector: str | None) -> str:
        if selector is None:
            return ""
        found = page.first(selector)
        if found is None:
            notes.append(f"`{selector}` (article.{key}) matches nothing on some articles")
            return ""
        # `time datetime="…"` is made for programs (HTML standard, section 4.5.14).
        return (key == "date" and attribute(found, "datetime")) or text_of(found)

    # The texts first: what is removed from the body may hold them.
    title, author, date = text("title", rules.title), text("author", rules.author), text("date", rules.date)
    entry = replace(
        link,
        title=Text(title, "text") if title else link.title,
        content=Text(_body(page, rules), "html", page.base),
        published=date or None,
        authors=(author,) if author else (),
        language=page.language,
        timezone=rules.timezone,
    )
    return _Article(entry, tuple(notes))


def _body(page: Page, rules: ArticleRules) -> str:
    """HTML of the article."""
    body = page.first(rules.body)
    if body is None:
        message = f"nothing on the article page matches `{rules.body}` (article.body); correct the selector"
        raise ParseError(message, kind="nothing_matched", url=page.url)
    for unwanted in [tag for selector in rules.remove for tag in page.select(selector)]:
        if any(parent is body for parent in unwanted.parents):
            unwanted.extract()
    if not body.get_text(strip=True) and body.find(_MEDIA) is None:
        message = f"`{rules.body}` (article.body) is empty on the article page; is it filled in by a script?"
        raise ParseError(message, kind="nothing_matched", url=page.url)
    found = page.inner_html(body)
    return found if "<" in found else one_line(found)


def _dated(entry: RawEntry, now: datetime) -> RawEntry:
    """The entry with its date as ISO 8601 where one is found in the text."""
    found = find_date(entry.published, now, entry.timezone) if entry.published else None
    return replace(entry, published=found.isoformat()) if found else entry
