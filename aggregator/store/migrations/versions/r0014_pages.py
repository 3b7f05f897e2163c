"""What kinds of source remember: of a source, of the pages of its entries, and of instances."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_TABLES = (
    """
    CREATE TABLE pages (
        source_pk INTEGER NOT NULL,
        "key" TEXT NOT NULL,
        mark TEXT NOT NULL,
        etag TEXT,
        last_modified TEXT,
        body_hash TEXT,
        asked_at BIGINT,
        fruitless INTEGER NOT NULL,
        CONSTRAINT pk_pages PRIMARY KEY (source_pk, "key"),
        CONSTRAINT fk_pages_source_pk_sources FOREIGN KEY(source_pk) REFERENCES sources (pk)
    )
     WITHOUT ROWID
    """,
    """
    CREATE TABLE instances (
        url TEXT NOT NULL,
        failures INTEGER NOT NULL,
        until BIGINT,
        CONSTRAINT pk_instances PRIMARY KEY (url)
    )
    """,
)


def upgrade() -> None:
    """Add a column and two tables."""
    op.add_column("sources", sa.Column("memory", sa.Text))
    for statement in _TABLES:
        op.execute(statement)
