"""The outcome of one fetch: entries, what rules made of them, and further keys.

The functions work within the transaction of their caller.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from aggregator.models import Entry, FeedUpdate, Ruling
from aggregator.store import rows, rulings, statements


def write_entries(
    connection: Connection, source_pk: int, category: str | None, update: FeedUpdate, *, filled: bool
) -> int:
    """Insert new entries, update the others, and return how many were inserted.

    Which entries are stored is looked up again, so that a repeated fetch is no error; if `filled` is false, none is.
    """
    entries, reread = (*update.new, *update.changed), update.reread
    by_key = {entry.key: entry for entry in (*reread, *entries)}
    same = {entry.key for entry in reread}.difference(entry.key for entry in entries)
    asked = by_key if filled else ()
    stored = {row[0]: row[1:] for row in statements.STORED_KEYS.rows(connection, (source_pk,), asked)}
    given = update.rulings or {}
    new: list[Entry] = []
    changed: list[Sequence[Any]] = []
    read_again: list[Sequence[Any]] = []
    judged: list[rulings.RulingOf] = []
    for key, entry in by_key.items():
        if key not in stored:
            new.append(entry)
            continue
        pk, published_at, dated, ruled = stored[key]
        kept = rows.with_kept_dates(entry, published_at, dated)
        (read_again if key in same else changed).append((pk, *rows.entry_row(kept)))
        ruling = given.get(key) or Ruling(entry)
        if ruled or not rulings.is_plain(entry, ruling):
            judged.append((pk, entry, ruling))
    if new:
        _insert(connection, source_pk, category, new, given, update.state.last_success_at)
    if changed:
        statements.CHANGE_ENTRY.run_many(connection, changed)
    if read_again:
        statements.REREAD_ENTRY.run_many(connection, read_again)
    for chunk in statements.batches(judged):
        rulings.replace(connection, chunk, update.state.last_success_at)
    return len(new)


def _insert(
    connection: Connection,
    source_pk: int,
    category: str | None,
    new: Sequence[Entry],
    given: Mapping[str, Ruling],
    seen_at: datetime | None,
) -> None:
    # The first entry of a document is the newest. Its position is the highest, and so is its row number, because pages
    # of archives are in the order of row numbers.
    first = max(statements.LAST_NUMBERS.rows(connection)[0]) + 1
    added: list[Sequence[Any]] = []
    judged: list[rulings.RulingOf] = []
    for number, entry in enumerate(reversed(new), start=first):
        ruling = given.get(entry.key)
        if ruling is not None:
            # A date that was ignored may be kept by a rule; later it stays as it is.
            entry = rows.with_kept_dates(entry, ruling.entry.published_at, ruling.entry.dated)
            judged.append((number, entry, ruling))
        shown_in, draft = rulings.category_of(ruling, category), ruling is not None and ruling.draft
        added.append((number, source_pk, shown_in, number, seen_at, draft, *rows.entry_row(entry)))
    statements.ADD_ENTRY.run_many(connection, added)
    if judged:
        rulings.add(connection, source_pk, category, judged, seen_at)


def keep_aliases(connection: Connection, source_pk: int, aliases: Sequence[tuple[str, str | None]]) -> None:
    """Store further keys of entries; only the last few of each entry are kept."""
    single = [{"source_pk": source_pk, "key": key, "of": of} for key, of in aliases if of is not None]
    shared = [{"source_pk": source_pk, "key": key} for key, of in aliases if of is None]
    if single:
        connection.execute(statements.ADD_ALIAS, single)
        connection.execute(statements.DROP_OLD_ALIASES, single)
    if shared:
        connection.execute(statements.ADD_SHARED_ALIAS, shared)
