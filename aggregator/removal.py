"""Delete what is stored of a source, and the post files that were written for it.

In: a store whose sources were synchronized with a configuration that has the source no longer. Out: fewer rows and
files. Files go before their rows, so that a crash at any point is made good by the next call.
"""

from __future__ import annotations

from pathlib import Path

from aggregator.retention import BATCH, delete_posts
from aggregator.store import Store


def purge(store: Store, data: Path, source_id: str) -> int:
    """Delete the entries, posts and state of a source; returns the number of entries.

    Raises:
        PublishError: a post file cannot be deleted; its entry stays, too.
        StoreError: the store failed.
    """
    removed = 0
    while batch := store.expired(source_id, None, 0, BATCH):
        delete_posts(data / "posts", [path for path in batch.values() if path is not None])
        store.remove(source_id, batch)
        removed += len(batch)
    store.forget(source_id)
    store.record({f"hook/{source_id}": ""})
    return removed
