"""Rules, outputs, review, duplicates, and what persons changed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_LISTED = (
    "CREATE INDEX ix_entries_listed ON entries (published_at DESC, source_pk, position DESC) "
    "WHERE category IS NOT NULL AND public_id IS NOT NULL AND draft = 0",
    "CREATE INDEX ix_entries_listed_by_category ON entries (category, published_at DESC, source_pk, position DESC) "
    "WHERE category IS NOT NULL AND public_id IS NOT NULL AND draft = 0",
    "CREATE INDEX ix_entries_listed_by_number ON entries (category) "
    "WHERE category IS NOT NULL AND public_id IS NOT NULL AND draft = 0",
)
_TABLES = (
    """
    CREATE TABLE rulings (
        entry_pk INTEGER NOT NULL,
        verdict TEXT,
        category TEXT,
        changes TEXT,
        made_by TEXT,
        CONSTRAINT pk_rulings PRIMARY KEY (entry_pk),
        CONSTRAINT fk_rulings_entry_pk_entries FOREIGN KEY(entry_pk) REFERENCES entries (pk) ON DELETE CASCADE
    )
    """,
    "CREATE INDEX ix_rulings_verdict ON rulings (verdict, entry_pk) WHERE verdict IS NOT NULL",
    """
    CREATE TABLE memberships (
        output TEXT NOT NULL,
        entry_pk INTEGER NOT NULL,
        published_at BIGINT NOT NULL,
        source_pk INTEGER NOT NULL,
        position INTEGER NOT NULL,
        listed BOOLEAN NOT NULL,
        added_at BIGINT NOT NULL,
        released_at BIGINT,
        changes TEXT,
        CONSTRAINT pk_memberships PRIMARY KEY (output, entry_pk),
        CONSTRAINT fk_memberships_entry_pk_entries FOREIGN KEY(entry_pk) REFERENCES entries (pk) ON DELETE CASCADE
    )
     WITHOUT ROWID
    """,
    "CREATE INDEX ix_memberships_entry ON memberships (entry_pk)",
    "CREATE INDEX ix_memberships_newest ON memberships (output, published_at DESC, source_pk, position DESC, entry_pk) "
    "WHERE listed = 1",
    "CREATE INDEX ix_memberships_of_source ON memberships "
    "(output, source_pk, published_at DESC, position DESC, entry_pk) WHERE listed = 1",
    "CREATE INDEX ix_memberships_released ON memberships (output, released_at, added_at) WHERE listed = 1",
    """
    CREATE TABLE withheld_posts (
        entry_pk INTEGER NOT NULL,
        CONSTRAINT pk_withheld_posts PRIMARY KEY (entry_pk),
        CONSTRAINT fk_withheld_posts_entry_pk_entries FOREIGN KEY(entry_pk) REFERENCES entries (pk) ON DELETE CASCADE
    )
    """,
    """
    CREATE TABLE decisions (
        entry_pk INTEGER NOT NULL,
        verdict TEXT NOT NULL,
        category TEXT,
        decided_at BIGINT NOT NULL,
        carried_out BOOLEAN NOT NULL,
        CONSTRAINT pk_decisions PRIMARY KEY (entry_pk),
        CONSTRAINT fk_decisions_entry_pk_entries FOREIGN KEY(entry_pk) REFERENCES entries (pk) ON DELETE CASCADE
    )
    """,
    "CREATE INDEX ix_decisions_open ON decisions (entry_pk) WHERE carried_out = 0",
    """
    CREATE TABLE addresses (
        entry_pk INTEGER NOT NULL,
        address TEXT NOT NULL,
        CONSTRAINT pk_addresses PRIMARY KEY (entry_pk),
        CONSTRAINT fk_addresses_entry_pk_entries FOREIGN KEY(entry_pk) REFERENCES entries (pk) ON DELETE CASCADE
    )
    """,
    "CREATE INDEX ix_addresses_address ON addresses (address)",
    """
    CREATE TABLE copies (
        entry_pk INTEGER NOT NULL,
        leader_pk INTEGER NOT NULL,
        shown BOOLEAN NOT NULL,
        CONSTRAINT pk_copies PRIMARY KEY (entry_pk),
        CONSTRAINT fk_copies_entry_pk_entries FOREIGN KEY(entry_pk) REFERENCES entries (pk) ON DELETE CASCADE,
        CONSTRAINT fk_copies_leader_pk_entries FOREIGN KEY(leader_pk) REFERENCES entries (pk) ON DELETE CASCADE
    )
    """,
    "CREATE INDEX ix_copies_leader ON copies (leader_pk)",
    """
    CREATE TABLE not_duplicates (
        first_pk INTEGER NOT NULL,
        second_pk INTEGER NOT NULL,
        CONSTRAINT pk_not_duplicates PRIMARY KEY (first_pk, second_pk),
        CONSTRAINT fk_not_duplicates_first_pk_entries FOREIGN KEY(first_pk) REFERENCES entries (pk) ON DELETE CASCADE,
        CONSTRAINT fk_not_duplicates_second_pk_entries FOREIGN KEY(second_pk) REFERENCES entries (pk) ON DELETE CASCADE
    )
    """,
    "CREATE INDEX ix_not_duplicates_second ON not_duplicates (second_pk)",
    """
    CREATE TABLE stale_addresses (
        address TEXT NOT NULL,
        CONSTRAINT pk_stale_addresses PRIMARY KEY (address)
    )
    """,
    """
    CREATE TABLE step_results (
        hash TEXT NOT NULL,
        result TEXT NOT NULL,
        made_at BIGINT NOT NULL,
        CONSTRAINT pk_step_results PRIMARY KEY (hash)
    )
    """,
    "CREATE INDEX ix_step_results_made ON step_results (made_at)",
    """
    CREATE TABLE post_edits (
        entry_pk INTEGER NOT NULL,
        folder TEXT NOT NULL,
        edit TEXT NOT NULL,
        path TEXT,
        upstream TEXT,
        CONSTRAINT pk_post_edits PRIMARY KEY (entry_pk, folder),
        CONSTRAINT fk_post_edits_entry_pk_entries FOREIGN KEY(entry_pk) REFERENCES entries (pk) ON DELETE CASCADE
    )
    """,
)


def upgrade() -> None:
    """Add columns and tables; nothing that is stored changes until a rule is written."""
    op.add_column("entries", sa.Column("future_at", sa.BigInteger))
    op.add_column("entries", sa.Column("seen_at", sa.BigInteger))
    op.add_column("entries", sa.Column("draft", sa.Boolean, nullable=False, server_default="0"))
    for name in ("ix_entries_listed_by_category", "ix_entries_listed", "ix_entries_listed_by_number"):
        op.drop_index(name, "entries")
    for statement in (*_LISTED, *_TABLES):
        op.execute(statement)
