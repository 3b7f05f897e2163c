"""Remove entries that are older, or more, than the configuration keeps.

In: the configuration, the store, the time. Out: fewer entries, and fewer post files where `posts: delete` says so; the
merged feeds follow at the next publication. What was removed stays removed, although its feed may list it still. Post
files go before their rows, and feeds are marked before both, so that a crash at any point is made good by the next run.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from pathlib import Path

from aggregator.config import Config
from aggregator.errors import PublishError
from aggregator.models import Source
from aggregator.publish.site import invalidate
from aggregator.store import Store

#: Time between two looks.
EVERY = timedelta(hours=6)
#: Entries of one source that are removed in one transaction.
BATCH = 500
_LAST = "retention/at"


def retain(config: Config, store: Store, data: Path, now: datetime, *, since: datetime | None = None) -> int:
    """Remove what is too much, unless that was done within the last `EVERY`; returns the number of entries.

    Args:
        since: what was done after this moment counts as not done: a cycle that publishes several times removes each
            time what it has brought since.

    Raises:
        PublishError: a post file cannot be deleted; its entry stays, too.
        StoreError: the store failed.
    """
    limited = [source for source in config.sources if source.retention.age or source.retention.count]
    if not limited:
        return 0
    last = store.fingerprints().get(_LAST)
    # A time ahead of now was written by a clock that has been set back since.
    done = datetime.fromisoformat(last) if last else None
    if done and timedelta(0) <= now - done < EVERY and not (since and done >= since):
        return 0
    removed = sum(_retain(source, store, data, now) for source in limited)
    store.record({_LAST: now.isoformat()})
    return removed


def _retain(source: Source, store: Store, data: Path, now: datetime) -> int:
    rule = source.retention
    before = now - rule.age if rule.age else None
    posts = data / "posts" if rule.delete_posts else None
    return remove(store, source.id, before, rule.count, posts=posts, categories=[source.category])


def remove(
    store: Store,
    source_id: str,
    before: datetime | None,
    count: int | None,
    *,
    posts: Path | None,
    categories: Collection[str] = (),
) -> int:
    """Remove the entries of a source that are older, or more; returns their number.

    Args:
        before, count: as in `Store.expired`.
        posts: the folder of the post files, which go as well; None: they stay.
        categories: whose feeds have to be written anew.

    Raises:
        PublishError: a post file cannot be deleted; its entry stays, too.
        StoreError: the store failed.
    """
    removed = 0
    while batch := store.expired(source_id, before, count, BATCH):
        invalidate(store, categories)
        if posts is not None:
            _delete(posts, [path for path in batch.values() if path is not None])
        store.remove(source_id, batch)
        removed += len(batch)
    return removed


def _delete(folder: Path, names: Iterable[str]) -> None:
    for name in names:
        try:
            (folder / name).unlink(missing_ok=True)
        except OSError as error:
            raise PublishError(
                f"{folder / name} cannot be deleted: {error.strerror or error}; give permission"
            ) from error
