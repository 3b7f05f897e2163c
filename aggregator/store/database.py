"""One SQLite file as the store uses it: opened, migrated, in transactions, with its errors explained.

In: a path. Out: transactions; every error of the database is raised as a `StoreError` that names the file and says what
to do. This module does not know what is read and written. A new database gets the newest tables at once; an old one is
copied before it is migrated. Alembic is imported only for a migration, because the import takes longer than most runs.
At the end are copies of a database, made while it is in use or before a migration, and VACUUM.
"""

from __future__ import annotations

import errno
import glob
import logging
import os
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlencode

from sqlalchemy import (
    URL,
    Column,
    Connection,
    Engine,
    MetaData,
    NullPool,
    String,
    Table,
    create_engine,
    event,
    inspect,
    text,
)
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from aggregator.datafolder import MODE_VARIABLE, make_private
from aggregator.errors import RowError, StoreError
from aggregator.store.schema import REVISION, metadata

log = logging.getLogger(__name__)

_MIGRATIONS = Path(__file__).parent / "migrations"

#: The table in which Alembic keeps the revision of the tables.
_VERSIONS = Table(
    "alembic_version",
    MetaData(naming_convention={"pk": "%(table_name)s_pkc"}),
    Column("version_num", String(32), primary_key=True),
)

#: How often a database is copied at most if it changes during the copy.
_ATTEMPTS = 5

#: Number of copies made before migrations that are kept.
KEPT_COPIES = 2
#: Pages that are copied at once; between two batches, writers get their turn.
_PAGES = 1024

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


class Database:
    """An open database with the newest tables.

    It is used by one thread at a time, not always the same one.

    Args:
        path: the file; it and its folder are created if they are missing.
        lock_timeout: seconds to wait for the transaction of another process.
        read_only: open for queries only; the file must exist and have the newest tables, and no file in its folder is
            changed.

    Raises:
        StoreError: it cannot be opened or migrated.
    """

    #: Whether other processes may write while this one works: SQLite's have the data folder alone.
    shared = False

    def __init__(self, path: Path, *, lock_timeout: float = 30.0, read_only: bool = False) -> None:
        self.path = path.absolute()
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
    def read(self) -> Iterator[Connection]:
        """Give the connection for one transaction that reads one consistent state and changes nothing.

        Within `write` it is part of that transaction, and sees what was written.
        """
        if self._connection.in_transaction():
            yield self._connection
            return
        self._begin_statement = "BEGIN"
        with explained(self.path), self._connection.begin():
            yield self._connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give the connection for one transaction, committed at the end and rolled back by any exception.

        It takes the lock at its start: a transaction that began by reading could not wait for another writer.
        """
        self._begin_statement = "BEGIN IMMEDIATE"
        with explained(self.path), self._connection.begin():
            yield self._connection

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Let no other process write: none does, while this one has the data folder."""
        yield

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

    def _migrate(self) -> None:
        with self.read() as connection:
            if _revision(connection) == REVISION:
                return
        with self.write() as connection:
            # Another process may have migrated it since.
            current = _revision(connection)
            if current is None:
                self._create(connection)
            elif current != REVISION:
                self._upgrade(connection, current)

    def _create(self, connection: Connection) -> None:
        """Create the tables that all migrations together would create."""
        if inspect(connection).get_table_names():
            raise StoreError(f"{self.path} is the database of another program; choose another data folder")
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
            raise StoreError(
                f"{self.path} was written by a newer version of this program (its tables are at revision {current}, "
                f"this version knows {REVISION}); install the newer version, or use another data folder"
            )
        # No other process writes during the copy: this transaction holds the lock.
        _copy_before(self.path, REVISION)
        command.upgrade(config, REVISION)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn any error of the database at `path` into a `StoreError` that says what to do."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, OSError, ValueError, OverflowError) as error:
        kind = RowError if _is_of_a_row(error) else StoreError
        raise kind(f"{path}: {_explain(error)}") from error


