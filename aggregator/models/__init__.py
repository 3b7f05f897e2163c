"""The frozen types that travel between the stages.

What goes in and out of each stage, in the order of the flow::

    Source, FeedState -> Request -> fetch -> Fetched | NotModified
    Fetched           -> parse -> ParsedFeed with RawEntry's (text as found)
    RawEntry          -> normalize -> Entry (clean, absolute, dated)
    Entry's           -> rules -> Ruling's (what is published of them, and where)
    Entry's           -> decide -> FeedUpdate (what to write, the new FeedState)
    FeedUpdate        -> store
    Item              -> publish -> Rendered (name, media type, bytes)

This module imports nothing of the package. Every datetime is aware and in UTC, with whole seconds:
RSS cannot carry more, and the same instant has to come back from every output.
"""

from __future__ import annotations

from aggregator.models.copies import Candidate, Group, joined
from aggregator.models.documents import (
    Enclosure,
    Fetched,
    Freshness,
    NotModified,
    OriginalFeed,
    PageState,
    ParsedFeed,
    RawEntry,
    Request,
    Syndication,
    Text,
)
from aggregator.models.entries import (
    TEXT_COMPARED,
    Copy,
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
from aggregator.models.rulings import (
    Decision,
    Digest,
    Duplicates,
    Output,
    Placement,
    Rate,
    Ruling,
    Sight,
    Verdict,
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
    InstanceState,
    Interval,
    Mirrored,
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
    "Candidate",
    "Category",
    "Copy",
    "Cron",
    "Decision",
    "Digest",
    "Duplicates",
    "Enclosure",
    "Entry",
    "Every",
    "FailureKind",
    "FeedState",
    "FeedUpdate",
    "Fetched",
    "Freshness",
    "Group",
    "HostTraffic",
    "Identified",
    "InstanceState",
    "Interval",
    "Item",
    "Known",
    "KnownEntry",
    "Mirrored",
    "Names",
    "NotModified",
    "Origin",
    "OriginalFeed",
    "Output",
    "PageState",
    "ParsedFeed",
    "Placement",
    "Rate",
    "RawEntry",
    "Rendered",
    "Republish",
    "Request",
    "Retention",
    "Ruling",
    "Sight",
    "Source",
    "Syndication",
    "Text",
    "Verdict",
    "host_of",
    "joined",
]
