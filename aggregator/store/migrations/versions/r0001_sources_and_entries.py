"""Sources, entries and fingerprints of outputs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the first tables."""
    _sources()
    _entries()
    op.create_table(
        "fingerprints",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_fingerprints"),
    )


def _sources() -> None:
    op.create_table(
        "sources",
        sa.Column("pk", sa.Integer, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("name", sa.Text),
        sa.Column("category", sa.Text, nullable=False),
        sa.Column("section", sa.Text),
        sa.Column("explicit_id", sa.Boolean, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("title", sa.Text),
        sa.Column("home_url", sa.Text),
        sa.Column("etag", sa.Text),
        sa.Column("last_modified", sa.Text),
        sa.Column("body_hash", sa.Text),
        sa.Column("request_hash", sa.Text),
        sa.Column("last_attempt_at", sa.BigInteger),
        sa.Column("last_success_at", sa.BigInteger),
        sa.Column("next_due_at", sa.BigInteger),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("failure_kind", sa.Text),
        sa.Column("error", sa.Text),
        sa.Column("entries", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("pk", name="pk_sources"),
        sa.UniqueConstraint("id", name="uq_sources_id"),
    )
    op.create_index("ix_sources_due", "sources", ["active", "next_due_at"])


def _entries() -> None:
    op.create_table(
        "entries",
        sa.Column("pk", sa.Integer, nullable=False),
        sa.Column("source_pk", sa.Integer, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("published_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("dated", sa.Boolean, nullable=False),
        sa.Column("pending", sa.Boolean, nullable=False),
        sa.Column("category", sa.Text),
        sa.Column("public_id", sa.Text),
        sa.Column("path", sa.Text),
        sa.Column("path_key", sa.Text),
        sa.Column("guid", sa.Text),
        sa.Column("url", sa.Text),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("authors", sa.Text, nullable=False),
        sa.Column("tags", sa.Text, nullable=False),
        sa.Column("enclosures", sa.Text, nullable=False),
        sa.Column("image", sa.Text),
        sa.Column("comments_url", sa.Text),
        sa.Column("language", sa.Text),
        sa.Column("summary", sa.Text, nullable=False),
        sa.Column("html", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("pk", name="pk_entries"),
        sa.ForeignKeyConstraint(["source_pk"], ["sources.pk"], name="fk_entries_source_pk_sources"),
        sa.UniqueConstraint("source_pk", "key", name="uq_entries_source_pk_key"),
        sa.UniqueConstraint("public_id", name="uq_entries_public_id"),
        sa.UniqueConstraint("path_key", name="uq_entries_path_key"),
    )
    listed = sa.text("category IS NOT NULL AND public_id IS NOT NULL")
    newest: list[str | sa.TextClause] = [sa.text("published_at DESC"), "public_id"]
    op.create_index("ix_entries_listed_by_category", "entries", ["category", *newest], sqlite_where=listed)
    op.create_index("ix_entries_listed", "entries", newest, sqlite_where=listed)
    pending = sa.text("pending = 1 AND category IS NOT NULL")
    op.create_index("ix_entries_pending", "entries", ["published_at", "category", "pending"], sqlite_where=pending)
