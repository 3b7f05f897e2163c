"""What is special about PostgreSQL: how it is reached, what it is found to be, and what it does when it goes away."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from aggregator import store as package
from aggregator.errors import ConnectionLost, RowError, StoreError
from aggregator.store import Store, database, open_for_reading, open_store, postgresql
from aggregator.store.database import Database, is_current, open_database
from aggregator.store.postgresql import PostgresDatabase
from aggregator.store.schema import REVISION, metadata
from aggregator.store.sqlstore import SqlStore
from tests.postgres import empty_database, new_database
from tests.store_samples import entry, fill, pending_keys, source, update

MIGRATIONS = Path(package.__file__).parent / "migrations"


@pytest.fixture
def uri() -> Iterator[str]:
    with empty_database() as made:
        yield made


@pytest.fixture
def store(uri: str) -> Iterator[Store]:
    """A store with one entry."""
    with closing(open_store(uri)) as opened:
        fill(opened, "k")
        yield opened


def run(uri: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(uri, autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def cut(uri: str) -> None:
    """End all other connections to the database."""
    run(
        uri,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
        "AND pid <> pg_backend_pid()",
    )


# -- opening -----------------------------------------------------------------------------------------------------------


def test_a_new_database_has_all_tables_with_their_indexes_and_orders(uri: str) -> None:
    open_store(uri).close()
    opened = PostgresDatabase(uri)
    with opened.read() as connection:
        looked = inspect(connection)
        assert {*looked.get_table_names()} == {*metadata.tables, "alembic_version"}
        assert {index["name"] for table in metadata.tables for index in looked.get_indexes(table)} >= {
            index.name for table in metadata.tables.values() for index in table.indexes
        }
    opened.close()
    assert is_current(uri)
    partial = run(uri, "SELECT indexdef FROM pg_indexes WHERE indexname = 'ix_entries_listed_by_category'")
    assert str(partial[0][0]).endswith(
        '(category, published_at DESC, source_pk, "position" DESC, pk) '
        "WHERE ((category IS NOT NULL) AND (public_id IS NOT NULL) AND (NOT draft))"
    )
    others = "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND data_type = 'text' "
    assert run(uri, others + "AND collation_name IS DISTINCT FROM 'C'") == []


def test_many_processes_may_make_the_database_at_once() -> None:
    code = (
        "import sys; from aggregator.store import open_store; s = open_store(sys.argv[1]);"
        "s.record_fingerprints({sys.argv[2]: ''}); s.close()"
    )
    names = ["1", "2", "3"]
    with new_database() as uri:
        processes = [subprocess.Popen([sys.executable, "-c", code, uri, name]) for name in names]
        assert [process.wait() for process in processes] == [0] * len(names)
        with closing(open_store(uri)) as store:
            assert sorted(store.fingerprints()) == names


@pytest.mark.parametrize("code", ["open_store(Path(sys.argv[1]))", "is_current(Path(sys.argv[1]))"])
def test_a_file_needs_nothing_of_postgresql(tmp_path: Path, code: str) -> None:
    program = (
        "import sys; from pathlib import Path; from aggregator.store import open_store;"
        f"from aggregator.store.database import is_current; {code};"
        "sys.exit(any(name.startswith(('psycopg', 'sqlalchemy.dialects.postgresql')) for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program, str(tmp_path / "a.db")], check=False).returncode == 0


def test_tables_of_a_cluster_may_be_there_and_those_of_others_may_not() -> None:
    with new_database() as uri:
        run(uri, "CREATE TABLE bookmarks (url text)")
        with pytest.raises(StoreError, match=r"is the database of another program; use another database"):
            open_store(uri)
        run(uri, "ALTER TABLE bookmarks RENAME TO cluster_slots")
        run(uri, "CREATE TABLE procrastinate_jobs (id bigint)")
        open_store(uri).close()


def test_a_database_of_a_newer_version(uri: str) -> None:
    open_store(uri).close()
    run(uri, "UPDATE alembic_version SET version_num = '9999'")
    try:
        assert not is_current(uri)
        with pytest.raises(StoreError, match=r"was written by a newer version .*revision 9999.*use another database"):
            open_store(uri)
        with pytest.raises(StoreError, match=r"has tables at revision 9999"), open_for_reading(uri):
            pass
    finally:
        run(uri, f"UPDATE alembic_version SET version_num = '{REVISION}'")  # noqa: S608


def test_reading_makes_and_changes_nothing() -> None:
    with new_database() as uri:
        assert not is_current(uri)
        with pytest.raises(StoreError, match=r"has no tables of this program yet"), open_for_reading(uri):
            pass
        assert run(uri, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'") == []
        with closing(open_store(uri)) as store:
            fill(store, "k")
        with open_for_reading(uri) as reader:
            assert pending_keys(reader) == ["k"]
            with pytest.raises(StoreError, match="read-only"):
                reader.record_fingerprints({"a": "1"})
            assert reader.fingerprints() == {}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("postgresql://u:se%zzcret@h/d", "the address of the database cannot be read"),
        ("postgresql://u:secret@127.0.0.1:1/d?bogus=1", "the address of the database cannot be read"),
    ],
)
def test_an_address_that_is_none(wrong: str, message: str) -> None:
    with pytest.raises(StoreError, match=message) as caught:
        open_store(wrong)
    assert "cret" not in str(caught.value)


def test_a_server_that_is_not_there_is_lost_for_now() -> None:
    expected = r"^postgresql://127\.0\.0\.1:1/d: connection failed: .*; check its address"
    with pytest.raises(ConnectionLost, match=expected) as caught:
        open_store("postgresql://u:secret@127.0.0.1:1/d")
    assert "secret" not in str(caught.value)


def test_a_database_that_does_not_exist(uri: str) -> None:
    with pytest.raises(StoreError, match=r"database .* does not exist.*: create the database first") as caught:
        open_store(uri.replace("/aggregator_test", "/no_such_test"))
    assert not isinstance(caught.value, ConnectionLost)


def test_settings_of_the_address_reach_the_server(uri: str) -> None:
    mark = "&" if "?" in uri else "?"
    opened = PostgresDatabase(f"{uri}{mark}application_name=mine")
    with opened.read() as connection:
        assert connection.exec_driver_sql("SHOW application_name").scalar() == "mine"
        assert connection.exec_driver_sql("SHOW transaction_isolation").scalar() == "repeatable read"
        assert connection.exec_driver_sql("SHOW transaction_read_only").scalar() == "on"
    with opened.write() as connection:
        assert connection.exec_driver_sql("SHOW transaction_isolation").scalar() == "read committed"
    with opened.write(lasting=False) as connection:
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "off"
    opened.close()


# -- migrations --------------------------------------------------------------------------------------------------------

_NEXT = """
from alembic import op
import sqlalchemy as sa

