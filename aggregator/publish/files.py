"""The only writer of published files: each one is replaced as a whole, and only when its bytes differ.

In: a folder and outputs. Out: the files, and the names of those that changed. A reader sees the old bytes or the new
ones, never a part; so does the next run after a crash at any point. Nothing outside of the folder is ever written.

Files are staged beside their targets as ``.<name>.tmp``, synced, and renamed over them, batch by batch. What a killed
run left behind is removed by the next one that comes to the same target.
"""

# What is done to every file works on strings: making a `Path` costs as much as a system call.
# ruff: noqa: PTH105, PTH108, PTH123

from __future__ import annotations

import errno
import os
import re
import stat
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from aggregator.errors import PublishError
from aggregator.models import Rendered

#: Outputs that are staged together, and their bytes, about; bounds the memory of a generator's outputs too.
_BATCH = 512
_BATCH_BYTES = 4 << 20
#: Up to here each file is synced by itself; above, one sync of everything is faster (by ten times at 500 files).
_SYNC_EACH = 8

_DRIVE = re.compile("[A-Za-z]:")
_NO_NAMES = frozenset({"", ".", ".."})


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
    changed: list[str] = []
    known: dict[str, str] = {}
    for batch in _batches(outputs):
        stage = _Stage(folder, known)
        try:
            changed += [name for name, data in batch.items() if stage.add(name, data)]
            stage.commit()
        finally:
            stage.discard()
    return changed


def delete(folder: Path, name: str) -> bool:
    """Delete a file below a folder, if it is there; never one that is reached through a link that leads out of it.

    Returns:
        Whether there was such a file.

    Raises:
        PublishError: its name is unsafe, it is reached through a link that leads outside, or the system refused.
    """
    path = folder / name
    if not _is_safe(name):
        raise PublishError(f"{name!r} is no safe name for a file below {folder}")
    try:
        if not _is_inside(path.parent, folder):
            raise _outside(folder, name)
        path.unlink()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, RuntimeError) as error:
        raise PublishError(f"{path} cannot be deleted: {error}; give permission, then run again") from error
    return True


def _batches(outputs: Iterable[Rendered]) -> Iterator[dict[str, bytes]]:
    """The bytes of each name, in batches that are worth a sync and fit into memory."""
    batch: dict[str, bytes] = {}
    size = 0
    for output in outputs:
        batch[output.name] = output.data
        size += len(output.data)
        if len(batch) >= _BATCH or size >= _BATCH_BYTES:
            yield batch
            batch, size = {}, 0
    if batch:
        yield batch


class _Stage:
    """Files of one batch on their way to their targets.

    Args:
        folder: where all of them belong.
        known: what the folders of names really are, for those that were looked at before; added to.
    """

    def __init__(self, folder: Path, known: dict[str, str]) -> None:
        self._folder = folder
        self._known = known
        #: Temporary file, target and its folder of each.
        self._waiting: deque[tuple[str, str, str]] = deque()

    def add(self, name: str, data: bytes) -> bool:
        """Stage a file, unless its target holds these bytes already."""
        parent, base = self._place(name)
        target, temporary = f"{parent}{os.sep}{base}", f"{parent}{os.sep}.{base}.tmp"
        try:
            status = _status(target)
            if status is not None and stat.S_ISLNK(status.st_mode) and not _is_inside(Path(target), self._folder):
                raise _outside(self._folder, name)
            if status is not None and _holds(target, status, data):
                _remove(temporary)
                return False
            self._waiting.append((temporary, target, parent))
            _create(temporary, data)
        except (OSError, RuntimeError) as error:
            raise _failure(target, error) from error
        return True

    def commit(self) -> None:
        """Make the staged files durable, then visible, then their names durable."""
        _sync(self._waiting)
        folders: dict[str, None] = {}
        while self._waiting:
            temporary, target, parent = self._waiting[0]
            try:
                os.replace(temporary, target)
            except OSError as error:
                raise _failure(target, error) from error
            self._waiting.popleft()
            folders[parent] = None
        for folder in folders:
            _sync_folder(folder)

    def discard(self) -> None:
        """Remove what was staged and not committed."""
        for temporary, _, _ in self._waiting:
            try:
                _remove(temporary)
            except OSError:
                # The failure that brought us here is the one to report.
                continue

    def _place(self, name: str) -> tuple[str, str]:
        """The folder of a name, which exists and is inside of ours, and the name in it."""
        folder, _, base = name.rpartition("/")
        if not _is_safe(name):
            raise PublishError(f"{name!r} is no safe name for a file below {self._folder}")
        place = self._known.get(folder)
        if place is None:
            parent = self._folder / folder
            try:
                place = self._known[folder] = str(_make_folder(self._folder, parent, name))
            except (OSError, RuntimeError) as error:
                raise _failure(parent / base, error) from error
        return place, base


def _is_safe(name: str) -> bool:
    """Whether this is a plain relative path on every system: no way up, no drive, nothing that cannot be encoded."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    if "\\" in name or "\0" in name or _DRIVE.match(name):
        return False
    return _NO_NAMES.isdisjoint(name.split("/"))


def _make_folder(folder: Path, parent: Path, name: str) -> Path:
    """Make `parent` with all folders above it, durably, and return it without symbolic links."""
    missing = [place for place in (parent, *parent.parents) if not place.exists()]
    # Before anything is made: a symbolic link could lead a new folder outside, too.
    if not _is_inside(parent, folder):
        raise _outside(folder, name)
    parent.mkdir(parents=True, exist_ok=True)
    for place in missing:
        _sync_folder(place.parent)
    return parent.resolve()


def _is_inside(path: Path, folder: Path) -> bool:
    """Whether a path is inside of a folder, all symbolic links followed."""
    return path.resolve().is_relative_to(folder.resolve())


def _status(path: str) -> os.stat_result | None:
    """What is at a path, links not followed; None where there is nothing."""
    try:
        return os.lstat(path)
    except FileNotFoundError:
        return None


def _holds(target: str, status: os.stat_result, data: bytes) -> bool:
    """Whether a file is no link and has these bytes."""
    if not stat.S_ISREG(status.st_mode) or status.st_size != len(data):
        return False
    try:
        with open(target, "rb", buffering=0) as file:
            return file.read() == data
    except FileNotFoundError:
        return False


def _create(path: str, data: bytes) -> None:
    """Write a new file; never through a link, and for everybody to read as far as the umask allows."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags, 0o644)
    except FileExistsError:
        # A killed run left it; looking first would cost a system call for each of the others.
        _remove(path)
        descriptor = os.open(path, flags, 0o644)
    try:
        written = os.write(descriptor, data)
        while written < len(data):
            written += os.write(descriptor, memoryview(data)[written:])
    finally:
        os.close(descriptor)


def _remove(path: str) -> None:
    """Delete a file, if it is there."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return


def _sync(waiting: Collection[tuple[str, str, str]]) -> None:
    """Make the bytes of temporary files durable."""
    if len(waiting) > _SYNC_EACH and hasattr(os, "sync"):
        os.sync()
        return
    for temporary, target, _ in waiting:
        try:
            with open(temporary, "rb+") as file:
                os.fsync(file.fileno())
        except OSError as error:
            raise _failure(target, error) from error


def _sync_folder(folder: str | Path) -> None:
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


def _failure(path: str | Path, error: OSError | RuntimeError) -> PublishError:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return PublishError(f"{path} cannot be written: {reason}; make room or give permission, then run again")
