"""The store: sources, their state and their entries in one SQLite file; `Store` is its interface."""

from __future__ import annotations

from aggregator.store.copyprotocol import DUPLICATES, CopyOf, CopyStore
from aggregator.store.protocol import (
    POSTS,
    Activity,
    ArchivePage,
    ArchiveStore,
    Assignment,
    FeedMetadata,
    Member,
    PostFile,
    Recognized,
    SelectionStore,
    Store,
    StoredEntry,
    UnassignedEntry,
    UnreadableRow,
)
from aggregator.store.sqlstore import open_for_reading, open_store

__all__ = [
    "DUPLICATES",
    "POSTS",
    "Activity",
    "ArchivePage",
    "ArchiveStore",
    "Assignment",
    "CopyOf",
    "CopyStore",
    "FeedMetadata",
    "Member",
    "PostFile",
    "Recognized",
    "SelectionStore",
    "Store",
    "StoredEntry",
    "UnassignedEntry",
    "UnreadableRow",
    "open_for_reading",
    "open_store",
]
