"""Fetching documents over HTTP, safely: see `Fetcher`."""

from __future__ import annotations

from aggregator.fetch.client import Fetcher
from aggregator.fetch.request import FetchSettings, Request

__all__ = ["FetchSettings", "Fetcher", "Request"]
