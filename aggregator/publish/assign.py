"""Ids and paths for entries that have none: given once, in the order of their dates, and kept for ever.

In: the store. Out: assignments in it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from aggregator.normalize.identity import minted_id, public_id
from aggregator.publish.names import Wanted, assign_paths
from aggregator.store import Assignment, Store, Unassigned

#: Entries that are told apart by suffixes where they want one path; those of later batches give way to them.
BATCH = 500
#: Entries that are read at once: the store sorts all that have no id each time.
_READ = 10 * BATCH


def assign_all(store: Store) -> None:
    """Give an id and a path to every pending entry that has none."""
    while entries := store.unassigned(_READ):
        ids = _ids(store, entries)
        paths = _paths(store, [(entry.category, entry.title, id) for entry, id in zip(entries, ids, strict=True)])
        store.assign([Assignment(entry.pk, id, *path) for entry, id, path in zip(entries, ids, paths, strict=True)])


def _ids(store: Store, entries: Sequence[Unassigned]) -> list[str]:
    wanted = [public_id(entry.guid, entry.url, entry.key) for entry in entries]
    taken, _ = store.taken(wanted, ())
    ids = []
    for entry, id in zip(entries, wanted, strict=True):
        # Two sources may use one guid for different things; the first in their order keeps it.
        chosen = minted_id(entry.url, entry.key) if id in taken else id
        taken.add(chosen)
        ids.append(chosen)
    return ids


def _paths(store: Store, wanted: Sequence[Wanted]) -> list[tuple[str, str]]:
    """The path of each, and the folded path."""
    given: set[str] = set()

    def taken(keys: Collection[str]) -> set[str]:
        return store.taken((), keys)[1] | given.intersection(keys)

    paths: list[tuple[str, str]] = []
    for start in range(0, len(wanted), BATCH):
        batch = assign_paths(wanted[start : start + BATCH], taken)
        given.update(key for _, key in batch)
        paths += batch
    return paths
