"""New entries get ids and paths of their own, in batches that do not depend on how many are read at once."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from aggregator.normalize.identity import minted_id
from aggregator.publish import assign
from aggregator.store import open_store
from tests.store_samples import NOW, entry, source, update


def _assigned(folder: Path) -> list[tuple[str, str | None]]:
    """Ids and paths of entries that want one another's, given while some are pending that have theirs."""
    folder.mkdir()
    with closing(open_store(folder / "aggregator.db")) as store:
        store.sync_sources([source("a"), source("b"), source("c", category="d")])
        store.apply(update("a", entry("a", "old", title="Same", guid="urn:x:1")))
        assign.assign_all(store)
        for number in range(9):
            new = (
                entry(id, f"{number}", title=title, guid=f"urn:x:{number}", published_at=NOW + timedelta(hours=number))
                for id in ("a", "b", "c")
                for title in ["SAME" if number % 4 else f"Other {number // 2}"]
            )
            for one in new:
                store.apply(update(one.source_id, one))
        assign.assign_all(store)
        assert store.unassigned(99) == []
        return [(item.id, item.path) for item in store.pending(99)]


@pytest.mark.parametrize("batch", [1, 2, 5, 500])
def test_reading_more_at_once_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int) -> None:
    monkeypatch.setattr(assign, "BATCH", batch)
    found = []
    for number, read in enumerate((batch, 3 * batch, 100 * batch)):
        monkeypatch.setattr(assign, "_READ", read)
        found.append(_assigned(tmp_path / str(number)))
    assert found[0] == found[1] == found[2]
    ids, paths = zip(*found[0], strict=True)
    assert len(set(ids)) == len(ids) == 28
    assert len({path.casefold() for path in paths}) == 28


def test_first_of_two_entries_with_one_guid_keeps_it(tmp_path: Path) -> None:
    assigned = [id for id, _ in _assigned(tmp_path / "data")]
    wanted = [f"urn:x:{number}" for number in range(9)]
    assert [id for id in assigned if id in wanted] == wanted
    others = {minted_id(f"https://{id}.example/feed", key) for id in ("b", "c") for key in map(str, range(9))}
    assert set(assigned) == {*wanted, *others, minted_id("https://a.example/feed", "1")}
