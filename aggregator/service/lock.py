"""The lock of a data folder: only one process writes to it at a time.

In: a data folder. Out: a context in which no other process of this program writes to it. The operating system releases
the lock of a process that was killed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from aggregator.errors import AggregatorError, LockedError
from aggregator.permissions import file_mode

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
