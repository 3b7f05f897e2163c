"""One module per revision, named after it."""

from __future__ import annotations
