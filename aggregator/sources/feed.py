"""The kind `feed`: one document that is a feed already (RSS, RDF, Atom, JSON Feed)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from aggregator.models import FeedState, Fetched, NotModified, ParsedFeed, Source
from aggregator.sources.base import Parse, Tools, conditional_request, fingerprint
from aggregator.values.urls import clean_url

AS_FETCHED = True

#: Feeds first; many servers label theirs as XML, JSON or HTML, and a strict one must not answer 406.
ACCEPT = (
    "application/atom+xml, application/rss+xml, application/feed+json, application/rdf+xml;q=0.9, "
    "application/xml;q=0.8, text/xml;q=0.8, application/json;q=0.7, text/html;q=0.3, */*;q=0.1"
)


def request_hash(source: Source) -> str:
    """Validators of a feed belong to its address, to how it is asked and to what was accepted."""
    return fingerprint(source, ACCEPT)


async def fetch(source: Source, state: FeedState, tools: Tools) -> Fetched | NotModified:
    """Ask for the feed, conditionally."""
    return await tools.fetch(
        conditional_request(source, state, accept=ACCEPT, request_hash=request_hash(source), delta=True)
    )


def read(source: Source, fetched: Fetched, now: datetime, parse: Parse) -> ParsedFeed:
    """Read the feed, its home page as a valid URI; relative dates do not occur in feeds, so `now` is of no use here."""
    parsed = parse(fetched)
    home = clean_url(parsed.home_url)
    return parsed if home == parsed.home_url else replace(parsed, home_url=home)
