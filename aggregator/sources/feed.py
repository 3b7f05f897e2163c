"""The kind `feed`: one document that is a feed (RSS, RDF, Atom, JSON Feed)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from aggregator.config.fields import Url
from aggregator.models import FeedState, Fetched, NotModified, ParsedFeed, Source
from aggregator.sources.kind import Parse, Tools, conditional_request, fingerprint

SETTINGS: Any = Url
DESCRIPTION = "Address of an RSS, Atom or JSON feed."
GUIDE = ""
ADDRESS_KEY: str | None = None
PARSE_ONLY = True
DATE_ADVICE = ""

#: Feeds first; many servers label theirs as XML, JSON or HTML, and a strict one must not answer 406.
ACCEPT = (
    "application/atom+xml, application/rss+xml, application/feed+json, application/rdf+xml;q=0.9, "
    "application/xml;q=0.8, text/xml;q=0.8, application/json;q=0.7, text/html;q=0.3, */*;q=0.1"
)


def address(settings: str) -> str:
    """Return the address, which is all there is to say of a feed."""
    return settings


def make_rules(settings: str, file: object) -> None:
    """Return None: an address is all there is to say of a feed."""


def request_hash(source: Source) -> str:
    """Hash what the validators of a feed depend on: its address, how it is requested, and what is accepted."""
    return fingerprint(source, ACCEPT)


async def fetch(source: Source, state: FeedState, tools: Tools) -> Fetched | NotModified:
    """Request the feed, conditionally."""
    return await tools.fetch(
        conditional_request(source, state, accept=ACCEPT, request_hash=request_hash(source), delta=True)
    )


def read(source: Source, fetched: Fetched, now: datetime, parse: Parse) -> ParsedFeed:
    """Parse the feed, and make its home page a valid URI; feeds have no relative dates, so `now` is not used."""
    from aggregator.values.urls import clean_url

    parsed = parse(fetched)
    home = clean_url(parsed.home_url)
    return parsed if home == parsed.home_url else replace(parsed, home_url=home)
