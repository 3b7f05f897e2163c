"""Digests of post files, by which they are distinguished from files that a person put there."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table; every path that was assigned before counts as written, no matter what the file holds."""
    op.create_table(
        "post_files",
        sa.Column("entry_pk", sa.Integer, nullable=False),
        sa.Column("written", sa.Text),
        sa.Column("intended", sa.Text),
        sa.PrimaryKeyConstraint("entry_pk", name="pk_post_files"),
        sa.ForeignKeyConstraint(
            ["entry_pk"], ["entries.pk"], name="fk_post_files_entry_pk_entries", ondelete="CASCADE"
        ),
    )
    op.execute("INSERT INTO post_files (entry_pk, written) SELECT pk, '' FROM entries WHERE path IS NOT NULL")
