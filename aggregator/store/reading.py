"""Reading a database in a folder that can only be read: a read-only mount, or the folder of another user.

A path goes in; a connection or a store for queries comes out. Where the folder can be written nothing of this is
needed. Elsewhere SQLite can read a database in WAL mode only while its side files are there, that is while somebody has
it open for writing; otherwise it is copied to a temporary folder and read there. The option `immutable` would do
without, but reads nonsense beside a writer, and a folder that we cannot write may well have one.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from aggregator.errors import StoreError
from aggregator.permissions import VARIABLE
from aggregator.store.base import Store
from aggregator.store.database import Database, explained
from aggregator.store.schema import REVISION
from aggregator.store.sql import SqlStore, open_store

#: A database that changes while it is copied is copied again so many times at most.
_ATTEMPTS = 5
_NAME = "aggregator.db"


@contextmanager
def open_for_reading(path: Path) -> Iterator[Store]:
    """The store at `path`, which exists, for queries only; closed at the end.

    Raises:
        StoreError: it cannot be read, or migrated where it is an older one.
    """
    with ExitStack() as stack:
        with explained(path):
            store = stack.enter_context(closing(open_store(path) if _is_writable(path) else _opened(path, stack)))
        yield store


@contextmanager
def connect(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection to the database at `path`, which exists, or to a copy of it; closed at the end.

    Raises:
        StoreError: it cannot be read.
    """
    with ExitStack() as stack:
        with explained(path):
            if _is_writable(path):
                connection = stack.enter_context(closing(sqlite3.connect(path, timeout=30.0)))
            else:
                connection = _connected(path, stack)[1]
        yield connection


def _is_writable(path: Path) -> bool:
    """Whether SQLite may write the file, and its side files beside it."""
    effective = os.access in os.supports_effective_ids
    return all(os.access(place, os.W_OK, effective_ids=effective) for place in (path, path.resolve().parent))


def _opened(path: Path, stack: ExitStack) -> Store:
    place, connection = _connected(path, stack)
    if connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(REVISION,)]:
        return SqlStore(Database(place, read_only=True))
    copy = Path(stack.enter_context(TemporaryDirectory(prefix="aggregator-"))) / _NAME
    with closing(sqlite3.connect(copy)) as target:
        connection.backup(target)
    return open_store(copy)


def _connected(path: Path, stack: ExitStack) -> tuple[Path, sqlite3.Connection]:
    """What can be read, the original or a copy, with a connection that keeps its side files from being removed."""
    path = path.resolve()
    if not os.access(path, os.R_OK, effective_ids=os.access in os.supports_effective_ids):
        raise StoreError(f"{path} cannot be read by this user; its owner may allow it with {VARIABLE}=0640")
    folder = Path(stack.enter_context(TemporaryDirectory(prefix="aggregator-")))
    wal, index = (path.with_name(path.name + end) for end in ("-wal", "-shm"))
    trouble: sqlite3.Error | None = None
    for _ in range(_ATTEMPTS):
        if wal.exists() and index.exists():
            connection = stack.enter_context(
                closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=30.0))
            )
            try:
                connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            except sqlite3.OperationalError as error:
                # The last writer may have left meanwhile, and taken the side files away.
                trouble = error
                continue
            return path, connection
        if _copied((path, wal), index, folder):
            copy = folder / path.name
            return copy, stack.enter_context(closing(sqlite3.connect(copy, timeout=30.0)))
    raise trouble or StoreError(f"{path} was written to at every try to read it; try again")


def _copied(files: tuple[Path, Path], index: Path, folder: Path) -> bool:
    """Copy the database and its log, if it has one; returns whether nobody wrote to them meanwhile.

    Who writes makes a log and its index first of all, and removes them when all is in the database.
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
