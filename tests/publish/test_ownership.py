"""Files that people put among the posts stay as they are; files that are ours are recognized, whatever ended a run."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from aggregator.config import load
from aggregator.publish import files, postfiles
from aggregator.publish.publication import publish
from aggregator.store import open_store
from tests.origin import Origin
from tests.store_samples import NOW, entry, update
from tests.support import Site, item, read_tree, rss
from tests.thoroughness import THOROUGH


def _put(folder: Path, *names: str) -> dict[str, bytes]:
    """Files of a person."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"my own {name}", encoding="utf-8")
    return {name: f"my own {name}".encode() for name in names}


def test_files_of_people_are_neither_overwritten_nor_deleted(site: Site, origin: Origin) -> None:
    feed = origin.route("/one", rss([item(1), item(2)]))
    site.configure({"id": "one", "feed": feed})
    posts = site.data / "posts"
    own = _put(posts, "news/Item-1.md", "news/Item-2.md", "news/.Item-1.md.tmp", "about.md")
    done = site.run("update")
    assert done.status == 0, done.stderr
    assert "holds files already" in done.stderr
    assert "2 files below" in done.stderr
    assert site.posts().items() >= own.items()
    assert len(site.posts()) == len(own) + 2
    before = site.stamps()
    done = site.run("publish")
    assert (done.status, done.stderr) == (0, "")
    assert site.stamps() == before
    site.configure({"id": "one", "feed": feed}, retention={"count": 1, "posts": "delete"})
    origin.route("/one", rss([item(2, description="changed"), item(3)]))
    assert site.run("update", "--all").status == 0
    assert site.posts().items() >= own.items()
    assert site.posts().keys() - own.keys() == {"news/Item-3.md"}


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_another_name_is_found_however_many_are_in_use(site: Site, origin: Origin, count: int) -> None:
    feed = origin.route("/one", rss([item(1)]))
    names: list[str] = []
    for _ in range(count):
        shutil.rmtree(site.data, ignore_errors=True)
        own = _put(site.data / "posts", *names)
        site.configure({"id": "one", "feed": feed})
        assert site.run("update").status == 0
        assert site.posts().items() >= own.items()
        (new,) = site.posts().keys() - own.keys()
        names.append(new)
    assert len({name.casefold() for name in names}) == count
    assert names[0] == "news/Item-1.md"


def test_files_with_the_bytes_of_posts_are_taken_over_by_a_new_database(site: Site, origin: Origin) -> None:
    feed = origin.route("/one", rss([item(1), item(2), item(3)]))
    site.configure({"id": "one", "feed": feed})
    site.run("update")
    whole = site.posts()
    for path in site.data.glob("aggregator.db*"):
        path.unlink()
    (site.data / "posts/news/Item-2.md").write_bytes(b"edited since")
    stamps = site.stamps()
    done = site.run("update")
    assert done.status == 0
    assert "holds files already" in done.stderr
    assert "2 files below" in done.stderr
    assert "1 file below" in done.stderr
    assert site.stamps().items() >= stamps.items()
    (other,) = site.posts().keys() - whole.keys()
    assert site.posts()[other] == whole["news/Item-2.md"]
    # From now on they are ours.
    origin.route("/one", rss([item(1, description="changed"), item(2), item(3)]))
    assert site.run("update", "--all").status == 0
    assert b"changed" in site.posts()["news/Item-1.md"]
    assert site.posts().keys() == {*whole, other}


def test_new_database_and_empty_folder_are_nothing_to_tell(site: Site, origin: Origin) -> None:
    site.configure({"id": "one", "feed": origin.route("/one", rss([item(1)]))})
    assert "note" not in site.run("update").stderr


def test_edited_post_of_ours_stays_when_its_entry_changes(site: Site, origin: Origin) -> None:
    site.configure({"id": "one", "feed": origin.route("/one", rss([item(1)]))}, posts={"on_edit": "ignore"})
    site.run("update")
    own = _put(site.data / "posts", "news/Item-1.md")
    origin.route("/one", rss([item(1, description="changed")]))
    site.run("update", "--all")
    assert site.posts() == own


def test_posts_of_an_older_database_keep_their_paths(site: Site, origin: Origin) -> None:
    site.configure({"id": "one", "feed": origin.route("/one", rss([item(1), item(2)]))})
    site.run("update")
    with closing(sqlite3.connect(site.data / "aggregator.db", isolation_level=None)) as connection:
        # So are they left by the migration.
        connection.execute("UPDATE post_files SET written = '', intended = NULL")
    before = site.stamps()
    done = site.run("update", "--all")
    assert (done.status, site.stamps()) == (0, before)
    origin.route("/one", rss([item(1, description="changed"), item(2)]))
    site.run("update", "--all")
    assert sorted(site.posts()) == ["news/Item-1.md", "news/Item-2.md"]
    assert b"changed" in site.posts()["news/Item-1.md"]


