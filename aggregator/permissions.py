"""Who may read the database: nobody but its owner, unless `AGGREGATOR_DB_MODE` says more.

It holds addresses with their passwords. SQLite gives the side files of a database (`-wal`, `-shm`) its permissions, so
that they are the same once those of the database are right.
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
#: The owner may read and write, the group may too, and everybody may read.
_MODE = re.compile("0?6[046][04]")
_SIDE_FILES = ("-wal", "-shm", "-journal")


def file_mode(environ: Mapping[str, str]) -> int:
    """The permissions of databases and their backups.

    Raises:
        ConfigError: the variable says something that cannot be meant.
    """
    wanted = environ.get(VARIABLE, "")
    if not wanted:
        return _DEFAULT
    if not _MODE.fullmatch(wanted):
        message = f"{wanted[:20]!r} is not the mode of a database; write 0600, or 0640 for the group to read it"
        raise ConfigError([Problem(message, VARIABLE)])
    return int(wanted, 8)


def make_private(path: Path) -> None:
    """Give a database and its side files the permissions that they should have; make it, empty, where there is none.

    To be called before SQLite opens it, which has the words for what is forbidden; the permissions of somebody else's
    file are left to them.
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
