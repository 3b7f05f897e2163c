"""What the store needs of a database, whichever it is: transactions, the newest tables, and errors that are explained.

In: a place. Out: transactions; every error of the database is raised as a `StoreError` that names the place and says
what to do. This module does not know what is read and written, and `sqlite` and `postgresql` know one database each. A
new database gets the newest tables at once; an old one is migrated. Alembic is imported only for a migration, because
the import takes longer than most runs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

from sqlalchemy import Column, Connection, MetaData, String, Table, inspect, text

from aggregator.errors import NewerTables, StoreError
from aggregator.store.schema import REVISION, metadata

_MIGRATIONS = Path(__file__).parent / "migrations"

#: The table in which Alembic keeps the revision of the tables.
_VERSIONS = Table(
    "alembic_version",
    MetaData(naming_convention={"pk": "%(table_name)s_pkc"}),
    Column("version_num", String(32), primary_key=True),
)


class Database(ABC):
    """An open database with the newest tables.

    It is used by one thread at a time, not always the same one.
    """

    #: What messages call it; without a password.
    place: str
    #: Starts of the names of tables that are none of the store, but may be beside them.
    _neighbours: tuple[str, ...] = ()
    #: Whether other processes may write while this one works.
    shared: bool

    @abstractmethod
    def close(self) -> None:
        """Close it; a second call does nothing."""

    @abstractmethod
    def explained(self) -> AbstractContextManager[None]:
        """Turn any error of the database into a `StoreError` that says what to do."""

    @abstractmethod
    def read(self) -> AbstractContextManager[Connection]:
        """Give the connection for one transaction that reads one consistent state and changes nothing.

        Within `write` it is part of that transaction, and sees what was written.
        """

    @abstractmethod
    def write(self, *, lasting: bool = True) -> AbstractContextManager[Connection]:
        """Give the connection for one transaction, committed at the end and rolled back by any exception.

        No other process writes meanwhile.

        Args:
            lasting: whether it must outlive a crash of the server of the database, which may otherwise lose the last
                second. What was fetched need not, because it is fetched again; what files are made from must.
        """

    @abstractmethod
    def alone(self) -> AbstractContextManager[None]:
        """See to it that no other process writes until the end, which may be several transactions later."""

    @abstractmethod
    def sole(self, name: str) -> AbstractContextManager[bool]:
        """Be the only one over all processes who does something; False: another one does it."""

    def _migrate(self) -> None:
        """Make the tables of a new database, and migrate an old one."""
        with self.read() as connection:
            if revision(connection) == REVISION:
                return
        with self.write() as connection:
            # Another process may have migrated it since.
            current = revision(connection)
            if current is None:
                self._create(connection)
            elif current != REVISION:
                self._upgrade(connection, current)

    def _create(self, connection: Connection) -> None:
        """Create the tables that all migrations together would create."""
        if any(not name.startswith(self._neighbours) for name in inspect(connection).get_table_names()):
            raise StoreError(f"{self.place} is the database of another program; {self._elsewhere}")
        metadata.create_all(connection, checkfirst=False)
        _VERSIONS.create(connection, checkfirst=False)
        connection.execute(_VERSIONS.insert(), {"version_num": REVISION})

    def _upgrade(self, connection: Connection, current: str) -> None:
        from alembic import command
        from alembic.config import Config
        from alembic.script import ScriptDirectory

        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
        config.attributes["connection"] = connection
        known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
        if current not in known:
            raise NewerTables(
                f"{self.place} was written by a newer version of this program (its tables are at revision {current}, "
                f"this version knows {REVISION}); install the newer version, or {self._elsewhere}"
            )
        self._before_upgrade()
        command.upgrade(config, REVISION)

    #: What else a person may do whose database is not the one of this program.
    _elsewhere: str

    @abstractmethod
    def _before_upgrade(self) -> None:
        """Do what has to be done before a migration, in whose transaction this is."""


def open_database(place: Path | str) -> Database:
    """Open a database, and create or migrate it if needed.

    Args:
        place: the file of a SQLite database, or the URI of a PostgreSQL database.

    Raises:
        StoreError: it cannot be opened or migrated.
    """
    if isinstance(place, str):
        from aggregator.store.postgresql import PostgresDatabase

        return PostgresDatabase(place)
    from aggregator.store.sqlite import SqliteDatabase

    return SqliteDatabase(place)


def open_database_for_reading(place: Path | str, stack: ExitStack, *, untouched: bool = False) -> Database:
    """Open an existing database for queries only; see `open_for_reading` of the store.

    Args:
        stack: what has to be removed at the end, after the database was closed.
    """
    if isinstance(place, str):
        from aggregator.store.postgresql import PostgresDatabase

        return PostgresDatabase(place, read_only=True)
    from aggregator.store import sqlite

    return sqlite.open_to_read(place, stack, untouched=untouched)


def is_current(place: Path | str) -> bool:
    """Whether a database exists and has the tables of this version, so that no migration changes it.

    Raises:
        StoreError: it cannot be read.
    """
    if isinstance(place, str):
        from aggregator.store import postgresql

        return postgresql.is_current(place)
    from aggregator.store import sqlite

    return sqlite.is_current(place)


def revision(connection: Connection) -> str | None:
    """Return the revision of the tables, or None if the tables of this program are missing."""
    if not connection.dialect.has_table(connection, "alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found
