"""Delete what is stored of a source, and the post files that were written for it.

In: a store whose sources were synchronized with a configuration that has the source no longer. Out: fewer rows and
files. Files go before their rows, so that a crash at any point is made good by the next call.
"""

from __future__ import annotations

from pathlib import Path

from aggregator.retention import Removed, remove
from aggregator.service.news import name_of
from aggregator.store import Store


def purge(store: Store, data: Path, source_id: str) -> Removed:
    """Delete the entries, posts and state of a source; where some of them cannot be, its state stays for a later call.

    Raises:
        StoreError: the store failed, and no row is to blame.
    """
    removed = remove(store, source_id, None, 0, posts=data / "posts")
    if not removed.failures:
        store.remove_source(source_id)
        store.record_fingerprints({f"hook/{source_id}": "", name_of(source_id): ""})
    return removed
