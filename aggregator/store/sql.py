"""The store on SQLite: what `base.Store` promises, in SQL.

Updates and queries go in, states and items come out. The statements are in `statements`, their rows are read in
`rows`, and transactions and errors are the business of `database`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from aggregator.errors import RowError
from aggregator.models import Entry, FeedState, FeedUpdate, HostTraffic, Item, Known, Source
from aggregator.store import hosts, rows, statements, sync
from aggregator.store.base import Assignment, Rhythm, Store, Told, Unassigned
from aggregator.store.database import Database

#: A last attempt that is further ahead than this means that the clock was set back.
_CLOCK_TOLERANCE = timedelta(minutes=5)


def open_store(path: Path) -> Store:
    """Open the database at `path`, make or migrate it where needed, and return the store on it.

    Raises:
        StoreError: it cannot be opened, belongs to another program or to a newer version of this one, is damaged,
            or stays locked for 30 seconds.
    """
    return SqlStore(Database(path))


class SqlStore:
    """A store on an open database, which it closes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def close(self) -> None:
        """Close the database; a second call does nothing."""
        self._database.close()

    # -- sources -----------------------------------------------------------------------------------------------------

    def sync_sources(self, sources: Sequence[Source]) -> None:
        """See `Store.sync_sources`; when nothing changed, this is one SELECT and no lock."""
        with self._database.read() as connection:
            if not _plan(connection, sources):
                return
        with self._database.write() as connection:
            plan = _plan(connection, sources)
            for statement, parameters in (
                (statements.CHANGE_SOURCE, plan.released),
                (statements.ADD_SOURCE, plan.added),
                (statements.CHANGE_SOURCE, plan.changed),
                (statements.CHANGE_SOURCE, plan.reset),
                (statements.CHANGE_SOURCE, plan.removed),
                (statements.MOVE_ENTRIES, plan.moved),
                (statements.RENDER_ANEW, plan.stale),
            ):
                if parameters:
                    connection.execute(statement, parameters)

    def states(self) -> dict[str, FeedState]:
        """See `Store.states`."""
        with self._database.read() as connection:
            found = statements.STATES.rows(connection)
        return {state.source_id: state for state in rows.states(found)}

    def due(self, now: datetime) -> list[FeedState]:
        """See `Store.due`."""
        with self._database.read() as connection:
            never_tried = statements.NEVER_TRIED.rows(connection)
            overdue = statements.OVERDUE.rows(connection, now)
            ahead = statements.AHEAD.rows(connection, now + _CLOCK_TOLERANCE, now)
        return rows.states((*never_tried, *overdue, *ahead))

    def counts(self) -> dict[str, int]:
        """See `Store.counts`."""
        with self._database.read() as connection:
            return dict(connection.execute(statements.COUNTS).all())

    def rhythms(self, now: datetime) -> dict[str, Rhythm]:
        """See `Store.rhythms`."""
        moments = {"now": now, "since": now - timedelta(days=365), "four_weeks_ago": now - timedelta(weeks=4)}
        with self._database.read() as connection:
            return {row[0]: Rhythm(*row[1:]) for row in connection.execute(statements.RHYTHMS, moments).all()}

    # -- updates -----------------------------------------------------------------------------------------------------

    def recognize(self, source_id: str, keys: Collection[str]) -> tuple[dict[str, Known], set[str]]:
        """See `Store.recognize`."""
        with self._database.read() as connection:
            known = {row[0]: Known(*row) for row in statements.KNOWN.rows(connection, (source_id,), keys)}
            return known, {row[0] for row in statements.REMOVED.rows(connection, (source_id,), keys)}

    def expired(self, source_id: str, before: datetime | None, count: int | None, limit: int) -> dict[int, str | None]:
        """See `Store.expired`."""
        found: dict[int, str | None] = {}
        asked = {"source_id": source_id, "limit": limit}
        with self._database.read() as connection:
            if before is not None:
                found.update(connection.execute(statements.OLDER, {**asked, "before": before}).all())
            if count is not None and len(found) < limit:
                found.update(
                    connection.execute(statements.BEYOND, {**asked, "count": count}).all()[: limit - len(found)]
                )
        return found

    def remove(self, source_id: str, pks: Collection[int]) -> None:
        """See `Store.remove`."""
        with self._database.write() as connection:
            for chunk in statements.chunks(pks):
                connection.execute(statements.BURY, {"values": chunk})
                gone = connection.execute(statements.REMOVE_ENTRIES, {"values": chunk}).rowcount
                connection.execute(statements.COUNT_DOWN, {"source_id": source_id, "gone": gone})

    def stored(self) -> list[str]:
        """See `Store.stored`."""
        with self._database.read() as connection:
            return list(connection.execute(statements.STORED_IDS).scalars())

    def forget(self, source_id: str) -> None:
        """See `Store.forget`."""
        with self._database.write() as connection:
            connection.execute(statements.FORGET_TOMBSTONES, {"source_id": source_id})
            connection.execute(statements.FORGET_SOURCE, {"source_id": source_id})

    def apply(self, update: FeedUpdate) -> None:
        """See `Store.apply`."""
        state = update.state
        values = rows.state_row(state)
        with self._database.write() as connection:
            found = statements.SOURCE.rows(connection, state.source_id)
            if not found:
                where = f"no source {state.source_id!r} in {self._database.path}"
                raise RowError(f"{where}; sync the sources first")
            pk, name, title, url, category, active = found[0]
            if update.new or update.changed:
                category = category if active else None
                added = _write_entries(connection, pk, category, (*update.new, *update.changed))
                statements.KEEP_STATE_AND_COUNT.run(connection, added, *values)
            else:
                statements.KEEP_STATE.run(connection, *values)
            if title != state.title and rows.origin_name(name, title, url) != rows.origin_name(name, state.title, url):
                connection.execute(statements.RENDER_ANEW, {"of_source": pk})

    def keep(self, states: Sequence[FeedState]) -> None:
        """See `Store.keep`."""
        if states:
            with self._database.write() as connection:
                statements.KEEP_STATE.run_many(connection, map(rows.state_row, states))

    # -- publishing --------------------------------------------------------------------------------------------------

    def pending(self, limit: int, after: Item | None = None) -> list[Item]:
        """See `Store.pending`."""
        place = rows.place(after) if after else {}
        statement = statements.PENDING_ITEMS_AFTER if after else statements.PENDING_ITEMS
        with self._database.read() as connection:
            return rows.items(connection.execute(statement, {"limit": limit, **place}).all())

    def unassigned(self, limit: int) -> list[Unassigned]:
        """See `Store.unassigned`."""
        with self._database.read() as connection:
            return [Unassigned(*row) for row in connection.execute(statements.UNASSIGNED, {"limit": limit}).all()]

    def pending_categories(self) -> set[str]:
        """See `Store.pending_categories`."""
        with self._database.read() as connection:
            return set(connection.execute(statements.PENDING_CATEGORIES).scalars())

    def taken(self, ids: Collection[str], path_keys: Collection[str]) -> tuple[set[str], set[str]]:
        """See `Store.taken`."""
        with self._database.read() as connection:
            found: list[set[str]] = [
                {
                    taken
                    for chunk in statements.chunks(values)
                    for taken in connection.execute(statement, {"values": chunk}).scalars()
                }
                for statement, values in ((statements.TAKEN_IDS, ids), (statements.TAKEN_PATHS, path_keys))
            ]
        return found[0], found[1]

    def assign(self, assignments: Sequence[Assignment]) -> None:
        """See `Store.assign`."""
        if not assignments:
            return
        parameters = [
            {"entry_pk": given.pk, "public_id": given.id, "path": given.path, "path_key": given.path_key}
            for given in assignments
        ]
        with self._database.write() as connection:
            connection.execute(statements.ASSIGN, parameters)

    def published(self, pks: Collection[int]) -> None:
        """See `Store.published`."""
        with self._database.write() as connection:
            for chunk in statements.chunks(pks):
                connection.execute(statements.PUBLISHED, {"values": chunk})

    def touch(self, source_ids: Collection[str]) -> None:
        """See `Store.touch`."""
        with self._database.write() as connection:
            for chunk in statements.chunks(source_ids):
                connection.execute(statements.TOUCH, {"values": chunk})

    def told(self) -> dict[str, Told]:
        """See `Store.told`."""
        with self._database.read() as connection:
            return {id: Told(title, home_url) for id, title, home_url in connection.execute(statements.TOLD).all()}

    def newest(self, category: str | None, limit: int) -> list[Item]:
        """See `Store.newest`; an index gives the rows in order, so that the cost is that of `limit` rows."""
        with self._database.read() as connection:
            if category is None:
                found = connection.execute(statements.NEWEST, {"limit": limit})
            else:
                found = connection.execute(statements.NEWEST_OF_CATEGORY, {"limit": limit, "category": category})
            return rows.items(found.all())

    def record_traffic(self, now: datetime, traffic: Iterable[HostTraffic], waits: Mapping[str, datetime]) -> None:
        """See `Store.record_traffic`."""
        with self._database.write() as connection:
            hosts.record(connection, now, traffic, waits)

    def host_waits(self, now: datetime) -> dict[str, datetime]:
        """See `Store.host_waits`."""
        with self._database.read() as connection:
            return hosts.waits(connection, now)

    def host_traffic(self, first: date) -> list[HostTraffic]:
        """See `Store.host_traffic`."""
        with self._database.read() as connection:
            return hosts.traffic(connection, first)

    def fingerprints(self) -> dict[str, str]:
        """See `Store.fingerprints`."""
        with self._database.read() as connection:
            return dict(connection.execute(statements.FINGERPRINTS).all())

    def record(self, fingerprints: Mapping[str, str]) -> None:
        """See `Store.record`."""
        if not fingerprints:
            return
        with self._database.write() as connection:
            for chunk in statements.chunks(list(fingerprints)):
                connection.execute(statements.FORGET, {"values": chunk})
            connection.execute(
                statements.RECORD, [{"name": name, "value": value} for name, value in fingerprints.items()]
            )


def _plan(connection: Connection, sources: Sequence[Source]) -> sync.Plan:
    return sync.plan(sources, [sync.Row._make(row) for row in statements.CONFIGURED.rows(connection)])


def _write_entries(connection: Connection, source_pk: int, category: str | None, entries: Sequence[Entry]) -> int:
    """Insert what is not stored yet and rewrite the rest; return how many were inserted.

    What is stored is looked up here once more, so that a fetch that was repeated is no error.
    """
    by_key = {entry.key: entry for entry in entries}
    stored = {row[0]: row[1:] for row in statements.STORED.rows(connection, (source_pk,), by_key)}
    new: list[Sequence[Any]] = []
    changed: list[Sequence[Any]] = []
    for key, entry in by_key.items():
        if key in stored:
            pk, published_at, dated = stored[key]
            changed.append((pk, *rows.entry_row(rows.with_kept_dates(entry, published_at, dated))))
        else:
            new.append((source_pk, category, *rows.entry_row(entry)))
    if new:
        statements.ADD_ENTRY.run_many(connection, new)
    if changed:
        statements.CHANGE_ENTRY.run_many(connection, changed)
    return len(new)
