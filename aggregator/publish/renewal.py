"""Bring entries that are stored to today's rules before they are published: all of them, also those of ended feeds.

In: the store, what is confidential, the folder of the posts. Out: entries that are cleaned once more where the rules of
the sanitizer have changed since, and without secrets where these have. This is done once for each change, in batches
and in the order of row numbers; how far it has come is stored with each batch, so that it goes on there after a crash.
What is not changed by it stays as it is; what is, becomes pending.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from aggregator.config.confidential import public_entry, public_identifier
from aggregator.config.secrets import contains_secret, mask
from aggregator.errors import RowError
from aggregator.models import Entry
from aggregator.normalize import SANITIZER_VERSION, clean_again, minted_id, without_markup
from aggregator.publish import files
from aggregator.publish.report import OutputFailure, refused_row, store_each
from aggregator.store import FeedMetadata, Store, StoredEntry

log = logging.getLogger(__name__)

#: Entries that are read and written at once: few enough to keep memory flat.
BATCH = 100
#: Names of the fingerprints: of what all that is stored was made with, and of what it is being made with, and how far.
_DONE, _AT = "stored", "stored/at"

Clean = Callable[[Entry], Entry]
Progress = Callable[[int, int], None]


def renew(
    store: Store,
    confidential: frozenset[str],
    posts: Path,
    *,
    progress: Progress = lambda done, total: None,
    clean: Clean = clean_again,
) -> list[OutputFailure]:
    """Bring all stored entries to today's rules, where that is not done yet.

    Args:
        confidential: `Config.confidential`.
        posts: the folder of the posts; one whose name holds a secret is deleted.
        progress: called after each batch with the number of entries looked at, and of all.
        clean: cleans an entry that was cleaned by other rules.

    Returns:
        Posts that could not be deleted, and entries that could not be rewritten; all of this is tried again.

    Raises:
        StoreError: the store failed, and no row is to blame.
    """
    recorded = store.fingerprints()
    wanted = f"{SANITIZER_VERSION}:{_digest(confidential)}"
    done = recorded.get(_DONE)
    if done == wanted:
        return []
    # A new database holds nothing from other days.
    failures: list[OutputFailure] = []
    if done is not None:
        unchanged = done.partition(":")[0] == str(SANITIZER_VERSION)
        target, _, last = recorded.get(_AT, "").partition(" ")
        store.change_feed_metadata(partial(_public_told, confidential=confidential))
        renewal = _Renewal(store, confidential, posts, wanted, None if unchanged else clean)
        failures = renewal.run(int(last) if target == wanted and last.isdecimal() else 0, progress)
    store.record_fingerprints({_AT: ""} if failures else {_DONE: wanted, _AT: ""})
    return failures


def made_with(store: Store) -> str:
    """The rules by which all that is stored was made, as a text that changes with them."""
    return store.fingerprints().get(_DONE, "")


@dataclass(frozen=True, slots=True)
class _Renewal:
    """One pass over all that is stored; see `renew`."""

    store: Store
    confidential: frozenset[str]
    posts: Path
    wanted: str
    #: None: the texts are clean by today's rules.
    clean: Clean | None

    def run(self, last: int, progress: Progress) -> list[OutputFailure]:
        """Go on after a row number; returns what could not be done."""
        looked_at, total = 0, self.store.entry_count()
        failures: list[OutputFailure] = []
        while batch := self.store.entries_after(last, BATCH):
            changed = [after for before in batch if (after := self._renewed(before)) != before]
            for one in batch:
                if one.path is not None and contains_secret(one.path, self.confidential):
                    try:
                        files.delete(self.posts, one.path)
                    except files.FileError as error:
                        changed = [other for other in changed if other.pk != one.pk]
                        failures.append(OutputFailure("a post whose name holds a secret", error.reason, error.advice))
            last = batch[-1].pk
            failures += self._rewrite(changed, {_AT: f"{self.wanted} {last}"})
            looked_at += len(batch)
            progress(looked_at, max(total, looked_at))
        return failures

    def _rewrite(self, changed: Sequence[StoredEntry], mark: Mapping[str, str]) -> list[OutputFailure]:
        failures: list[OutputFailure] = []

        def fail(one: StoredEntry, error: RowError) -> None:
            what = f"entry {one.pk} of source {one.entry.source_id!r}, which stays as it was"
            failures.append(refused_row(what, error))

        store_each(lambda some: self.store.rewrite_entries(some, {}), changed, fail)
        self.store.record_fingerprints(mark)
        return failures

    def _renewed(self, one: StoredEntry) -> StoredEntry:
        entry = one.entry
        if self.clean is not None:
            try:
                entry = self.clean(entry)
            except Exception:
                # The old text may not be safe by today's rules, and the others have to come out.
                log.exception("entry %s of %s cannot be cleaned; its markup is left out", one.pk, entry.source_id)
                entry = without_markup(entry)
        entry = public_entry(entry, self.confidential)
        if one.path is not None and contains_secret(one.path, self.confidential):
            return replace(one, entry=entry, id=None, path=None)
        if one.id is not None and contains_secret(one.id, self.confidential):
            return replace(one, entry=entry, id=minted_id(one.source_url, entry.key))
        return replace(one, entry=entry)


def _public_told(told: FeedMetadata, confidential: frozenset[str]) -> FeedMetadata:
    return FeedMetadata(told.title and mask(told.title, confidential), public_identifier(told.home_url, confidential))


def _digest(confidential: frozenset[str]) -> str:
    return hashlib.sha256(json.dumps(sorted(confidential)).encode()).hexdigest()[:32] if confidential else ""
