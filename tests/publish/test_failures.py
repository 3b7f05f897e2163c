"""One entry, one file or one output that fails costs nothing else, is told, and comes with the next publication."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from aggregator.config import Config, load
from aggregator.errors import RowError, StoreError
from aggregator.publish.publication import publish
from aggregator.store import Store, open_store
from tests.origin import Origin
from tests.store_samples import HOUR, NOW, entry, update
from tests.support import Site, item, rss

#: The one that fails is neither the first nor the last, and neither the oldest nor the newest.
KEYS = ("k1", "bad", "k2", "k3")
POSTS = {f"news/Title-{key}.md" for key in KEYS}
GOOD = POSTS - {"news/Title-bad.md"}


@pytest.fixture
def config(site: Site) -> Config:
    """One source in one category."""
    site.configure({"id": "s", "name": "S", "feed": "https://s.example/feed"})
    return load(site.config, os.environ)


@pytest.fixture
def store(site: Site, config: Config) -> Iterator[Store]:
    """A store with new entries, one of which will fail."""
    with closing(open_store(site.data / "aggregator.db")) as opened:
        opened.sync_sources(config.sources)
        new = (entry("s", key, guid=f"urn:x:{key}", published_at=NOW + n * HOUR) for n, key in enumerate(KEYS))
        opened.apply(update("s", *new))
        yield opened


def _sql(site: Site, *statements: str) -> None:
    with closing(sqlite3.connect(site.data / "aggregator.db", isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def _shown(site: Site, slug: str) -> list[str]:
    """Ids of the items of a category's JSON feed, without their common start."""
    return [one["id"].removeprefix("urn:x:") for one in json.loads(site.public()[f"{slug}/feed.json"])["items"]]


def _trigger(event: str, condition: str) -> tuple[str, str]:
    """The statement that makes the database refuse some rows, and the one that ends that."""
    return (
        f"CREATE TRIGGER halt BEFORE {event} WHEN {condition} BEGIN SELECT RAISE(ABORT, 'halt'); END",
        "DROP TRIGGER halt",
    )


def _column(name: str, value: str, right: str) -> tuple[str, str]:
    """The statement that spoils a column of one row, and the one that mends it."""
    start, end = f"UPDATE entries SET {name} =", "WHERE key = 'bad'"  # noqa: S608 - our own words
    return f"{start} {value} {end}", f"{start} {right} {end}"


THE_ROW = "(SELECT pk FROM entries WHERE key = 'bad')"
#: What fails for one entry: how that is brought about and mended, whether its post is written nevertheless, whether the
#: feeds show it nevertheless, and a word of what is told.
STEPS = {
    "row cannot be decoded": (_column("title", "CAST(X'ff' AS TEXT)", "'Title bad'"), False, False, "'bad'"),
    "row of an impossible date": (_column("updated_at", "99999999999999", "1714979289"), False, True, "'bad'"),
    "row of a date in words": (_column("updated_at", "'soon'", "1714979289"), False, True, "'bad'"),
    "row of a date in bytes": (_column("updated_at", "X'ff00'", "1714979289"), False, True, "'bad'"),
    "row of broken JSON": (_column("authors", "'{'", "'[]'"), False, False, "'bad'"),
    "row of other JSON": (_column("tags", "'7'", "'[]'"), False, False, "'bad'"),
    "row of unknown JSON": (_column("enclosures", "'[{\"x\": 1}]'", "'[]'"), False, False, "'bad'"),
    "id": (_trigger("UPDATE OF public_id ON entries", "NEW.key = 'bad'"), False, False, "'bad'"),
    "guid of another kind": (_column("guid", "X'00'", "'urn:x:bad'"), False, False, "'bad'"),
    "post and feeds": (_column("html", "X'00'", "'<p>bad</p>'"), False, False, "Title-bad.md"),
    "feeds": (_column("summary", "X'00'", "''"), True, False, "'urn:x:bad'"),
    "digest": (_trigger("INSERT ON post_files", f"NEW.entry_pk = {THE_ROW}"), False, True, "Title-bad.md"),
    "mark": (
        _trigger("UPDATE OF pending ON entries", "NEW.key = 'bad' AND NOT NEW.pending"),
        True,
        True,
        "Title-bad.md",
    ),
}


