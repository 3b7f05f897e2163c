"""Further keys of entries, how far the ids of a source can be trusted, notes, and the order of entries of one date."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table, the columns and the indexes; no row is rewritten."""
    op.create_table(
        "aliases",
        sa.Column("source_pk", sa.Integer, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("entry_pk", sa.Integer),
        sa.PrimaryKeyConstraint("source_pk", "key", name="pk_aliases"),
        sa.ForeignKeyConstraint(["source_pk"], ["sources.pk"], name="fk_aliases_source_pk_sources"),
        sa.ForeignKeyConstraint(["entry_pk"], ["entries.pk"], name="fk_aliases_entry_pk_entries"),
    )
    op.create_index("ix_aliases_entry", "aliases", ["entry_pk"])
    op.add_column("sources", sa.Column("identity", sa.Text))
    op.add_column("sources", sa.Column("notes", sa.Text))
    op.add_column("entries", sa.Column("position", sa.Integer, nullable=False, server_default="0"))
    op.drop_index("ix_entries_listed_by_category", "entries")
    op.drop_index("ix_entries_listed", "entries")
    listed = sa.text("category IS NOT NULL AND public_id IS NOT NULL")
    newest: list[str | sa.TextClause] = [sa.text("published_at DESC"), "source_pk", sa.text("position DESC")]
    op.create_index("ix_entries_listed_by_category", "entries", ["category", *newest], sqlite_where=listed)
    op.create_index("ix_entries_listed", "entries", newest, sqlite_where=listed)
    op.create_index(
        "ix_entries_of_source", "entries", ["source_pk", sa.text("published_at DESC"), sa.text("position DESC")]
    )
