"""Requests to hosts, and which hosts must not be asked for a while."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of hosts."""
    op.create_table(
        "host_days",
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("requests", sa.BigInteger, nullable=False),
        sa.Column("documents", sa.BigInteger, nullable=False),
        sa.Column("not_modified", sa.BigInteger, nullable=False),
        sa.Column("received", sa.BigInteger, nullable=False),
        sa.Column("decoded", sa.BigInteger, nullable=False),
        sa.Column("held", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("day", "host", name="pk_host_days"),
    )
    op.create_table(
        "host_waits",
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("host", name="pk_host_waits"),
    )
