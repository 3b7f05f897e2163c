"""What the next due time of a source depends on: its rhythm, the hints of its feed, its end, its new address."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    for column in (
        sa.Column("due_why", sa.Text),
        sa.Column("rhythm", sa.Text),
        sa.Column("feed_hints", sa.Text),
        sa.Column("gone_days", sa.Integer, nullable=False, server_default="0"),
        sa.Column("gone_last", sa.Date),
        sa.Column("outages", sa.Integer, nullable=False, server_default="0"),
        sa.Column("moved_to", sa.Text),
        sa.Column("moved_since", sa.BigInteger),
    ):
        op.add_column("sources", column)
