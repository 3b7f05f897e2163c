"""What is kept no longer goes, and stays away; backup and vacuum."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from aggregator.errors import StoreError
from aggregator.retention import INTERVAL, retain
from aggregator.store import open_store
from aggregator.store.filecopies import backup, vacuum
from tests.daemons import running
from tests.origin import Origin
from tests.store_samples import NOW, entry, fill, update
from tests.support import Site, item, rss


def test_removed_entries_stay_removed_although_the_feed_lists_them(site: Site, origin: Origin) -> None:
    feed = origin.route("/feed", rss([item(n) for n in range(1, 6)]))
    site.configure({"id": "one", "feed": feed}, retention={"count": 2})
    site.run("update")
    assert site.status()["one"]["entries"] == 2
    assert site.public()["news/rss.xml"].count(b"<item>") == 2
    assert sorted(site.posts()) == ["news/Item-4.md", "news/Item-5.md"]
    origin.route("/feed", rss([item(n, description="new text") for n in range(1, 6)]))
    done = site.run("update", "--all")
    assert "0 new, 2 changed" in done.stderr
    assert site.status()["one"]["entries"] == 2


def test_posts_can_go_too_and_the_nearest_rule_counts(site: Site, origin: Origin) -> None:
    items = [item(n) for n in range(1, 4)]
    one = {"id": "one", "feed": origin.route("/1", rss(items))}
    two = {"id": "two", "feed": origin.route("/2", rss([item(9)]))}
    site.configure(one, two)
    site.run("update")
    assert len(site.posts()) == 4
    site.configure(
        {**one, "retention": {"count": 1}},
        two,
        categories={"news": {"title": "News", "retention": {"count": 3, "posts": "delete"}}},
        retention={"count": 100, "posts": "keep"},
    )
    site.run("update")
    assert sorted(site.posts()) == ["news/Item-3.md", "news/Item-9.md"]


def test_it_is_looked_at_now_and_then_whatever_the_clock_does(site: Site, origin: Origin) -> None:
    from aggregator.config import load

    site.configure({"id": "a", "feed": origin.url, "retention": {"count": 1}})
    config = load(site.config, {})
    with closing(open_store(site.data / "x.db")) as store:

        def run(now: timedelta) -> int:
            store.sync_sources(config.sources)
            key = str(now)
            store.apply(update("a", entry("a", key), entry("a", key + "b")))
            return retain(config, store, site.data, NOW + now).entries

        assert run(timedelta(0)) == 1
        assert run(INTERVAL / 2) == 0
        assert run(INTERVAL) == 4
        assert run(-INTERVAL) == 2


def test_backup_while_the_daemon_runs(site: Site, origin: Origin) -> None:
    site.configure({"id": "one", "feed": origin.route("/one", rss([item(1)]))})
    target = site.folder / "copy.db"
    with running(site) as daemon:
        daemon.wait_for("1 source, 0 failed")
        assert site.run_data("backup", str(target)).status == 0
        assert site.run_data("vacuum").status == 3
    with closing(sqlite3.connect(target)) as copy:
        assert copy.execute("SELECT count(*) FROM entries").fetchone() == (1,)
    assert [path.name for path in site.folder.iterdir() if path.name.endswith(".tmp")] == []


def test_vacuum_makes_the_file_smaller(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with closing(open_store(path)) as store:
        fill(store, *map(str, range(300)), html="x" * 5000)
        store.remove_entries("a", store.expired("a", None, 1, 1000))
    before, after = vacuum(path)
    assert after < before / 5
    with pytest.raises(StoreError, match="does not exist"):
        vacuum(tmp_path / "none.db")


def test_backup_says_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="nothing to back up"):
        backup(tmp_path / "none.db", tmp_path / "copy.db")
    (tmp_path / "bad.db").write_bytes(b"no database" * 100)
    with pytest.raises(StoreError, match="cannot be copied"):
        backup(tmp_path / "bad.db", tmp_path / "copy.db")
    assert [path.name for path in tmp_path.iterdir()] == ["bad.db"]