def test_removal_follows_no_link_and_costs_one_entry_only(site: Site, origin: Origin) -> None:
    one = {"id": "one", "feed": origin.route("/one", rss([item(1), item(2)]))}
    two = {"id": "two", "category": "other", "feed": origin.route("/two", rss([item(3)]))}
    both = {"news": "News", "other": "Other"}
    site.configure(one, two, categories=both)
    site.run("update")
    outside = site.folder / "outside"
    kept = _put(outside, "rss.xml", "atom.xml", "feed.json", "Item-3.md")
    shutil.rmtree(site.data / "posts/other")
    (site.data / "posts/other").symlink_to(outside)
    done = site.run("remove", "two", "--purge", "--yes")
    assert read_tree(outside) == kept
    assert done.status == 4
    assert "posts/other/Item-3.md: a symbolic link on the way to it leads out of" in done.stderr
    (site.data / "posts/other").unlink()
    done = site.run("remove", "two", "--purge", "--yes")
    assert done.status == 0
    assert "Deleted two with 1 entry" in done.stdout
    shutil.rmtree(site.data / "public/other")
    (site.data / "public/other").symlink_to(outside)
    site.configure(one)
    done = site.run("update")
    assert read_tree(outside) == kept
    assert (done.status, done.stderr.count("leads out of")) == (4, 3)
    (site.data / "public/other").unlink()
    assert site.run("update").status == 0


def test_post_that_cannot_be_deleted_keeps_its_own_entry_only(site: Site, origin: Origin) -> None:
    feed = origin.route("/one", rss([item(n) for n in range(1, 5)]))
    site.configure({"id": "one", "feed": feed})
    site.run("update")
    outside = site.folder / "outside"
    kept = _put(outside, "theirs")
    post = site.data / "posts/news/Item-2.md"
    post.unlink()
    post.symlink_to(outside / "theirs")
    site.configure({"id": "one", "feed": feed}, retention={"count": 1, "posts": "delete"})
    done = site.run("update")
    assert done.status == 4
    assert "Removed 2 expired entries" in done.stdout
    assert "error: posts/news/Item-2.md: a symbolic link" in done.stderr
    assert read_tree(outside) == kept
    assert sorted(site.posts()) == ["news/Item-2.md", "news/Item-4.md"]
    post.unlink()
    done = site.run("update")
    assert (done.status, done.stdout.count("Removed 1 expired entry")) == (0, 1)
    assert list(site.posts()) == ["news/Item-4.md"]


@pytest.mark.parametrize(
    ("statement", "mend"),
    [
        (
            "CREATE TRIGGER halt BEFORE DELETE ON entries WHEN OLD.title = 'Item 2' "
            "BEGIN SELECT RAISE(ABORT, 'halt'); END",
            "DROP TRIGGER halt",
        ),
        (
            "UPDATE entries SET path = CAST(X'ff' AS TEXT) WHERE title = 'Item 2'",
            "UPDATE entries SET path = 'news/Item-2.md' WHERE title = 'Item 2'",
        ),
    ],
)
def test_entry_that_cannot_be_removed_ends_no_cycle(site: Site, origin: Origin, statement: str, mend: str) -> None:
    feed = origin.route("/one", rss([item(n) for n in range(1, 5)]))
    site.configure({"id": "one", "feed": feed})
    site.run("update")
    for number, change in enumerate((statement, mend)):
        with closing(sqlite3.connect(site.data / "aggregator.db", isolation_level=None)) as connection:
            connection.execute(change)
        site.configure({"id": "one", "feed": feed}, retention={"count": 1, "posts": "delete"})
        origin.route("/one", rss([item(5 + number), *(item(n) for n in range(1, 5))]))
        done = site.run("update", "--all")
        assert done.status == (0 if change is mend else 4)
        assert f"Item {5 + number}".encode() in site.public()["news/rss.xml"]
    assert list(site.posts()) == ["news/Item-6.md"]


TITLES = ("One", "Two", "Three")


@pytest.mark.slow
def test_posts_of_a_run_that_was_killed_anywhere_are_recognized(site: Site) -> None:
    """Killed at any line of the writers; then the entries change before the next run."""
    site.configure({"id": "s", "feed": "https://s.example/feed"})
    config = load(site.config, os.environ)
    fresh = site.folder / "fresh"
    fresh.mkdir()
    with closing(open_store(fresh / "aggregator.db")) as store:
        store.sync_sources(config.sources)
        store.apply(update("s", *(entry("s", title, title=title) for title in TITLES)))
    own = {"news/Two.md": b"my own news/Two.md"}
    step, ended = 0, False
    while not ended:
        shutil.rmtree(site.data, ignore_errors=True)
        shutil.copytree(fresh, site.data)
        _put(site.data / "posts", *own)
        ended = _killed_at(step, site, config)
        with closing(open_store(site.data / "aggregator.db")) as store:
            changed = tuple(entry("s", title, title=title, html="<p>changed</p>", hash="2") for title in TITLES)
            store.apply(update("s", changed=changed))
            assert publish(store, config, site.data, now=NOW).failures == []
        posts = site.posts()
        assert posts.items() >= own.items(), step
        assert len(posts) == len(TITLES) + len(own), (step, sorted(posts))
        assert {"news/One.md", "news/Three.md"} <= posts.keys(), step
        assert all(b"changed" in data for name, data in posts.items() if name not in own), step
        step += 31 if THOROUGH else 97
    assert step > 300


def _killed_at(step: int, site: Site, config: Any) -> bool:
    """Publish in a process that is killed after so many lines of the writers; returns whether it came to its end."""
    child = os.fork()
    if child == 0:
        left = step

        def trace(frame: FrameType, event: str, argument: object) -> Any:
            nonlocal left
            if frame.f_code.co_filename not in (files.__file__, postfiles.__file__):
                return None
            left -= event == "line"
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return trace

        with closing(open_store(site.data / "aggregator.db")) as store:
            sys.settrace(trace)
            publish(store, config, site.data, now=NOW)
            sys.settrace(None)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
