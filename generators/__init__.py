"""Real sites built by real site generators from posts of this program; see docs/generators.md."""

from __future__ import annotations
