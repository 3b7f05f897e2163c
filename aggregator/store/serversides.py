"""The two sides of a copy, for PostgreSQL databases; see `copying` and `sides`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg
from sqlalchemy import Table
from sqlalchemy.dialects.postgresql import dialect

from aggregator.store.fitting import Row
from aggregator.store.postgresql import WRITE_KEY, explained, open_session
from aggregator.store.schema import metadata
from aggregator.store.sides import BATCH, Source, Target, check_revision, copied_columns, select_all
from aggregator.store.sqlstore import open_store

#: What a server shows of a session.
_NAME = "aggregator copy-database"


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
        statement = str(select_all(of).compile(dialect=dialect()))  # type: ignore[no-untyped-call]
        with explained(self._place), self._connection.cursor("copied") as cursor:
            cursor.itersize = BATCH
            cursor.execute(statement.encode())
            yield from cursor

    def count(self, of: Table) -> int:
        """See `Source.count`."""
        return int(self._one(f'SELECT count(*) FROM "{of.name}"')[0])  # noqa: S608 (a name of the schema)

    def _one(self, statement: str, *values: Any) -> Row:
        with explained(self._place):
            found = self._connection.execute(statement.encode(), values or None).fetchone()
        assert found is not None
        return tuple(found)


class ServerSource(_Server):
    """A PostgreSQL database that is read."""

    @classmethod
    @contextmanager
    def open(cls, place: str) -> Iterator[ServerSource]:
        """Open a transaction that sees one state."""
        with closing(open_session(place, _NAME)) as connection, explained(place):
            tables = connection.execute("SELECT to_regclass('alembic_version')").fetchone()
            found = (
                [] if tables == (None,) else connection.execute("SELECT version_num FROM alembic_version").fetchall()
            )
            check_revision(place, found)
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield cls(place, connection)


class ServerTarget(_Server, Target):
    """A PostgreSQL database that is filled in one transaction."""

    @classmethod
    @contextmanager
    def open(cls, place: str) -> Iterator[ServerTarget]:
        """Make the tables, and begin."""
        open_store(place).close()
        with closing(open_session(place, _NAME)) as connection, explained(place):
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
        with explained(self._place), self._connection.cursor() as cursor, cursor.copy(statement) as copy:
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
