"""The migrations of the database, for Alembic; `aggregator.store.database` runs them.

A new one is a file in `versions/` with the next number; `schema.REVISION` names it and `schema.metadata` shows its
result.
"""

from __future__ import annotations
