"""Delete what is stored of a source, and the post files that were written for it.

In: a store whose sources were synchronized with a configuration that has the source no longer. Out: fewer rows and
files. Files go before their rows, so that a crash at any point is made good by the next call.
"""

from __future__ import annotations

from pathlib import Path

from aggregator.retention import remove
from aggregator.store import Store


def purge(store: Store, data: Path, source_id: str) -> int:
    """Delete the entries, posts and state of a source; returns the number of entries.

    Raises:
        PublishError: a post file cannot be deleted; its entry stays, too.
        StoreError: the store failed.
    """
    removed = remove(store, source_id, None, 0, posts=data / "posts")
    store.forget(source_id)
    store.record({f"hook/{source_id}": ""})
    return removed
