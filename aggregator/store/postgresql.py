"""A PostgreSQL database as the store uses it: opened, migrated, in transactions, with its errors explained.

Only one process writes at a time: each transaction that writes holds one advisory lock. All that is right because
SQLite has one writer is so here, too. Readers never wait.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, LiteralString

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.types.numeric import Int8Dumper
from sqlalchemy import (
    ARRAY,
    BindParameter,
    Connection,
    Engine,
    NullPool,
    String,
    Text,
    any_,
    bindparam,
    create_engine,
    event,
)
from sqlalchemy.dialects.postgresql.psycopg import PGCompiler_psycopg
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.types import TypeDecorator

from aggregator.errors import ConnectionLost, NotThere, RowError, StoreError
from aggregator.place import shown
from aggregator.store.database import Database, revision
from aggregator.store.schema import REVISION

#: The advisory lock of whoever writes to the store.
WRITE_KEY = 0x6167677265676174

#: Tells the names of `PostgresDatabase.sole` from those of other locks.
SOLE_KEY = int.from_bytes(b"aggrsole")

#: Milliseconds after which the server ends the session of a writer that asks nothing: its process stands still, and
#: nobody else could write.
_STILL = 300_000

_READ = b"BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"
_LOCK = b"SELECT pg_advisory_xact_lock(%d)" % WRITE_KEY
_BEGIN = b"BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL idle_in_transaction_session_timeout = %d; " % _STILL
_WRITE = _BEGIN + _LOCK
_WRITE_LIGHTLY = _BEGIN + b"SET LOCAL synchronous_commit = off; " + _LOCK
_ALONE = b"SELECT pg_advisory_lock(%d); SET idle_session_timeout = %d" % (WRITE_KEY, _STILL)
_NOT_ALONE = b"SELECT pg_advisory_unlock(%d)" % WRITE_KEY
_NEVER_STILL = b"; SET idle_session_timeout = 0"
_TAKE_SOLE: LiteralString = "SELECT pg_try_advisory_lock(hashtextextended(%s, %s))"
_END_SOLE: LiteralString = "SELECT pg_advisory_unlock(hashtextextended(%s, %s))"

#: All statements that run often have an index. A plan is kept, and would read a whole table as long as the table is
#: used, if there were few rows when it was made.
_SETTINGS = b"SET enable_seqscan = off; SET jit = off; SET lock_timeout = %d"

#: Where a machine is gone, the server has to notice that, too: the session of its process may hold a lock. By default,
#: servers take two hours for it.
KEEPALIVE = (
    b"SET tcp_keepalives_idle = 20; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3; "
    b"SET tcp_user_timeout = 60000"
)

#: What a connection has unless the URI says something else: a server that is gone is noticed within a minute.
_DEFAULTS = {
    "application_name": "aggregator",
    "connect_timeout": "10",
    "keepalives_idle": "20",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
}

_FORBIDDEN = "give this user the right to it, or name another user in the address of the database"
_FULL = "the server has no room left; make some and run again, nothing is lost"
_DAMAGED = "the server says that data are damaged; look into its log"

#: What to do, by the start of SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html).
_ADVICE = {
    "25006": "it can only be read: name the primary server, or a user who may write",
    "28": "check the user and the password in the address of the database",
    "3D": "create the database first: createdb",
    "3F": "create the schema, or name another one",
    "42501": _FORBIDDEN,
    "53100": _FULL,
    "53200": "the server has too little memory; see its log",
    "53300": "the server has no connection left; raise max_connections, or stop other programs",
    "53": _FULL,
    "55P03": "another process has been writing all that time; see `pg_stat_activity`",
    "XX": _DAMAGED,
    "58": "the disk of the server failed or is full; look into its log",
}
#: The server goes down, comes up, or has ended this connection, perhaps because it stood still.
_LOST = ("08", "57P", "25P03")
#: What a server says that answers, and takes no connection; there is no SQLSTATE then.
_REFUSED = {
    "password authentication failed": "28P01",
    "no password supplied": "28P01",
    "no pg_hba.conf entry": "28000",
    "authentication failed": "28000",
    "role ": "28000",
    "database ": "3D000",
}


class PostgresDatabase(Database):
    """A connection to a database, made again after it was lost; see `Database`.

    Args:
        uri: as libpq takes it (https://www.postgresql.org/docs/current/libpq-connect.html).
        lock_timeout: seconds to wait for other writers. `alone` may take minutes.
        read_only: open for queries only; the newest tables must be there.

    Raises:
        ConnectionLost: the server cannot be reached.
        StoreError: the database cannot be opened or migrated.
    """

    _elsewhere = "use another database"
    shared = True
    #: What a cluster keeps in the same database.
    _neighbours = ("procrastinate_", "cluster_")

    def __init__(self, uri: str, *, lock_timeout: float = 900.0, read_only: bool = False) -> None:
        self._parameters = parameters(uri)
        self.place = shown(uri)
        self._lock_timeout = lock_timeout
        self._read_only = read_only
        self._begin_statement = _READ
        #: How many calls of `alone` have not ended.
        self._depth = 0
        self._connection: Connection | None = None
        self._closed = False
        self._engine = self._make_engine()
        try:
            if read_only:
                self._check()
            else:
                self._migrate()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the connection; a second call does nothing."""
        self._closed = True
        self._drop()
        self._engine.dispose()

    @contextmanager
    def explained(self) -> Iterator[None]:
        """See `Database.explained`; a connection that was lost is given up."""
        try:
            yield
        except (SQLAlchemyError, psycopg.Error, OSError, ValueError, OverflowError) as error:
            made = _explained(self.place, error, self._connection)
            if isinstance(made, ConnectionLost):
                self._drop()
            raise made from error

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """See `Database.read`."""
        with self.explained():
            connection = self._connected()
            if connection.in_transaction():
                yield connection
                return
            self._begin_statement = _READ
            with connection.begin():
                yield connection

    @contextmanager
    def write(self, *, lasting: bool = True) -> Iterator[Connection]:
        """See `Database.write`.

        What need not last is committed without waiting for the disk of the server. A crash of the server, not of this
        process, then loses up to three times `wal_writer_delay`, that is 0.6 s: whole transactions, the newest ones.
        The next commit that lasts makes all earlier ones last, so that no file is ever made from what can be lost: ids,
        paths and digests are committed before a file is written.
        """
        with self.explained():
            connection = self._connected()
            self._begin_statement = _READ if self._read_only else _WRITE if lasting else _WRITE_LIGHTLY
            with connection.begin():
                yield connection

    @contextmanager
    def alone(self) -> Iterator[None]:
        """See `Database.alone`.

        Raises:
            ConnectionLost: also by what is done within, once the connection that holds the lock was lost.
        """
        with self.explained():
            _run(_driver(self._connected()), _ALONE)
        with self._holding(lambda driver: _run(driver, _NOT_ALONE if self._depth else _NOT_ALONE + _NEVER_STILL)):
            yield

    @contextmanager
    def sole(self, name: str) -> Iterator[bool]:
        """See `Database.sole`.

        Raises:
            ConnectionLost: also by what is done within, once the connection that holds the lock was lost.
        """
        with self.explained():
            (found,) = _driver(self._connected()).execute(_TAKE_SOLE, (name, SOLE_KEY)).fetchall()
        if not found[0]:
            yield False
            return
        with self._holding(lambda driver: driver.execute(_END_SOLE, (name, SOLE_KEY))):
            yield True

    @contextmanager
    def _holding(self, end: Callable[[psycopg.Connection[Any]], object]) -> Iterator[None]:
        """Keep the connection, which holds a lock, and end that lock."""
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
            if self._connection is not None:
                with self.explained():
                    end(_driver(self._connection))

    def _connected(self) -> Connection:
        if self._connection is None:
            if self._closed:
                raise StoreError(f"{self.place}: the store is closed")
            if self._depth:
                raise ConnectionLost(f"{self.place}: the connection was lost while others had to wait for it")
            self._connection = self._engine.connect()
        return self._connection

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(SQLAlchemyError, psycopg.Error):
                connection.invalidate()
            with suppress(SQLAlchemyError, psycopg.Error):
                connection.close()

    def _make_engine(self) -> Engine:
        engine = create_engine(
            "postgresql+psycopg://",
            creator=self._connect,
            poolclass=NullPool,
            paramstyle="format",
            use_native_hstore=False,
        )

        engine.dialect.statement_compiler = _Compiler

        @event.listens_for(engine, "begin")
        def begin(connection: Connection) -> None:
            # In one round trip, where psycopg would take two and more.
            driver = _driver(connection)
            try:
                _run(driver, self._begin_statement)
            except psycopg.Error:
                # It began, and the lock could not be had.
                driver.rollback()
                raise

        return engine

    def _connect(self) -> psycopg.Connection[Any]:
        # Transactions are begun in `begin`: psycopg would begin them in a round trip of its own.
        connection = psycopg.connect(**self._parameters, autocommit=True)
        # One type for all numbers, so that a statement is prepared once.
        connection.adapters.register_dumper(int, Int8Dumper)
        if connection.info.parameter_status("server_encoding") != "UTF8":
            connection.close()
            raise StoreError(f"{self.place} is not encoded in UTF-8; create one with: createdb --encoding UTF8")
        _run(connection, KEEPALIVE + b"; " + _SETTINGS % int(self._lock_timeout * 1000))
        return connection

    def _before_upgrade(self) -> None:
        """Do nothing: a transaction that fails leaves no trace, and backups are made by the server's own means."""

    def _check(self) -> None:
        with self.read() as connection:
            found = revision(connection)
        if found is None:
            raise NotThere(f"{self.place} has no tables of this program yet; the first update makes them")
        if found != REVISION:
            raise StoreError(
                f"{self.place} has tables at revision {found}, this version knows {REVISION}; "
                "if they are older, the next update migrates them, otherwise install the newer version"
            )


class _Compiler(PGCompiler_psycopg):
    """Writes ``IN`` a list of any length as any member of an array: one value, one statement, one plan."""

    def visit_in_op_binary(self, binary: Any, operator: Any, **options: Any) -> str:
        """Write the operator; `SQLCompiler` finds this method by its name."""
        listed = binary.right
        if not isinstance(listed, BindParameter) or not listed.expanding:
            return self._generate_generic_binary(binary, " IN ", **options)
        kind = binary.left.type
        plain = kind.impl_instance if isinstance(kind, TypeDecorator) else kind
        # A collation could not be part of the type of an array.
        members = ARRAY(Text() if isinstance(plain, String) else kind)
        return self.process(binary.left == any_(bindparam(listed.key, type_=members)), **options)


def is_current(uri: str) -> bool:
    """Whether a database has the tables of this version, so that no migration changes it.

    Raises:
        StoreError: it cannot be read.
    """
    how = parameters(uri)
    try:
        with psycopg.connect(**how, autocommit=True) as connection:
            if connection.execute("SELECT to_regclass('alembic_version')").fetchone() == (None,):
                return False
            return connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(REVISION,)]
    except psycopg.Error as error:
        raise _explained(shown(uri), error, None) from error


