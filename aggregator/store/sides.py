"""The two sides of a copy: how all rows of a database are read, and how an empty one is filled; see `copying`.

Rows have the columns of `copied_columns`. Those of PostgreSQL are made of what their columns are of; those of a file
have what is stored, texts as bytes, because there is no telling what they hold.
"""

from __future__ import annotations

import os
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Collection, Hashable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import date
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, Select, Table, column, func, select, table
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.expression import TableClause

from aggregator.errors import LockedError, StoreError
from aggregator.place import shown
from aggregator.store.database import connect, explained
from aggregator.store.exclusive import connect_server, explained_server
from aggregator.store.fitting import Row
from aggregator.store.schema import REVISION, metadata

if TYPE_CHECKING:
    import psycopg

#: Rows that are read or written at once.
_BATCH = 1000
#: What a server shows of a session.
_NAME = "aggregator copy-database"
#: The order of changes, for one process beside others; a copy begins anew, with 0.
_STAMP = "stamp"


def copied_columns(of: Table) -> list[Column[Any]]:
    """Return the columns of a table that are copied: all but those that a database fills in by itself."""
    return [one for one in of.columns if not one.system and one.name != _STAMP]


class Source(ABC):
    """A database that is read, in one state of it."""

    #: What tells whether a target is the same database; None: its place does.
    identity: Hashable = None
    #: Whether each value is what its column is of.
    fits = True

    @abstractmethod
    def rows(self, of: Table) -> Iterator[Row]:
        """Yield all rows of a table, in the order in which they were stored if that has a meaning."""

    @abstractmethod
    def count(self, of: Table) -> int:
        """Return the number of rows of a table."""

    def orphans(self, of: Table) -> Collection[Row]:
        """Return the primary keys of rows that refer to rows that are not there."""
        return ()


class Target(Source):
    """A database that is filled."""

    @abstractmethod
    def write(self, of: Table, rows: Iterable[Row]) -> None:
        """Add rows to a table."""

    def filled(self) -> str | None:
        """Return the name of a table with rows; None: there is none."""
        return next((of.name for of in metadata.sorted_tables if self.count(of)), None)

    @abstractmethod
    def finish(self) -> None:
        """Do what is left once all rows are there."""


def _light(of: Table) -> TableClause:
    """Return a table without types, so that values are read and written as they are."""
    return table(of.name, *(column(one.name) for one in of.columns))


def _select_all(of: Table) -> Select[Any]:
    light = _light(of)
    order = [light.c[one.name] for one in of.columns if one.system]
    return select(*(light.c[one.name] for one in copied_columns(of))).order_by(*order)


def _check_revision(place: Path | str, found: list[tuple[Any]]) -> None:
    if found == [(REVISION,)]:
        return
    if not found:
        raise StoreError(f"{shown(place)} is no database of this program")
    revision = str(found[0][0])
    advice = "install the newer version of this program"
    if revision < REVISION:
        advice = "an update, or any other command that changes something, migrates it first"
    raise StoreError(f"{shown(place)} has tables at revision {revision}, and this version knows {REVISION}; {advice}")


# -- SQLite ------------------------------------------------------------------------------------------------------------


class _File(Source):
    fits = False

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path = path
        self._connection = connection
        with suppress(OSError):
            status = path.stat()
            self.identity = (status.st_dev, status.st_ino)

    def rows(self, of: Table) -> Iterator[Row]:
        """See `Source.rows`."""
        with explained(self._path):
            cursor = self._connection.execute(_text(_select_all(of)))
            while batch := cursor.fetchmany(_BATCH):
                yield from batch

    def count(self, of: Table) -> int:
        """See `Source.count`."""
        with explained(self._path):
            statement = _text(select(func.count()).select_from(_light(of)))
            return int(self._connection.execute(statement).fetchone()[0])

    def orphans(self, of: Table) -> Collection[Row]:
        """See `Source.orphans`."""
        found: set[Row] = set()
        child = _light(of)
        for key in of.foreign_keys:
            parent = _light(key.column.table).alias("parent")
            own, referred = child.c[key.parent.name], parent.c[key.column.name]
            lonely = select(*(child.c[one.name] for one in of.primary_key)).select_from(
                child.outerjoin(parent, own == referred)
            )
            statement = _text(lonely.where(own.is_not(None), referred.is_(None)))
            with explained(self._path):
                found.update(self._connection.execute(statement))
        return found


class FileSource(_File):
    """A SQLite file that is read."""

    @classmethod
    @contextmanager
    def open(cls, path: Path) -> Iterator[FileSource]:
        """Open it, or a copy if its folder is read-only."""
        with connect(path) as connection:
            with explained(path):
                connection.isolation_level = None
                connection.text_factory = str
                tables = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchall()
                _check_revision(
                    path, connection.execute("SELECT version_num FROM alembic_version").fetchall() if tables else []
                )
                connection.text_factory = bytes
                connection.execute("BEGIN")
            yield cls(path, connection)


