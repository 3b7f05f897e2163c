"""Benchmarks against the peers that can be installed next to us; see README.md in this folder."""

from __future__ import annotations
