"""Databases copied in every direction: complete and equal, or not at all; damage is repaired, or named."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from aggregator.errors import LockedError, StoreError
from aggregator.models import HostTraffic
from aggregator.publish.publication import publish as write_all
from aggregator.store import open_store
from aggregator.store.copying import Copied, NotCopied, copy_database
from aggregator.store.schema import metadata
from aggregator.store.sides import FileTarget
from tests.postgres import empty_database, new_database
from tests.ruled_worlds import judged, random_settings, world
from tests.store_samples import entry, fill, newest_keys, publish, source, update

#: Rows of a file, by table.
Rows = dict[str, list[Any]]


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with rows in most tables."""
    folder = tmp_path_factory.mktemp("full")
    with world(folder, {**random_settings(1), "feeds": {"archive": True, "limit": 5}}) as one:
        one.read()
        write_all(one.store, one.config, folder, now=one.now)
        one.store.record_traffic(one.now, [HostTraffic("a.example", 1, 0, 0, 1, 1, 0)], {"b.example": one.now})
    path = folder / "aggregator.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    return path


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A file with three entries."""
    path = tmp_path / "small.db"
    with closing(open_store(path)) as store:
        fill(store, "k1", "k2", "k3")
        publish(store)
    return path


@pytest.fixture
def uri() -> Iterator[str]:
    """An empty PostgreSQL database."""
    with empty_database() as made:
        yield made


def rows(path: Path) -> Rows:
    """Everything in a file, as it is stored; the order counts where SQLite keeps one."""
    with closing(sqlite3.connect(path)) as connection:
        found = {}
        for table in metadata.sorted_tables:
            names = ", ".join(f'"{column.name}"' for column in table.columns if not column.system)
            found[table.name] = connection.execute(f'SELECT {names} FROM "{table.name}"').fetchall()  # noqa: S608
    return found


def harm(path: Path, statement: str) -> None:
    """Change a file as no program of ours would."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)


# -- whole databases ---------------------------------------------------------------------------------------------------


def test_there_and_back_nothing_differs(full: Path, tmp_path: Path, uri: str) -> None:
    reports: list[tuple[int, int]] = []
    with empty_database() as other:
        there = copy_database(full, uri, progress=lambda done, total: reports.append((done, total)))
        across = copy_database(uri, other)
        back = copy_database(other, tmp_path / "back.db")
    again = copy_database(full, tmp_path / "again.db")
    whole = rows(full)
    assert rows(tmp_path / "back.db") == rows(tmp_path / "again.db") == whole
    count = sum(map(len, whole.values()))
    assert sum(map(bool, whole.values())) > 10
    assert there == across == back == again == Copied(count, len(whole))
    assert all(done <= total == 2 * count for done, total in reports)
    with closing(open_store(full)) as one, closing(open_store(uri)) as two:
        assert judged(one) == judged(two)


def test_the_copy_goes_on_where_the_original_ended(small: Path, uri: str) -> None:
    copy_database(small, uri)
    with closing(open_store(uri)) as store:
        store.sync_sources([source("a"), source("b")])
        store.apply(update("b", entry("b", "k4")))
        store.apply(update("a", entry("a", "k5")))
        publish(store)
        assert sorted(newest_keys(store)) == ["k1", "k2", "k3", "k4", "k5"]


def test_others_may_write_meanwhile_and_are_not_copied(small: Path, uri: str) -> None:
    def write(done: int, total: int) -> None:
        raise AssertionError("there are too few rows")

    with closing(open_store(small)) as store:
        copy_database(small, uri, progress=write)
        store.apply(update("a", entry("a", "k4")))
    with closing(open_store(uri)) as copy:
        assert sorted(newest_keys(copy)) == ["k1", "k2", "k3"]


# -- what is refused ---------------------------------------------------------------------------------------------------


def test_a_target_with_rows_is_left_alone(small: Path, tmp_path: Path, uri: str) -> None:
    copy_database(small, uri)
    copy_database(small, tmp_path / "copy.db")
    before = rows(tmp_path / "copy.db")
    for target in (uri, tmp_path / "copy.db"):
        with pytest.raises(NotCopied, match="is not empty: there are rows in "):
            copy_database(small, target)
    assert rows(tmp_path / "copy.db") == before
    # One without rows is taken.
    open_store(tmp_path / "empty.db").close()
    copy_database(uri, tmp_path / "empty.db")
    assert rows(tmp_path / "empty.db") == before


