"""Bring all stored entries to the current rules before they are published, including those of ended feeds.

In: the store, the secrets, the data folder. Out: entries, and what rules made of them, that are sanitized again if the
rules of the sanitizer have changed, and from which secrets are removed if the secrets have changed. This is done once
for each change, in batches in the order of row numbers. The progress is stored with each batch, so that a run after a
crash continues. Entries that change become pending; the others stay as they are.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from aggregator.config.secrets import contains_secret, mask, public_entry, public_identifier
from aggregator.errors import RowError
from aggregator.models import Entry, Ruling
from aggregator.normalize import SANITIZER_VERSION
from aggregator.normalize.identity import minted_id
from aggregator.publish.postedits import withdraw
from aggregator.publish.report import OutputFailure, refused_row, store_each
from aggregator.store import POSTS, FeedMetadata, Store, StoredEntry
from aggregator.store.rulingprotocol import StoredRuling

log = logging.getLogger(__name__)

#: Entries that are read and written at once: few enough to bound memory.
BATCH = 100
#: Names of the fingerprints of the rules of all stored entries, and of the rules and progress of an unfinished pass.
_DONE, _AT = "stored", "stored/at"

_MISNAMED = "a post whose name holds a secret"

Clean = Callable[[Entry], Entry]
Progress = Callable[[int, int], None]


def renew(
    store: Store,
    confidential: frozenset[str],
    data: Path,
    *,
    progress: Progress = lambda done, total: None,
    clean: Clean | None = None,
) -> list[OutputFailure]:
    """Bring all stored entries to the current rules, unless that is done already.

    Args:
        confidential: `Config.confidential`.
        data: the data folder; a post whose name holds a secret is deleted.
        progress: called after each batch with the number of entries processed, and of all entries.
        clean: sanitizes an entry that was sanitized by other rules; None: `clean_again` does.

    Returns:
        Posts that could not be deleted, and entries that could not be rewritten; the next call tries them again.

    Raises:
        StoreError: the store failed, and not because of a row.
    """
    recorded = store.fingerprints()
    wanted = f"{SANITIZER_VERSION}:{_digest(confidential)}"
    done = recorded.get(_DONE)
    if done == wanted:
        return []
    # A new database has no entries of older rules.
    failures: list[OutputFailure] = []
    if done is not None:
        # Few runs clean anything, and the sanitizer takes long to import.
        from aggregator.normalize.entry import clean_again

        unchanged = done.partition(":")[0] == str(SANITIZER_VERSION)
        target, _, last = recorded.get(_AT, "").partition(" ")
        store.change_feed_metadata(partial(_public_metadata, confidential=confidential))
        renewal = _Renewal(store, confidential, data, wanted, None if unchanged else clean or clean_again)
        failures = renewal.run(int(last) if target == wanted and last.isdecimal() else 0, progress)
        failures += renewal.renew_rulings()
    store.record_fingerprints({_AT: ""} if failures else {_DONE: wanted, _AT: ""})
    return failures


def made_with(recorded: Mapping[str, str]) -> str:
    """Return the fingerprint, of those of the store, of the rules that all stored entries comply with."""
    return recorded.get(_DONE, "")


@dataclass(frozen=True, slots=True)
class _Renewal:
    """One pass over all stored entries; see `renew`."""

    store: Store
    confidential: frozenset[str]
    data: Path
    wanted: str
    #: None: all texts are clean by the current rules.
    clean: Clean | None

    def run(self, last: int, progress: Progress) -> list[OutputFailure]:
        """Process the entries after a row number, and return the failures."""
        looked_at, total = 0, self.store.entry_count()
        failures: list[OutputFailure] = []
        while batch := self.store.entries_after(last, BATCH):
            changed = [after for before in batch if (after := self._renewed(before)) != before]
            for folder in (POSTS, *self.store.post_folders()) if self.confidential else ():
                stuck, more = self._delete_secret_paths(folder, batch)
                failures += more
                if folder == POSTS:
                    changed = [one for one in changed if one.pk not in stuck]
            last = batch[-1].pk
            failures += self._rewrite(changed, {_AT: f"{self.wanted} {last}"})
            looked_at += len(batch)
            progress(looked_at, max(total, looked_at))
        return failures

    def renew_rulings(self) -> list[OutputFailure]:
        """Bring what rules made of entries to the current rules, too, and return the failures."""
        failures: list[OutputFailure] = []

        def fail(one: tuple[StoredEntry, Ruling], error: RowError) -> None:
            what = f"what rules made of entry {one[0].pk} of source {one[0].entry.source_id!r}, which stays as it was"
            failures.append(refused_row(what, error))

        def store_rulings(some: Sequence[tuple[StoredEntry, Ruling]]) -> None:
            self.store.replace_rulings(some, {})

        last = 0
        while batch := self.store.rulings_after(last, BATCH):
            pairs = [(one.stored, after) for one in batch if (after := self._renewed_ruling(one)) != one.ruling]
            store_each(store_rulings, pairs, fail)
            last = batch[-1].stored.pk
        return failures

    def _renewed_ruling(self, one: StoredRuling) -> Ruling:
        ruling, entry = one.ruling, one.stored.entry
        if ruling.entry == entry and all(place.entry is None for place in ruling.placements):
            return ruling
        places = [
            place if place.entry is None else replace(place, entry=self._cleaned(one.stored.pk, place.entry))
            for place in ruling.placements
        ]
        return replace(ruling, entry=self._cleaned(one.stored.pk, ruling.entry), placements=tuple(places))

    def _delete_secret_paths(self, folder: str, batch: Sequence[StoredEntry]) -> tuple[set[int], list[OutputFailure]]:
        """Delete the posts in a folder whose names hold a secret; in another folder than `POSTS` they get other paths.

        Returns:
            The row numbers of those that are still there, and the failures.
        """
        paths = self.store.post_paths(folder, [one.pk for one in batch])
        secret = {pk: path for pk, path in paths.items() if contains_secret(path, self.confidential)}
        kept: list[str] = []
        failures: list[OutputFailure] = []
        done = withdraw(self.store, self.data, folder, secret, removed=[], kept=kept, failures=failures)
        failures = [one._replace(what=_MISNAMED) for one in failures]
        failures += [OutputFailure(_MISNAMED, "a person has edited it", "rename or delete the file") for _ in kept]
        stuck = done.stuck | done.kept
        if folder != POSTS:
            self.store.forget_posts(folder, secret.keys() - stuck)
        return stuck, failures

    def _rewrite(self, changed: Sequence[StoredEntry], mark: Mapping[str, str]) -> list[OutputFailure]:
        failures: list[OutputFailure] = []

        def fail(one: StoredEntry, error: RowError) -> None:
            what = f"entry {one.pk} of source {one.entry.source_id!r}, which stays as it was"
            failures.append(refused_row(what, error))

        store_each(lambda some: self.store.rewrite_entries(some, {}), changed, fail)
        self.store.record_fingerprints(mark)
        return failures

    def _renewed(self, one: StoredEntry) -> StoredEntry:
        entry = self._cleaned(one.pk, one.entry)
        if one.path is not None and contains_secret(one.path, self.confidential):
            return replace(one, entry=entry, id=None, path=None)
        if one.id is not None and contains_secret(one.id, self.confidential):
            return replace(one, entry=entry, id=minted_id(one.source_url, entry.key))
        return replace(one, entry=entry)

    def _cleaned(self, pk: int, entry: Entry) -> Entry:
        if self.clean is not None:
            try:
                entry = self.clean(entry)
            except Exception:
                # The old text may not be safe by the current rules, and the other entries must be published.
                log.exception("entry %s of %s cannot be cleaned; its markup is left out", pk, entry.source_id)
                from aggregator.normalize.entry import without_markup

                entry = without_markup(entry)
        return public_entry(entry, self.confidential)


def _public_metadata(metadata: FeedMetadata, confidential: frozenset[str]) -> FeedMetadata:
    title = metadata.title and mask(metadata.title, confidential)
    return FeedMetadata(title, public_identifier(metadata.home_url, confidential))


def _digest(confidential: frozenset[str]) -> str:
    return hashlib.sha256(json.dumps(sorted(confidential)).encode()).hexdigest()[:32] if confidential else ""
