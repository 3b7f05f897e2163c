"""A damaged value in what rules made of an entry costs that entry at most, and a later ruling repairs it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from shutil import copyfile

import pytest

from aggregator.models import Decision, Placement, Ruling
from aggregator.store import Store, StoredRuling, UnreadableRow, open_store
from tests.store_samples import HOUR, NOW, entry, publish, ruled, source
from tests.thoroughness import THOROUGH

COLUMNS = {
    "rulings": ("verdict", "category", "changes", "made_by"),
    "memberships": ("published_at", "source_pk", "position", "listed", "added_at", "released_at", "changes"),
    "decisions": ("verdict", "category", "decided_at", "carried_out"),
    "addresses": ("address",),
    "entries": ("seen_at", "draft", "future_at"),
}
VALUES = ("'x'", "CAST(X'ff' AS TEXT)", "X'ff'", "1e300", "1000000000000000000", "-1", "'[1]'", "'{\"title\": null}'")
OTHERS = ["k3", "k2"]
DAMAGES = [
    pytest.param(f"{table}.{column}", value, id=f"{table}.{column}-{value}")
    for number, (table, column) in enumerate((table, column) for table in COLUMNS for column in COLUMNS[table])
    for place, value in enumerate(VALUES)
    # As a rule, each column takes three of the values, and its neighbours take others.
    if THOROUGH or (place - number) % len(VALUES) in (0, 3, 5)
]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three entries with everything that there is beside an entry; to be copied."""
    path = tmp_path_factory.mktemp("whole") / "aggregator.db"
    with closing(open_store(path)) as store:
        store.sync_sources([source("a")])
        for number in (1, 2, 3):
            one = entry("a", f"k{number}", published_at=NOW + number * HOUR, future_at=NOW + timedelta(days=9))
            general = replace(one, title=f"T{number}", tags=("t",))
            member = Placement("rust", replace(general, title="Own"))
            ruling = Ruling(general, category="d", placements=(member,), address="x", made_by=("command",))
            store.apply(ruled("a", (one, ruling)))
            publish(store)
            found = store.rulings_after(0, 9)[-1]
            store.decide(found.stored.pk, Decision("published", "d"), NOW)
            store.carry_out(found.stored.pk, ruling, NOW)
            store.members.release("rust", [found.stored.pk], NOW)
        publish(store)
    return path


@pytest.fixture
def path(whole: Path, tmp_path: Path) -> Path:
    return copyfile(whole, tmp_path / "aggregator.db")


def keys(store: Store, output: str | None) -> list[str]:
    unreadable: list[UnreadableRow] = []
    found = [item.entry.key for item in store.newest(output, 9, unreadable)]
    assert all(row.entry == "entry 'k1' of source 'a'" for row in unreadable)
    assert len(found) + len(unreadable) <= 3
    return [key for key in found if key != "k1"]


def all_rulings(store: Store) -> list[StoredRuling]:
    found = store.rulings_after(0, 9)
    assert [one.stored.entry.key for one in found] == ["k1", "k2", "k3"]
    assert [one.ruling.entry.title for one in found[1:]] == ["T2", "T3"]
    return found


@pytest.mark.parametrize(("column", "value"), DAMAGES)
def test_a_damaged_value_costs_no_other_entry(path: Path, column: str, value: str) -> None:
    table, _, name = column.partition(".")
    number = "pk" if table == "entries" else "entry_pk"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"UPDATE {table} SET {name} = {value} WHERE {number} = 1")  # noqa: S608
    with closing(open_store(path)) as store:
        assert keys(store, "d") == keys(store, "rust") == keys(store, None) == OTHERS
        store.members.newest("rust", 9, NOW + HOUR, NOW - HOUR)
        store.members.newest_per_source("rust", 9, NOW + HOUR, None)
        store.members.released("rust", 9, None)
        store.members.released_between("rust", NOW - HOUR, NOW)
        store.members.waiting("rust", 9, NOW - HOUR, NOW, None)
        items = store.members.items("rust", [3, 1, 2], [])
        assert [item.entry.title for item in items if item.pk != 1] == ["Own", "Own"]
        assert store.judged("a", ["k1", "k2"])["k2"].decision == Decision("published", "d")
        store.held(9)
        store.mark_pending(["a"])
        assert {"d", "rust"} <= {slug for slug in store.pending_categories() if isinstance(slug, str)}
        assert [item.entry.key for item in store.pending(9, None, []) if item.pk != 1] == ["k2", "k3"]
        store.sync_sources([source("a", category="e")])
        found = all_rulings(store)
        # A later ruling repairs everything.
        one = found[0].stored
        ruling = Ruling(replace(one.entry, title="New"), placements=(Placement("rust"),), address="y")
        store.decide(one.pk, None, NOW)
        store.to_carry_out(9)
        store.carry_out(one.pk, ruling, NOW)
        assert store.replace_rulings([(one, ruling)], {}) == []
        assert all_rulings(store)[0].ruling == ruling
        if table != "entries":
            assert [item.entry.title for item in store.newest("e", 9)] == ["New"]
        store.remove_entries("a", [1])
        assert keys(store, None) == OTHERS
