"""Bytes to `ParsedFeed`: decode, find out what it is, and let the reader of that format read it.

In: `Fetched`. Out: `ParsedFeed`, texts as found, addresses absolute. Raises `ParseError` and nothing else. It must not
fetch, look at a clock or keep anything between two calls; it runs in linear time on any input.
"""

from __future__ import annotations

from aggregator.errors import ParseError
from aggregator.models import Fetched, ParsedFeed

__all__ = ["parse", "parse_plain"]

#: Bytes; a tree takes many times the memory of its document, so that larger ones are for a process of its own.
PLAIN_LIMIT = 4_000_000
#: Characters; the repair takes up to 2 µs for each, and other threads have half of a core meanwhile.
REPAIR_LIMIT = 500_000


def parse_plain(fetched: Fetched) -> ParsedFeed | None:
    """Read a document that is no trouble: well-formed or soon repaired, and not too large. None: use `parse`.

    Raises:
        ParseError: it is certain that this is no feed.
    """
    # Imported on use: whoever needs only the dates of this package shall not wait for the readers.
    from aggregator.parse import wellformed
    from aggregator.parse.sniff import sniff

    if len(fetched.body) > PLAIN_LIMIT:
        return None
    return wellformed.read_bytes(fetched) or wellformed.read_document(sniff(fetched), repair_up_to=REPAIR_LIMIT)


def parse(fetched: Fetched) -> ParsedFeed:
    """Read a document as a feed, with every reader there is.

    feedparser, which reads what is ill-formed, can be slow: call this in a process that can be ended.

    Raises:
        ParseError: ``not_a_feed``, ``unparsable`` or ``too_large``.
    """
    from aggregator.parse import wellformed
    from aggregator.parse.sniff import sniff

    try:
        if (feed := wellformed.read_bytes(fetched)) is not None:
            return feed
        document = sniff(fetched)
        if (feed := wellformed.read_document(document)) is not None:
            return feed
        from aggregator.parse import tolerant

        return tolerant.read(document)
    except MemoryError:
        message = f"reading its {len(fetched.body):,} bytes takes more memory than there is"
        raise ParseError(message, kind="too_large", url=fetched.url) from None
