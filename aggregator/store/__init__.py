"""The store: sources, their state and their entries in one SQLite file."""

from __future__ import annotations

from aggregator.store.base import Assignment, Recognized, Rhythm, Store, Told, Unassigned
from aggregator.store.sql import open_store

__all__ = ["Assignment", "Recognized", "Rhythm", "Store", "Told", "Unassigned", "open_store"]