def test_a_database_is_not_copied_to_itself(small: Path, tmp_path: Path, uri: str) -> None:
    (tmp_path / "link.db").symlink_to(small)
    open_store(uri).close()
    for one, other in ((small, tmp_path / "link.db"), (uri, f"{uri}&connect_timeout=3")):
        with pytest.raises(NotCopied, match="are the same database"):
            copy_database(one, other)


def test_what_cannot_be_a_source_or_a_target(small: Path, tmp_path: Path, uri: str) -> None:
    with pytest.raises(NotCopied, match=r"none\.db does not exist; there is nothing to copy"):
        copy_database(tmp_path / "none.db", uri)
    with pytest.raises(NotCopied, match="is a folder; name a file in it"):
        copy_database(small, tmp_path)
    with pytest.raises(NotCopied, match="is no folder; make it first"):
        copy_database(small, tmp_path / "none" / "x.db")
    with new_database() as other:
        with pytest.raises(StoreError, match="is no database of this program"):
            copy_database(other, tmp_path / "copy.db")
        with psycopg.connect(other) as connection:
            connection.execute("CREATE TABLE theirs (x int)")
        with pytest.raises(StoreError, match="is the database of another program; use another database"):
            copy_database(small, other)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["small.db"]


def test_a_source_of_another_version(small: Path, tmp_path: Path) -> None:
    with new_database() as uri:
        copy_database(small, uri)
        _refuse_versions(small, uri, tmp_path)


def _refuse_versions(small: Path, uri: str, folder: Path) -> None:
    for revision, advice in (("0001", "migrates it first"), ("9999", "install the newer version")):
        with closing(sqlite3.connect(small)) as connection, connection:
            connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
        with psycopg.connect(uri) as server:
            server.execute("UPDATE alembic_version SET version_num = %s", (revision,))
        for place in (small, uri):
            with pytest.raises(StoreError, match=f"has tables at revision {revision}, .*{advice}"):
                copy_database(place, folder / "copy.db")


def test_an_empty_target_that_is_in_use(small: Path, tmp_path: Path) -> None:
    with closing(open_store(tmp_path / "empty.db")), pytest.raises(LockedError, match="is in use by another process"):
        copy_database(small, tmp_path / "empty.db")


# -- copies that do not come to their end ------------------------------------------------------------------------------


def test_an_interrupted_copy_leaves_nothing(small: Path, tmp_path: Path, uri: str, monkeypatch: Any) -> None:
    monkeypatch.setattr("aggregator.store.copying._STEP", 2)

    def interrupt(done: int, total: int) -> None:
        if done > total // 2:
            raise KeyboardInterrupt

    for target in (uri, tmp_path / "copy.db"):
        with pytest.raises(KeyboardInterrupt):
            copy_database(small, target, progress=interrupt)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["small.db"]
    # The next one begins anew.
    assert copy_database(small, uri) == copy_database(small, tmp_path / "copy.db")


