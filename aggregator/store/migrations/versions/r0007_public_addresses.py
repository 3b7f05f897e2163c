"""The part of a source's address that may be published; and a mark that all entries were cleaned by the first rules."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; the next sync with the configuration fills them."""
    op.add_column("sources", sa.Column("public_url", sa.Text))
    op.add_column("sources", sa.Column("fallback_name", sa.Text))
    op.execute("INSERT INTO fingerprints (name, value) SELECT 'stored', '1:' WHERE EXISTS (SELECT 1 FROM sources)")