@pytest.mark.parametrize("step", STEPS)
def test_one_entry_that_fails_at_a_step_costs_no_other(site: Site, config: Config, store: Store, step: str) -> None:
    (spoil, mend), post, feeds, word = STEPS[step]
    _sql(site, spoil)
    report = publish(store, config, site.data, now=NOW)
    assert any(word in failure.what for failure in report.failures), report.failures
    assert set(site.posts()) == (POSTS if post else GOOD)
    shown = ["k3", "k2", "bad", "k1"] if feeds and "date" not in step else ["k3", "k2", "k1"]
    assert _shown(site, "news") == _shown(site, "all") == shown
    again = publish(store, config, site.data, now=NOW)
    assert [failure.what for failure in again.failures] == [failure.what for failure in report.failures]
    assert again.files == 0
    _sql(site, mend)
    assert publish(store, config, site.data, now=NOW).failures == []
    assert set(site.posts()) == POSTS
    assert sorted(_shown(site, "news")) == sorted(_shown(site, "all")) == sorted(KEYS)
    assert store.pending(99) == []
    before = site.stamps()
    assert publish(store, config, site.data, now=NOW).files == 0
    assert site.stamps() == before


def test_changed_entry_that_cannot_be_marked_for_new_settings_costs_no_feed(
    site: Site, config: Config, store: Store
) -> None:
    publish(store, config, site.data, now=NOW)
    spoil, mend = _trigger("UPDATE OF pending ON entries", "NEW.key = 'bad' AND NEW.pending")
    _sql(site, spoil)
    site.configure({"id": "s", "name": "S", "feed": "https://s.example/feed"}, categories={"news": "New name"})
    renamed = load(site.config, os.environ)
    report = publish(store, renamed, site.data, now=NOW)
    assert [failure.what for failure in report.failures] == ["posts of category 'news'"]
    assert b"New name" in site.public()["news/rss.xml"]
    _sql(site, mend)
    assert len(publish(store, renamed, site.data, now=NOW).posts) == len(KEYS)


BLOCKED = {
    "a post": ("posts/news/Title-bad.md", GOOD),
    "all posts of a category": ("posts/news", set()),
    "one feed": ("public/news/atom.xml", POSTS),
    "all feeds of a category": ("public/news", POSTS),
    "the list of subscriptions": ("public/opml.xml", POSTS),
}


@pytest.mark.parametrize("what", BLOCKED)
@pytest.mark.parametrize("by", ["directory", "link"])
def test_one_path_that_cannot_be_written_costs_what_is_there(
    site: Site, config: Config, store: Store, what: str, by: str
) -> None:
    publish(store, config, site.data, now=NOW)
    whole = {
        **{f"posts/{k}": v for k, v in site.posts().items()},
        **{f"public/{k}": v for k, v in site.public().items()},
    }
    blocked = site.data / BLOCKED[what][0]
    for name in whole:
        (site.data / name).unlink()
    outside = site.folder / "outside"
    outside.mkdir()
    (outside / "kept").write_bytes(b"kept")
    _block(blocked, by, outside)
    report = publish(store, config, site.data, now=NOW, everything=True, restore=True)
    lost = {name for name in whole if name == BLOCKED[what][0] or name.startswith(f"{BLOCKED[what][0]}/")}
    assert {failure.what for failure in report.failures} == lost
    assert set(report.posts + report.feeds) == whole.keys() - lost
    assert [path.name for path in outside.iterdir()] == ["kept"]
    _unblock(blocked, by)
    again = publish(store, config, site.data, now=NOW)
    assert again.failures == []
    assert set(again.posts + again.feeds) == lost


def _block(path: Path, by: str, outside: Path) -> None:
    """Put something into the place of a file or folder with which nothing can be written there."""
    if by == "link":
        if path.is_dir():
            path.rmdir()
        path.symlink_to(outside if not path.suffix else outside / "kept")
    elif path.suffix:
        (path / "theirs").mkdir(parents=True)
    else:
        path.rmdir()
        path.write_bytes(b"theirs")


def _unblock(path: Path, by: str) -> None:
    if by == "link" or not path.suffix:
        path.unlink()
    else:
        (path / "theirs").rmdir()
        path.rmdir()


def test_commands_name_the_file_and_end_with_a_status_of_their_own(site: Site, origin: Origin) -> None:
    site.configure({"id": "one", "feed": origin.route("/one", rss([item(1)]))})
    assert site.run("update").status == 0
    post = site.data / "posts/news/Item-1.md"
    post.unlink()
    post.mkdir()
    (post / "theirs").touch()
    origin.route("/one", rss([item(1, description="changed"), item(2)]))
    done = site.run("update", "--all")
    assert done.status == 4
    assert (
        "error: posts/news/Item-1.md: cannot be written: Is a directory; move away what is in its place" in done.stderr
    )
    assert "news/Item-2.md" in site.posts()
    assert b"Item 2" in site.public()["all/rss.xml"]
    assert site.run("publish").status == 4
    (post / "theirs").unlink()
    post.rmdir()
    assert site.run("update").status == 0
    assert b"changed" in site.posts()["news/Item-1.md"]


