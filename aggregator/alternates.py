"""Ask pages that were given in place of feeds which feed they name.

In: sources that turned out to be no feed. Out: the address of the feed that each page names, where that is one indeed.
Requests are those of an update: the same guard, limits and manners.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from aggregator.config import Config
from aggregator.errors import AggregatorError, FetchError
from aggregator.fetch import Fetcher
from aggregator.models import FeedState, Fetched, Source
from aggregator.parse.encoding import decode
from aggregator.parse.sniff import named_feed, sniff
from aggregator.pipeline.run import fetch_settings
from aggregator.sources import feed
from aggregator.sources.kind import plain_request

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
) -> tuple[dict[str, str], list[Source]]:
    """Ask these pages.

    Returns:
        The address of the feed that each of them names, by the id of the source; and the sources that could not be
        asked, because a host wants to be left alone.

    Args:
        waits: hosts that want to be left alone, with the time until when.
        clock: the current time, aware and in UTC.
    """
    async with Fetcher(fetch_settings(config, config.fetch.concurrency), waits=waits, clock=clock) as fetcher:
        found = await asyncio.gather(*(_find(fetcher, source) for source in sources))
    named = {source.id: url for source, (url, _) in zip(sources, found, strict=True) if url is not None}
    return named, [source for source, (_, held) in zip(sources, found, strict=True) if held]


async def _find(fetcher: Fetcher, source: Source) -> tuple[str | None, bool]:
    """The feed that a page names, and whether the host wants to be left alone."""
    try:
        page = await _fetch(fetcher, source, source.url)
        url = page and named_feed(decode(page.body, page.content_type).text, page.url)
        # What a page names may be gone, or be another page.
        if url and url != source.url and (there := await _fetch(fetcher, source, url)):
            sniff(there)
            return url, False
    except FetchError as error:
        return None, error.held
    except AggregatorError:
        # `status` says what is wrong with the source.
        pass
    return None, False


async def _fetch(fetcher: Fetcher, source: Source, url: str) -> Fetched | None:
    got = await fetcher.fetch(plain_request(source, url, accept=feed.ACCEPT))
    return got if isinstance(got, Fetched) else None
