"""The only writer of published files: each file is replaced as a whole, and only if its bytes differ.

In: a folder and outputs. Out: the files, the names of those that changed, and failures; a file that fails does not
affect the others. A reader sees the old bytes or the new ones, never a part; so does the next run after a crash at any
point. Nothing outside of the folder is ever written or deleted.

Files are staged beside their targets as ``.<name>.aggregator-tmp``, synced, and renamed, batch by batch. If a run is
killed, its temporary files are removed by the next run that writes the same targets.
"""

# What is done for every file uses strings: creating a `Path` takes as long as a system call.
# ruff: noqa: PTH105, PTH108, PTH112, PTH123

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from aggregator.errors import PublishError
from aggregator.models import Rendered
from aggregator.publish.report import OutputFailure

#: Outputs that are staged together, and approximately their bytes; this bounds the memory of generators of outputs.
_BATCH = 512
_BATCH_BYTES = 4 << 20
#: Up to this number each file is synced by itself; above it, one sync of everything is faster.
_SYNC_EACH = 8
#: The end of the names of temporary files; no other program and no person uses such names.
_TEMPORARY = ".aggregator-tmp"

_DRIVE = re.compile("[A-Za-z]:")
_NO_NAMES = frozenset({"", ".", ".."})


@dataclass(frozen=True, slots=True)
class Written:
    """The results of outputs; each name is in at most one list, and in none if its file already had the bytes."""

    #: In the order of the outputs.
    changed: list[str] = field(default_factory=list)
    #: Not written, because the file in its place belongs to somebody else.
    taken: list[str] = field(default_factory=list)
    failed: dict[str, OutputFailure] = field(default_factory=dict)


class Staged(NamedTuple):
    """A file that is about to be replaced."""

    name: str
    #: Whether its target exists.
    replaces: bool


def digest(data: bytes) -> str:
    """Return the digest by which a file is recognized."""
    return hashlib.sha256(data).hexdigest()


def _all(staged: Sequence[Staged]) -> Collection[str]:
    return {file.name for file in staged}


def write(
    folder: Path,
    outputs: Iterable[Rendered],
    *,
    ours: Mapping[str, Collection[str]] | None = None,
    before: Callable[[Sequence[Staged]], Collection[str]] = _all,
) -> Written:
    """Bring files up to date.

    Args:
        folder: the folder that the names of the outputs are relative to; created if it is missing.
        outputs: the content of the files. If a name occurs twice in a batch, the last output counts.
        ours: names at which files of others may stand, each with the digests of what this program may have written
            there. Such a file is replaced only if it has one of them, also if it changes until the last moment.
        before: called with the staged files of each batch before the first of them is replaced; it returns the names
            of the files to replace, and reports the others itself.

    Returns:
        The results. Every file is whole, written or not, and no temporary file of this call is left.
    """
    written = Written()
    known: dict[str, str] = {}
    root = os.path.realpath(folder)
    for batch in _batches(outputs):
        stage = _Stage(folder, root, known, ours or {}, written)
        try:
            for name, data in batch.items():
                stage.add(name, data)
            stage.commit(before)
        finally:
            stage.discard()
    return written


def delete(folder: Path, name: str, only: Collection[str] | None = None) -> bool:
    """Delete a file in a folder, if it exists, but never through a link that leads out of the folder.

    Args:
        folder: the folder that the name is relative to.
        name: the file. Anything that is neither a file nor a link stays.
        only: delete it only if its bytes have one of these digests.

    Returns:
        Whether a file was deleted.

    Raises:
        FileError: its name is unsafe, it is reached through a link that leads outside, or the system refused.
    """
    path = folder / name
    try:
        if not is_safe(name):
            raise _unsafe(folder, name)
        status = _status(str(path))
        if status is None or not (stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode)):
            return False
        if not is_inside(path.parent, folder) or (stat.S_ISLNK(status.st_mode) and not is_inside(path, folder)):
            raise _outside(folder, name)
        if only is not None and _digest_of(str(path), status) not in only:
            return False
        path.unlink()
    except NotADirectoryError:
        return False
    except (OSError, RuntimeError) as error:
        raise _refused(path, "cannot be deleted", error) from error
    return True


