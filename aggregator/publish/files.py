"""The only writer of published files: each one is replaced as a whole, and only when its bytes differ.

In: a folder and outputs. Out: the files, and the names of those that changed. A reader sees the old bytes or the new
ones, never a part; so does the next run after a crash at any point. Nothing outside of the folder is ever written.

Files are staged beside their targets as ``.<name>.tmp``, synced, and renamed over them, batch by batch. What a killed
run left behind is removed by the next one that comes to the same target.
"""

from __future__ import annotations

import errno
import os
import stat
from collections import deque
from collections.abc import Collection, Iterable
from itertools import islice
from pathlib import Path, PureWindowsPath

from aggregator.errors import PublishError
from aggregator.models import Rendered

#: Outputs that are staged together; bounds the memory of a generator's outputs too.
_BATCH = 512
#: Up to here each file is synced by itself; above, one sync of everything is faster (by ten times at 500 files).
_SYNC_EACH = 8


def write(folder: Path, outputs: Iterable[Rendered]) -> list[str]:
    """Bring files up to date.

    Args:
        folder: the folder that the outputs' names are relative to; made where it is missing.
        outputs: what the files have to hold. Where a name occurs twice in a batch, the last one counts.

    Returns:
        Names of the files that were written, in the order of `outputs`.

    Raises:
        PublishError: a name is unsafe, or the system refused. Files are whole, whether written already or not, and no
            temporary file of this call is left.
    """
    remaining = iter(outputs)
    changed: list[str] = []
    known: dict[Path, Path] = {}
    while batch := {output.name: output for output in islice(remaining, _BATCH)}:
        stage = _Stage()
        try:
            for output in batch.values():
                target = _target(folder, output.name, known)
                if stage.add(target, output.data):
                    changed.append(output.name)
            stage.commit()
        finally:
            stage.discard()
    return changed


class _Stage:
    """Files of one batch on their way to their targets."""

    def __init__(self) -> None:
        #: Temporary file and target of each.
        self._waiting: deque[tuple[Path, Path]] = deque()

    def add(self, target: Path, data: bytes) -> bool:
        """Stage a file, unless its target holds these bytes already."""
        temporary = target.with_name(f".{target.name}.tmp")
        try:
            temporary.unlink(missing_ok=True)
            if _holds(target, data):
                return False
            self._waiting.append((temporary, target))
            _create(temporary, data)
        except OSError as error:
            raise _failure(target, error) from error
        return True

    def commit(self) -> None:
        """Make the staged files durable, then visible, then their names durable."""
        _sync(self._waiting)
        folders: dict[Path, None] = {}
        while self._waiting:
            temporary, target = self._waiting[0]
            try:
                temporary.replace(target)
            except OSError as error:
                raise _failure(target, error) from error
            self._waiting.popleft()
            folders[target.parent] = None
        for folder in folders:
            _sync_folder(folder)

    def discard(self) -> None:
        """Remove what was staged and not committed."""
        for temporary, _ in self._waiting:
            try:
                temporary.unlink(missing_ok=True)
            except OSError:
                # The failure that brought us here is the one to report.
                continue


def _target(folder: Path, name: str, known: dict[Path, Path]) -> Path:
    """The file that a name stands for; its folder exists and is inside of `folder`.

    Args:
        known: folders that were looked at before, with what they really are; added to.
    """
    if not _is_safe(name):
        raise PublishError(f"{name!r} is no safe name for a file below {folder}")
    parts = name.split("/")
    parent = folder.joinpath(*parts[:-1])
    try:
        if parent not in known:
            known[parent] = _make_folder(folder, parent, name)
        target = known[parent] / parts[-1]
        if target.is_symlink() and not target.resolve().is_relative_to(folder.resolve()):
            raise _outside(folder, name)
    except (OSError, RuntimeError) as error:
        raise _failure(parent / parts[-1], error) from error
    return target


def _is_safe(name: str) -> bool:
    """Whether this is a plain relative path on every system: no way up, no drive, nothing that cannot be encoded."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    if "\\" in name or "\0" in name or PureWindowsPath(name).drive:
        return False
    return all(part not in ("", ".", "..") for part in name.split("/"))


def _make_folder(folder: Path, parent: Path, name: str) -> Path:
    """Make `parent` with all folders above it, durably, and return it without symbolic links."""
    missing = [place for place in (parent, *parent.parents) if not place.exists()]
    base = folder.resolve()
    # Before anything is made: a symbolic link could lead a new folder outside, too.
    if not parent.resolve().is_relative_to(base):
        raise _outside(folder, name)
    parent.mkdir(parents=True, exist_ok=True)
    for place in missing:
        _sync_folder(place.parent)
    return parent.resolve()


def _holds(target: Path, data: bytes) -> bool:
    """Whether the file is there, is no link, and has these bytes."""
    try:
        status = target.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_size != len(data):
            return False
        return target.read_bytes() == data
    except FileNotFoundError:
        return False


def _create(path: Path, data: bytes) -> None:
    """Write a new file; never through a link, and for everybody to read as far as the umask allows."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(path, flags, 0o644), "wb", buffering=0) as file:
        left = memoryview(data)
        while left:
            left = left[file.write(left) :]


def _sync(waiting: Collection[tuple[Path, Path]]) -> None:
    """Make the bytes of temporary files durable."""
    if len(waiting) > _SYNC_EACH and hasattr(os, "sync"):
        os.sync()
        return
    for temporary, target in waiting:
        try:
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
        except OSError as error:
            raise _failure(target, error) from error


def _sync_folder(folder: Path) -> None:
    """Make the names in a folder durable, where the system can (Windows cannot open folders)."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        except OSError as error:
            # Some network file systems have no such thing, and say so.
            if error.errno not in (errno.EINVAL, errno.ENOTSUP):
                raise
        finally:
            os.close(descriptor)
    except OSError as error:
        raise _failure(folder, error) from error


def _outside(folder: Path, name: str) -> PublishError:
    return PublishError(
        f"{folder / name} is reached through a symbolic link that leads out of {folder}; remove the link"
    )


def _failure(path: Path, error: OSError | RuntimeError) -> PublishError:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return PublishError(f"{path} cannot be written: {reason}; make room or give permission, then run again")
