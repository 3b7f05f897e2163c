"""The store: sources, their state and their entries in one database, SQLite or PostgreSQL; `Store` is its interface."""

from __future__ import annotations

from aggregator.store.copyprotocol import DUPLICATES, CopyOf, CopyStore
from aggregator.store.memberprotocol import Member, MemberStore
from aggregator.store.protocol import (
    CLOCK_TOLERANCE,
    POSTS,
    Activity,
    ArchivePage,
    ArchiveStore,
    Assignment,
    EditStore,
    FeedMetadata,
    PageStore,
    PostEdit,
    PostFile,
    Recognized,
    Store,
    StoredEntry,
    UnassignedEntry,
    UnreadableRow,
    WrittenPost,
)
from aggregator.store.rulingprotocol import (
    DEFINITIONS,
    FEEDS,
    Judged,
    Membership,
    RulingStore,
    StepStore,
    StoredRuling,
    Tombstone,
    WithheldPost,
)
from aggregator.store.sqlstore import open_for_reading, open_store

__all__ = [
    "CLOCK_TOLERANCE",
    "DEFINITIONS",
    "DUPLICATES",
    "FEEDS",
    "POSTS",
    "Activity",
    "ArchivePage",
    "ArchiveStore",
    "Assignment",
    "CopyOf",
    "CopyStore",
    "EditStore",
    "FeedMetadata",
    "Judged",
    "Member",
    "MemberStore",
    "Membership",
    "PageStore",
    "PostEdit",
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
    "WithheldPost",
    "WrittenPost",
    "open_for_reading",
    "open_store",
]
