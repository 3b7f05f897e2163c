"""A data folder of revision `0004` opens, keeps its ids, paths and dates, and is brought to today's rules.

`data/upgrade` holds what the program wrote then: the database as SQL, and what was published, with `{ORIGIN}` in place
of the address of the server; and the documents that it was made from. One source is configured no longer since, and one
entry is in its feed no longer.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aggregator.errors import StoreError
from aggregator.models import Entry
from aggregator.normalize.entry import clean_again
from aggregator.publish.outputs import fingerprint
from aggregator.publish.renewal import BATCH, renew
from aggregator.store import open_store
from aggregator.store.schema import REVISION
from tests import DATA
from tests.origin import Origin
from tests.support import Site, item, rss

OLD = DATA / "upgrade"
FEEDS = sorted((OLD / "feeds").iterdir())
#: No rules of ours ever let this through; it stands for all that older rules did.
UNSAFE = '<p onclick="alert(1)">Gone.</p><script>alert(2)</script>'


@pytest.fixture
def old(site: Site, origin: Origin) -> Site:
    """A site whose data folder was written by the program of then."""
    site.data.mkdir()
    with closing(sqlite3.connect(site.data / "aggregator.db")) as database:
        database.executescript((OLD / "aggregator.sql").read_text(encoding="utf-8").replace("{ORIGIN}", origin.url))
    published = json.loads((OLD / "published.json").read_text(encoding="utf-8"))
    for name, text in published.items():
        path = site.data / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("{ORIGIN}", origin.url), encoding="utf-8", newline="")
    configure(site, origin)
    return site


def configure(site: Site, origin: Origin, *more: dict[str, Any]) -> None:
    feeds = [path for path in FEEDS if path.stem != "ended"]
    site.configure(*({"id": path.stem, "feed": serve(origin, path)} for path in feeds), *more)


def serve(origin: Origin, path: Path) -> str:
    kind = "application/feed+json" if path.suffix == ".json" else "application/xml"
    return origin.route(f"/{path.name}", path.read_bytes(), content_type=kind)


def query(site: Site, statement: str, *values: object) -> list[tuple[Any, ...]]:
    """Run a statement on the database of a site."""
    with closing(sqlite3.connect(site.data / "aggregator.db")) as database, database:
        return database.execute(statement, values).fetchall()


#: All that must not change. An entry may be found by another key.
KEPT = "SELECT pk, guid, public_id, path, published_at, updated_at, dated, title FROM entries ORDER BY pk"


def dates(posts: dict[str, bytes]) -> dict[str, list[bytes]]:
    return {name: re.findall(rb"(?m)^date: .*$", data) for name, data in posts.items()}


def shown(site: Site) -> dict[str, str]:
    items = json.loads(site.public()["news/feed.json"])["items"]
    return {item["id"]: item["date_published"] for item in items}


@pytest.mark.parametrize("read_again", [False, True])
def test_the_same_documents_give_the_same_entries(old: Site, read_again: bool) -> None:
    if read_again:
        query(old, "UPDATE sources SET body_hash = NULL, etag = NULL, last_modified = NULL")
    before, posts, items = query(old, KEPT), dates(old.posts()), shown(old)
    done = old.run("update", "--all")
    assert done.status == 0, done.stderr
    assert "0 new entries" in done.stdout
    assert query(old, KEPT) == before
    assert (dates(old.posts()), shown(old)) == (posts, items)
    assert "Nothing to write" in old.run("update", "--all").stdout


def test_new_rules_reach_all_posts_of_all_entries(old: Site) -> None:
    query(old, "UPDATE entries SET html = ? WHERE title IN ('Gone from its feed', 'The last words')", UNSAFE)
    folder = old.data / "posts" / "news"
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes() + b"rendered by other rules")
    deleted = folder / "The-last-words.md"
    done = old.run("update", "--all")
    assert done.status == 0, done.stderr
    assert "17 stored entries were cleaned again" in done.stderr
    texts = {name: data.decode() for name, data in old.posts().items()}
    assert len(texts) == 17
    assert not [name for name, text in texts.items() if "other rules" in text or "alert" in text]
    assert all("<p>Gone.</p>" in texts[f"news/{name}.md"] for name in ("Gone-from-its-feed", "The-last-words"))
    assert "alert" not in str(old.public())
    # Of a source that is configured no longer, the posts that are left are looked after, and no others.
    query(old, "UPDATE fingerprints SET value = '1:' WHERE name = 'stored'")
    deleted.unlink()
    assert old.run("update").status == 0
    assert not deleted.exists()


def test_a_source_that_comes_back_finds_its_posts_rendered(old: Site, origin: Origin) -> None:
    (old.data / "posts/news/The-last-words.md").unlink()
    old.run("update", "--all")
    configure(old, origin, {"id": "ended", "feed": serve(origin, OLD / "feeds" / "ended.xml")})
    done = old.run("update", "--all")
    assert "0 new entries" in done.stdout
    assert b"The last words" in old.posts()["news/The-last-words.md"]


def test_nothing_is_judged_otherwise_until_a_rule_is_written(old: Site, origin: Origin) -> None:
    tracked = "https://a.example/1?utm_source=x"
    query(old, "UPDATE entries SET url = ? WHERE title = 'Gone from its feed'", tracked)
    done = old.run("update", "--all")
    assert "rules" not in done.stdout
    for table in ("rulings", "memberships", "decisions", "addresses", "copies"):
        assert query(old, f"SELECT * FROM {table}") == []  # noqa: S608
    assert not [row for row in query(old, "SELECT name FROM fingerprints") if row[0].startswith(("rules", "output/"))]
    assert query(old, "SELECT DISTINCT seen_at, draft, future_at FROM entries") == [(None, 0, None)]
    before, stamps = query(old, KEPT), old.stamps()
    assert tracked in str(old.public())
    assert "nothing differs" in old.run("replay").stdout
    sources = [{"id": path.stem, "feed": serve(origin, path)} for path in FEEDS if path.stem != "ended"]
    old.configure(*sources, rules=[{"strip_tracking": True}, {"drop": {"title": ["eight"]}}])
    done = old.run("update", "--all")
    assert "rules or categories have changed; stored items are as before" in done.stdout
    assert old.stamps() == stamps
    assert old.run("replay", "--apply").status == 0
    done = old.run("update", "--all")
    assert "rules or categories" not in done.stdout
    assert query(old, KEPT) == before
    assert tracked not in str(old.public())


def test_settings_that_are_new_make_no_post_again(site: Site, origin: Origin) -> None:
    """What posts are made from, as the version before outputs recorded it: with another record, all are rendered."""
    site.configure({"feed": origin.route("/feed", rss([item(1)]))})
    assert site.run("update").status == 0
    settings = {
        "preset": "hexo",
        "folder": "posts",
        "path": None,
        "categories": None,
        "footer": False,
        "image_proxy": None,
        "placeholder": "https://picsum.photos/400/300?random={n}",
    }
    wanted = fingerprint([[settings, settings["placeholder"], None]], "News", False)
    assert dict(query(site, "SELECT name, value FROM fingerprints"))["posts/news"] == wanted


def test_it_goes_on_after_it_was_killed(old: Site) -> None:
    """Cleaning is ended, hard, after each batch in turn, and comes to its end nevertheless."""
    many = 3 * BATCH
    query(
        old,
        """
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
        INSERT INTO entries (source_pk, key, hash, revision, published_at, updated_at, dated, pending, category,
            public_id, path, path_key, title, authors, tags, enclosures, summary, html)
        SELECT 1, 'k' || i, 'h', 0, i, i, 1, 0, 'news', 'urn:x:' || i, 'news/n' || i || '.md', 'news/n' || i || '.md',
            'N', '[]', '[]', '[]', '', ? FROM n
        """,
        many,
        UNSAFE,
    )
    code = (
        "import os, sys; from pathlib import Path; from aggregator.store import open_store\n"
        "from aggregator.publish.renewal import renew\n"
        "def progress(done, total): print(done, flush=True); os.kill(os.getpid(), 9)\n"
        "renew(open_store(Path(sys.argv[1])), frozenset(), Path(sys.argv[2]), progress=progress)"
    )
    left = [query(old, "SELECT count(*) FROM entries WHERE html LIKE '%alert%'")[0][0]]
    while True:
        arguments = [str(old.data / "aggregator.db"), str(old.data)]
        done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            break
        assert done.stdout.strip() in {str(BATCH), "17"}, done.stderr
        left.append(query(old, "SELECT count(*) FROM entries WHERE html LIKE '%alert%'")[0][0])
    assert left[0] == many
    assert left == sorted(left, reverse=True)
    assert left[-1] == 0
    assert len(left) == 5
    assert query(old, "SELECT count(*) FROM entries WHERE pending AND html = '<p>Gone.</p>'") == [(many,)]


def test_a_row_that_is_damaged_is_read_as_what_is_left_of_it(old: Site) -> None:
    query(old, "UPDATE entries SET tags = 'no JSON', html = x'3c703eff3c2f703e' WHERE title = 'Seven'")
    with closing(open_store(old.data / "aggregator.db")) as store:
        found = {one.entry.title: one.entry for one in store.entries_after(0, 100)}
    assert len(found) == 17
    assert (found["Seven"].tags, found["Seven"].html) == ((), "<p>\ufffd</p>")


def test_an_entry_that_cannot_be_cleaned_costs_its_markup_only(old: Site) -> None:
    query(old, "UPDATE entries SET html = ?", UNSAFE)

    def clean(entry: Entry) -> Entry:
        if entry.title == "Seven":
            raise RuntimeError("a bug")
        return clean_again(entry)

    with closing(open_store(old.data / "aggregator.db")) as store:
        renew(store, frozenset(), old.data, clean=clean)
    texts = dict(query(old, "SELECT title, html FROM entries"))
    assert texts.pop("Seven") == "<p>Gone. alert(2)</p>"
    assert set(texts.values()) == {"<p>Gone.</p>"}


def test_a_row_that_cannot_be_written_costs_no_other_and_is_tried_again(old: Site) -> None:
    query(old, "UPDATE entries SET html = ?", UNSAFE)
    halt = "CREATE TRIGGER halt BEFORE UPDATE ON entries WHEN old.title = 'Seven' BEGIN SELECT RAISE(ABORT, 'no'); END"
    query(old, halt)
    with closing(open_store(old.data / "aggregator.db")) as store:
        renew(store, frozenset(), old.data)
        texts = dict(query(old, "SELECT title, html FROM entries"))
        assert texts.pop("Seven") == UNSAFE
        assert set(texts.values()) == {"<p>Gone.</p>"}
        query(old, "DROP TRIGGER halt")
        renew(store, frozenset(), old.data)
    assert query(old, "SELECT DISTINCT html FROM entries") == [("<p>Gone.</p>",)]


def test_what_its_source_rewrites_meanwhile_is_not_lost(old: Site) -> None:
    with closing(open_store(old.data / "aggregator.db")) as store:
        (first, *_) = store.entries_after(0, 1)
        query(old, "UPDATE entries SET html = 'newer', revision = revision + 1 WHERE pk = ?", first.pk)
        store.rewrite_entries([replace(first, entry=replace(first.entry, html="older"))], {})
    assert query(old, "SELECT html FROM entries WHERE pk = ?", first.pk) == [("newer",)]


# -- the copy --------------------------------------------------------------------------------------------------------


def copies(site: Site) -> list[str]:
    return sorted(path.name for path in site.data.iterdir() if ".before-" in path.name)


def test_the_database_is_copied_before_it_is_migrated(old: Site) -> None:
    (old.data / "aggregator.db").chmod(0o600)
    for number in ("0001", "0002", "0003"):
        (old.data / f"aggregator.db.before-{number}").write_bytes(b"an older copy")
    (old.data / "aggregator.db.before-me").write_bytes(b"a person's own")
    before = query(old, KEPT)
    assert old.run("update", "--all").status == 0
    name = f"aggregator.db.before-{REVISION}"
    # Of those of the program, the newest two are kept.
    assert copies(old) == ["aggregator.db.before-0003", name, "aggregator.db.before-me"]
    with closing(sqlite3.connect(old.data / name)) as copy:
        assert copy.execute("SELECT version_num FROM alembic_version").fetchall() == [("0004",)]
        assert copy.execute(KEPT).fetchall() == before
    if os.name != "nt":
        assert (old.data / name).stat().st_mode & 0o777 == 0o600
    stamp = (old.data / name).stat().st_mtime_ns
    old.run("update", "--all")
    assert (old.data / name).stat().st_mtime_ns == stamp


def test_a_new_database_has_no_copy(site: Site, origin: Origin) -> None:
    configure(site, origin)
    done = site.run("update")
    assert done.status == 0
    assert "cleaned again" not in done.stderr
    assert copies(site) == []


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for little more than one database."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("only root can mount")
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if mount is None or umount is None:
        pytest.skip("there is nothing to mount with")
    arguments = [mount, "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)]
    if subprocess.run(arguments, capture_output=True, check=False).returncode:
        pytest.skip("nothing can be mounted here")
    yield folder
    subprocess.run([umount, str(folder)], check=True)


def opened_on_full_disk(folder: Path, room: int) -> subprocess.CompletedProcess[str]:
    """Make an old database of 600 kB, leave so much room beside it, and open it."""
    path = folder / "aggregator.db"
    with closing(sqlite3.connect(path)) as database:
        database.executescript((OLD / "aggregator.sql").read_text(encoding="utf-8"))
        database.execute("UPDATE entries SET html = html || hex(zeroblob(64000)) WHERE source_pk = 1")
        database.commit()
    free = os.statvfs(folder)
    with (folder / "ballast").open("wb") as ballast:
        ballast.write(bytes(free.f_bavail * free.f_frsize - room))
    return opened(path)


def opened(path: Path) -> subprocess.CompletedProcess[str]:
    code = (
        "import sys, pathlib; from aggregator.errors import StoreError; from aggregator.store import open_store\n"
        "try: open_store(pathlib.Path(sys.argv[1])).close()\n"
        "except StoreError as error: sys.exit(str(error))"
    )
    return subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)


def revision(path: Path) -> str:
    with closing(sqlite3.connect(path)) as database:
        found: str = database.execute("SELECT version_num FROM alembic_version").fetchone()[0]
        return found


def test_without_room_it_is_migrated_without_a_copy(full_disk: Path) -> None:
    done = opened_on_full_disk(full_disk, 450_000)
    assert (done.returncode, done.stderr.startswith("there is no room for a copy of ")) == (0, True)
    assert sorted(file.name for file in full_disk.iterdir()) == ["aggregator.db", "ballast"]
    assert revision(full_disk / "aggregator.db") == REVISION


def test_without_room_for_the_migration_it_stays_as_it_was(full_disk: Path) -> None:
    done = opened_on_full_disk(full_disk, 120_000)
    assert done.returncode == 1
    assert "disk is full; free some space and run again, nothing is lost" in done.stderr
    path = full_disk / "aggregator.db"
    assert revision(path) == "0004"
    (full_disk / "ballast").unlink()
    assert opened(path).returncode == 0
    assert revision(path) == REVISION


@pytest.mark.parametrize("command", ["update", "publish", "status"])
def test_an_older_program_refuses_a_newer_database(site: Site, origin: Origin, command: str) -> None:
    configure(site, origin)
    site.run("update")
    query(site, "UPDATE alembic_version SET version_num = '9999'")
    before = (query(site, KEPT), site.stamps())
    done = site.run(command)
    assert done.status not in (0, 3)
    assert "written by a newer version" in done.stderr
    assert "9999" in done.stderr
    assert (query(site, KEPT), site.stamps(), copies(site)) == (*before, [])
    with pytest.raises(StoreError, match="newer version"):
        open_store(site.data / "aggregator.db")
