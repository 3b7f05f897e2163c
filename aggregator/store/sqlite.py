"""One SQLite file as the store uses it: opened, migrated, in transactions, with its errors explained.

An old database is copied before it is migrated. At the end is what reads databases in a folder that can only be read.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlencode

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from aggregator.datafolder import MODE_VARIABLE, make_private
from aggregator.errors import RowError, StoreError
from aggregator.store.database import Database
from aggregator.store.schema import REVISION

#: How often a database is copied at most if it changes during the copy.
_ATTEMPTS = 5

_PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = NORMAL",
    "foreign_keys = ON",
    # In KiB, twice the default: a batch of posts is read, recorded and marked, and its pages stay until it is done.
    "cache_size = -4096",
)

#: How a database is opened so that no file of its folder changes. Without the second one, a reader notes in the index
#: of the log (`-shm`) how far it reads.
READ_ONLY = {"mode": "ro", "readonly_shm": "1"}

_DAMAGED = "it is damaged or no database; put a backup in its place, or move it away to start again"
_FORBIDDEN = "check that this user may write the file and its folder, and that the disk is not mounted read-only"

#: What to do, by the start of the name that SQLite gives the error (https://www.sqlite.org/rescode.html).
_ADVICE = {
    "SQLITE_BUSY": "another process is writing to it; wait until it has finished, or stop it",
    "SQLITE_FULL": "the disk is full; free some space and run again, nothing is lost",
    "SQLITE_READONLY": _FORBIDDEN,
    "SQLITE_PERM": _FORBIDDEN,
    "SQLITE_CANTOPEN": _FORBIDDEN,
    "SQLITE_CORRUPT": _DAMAGED,
    "SQLITE_NOTADB": _DAMAGED,
    "SQLITE_IOERR": "the disk failed or is full; check it and run again",
}


class SqliteDatabase(Database):
    """An open file; see `Database`.

    Args:
        path: the file; it and its folder are created if they are missing.
        lock_timeout: seconds to wait for the transaction of another process.
        read_only: open for queries only; the file must exist and have the newest tables, and no file in its folder is
            changed.

    Raises:
        StoreError: it cannot be opened or migrated.
    """

    _elsewhere = "choose another data folder"
    #: Whoever writes has the data folder alone.
    shared = False

    def __init__(self, path: Path, *, lock_timeout: float = 30.0, read_only: bool = False) -> None:
        self.path = path.absolute()
        self.place = str(self.path)
        self._begin_statement = "BEGIN"
        self._engine = self._make_engine(lock_timeout, read_only)
        with explained(self.path):
            if not read_only:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                make_private(self.path)
            self._connection = self._engine.connect()
        try:
            if not read_only:
                self._migrate()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        with explained(self.path):
            self._connection.close()
            self._engine.dispose()

    @contextmanager
    def explained(self) -> Iterator[None]:
        """See `Database.explained`."""
        with explained(self.path):
            yield

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """See `Database.read`."""
        if self._connection.in_transaction():
            yield self._connection
            return
        self._begin_statement = "BEGIN"
        with explained(self.path), self._connection.begin():
            yield self._connection

    @contextmanager
    def write(self, *, lasting: bool = True) -> Iterator[Connection]:
        """See `Database.write`.

        It takes the lock at its start: a transaction that began by reading could not wait for another writer. Lasting
        or not, a crash of the machine may lose the last transactions (``synchronous = NORMAL``).
        """
        self._begin_statement = "BEGIN IMMEDIATE"
        with explained(self.path), self._connection.begin():
            yield self._connection

    @contextmanager
    def alone(self) -> Iterator[None]:
        """See `Database.alone`: whoever writes holds the data folder, so there is nothing to do."""
        yield

    @contextmanager
    def sole(self, name: str) -> Iterator[bool]:
        """See `Database.sole`: whoever writes holds the data folder."""
        yield True

    def _make_engine(self, lock_timeout: float, read_only: bool) -> Engine:
        url = URL.create("sqlite", database=str(self.path))
        if read_only:
            url = URL.create("sqlite", database=self.path.as_uri(), query={**READ_ONLY, "uri": "true"})
        engine = create_engine(
            url,
            poolclass=NullPool,
            # Without an isolation level, sqlite3 starts no transactions itself: its own begin too late, and never
            # before a SELECT or a change of the schema.
            connect_args={"timeout": lock_timeout, "isolation_level": None, "check_same_thread": False},
        )

        @event.listens_for(engine, "connect")
        def prepare(connection: sqlite3.Connection, _record: object) -> None:
            try:
                for pragma in () if read_only else _PRAGMAS:
                    connection.execute(f"PRAGMA {pragma}").close()
            except sqlite3.Error:
                connection.close()
                raise

        @event.listens_for(engine, "begin")
        def begin(connection: Connection) -> None:
            # By sqlite3 itself: through SQLAlchemy this would take as long as the only statement of the transaction.
            cursor = connection.connection.cursor()
            try:
                cursor.execute(self._begin_statement)
            finally:
                cursor.close()

        return engine

    def _before_upgrade(self) -> None:
        from aggregator.store.filecopies import copy_before

        # No other process writes during the copy: this transaction holds the lock.
        copy_before(self.path, REVISION)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn any error of the database at `path` into a `StoreError` that says what to do."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, OSError, ValueError, OverflowError) as error:
        kind = RowError if _is_of_a_row(error) else StoreError
        raise kind(f"{path}: {_explain(error)}") from error


def _cause(error: Exception) -> BaseException:
    return error.orig if isinstance(error, DBAPIError) and error.orig is not None else error


def _is_of_a_row(error: Exception) -> bool:
    """Whether a single row caused the error: by a constraint, or by a value that cannot be read or bound."""
    cause = _cause(error)
    if isinstance(cause, sqlite3.IntegrityError | sqlite3.DataError | ValueError | OverflowError):
        return True
    return isinstance(cause, sqlite3.OperationalError) and str(cause).startswith("Could not decode to UTF-8")


def _explain(error: Exception) -> str:
    """Return what was wrong and what to do, without the statement and its parameters, which may be pages long."""
    cause = _cause(error)
    name = getattr(cause, "sqlite_errorname", "")
    for start, advice in _ADVICE.items():
        if name.startswith(start):
            return f"{cause}: {advice}"
    if isinstance(cause, OSError):
        return f"{cause}: choose a data folder that this user may write"
    return str(cause)


# -- a folder that can only be read ------------------------------------------------------------------------------------
#
# This is a read-only mount, or the folder of another user. SQLite can read a database in WAL mode there only while its
# side files exist, that is while another process has it open for writing. Otherwise the database is copied to a
# temporary folder and read there. The option `immutable` needs no copy, but reads wrong data while another process
# writes, and a folder that this process cannot write to may well have a writer.


def is_writable(path: Path) -> bool:
    """Whether SQLite may write the file and its side files."""
    effective = os.access in os.supports_effective_ids
    return all(os.access(place, os.W_OK, effective_ids=effective) for place in (path, path.resolve().parent))


@contextmanager
def connect(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a connection to the existing database at `path`, or to a copy of it, and close it at the end.

    Raises:
        StoreError: it cannot be read.
    """
    with ExitStack() as stack:
        with explained(path):
            if is_writable(path):
                connection = stack.enter_context(closing(sqlite3.connect(path, timeout=30.0)))
            else:
                connection = connect_for_reading(path, stack)[1]
        yield connection


