"""What an address or a page offers as a source, the best first.

In: an address, or a page as it came. Out: candidates, each with the keys of a source for feeds.yaml. Nothing is fetched
here: whether a candidate works, only a try shows. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from aggregator.models import Fetched

#: Paths at which sites keep their feed or sitemap without saying so, the likeliest first.
_WELL_KNOWN = ("/feed", "/rss.xml", "/atom.xml", "/feed.xml", "/index.xml", "/rss", "/feed.json", "/sitemap.xml")


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
    return []


def of_page(page: Fetched, *, instances: bool) -> list[Candidate]:
    """Return what a page offers, the best first. It runs in a `Worker`: pages are hostile.

    Args:
        page: the page as it came.
        instances: as for `of_address`.

    Raises:
        ParseError: the page is too large or too deep to be read.
    """
    from aggregator.parse.encoding import decode
    from aggregator.parse.sniff import named_feed

    feed = named_feed(decode(page.body, page.content_type).text, page.url)
    return [Candidate({"feed": feed}, "the page names it", None, 0)] if feed else []


def well_known(url: str) -> list[str]:
    """Return addresses on the same site that are worth a try, the likeliest first."""
    parts = urlsplit(url)
    return [f"{parts.scheme}://{parts.netloc}{path}" for path in _WELL_KNOWN]