def _revision(connection: Connection) -> str | None:
    """Return the revision of the tables, or None if the tables of this program are missing."""
    if not connection.dialect.has_table(connection, "alembic_version"):
        return None
    revision: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return revision


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
    raise trouble or StoreError(f"{path} was changed by another process at every attempt to read it; try again")


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


# -- copies, and VACUUM ------------------------------------------------------------------------------------------------


def backup(path: Path, target: Path) -> int:
    """Copy the database at `path`, also while others write to it, and return the size of the copy in bytes.

    The copy is one consistent state of the database. It is checked and replaces `target` as a whole. It has the
    permissions of a database.

    Raises:
        StoreError: there is no database, or it cannot be read, or the copy cannot be written or is damaged.
    """
    if not path.is_file():
        raise StoreError(f"{path} does not exist; there is nothing to back up")
    if target.is_dir() or not target.parent.is_dir():
        folder = target if target.is_dir() else target.parent
        wanted = "is a folder; name a file in it" if target.is_dir() else "is no folder; make it first"
        raise StoreError(f"{path} cannot be copied to {target}: {folder} {wanted}")
    temporary = target.with_name(f".{target.name}.tmp")
    try:
        temporary.unlink(missing_ok=True)
        make_private(temporary)
        with connect(path) as source, closing(sqlite3.connect(temporary)) as copy:
            source.backup(copy, pages=_PAGES)
            copy.execute("PRAGMA journal_mode = DELETE")
            verdict = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
        if verdict != "ok":
            raise StoreError(f"{path} is damaged ({verdict}); put an older backup in its place")
        temporary.replace(target)
        return target.stat().st_size
    except (sqlite3.Error, OSError) as error:
        raise StoreError(f"{path} cannot be copied to {target}: {error}; check both places and the room") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _copy_before(path: Path, revision: str) -> None:
    """Copy the database at `path` to `<name>.before-<revision>` before it is migrated to a revision.

    Of earlier copies only the newest is kept. The copy has the permissions of the database. If there is no room for a
    copy, a warning is logged.

    Raises:
        StoreError: the database cannot be read or is damaged.
    """
    target = path.with_name(f"{path.name}.before-{revision}")
    try:
        needed = sum(file.stat().st_size for file in (path, path.with_name(f"{path.name}-wal")) if file.exists())
        if shutil.disk_usage(path.parent).free < needed:
            raise OSError(errno.ENOSPC, f"it takes {needed / 1e6:.1f} MB")
        backup(path, target)
        target.chmod(stat.S_IMODE(path.stat().st_mode))
    except (StoreError, OSError) as error:
        if not _is_no_room(error):
            raise
        # The keys of `aggregator.log`.
        keys = {"fields": {"action": "migrate"}}
        log.warning("there is no room for a copy of %s, which is migrated without one: %s", path, error, extra=keys)
        return
    # Revisions sort as texts: they are numbers of four digits.
    earlier = sorted(path.parent.glob(f"{glob.escape(path.name)}.before-[0-9][0-9][0-9][0-9]"))
    for old in earlier[:-KEPT_COPIES]:
        old.unlink(missing_ok=True)


def _is_no_room(error: BaseException) -> bool:
    cause = error.__cause__ if isinstance(error, StoreError) else error
    if isinstance(cause, OSError):
        return cause.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    return getattr(cause, "sqlite_errorname", None) == "SQLITE_FULL"


def vacuum(path: Path) -> tuple[int, int]:
    """Rewrite the database without gaps, and return its size in bytes before and after.

    This needs as much free space as the database takes.

    Raises:
        StoreError: there is no database, it is in use, or there is no room.
    """
    if not path.is_file():
        raise StoreError(f"{path} does not exist; there is nothing to do")
    before = path.stat().st_size
    make_private(path)
    try:
        with closing(sqlite3.connect(path, timeout=30.0, isolation_level=None)) as connection:
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error as error:
        raise StoreError(f"{path} cannot be rewritten: {error}; make room, or wait until nobody uses it") from error
    return before, path.stat().st_size
