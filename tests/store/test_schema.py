"""The migrated tables are those that the code knows, and the queries that have to be fast use their indexes."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Executable, create_engine

from aggregator import store
from aggregator.store import archives, judgements, members, selections, statements
from aggregator.store.prepared import LENGTHS
from aggregator.store.schema import REVISION, metadata
from aggregator.store.sqlite import SqliteDatabase
from tests.store_samples import NOW

ITS_ENTRY = "SEARCH entries USING INTEGER PRIMARY KEY (rowid=?)"
#: What a statement about items looks up for each entry.
LOOKED_UP = [f"SEARCH {table} USING INTEGER PRIMARY KEY (rowid=?) LEFT-JOIN" for table in ("sources", "rulings")]
MIGRATIONS = Path(store.__file__).parent / "migrations"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[SqliteDatabase]:
    opened = SqliteDatabase(tmp_path / "aggregator.db")
    yield opened
    opened.close()


@pytest.fixture
def migrated() -> Iterator[Connection]:
    """A new database as all migrations make it, one after the other."""
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        yield connection
    engine.dispose()


def test_migrations_make_the_tables_of_the_schema(migrated: Connection) -> None:
    assert compare_metadata(MigrationContext.configure(migrated), metadata) == []


def test_a_new_database_is_as_the_migrations_make_it(database: SqliteDatabase, migrated: Connection) -> None:
    expected = layout(migrated)
    assert len(expected["table"]) == len(metadata.tables) + 1
    assert len([index for index in expected["index"].values() if index]) == 18
    with database.read() as connection:
        assert layout(connection) == expected
        versions = [one.exec_driver_sql("SELECT * FROM alembic_version").all() for one in (connection, migrated)]
        rows = [one.exec_driver_sql("SELECT count(*) FROM fingerprints").scalar() for one in (connection, migrated)]
    assert versions == [[(REVISION,)]] * 2
    assert rows == [0, 0]


def layout(connection: Connection) -> dict[str, dict[str, list[str]]]:
    """Return the parts of all definitions, by kind and name: the columns in order, then the constraints.

    SQLite writes a column that was added behind the constraints.
    """
    found: dict[str, dict[str, list[str]]] = {}
    for kind, name, sql in connection.exec_driver_sql("SELECT type, name, sql FROM sqlite_master"):
        text = " ".join(re.sub(r"\bentries\.", "", sql or "").replace("(", " ( ").replace(")", " ) ").split())
        parts = [part.strip() for part in re.split(r",(?![^(]*\) )", re.sub(r"\)$", "", text).replace(" ( ", "\n", 1))]
        first, *others = parts[0].split("\n") + parts[1:] if kind == "table" else [text]
        constraints = [part for part in others if part.startswith("CONSTRAINT")]
        columns = [part for part in others if part not in constraints]
        found.setdefault(kind, {})[name] = [first, *columns, *sorted(constraints)] if text else []
    return found


def test_schema_names_the_newest_migration() -> None:
    assert ScriptDirectory(str(MIGRATIONS)).get_heads() == [REVISION]


def plan(database: SqliteDatabase, statement: Executable, **values: Any) -> list[str]:
    """Return the steps by which SQLite would run a statement."""
    with database.read() as connection:
        compiled = statement.compile(dialect=connection.dialect)  # type: ignore[attr-defined]
        bound = compiled.construct_params(values)
        parameters = tuple(bound[name] for name in compiled.positiontup)
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", parameters).all()
    return [row[3] for row in rows]


def test_newest_entries_are_read_in_the_order_of_an_index(database: SqliteDatabase) -> None:
    first, *rest = plan(database, statements.NEWEST.statement, limit=10)
    assert first == "SCAN entries USING INDEX ix_entries_listed"
    assert rest == LOOKED_UP


#: The two indexes of what a category shows, read side by side.
MERGED = [
    "CO-ROUTINE anon_1",
    "MERGE (UNION ALL)",
    "LEFT",
    "SEARCH entries USING INDEX ix_entries_listed_by_category (category=?)",
    "RIGHT",
    "SEARCH memberships USING INDEX ix_memberships_newest (output=?)",
    ITS_ENTRY,
    "SCAN anon_1",
]


def test_newest_entries_of_an_output_are_read_in_the_order_of_two_indexes(database: SqliteDatabase) -> None:
    assert plan(database, selections.NEWEST, output="c", limit=10) == MERGED
    values = {"output": "c", **{f"listed_{number}": number for number in range(10)}}
    steps = plan(database, selections.ITEMS.of_length(10).statement, **values)
    member = "SEARCH memberships USING PRIMARY KEY (output=? AND entry_pk=?) LEFT-JOIN"
    assert steps == [ITS_ENTRY, *LOOKED_UP, member]


def test_entries_of_a_page_are_found_by_their_numbers(database: SqliteDatabase) -> None:
    values = {"after": 5, "last": 9, "limit": 10}
    steps = plan(database, statements.ITEMS_OF_PAGE.statement, **values)
    assert sum("INTEGER PRIMARY KEY (rowid>? AND rowid<?)" in step for step in steps) == 1
    assert plan(database, archives.SINCE, after=5) == ["SEARCH entries USING INTEGER PRIMARY KEY (rowid>?)"]
    steps = plan(database, selections.SINCE, output="c", after=5)
    assert steps[2].endswith("INDEX ix_entries_listed_by_number (category=? AND rowid>?)")
    assert steps[4:] == ["SEARCH memberships USING PRIMARY KEY (output=? AND entry_pk>?)", ITS_ENTRY]
    steps = plan(database, selections.WITHIN, output="c", **values)
    assert any(
        step.endswith("INDEX ix_entries_listed_by_number (category=? AND rowid>? AND rowid<?)") for step in steps
    )
    assert any("PRIMARY KEY (output=? AND entry_pk>? AND entry_pk<?)" in step for step in steps)


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        (judgements.HELD, "SEARCH rulings USING COVERING INDEX ix_rulings_verdict (verdict=? AND entry_pk>?)"),
        (judgements.TO_CARRY_OUT, "SCAN decisions USING INDEX ix_decisions_open"),
        (judgements.WITHHELD_MAIN, "USING ROWID SEARCH ON TABLE withheld_posts FOR IN-OPERATOR"),
    ],
)
def test_entries_of_which_there_are_few_are_found_first(
    database: SqliteDatabase, statement: Executable, found: str
) -> None:
    steps = plan(database, statement, limit=10, after=5)
    assert steps[0] in (ITS_ENTRY, "SEARCH post_files USING INTEGER PRIMARY KEY (rowid=?)")
    assert found in steps
    assert not [step for step in steps[1:] if "SCAN entries" in step or "SCAN post_files" in step]


def test_posts_in_other_folders_of_withheld_entries_are_found_by_their_entries(database: SqliteDatabase) -> None:
    steps = plan(database, judgements.WITHHELD_IN_FOLDERS, limit=10)
    assert steps[0] == "SEARCH folder_posts USING INDEX sqlite_autoindex_folder_posts_1 (entry_pk=?)"


MEMBERS = {"output": "c", "limit": 10}
BY_DATE, BY_SOURCE, BY_RELEASE = (
    f"SEARCH memberships USING INDEX ix_memberships_{name}" for name in ("newest", "of_source", "released")
)
BY_SEEN = f"{BY_RELEASE} (output=? AND released_at=? AND added_at"
TIMES = {"seen": NOW, "since": NOW, "after": NOW, "until": NOW, "moment": NOW, "start": NOW, "end": NOW}


@pytest.mark.parametrize(
    ("statement", "steps"),
    [
        (members.NEWEST.statement, [f"{BY_DATE.replace('USING', 'USING COVERING')} (output=? AND published_at>?)"]),
        (members.NEWEST_SEEN.statement, [f"{BY_DATE} (output=? AND published_at>?)"]),
        (
            members.OF_SOURCE.statement,
            [f"{BY_SOURCE.replace('USING', 'USING COVERING')} (output=? AND source_pk=? AND published_at>?)"],
        ),
        (members.OF_SOURCE_SEEN.statement, [f"{BY_SOURCE} (output=? AND source_pk=? AND published_at>?)"]),
        (members.RELEASED.statement, [f"{BY_RELEASE} (output=? AND released_at>?)"]),
        (members.RELEASED_BETWEEN, [f"{BY_RELEASE} (output=? AND released_at>? AND released_at<?)"]),
        # Members of one moment are sorted.
        (members.WAITING.statement, [f"{BY_SEEN}>? AND added_at<?)", "USE TEMP B-TREE FOR RIGHT PART OF ORDER BY"]),
        (members.NEXT, [f"{BY_SEEN}>?)"]),
        (members.LAST, [f"{BY_SEEN}<?)"]),
        (members.ADDED.statement, [f"{BY_SEEN}>? AND added_at<?)"]),
    ],
)
def test_members_are_read_in_the_order_of_an_index(
    database: SqliteDatabase, statement: Executable, steps: list[str]
) -> None:
    times = {name: int(at.timestamp()) for name, at in TIMES.items()}
    found = plan(database, statement, **MEMBERS, source_pk=1, **times)
    # The driver may use the columns of an index alone.
    assert [step.replace("COVERING ", "") for step in found] == [step.replace("COVERING ", "") for step in steps]


@pytest.mark.parametrize(
    ("statement", "read_through"),
    [
        (judgements.TO_CARRY_OUT, "SCAN decisions USING INDEX ix_decisions_open"),
        (judgements.WITHHELD_MAIN, "USING ROWID SEARCH ON TABLE withheld_posts FOR IN-OPERATOR"),
        (judgements.WITHHELD_IN_FOLDERS, "USING ROWID SEARCH ON TABLE withheld_posts FOR IN-OPERATOR"),
    ],
)
def test_what_is_to_be_done_after_a_judgement_is_found_without_a_walk_over_all_entries(
    database: SqliteDatabase, statement: Executable, read_through: str
) -> None:
    steps = plan(database, statement, limit=10)
    assert read_through in steps
    assert not [step for step in steps if step.startswith(("SCAN entries", "SCAN post_files", "SCAN folder_posts"))]


def test_sources_of_an_output_are_found_one_by_one(database: SqliteDatabase) -> None:
    steps = plan(database, members.SOURCES, output="c")
    assert [step for step in steps if "memberships" in step] == [
        "SEARCH memberships USING INDEX ix_memberships_of_source (output=?)",
        "SEARCH memberships USING INDEX ix_memberships_of_source (output=? AND source_pk>?)",
    ]


def test_pending_entries_are_found_through_their_index(database: SqliteDatabase) -> None:
    first, *rest = plan(database, statements.PENDING_ITEMS.statement, limit=10)
    assert first == "SCAN entries USING INDEX ix_entries_pending"
    assert rest[-1] == "USE TEMP B-TREE FOR RIGHT PART OF ORDER BY"
    place = {"published_at": int(NOW.timestamp()), "source_id": "a", "key": "k"}
    first, *rest = plan(database, statements.PENDING_ITEMS_AFTER.statement, limit=10, **place)
    assert first == "SEARCH entries USING INDEX ix_entries_pending (published_at>?)"
    assert rest[-1] == "USE TEMP B-TREE FOR RIGHT PART OF ORDER BY"
    assert plan(database, statements.PENDING_CATEGORIES)[0] == "SCAN entries USING COVERING INDEX ix_entries_pending"


def test_unassigned_entries_are_found_among_the_pending_ones(database: SqliteDatabase) -> None:
    assert plan(database, statements.UNASSIGNED.statement, limit=10) == [
        "SCAN entries USING INDEX ix_entries_pending",
        *LOOKED_UP,
        "USE TEMP B-TREE FOR RIGHT PART OF ORDER BY",
    ]


@pytest.mark.parametrize("statement", [one.statement for one in (*statements.DUE[:2], *statements.DUE_IDS[:2])])
def test_due_sources_are_found_through_their_index(database: SqliteDatabase, statement: Executable) -> None:
    steps = plan(database, statement, now=int(NOW.timestamp()))
    assert [step.partition(" (")[0] for step in steps] == ["SEARCH sources USING INDEX ix_sources_due"]


@pytest.mark.parametrize("length", LENGTHS)
def test_known_entries_are_found_through_their_index(database: SqliteDatabase, length: int) -> None:
    statement = statements.KNOWN.of_length(length).statement
    steps = plan(database, statement, source_id="a", **{f"listed_{number}": "k" for number in range(length)})
    assert steps[0] == "SEARCH entries USING INDEX sqlite_autoindex_entries_1 (source_pk=? AND key=?)"


@pytest.mark.parametrize("there", [False, True])
def test_opening_a_new_or_migrated_database_imports_no_alembic(tmp_path: Path, there: bool) -> None:
    path = tmp_path / "aggregator.db"
    if there:
        SqliteDatabase(path).close()
    code = (
        "import sys, pathlib; from aggregator.store import open_store; open_store(pathlib.Path(sys.argv[1])).close();"
        "sys.exit(any(name.partition('.')[0] == 'alembic' or name == 'sqlalchemy.orm' for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code, str(path)], check=False).returncode == 0
