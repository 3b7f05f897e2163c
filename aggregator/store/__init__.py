"""The store: sources, their state and their entries in one SQLite file; `Store` is its interface."""

from __future__ import annotations

from aggregator.store.protocol import (
    POSTS,
    Activity,
    ArchivePage,
    ArchiveStore,
    Assignment,
    EditStore,
    FeedMetadata,
    PostEdit,
    PostFile,
    Recognized,
    Store,
    StoredEntry,
    UnassignedEntry,
    UnreadableRow,
    WrittenPost,
)
from aggregator.store.selectionprotocol import Member, SelectionStore
from aggregator.store.sqlstore import open_for_reading, open_store

__all__ = [
    "POSTS",
    "Activity",
    "ArchivePage",
    "ArchiveStore",
    "Assignment",
    "EditStore",
    "FeedMetadata",
    "Member",
    "PostEdit",
    "PostFile",
    "Recognized",
    "SelectionStore",
    "Store",
    "StoredEntry",
    "UnassignedEntry",
    "UnreadableRow",
    "WrittenPost",
    "open_for_reading",
    "open_store",
]
