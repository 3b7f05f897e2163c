"""The pages of the archives of feeds."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables; the next publication makes pages of the entries that are stored."""
    op.create_table(
        "archives",
        sa.Column("output", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("last_pk", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("output", "number", name="pk_archives"),
    )
    op.create_index("ix_archives_last", "archives", ["last_pk"])
    op.create_table(
        "stale_archives",
        sa.Column("output", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("output", "number", name="pk_stale_archives"),
    )
    op.create_index(
        "ix_entries_listed_by_number",
        "entries",
        ["category"],
        sqlite_where=sa.text("category IS NOT NULL AND public_id IS NOT NULL"),
    )
