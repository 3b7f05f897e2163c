"""The store: sources, their state and their entries in one SQLite file; `Store` is its interface."""

from __future__ import annotations

from aggregator.store.protocol import (
    POSTS,
    Activity,
    ArchivePage,
    ArchiveStore,
    Assignment,
    FeedMetadata,
    PostFile,
    Recognized,
    Store,
    StoredEntry,
    UnassignedEntry,
    UnreadableRow,
)
from aggregator.store.rulingprotocol import (
    DEFINITIONS,
    FEEDS,
    Judged,
    Membership,
    MemberStore,
    RulingStore,
    StepStore,
    StoredRuling,
    Tombstone,
    Waiting,
    WithheldPost,
)
from aggregator.store.sqlstore import open_for_reading, open_store

__all__ = [
    "DEFINITIONS",
    "FEEDS",
    "POSTS",
    "Activity",
    "ArchivePage",
    "ArchiveStore",
    "Assignment",
    "FeedMetadata",
    "Judged",
    "MemberStore",
    "Membership",
    "PostFile",
    "Recognized",
    "RulingStore",
    "StepStore",
    "Store",
    "StoredEntry",
    "StoredRuling",
    "Tombstone",
    "UnassignedEntry",
    "UnreadableRow",
    "Waiting",
    "WithheldPost",
    "open_for_reading",
    "open_store",
]
