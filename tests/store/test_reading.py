"""Reading where nothing can be written: read-only mounts, folders of other users, beside a writer or not."""

from __future__ import annotations

import encodings.utf_8_sig  # noqa: F401 - a child of another user may not be able to read it then
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from alembic import command as alembic
from alembic.config import Config
from sqlalchemy import create_engine

from aggregator import store as package
from aggregator.errors import StoreError
from aggregator.store import open_for_reading, open_store
from aggregator.store.filecopies import backup
from aggregator.store.schema import REVISION
from tests import ROOT
from tests.origin import Origin
from tests.store_samples import entry, fill, update
from tests.support import Site, command, item, rss

READERS = (
    ["status", "--json"],
    ["status"],
    ["health", "--max-age", "1h"],
    ["etiquette"],
    ["fix"],
    ["update", "--dry-run", "--all"],
)


@contextmanager
def read_only(folder: Path) -> Iterator[Path]:
    """A view of a folder through which nothing can be written; the folder itself stays as it is."""
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if mount is None or umount is None or not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("only root can mount")
    view = folder.with_name(f"{folder.name}-view")
    view.mkdir()
    if subprocess.run([mount, "--bind", str(folder), str(view)], capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        subprocess.run([mount, "-o", "remount,bind,ro", str(view)], check=True)
        yield view
    finally:
        subprocess.run([umount, str(view)], check=True)


def listing(folder: Path) -> dict[str, tuple[int, int]]:
    return {path.name: (path.stat().st_size, path.stat().st_mtime_ns) for path in folder.iterdir()}


def stored(path: Path) -> int:
    with open_for_reading(path) as store:
        return store.entry_counts()["a"]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder whose database has two entries, and is open nowhere."""
    folder = tmp_path / "data"
    with closing(open_store(folder / "aggregator.db")) as store:
        fill(store, "1", "2")
    return folder


def test_commands_work_on_a_read_only_mount(site: Site, origin: Origin) -> None:
    site.configure({"id": "one", "feed": origin.route("/one", rss([item(1)]))})
    site.run("update")
    before = listing(site.data)
    with read_only(site.data) as view:
        for arguments in READERS:
            done = command(*arguments, "--config", str(site.config), "--data", str(view))
            assert done.status == 0, (arguments, done)
        status = command("status", "--json", "--config", str(site.config), "--data", str(view))
        assert json.loads(status.stdout)[0]["entries"] == 1
        assert command("backup", str(site.folder / "copy.db"), "--data", str(view)).status == 0
        refused = command("update", "--config", str(site.config), "--data", str(view))
        assert (refused.status, "Read-only file system" in refused.stderr) == (4, True)
    assert listing(site.data) == before
    assert stored_in_copy(site.folder / "copy.db") == 1


def stored_in_copy(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        count: int = connection.execute("SELECT count(*) FROM entries").fetchone()[0]
        return count


def test_a_reader_sees_what_a_writer_has_written_and_not_yet_moved_into_the_database(
    data: Path, tmp_path: Path
) -> None:
    with read_only(data) as view, closing(open_store(data / "aggregator.db")) as writer:
        for number in range(3, 6):
            writer.apply(update("a", entry("a", str(number))))
            assert stored(view / "aggregator.db") == number
        with open_for_reading(view / "aggregator.db") as reader:
            with pytest.raises(StoreError, match="readonly"):
                reader.mark_pending(["a"])
            writer.apply(update("a", entry("a", "6")))
            assert reader.entry_counts()["a"] == 6
        backup(view / "aggregator.db", tmp_path / "copy.db")
    assert stored_in_copy(tmp_path / "copy.db") == 6
    assert [path.name for path in data.iterdir()] == ["aggregator.db"]


@pytest.mark.parametrize("left", [("-wal",), ("-wal", "-shm")])
def test_what_a_crash_left_in_the_log_is_seen(data: Path, tmp_path: Path, left: tuple[str, ...]) -> None:
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    with closing(open_store(data / "aggregator.db")) as writer:
        writer.apply(update("a", entry("a", "3")))
        for end in ("", *left):
            shutil.copyfile(data / f"aggregator.db{end}", crashed / f"aggregator.db{end}")
    before = listing(crashed)
    with read_only(crashed) as view:
        assert stored(view / "aggregator.db") == 3
    assert listing(crashed) == before


def test_a_writer_that_comes_and_goes_is_never_in_the_way_of_the_truth(data: Path) -> None:
    path = data / "aggregator.db"
    # In a process of its own: two connections of one process would share what they know of the side files.
    code = (
        "import sys\n"
        "from contextlib import closing\n"
        "from pathlib import Path\n"
        "from aggregator.store import open_store\n"
        "from tests.store_samples import entry, update\n"
        "for number in range(3, 40):\n"
        "    with closing(open_store(Path(sys.argv[1]))) as writer:\n"
        "        writer.apply(update('a', entry('a', str(number))))\n"
    )
    root = ROOT
    with (
        read_only(data) as view,
        subprocess.Popen(
            [sys.executable, "-c", code, str(path)], cwd=root, stderr=subprocess.PIPE, text=True
        ) as writer,
    ):
        seen = []
        while writer.poll() is None:
            try:
                seen.append(stored(view / "aggregator.db"))
            except StoreError as error:
                # It says so where it had no luck; it never reads half of something.
                assert "try again" in str(error) or "unable to open" in str(error)
        assert writer.stderr is not None
        assert (writer.returncode, writer.stderr.read()) == (0, "")
        assert seen == sorted(seen)
        assert stored(view / "aggregator.db") == 39


def test_a_database_of_an_older_version_is_read(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    engine = create_engine(f"sqlite:///{data / 'aggregator.db'}")
    config = Config()
    config.set_main_option("script_location", str(Path(package.__file__).parent / "migrations"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        alembic.upgrade(config, "0001")
    engine.dispose()
    with read_only(data) as view, open_for_reading(view / "aggregator.db") as store:
        assert store.states() == {}
    with closing(sqlite3.connect(data / "aggregator.db")) as old:
        assert old.execute("SELECT version_num FROM alembic_version").fetchone()[0] != REVISION


def test_a_copy_made_by_backup_is_read(data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "old"
    folder.mkdir()
    backup(data / "aggregator.db", folder / "aggregator.db")
    with read_only(folder) as view:
        assert stored(view / "aggregator.db") == 2


@contextmanager
def other_user() -> Iterator[Path]:
    """A folder that belongs to root, and the rights of somebody else."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        with closing(open_store(folder / "aggregator.db")) as store:
            fill(store, "1", "2")
        os.seteuid(65534)
        try:
            yield folder
        finally:
            os.seteuid(0)


def test_another_user_reads_what_the_mode_allows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AGGREGATOR_DB_MODE", "0644")
    with other_user() as folder:
        before = listing(folder)
        assert stored(folder / "aggregator.db") == 2
        assert listing(folder) == before


def test_another_user_is_told_who_can_help(site: Site, origin: Origin) -> None:
    site.configure({"id": "one", "feed": origin.url})
    site.config.chmod(0o644)
    with (
        other_user() as folder,
        pytest.raises(StoreError, match=r"its owner may allow it with AGGREGATOR_DB_MODE=0640"),
    ):
        stored(folder / "aggregator.db")


def test_a_folder_that_may_not_be_entered_is_told(tmp_path: Path, site: Site, origin: Origin) -> None:
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    site.configure({"id": "one", "feed": origin.url})
    with tempfile.TemporaryDirectory() as name:
        config = Path(name) / "feeds.yaml"
        shutil.copyfile(site.config, config)
        closed = Path(name) / "data"
        closed.mkdir(mode=0o700)
        Path(name).chmod(0o755)
        config.chmod(0o644)
        os.seteuid(65534)
        try:
            done = command("status", "--config", str(config), "--data", str(closed))
        finally:
            os.seteuid(0)
    assert done.status == 4
    assert "aggregator.db cannot be read: Permission denied; check its permissions" in done.stderr
