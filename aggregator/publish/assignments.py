"""Ids and paths for entries that have none: assigned once, in the order of their dates, and kept for ever.

Ids are shared by all folders of posts; each folder has its own paths.

In: the store. Out: assignments in the store, and failures. An id and a path are always found, no matter which are
taken. If the assignment of one entry fails, the others are not affected.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from itertools import count

from aggregator.errors import RowError
from aggregator.normalize.identity import minted_id, public_id
from aggregator.publish.names import Wanted, assign_paths
from aggregator.publish.posts.presets import HEXO, Preset
from aggregator.publish.report import OutputFailure, refused_row, sift, store_each, unexpected, unreadable_row
from aggregator.store import POSTS, Assignment, Store, UnassignedEntry, UnreadableRow

#: Entries of one batch that want the same path all get suffixes; entries of later batches give way to earlier ones.
BATCH = 500
#: Entries that are read at once: each time, the store sorts all entries without an id.
_READ = 10 * BATCH


def assign_all(store: Store, preset: Preset = HEXO) -> list[OutputFailure]:
    """Assign an id, and a path in `POSTS`, to every pending entry that has none, and return the failures.

    Args:
        preset: how `POSTS` names its posts.
    """
    failed: dict[int, OutputFailure] = {}
    unreadable: dict[int, OutputFailure] = {}

    def fail(entry: UnassignedEntry, error: Exception) -> None:
        failed[entry.pk] = _failure(entry, error)

    def made(entries: Sequence[UnassignedEntry]) -> list[tuple[UnassignedEntry, Assignment]]:
        return list(zip(entries, _assignments(store, entries, preset), strict=True))

    while True:
        skipped: list[UnreadableRow] = []
        found = store.unassigned(_READ + len(failed), skipped)
        unreadable |= {row.pk: unreadable_row(row) for row in skipped}
        entries = [entry for entry in found if entry.pk not in failed]
        if not entries:
            return [*unreadable.values(), *failed.values()]
        assignments, _ = sift(made, entries, fail)
        store_each(lambda batch: store.assign([one for _, one in batch]), assignments, lambda one, e: fail(one[0], e))


def give_paths(
    store: Store, wanted: Sequence[Wanted], folder: str, preset: Preset, refused: Collection[str] = ()
) -> list[tuple[str, str]]:
    """Return a path in a folder, and the folded path, for each item; nothing is stored.

    Args:
        wanted: what the paths are made from.
        folder: where the paths must be free.
        preset: how the folder names its posts.
        refused: folded paths that cannot be used either.
    """
    given = set(refused)

    def taken(keys: Collection[str]) -> set[str]:
        return store.taken((), keys, folder)[1] | given.intersection(keys)

    paths: list[tuple[str, str]] = []
    for start in range(0, len(wanted), BATCH):
        batch = wanted[start : start + BATCH]
        try:
            found = assign_paths(batch, preset, taken)
        except ValueError:
            # All paths that one of the entries can have are taken; it gets a path made from another id.
            found = []
            for one in batch:
                found.append(_last_resort(one, preset, taken))
                given.add(found[-1][1])
        given.update(key for _, key in found)
        paths += found
    return paths


def _failure(entry: UnassignedEntry, error: Exception) -> OutputFailure:
    what = f"entry {entry.key!r} of source {entry.source_id!r}"
    return refused_row(what, error) if isinstance(error, RowError) else unexpected(what, error)


def _assignments(store: Store, entries: Sequence[UnassignedEntry], preset: Preset) -> list[Assignment]:
    ids = _ids(store, entries)
    named = zip(entries, ids, strict=True)
    wanted = [Wanted(entry.category, entry.title, id, entry.published_at) for entry, id in named]
    paths = give_paths(store, wanted, POSTS, preset)
    return [Assignment(entry.pk, id, *path) for entry, id, path in zip(entries, ids, paths, strict=True)]


def _ids(store: Store, entries: Sequence[UnassignedEntry]) -> list[str]:
    """Return an id for each entry: that of its source, else a minted one, else one minted with a salt."""
    wanted = [public_id(entry.guid, entry.url, entry.key) for entry in entries]
    taken, _ = store.taken(wanted, ())
    ids: dict[int, str] = {}
    left: list[UnassignedEntry] = []
    for entry, id in zip(entries, wanted, strict=True):
        # Two sources may use one guid for different entries; the first entry keeps it.
        if id in taken:
            left.append(entry)
        else:
            taken.add(id)
            ids[entry.pk] = id
    for attempt in count():
        if not left:
            break
        minted = {entry.pk: minted_id(entry.url, entry.key + _salt(entry, attempt)) for entry in left}
        taken |= store.taken(list(minted.values()), ())[0]
        for entry in left:
            if minted[entry.pk] not in taken:
                taken.add(minted[entry.pk])
                ids[entry.pk] = minted[entry.pk]
        left = [entry for entry in left if entry.pk not in ids]
    return [ids[entry.pk] for entry in entries]


def _salt(entry: UnassignedEntry, attempt: int) -> str:
    """Return what is added to a key: if two sources have one address, their ids are minted from the same values."""
    return f"\n{entry.source_id}" + f"\n{attempt}" * (attempt > 1) if attempt else ""


def _last_resort(wanted: Wanted, preset: Preset, taken: Callable[[Collection[str]], set[str]]) -> tuple[str, str]:
    id = wanted.id
    for number in count():
        try:
            return assign_paths([wanted._replace(id=f"{id}\n{number}" if number else id)], preset, taken)[0]
        except ValueError:
            continue
    raise AssertionError("count() never ends")
