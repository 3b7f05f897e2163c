"""New entries get ids and paths of their own, in batches that do not depend on how many are read at once."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from aggregator.normalize.identity import minted_id
from aggregator.publish import assignments
from aggregator.publish.names import Wanted
from aggregator.publish.posts.presets import HEXO
from aggregator.store import POSTS, open_store
from tests.origin import Origin
from tests.store_samples import HOUR, NOW, entry, source, update
from tests.support import Site, item, rss


def _assigned(folder: Path) -> list[tuple[str, str | None]]:
    """Ids and paths of entries that want one another's, given while some are pending that have theirs."""
    folder.mkdir()
    with closing(open_store(folder / "aggregator.db")) as store:
        store.sync_sources([source("a"), source("b"), source("c", category="d")])
        store.apply(update("a", entry("a", "old", title="Same", guid="urn:x:1")))
        assignments.assign_all(store)
        for number in range(9):
            new = (
                entry(id, f"{number}", title=title, guid=f"urn:x:{number}", published_at=NOW + timedelta(hours=number))
                for id in ("a", "b", "c")
                for title in ["SAME" if number % 4 else f"Other {number // 2}"]
            )
            for one in new:
                store.apply(update(one.source_id, one))
        assignments.assign_all(store)
        assert store.unassigned(99) == []
        return [(item.id, item.path) for item in store.pending(99)]


@pytest.mark.parametrize("batch", [1, 2, 5, 500])
def test_reading_more_at_once_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int) -> None:
    monkeypatch.setattr(assignments, "BATCH", batch)
    found = []
    for number, read in enumerate((batch, 3 * batch, 100 * batch)):
        monkeypatch.setattr(assignments, "_READ", read)
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


def test_an_id_is_always_found(tmp_path: Path) -> None:
    """Sources of one address, whose entries have one guid and one key; and somebody else has what they would mint."""
    url = "https://same.example/feed"
    ids = ("a", "b", "c", "d")
    thief = minted_id(url, "k\nc")
    with closing(open_store(tmp_path / "aggregator.db")) as store:
        store.sync_sources([*(source(id, url=url) for id in ids), source("z")])
        store.apply(update("z", entry("z", "thief", guid=thief, title="Thief", published_at=NOW - HOUR)))
        for id in ids:
            store.apply(update(id, entry(id, "k", guid="urn:x:1"), entry(id, "none", guid=None)))
        assert assignments.assign_all(store) == []
        given = {(item.origin.id, item.entry.key): item.id for item in store.pending(99)}
    assert len(set(given.values())) == len(given) == 9
    assert given["a", "k"] == "urn:x:1"
    assert given["b", "k"] == minted_id(url, "k")
    assert given["c", "k"] not in (thief, minted_id(url, "k"))
    assert given["a", "none"] == minted_id(url, "none")


def test_ids_and_paths_of_removed_entries_are_taken(tmp_path: Path) -> None:
    with closing(open_store(tmp_path / "aggregator.db")) as store:
        store.sync_sources([source("a", url="https://same.example/feed"), source("b", url="https://same.example/feed")])
        for title in ("Straße", "STRASSE"):
            for id in ("a", "b"):
                store.apply(update(id, entry(id, title, guid=None, title=title)))
            assert assignments.assign_all(store) == []
            pending = store.pending(99)
            store.mark_published([item.pk for item in pending])
            assert len({item.id for item in pending}) == len({(item.path or "").casefold() for item in pending}) == 2
            store.remove_entries("a", store.expired("a", None, 0, 99))
        everything = {item.path for item in store.newest(None, 99)}
        assert len({(path or "").casefold() for path in everything}) == 2


def test_entry_that_had_every_path_gets_one_nevertheless(tmp_path: Path) -> None:
    with closing(open_store(tmp_path / "aggregator.db")) as store:
        store.sync_sources([source("a"), source("b")])
        wanted = Wanted("c", "Title", "urn:x:1", NOW)
        refused: set[str] = set()
        for number in range(9):
            ((path, key),) = assignments.give_paths(store, [wanted], POSTS, HEXO, refused)
            refused.add(key)
            assert path.startswith("c/Title")
            assert len(refused) == number + 1


@pytest.mark.parametrize(
    "others",
    [
        [{"id": "one"}, {"id": "two"}],
        [{"id": "one"}, {"name": "derived"}],
        [{"id": "one"}, {"id": "two", "headers": {"X-Edition": "2"}}, {"id": "three", "category": "other"}],
    ],
)
@pytest.mark.parametrize("guid", [{}, {"guid": ""}, {"guid": "7", "link": ""}])
def test_sources_of_one_address_are_all_published(
    site: Site, origin: Origin, others: list[dict[str, Any]], guid: dict[str, str]
) -> None:
    feed = origin.route("/one", rss([item(1, **guid), item(2)]))
    fine = {"id": "fine", "feed": origin.route("/fine", rss([item(3)]))}
    site.configure(*({"feed": feed, **other} for other in others), fine, categories={"news": "N", "other": "O"})
    done = site.run("update")
    assert (done.status, "error" in done.stderr) == (0, False), done.stderr
    assert len(site.posts()) == 2 * len(others) + 1
    shown = json.loads(site.public()["all/feed.json"])["items"]
    assert len({one["id"] for one in shown}) == 2 * len(others) + 1
    before = site.stamps()
    assert site.run("update", "--all").status == 0
    assert site.stamps() == before


def test_explicit_id_that_changes_keeps_ids_and_posts(site: Site, origin: Origin) -> None:
    feed = origin.route("/one", rss([item(1, guid="7"), item(2)]))
    site.configure({"id": "before", "name": "N", "feed": feed})
    site.run("update")
    before = {**site.posts(), **{name: data for name, data in site.public().items() if name != "opml.xml"}}
    site.configure({"id": "after", "name": "N", "feed": feed})
    done = site.run("update", "--all")
    assert done.status == 0
    assert "0 new entries" in done.stdout
    assert {**site.posts(), **{name: data for name, data in site.public().items() if name != "opml.xml"}} == before
    assert site.status()["after"]["entries"] == 2


def test_sources_that_have_the_same_guids_are_all_published(site: Site, origin: Origin) -> None:
    names = ("one", "two", "three")
    site.configure(*({"id": name, "feed": origin.route(f"/{name}", rss([item(1), item(2)]))} for name in names))
    assert site.run("update").status == 0
    assert len(site.posts()) == 6
    origin.route("/one", rss([item(1), item(2), item(3)]))
    assert site.run("update", "--all").status == 0
    assert len(site.posts()) == 7
