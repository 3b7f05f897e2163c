"""An OPML document at an address: fetched as sources are, with the settings of feeds.yaml and the same checks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from aggregator.fetch import Fetcher
from aggregator.models import Fetched, Request
from aggregator.pipeline.engine import fetch_settings
from aggregator.subscriptions.reading import MAX_BYTES

if TYPE_CHECKING:
    from aggregator.config import Config

ACCEPT = "text/x-opml, application/xml;q=0.9, text/xml;q=0.9, */*;q=0.1"


async def fetch(url: str, config: Config, clock: Callable[[], datetime]) -> Fetched:
    """Fetch a document.

    Args:
        clock: the current time, aware and in UTC.

    Raises:
        FetchError: it could not be had, or is too large.
    """
    request = Request(
        url=url,
        timeout=config.fetch.timeout,
        max_body=MAX_BYTES,
        allow_private=config.fetch.allow_private_addresses,
        accept=ACCEPT,
    )
    async with Fetcher(fetch_settings(config, 1), waits={}, clock=clock) as fetcher:
        got = await fetcher.fetch(request)
    # Nothing was asked conditionally.
    assert isinstance(got, Fetched)
    return got