def withdraw(
    folder: Path,
    name: str,
    label: str,
    removed: list[str],
    failures: list[OutputFailure],
    *,
    only: Collection[str] | None = None,
) -> bool:
    """Delete a file as `delete` does, and record what became of it.

    Args:
        label: the name of the folder for people, which precedes that of the file.
        removed: gets the name of the file if it was deleted.
        failures: gets the failure if it could not be.

    Returns:
        Whether it is gone, or belongs to somebody else.
    """
    try:
        if delete(folder, name, only):
            removed.append(f"{label}/{name}")
    except FileError as error:
        failures.append(OutputFailure(f"{label}/{name}", error.reason, error.advice))
        return False
    return True


def _batches(outputs: Iterable[Rendered]) -> Iterator[dict[str, bytes]]:
    """Yield the bytes of each name, in batches that are worth a sync and fit into memory."""
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
        root: the same without symbolic links.
        known: the real folders of the names, for those that were looked up before; added to.
        ours: see `write`.
        written: the results; added to.
    """

    def __init__(
        self, folder: Path, root: str, known: dict[str, str], ours: Mapping[str, Collection[str]], written: Written
    ) -> None:
        self._folder = folder
        self._root = root
        self._known = known
        self._ours = ours
        self._written = written
        self._waiting: deque[_File] = deque()

    def add(self, name: str, data: bytes) -> None:
        """Stage a file, unless its target already has these bytes or belongs to somebody else."""
        temporary = ""
        try:
            parent, base = self._place(name)
            target, temporary = f"{parent}{os.sep}{base}", f"{parent}{os.sep}.{base}{_TEMPORARY}"
            status = _status(target)
            if status is not None and _holds(target, status, data):
                _remove(temporary)
                return
            if status is not None and not self._is_ours(name, target, status):
                self._written.taken.append(name)
                return
            if status is not None and stat.S_ISLNK(status.st_mode) and not is_inside(Path(target), self._folder):
                raise _outside(self._folder, name)
            # Added before the file is created, so that an interrupt leaves nothing behind.
            self._waiting.append(_File(name, temporary, target, parent, status))
            _create(temporary, data)
        except (PublishError, OSError, RuntimeError) as error:
            self._fail(name, error)
            if self._waiting and self._waiting[-1].name == name:
                _discard(self._waiting.pop())

    def commit(self, before: Callable[[Sequence[Staged]], Collection[str]]) -> None:
        """Make the staged files durable, then visible, then their names durable."""
        self._sync()
        if not self._waiting:
            return
        wanted = before([Staged(file.name, file.status is not None) for file in self._waiting])
        folders: dict[str, str] = {}
        while self._waiting:
            file = self._waiting[0]
            try:
                if file.name in wanted and file.name in self._ours and _has_changed(file):
                    self._written.taken.append(file.name)
                    _discard(file)
                elif file.name in wanted:
                    os.replace(file.temporary, file.target)
                    self._written.changed.append(file.name)
                    folders[file.parent] = file.name.rpartition("/")[0]
                else:
                    _discard(file)
            except OSError as error:
                self._fail(file.name, error)
                _discard(file)
            self._waiting.popleft()
        for folder, name in folders.items():
            try:
                _sync_folder(folder)
            except OSError as error:
                self._fail(f"{name}/", error)

    def discard(self) -> None:
        """Remove what was staged and not committed."""
        for file in self._waiting:
            _discard(file)

    def _is_ours(self, name: str, target: str, status: os.stat_result) -> bool:
        """Whether a file may be replaced: nobody else can have one there, or it has bytes of this program."""
        return name not in self._ours or _digest_of(target, status) in self._ours[name]

    def _sync(self) -> None:
        """Make the bytes of the staged files durable; a file for which that fails is no longer staged."""
        if len(self._waiting) > _SYNC_EACH and hasattr(os, "sync"):
            os.sync()
            return
        for file in tuple(self._waiting):
            try:
                with open(file.temporary, "rb+") as opened:
                    os.fsync(opened.fileno())
            except OSError as error:
                self._fail(file.name, error)
                self._waiting.remove(file)
                _discard(file)

    def _fail(self, name: str, error: Exception) -> None:
        if not isinstance(error, FileError):
            error = _refused(name, "cannot be written", error)
        self._written.failed[name] = OutputFailure(name, error.reason, error.advice)

    def _place(self, name: str) -> tuple[str, str]:
        """Return the real folder of a name, which exists and is inside of the root, and the name in it."""
        folder, _, base = name.rpartition("/")
        if not is_safe(name):
            raise _unsafe(self._folder, name)
        place = self._known.get(folder)
        if place is None:
            place = self._known[folder] = _make_folder(self._folder, self._root, self._folder / folder, name)
        return place, base


class _File(NamedTuple):
    """A file that is staged."""

    name: str
    temporary: str
    target: str
    parent: str
    #: The status of the target when the file was staged; None: it did not exist.
    status: os.stat_result | None


class FileError(PublishError):
    """One file cannot be written or deleted."""

    def __init__(self, path: Path | str, reason: str, advice: str) -> None:
        self.reason = reason
        self.advice = advice
        super().__init__(f"{path}: {reason}; {advice}")


def is_safe(name: str) -> bool:
    """Whether this is a plain relative path on every system: no `..`, no drive, nothing that cannot be encoded."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    if "\\" in name or "\0" in name or _DRIVE.match(name):
        return False
    return _NO_NAMES.isdisjoint(name.split("/"))


