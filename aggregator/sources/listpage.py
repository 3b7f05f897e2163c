"""A list page, read: the links to its articles. It works in another process.

In: a fetched page and the rules of its source. Out: entries. It is apart from `aggregator.sources.scrape`, which
imports it only where there is a page to read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urldefrag

from bs4 import Tag

from aggregator.errors import ParseError
from aggregator.models import Fetched, ParsedFeed, RawEntry, Text
from aggregator.sources.page import Page, attribute, text_of

if TYPE_CHECKING:
    from aggregator.sources.scrape import ScrapeRules


@dataclass(frozen=True, slots=True)
class ListPage:
    """A list page, read."""

    feed: ParsedFeed
    #: The articles it links to, with the titles that stand there.
    links: tuple[RawEntry, ...]


def read_list(work: tuple[ScrapeRules, Fetched]) -> ListPage:
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
    return ListPage(ParsedFeed("scrape", "scrape", (), page.title, fetched.url, page.language), links)


def _link_title(link: Tag) -> str:
    """Text of a link; what its `title` says where the text is missing or cut off, else its picture's `alt`."""
    text, whole = text_of(link), " ".join(attribute(link, "title").split())
    if whole and (not text or text.endswith(("…", "..."))):
        return whole
    picture = link.find("img", alt=True)
    return text or (" ".join(attribute(picture, "alt").split()) if isinstance(picture, Tag) else "")
