"""The store: sources, their state and their entries in one SQLite file."""

from __future__ import annotations

from aggregator.store.protocol import (
    Assignment,
    PostFile,
    Recognized,
    Rhythm,
    Store,
    Stored,
    Told,
    Unassigned,
    Unreadable,
)
from aggregator.store.sqlstore import open_for_reading, open_store

__all__ = [
    "Assignment",
    "PostFile",
    "Recognized",
    "Rhythm",
    "Store",
    "Stored",
    "Told",
    "Unassigned",
    "Unreadable",
    "open_for_reading",
    "open_store",
]
