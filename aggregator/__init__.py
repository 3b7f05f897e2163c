"""Feed aggregator and republisher: sources in, posts and merged feeds out.

The names below are the Python interface (docs/python.md). They are imported from `aggregator.api` at their first
use, so that `import aggregator` loads nothing else: the command line starts faster.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aggregator.api import (
        Activity,
        AggregatorError,
        Category,
        Config,
        ConfigError,
        Entry,
        FeedState,
        Item,
        LockedError,
        OutputFailure,
        Problem,
        Report,
        Source,
        SourceResult,
        Store,
        StoreError,
        Summary,
        load_config,
        open_store,
        redact,
        run_cycle,
    )

__version__ = "0.1.0"

__all__ = [
    "Activity",
    "AggregatorError",
    "Category",
    "Config",
    "ConfigError",
    "Entry",
    "FeedState",
    "Item",
    "LockedError",
    "OutputFailure",
    "Problem",
    "Report",
    "Source",
    "SourceResult",
    "Store",
    "StoreError",
    "Summary",
    "load_config",
    "open_store",
    "redact",
    "run_cycle",
]


@contextmanager
def importing() -> Iterator[None]:
    """Import modules inside without garbage collection: the objects that they create live as long as the program.

    Otherwise the collector would scan the growing objects again and again.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.freeze()
            gc.enable()


if not TYPE_CHECKING:  # Otherwise a type checker would accept every name.

    def __getattr__(name: str) -> object:
        """Import one name of the interface (PEP 562)."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from aggregator import api

        return getattr(api, name)

    def __dir__() -> list[str]:
        return sorted([*globals(), *__all__])
