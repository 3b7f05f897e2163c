"""Bytes to `ParsedFeed`: decode, find out what it is, and let the reader of that format read it.

In: `Fetched`. Out: `ParsedFeed`, texts as found, addresses absolute. Raises `ParseError` and nothing else. It must not
fetch, look at a clock or keep anything between two calls; it runs in linear time on any input.
"""

from __future__ import annotations

from aggregator.errors import ParseError
from aggregator.models import Fetched, ParsedFeed


def parse(fetched: Fetched) -> ParsedFeed:
    """Read a document as a feed.

    Raises:
        ParseError: ``not_a_feed``, ``unparsable`` or ``too_large``.
    """
    # Imported on use: whoever needs only the dates of this package shall not wait for feedparser.
    from aggregator.parse.sniff import sniff

    try:
        document = sniff(fetched)
        if document.format == "json":
            from aggregator.parse import jsonfeed

            return jsonfeed.read(document)
        from aggregator.parse import tolerant

        return tolerant.read(document)
    except MemoryError:
        message = f"reading its {len(fetched.body):,} bytes takes more memory than there is"
        raise ParseError(message, kind="too_large", url=fetched.url) from None
