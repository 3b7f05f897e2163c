"""The paths of posts in several folders."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table; the paths of the folder that there was stay with the entries."""
    op.create_table(
        "folder_posts",
        sa.Column("entry_pk", sa.Integer, nullable=False),
        sa.Column("folder", sa.Text, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("path_key", sa.Text, nullable=False),
        sa.Column("written", sa.Text),
        sa.Column("intended", sa.Text),
        sa.PrimaryKeyConstraint("entry_pk", "folder", name="pk_folder_posts"),
        sa.UniqueConstraint("folder", "path_key", name="uq_folder_posts_folder_path_key"),
        sa.ForeignKeyConstraint(
            ["entry_pk"], ["entries.pk"], name="fk_folder_posts_entry_pk_entries", ondelete="CASCADE"
        ),
    )
