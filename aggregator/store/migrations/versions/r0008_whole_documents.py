"""When the whole document of a source was last received: answers of "not modified" are not trusted for ever."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("sources", sa.Column("whole_at", sa.BigInteger))