def _make_folder(folder: Path, root: str, parent: Path, name: str) -> str:
    """Create `parent` with its parents, durably, and return its real path; `root` is the real path of `folder`."""
    # Checked before anything is created: a symbolic link could lead to a new folder outside.
    place = os.path.realpath(parent)
    if not Path(place).is_relative_to(root):
        raise _outside(folder, name)
    if os.path.isdir(place):
        return place
    missing = [above for above in (parent, *parent.parents) if not above.exists()]
    parent.mkdir(parents=True, exist_ok=True)
    for made in missing:
        _sync_folder(made.parent)
    return os.path.realpath(parent)


def is_inside(path: Path, folder: Path) -> bool:
    """Whether a path is inside of a folder, after all symbolic links are followed."""
    return path.resolve().is_relative_to(folder.resolve())


def _status(path: str) -> os.stat_result | None:
    """Return the status of a path, without following links; None if it does not exist."""
    try:
        return os.lstat(path)
    except FileNotFoundError:
        return None


def _has_changed(file: _File) -> bool:
    """Whether the target of a file was changed since the file was staged."""
    return _stamp(_status(file.target)) != _stamp(file.status)


def _stamp(status: os.stat_result | None) -> tuple[int, int, int] | None:
    return None if status is None else (status.st_ino, status.st_size, status.st_mtime_ns)


def _holds(target: str, status: os.stat_result, data: bytes) -> bool:
    """Whether this is a regular file with these bytes."""
    if not stat.S_ISREG(status.st_mode) or status.st_size != len(data):
        return False
    try:
        with open(target, "rb", buffering=0) as file:
            return file.read() == data
    except (FileNotFoundError, PermissionError):
        return False


def _digest_of(path: str, status: os.stat_result) -> str | None:
    """Return the digest of a file; None if it is not a regular file or cannot be read."""
    if not stat.S_ISREG(status.st_mode):
        return None
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (FileNotFoundError, PermissionError):
        return None


def _create(path: str, data: bytes) -> None:
    """Write a new file, never through a link; everybody may read it as far as the umask allows."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags, 0o644)
    except FileExistsError:
        # A killed run left it. To check this first would take another system call for every file.
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


def _discard(file: _File) -> None:
    """Remove a temporary file if possible; an error is ignored, because the earlier failure is reported."""
    try:
        _remove(file.temporary)
    except OSError:
        return


def _sync_folder(folder: str | Path) -> None:
    """Make the names in a folder durable, if the system supports it (Windows cannot open folders)."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network file systems do not support this and report it.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def _unsafe(folder: Path, name: str) -> FileError:
    return FileError(folder / repr(name), "is no safe name for a file", "this is a bug; please report it")


def _outside(folder: Path, name: str) -> FileError:
    return FileError(folder / name, f"a symbolic link on the way to it leads out of {folder}", "remove the link")


def _refused(path: Path | str, what: str, error: Exception) -> FileError:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return FileError(path, f"{what}: {reason}", _advice(error))


def _advice(error: Exception) -> str:
    if isinstance(error, OSError):
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            return "make room, then run again"
        if error.errno in (errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENOTEMPTY, errno.ELOOP):
            return "move away what is in its place, then run again"
        if error.errno == errno.EROFS:
            return "mount the disk for writing, then run again"
    return "give permission, then run again"