def _driver(connection: Connection) -> psycopg.Connection[Any]:
    found: psycopg.Connection[Any] = connection.connection.dbapi_connection  # type: ignore[assignment]
    return found


def _run(connection: psycopg.Connection[Any], statements: bytes) -> None:
    """Run statements that give nothing worth reading, in one round trip."""
    result = connection.pgconn.exec_(statements)
    if result.status not in (psycopg.pq.ExecStatus.COMMAND_OK, psycopg.pq.ExecStatus.TUPLES_OK):
        raise psycopg.errors.error_from_result(result)


# -- places, and what is wrong with them -------------------------------------------------------------------------------


def parameters(uri: str) -> dict[str, Any]:
    """Return how to connect to a database; what the address leaves open is such that a server that is gone is noticed.

    Raises:
        StoreError: the address cannot be read.
    """
    try:
        return {**_DEFAULTS, **conninfo_to_dict(uri), "client_encoding": "UTF8"}
    except psycopg.Error:
        # What libpq says may show a part of the password.
        raise StoreError(
            "the address of the database cannot be read; write postgresql://user:password@host:port/database, "
            "with characters such as @, / and % in a password as %40, %2F and %25"
        ) from None


def _explained(place: str, error: Exception, connection: Connection | None) -> StoreError:
    """Return what was wrong and what to do, without the statement and its parameters, which may be pages long."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    if isinstance(cause, psycopg.IntegrityError | psycopg.DataError | ValueError | OverflowError):
        return RowError(f"{place}: {_first_line(cause)}")
    state = getattr(cause, "sqlstate", None) or ""
    message = _first_line(cause)
    if isinstance(cause, psycopg.OperationalError | psycopg.InterfaceError | OSError) and not state:
        state = next((code for text, code in _REFUSED.items() if f"FATAL:  {text}" in str(cause)), "08")
    if state.startswith(_LOST) or _is_closed(connection):
        if connection is None:
            return ConnectionLost(f"{place}: {message}; check its address, and that the server runs")
        return ConnectionLost(f"{place}: the database went away: {message}")
    if state == "54000":
        # A value is too long for an index.
        return RowError(f"{place}: {message}")
    advice = next((text for start, text in _ADVICE.items() if state.startswith(start)), None)
    return StoreError(f"{place}: {message}: {advice}" if advice else f"{place}: {message}")


def _is_closed(connection: Connection | None) -> bool:
    if connection is None or connection.closed or connection.invalidated:
        return False
    with suppress(SQLAlchemyError):
        return _driver(connection).closed
    return True


def _first_line(error: BaseException) -> str:
    """Return what was wrong; further lines say where in a statement."""
    primary = error.diag.message_primary if isinstance(error, psycopg.Error) else None
    return primary or str(error).strip().partition("\n")[0]


# -- sessions beside the store -----------------------------------------------------------------------------------------


def open_session(uri: str, name: str) -> psycopg.Connection[Any]:
    """Open a connection for something else than the store, outside of transactions.

    Args:
        uri: as for `PostgresDatabase`.
        name: what the server shows of it.

    Raises:
        ConnectionLost: the server cannot be reached.
        StoreError: it takes no connection.
    """
    with explained(uri):
        connection = psycopg.connect(**{**parameters(uri), "application_name": name}, autocommit=True)
        _run(connection, KEEPALIVE)
        return connection


@contextmanager
def explained(uri: str) -> Iterator[None]:
    """Turn any error of the server into a `StoreError` that says what to do."""
    try:
        yield
    except psycopg.Error as error:
        raise _explained(shown(uri), error, None) from error
