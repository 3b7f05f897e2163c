"""The two sides of a copy, for files: how all rows are read, and how a new one is filled; see `copying`.

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
from typing import Any

from sqlalchemy import Column, Date, Select, Table, column, func, select, table
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.expression import TableClause

from aggregator.errors import LockedError, NotThere, StoreError
from aggregator.place import shown
from aggregator.store.fitting import Row
from aggregator.store.schema import REVISION, metadata
from aggregator.store.sqlite import connect, explained

#: Rows that are read or written at once.
BATCH = 1000
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
        """Yield all rows of a table, in the order of `select_all`."""

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


def select_all(of: Table) -> Select[Any]:
    """Return the query for all rows of a table, in the order in which they were stored if that has a meaning."""
    light = _light(of)
    order = [light.c[one.name] for one in of.columns if one.system]
    return select(*(light.c[one.name] for one in copied_columns(of))).order_by(*order)


def check_revision(place: Path | str, found: list[tuple[Any]]) -> None:
    """Check what `alembic_version` holds.

    Raises:
        StoreError: these are not the tables of this version.
    """
    if found == [(REVISION,)]:
        return
    if not found:
        raise NotThere(f"{shown(place)} is no database of this program")
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
            cursor = self._connection.execute(_text(select_all(of)))
            while batch := cursor.fetchmany(BATCH):
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
                check_revision(
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
        days = any(isinstance(getattr(one.type, "impl_instance", one.type), Date) for one in columns)
        rows = iter(rows)
        while batch := list(islice(rows, BATCH)):
            with explained(self._path):
                self._connection.executemany(statement, map(_plain, batch) if days else batch)

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
