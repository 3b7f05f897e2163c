"""The kinds of source that can be pulled; another kind is another module and a line here."""

from __future__ import annotations

from aggregator.models import SourceKind
from aggregator.sources import feed, moves, scrape
from aggregator.sources.base import Kind, Spent, Tools, doubted

__all__ = ["KINDS", "Kind", "Spent", "Tools", "doubted", "moves"]

#: Every kind by the word that stands for it in `Source.kind`.
KINDS: dict[SourceKind, Kind] = {"feed": feed, "scrape": scrape}
