"""Remove expired entries: those that are older, or more, than the configuration keeps; and all data of a source.

The pages that were kept of sources which are no longer configured go, too.

In: the configuration, the store, the time. Out: fewer entries, and fewer post files if `posts: delete` is configured;
the merged feeds follow at the next publication. A removed entry does not come back, even if its feed still lists it.
Post files are deleted first, then rows, so that the next run completes one that crashed; with the rows, the store marks
the feeds and pages that showed them. If a file cannot be deleted, only its own entry stays.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aggregator.config import Config
from aggregator.errors import RowError
from aggregator.models import Source
from aggregator.pipeline.savedpages import SavedPages
from aggregator.publish.postedits import withdraw
from aggregator.publish.report import OutputFailure, refused_row, store_each
from aggregator.store import POSTS, Store

#: Time between two runs.
INTERVAL = timedelta(hours=6)
#: Entries of one source that are removed in one transaction.
BATCH = 500
_LAST = "retention/at"


@dataclass(slots=True)
class Removed:
    """What was removed, and what could not be removed."""

    entries: int = 0
    #: Deleted post files, relative to the data folder.
    posts: list[str] = field(default_factory=list)
    #: Post files that stay because a person has edited them; their entries are removed.
    kept: list[str] = field(default_factory=list)
    #: Post files that could not be deleted, whose entries stay, and entries that could not be removed.
    failures: list[OutputFailure] = field(default_factory=list)


def retain(config: Config, store: Store, data: Path, now: datetime, *, since: datetime | None = None) -> Removed:
    """Remove expired entries, unless that was done without a failure within the last `INTERVAL`.

    Args:
        since: a removal after this moment does not count: a cycle that publishes several times removes each time what
            it has stored since.

    Raises:
        StoreError: the store failed as a whole, not on one row.
    """
    # Few folders have any, and they are found at once.
    SavedPages(data).forget_others(source.id for source in config.sources)
    removed = Removed()
    limited = [source for source in config.sources if source.retention.age or source.retention.count]
    if not limited:
        return removed
    at = _last_run(store)
    # A time in the future was written by a clock that has been set back since.
    if at and timedelta(0) <= now - at < INTERVAL and not (since and at >= since):
        return removed
    for source in limited:
        try:
            done = _retain(source, store, data, now)
        except RowError as error:
            done = Removed(failures=[refused_row(f"retention of source {source.id!r}", error)])
        removed.entries += done.entries
        removed.posts += done.posts
        removed.kept += done.kept
        removed.failures += done.failures
    if removed.entries:
        store.steps.forget_unneeded()
    if not removed.failures:
        store.record_fingerprints({_LAST: now.isoformat()})
    return removed


def next_time(config: Config, store: Store) -> datetime | None:
    """Return when `retain` runs again at the latest; None: never."""
    if not any(source.retention.age or source.retention.count for source in config.sources):
        return None
    last = _last_run(store)
    return last + INTERVAL if last else datetime.min.replace(tzinfo=UTC)


def _last_run(store: Store) -> datetime | None:
    try:
        last = datetime.fromisoformat(store.fingerprints().get(_LAST, ""))
    except ValueError:
        return None
    return last if last.tzinfo else None


def _retain(source: Source, store: Store, data: Path, now: datetime) -> Removed:
    rule = source.retention
    before = now - rule.age if rule.age else None
    posts = data if rule.delete_posts else None
    return remove(store, source.id, before, rule.count, posts=posts)


def remove(
    store: Store,
    source_id: str,
    before: datetime | None,
    count: int | None,
    *,
    posts: Path | None,
) -> Removed:
    """Remove the entries of a source that are older, or more.

    Args:
        before, count: as in `Store.expired`.
        posts: the data folder with the post files, which are deleted, too, in all folders; None: they stay.

    Raises:
        StoreError: the store failed as a whole, not on one row.
    """
    removed = Removed()
    stuck: set[int] = set()

    def refuse(pk: int, failure: OutputFailure) -> None:
        stuck.add(pk)
        removed.failures.append(failure)

    while True:
        found = store.expired(source_id, before, count, BATCH + len(stuck))
        batch = {pk: path for pk, path in found.items() if pk not in stuck}
        if not batch:
            return removed
        if posts is not None:
            stuck |= _delete(store, posts, list(batch), removed)
        gone = [pk for pk in batch if pk not in stuck]
        store_each(
            lambda pks: store.remove_entries(source_id, pks),
            gone,
            lambda pk, error: refuse(pk, refused_row(f"entry {pk} of source {source_id!r}", error)),
        )
        removed.entries += sum(pk not in stuck for pk in gone)


def _delete(store: Store, data: Path, pks: Collection[int], removed: Removed) -> set[int]:
    """Delete the post files that were written for these entries in all folders, except those that a person has edited.

    Returns:
        The entries of which a file is still there.
    """
    stuck: set[int] = set()
    for folder in (POSTS, *store.post_folders()):
        done = withdraw(store, data, folder, pks, removed=removed.posts, kept=removed.kept, failures=removed.failures)
        stuck |= done.stuck
    return stuck


def purge(store: Store, data: Path, source_id: str) -> Removed:
    """Delete the entries, post files and state of a source that is no longer configured.

    Files are deleted before their rows, so that the next call completes one that crashed. If some of them cannot be
    deleted, the state stays for a later call.

    Args:
        store: its sources must be synchronized with a configuration without the source.

    Raises:
        StoreError: the store failed as a whole, not on one row.
    """
    from aggregator.service import hooks, news

    removed = remove(store, source_id, None, 0, posts=data)
    SavedPages(data).forget(source_id)
    if not removed.failures:
        store.remove_source(source_id)
        store.record_fingerprints({hooks.record_name(source_id): "", news.record_name(source_id): ""})
    return removed
