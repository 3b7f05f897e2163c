"""Published files are replaced as a whole, only where they differ, and never outside of their folder."""

from __future__ import annotations

import os
import resource
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from aggregator.models import Rendered
from aggregator.publish import files
from aggregator.publish.files import FileError, Staged, delete, digest, write
from tests.support import read_tree


def _output(name: str, data: bytes = b"new") -> Rendered:
    return Rendered(name, "text/plain", data)


def _stamps(folder: Path) -> dict[str, tuple[int, int]]:
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("number", [1, 8, 9, 600])
def test_only_what_differs_is_written(tmp_path: Path, number: int) -> None:
    folder = tmp_path / "data" / "posts"
    names = [f"{n % 3}/{n}.md" for n in range(number)]
    assert write(folder, [_output(name) for name in names]).changed == names
    assert read_tree(folder) == dict.fromkeys(names, b"new")
    before = _stamps(folder)
    assert write(folder, iter([_output(name) for name in names])).changed == []
    assert _stamps(folder) == before
    assert write(folder, [_output(name, b"wen" if name == names[0] else b"new") for name in names]).changed == [
        names[0]
    ]
    assert {name for name, stamp in _stamps(folder).items() if stamp != before[name]} == {Path(names[0]).name}
    assert (folder / names[0]).read_bytes() == b"wen"


def test_outputs_are_taken_in_batches_bounded_by_number_and_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_BATCH", 3)
    monkeypatch.setattr(files, "_BATCH_BYTES", 10)
    seen: list[list[str]] = []

    def outputs() -> Iterator[Rendered]:
        for name, size in zip("abcdefgh", (1, 1, 1, 1, 9, 20, 0, 5), strict=True):
            seen.append(sorted(read_tree(tmp_path)))
            yield _output(name, bytes(size))

    assert write(tmp_path, outputs()).changed == list("abcdefgh")
    assert [len(names) for names in seen] == [0, 0, 0, 3, 3, 5, 6, 6]


def test_nothing_to_write_makes_nothing(tmp_path: Path) -> None:
    assert write(tmp_path / "public", []).changed == []
    assert list(tmp_path.iterdir()) == []


def test_last_of_two_outputs_with_one_name_counts(tmp_path: Path) -> None:
    assert write(tmp_path, [_output("a", b"1"), _output("b"), _output("a", b"2")]).changed == ["a", "b"]
    assert read_tree(tmp_path) == {"a": b"2", "b": b"new"}


def test_longest_post_name_fits(tmp_path: Path) -> None:
    name = "n/" + "中" * 65 + "ab.md"
    assert write(tmp_path, [_output(name)]).changed == [name]


