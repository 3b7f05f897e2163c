"""The ticket: what a run with nothing to do says, so that the next one can say it at once.

A run that leaves nothing to do writes a ticket into the data folder: what the next run will say, until when that holds,
and a digest or a stamp of each thing that it depends on. These are the bytes of feeds.yaml, the values that it refers
to, the program, the database, and the folders of the published files. A run that finds the same before that time has
nothing to do. If anything differs or cannot be read, the run takes the ordinary way. This module imports little:
reading a large feeds.yaml, or only importing what reads it, takes longer than everything here.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aggregator import __version__
from aggregator.datafolder import MODE_VARIABLE
from aggregator.place import DATABASE, VARIABLE

if TYPE_CHECKING:
    from aggregator.config.configuration import Provenance

_NAME = ".idle"
#: Maximum bytes of a ticket, of feeds.yaml, and of a file that it refers to. Larger ones are not accepted anyway.
_MAX_TICKET = 10**7
_MAX_CONFIG = 33 * 10**6
_MAX_FILE = 10**6


def digest(data: bytes) -> str:
    """Return the SHA-256 of some bytes in hexadecimal, as a `Provenance` has it."""
    return hashlib.sha256(data).hexdigest()


def recall(
    path: Path, data: Path, now: datetime, environ: Mapping[str, str], *, quiet: bool = False
) -> list[str] | None:
    """Return the lines that this run says if it has nothing to do; None if that is not known.

    Args:
        path: of feeds.yaml.
        data: the data folder.
        quiet: whether the run prints only news; then the ticket must be that of a quiet run, which printed all of them.
    """
    try:
        check, _, content = _bytes(data / _NAME, _MAX_TICKET).partition(b"\n")
        if check != digest(content).encode():
            return None
        ticket = json.loads(content)
        seen, said = ticket["seen"], ticket["said"]
        # A time in the future was written by a clock that has been set back since.
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
    provenance: Provenance,
    published: Iterable[str],
    posts: Iterable[str],
    said: Sequence[str],
    now: datetime,
    until: datetime | None,
    environ: Mapping[str, str],
    *,
    quiet: bool = False,
) -> None:
    """Write a ticket for the next run, after one that leaves nothing to do; the database must be closed.

    Args:
        provenance: what the configuration was read from.
        published: paths of files below the data folder that a run would write again if they were missing.
        posts: folders of posts below the data folder; a run says so if one of them has gone.
        said: the lines that the next run will say.
        now: when there was nothing to do.
        until: when there is something to do; None: never.
        quiet: whether this run printed the news.
    """
    files = sorted(published)
    with suppress(OSError):
        # Folders of outputs that are no longer configured count too: files that appear there have to be removed.
        with os.scandir(data / "public") as entries:
            folders = ["public", *sorted(f"public/{entry.name}" for entry in entries if entry.is_dir())]
        folders += [folder for folder in posts if (data / folder).is_dir()]
        seen = _seen(path, data, [(kind, name) for kind, name, _ in provenance.references], folders, files, environ)
        # If the configuration changed while the run worked, the next run has to read it.
        references = [list(one) for one in provenance.references]
        if seen["config"][1] != provenance.digest or seen["references"] != references:
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
    """Return everything that decides whether there is something to do, as JSON gives it back.

    Raises:
        OSError: a part of it does not exist or cannot be read.
    """
    database = data / DATABASE
    if (log := database.with_name(database.name + "-wal")).exists() and log.stat().st_size:
        raise OSError("another process writes to the database, or was killed while it did")
    for file in files:
        if not (data / file).is_file():
            raise FileNotFoundError(file)
    return {
        "program": _program(),
        "config": [str(path.absolute()), digest(_bytes(path, _MAX_CONFIG))],
        "references": [[kind, name, _value(kind, name, path.parent, environ)] for kind, name in references],
        # The only variables that a run depends on besides those that feeds.yaml names. With the second one set, the
        # database is elsewhere, and no run leaves a ticket.
        "mode": environ.get(MODE_VARIABLE, ""),
        "server": bool(environ.get(VARIABLE, "").strip()),
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
    """Read a file, at most this many bytes of it."""
    with path.open("rb") as file:
        return file.read(most)


def _stamp(path: Path) -> list[int]:
    """Return what changes with every change of a file, or of the names in a folder."""
    status = path.stat()
    return [status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns]


def _program() -> list[str]:
    """Return the versions of program and Python, and a digest of the program's files, which change in a checkout."""
    found = hashlib.sha256()
    folders = [os.path.dirname(os.path.dirname(__file__))]  # noqa: PTH120 (`Path` would take longer than the rest)
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if entry.name == "__pycache__":
                    continue
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                elif entry.name.endswith((".py", ".css")):
                    status = entry.stat()
                    found.update(f"{entry.path}\0{status.st_size}\0{status.st_mtime_ns}\0".encode(errors="replace"))
    return [__version__, sys.version, found.hexdigest()]


def _write(path: Path, content: bytes) -> None:
    """Replace a file that only its owner may read: it holds digests of secrets."""
    temporary = path.with_name(f"{path.name}.tmp")
    try:
        temporary.unlink(missing_ok=True)
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
