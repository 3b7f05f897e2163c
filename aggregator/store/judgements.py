"""What became of entries: the methods of the store that read rulings, and that replace them.

They are a part of the store on SQLite (`rulingprotocol.RulingStore`). `rulings` writes the rows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, get_args

from sqlalchemy import Select, bindparam, func, select

from aggregator.models import Decision, Entry, Placement, Ruling, Sight, Verdict
from aggregator.store import rows, rulings, statements
from aggregator.store.database import Database
from aggregator.store.fingerprints import record
from aggregator.store.prepared import PreparedByLength
from aggregator.store.protocol import StoredEntry
from aggregator.store.rulingprotocol import Judged, Membership, StoredRuling
from aggregator.store.schema import addresses, decisions, entries, memberships, sources
from aggregator.store.schema import rulings as ruling_rows

_VERDICTS = frozenset(get_args(Verdict))
_DECIDED = ("published", "dropped")

_with_rulings = rows.ITEM_TABLES.join(decisions, decisions.c.entry_pk == entries.c.pk, isouter=True)
_JUDGED = PreparedByLength(
    lambda keys: (
        select(
            entries.c.key,
            entries.c.seen_at,
            decisions.c.verdict,
            decisions.c.category,
            ruling_rows.c.category,
            ruling_rows.c.verdict,
        )
        .select_from(_with_rulings)
        .where(sources.c.id == bindparam("source_id"), entries.c.source_pk == sources.c.pk, entries.c.key.in_(keys))
    ),
    "source_id",
)
_STORED = (
    select(
        *rows.STORED_COLUMNS,
        sources.c.category.label("source_category"),
        sources.c.active,
        entries.c.seen_at,
        entries.c.draft,
        decisions.c.verdict.label("decided"),
        decisions.c.category.label("decided_category"),
        ruling_rows.c.verdict,
        ruling_rows.c.category.label("ruling_category"),
        ruling_rows.c.changes,
        ruling_rows.c.made_by,
        addresses.c.address,
    )
    .select_from(_with_rulings.join(addresses, addresses.c.entry_pk == entries.c.pk, isouter=True))
    .order_by(entries.c.pk)
    .limit(bindparam("limit"))
)
_after = entries.c.pk > bindparam("after")
AFTER = _STORED.where(_after)
AFTER_OF_SOURCE = AFTER.where(
    entries.c.source_pk == select(sources.c.pk).where(sources.c.id == bindparam("source_id")).scalar_subquery()
)
_since = func.coalesce(entries.c.seen_at, entries.c.published_at) >= bindparam("since")
_REVISIONS = PreparedByLength(lambda pks: select(entries.c.pk, entries.c.revision).where(entries.c.pk.in_(pks)))
_MEMBERSHIPS = PreparedByLength(
    lambda pks: select(
        memberships.c.entry_pk,
        memberships.c.output,
        memberships.c.listed,
        memberships.c.added_at,
        memberships.c.released_at,
        memberships.c.changes,
    ).where(memberships.c.entry_pk.in_(pks))
)


class Judgements:
    """The methods of the store about rulings."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def judged(self, source_id: str, keys: Collection[str]) -> dict[str, Judged]:
        """See `RulingStore.judged`."""
        with self._database.read() as connection:
            found = _JUDGED.rows(connection, (source_id,), keys)
            return {
                key: Judged(seen_at, _decision(decided, decided_category), category, _verdict(verdict))
                for key, seen_at, decided, decided_category, category, verdict in found
            }

    def rulings_after(
        self, pk: int, limit: int, source_id: str | None = None, since: datetime | None = None
    ) -> list[StoredRuling]:
        """See `RulingStore.rulings_after`."""
        asked: dict[str, Any] = {"after": pk, "limit": limit}
        statement = AFTER
        if source_id is not None:
            statement, asked["source_id"] = AFTER_OF_SOURCE, source_id
        if since is not None:
            statement, asked["since"] = statement.where(_since), since
        return self._stored(statement, asked)

    def replace_rulings(
        self, changes: Iterable[tuple[StoredEntry, Ruling]], fingerprints: Mapping[str, str]
    ) -> list[int]:
        """See `RulingStore.replace_rulings`."""
        again: list[int] = []
        with self._database.write() as connection:
            for batch in statements.batches(changes):
                numbers = [stored.pk for stored, _ in batch]
                revisions: dict[int, int] = {row[0]: row[1] for row in _REVISIONS.rows(connection, (), numbers)}
                again += [one.pk for one, _ in batch if revisions.get(one.pk, one.revision) != one.revision]
                same = [(one.pk, one.entry, ruling) for one, ruling in batch if revisions.get(one.pk) == one.revision]
                rulings.replace(connection, same)
            record(connection, fingerprints)
        return again

    def _stored(self, statement: Select[Any], asked: Mapping[str, Any]) -> list[StoredRuling]:
        with self._database.read() as connection:
            found = connection.execute(statement, asked).all()
            members: dict[int, list[Sequence[Any]]] = {}
            for row in _MEMBERSHIPS.rows(connection, (), [row[0] for row in found]):
                members.setdefault(row[0], []).append(row)
        return [_stored_ruling(row, members.get(row[0], ())) for row in found]


def _decision(verdict: Any, category: str | None) -> Decision | None:
    """Return a decision; a damaged one is none."""
    return Decision(verdict, category) if verdict in _DECIDED else None


def _verdict(stored: Any) -> Verdict:
    """Return a verdict; an entry with a damaged one is not published, so it waits for a person."""
    if stored is None:
        return "published"
    return stored if stored in _VERDICTS else "held"


def _stored_ruling(row: Sequence[Any], members: Sequence[Sequence[Any]]) -> StoredRuling:
    size = len(rows.STORED_COLUMNS)
    stored = rows.stored_entry(row[:size])
    category, active, seen_at, draft, decided, decided_category, verdict, chosen, changes, made_by, address = row[size:]
    entry = _changed(stored.entry, changes)
    belongs = tuple(_membership(entry, *member) for member in sorted(members, key=lambda member: member[1]))
    ruling = Ruling(
        entry=entry,
        verdict=_verdict(verdict),
        category=chosen,
        placements=tuple(one.placement for one in belongs),
        draft=bool(draft),
        address=address,
        made_by=made_by,
    )
    sight = Sight(stored.entry.source_id, category, seen_at)
    return StoredRuling(stored, sight, _decision(decided, decided_category), ruling, belongs, bool(active))


def _membership(
    entry: Entry,
    _pk: int,
    output: str,
    listed: bool,
    added_at: datetime | None,
    released_at: datetime | None,
    changes: str | None,
) -> Membership:
    own = None if changes is None else _changed(entry, changes)
    return Membership(Placement(output, own), bool(listed), added_at, released_at)


def _changed(entry: Entry, changes: str | None) -> Entry:
    try:
        return entry if changes is None else rows.with_changes(entry, changes)
    except ValueError:
        return entry
