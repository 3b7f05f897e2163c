"""Copies of a SQLite database, made while it is in use or before a migration, and VACUUM."""

from __future__ import annotations

import errno
import glob
import logging
import shutil
import sqlite3
import stat
from contextlib import closing, suppress
from pathlib import Path

from aggregator.datafolder import make_private
from aggregator.errors import StoreError
from aggregator.store.sqlite import connect

log = logging.getLogger(__name__)

#: Number of copies made before migrations that are kept.
KEPT_COPIES = 2
#: Pages that are copied at once; between two batches, writers get their turn.
_PAGES = 1024


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


def copy_before(path: Path, revision: str) -> None:
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