def test_failed_sources_and_files_together_are_told_by_the_stronger_status(site: Site, origin: Origin) -> None:
    site.configure(
        {"id": "one", "feed": origin.route("/one", rss([item(1)]))}, {"id": "two", "feed": origin.url + "/missing"}
    )
    (site.data / "public/all/rss.xml").mkdir(parents=True)
    assert site.run("update").status == 4
    (site.data / "public/all/rss.xml").rmdir()
    assert site.run("update", "--all").status == 1


def test_database_that_fails_as_a_whole_still_ends_the_publication(site: Site, config: Config, store: Store) -> None:
    publish(store, config, site.data, now=NOW)
    store.close()
    with pytest.raises(StoreError) as raised:
        publish(store, config, site.data, now=NOW)
    assert not isinstance(raised.value, RowError)


@pytest.mark.parametrize("slug", ["'../../elsewhere'", "''", "X'ff00fe'"])
def test_category_of_a_damaged_row_leaves_no_trouble_behind(
    site: Site, config: Config, store: Store, slug: str
) -> None:
    publish(store, config, site.data, now=NOW)
    _sql(site, f"UPDATE entries SET category = {slug}, pending = 1 WHERE key = 'bad'")  # noqa: S608 - our own words
    assert publish(store, config, site.data, now=NOW).failures == []
    _sql(site, "UPDATE entries SET category = 'news', pending = 1 WHERE key = 'bad'")
    assert publish(store, config, site.data, now=NOW).failures == []
    assert sorted(_shown(site, "news")) == sorted(KEYS)


def test_a_publication_that_failed_is_not_said_to_be_up_to_date(site: Site, origin: Origin) -> None:
    site.configure({"id": "one", "feed": origin.route("/one", rss([item(1)]))})
    site.configure()
    site.run("update")
    site.configure({"id": "one", "feed": origin.route("/one", rss([item(1)]))})
    halt, mend = _trigger("INSERT ON fingerprints", "NEW.name = 'feeds/news'")
    _sql(site, halt)
    done = site.run("update")
    assert done.status == 4
    assert "halt" in done.stderr
    assert "up to date" not in done.stdout
    _sql(site, mend)
    assert site.run("update").status == 0
    assert len(site.posts()) == 1


STATE_DAMAGES = [
    (column, value)
    for column in ("last_attempt_at", "last_success_at", "next_due_at", "moved_since", "whole_at", "gone_last")
    for value in ("'soon'", "X'ff00'", "9223372036854775807")
]


@pytest.mark.parametrize(("column", "value"), STATE_DAMAGES)
def test_damaged_state_of_one_source_costs_no_other(site: Site, origin: Origin, column: str, value: str) -> None:
    site.configure(*({"id": id, "feed": origin.route(f"/{id}", rss([item(1)], id))} for id in ("one", "two")))
    site.run("update")
    _sql(site, f"UPDATE sources SET {column} = {value} WHERE id = 'one'")  # noqa: S608 - our own words
    for id in ("one", "two"):
        origin.route(f"/{id}", rss([item(1), item(2)], id))
    assert site.run("status").status == 0
    assert site.run("update", "--all").status == 0
    assert len(site.posts()) == 4
    with closing(sqlite3.connect(site.data / "aggregator.db")) as connection:
        kinds = connection.execute(f"SELECT DISTINCT typeof({column}) FROM sources").fetchall()  # noqa: S608
    assert set(kinds) <= {("integer",), ("null",)}


@pytest.mark.parametrize("value", ["'soon'", "X'ff00'", "9223372036854775807"])
def test_source_whose_due_time_is_damaged_is_asked(site: Site, origin: Origin, value: str) -> None:
    site.configure({"id": "one", "feed": origin.route("/one", rss([item(1)]))})
    site.run("update")
    _sql(site, f"UPDATE sources SET next_due_at = {value}")  # noqa: S608 - our own words
    site.run("update")
    assert len(origin.asked("/one")) == 2


@pytest.mark.parametrize("value", ["X'ff00'", "'nonsense'", "5"])
def test_damaged_fingerprints_cost_nothing(site: Site, origin: Origin, value: str) -> None:
    feed = origin.route("/one", rss([item(1), item(2)]))
    site.configure({"id": "one", "feed": feed, "retention": {"count": 100}})
    site.run("update")
    _sql(site, f"UPDATE OR IGNORE fingerprints SET value = {value}")  # noqa: S608 - our own words
    _sql(site, "INSERT INTO fingerprints (name, value) VALUES (X'00', 'a')")
    origin.route("/one", rss([item(1), item(2), item(3)]))
    done = site.run("update", "--all")
    assert (done.status, done.stderr.count("error")) == (0, 0), done.stderr
    assert len(site.posts()) == len(_shown(site, "news")) == 3
    assert site.run("update").stdout.endswith("Nothing to write: all files are up to date.\n")
