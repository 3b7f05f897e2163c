"""What became of entries: the methods of the store that read rulings, and that replace them.

They are a part of the store on SQLite (`rulingprotocol.RulingStore`). `rulings` writes the rows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, get_args

from sqlalchemy import Select, bindparam, delete, func, insert, literal_column, select, update

from aggregator.errors import RowError
from aggregator.models import Decision, Entry, Placement, Ruling, Sight, Verdict
from aggregator.store import archives, lookup, rows, rulings, statements
from aggregator.store import fingerprints as prints
from aggregator.store.columns import Integer
from aggregator.store.database import Database
from aggregator.store.prepared import PreparedByLength
from aggregator.store.protocol import POSTS, StoredEntry
from aggregator.store.rulingprotocol import DEFINITIONS, Judged, Membership, StoredRuling, Tombstone, WithheldPost
from aggregator.store.schema import (
    addresses,
    decisions,
    entries,
    folder_posts,
    memberships,
    post_files,
    sources,
    withheld_posts,
)
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
NUMBERED = _STORED.where(entries.c.pk.in_(bindparam("values", expanding=True)))
#: The rows are found first, because SQLite would walk through all entries in their order.
HELD = _STORED.where(
    entries.c.pk.in_(
        select(ruling_rows.c.entry_pk)
        .where(ruling_rows.c.verdict == literal_column("'held'"), ruling_rows.c.entry_pk > bindparam("after"))
        .order_by(ruling_rows.c.entry_pk)
        .limit(bindparam("limit"))
    )
)
_of_entry = bindparam("of_entry", type_=Integer)
_FORGET_DECISION = delete(decisions).where(decisions.c.entry_pk == _of_entry)
_DECIDE = insert(decisions)
#: A decision that there is none any more has done its work, too.
_CARRIED_OUT = (
    update(decisions).where(decisions.c.entry_pk == _of_entry).values(carried_out=True),
    delete(decisions).where(decisions.c.entry_pk == _of_entry, decisions.c.verdict == literal_column("''")),
)
# The entries are looked up by the few numbers in a small table; for a join, SQLite might walk all of them.
TO_CARRY_OUT = _STORED.where(entries.c.pk.in_(select(decisions.c.entry_pk).where(~decisions.c.carried_out)))
_of_output = memberships.c.output == bindparam("of_output")
MEMBERS_AFTER = (
    select(memberships.c.entry_pk)
    .where(_of_output, memberships.c.entry_pk > bindparam("after"))
    .order_by(memberships.c.entry_pk)
    .limit(statements.CHUNK)
)
_DROP = delete(memberships).where(_of_output)
_withheld = select(withheld_posts.c.entry_pk)
WITHHELD_MAIN = (
    select(entries.c.pk, entries.c.path)
    .select_from(entries.join(post_files, post_files.c.entry_pk == entries.c.pk))
    .where(entries.c.pk.in_(_withheld), entries.c.path.is_not(None))
    .limit(bindparam("limit"))
)
_folder = folder_posts.c
WITHHELD_IN_FOLDERS = (
    select(_folder.entry_pk, _folder.folder, _folder.path)
    .where(_folder.entry_pk.in_(_withheld), _folder.written.is_not(None) | _folder.intended.is_not(None))
    .limit(bindparam("limit"))
)
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
            prints.record(connection, fingerprints)
        return again

    def replace_memberships(self, output: str, rows: Iterable[tuple[int, Placement]], definition: str) -> None:
        """See `RulingStore.replace_memberships`."""
        seen: set[int] = set()
        with self._database.write() as connection:
            for batch in statements.batches(rows):
                placed = dict(batch)
                seen.update(placed)
                rulings.place(connection, output, self._own_changes(placed))
            last = 0
            while pks := connection.execute(MEMBERS_AFTER, {"of_output": output, "after": last}).scalars().all():
                last = pks[-1]
                rulings.displace(connection, output, [pk for pk in pks if pk not in seen])
            prints.clear_feeds(connection, [output])
            prints.record(connection, {f"{DEFINITIONS}{output}": definition})

    def drop_output(self, output: str) -> None:
        """See `RulingStore.drop_output`."""
        with self._database.write() as connection:
            connection.execute(_DROP, {"of_output": output})
            # A category may have its slug now, and with it its feeds and pages.
            archives.mark_output(connection, output)
            prints.clear_feeds(connection, [output])
            prints.forget(connection, f"{DEFINITIONS}{output}")

    def decide(self, pk: int, decision: Decision | None, now: datetime) -> None:
        """See `RulingStore.decide`."""
        given = ("", None) if decision is None else (decision.verdict, decision.category)
        with self._database.write() as connection:
            if not self._numbered([pk]):
                raise RowError(f"no entry {pk} in {self._database.place}")
            connection.execute(_FORGET_DECISION, {"of_entry": pk})
            row = dict(zip(("verdict", "category"), given, strict=True))
            connection.execute(_DECIDE, {"entry_pk": pk, "decided_at": now, "carried_out": False, **row})

    def to_carry_out(self, limit: int) -> list[StoredRuling]:
        """See `RulingStore.to_carry_out`."""
        return self._stored(TO_CARRY_OUT, {"limit": limit})

    def carry_out(self, pk: int, ruling: Ruling, now: datetime) -> None:
        """See `RulingStore.carry_out`."""
        with self._database.write() as connection:
            if found := self._numbered([pk]):
                rulings.replace(connection, [(pk, found[0].stored.entry, ruling)], now)
            for statement in _CARRIED_OUT:
                connection.execute(statement, {"of_entry": pk})

    def held(self, limit: int, after: int = 0) -> list[StoredRuling]:
        """See `RulingStore.held`."""
        return self._stored(HELD, {"after": after, "limit": limit})

    def find(self, text: str, limit: int = 20) -> list[StoredRuling]:
        """See `RulingStore.find`."""
        with self._database.read() as connection:
            found = lookup.find(connection, text, limit)
            return self._numbered(found)[::-1]

    def tombstone_of(self, text: str) -> Tombstone | None:
        """See `RulingStore.tombstone_of`."""
        with self._database.read() as connection:
            return lookup.tombstone(connection, text)

    def withheld_posts(self, limit: int) -> list[WithheldPost]:
        """See `RulingStore.withheld_posts`."""
        with self._database.read() as connection:
            main = connection.execute(WITHHELD_MAIN, {"limit": limit}).all()
            more = connection.execute(WITHHELD_IN_FOLDERS, {"limit": limit}).all()
        return [*(WithheldPost(pk, POSTS, path) for pk, path in main), *(WithheldPost(*row) for row in more)][:limit]

    def _numbered(self, pks: Collection[int]) -> list[StoredRuling]:
        with self._database.read():
            parts = [self._stored(NUMBERED, {"values": chunk, "limit": len(chunk)}) for chunk in statements.chunks(pks)]
        return sorted([one for part in parts for one in part], key=lambda one: one.stored.pk)

    def _stored(self, statement: Select[Any], asked: Mapping[str, Any]) -> list[StoredRuling]:
        with self._database.read() as connection:
            found = connection.execute(statement, asked).all()
            members: dict[int, list[Sequence[Any]]] = {}
            for row in _MEMBERSHIPS.rows(connection, (), [row[0] for row in found]):
                members.setdefault(row[0], []).append(row)
        return [_stored_ruling(row, members.get(row[0], ())) for row in found]

    def _own_changes(self, placed: Mapping[int, Placement]) -> dict[int, str | None]:
        """Return what an output alone changes of each of its members."""
        own = {pk: placement.entry for pk, placement in placed.items() if placement.entry is not None}
        general = {one.stored.pk: one.ruling.entry for one in self._numbered(own)}
        return {
            pk: rows.changes(general[pk], entry) if (entry := own.get(pk)) is not None and pk in general else None
            for pk in placed
        }


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
