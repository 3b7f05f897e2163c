"""The store on a database: it implements `protocol.Store` with SQLAlchemy Core.

In: updates and queries. Out: states and items. The statements are in `statements`, `rows` converts their results, and
`database` handles transactions and errors.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection

from aggregator.errors import RowError
from aggregator.models import FeedState, FeedUpdate, HostTraffic, Item, Known, KnownEntry, Source
from aggregator.store import (
    archives,
    copies,
    hosts,
    judgements,
    listing,
    members,
    origins,
    pages,
    postedits,
    postpaths,
    rows,
    rulings,
    selections,
    statements,
    steps,
    sync,
    turns,
    updates,
)
from aggregator.store import fingerprints as prints
from aggregator.store.copyprotocol import CopyStore
from aggregator.store.database import Database, open_database, open_database_for_reading
from aggregator.store.memberprotocol import MemberStore
from aggregator.store.prepared import Prepared
from aggregator.store.protocol import (
    CLOCK_TOLERANCE,
    POSTS,
    Activity,
    ArchiveStore,
    Assignment,
    EditStore,
    FeedMetadata,
    PageStore,
    Recognized,
    Store,
    StoredEntry,
    UnassignedEntry,
    UnreadableRow,
)
from aggregator.store.rulingprotocol import StepStore

#: Maximum number of entries with one of a set of dates that are compared.
_SAME_DATE = 200

T = TypeVar("T")


def open_store(place: Path | str) -> Store:
    """Open a database, create or migrate it if needed, and return its store.

    Args:
        place: the file of a SQLite database, or the URI of a PostgreSQL database, as libpq takes it.

    Raises:
        ConnectionLost: the server of a PostgreSQL database cannot be reached.
        StoreError: it cannot be opened, belongs to another program or to a newer version of this program, is damaged,
            or stays locked for 30 seconds.
    """
    return SqlStore(open_database(place))


@contextmanager
def open_for_reading(place: Path | str, *, untouched: bool = False) -> Iterator[Store]:
    """Open an existing store for queries only, and close it at the end.

    Args:
        place: as in `open_store`. A PostgreSQL database is never changed, and has to have the newest tables.
        untouched: change no file of the folder of a SQLite database: neither migrate the database, nor create or change
            its side files.

    Raises:
        StoreError: it cannot be read, or is an older one that cannot be migrated.
    """
    with ExitStack() as stack:
        database = open_database_for_reading(place, stack, untouched=untouched)
        yield stack.enter_context(closing(SqlStore(database)))


class SqlStore(judgements.Judgements, postpaths.PostPaths, turns.Turns):
    """The store on an open database; `close` closes the database."""

    def __init__(self, database: Database) -> None:
        turns.Turns.__init__(self, database)
        self.archives: ArchiveStore = archives.SqlArchives(database, self._items)
        self.copies: CopyStore = copies.SqlCopies(database)
        self.edits: EditStore = postedits.SqlEdits(database)
        self.pages: PageStore = pages.SqlPages(database)
        self.members: MemberStore = members.SqlMembers(database)
        self.steps: StepStore = steps.SqlSteps(database)

    def close(self) -> None:
        """Close the database; a second call does nothing."""
        self._database.close()

    # -- sources -----------------------------------------------------------------------------------------------------

    def sync_sources(self, sources: Sequence[Source]) -> None:
        """See `Store.sync_sources`; if nothing changed, this takes one SELECT and no lock."""
        with self._database.read() as connection:
            if not _plan(connection, sources):
                return
        with self._database.write() as connection:
            plan = _plan(connection, sources)
            archives.mark_sources(connection, {row["source_pk"] for row in plan.changed})
            for pk in plan.moved:
                listing.outdate_source(connection, pk)
            for statement, parameters in (
                (statements.CHANGE_SOURCE, plan.released),
                (statements.ADD_SOURCE, plan.added),
                (statements.CHANGE_SOURCE, plan.changed),
                (statements.CHANGE_SOURCE, plan.reset),
                (statements.CHANGE_SOURCE, plan.removed),
            ):
                if parameters:
                    connection.execute(statement, parameters)
            for pk in plan.moved:
                listing.relist_source(connection, pk)
            if plan.stale:
                connection.execute(statements.MARK_SOURCE_PENDING, plan.stale)
            if plan.recategorized:
                prints.forget_categories(connection)
            copies.mark_sources(connection, plan.moved)
            for row in plan.stale:
                copies.touch_source(connection, row["of_source"])

    def states(self) -> dict[str, FeedState]:
        """See `Store.states`."""
        with self._database.read() as connection:
            found = statements.STATES.rows(connection)
        return {state.source_id: state for state in rows.states(found)}

    def states_of(self, ids: Collection[str]) -> dict[str, FeedState]:
        """See `Store.states_of`."""
        with self._database.read() as connection:
            found = list(statements.STATES_OF.rows(connection, (), ids))
        return {state.source_id: state for state in rows.states(found)}

    def due(self, now: datetime) -> list[FeedState]:
        """See `Store.due`."""
        return rows.states(self._due(statements.DUE, now))

    def due_ids(self, now: datetime) -> list[str]:
        """See `Store.due_ids`."""
        return [name for (name,) in self._due(statements.DUE_IDS, now)]

    def _due(self, found_by: tuple[Prepared, Prepared, Prepared], now: datetime) -> list[Sequence[Any]]:
        never_tried, overdue, ahead = found_by
        with self._database.read() as connection:
            return [
                *never_tried.rows(connection),
                *overdue.rows(connection, now),
                *ahead.rows(connection, now + CLOCK_TOLERANCE, now),
            ]

    def last_success(self) -> datetime | None:
        """See `Store.last_success`."""
        with self._database.read() as connection:
            last: datetime | None = connection.execute(statements.LAST_SUCCESS).scalar()
            return last

    def entry_counts(self) -> dict[str, int]:
        """See `Store.entry_counts`."""
        with self._database.read() as connection:
            return dict(connection.execute(statements.ENTRY_COUNTS).all())

    def activity(self, now: datetime) -> dict[str, Activity]:
        """See `Store.activity`."""
        moments = {"now": now, "since": now - timedelta(days=365), "four_weeks_ago": now - timedelta(weeks=4)}
        with self._database.read() as connection:
            return {row[0]: Activity(*row[1:]) for row in connection.execute(statements.ACTIVITY, moments).all()}

    # -- updates -----------------------------------------------------------------------------------------------------

    def recognize(self, source_id: str, keys: Collection[str]) -> Recognized:
        """See `Store.recognize`."""
        with self._database.read() as connection:
            if not any(row[0] for row in statements.KNOWS_ANY.rows(connection, source_id)):
                return Recognized({}, set(), set(), False)
            known = {row[0]: Known(*row) for row in statements.KNOWN.rows(connection, (source_id,), keys)}
            found: dict[str, int | None] = {}
            found.update((key, pk) for key, pk in statements.ALIASED.rows(connection, (source_id,), keys))
            others = {alias: pk for alias, pk in found.items() if pk is not None and alias not in known}
            if others:
                known |= _known_by_pk(connection, others)
            # A stored key was not removed.
            rest = keys if not known else [key for key in keys if key not in known]
            removed = {row[0] for row in statements.REMOVED.rows(connection, (source_id,), rest)} if rest else set()
        return Recognized(known, removed, {alias for alias, pk in found.items() if pk is None}, bool(others))

    def similar_entries(
        self, source_id: str, keys: Collection[str], moments: Collection[datetime], newest: int
    ) -> list[KnownEntry]:
        """See `Store.similar_entries`."""
        found: dict[str, KnownEntry] = {}
        limit = {"source_id": source_id, "limit": max(newest, _SAME_DATE)}
        with self._database.read() as connection:
            results: list[Iterable[Sequence[Any]]] = [statements.SIMILAR_BY_KEY.rows(connection, (source_id,), keys)]
            for chunk in statements.chunks(moments):
                results.append(connection.execute(statements.SIMILAR_BY_DATE, {**limit, "values": chunk}).all())
            if newest:
                results.append(connection.execute(statements.SIMILAR_NEWEST, limit).all())
            for result in results:
                found.update((one.known.key, one) for one in rows.known_entries(result))
        return list(found.values())

    def expired(self, source_id: str, before: datetime | None, count: int | None, limit: int) -> dict[int, str | None]:
        """See `Store.expired`."""
        found: dict[int, str | None] = {}
        asked = {"source_id": source_id, "limit": limit}
        with self._database.read() as connection:
            if before is not None:
                found.update(connection.execute(statements.EXPIRED_BY_AGE, {**asked, "before": before}).all())
            if count is not None and len(found) < limit:
                more = connection.execute(statements.EXPIRED_BY_COUNT, {**asked, "count": count}).all()
                found.update(more[: limit - len(found)])
        return found

    def remove_entries(self, source_id: str, pks: Collection[int]) -> None:
        """See `Store.remove_entries`."""
        with self._database.write() as connection:
            for chunk in statements.chunks(pks):
                rulings.before_removal(connection, chunk)
                pages.forget(connection, chunk)
                connection.execute(statements.ADD_TOMBSTONES, {"values": chunk})
                connection.execute(statements.ADD_TOMBSTONES_OF_ALIASES, {"values": chunk})
                connection.execute(statements.DELETE_ALIASES, {"values": chunk})
                gone = connection.execute(statements.DELETE_ENTRIES, {"values": chunk}).rowcount
                connection.execute(statements.SUBTRACT_ENTRIES, {"source_id": source_id, "gone": gone})

    def source_ids(self) -> list[str]:
        """See `Store.source_ids`."""
        with self._database.read() as connection:
            return list(connection.execute(statements.SOURCE_IDS).scalars())

    def remove_source(self, source_id: str) -> None:
        """See `Store.remove_source`."""
        with self._database.write() as connection:
            connection.execute(statements.DELETE_TOMBSTONES, {"source_id": source_id})
            connection.execute(statements.DELETE_ALIASES_OF_SOURCE, {"source_id": source_id})
            pages.forget_source(connection, source_id)
            connection.execute(statements.DELETE_SOURCE, {"source_id": source_id})

    def reset_source(self, source_id: str) -> None:
        """See `Store.reset_source`."""
        with self._database.write() as connection:
            connection.execute(statements.RESET_SOURCE, {"source_id": source_id, **sync.RESET})

    def apply(self, update: FeedUpdate) -> None:
        """See `Store.apply`."""
        state = update.state
        values = rows.state_row(state)
        with self._database.write(lasting=False) as connection:
            found = statements.SOURCE.rows(connection, state.source_id)
            if not found:
                where = f"no source {state.source_id!r} in {self._database.place}"
                raise RowError(f"{where}; sync the sources first")
            pk, name, title, fallback, category, active, filled = found[0]
            if update.new or update.changed or update.reread:
                category = category if active else None
                added = updates.write_entries(connection, pk, category, update, filled=filled)
                statements.SAVE_STATE_AND_COUNT.run(connection, added, *values)
            else:
                statements.SAVE_STATE.run(connection, *values)
            if update.aliases:
                updates.keep_aliases(connection, pk, update.aliases)
            if update.pages:
                pages.save(connection, pk, update.pages)
            before, after = (rows.origin_name(name, told, fallback) for told in (title, state.title))
            if before != after:
                connection.execute(statements.MARK_SOURCE_PENDING, {"of_source": pk})
                copies.touch_source(connection, pk)

    def save_states(self, states: Sequence[FeedState]) -> None:
        """See `Store.save_states`."""
        if states:
            with self._database.write(lasting=False) as connection:
                statements.SAVE_STATE.run_many(connection, map(rows.state_row, states))

    # -- publishing --------------------------------------------------------------------------------------------------

    def pending(
        self, limit: int, after: Item | None = None, unreadable: list[UnreadableRow] | None = None
    ) -> list[Item]:
        """See `Store.pending`."""
        place = rows.place(after) if after else {}
        statement = statements.PENDING_ITEMS_AFTER if after else statements.PENDING_ITEMS
        return self._items(*self._pending(statement, {"limit": limit, **place}), rows.items, unreadable)

    def unassigned(self, limit: int, unreadable: list[UnreadableRow] | None = None) -> list[UnassignedEntry]:
        """See `Store.unassigned`."""
        statement, asked = self._pending(statements.UNASSIGNED, {"limit": limit})
        return self._entries(statement, asked, rows.unassigned, unreadable)

    def taken(self, ids: Collection[str], path_keys: Collection[str], folder: str = POSTS) -> tuple[set[str], set[str]]:
        """See `Store.taken`."""
        with self._database.read() as connection:
            found = {row[0] for statement in statements.TAKEN_IDS for row in statement.rows(connection, (), ids)}
            return found, postpaths.taken(connection, folder, path_keys)

    def assign(self, assignments: Sequence[Assignment]) -> None:
        """See `Store.assign`."""
        if not assignments:
            return
        # In the order of row numbers each page of the table is written once, in any other order several times.
        given = sorted([(one.pk, one.id, one.path, one.path_key) for one in assignments])
        with self._database.write() as connection:
            statements.ASSIGN.run_many(connection, given)

    def mark_pending(self, source_ids: Collection[str]) -> None:
        """See `Store.mark_pending`."""
        with self._database.write() as connection:
            for chunk in statements.chunks(source_ids):
                connection.execute(statements.MARK_PENDING, {"values": chunk})

    def feed_metadata(self) -> dict[str, FeedMetadata]:
        """See `Store.feed_metadata`."""
        with self._database.read() as connection:
            found = connection.execute(statements.FEED_METADATA).all()
        return {id: FeedMetadata(title, home_url) for id, title, home_url in found}

    def change_feed_metadata(self, change: Callable[[FeedMetadata], FeedMetadata]) -> None:
        """See `Store.change_feed_metadata`."""
        with self._database.write() as connection:
            for pk, *values in connection.execute(statements.ALL_FEED_METADATA).all():
                before = FeedMetadata(*values)
                after = change(before)
                if after == before:
                    continue
                connection.execute(statements.CHANGE_SOURCE, {"source_pk": pk, **after._asdict()})
                connection.execute(statements.MARK_SOURCE_PENDING, {"of_source": pk})
                copies.touch_source(connection, pk)

    def entry_count(self) -> int:
        """See `Store.entry_count`."""
        with self._database.read() as connection:
            return connection.execute(statements.ENTRY_COUNT).scalar_one()

    def entries_after(self, pk: int, limit: int) -> list[StoredEntry]:
        """See `Store.entries_after`."""
        with self._database.read() as connection:
            found = connection.execute(statements.ENTRIES_AFTER, {"after": pk, "limit": limit}).all()
        return [rows.stored_entry(row) for row in found]

    def rewrite_entries(self, changed: Sequence[StoredEntry], fingerprints: Mapping[str, str]) -> None:
        """See `Store.rewrite_entries`."""
        nameless = [{"entry_pk": one.pk, "read_revision": one.revision} for one in changed if one.id is None]
        with self._database.write() as connection:
            if changed:
                connection.execute(statements.REWRITE, [rows.rewrite_parameters(one) for one in changed])
            if nameless:
                connection.execute(statements.UNASSIGN, nameless)
                # The file with the new name has not been written.
                for chunk in statements.chunks([row["entry_pk"] for row in nameless]):
                    connection.execute(statements.DELETE_POST_FILES, {"values": chunk})
            copies.renew(connection, [one.pk for one in changed])
            prints.record(connection, fingerprints)

    def retired_items(self, pk: int, limit: int) -> list[Item]:
        """See `Store.retired_items`."""
        with self._database.read() as connection:
            return rows.items(connection.execute(statements.RETIRED_ITEMS, {"after": pk, "limit": limit}).all())

    def newest(self, category: str | None, limit: int, unreadable: list[UnreadableRow] | None = None) -> list[Item]:
        """See `Store.newest`; indexes give the rows in order, so only `limit` rows are read."""
        if category is None:
            return self._items(statements.NEWEST, {"limit": limit}, rows.items, unreadable)
        return selections.read(self._database, category, selections.newest(category), limit, unreadable)

    def _items(
        self,
        prepared: Prepared,
        parameters: dict[str, Any],
        made: Callable[[Sequence[Any]], list[Item]],
        unreadable: list[UnreadableRow] | None,
    ) -> list[Item]:
        """Do as `_entries` does, and name in each item the other sources that have it."""
        found = self._entries(prepared, parameters, made, unreadable)
        with self._database.read() as connection:
            return origins.complete(connection, found)

    def _entries(
        self,
        prepared: Prepared,
        parameters: dict[str, Any],
        made: Callable[[Sequence[Any]], list[T]],
        unreadable: list[UnreadableRow] | None,
    ) -> list[T]:
        """Execute a statement about entries that has a limit, and convert its rows.

        The parameters are in the order of the statement. If a row cannot be read, the rows are read one by one, and
        `unreadable` gets those that fail.
        """
        try:
            with self._database.read() as connection:
                return made(prepared.rows(connection, *parameters.values()))
        except RowError:
            if unreadable is None:
                raise
        with self._database.read() as connection:
            pks = (
                connection.execute(statements.numbers(prepared), {**parameters, "limit": selections.NO_LIMIT})
                .scalars()
                .all()
            )
        found: list[T] = []
        for pk in pks:
            if len(found) == parameters["limit"]:
                break
            try:
                with self._database.read() as connection:
                    found += made(connection.execute(statements.single(prepared), {**parameters, "entry_pk": pk}).all())
            except RowError as error:
                unreadable.append(selections.unreadable_row(self._database, pk, error))
        return found

    def record_traffic(self, now: datetime, traffic: Iterable[HostTraffic], waits: Mapping[str, datetime]) -> None:
        """See `Store.record_traffic`."""
        with self._database.write(lasting=False) as connection:
            hosts.record(connection, now, traffic, waits)

    def host_waits(self, now: datetime) -> dict[str, datetime]:
        """See `Store.host_waits`."""
        with self._database.read() as connection:
            return hosts.waits(connection, now)

    def host_traffic(self, first: date) -> list[HostTraffic]:
        """See `Store.host_traffic`."""
        with self._database.read() as connection:
            return hosts.traffic(connection, first)


def _known_by_pk(connection: Connection, pks: Mapping[str, int]) -> dict[str, Known]:
    found: dict[int, Known] = {}
    for chunk in statements.chunks(pks.values()):
        for pk, *row in connection.execute(statements.KNOWN_BY_PK, {"values": chunk}):
            found[pk] = Known(*row)
    return {key: found[pk] for key, pk in pks.items()}


def _plan(connection: Connection, sources: Sequence[Source]) -> sync.SyncPlan:
    return sync.plan(sources, [sync.SourceRow._make(row) for row in statements.CONFIGURED.rows(connection)])
