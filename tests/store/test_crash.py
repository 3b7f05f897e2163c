"""A process that is killed while it writes leaves whole outcomes behind, and all that it had finished."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from aggregator.models import FeedState
from aggregator.store import Store, open_store
from tests import ROOT
from tests.store_samples import NOW, entry, pending_keys, source, update

IDS = ("a", "b")


def work(store: Store) -> None:
    """Store outcome after outcome without end, and tell of each when it is stored; the ETag counts them."""
    store.sync_sources([source(id) for id in IDS])
    counts = {id: int(state.etag or 0) for id, state in store.states().items()}
    while True:
        for id in IDS:
            count = counts[id] = counts[id] + 1
            new = [entry(id, f"{id}{count:06}-{number}", html="x" * 3000) for number in range(3)]
            again = entry(id, f"{id}000001-0", hash=str(count)) if count > 1 else new[0]
            store.apply(update(id, *new, changed=(again,), etag=str(count), last_attempt_at=NOW))
            sys.stdout.write(f"{id} {count}\n")
            sys.stdout.flush()


@pytest.mark.slow
def test_killed_at_many_moments(tmp_path: Path) -> None:
    path = tmp_path / "aggregator.db"
    for lines in (1, 2, 7, 20, 3, 50):
        told = run_and_kill(path, lines)
        with closing(open_store(path)) as store:
            check(store, told)
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


def run_and_kill(path: Path, lines: int) -> dict[str, int]:
    """Work in another process, kill it soon after it told of some outcomes, and return all that it told of."""
    told: dict[str, int] = {}
    with subprocess.Popen(
        [sys.executable, "-m", "tests.store.test_crash", str(path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        for number, line in enumerate(process.stdout, start=1):
            id, count = line.split()
            told[id] = int(count)
            if number == lines:
                process.kill()
    return told


def check(store: Store, told: dict[str, int]) -> None:
    """Find for every source all entries of its outcomes and no others, and no outcome less than it told of."""
    states = store.states()
    counts = {id: int(state.etag or 0) for id, state in states.items()}
    assert all(told[id] <= counts[id] for id in told)
    assert states == {
        id: FeedState(id, etag=str(count), last_attempt_at=NOW) if count else FeedState(id)
        for id, count in counts.items()
    }
    wanted = [f"{id}{count:06}-{number}" for id in IDS for count in range(1, counts[id] + 1) for number in range(3)]
    assert pending_keys(store) == wanted
    assert store.entry_counts() == {id: 3 * count for id, count in counts.items()}
    for id, count in counts.items():
        if count > 1:
            assert store.recognize(id, [f"{id}000001-0"])[0][f"{id}000001-0"].hash == str(count)


if __name__ == "__main__":
    work(open_store(Path(sys.argv[1])))
