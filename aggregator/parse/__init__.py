"""Bytes to `ParsedFeed`: decode a document, find its format, and let the reader of that format read it.

In: `Fetched`. Out: `ParsedFeed`, texts as found, addresses absolute. Raises `ParseError` and nothing else. Nothing here
fetches, looks at a clock or keeps anything between two calls, and any input takes linear time.
"""

from __future__ import annotations

from aggregator.errors import ParseError
from aggregator.models import Fetched, ParsedFeed

__all__ = ["parse", "parse_plain"]

#: Bytes; a tree takes many times the memory of its document, so a larger one is read in another process.
PLAIN_LIMIT = 4_000_000
#: Characters; a repair is slow, and other threads wait for the interpreter meanwhile.
REPAIR_LIMIT = 500_000


def parse_plain(fetched: Fetched) -> ParsedFeed | None:
    """Read a document that is easy to read: well-formed or quickly repaired, and not too large. None: use `parse`.

    Raises:
        ParseError: the document is certainly not a feed.
    """
    # Imported on use: a command that reads no feed does not wait for lxml.
    from aggregator.parse import wellformed
    from aggregator.parse.sniff import sniff

    if len(fetched.body) > PLAIN_LIMIT:
        return None
    return wellformed.read_bytes(fetched) or wellformed.read_document(sniff(fetched), repair_up_to=REPAIR_LIMIT)


def parse(fetched: Fetched) -> ParsedFeed:
    """Read a document as a feed, with any reader.

    feedparser, which reads ill-formed documents, can be slow: call this in a process that can be ended.

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
