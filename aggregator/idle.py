"""Runs with nothing to do, told at once, where all is as the last one has left it.

A run that leaves nothing to do leaves a ticket in the data folder: what the next one will say, until when that holds,
and a digest or a stamp of each thing that it depends on. Those are the bytes of feeds.yaml, the values that this refers
to, the program, the database, and the folders of the published files. Where the next run finds the same before that
time, there is nothing to do. In any doubt, and there is one in whatever cannot be read, the run goes the ordinary
way. Light on imports: reading a large feeds.yaml, or only what is needed for that, takes longer than all of this.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aggregator import __version__

_NAME = ".idle"
#: Bytes that are read at most: of a ticket, of feeds.yaml, and of a file that this refers to. No larger ones are taken.
_MAX_TICKET = 10**7
_MAX_CONFIG = 33 * 10**6
_MAX_FILE = 10**6
#: The only variable of the environment besides those that feeds.yaml names which a run depends on.
_MODE = "AGGREGATOR_DB_MODE"


@dataclass(frozen=True, slots=True)
class Read:
    """What a configuration was read from."""

    #: SHA-256 of the bytes of the file, hexadecimal; "" where it was not read from a file.
    digest: str = ""
    #: The same of each value that was put in, by ``env`` or ``file`` and the name.
    references: tuple[tuple[str, str, str], ...] = ()


def digest(data: bytes) -> str:
    """SHA-256 of something that was read, hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def recall(
    path: Path, data: Path, now: datetime, environ: Mapping[str, str], *, quiet: bool = False
) -> list[str] | None:
    """What a run says that has nothing to do, where this is such a one; None: this has to be found out.

    Args:
        path: of feeds.yaml.
        data: the data folder.
        quiet: whether it tells news only; then the ticket has to be that of such a run, which has told all of them.
    """
    try:
        check, _, content = _bytes(data / _NAME, _MAX_TICKET).partition(b"\n")
        if check != digest(content).encode():
            return None
        ticket = json.loads(content)
        seen, said = ticket["seen"], ticket["said"]
        # A time ahead of now was written by a clock that has been set back since.
        if not ticket["made"] <= now.timestamp() < ticket["until"]:
            return None
        if quiet and ticket["quiet"] is not True:
            return None
        references = [(kind, name) for kind, name, _ in seen["references"]]
        if seen != _seen(path, data, references, seen["folders"], seen["files"], environ):
            return None
        return [str(line) for line in said]
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def remember(
    path: Path,
    data: Path,
    read: Read,
    published: Iterable[str],
    said: Sequence[str],
    now: datetime,
    until: datetime | None,
    environ: Mapping[str, str],
    *,
    quiet: bool = False,
) -> None:
    """Leave a ticket for the next run, after one that leaves nothing to do, with the database closed.

    Args:
        read: what the configuration was read from.
        published: paths of files below the data folder that a run would write again if they were missing.
        said: the lines that the next run will say.
        now: when there was nothing to do.
        until: when there is something to do; None: never.
        quiet: whether this run has told the news.
    """
    files = sorted(published)
    with suppress(OSError):
        # In those of outputs that are configured no longer, too, what appears there has to go.
        with os.scandir(data / "public") as entries:
            folders = ["public", *sorted(f"public/{entry.name}" for entry in entries if entry.is_dir())]
        seen = _seen(path, data, [(kind, name) for kind, name, _ in read.references], folders, files, environ)
        # What was read must be what is there now; else the next run finds out.
        if seen["config"][1] != read.digest or seen["references"] != [list(one) for one in read.references]:
            return
        end = datetime.max.replace(tzinfo=UTC) if until is None else until
        ticket = {"made": now.timestamp(), "until": end.timestamp(), "quiet": quiet, "said": list(said), "seen": seen}
        content = json.dumps(ticket).encode()
        _write(data / _NAME, digest(content).encode() + b"\n" + content)


def _seen(
    path: Path,
    data: Path,
    references: Sequence[tuple[str, str]],
    folders: Sequence[str],
    files: Sequence[str],
    environ: Mapping[str, str],
) -> dict[str, Any]:
    """Everything that decides whether there is something to do, as JSON gives it back.

    Raises:
        OSError: something of it is not there, or cannot be read.
    """
    database = data / "aggregator.db"
    if (log := database.with_name(database.name + "-wal")).exists() and log.stat().st_size:
        raise OSError("somebody writes to the database, or was ended while he did")
    for file in files:
        if not (data / file).is_file():
            raise FileNotFoundError(file)
    return {
        "program": _program(),
        "config": [str(path.absolute()), digest(_bytes(path, _MAX_CONFIG))],
        "references": [[kind, name, _value(kind, name, path.parent, environ)] for kind, name in references],
        "mode": environ.get(_MODE, ""),
        "database": _stamp(database),
        "folders": list(folders),
        "files": list(files),
        "stamps": [_stamp(data / folder) for folder in folders],
    }


def _value(kind: str, name: str, folder: Path, environ: Mapping[str, str]) -> str:
    if kind == "env":
        value = environ.get(name)
        if value is None:
            raise FileNotFoundError(name)
        return digest(value.encode(errors="surrogateescape"))
    return digest(_bytes(folder / name, _MAX_FILE))


def _bytes(path: Path, most: int) -> bytes:
    """What is in a file; of one that is too long to be taken anyway, its beginning."""
    with path.open("rb") as file:
        return file.read(most)


def _stamp(path: Path) -> list[int]:
    """What changes with every change of a file, or of the names in a folder."""
    status = path.stat()
    return [status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns]


def _program() -> list[str]:
    """The version of the program, and a digest of its files: those of a checkout change between two versions."""
    found = hashlib.sha256()
    folders = [os.path.dirname(__file__)]  # noqa: PTH120 (`Path` would take longer than the rest)
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if entry.name == "__pycache__":
                    continue
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                elif entry.name.endswith(".py"):
                    status = entry.stat()
                    found.update(f"{entry.path}\0{status.st_size}\0{status.st_mtime_ns}\0".encode(errors="replace"))
    return [__version__, sys.version, found.hexdigest()]


def _write(path: Path, content: bytes) -> None:
    """Replace a file that nobody else may read: it holds digests of secrets."""
    temporary = path.with_name(f"{path.name}.tmp")
    try:
        temporary.unlink(missing_ok=True)
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
