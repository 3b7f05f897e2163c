"""Remove entries that are older, or more, than the configuration keeps.

In: the configuration, the store, the time. Out: fewer entries, and fewer post files where `posts: delete` says so; the
merged feeds follow at the next publication. What was removed stays removed, although its feed may list it still. Post
files go before their rows, and feeds are marked before both, so that a crash at any point is made good by the next run.
A file that cannot be deleted keeps its own entry only.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aggregator.config import Config
from aggregator.errors import RowError
from aggregator.models import Source
from aggregator.publish import files
from aggregator.publish.publication import clear_fingerprints, feeds_of
from aggregator.publish.report import OutputFailure, refused_row, store_each
from aggregator.store import Store

#: Time between two looks.
EVERY = timedelta(hours=6)
#: Entries of one source that are removed in one transaction.
BATCH = 500
_LAST = "retention/at"


@dataclass(slots=True)
class Removed:
    """What was removed, and what could not be."""

    entries: int = 0
    #: Post files that could not be deleted, whose entries stay, and entries that could not be removed.
    failures: list[OutputFailure] = field(default_factory=list)


def retain(config: Config, store: Store, data: Path, now: datetime, *, since: datetime | None = None) -> Removed:
    """Remove what is too much, unless that was done, without a failure, within the last `EVERY`.

    Args:
        since: what was done after this moment counts as not done: a cycle that publishes several times removes each
            time what it has brought since.

    Raises:
        StoreError: the store failed, and no row is to blame.
    """
    removed = Removed()
    limited = [source for source in config.sources if source.retention.age or source.retention.count]
    if not limited:
        return removed
    at = _last_look(store)
    # A time ahead of now was written by a clock that has been set back since.
    if at and timedelta(0) <= now - at < EVERY and not (since and at >= since):
        return removed
    for source in limited:
        try:
            done = _retain(source, store, data, now)
        except RowError as error:
            done = Removed(failures=[refused_row(f"retention of source {source.id!r}", error)])
        removed.entries += done.entries
        removed.failures += done.failures
    if not removed.failures:
        store.record_fingerprints({_LAST: now.isoformat()})
    return removed


def next_time(config: Config, store: Store) -> datetime | None:
    """When `retain` looks again at the latest; None: never."""
    if not any(source.retention.age or source.retention.count for source in config.sources):
        return None
    last = _last_look(store)
    return last + EVERY if last else datetime.min.replace(tzinfo=UTC)


def _last_look(store: Store) -> datetime | None:
    try:
        last = datetime.fromisoformat(store.fingerprints().get(_LAST, ""))
    except ValueError:
        return None
    return last if last.tzinfo else None


def _retain(source: Source, store: Store, data: Path, now: datetime) -> Removed:
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
) -> Removed:
    """Remove the entries of a source that are older, or more.

    Args:
        before, count: as in `Store.expired`.
        posts: the folder of the post files, which go as well; None: they stay.
        categories: whose feeds have to be written anew.

    Raises:
        StoreError: the store failed, and no row is to blame.
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
        clear_fingerprints(store, feeds_of(categories))
        if posts is not None:
            _delete(store, posts, batch, refuse)
        gone = [pk for pk in batch if pk not in stuck]
        store_each(
            lambda pks: store.remove_entries(source_id, pks),
            gone,
            lambda pk, error: refuse(pk, refused_row(f"entry {pk} of source {source_id!r}", error)),
        )
        removed.entries += sum(pk not in stuck for pk in gone)


def _delete(
    store: Store, folder: Path, paths: Mapping[int, str | None], refuse: Callable[[int, OutputFailure], None]
) -> None:
    """Delete post files, those only that were written for these entries."""
    for pk, file in store.post_files(list(paths)).items():
        path = paths[pk]
        if path is not None:
            try:
                files.delete(folder, path, only=file.intended if file.written is None else None)
            except files.FileError as error:
                refuse(pk, OutputFailure(f"posts/{path}", error.reason, error.advice))
