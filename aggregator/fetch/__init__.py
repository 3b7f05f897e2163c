"""Fetching documents over HTTP, safely: see `Fetcher`."""

from __future__ import annotations

import sys

# Where Rich and Pygments are installed, httpx imports its own command line with them, which takes longer than the rest
# of it. None keeps a module from being imported; httpx does without this one.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]

from aggregator.fetch.client import Fetcher, FetchSettings  # noqa: E402

__all__ = ["FetchSettings", "Fetcher"]
