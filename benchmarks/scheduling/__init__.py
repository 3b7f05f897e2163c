"""A virtual clock for the decisions of `aggregator.schedule`; `benchmarks.simulate` runs it."""

from __future__ import annotations
