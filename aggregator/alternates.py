"""Ask pages that were given in place of feeds which feed they name.

In: sources that turned out to be no feed. Out: the address of the feed that each page names, where that is one indeed.
Requests are those of an update: the same guard, limits and manners.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from aggregator.config import Config
from aggregator.errors import AggregatorError
from aggregator.fetch import Fetcher
from aggregator.models import FeedState, Fetched, Source
from aggregator.parse.encoding import decode
from aggregator.parse.page import named_feed
from aggregator.parse.sniff import sniff
from aggregator.sources import feed
from aggregator.sources.base import plain_request
from aggregator.update import fetch_settings

#: Pages that are asked in one call; the next call asks the others, once these are right.
MOST = 50


def pages(config: Config, states: Mapping[str, FeedState]) -> list[Source]:
    """The sources that seem to be pages: no feed ever came from their address, but something else did."""
    found = []
    for source in config.sources:
        state = states.get(source.id)
        never = state is not None and state.failure_kind == "not_a_feed" and state.request_hash is None
        if never and source.kind == "feed" and not source.paused:
            found.append(source)
    return found[:MOST]


async def find_feeds(
    config: Config, sources: Sequence[Source], waits: Mapping[str, datetime], clock: Callable[[], datetime]
) -> dict[str, str]:
    """Ask these pages; returns the address of the feed that each of them names, by the id of the source.

    Args:
        waits: hosts that want to be left alone, with the time until when.
        clock: the current time, aware and in UTC.
    """
    async with Fetcher(fetch_settings(config, config.fetch.concurrency), waits=waits, clock=clock) as fetcher:
        found = await asyncio.gather(*(_find(fetcher, source) for source in sources))
    return {source.id: url for source, url in zip(sources, found, strict=True) if url is not None}


async def _find(fetcher: Fetcher, source: Source) -> str | None:
    try:
        page = await _fetch(fetcher, source, source.url)
        url = page and named_feed(decode(page.body, page.content_type).text, page.url)
        # What a page names may be gone, or be another page.
        if url and url != source.url and (there := await _fetch(fetcher, source, url)):
            sniff(there)
            return url
    except AggregatorError:
        # `status` says what is wrong with the source.
        pass
    return None


async def _fetch(fetcher: Fetcher, source: Source, url: str) -> Fetched | None:
    got = await fetcher.fetch(plain_request(source, url, accept=feed.ACCEPT))
    return got if isinstance(got, Fetched) else None