def test_files_are_readable_as_far_as_the_umask_allows(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write(tmp_path, [_output("a")])
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "/etc/x",
        "../x",
        "a/../x",
        "a/../../x",
        "./a",
        "a//b",
        "a/",
        "a\\b",
        "C:x",
        "C:\\x",
        "a\0b",
        "\ud800",
    ],
)
def test_unsafe_names_are_refused(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "in" / "side"
    written = write(folder, [_output("fine"), _output(name)])
    assert (written.changed, list(written.failed)) == (["fine"], [name])
    assert "no safe name" in written.failed[name].reason
    with pytest.raises(FileError, match="no safe name"):
        delete(folder, name)
    assert read_tree(tmp_path) == {"in/side/fine": b"new"}


def test_links_that_lead_outside_are_refused(tmp_path: Path) -> None:
    folder, outside = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    outside.mkdir()
    (outside / "kept").write_bytes(b"old")
    (folder / "folder").symlink_to(outside)
    (folder / "file").symlink_to(outside / "kept")
    (folder / "dangling").symlink_to(outside / "new")
    (folder / "loop").symlink_to(folder / "loop")
    names = ["folder/a", "folder/deeper/a", "file", "dangling", "dangling/a", "loop/a"]
    written = write(folder, [_output("first"), *map(_output, names), _output("last")])
    assert written.changed == ["first", "last"]
    assert list(written.failed) == names
    assert "leads out of" in written.failed["file"].reason
    assert read_tree(outside) == {"kept": b"old"}


def test_nothing_is_deleted_through_a_link_that_leads_outside(tmp_path: Path) -> None:
    folder, outside = tmp_path / "in", tmp_path / "out"
    (folder / "real" / "directory").mkdir(parents=True)
    outside.mkdir()
    (outside / "kept").write_bytes(b"old")
    (folder / "folder").symlink_to(outside)
    (folder / "file").symlink_to(outside / "kept")
    (folder / "inside").symlink_to(folder / "real")
    write(folder, [_output("real/a"), _output("real/b")])
    for name in ("folder/kept", "file"):
        with pytest.raises(FileError, match="leads out of"):
            delete(folder, name)
    for name in ("folder/none", "none", "none/a", "real/a/b", "real/directory"):
        assert not delete(folder, name)
    assert not delete(folder, "real/b", only=digest(b"other"))
    assert delete(folder, "real/b", only=digest(b"new"))
    assert delete(folder, "inside/a")
    assert read_tree(tmp_path) == {"out/kept": b"old", "in/file": b"old"}
    assert (folder / "real" / "directory").is_dir()


def test_folder_itself_may_be_a_link_and_links_inside_are_followed(tmp_path: Path) -> None:
    real = tmp_path / "real"
    (real / "a").mkdir(parents=True)
    (tmp_path / "link").symlink_to(real)
    (real / "b").symlink_to(real / "a")
    (real / "a" / "f").symlink_to(real / "a" / "g")
    assert write(tmp_path / "link", [_output("b/f")]).changed == ["b/f"]
    assert read_tree(real / "a") == {"f": b"new"}
    assert not (real / "a" / "f").is_symlink()


def test_stale_temporary_files_are_removed(tmp_path: Path) -> None:
    write(tmp_path, [_output("same"), _output("other", b"old")])
    (tmp_path / ".same.aggregator-tmp").write_bytes(b"half")
    (tmp_path / ".other.aggregator-tmp").symlink_to(tmp_path / "same")
    assert write(tmp_path, [_output("same"), _output("other")]).changed == ["other"]
    assert read_tree(tmp_path) == {"same": b"new", "other": b"new"}


def test_temporary_files_of_others_stay(tmp_path: Path) -> None:
    others = {".same.tmp": b"mine", ".other.tmp": b"mine", ".same": b"mine"}
    for name, data in others.items():
        (tmp_path / name).write_bytes(data)
    for data in (b"1", b"2"):
        assert write(tmp_path, [_output("same"), _output("other", data)]).failed == {}
    assert read_tree(tmp_path) == {**others, "same": b"new", "other": b"2"}


def test_file_that_is_not_ours_is_never_replaced_by_the_first_output(tmp_path: Path) -> None:
    (tmp_path / "directory").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for name, data in (("theirs", b"theirs"), ("same", b"new"), ("crashed", b"half"), ("edited", b"edited")):
        (tmp_path / name).write_bytes(data)
    ours = dict.fromkeys(["directory", "link", "theirs", "same", "free"], ()) | {"crashed": (digest(b"half"),)}
    seen: list[Staged] = []

    def before(staged: Sequence[Staged]) -> list[str]:
        assert read_tree(tmp_path).items() >= {"crashed": b"half", "edited": b"edited"}.items()
        seen.extend(staged)
        return [file.name for file in staged if file.name != "edited"]

    written = write(tmp_path, map(_output, [*ours, "edited"]), ours=ours, before=before)
    assert written.taken == ["directory", "link", "theirs"]
    assert written.changed == ["free", "crashed"]
    assert written.failed == {}
    assert seen == [("free", False), ("crashed", True), ("edited", True)]
    whole = {"theirs": b"theirs", "same": b"new", "free": b"new", "crashed": b"new", "edited": b"edited"}
    assert read_tree(tmp_path) == whole


@contextmanager
def _file_size_limit(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond `size`: for the writer, the same as a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_full_disk_leaves_the_old_file_and_no_temporary(tmp_path: Path) -> None:
    write(tmp_path, [_output("a", b"old a"), _output("b", b"old b")])
    with _file_size_limit(1 << 20):
        written = write(tmp_path, [_output("a"), _output("b", bytes(2 << 20)), _output("c")])
    assert written.changed == ["a", "c"]
    assert str(written.failed["b"]) == "b: cannot be written: File too large; make room, then run again"
    assert read_tree(tmp_path) == {"a": b"new", "b": b"old b", "c": b"new"}


def test_target_that_cannot_be_replaced_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken" / "inside").mkdir(parents=True)
    (tmp_path / "file").touch()
    written = write(tmp_path, [_output("a"), _output("taken"), _output("file/x"), _output("z")])
    assert written.changed == ["a", "z"]
    assert str(written.failed["taken"]).startswith("taken: cannot be written: Is a directory; move away what is")
    assert str(written.failed["file/x"]).startswith("file/x: cannot be written: ")
    assert read_tree(tmp_path) == {"a": b"new", "file": b"", "z": b"new"}


@pytest.mark.parametrize("number", [1, 20])
def test_file_that_may_not_be_changed_costs_itself_only(tmp_path: Path, number: int) -> None:
    names = [f"{n}" for n in range(number)]
    write(tmp_path, [_output(name, b"old") for name in [*names, "fixed"]])
    chattr = shutil.which("chattr")
    if chattr is None or subprocess.run([chattr, "+i", str(tmp_path / "fixed")], capture_output=True).returncode:
        pytest.skip("no file can be made immutable here")
    try:
        written = write(tmp_path, map(_output, [*names, "fixed", "last"]))
        with pytest.raises(FileError, match="fixed: cannot be deleted: Operation not permitted; give permission"):
            delete(tmp_path, "fixed")
    finally:
        subprocess.run([chattr, "-i", str(tmp_path / "fixed")], check=True)
    assert written.changed == [*names, "last"]
    assert list(written.failed) == ["fixed"]
    assert read_tree(tmp_path) == {**dict.fromkeys([*names, "last"], b"new"), "fixed": b"old"}
    assert write(tmp_path, [_output("fixed")]).changed == ["fixed"]


# Forks for one of every few lines that the writer executes, and has the child killed at this line.
_KILLED_AT_EVERY_LINE = """
import os, shutil, signal, sys
from pathlib import Path
from aggregator.models import Rendered
from aggregator.publish import files

top = Path(sys.argv[1])
count, stride = int(sys.argv[2]), int(sys.argv[3])
names = [f"{n % 2}/{n}" for n in range(count)]
old = [Rendered(name, "", b"old" * 5000) for name in names[:-1]]
new = [Rendered(name, "", b"new" * 5000) for name in names]
both = {b"old" * 5000, b"new" * 5000}

def tree(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

def write_until(step, folder):
    left = step
    def trace(frame, event, argument):
        nonlocal left
        if frame.f_code.co_filename != files.__file__:
            return None
        if event == "line":
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace
    sys.settrace(trace)
    files.write(folder, new)
    os._exit(0)

step = 0
while True:
    folder = top / "run"
    files.write(folder, old)
    child = os.fork()
    if child == 0:
        write_until(step, folder)
    _, status = os.waitpid(child, 0)
    seen = tree(folder)
    assert all(data in both for name, data in seen.items() if not os.path.basename(name).startswith(".")), step
    assert {output.name for output in old} <= set(seen), step
    again = old if step // stride % 2 else new
    files.write(folder, again)
    assert tree(folder).items() >= {output.name: output.data for output in again}.items(), step
    last = f".{count - 1}.aggregator-tmp"
    assert not [path for path in folder.rglob(".*") if path.name != last or again is new], step
    shutil.rmtree(folder)
    step += stride
    if os.waitstatus_to_exitcode(status) == 0:
        break
print(step)
"""


@pytest.mark.parametrize(("count", "stride"), [(2, 3), (12, 31)], ids=["each synced", "synced together"])
def test_killed_at_any_line_leaves_whole_files(tmp_path: Path, count: int, stride: int) -> None:
    command = [sys.executable, "-c", _KILLED_AT_EVERY_LINE, str(tmp_path), str(count), str(stride)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 20 * count
