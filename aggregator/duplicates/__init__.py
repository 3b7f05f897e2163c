"""The same item from several sources: which entries are one, and which of them is published. Pure."""

from __future__ import annotations