revision = "9000"
down_revision = "{before}"


def upgrade():
    op.add_column("sources", sa.Column("color", sa.Text, nullable=False, server_default="red"))
    op.create_index("ix_sources_color", "sources", ["color"], sqlite_where=sa.text("active"))
"""


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_migration_runs_on_either_database(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "migrations"
    (folder / "versions").mkdir(parents=True)
    for file in (MIGRATIONS / "env.py", *(MIGRATIONS / "versions").glob("r*.py")):
        (folder / file.relative_to(MIGRATIONS)).write_bytes(file.read_bytes())
    with new_database() as uri:
        place = tmp_path / "a.db" if kind == "sqlite" else uri
        with closing(open_store(place)) as store:
            fill(store, "k")
        (folder / "versions" / "r9000.py").write_text(_NEXT.format(before=REVISION))
        monkeypatch.setattr(database, "_MIGRATIONS", folder)
        monkeypatch.setattr(database, "REVISION", "9000")
        assert ScriptDirectory(str(folder)).get_heads() == ["9000"]
        opened: Database = open_database(place)
        with opened.read() as connection:
            assert connection.exec_driver_sql("SELECT color FROM sources").scalars().all() == ["red"]
            assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() == "9000"
        assert pending_keys(SqlStore(opened)) == ["k"]
        opened.close()


# -- a connection that is lost -----------------------------------------------------------------------------------------


def test_the_next_use_connects_again(uri: str, store: Store) -> None:
    for use in (store.states, lambda: store.record_fingerprints({"a": "1"})):
        cut(uri)
        with pytest.raises(ConnectionLost, match="the database went away"):
            use()
        use()
    assert store.fingerprints() == {"a": "1"}


@pytest.mark.parametrize("after", range(7))
def test_a_connection_cut_within_an_outcome_stores_nothing_of_it(
    uri: str, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    """The connection is cut before one of the statements of the outcome, or before its end."""
    opened = PostgresDatabase(uri)
    store = SqlStore(opened)
    fill(store, "k")
    before = (store.states(), store.entry_counts(), pending_keys(store))
    changed = update("a", entry("a", "new"), entry("a", "newer"), changed=(entry("a", "k", hash="2"),), etag="new")
    with opened.read() as connection:
        driver = connection.connection.dbapi_connection
    assert isinstance(driver, psycopg.Connection)
    made, count = driver.cursor, iter(range(after))

    def cursor(*given: object, **options: object) -> object:
        if next(count, None) is None:
            cut(uri)
        return made(*given, **options)

    monkeypatch.setattr(driver, "cursor", cursor)
    try:
        store.apply(changed)
    except ConnectionLost:
        assert (store.states(), store.entry_counts(), pending_keys(store)) == before
    else:
        assert after == 6
    monkeypatch.undo()
    store.apply(changed)
    assert pending_keys(store) == ["k", "new", "newer"]
    assert store.entry_counts() == {"a": 3}
    store.close()


def test_whoever_is_alone_notices_that_he_is_not_any_more(uri: str) -> None:
    opened = PostgresDatabase(uri)
    with pytest.raises(ConnectionLost), opened.alone():
        cut(uri)
        with pytest.raises(ConnectionLost), opened.write():
            pass
        with opened.write():
            pass
    with opened.alone(), opened.write():
        pass
    opened.close()


def test_whoever_is_the_only_one_notices_that_he_is_not_any_more(uri: str) -> None:
    opened = PostgresDatabase(uri)
    with pytest.raises(ConnectionLost), opened.sole("posts"):
        cut(uri)
        for _ in range(2):
            with pytest.raises(ConnectionLost), opened.read():
                pass
        with opened.read():
            pass
    with opened.sole("posts") as sole:
        assert sole
    opened.close()


@pytest.mark.parametrize("way", ["write", "alone"])
def test_a_writer_that_stands_still_does_not_keep_others_for_ever(
    uri: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("_WRITE", "_ALONE"):
        patched = getattr(postgresql, name).replace(b"%d" % postgresql._STILL, b"50")
        monkeypatch.setattr(postgresql, name, patched)
    one, other = PostgresDatabase(uri), PostgresDatabase(uri)
    with pytest.raises(ConnectionLost), getattr(one, way)():
        with other.write():
            pass
        with one.read() as connection:
            connection.exec_driver_sql("SELECT 1")
    with one.alone(), one.alone(), one.write():
        pass
    one.close()
    other.close()


# -- several at once ---------------------------------------------------------------------------------------------------


def test_others_wait_until_one_is_not_alone_any_more(uri: str) -> None:
    one, other = PostgresDatabase(uri), PostgresDatabase(uri, lock_timeout=0.05)
    with one.alone():
        with one.alone(), one.write():
            pass
        with pytest.raises(StoreError, match="another process has been writing"), other.write():
            pass
        with other.read():
            pass
    with other.write():
        pass
    one.close()
    other.close()


def test_writers_take_turns_and_lose_no_update(uri: str) -> None:
    ids = ("a", "b")
    with closing(open_store(uri)) as first:
        first.sync_sources([source(id) for id in ids])
    problems: list[BaseException] = []

    def work(id: str) -> None:
        try:
            with closing(open_store(uri)) as store:
                for number in range(15):
                    store.apply(update(id, *(entry(id, f"{number:02}-{part}") for part in range(3)), etag=str(number)))
                    store.record_fingerprints({id: str(number), "both": id})
        except StoreError as error:
            problems.append(error)

    threads = [threading.Thread(target=work, args=(id,)) for id in ids for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    with closing(open_store(uri)) as store:
        assert store.entry_counts() == dict.fromkeys(ids, 45)
        assert len(pending_keys(store)) == 90
        # Row numbers are the places in archives: no two entries have the same one.
        assert len({one.pk for one in store.entries_after(0, 1000)}) == 90


def test_a_reader_sees_one_state_while_another_writes(uri: str, store: Store) -> None:
    opened = PostgresDatabase(uri)
    with opened.read() as connection:
        count = "SELECT count(*) FROM entries"
        assert connection.exec_driver_sql(count).scalar() == 1
        store.apply(update("a", entry("a", "new")))
        assert connection.exec_driver_sql(count).scalar() == 1
    opened.close()


# -- rows --------------------------------------------------------------------------------------------------------------


def test_values_that_no_text_or_number_can_have_cost_their_row_alone(store: Store) -> None:
    for bad in ("a\0b", "a\ud800b"):
        with pytest.raises(RowError):
            store.apply(update("a", entry("a", "bad", title=bad)))
    with pytest.raises(RowError):
        store.apply(update("a", failures=2**70))
    assert pending_keys(store) == ["k"]
    assert store.find("a\0b") == []


def test_keys_are_ordered_by_their_bytes(store: Store) -> None:
    fill(store, "B", "a", "é", "_", "10", "9")
    assert pending_keys(store) == sorted(["k", "B", "a", "é", "_", "10", "9"])
