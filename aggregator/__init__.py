"""Feed aggregator and republisher: sources in, posts and merged feeds out."""

from __future__ import annotations

__version__ = "0.1.0"
