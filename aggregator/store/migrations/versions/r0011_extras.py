"""What few entries have: rights, people, podcast elements; and what may be published of sources."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; the next document of a source fills the one of its entries."""
    op.add_column("entries", sa.Column("extras", sa.Text))
    op.add_column("sources", sa.Column("republish", sa.Text, nullable=False, server_default="full"))
    op.add_column("sources", sa.Column("copyright", sa.Text))
    op.add_column("sources", sa.Column("noindex", sa.Boolean, nullable=False, server_default="0"))
