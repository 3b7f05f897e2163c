"""The pages of the archives of feeds."""

from __future__ import annotations

revision = "0012"
