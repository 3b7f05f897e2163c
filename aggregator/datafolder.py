"""The data folder: its lock, and the permissions of the database in it.

Only one process writes to a data folder at a time. The operating system releases the lock of a process that was killed.

Only its owner may read the database, unless `AGGREGATOR_DB_MODE` allows more: the database contains addresses with
their passwords. SQLite creates the side files of a database (`-wal`, `-shm`) with the permissions of the database.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from aggregator.errors import AggregatorError, ConfigError, LockedError, Problem

MODE_VARIABLE = "AGGREGATOR_DB_MODE"
_DEFAULT = 0o600
#: Read and write for the owner; possibly for the group; possibly read for everybody.
_MODE = re.compile("0?6[046][04]")
_SIDE_FILES = ("-wal", "-shm", "-journal")


def file_mode(environ: Mapping[str, str]) -> int:
    """Return the permissions of databases and their backups.

    Raises:
        ConfigError: the variable has a value that is no sensible mode.
    """
    wanted = environ.get(MODE_VARIABLE, "")
    if not wanted:
        return _DEFAULT
    if not _MODE.fullmatch(wanted):
        message = f"{wanted[:20]!r} is not the mode of a database; write 0600, or 0640 for the group to read it"
        raise ConfigError([Problem(message, MODE_VARIABLE)])
    return int(wanted, 8)


def make_private(path: Path) -> None:
    """Set the permissions of a database and its side files; create an empty database if there is none.

    Call it before SQLite opens the database. Errors are ignored: SQLite reports what it cannot open, and a file of
    another user keeps its permissions.
    """
    mode = file_mode(os.environ)
    path = path.resolve()
    with suppress(OSError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode))
    for file in (path, *(path.with_name(path.name + end) for end in _SIDE_FILES)):
        with suppress(OSError):
            status = file.stat()
            if stat.S_ISREG(status.st_mode) and stat.S_IMODE(status.st_mode) != mode:
                file.chmod(mode)


#: The files in a data folder that are used for its lock: the lock itself, and who holds it.
LOCK_FILES = _LOCK, _HOLDER = (".lock", ".lock-holder")


@contextmanager
def hold(data: Path, *, on_wait: Callable[[LockedError], None] | None = None) -> Iterator[None]:
    """Hold the data folder, which is created if it does not exist.

    Args:
        data: the data folder.
        on_wait: called before waiting for another process; None: do not wait.

    Raises:
        LockedError: another process holds the folder, and `on_wait` is None.
        ConfigError: the environment has a wrong mode for the database.
        AggregatorError: the folder cannot be created or written.
    """
    from filelock import FileLock, Timeout

    # A wrong mode is an error at every use of the database, so check it before anything is done.
    file_mode(os.environ)
    holder = data / _HOLDER
    try:
        data.mkdir(parents=True, exist_ok=True)
        lock = FileLock(data / _LOCK, blocking=False)
        try:
            lock.acquire()
        except Timeout:
            error = LockedError(str(data), _read_holder(holder))
            if on_wait is None:
                raise error from None
            on_wait(error)
            lock.acquire(blocking=True, poll_interval=0.1)
    except (FileExistsError, NotADirectoryError):
        raise AggregatorError(f"the data folder {data} is a file, or is below one; name a folder") from None
    except OSError as error:
        raise AggregatorError(
            f"the data folder {data} cannot be written: {error.strerror or error}; check its path and permissions"
        ) from error
    try:
        # Only messages of other processes depend on the holder, so a full disk is no reason to stop here.
        with suppress(OSError):
            holder.write_text(f"process {os.getpid()}, since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC", "utf-8")
        yield
    finally:
        with suppress(OSError):
            holder.unlink(missing_ok=True)
        lock.release()


def _read_holder(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8") or "another process"
    except OSError:
        return "another process"