def is_current(path: Path) -> bool:
    """Whether the database at `path` exists and has the tables of this version, so that no migration changes it.

    Raises:
        StoreError: it cannot be read.
    """
    if not path.is_file():
        return False
    with connect(path) as connection, explained(path):
        tables = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchall()
        return bool(tables) and connection.execute("SELECT version_num FROM alembic_version").fetchall() == [
            (REVISION,)
        ]


def open_to_read(path: Path, stack: ExitStack, *, untouched: bool) -> SqliteDatabase:
    """Open an existing database, or a copy of it, for queries only.

    Args:
        stack: gets what has to be removed at the end.
        untouched: change no file of its folder: neither migrate the database, nor create or change its side files.

    Raises:
        StoreError: it cannot be read, or is an older one that cannot be migrated.
    """
    with explained(path):
        if is_writable(path) and not untouched:
            return SqliteDatabase(path)
        place, connection = connect_for_reading(path, stack)
        if connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(REVISION,)]:
            return SqliteDatabase(place, read_only=True)
        copy = Path(stack.enter_context(TemporaryDirectory(prefix="aggregator-"))) / "aggregator.db"
        with closing(sqlite3.connect(copy)) as target:
            connection.backup(target)
        return SqliteDatabase(copy)


def connect_for_reading(path: Path, stack: ExitStack) -> tuple[Path, sqlite3.Connection]:
    """Return what can be read, the original or a copy, with a connection that keeps its side files in place."""
    path = path.resolve()
    if not os.access(path, os.R_OK, effective_ids=os.access in os.supports_effective_ids):
        raise StoreError(f"{path} cannot be read by this user; its owner may allow it with {MODE_VARIABLE}=0640")
    folder = Path(stack.enter_context(TemporaryDirectory(prefix="aggregator-")))
    wal, index = (path.with_name(path.name + end) for end in ("-wal", "-shm"))
    trouble: sqlite3.Error | None = None
    for _ in range(_ATTEMPTS):
        if wal.exists() and index.exists():
            connection = stack.enter_context(
                closing(sqlite3.connect(f"{path.as_uri()}?{urlencode(READ_ONLY)}", uri=True, timeout=30.0))
            )
            try:
                connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            except sqlite3.OperationalError as error:
                # The last writer may have closed the database and removed the side files.
                trouble = error
                continue
            return path, connection
        if _copied((path, wal), index, folder):
            copy = folder / path.name
            return copy, stack.enter_context(closing(sqlite3.connect(copy, timeout=30.0)))
    cause = f" ({trouble})" if trouble else ""
    message = f"{path} was changed by another process at every attempt to read it{cause}; try again"
    raise StoreError(message) from trouble


def _copied(files: tuple[Path, Path], index: Path, folder: Path) -> bool:
    """Copy the database and its log, if it has one, and return whether neither changed during the copy.

    A writer first creates a log and its index, and removes them once everything is in the database.
    """
    before = [_signature(file) for file in files]
    for file, signature in zip(files, before, strict=True):
        target = folder / file.name
        target.unlink(missing_ok=True)
        if signature is not None:
            try:
                shutil.copyfile(file, target)
            except FileNotFoundError:
                return False
    after = [_signature(file) for file in files]
    return before == after and not (after[1] is not None and index.exists())


def _signature(file: Path) -> tuple[int, int, int] | None:
    try:
        status = file.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
