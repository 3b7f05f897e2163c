"""The store: sources, their state and their entries in one SQLite file."""

from __future__ import annotations

from aggregator.store.base import Assignment, Rhythm, Store, Stored, Told, Unassigned
from aggregator.store.sql import open_store

__all__ = ["Assignment", "Rhythm", "Store", "Stored", "Told", "Unassigned", "open_store"]
