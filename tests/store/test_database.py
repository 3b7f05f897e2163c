"""Opening, locking and everything that can be wrong with the file."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from aggregator.errors import RowError, StoreError
from aggregator.store import Store, UnreadableRow, open_store
from aggregator.store.sqlite import SqliteDatabase
from aggregator.store.sqlstore import SqlStore
from tests.store_samples import entry, fill, pending_keys, update


def use(store: Store) -> None:
    """Read everything, write something, and close."""
    with closing(store):
        store.states()
        store.pending(10)
        store.newest(None, 10)
        store.mark_pending(["a"])
        store.record_fingerprints({"a": "1"})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database with some entries."""
    path = tmp_path / "aggregator.db"
    with closing(open_store(path)) as store:
        fill(store, *(f"k{number}" for number in range(200)))
    return path


@pytest.mark.parametrize("name", ["a b.db", "%20?mode=ro#x.db", ":memory:", "新.db"])
def test_the_file_is_the_one_that_was_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / "deep" / "er" / name
    open_store(path).close()
    assert [file.name for file in path.parent.iterdir()] == [name]
    assert path.read_bytes().startswith(b"SQLite format 3")


def test_relative_path_is_kept_when_the_working_directory_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = open_store(Path("aggregator.db"))
    monkeypatch.chdir("/")
    use(store)
    assert (tmp_path / "aggregator.db").is_file()


def test_the_connection_is_set_up_for_safety_and_speed(path: Path) -> None:
    database = SqliteDatabase(path)
    with database.read() as connection:
        settings = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    database.close()
    assert settings == {"journal_mode": "wal", "synchronous": 1, "foreign_keys": 1, "busy_timeout": 30_000}


def test_reader_sees_one_state_while_another_writes(path: Path) -> None:
    database = SqliteDatabase(path)
    with closing(open_store(path)) as writer, database.read() as connection:
        count = "SELECT count(*) FROM entries"
        before = connection.exec_driver_sql(count).scalar()
        writer.apply(update("a", entry("a", "new")))
        assert connection.exec_driver_sql(count).scalar() == before
    database.close()


def test_a_transaction_that_fails_leaves_nothing_behind(path: Path) -> None:
    store = SqlStore(database := SqliteDatabase(path))
    with pytest.raises(KeyboardInterrupt), database.write() as connection:
        connection.exec_driver_sql("DELETE FROM entries")
        raise KeyboardInterrupt
    assert len(pending_keys(store)) == 200
    use(store)


def test_many_processes_may_make_the_database_at_once(tmp_path: Path) -> None:
    path = tmp_path / "aggregator.db"
    code = (
        "import sys, pathlib; from aggregator.store import open_store; s = open_store(pathlib.Path(sys.argv[1]));"
        "s.record_fingerprints({sys.argv[2]: ''}); s.close()"
    )
    names = ["1", "2", "3", "4"]
    processes = [subprocess.Popen([sys.executable, "-c", code, str(path), name]) for name in names]
    assert [process.wait() for process in processes] == [0] * len(names)
    with closing(open_store(path)) as store:
        assert sorted(store.fingerprints()) == names


# -- what can be wrong -----------------------------------------------------------------------------------------------


def test_locked_by_another_process(path: Path) -> None:
    holder, waiting = SqliteDatabase(path), SqliteDatabase(path, lock_timeout=0.01)
    store = SqlStore(waiting)
    with holder.write():
        with pytest.raises(StoreError, match=r"aggregator\.db: database is locked: another process is writing"):
            store.record_fingerprints({"a": "1"})
        assert store.fingerprints() == {}
    holder.close()
    use(store)


def test_disk_full(path: Path) -> None:
    store = SqlStore(database := SqliteDatabase(path))
    with database.read() as connection:
        pages: int = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    before = (store.states(), store.entry_counts(), pending_keys(store))
    with pytest.raises(StoreError, match=r"aggregator\.db: .*full: .*free some space"):
        store.apply(update("a", *(entry("a", f"n{number}", html="x" * 10_000) for number in range(50)), etag="new"))
    assert (store.states(), store.entry_counts(), pending_keys(store)) == before
    with database.read() as connection:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages * 100}")
    use(store)


@pytest.mark.parametrize("content", [b"no database " * 1000, b"SQLite format 3\0" + b"\xff" * 8176, b"\0" * 5000])
def test_no_database(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "aggregator.db"
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"aggregator\.db: .*damaged or no database; put a backup in its place"):
        use(open_store(path))
    assert path.read_bytes() == content


@pytest.mark.parametrize("keep", [0.02, 0.3, 0.7])
def test_truncated_database(path: Path, keep: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(StoreError, match=r"aggregator\.db: .*damaged or no database"):
        use(open_store(path))


def test_damaged_database_raises_nothing_but_store_errors(path: Path) -> None:
    content = path.read_bytes()
    failures = 0
    for start in range(100, len(content), len(content) // 80):
        path.write_bytes(content[:start] + bytes(range(256)) * 4 + content[start + 1024 :])
        try:
            use(open_store(path))
        except StoreError:
            failures += 1
    assert failures > 10


def test_rows_that_cannot_be_read_are_left_out_where_that_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "aggregator.db"
    store = open_store(path)
    fill(store, *(f"k{n}" for n in range(9)))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE entries SET title = CAST(X'ff' AS TEXT) WHERE key IN ('k1', 'k2', 'k8')")
    for read in (store.pending, store.unassigned):
        with pytest.raises(RowError):
            read(9)
        unreadable: list[UnreadableRow] = []
        assert len(read(3, unreadable=unreadable)) == 3
        assert [row.entry for row in unreadable] == ["entry 'k1' of source 'a'", "entry 'k2' of source 'a'"]
    third = store.pending(3, unreadable=[])[-1]
    assert [item.entry.key for item in store.pending(9, third, [])] == ["k5", "k6", "k7"]
    assert [item.entry.key for item in store.pending(2, third)] == ["k5", "k6"]
    store.close()


def test_empty_file_is_a_new_database(tmp_path: Path) -> None:
    path = tmp_path / "aggregator.db"
    path.touch()
    use(open_store(path))


def test_database_of_another_program(tmp_path: Path) -> None:
    path = tmp_path / "aggregator.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")
    with pytest.raises(StoreError, match=r"aggregator\.db is the database of another program"):
        open_store(path)


def test_database_of_a_newer_version(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match=r"aggregator\.db was written by a newer version .*revision 9999"):
        open_store(path)


def test_folder_in_place_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="unable to open database file: check that this user may write"):
        open_store(tmp_path)


def test_file_in_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(StoreError, match="choose a data folder that this user may write"):
        open_store(tmp_path / "data" / "aggregator.db")


@contextmanager
def ordinary_user(folder: Path) -> Iterator[None]:
    """Run as a user whom permissions stop, which they do not for root."""
    if os.geteuid() != 0:
        yield
        return
    folder.chmod(0o555)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.skipif(os.name == "nt", reason="permissions are another matter on Windows")
def test_no_permission_to_write() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "aggregator.db"
        open_store(path).close()
        path.chmod(0o444)
        folder.chmod(0o555)
        with ordinary_user(folder):
            with pytest.raises(StoreError, match=r"aggregator\.db: .*check that this user may write"):
                use(open_store(path))
            with pytest.raises(StoreError, match=r"new\.db: .*check that this user may write"):
                open_store(folder / "new.db")
            with pytest.raises(StoreError, match=r"Permission denied.*choose a data folder"):
                open_store(folder / "new" / "aggregator.db")
        folder.chmod(0o755)
