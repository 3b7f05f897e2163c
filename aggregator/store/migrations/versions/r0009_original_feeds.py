"""The feeds from which sources took over entries."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; the next document of a source fills it."""
    op.add_column("entries", sa.Column("original_feed", sa.Text))