def test_a_copy_that_differs_is_found_and_not_kept(small: Path, tmp_path: Path, monkeypatch: Any) -> None:
    write = FileTarget.write

    def forget(self: FileTarget, of: Any, rows: Any) -> None:
        write(self, of, list(rows)[1:])

    monkeypatch.setattr(FileTarget, "write", forget)
    with pytest.raises(StoreError, match=r"the table \w+ is not what was written, \d rows in place of \d"):
        copy_database(small, tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()


# -- damage ------------------------------------------------------------------------------------------------------------

#: A statement that damages a file; what is told of it; a query for what stands in its place in PostgreSQL; and that.
REPAIRED = {
    "a text that is not UTF-8": (
        "UPDATE entries SET title = CAST(X'41ff42' AS TEXT) WHERE pk = 1",
        "entries, pk 1: title is not UTF-8",
        "SELECT title FROM entries WHERE pk = 1",
        "A\ufffdB",
    ),
    "U+0000 in a text": (
        "UPDATE entries SET html = 'a' || char(0) || 'b' WHERE pk = 2",
        "entries, pk 2: html has the character U+0000",
        "SELECT html FROM entries WHERE pk = 2",
        "a\ufffdb",
    ),
    "a key that is not UTF-8 stays different from others": (
        "UPDATE entries SET key = CAST(X'41ff00' AS TEXT) WHERE pk = 3",
        "entries, pk 3: key is not UTF-8",
        "SELECT key FROM entries WHERE pk = 3",
        "A\\xff\\x00",
    ),
    "bytes in place of a text": (
        "UPDATE sources SET etag = X'61' WHERE pk = 1",
        None,
        "SELECT etag FROM sources",
        "a",
    ),
    "a text in place of a time of a state": (
        "UPDATE sources SET next_due_at = 'soon'",
        "sources, pk 1: next_due_at is `soon`, which is no whole number",
        "SELECT next_due_at FROM sources",
        None,
    ),
    "a day that is none": (
        "UPDATE sources SET gone_last = '2026-02-30'",
        "sources, pk 1: gone_last is `2026-02-30`, which is no day",
        "SELECT gone_last FROM sources",
        None,
    ),
    "a text in place of a flag": (
        "UPDATE entries SET draft = 'x' WHERE pk = 1",
        "entries, pk 1: draft is `x`, which is neither true nor false",
        "SELECT draft FROM entries WHERE pk = 1",
        False,
    ),
    "a fraction": (
        "INSERT INTO instances (url, failures) VALUES ('https://x.example/', 1.5)",
        "instances, url https://x.example/: failures is `1.5`, which is no whole number",
        "SELECT failures FROM instances",
        0,
    ),
}


def test_damage_that_harms_nothing_else_is_repaired_and_told(small: Path, uri: str) -> None:
    for statement, *_ in REPAIRED.values():
        harm(small, statement)
    copied = copy_database(small, uri)
    told = {one for _, one, *_ in REPAIRED.values() if one}
    assert {str(flaw) for flaw in copied.flaws} == told
    assert (copied.repaired, copied.left_out) == (len(told), 0)
    with psycopg.connect(uri) as connection:
        for what, (_, _, query, expected) in REPAIRED.items():
            assert connection.execute(query.encode()).fetchone() == (expected,), what


#: Statements that leave rows which cannot be copied, and what is told of these.
LOST = (
    "UPDATE entries SET published_at = 'yesterday' WHERE pk = 1",
    "UPDATE entries SET pending = 'x' WHERE pk = 2",
    "INSERT INTO post_files VALUES (2, 'a', 'b')",
    "INSERT INTO post_edits VALUES (2, 'posts', 'edited', NULL, NULL)",
    "INSERT INTO post_files VALUES (99, 'a', 'b')",
    "INSERT INTO memberships VALUES ('x', 98, 1, 1, 1, 1, 1, 1, NULL)",
)
TOLD = [
    "entries, pk 1: published_at is `yesterday`, which is no whole number",
    "entries, pk 2: pending is `x`, which is neither true nor false",
    "memberships, output x, entry_pk 98: belongs to a row that is not there",
    "post_edits, entry_pk 2, folder posts: belongs to a row that is not there",
    "post_files, entry_pk 2: belongs to a row that is not there",
    "post_files, entry_pk 99: belongs to a row that is not there",
]


def test_rows_that_do_not_fit_are_left_out_only_if_that_is_wanted(small: Path, tmp_path: Path, uri: str) -> None:
    harm(small, "INSERT INTO post_files VALUES (3, 'a', 'b')")
    for statement in LOST:
        harm(small, statement)
    with pytest.raises(NotCopied) as caught:
        copy_database(small, uri)
    assert "6 rows are damaged, so nothing was copied; --skip-damaged leaves them out: " in str(caught.value)
    assert all(one in str(caught.value) for one in TOLD)
    for target in (uri, tmp_path / "copy.db"):
        copied = copy_database(small, target, skip_damaged=True)
        assert sorted(map(str, copied.flaws)) == TOLD
        assert (copied.repaired, copied.left_out) == (0, len(TOLD))
    assert [row[0] for row in rows(tmp_path / "copy.db")["entries"]] == [3]
    with psycopg.connect(uri) as connection:
        assert connection.execute("SELECT pk FROM entries").fetchall() == [(3,)]
        assert connection.execute("SELECT entry_pk FROM post_files").fetchall() == [(3,)]


def test_a_file_that_is_damaged_as_a_whole(small: Path, uri: str) -> None:
    small.write_bytes(b"no database" * 100)
    with pytest.raises(StoreError, match="it is damaged or no database"):
        copy_database(small, uri)
