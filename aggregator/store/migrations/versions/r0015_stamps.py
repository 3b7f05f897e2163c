"""Stamps, so that a publication is right while other processes store entries."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a column to three tables, and what gives stamps where several processes share a database."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("CREATE SEQUENCE stamps")
    for table in ("entries", "fingerprints", "stale_archives"):
        op.add_column(table, sa.Column("stamp", sa.BigInteger, nullable=False, server_default="0"))
