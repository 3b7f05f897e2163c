"""Tombstones of removed entries, so that they stay removed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "tombstones",
        sa.Column("source_pk", sa.Integer, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("public_id", sa.Text),
        sa.Column("path_key", sa.Text),
        sa.PrimaryKeyConstraint("source_pk", "key", name="pk_tombstones"),
        sa.ForeignKeyConstraint(["source_pk"], ["sources.pk"], name="fk_tombstones_source_pk_sources"),
        sa.UniqueConstraint("public_id", name="uq_tombstones_public_id"),
        sa.UniqueConstraint("path_key", name="uq_tombstones_path_key"),
    )
