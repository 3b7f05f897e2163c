"""The frozen types that travel between the stages.

What goes in and out of each stage, in the order of the flow::

    Source, FeedState -> Request -> fetch -> Fetched | NotModified
    Fetched           -> parse -> ParsedFeed with RawEntry's (text as found)
    RawEntry          -> normalize -> Entry (clean, absolute, dated)
    Entry's           -> decide -> FeedUpdate (what to write, the new FeedState)
    FeedUpdate        -> store
    Item              -> publish -> Rendered (name, media type, bytes)

This module imports nothing of the package. Every datetime is aware and in UTC, with whole seconds:
RSS cannot carry more, and the same instant has to come back from every output.
"""

from __future__ import annotations

from aggregator.models.documents import (
    Enclosure,
    Fetched,
    Freshness,
    NotModified,
    OriginalFeed,
    ParsedFeed,
    RawEntry,
    Request,
    Syndication,
    Text,
)
from aggregator.models.entries import (
    TEXT_COMPARED,
    Entry,
    FeedUpdate,
    Identified,
    Item,
    Known,
    KnownEntry,
    Names,
    Origin,
    Rendered,
)
from aggregator.models.sources import (
    ALL,
    FAILURE_KINDS,
    Access,
    Auto,
    Category,
    Cron,
    Every,
    FailureKind,
    FeedState,
    HostTraffic,
    Interval,
    Republish,
    Retention,
    Source,
    host_of,
)

__all__ = [
    "ALL",
    "FAILURE_KINDS",
    "TEXT_COMPARED",
    "Access",
    "Auto",
    "Category",
    "Cron",
    "Enclosure",
    "Entry",
    "Every",
    "FailureKind",
    "FeedState",
    "FeedUpdate",
    "Fetched",
    "Freshness",
    "HostTraffic",
    "Identified",
    "Interval",
    "Item",
    "Known",
    "KnownEntry",
    "Names",
    "NotModified",
    "Origin",
    "OriginalFeed",
    "ParsedFeed",
    "RawEntry",
    "Rendered",
    "Republish",
    "Request",
    "Retention",
    "Source",
    "Syndication",
    "Text",
    "host_of",
]