class FileTarget(_File, Target):
    """A SQLite file that is made: beside its place first, so that it appears as a whole."""

    @classmethod
    @contextmanager
    def open(cls, path: Path) -> Iterator[FileTarget]:
        """Make it; an existing one is replaced at the end, if it has no rows."""
        from aggregator.store.sqlstore import open_store

        temporary = path.with_name(f".{path.name}.tmp")
        try:
            with explained(path):
                temporary.unlink(missing_ok=True)
            open_store(temporary).close()
            with explained(temporary), closing(sqlite3.connect(temporary, isolation_level=None)) as connection:
                connection.text_factory = bytes
                # If this is cut short, the file is deleted.
                for pragma in ("journal_mode = OFF", "synchronous = OFF", "foreign_keys = OFF"):
                    connection.execute(f"PRAGMA {pragma}")
                connection.execute("BEGIN")
                target = cls(path, connection)
                yield target
                connection.execute("COMMIT")
                connection.execute("PRAGMA journal_mode = DELETE")
            with explained(path):
                _sync(temporary)
                temporary.replace(path)
        finally:
            for end in ("", "-wal", "-shm", "-journal"):
                with suppress(OSError):
                    temporary.with_name(temporary.name + end).unlink(missing_ok=True)

    def filled(self) -> str | None:
        """See `Target.filled`; it is about the file that will be replaced."""
        if not self._path.exists() or not self._path.stat().st_size:
            return None
        with FileSource.open(self._path) as existing:
            filled = next((of.name for of in metadata.sorted_tables if existing.count(of)), None)
        if filled is None and self._path.with_name(f"{self._path.name}-wal").exists():
            # The last one who closes it removes that file; left behind, it would be taken for that of the new file.
            raise LockedError(str(self._path), "another process")
        return filled

    def write(self, of: Table, rows: Iterable[Row]) -> None:
        """See `Target.write`."""
        columns = copied_columns(of)
        names = ", ".join(f'"{one.name}"' for one in columns)
        statement = f'INSERT INTO "{of.name}" ({names}) VALUES ({", ".join("?" * len(columns))})'  # noqa: S608
        rows = iter(rows)
        while batch := list(islice(rows, _BATCH)):
            with explained(self._path):
                self._connection.executemany(statement, map(_plain, batch))

    def finish(self) -> None:
        """See `Target.finish`; there is nothing to do."""


def _text(statement: Select[Any]) -> str:
    return str(statement.compile(dialect=sqlite.dialect()))


def _plain(row: Row) -> Row:
    """Return a row as SQLite keeps it: days as texts."""
    return tuple(value.isoformat() if isinstance(value, date) else value for value in row)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


# -- PostgreSQL --------------------------------------------------------------------------------------------------------


class _Server(Source):
    def __init__(self, place: str, connection: psycopg.Connection[Any]) -> None:
        self._place = place
        self._connection = connection
        # Two names of one database lead to the same server.
        self.identity = self._one(
            "SELECT pg_postmaster_start_time(), oid FROM pg_database WHERE datname = current_database()"
        )

    def rows(self, of: Table) -> Iterator[Row]:
        """See `Source.rows`."""
        from sqlalchemy.dialects import postgresql

        statement = str(_select_all(of).compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]
        with explained_server(self._place), self._connection.cursor("copied") as cursor:
            cursor.itersize = _BATCH
            cursor.execute(statement.encode())
            yield from cursor

    def count(self, of: Table) -> int:
        """See `Source.count`."""
        return int(self._one(f'SELECT count(*) FROM "{of.name}"')[0])  # noqa: S608 (a name of the schema)

    def _one(self, statement: str, *values: Any) -> Row:
        with explained_server(self._place):
            found = self._connection.execute(statement.encode(), values or None).fetchone()
        assert found is not None
        return tuple(found)


class ServerSource(_Server):
    """A PostgreSQL database that is read."""

    @classmethod
    @contextmanager
    def open(cls, place: str) -> Iterator[ServerSource]:
        """Open a transaction that sees one state."""
        with closing(connect_server(place, _NAME)) as connection, explained_server(place):
            tables = connection.execute("SELECT to_regclass('alembic_version')").fetchone()
            found = (
                [] if tables == (None,) else connection.execute("SELECT version_num FROM alembic_version").fetchall()
            )
            _check_revision(place, found)
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield cls(place, connection)


class ServerTarget(_Server, Target):
    """A PostgreSQL database that is filled in one transaction."""

    @classmethod
    @contextmanager
    def open(cls, place: str) -> Iterator[ServerTarget]:
        """Make the tables, and begin."""
        from aggregator.store.postgresql import WRITE_KEY
        from aggregator.store.sqlstore import open_store

        open_store(place).close()
        with closing(connect_server(place, _NAME)) as connection, explained_server(place):
            connection.execute("BEGIN")
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (WRITE_KEY,))
            # Without a commit, closing the connection takes back everything.
            yield cls(place, connection)
            connection.execute("COMMIT")
            for of in metadata.sorted_tables:
                # Otherwise the first queries would be planned for empty tables.
                connection.execute(f'ANALYZE "{of.name}"'.encode())

    def write(self, of: Table, rows: Iterable[Row]) -> None:
        """See `Target.write`."""
        names = ", ".join(f'"{one.name}"' for one in copied_columns(of))
        statement = f'COPY "{of.name}" ({names}) FROM STDIN'.encode()
        with explained_server(self._place), self._connection.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)

    def finish(self) -> None:
        """See `Target.finish`: the next numbers come after those that are there."""
        for of in metadata.sorted_tables:
            for one in of.primary_key:
                sequence = self._one("SELECT pg_get_serial_sequence(%s, %s)", f'"{of.name}"', one.name)[0]
                if sequence is not None:
                    last = self._one(f'SELECT max("{one.name}") FROM "{of.name}"')[0]  # noqa: S608 (as above)
                    if last is not None:
                        self._one("SELECT setval(%s, %s)", sequence, last)
