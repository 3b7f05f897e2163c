"""The store: sources, their state and their entries in one SQLite file."""

from __future__ import annotations

from aggregator.store.base import Assignment, Rhythm, Store, Told, Unassigned
from aggregator.store.reading import open_for_reading
from aggregator.store.sql import open_store

__all__ = ["Assignment", "Rhythm", "Store", "Told", "Unassigned", "open_for_reading", "open_store"]
