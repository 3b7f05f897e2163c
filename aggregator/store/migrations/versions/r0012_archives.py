"""The pages of the archives of feeds."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
