"""What an address or a page offers as a source, the best first.

In: an address, or a page as it came. Out: candidates, each with the keys of a source for feeds.yaml. Nothing is fetched
here: whether a candidate works, only a try shows. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aggregator.discover.sites import KnownSource, known
from aggregator.models import Fetched
from aggregator.values.urls import same_feed

if TYPE_CHECKING:
    from aggregator.discover.elements import Elements
    from aggregator.discover.named import NamedFeed

#: Ranks, in which the ways of finding a source come one after the other: what the page of a known site says, the
#: address of one, a feed that the page names, and what is less and less sure.
_READ, _ADDRESS, _NAMED, _GENERIC, _ANCHOR = 0, 100, 300, 500, 600
_DATA, _LIST, _MORE_DATA, _SITEMAP = 700, 800, 850, 900
COMMENTS = 1000
"""The rank from which on candidates are feeds of comments."""
#: Paths at which sites keep their feed without saying so, the likeliest first.
_FEEDS = ("feed", "rss.xml", "atom.xml", "feed.xml", "index.xml", "rss", "feed.json")
_SITEMAPS = ("/sitemap.xml",)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One source that an address may become."""

    #: The keys of the source for feeds.yaml, without name and category: ``{"feed": address}``, ``{"scrape": {…}}``.
    entry: Mapping[str, object]
    #: How it was found, as a clause: "the page names it", "YouTube channel".
    found: str
    #: What the page calls it, or None.
    title: str | None
    #: Lower is better.
    rank: int


def of_address(url: str, *, instances: bool) -> list[Candidate]:
    """Return what is known of an address without fetching it, the best first.

    Args:
        url: an absolute http(s) address.
        instances: whether instances of RSSHub are configured, so that its routes can be sources.
    """
    return _once(_of_site(known(url), instances))


def of_page(page: Fetched, *, instances: bool) -> list[Candidate]:
    """Return what a page offers, the best first. It runs in a `Worker`: pages are hostile.

    Args:
        page: the page as it came.
        instances: as for `of_address`.

    Raises:
        ParseError: the page is too large or too deep to be read, or takes too long.
    """
    from aggregator.discover.elements import Elements
    from aggregator.sources.page import Page

    if data := _of_document(page):
        return data
    elements = Elements(Page(page, None))
    named = _of_named(elements, page.links)
    sites = known(page.url, elements)
    if any(one.rank < _GENERIC for one in named):
        # What a program of its kind usually offers is not worth a try where the site says what it offers.
        sites = [one for one in sites if one.exact]
    return _once((*_of_site(sites, instances), *named, *_guessed(elements, page), *_of_sitemap(elements)))


def well_known(url: str) -> list[str]:
    """Return addresses on the same site that are worth a try, the likeliest first: feeds, then sitemaps."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return []
    origin = f"{parts.scheme}://{parts.netloc}"
    folder = parts.path.rpartition("/")[0] if "." in parts.path.rpartition("/")[2] else parts.path.rstrip("/")
    feeds = [f"{origin}{folder}/{name}" for name in _FEEDS] + [f"{origin}/{name}" for name in _FEEDS]
    return list(dict.fromkeys([*feeds, *(f"{origin}{path}" for path in _SITEMAPS)]))


def _of_site(sources: Iterable[KnownSource], instances: bool) -> list[Candidate]:
    found = []
    for number, one in enumerate(sources):
        rank = _READ if one.read else _ADDRESS
        rank = (rank if one.exact else _GENERIC) + number
        if one.feed is not None:
            found.append(Candidate({"feed": one.feed}, one.name, None, rank))
        elif instances:
            found.append(Candidate({"rsshub": one.route}, f"{one.name}, by RSSHub", None, rank))
    return found


def _of_named(elements: Elements, links: str) -> list[Candidate]:
    from aggregator.discover.named import Way, named_feeds

    found = {
        Way.LINK: ("the page names it", _NAMED),
        Way.HEADER: ("the server names it", _NAMED),
        Way.ANCHOR: ("a link on the page", _ANCHOR),
        Way.SAYING: ("a link on the page says so", _ANCHOR),
    }
    feeds = named_feeds(elements, links, article=_is_article(elements))
    return [_candidate(feed, number, *found[feed.way]) for number, feed in enumerate(feeds)]


def _candidate(feed: NamedFeed, number: int, found: str, rank: int) -> Candidate:
    if feed.comments:
        found, rank = f"{found}; it has comments", COMMENTS
    return Candidate({"feed": feed.url}, found, feed.title or None, rank + number)


def _is_article(elements: Elements) -> bool:
    """Whether a page is one article and no list."""
    if next(elements.matching("meta[property='og:type'][content=article]"), None) is not None:
        return bool(urlsplit(elements.page.url).path.strip("/"))
    return next(elements.matching("body:is(.single, .single-post, .item-view)"), None) is not None


def _guessed(elements: Elements, page: Fetched) -> list[Candidate]:
    """Return the lists in the data of a page, and those that it shows, as far as the kinds can read them."""
    from aggregator.discover.embedded import data_lists
    from aggregator.discover.guess import guesses
    from aggregator.discover.reading import reads_data, reads_list

    title = elements.page.title
    shown = [one for one in guesses(elements) if reads_list(page, one)]
    data = [one for one in data_lists(elements) if reads_data(page, one)]
    found = [
        Candidate({"scrape": {"url": page.url, **one.settings}}, "a list on the page", title, _LIST + number)
        for number, one in enumerate(shown)
    ]
    for number, one in enumerate(data):
        # Data outlast a new look of the page, but only what has dates is worth more than what is shown with them.
        first = not shown or (one.dated and 5 * one.items >= 4 * len(shown[0].urls)) or not shown[0].dated
        rank = (_DATA if first and not number else _MORE_DATA) + number
        found.append(Candidate({"json": {"url": page.url, **one.settings}}, "data in the page", title, rank))
    return found


def _of_document(page: Fetched) -> list[Candidate]:
    """Return the lists in a document of JSON, as far as the kind can read them."""
    from aggregator.discover.embedded import document_lists
    from aggregator.discover.reading import reads_data

    return [
        Candidate({"json": {"url": page.url, **one.settings}}, "a list in the data", None, _DATA + number)
        for number, one in enumerate(document_lists(page))
        if reads_data(page, one)
    ]


def _of_sitemap(elements: Elements) -> list[Candidate]:
    """Return the sitemap that a page names; robots.txt names most."""
    for tag in elements.matching("link[rel~=sitemap]"):
        href = tag.get("href")
        if isinstance(href, str) and (url := elements.page.absolute(href.strip())):
            return [Candidate({"sitemap": url}, "the page names its sitemap", None, _SITEMAP)]
    return []


def _once(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Return each source once, the best first, with whatever the page calls it."""
    found: dict[object, Candidate] = {}
    for one in sorted(candidates, key=lambda one: one.rank):
        key = _key(one.entry)
        if key not in found:
            found[key] = one
        elif found[key].title is None:
            found[key] = replace(found[key], title=one.title)
    return list(found.values())


def _key(entry: Mapping[str, object]) -> object:
    feed = entry.get("feed")
    return same_feed(feed) if isinstance(feed, str) else repr(entry)
