"""The permissions of the database: only its owner may read it, unless `AGGREGATOR_DB_MODE` allows more.

The database contains addresses with their passwords. SQLite creates the side files of a database (`-wal`, `-shm`) with
the permissions of the database.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from aggregator.errors import ConfigError, Problem

VARIABLE = "AGGREGATOR_DB_MODE"
_DEFAULT = 0o600
#: Read and write for the owner; possibly for the group; possibly read for everybody.
_MODE = re.compile("0?6[046][04]")
_SIDE_FILES = ("-wal", "-shm", "-journal")


def file_mode(environ: Mapping[str, str]) -> int:
    """Return the permissions of databases and their backups.

    Raises:
        ConfigError: the variable has a value that is no sensible mode.
    """
    wanted = environ.get(VARIABLE, "")
    if not wanted:
        return _DEFAULT
    if not _MODE.fullmatch(wanted):
        message = f"{wanted[:20]!r} is not the mode of a database; write 0600, or 0640 for the group to read it"
        raise ConfigError([Problem(message, VARIABLE)])
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
