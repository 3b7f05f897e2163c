"""Runs with nothing to do: cheap, and the same in all that can be seen, as long as nothing has changed."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from aggregator.cli import update
from aggregator.cli.ticket import digest, recall
from aggregator.models import FeedState
from aggregator.service.health import read_heartbeat
from aggregator.store import open_store
from tests.commands import places
from tests.origin import Origin
from tests.support import Done, Site, item, rss
from tests.thoroughness import chosen

HOUR = timedelta(hours=1)
#: What the shortest way does without. (The library of the command line brings pydantic.)
HEAVY = {"sqlalchemy", "yaml", "lxml", "feedgen", "aggregator.config.load", "aggregator.publish.publication"}


def now() -> datetime:
    return datetime.now(UTC)


def signed(content: bytes) -> bytes:
    """A ticket whose content is as it was written."""
    return digest(content).encode() + b"\n" + content


def known(site: Site, at: datetime | None = None) -> bool:
    """Whether the next run takes the shortest way."""
    return recall(site.config, site.data, at or now(), os.environ) is not None


@pytest.fixture
def resting(site: Site, origin: Origin, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A site with nothing to do, whose last run has said so."""
    monkeypatch.setenv("NAME", "One")
    (site.folder / "token").write_text("abcdefgh", encoding="utf-8")
    source = {
        "id": "one",
        "name": "${env:NAME}",
        "feed": origin.route("/one", rss([item(1)])),
        "headers": {"X-Token": "${file:token}"},
    }
    site.configure(source, fetch={"allow_private_addresses": ["127.0.0.0/8"], "interval": "12h"})
    assert site.run("update").status == 0
    assert known(site)
    return site


def test_it_says_and_does_the_same_as_the_ordinary_way(resting: Site, origin: Origin) -> None:
    before = resting.stamps()
    origin.requests.clear()
    (resting.data / ".idle").unlink()
    (resting.data / ".heartbeat").unlink()
    ordinary = resting.run("update")
    assert read_heartbeat(resting.data) is not None
    (resting.data / ".heartbeat").unlink()
    assert known(resting)
    short = resting.run("update")
    assert short == ordinary
    assert "No source is due. The next one is due at" in short.stdout
    assert "Nothing to write: all files are up to date.\n" in short.stdout
    assert read_heartbeat(resting.data) is not None
    assert not (resting.data / ".lock-holder").exists()
    assert (resting.stamps(), origin.requests) == (before, [])


BUSY: tuple[dict[str, Any], ...] = (
    {},
    {"retention": {"count": 1}},
    {"feeds": {"formats": ["json"], "limit": 1}},
    {"posts": {"placeholder": False}},
    {"categories": {"news": "News", "empty": "Empty"}},
    {"hooks": {"on_problem": "false", "after": 1}},
)
ASKED = (("--all",), ("--source", "good"), ("--source", "bad"))


@pytest.mark.parametrize(
    ("sections", "arguments"),
    # What a run is asked for has nothing to do with the sections.
    chosen(
        [*((one, ()) for one in BUSY), *((BUSY[0], one) for one in ASKED), (BUSY[1], ASKED[1]), (BUSY[5], ASKED[0])],
        [(one, asked) for one in BUSY for asked in ((), *ASKED)],
    ),
)
def test_what_a_busy_run_foretells_is_true(
    site: Site, origin: Origin, sections: dict[str, Any], arguments: tuple[str, ...]
) -> None:
    good = {"id": "good", "feed": origin.route("/good", rss([item(1), item(2)]))}
    paused = {"id": "paused", "feed": f"{origin.url}/paused", "paused": True}
    site.configure(good, {"id": "bad", "feed": f"{origin.url}/bad"}, paused, **sections)
    (site.data / "posts/news").mkdir(parents=True)
    (site.data / "posts/news/Item-1.md").write_text("of a person", encoding="utf-8")
    site.run("update", *arguments)
    said = recall(site.config, site.data, now(), os.environ)
    # Of two sources, the other one is due.
    assert (said is None) is (arguments[:1] == ("--source",))
    if said is None:
        return
    before = site.stamps()
    (site.data / ".idle").unlink()
    ordinary = site.run("update")
    assert (ordinary.status, ordinary.stderr) == (0, "")
    assert ordinary.stdout.splitlines() == said
    assert site.stamps() == before


def test_nothing_heavy_is_loaded(resting: Site) -> None:
    code = (
        "import sys, runpy\n"
        "sys.argv = ['aggregator', 'update']\n"
        "try:\n    runpy.run_module('aggregator', run_name='__main__')\n"
        "except SystemExit:\n    pass\n"
        f"print(sorted({HEAVY!r} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **places(resting)}, capture_output=True, text=True, check=True
    )
    assert done.stderr == "[]\n"
    assert "No source is due." in done.stdout


def _edit(site: Site) -> None:
    site.config.write_text(site.config.read_text(encoding="utf-8").replace("Test site", "Best site"), encoding="utf-8")


def _state(site: Site, state: FeedState) -> None:
    with closing(open_store(site.data / "aggregator.db")) as store:
        store.save_states([replace(state, last_success_at=now())])


def _older_copy(site: Site) -> None:
    copy = (site.data / "aggregator.db").read_bytes()
    (site.data / "aggregator.db").unlink()
    (site.data / "aggregator.db").write_bytes(copy)


def _folder_instead(site: Site) -> None:
    (site.data / "public/news/rss.xml").unlink()
    (site.data / "public/news/rss.xml").mkdir()


CHANGES: dict[str, Callable[[Site], object]] = {
    "the file": _edit,
    "a file it refers to": lambda site: (site.folder / "token").write_text("hgfedcba", encoding="utf-8"),
    "a file it refers to is gone": lambda site: (site.folder / "token").unlink(),
    "a source is due": lambda site: _state(site, FeedState("one", next_due_at=now() - HOUR)),
    "a source was reset": lambda site: site.run("reset", "one"),
    "another database": _older_copy,
    "no database": lambda site: (site.data / "aggregator.db").unlink(),
    "a log of the database": lambda site: (site.data / "aggregator.db-wal").write_bytes(b"x" * 100),
    "a feed is gone": lambda site: (site.data / "public/news/rss.xml").unlink(),
    "a folder is in its place": _folder_instead,
    "the subscriptions are gone": lambda site: (site.data / "public/opml.xml").unlink(),
    "the list of our feeds is gone": lambda site: (site.data / "public/feeds.opml").unlink(),
    "the stylesheet is gone": lambda site: (site.data / "public/_assets/feed.css").unlink(),
    "all is gone": lambda site: (site.data / "public").rename(site.data / "gone"),
    "permissions": lambda site: (site.data / "aggregator.db").chmod(0o644),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_noticed(resting: Site, change: str) -> None:
    CHANGES[change](resting)
    assert not known(resting)


@pytest.mark.parametrize(("name", "value"), [("NAME", "Two"), ("NAME", None), ("AGGREGATOR_DB_MODE", "0640")])
def test_a_change_of_the_environment_is_noticed(
    resting: Site, monkeypatch: pytest.MonkeyPatch, name: str, value: str | None
) -> None:
    if value is None:
        monkeypatch.delenv(name)
    else:
        monkeypatch.setenv(name, value)
    assert not known(resting)
    done = resting.run("update")
    if value is None:
        assert (done.status, "the environment has no variable `NAME`" in done.stderr) == (2, True)
    elif name == "AGGREGATOR_DB_MODE":
        assert stat.S_IMODE((resting.data / "aggregator.db").stat().st_mode) == 0o640
    else:
        assert "name: Two" in next(iter(resting.posts().values())).decode() or "Wrote 1 post and" in done.stdout


def test_a_changed_file_is_in_force_at_once(resting: Site) -> None:
    _edit(resting)
    assert "Wrote 0 posts and" in resting.run("update").stdout
    assert b"Best site" in resting.public()["all/rss.xml"]
    resting.config.write_text("sources: {", encoding="utf-8")
    assert resting.run("update").status == 2


def test_what_is_missing_is_written_again(resting: Site) -> None:
    before = resting.public()
    (resting.data / "public/news/rss.xml").unlink()
    resting.run("update")
    assert resting.public() == before


def test_it_holds_until_a_source_is_due(resting: Site) -> None:
    with closing(open_store(resting.data / "aggregator.db")) as store:
        due = store.states()["one"].next_due_at
    assert due is not None
    assert known(resting, due - timedelta(seconds=1))
    assert not known(resting, due)


def test_a_clock_that_was_set_back_is_a_doubt(resting: Site) -> None:
    assert not known(resting, now() - HOUR)


def test_retention_is_due_every_six_hours(site: Site, origin: Origin, monkeypatch: pytest.MonkeyPatch) -> None:
    start = now().replace(microsecond=0)
    clock = [start]
    monkeypatch.setattr(update, "utc_now", lambda: clock[0])
    source = {"id": "one", "feed": origin.route("/one", rss([item(1)])), "retention": {"age": "365d"}}
    site.configure(source, fetch={"allow_private_addresses": ["127.0.0.0/8"], "interval": "24h"})
    for _ in range(3):
        assert site.run("update").status == 0
    with closing(open_store(site.data / "aggregator.db")) as store:
        state = store.states()["one"]
        store.save_states([replace(state, next_due_at=start + 48 * HOUR)])
    site.run("update")
    assert known(site, start + 5 * HOUR)
    assert not known(site, start + 6 * HOUR)


def test_a_folder_that_is_in_use_is_told(resting: Site) -> None:
    with FileLock(resting.data / ".lock"):
        done = resting.run("update")
    assert (done.status, done.stdout) == (3, "")
    assert "is in use by" in done.stderr


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"x\n{}",
        signed(b"null"),
        signed(b'{"seen": {}, "said": []}'),
        signed(b'{"made": "x", "until": 1, "seen": 1, "said": 1}'),
        None,
    ],
)
def test_a_damaged_ticket_is_none(resting: Site, content: bytes | None) -> None:
    path = resting.data / ".idle"
    good = path.read_bytes()
    if content is None:
        path.unlink()
        path.mkdir()
    else:
        path.write_bytes(content)
    assert not known(resting)
    assert resting.run("update").status == 0
    if content is not None:
        assert path.read_bytes().partition(b'"seen"')[2] == good.partition(b'"seen"')[2]


def test_every_byte_of_a_ticket_counts(resting: Site) -> None:
    path = resting.data / ".idle"
    good = path.read_bytes()
    for place in range(0, len(good), 7):
        path.write_bytes(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
        assert not known(resting), place
        path.write_bytes(good[:place])
        assert not known(resting), place
    path.write_bytes(good)
    assert known(resting)


def test_others_cannot_read_it(resting: Site) -> None:
    assert stat.S_IMODE((resting.data / ".idle").stat().st_mode) == 0o600
    assert b"abcdefgh" not in (resting.data / ".idle").read_bytes()


@pytest.mark.parametrize("arguments", [("--all",), ("--source", "one"), ("--dry-run",)])
def test_what_is_asked_for_is_done(resting: Site, origin: Origin, arguments: tuple[str, ...]) -> None:
    origin.requests.clear()
    assert resting.run("update", *arguments).status == 0
    assert bool(origin.requests) is (arguments != ("--dry-run",))


def test_another_configuration_on_the_same_data_is_another_matter(resting: Site, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_bytes(resting.config.read_bytes())
    assert recall(other, resting.data, now(), os.environ) is None


def test_a_run_that_failed_at_something_is_not_repeated(site: Site, origin: Origin) -> None:
    site.configure({"id": "one", "feed": origin.route("/one", rss([item(1)]))})
    site.run("update")
    (site.data / "public/news/rss.xml").unlink()
    (site.data / "public/news/rss.xml").mkdir()
    done: list[Done] = [site.run("update") for _ in range(3)]
    assert [one.status for one in done] == [4, 4, 4]
    assert not known(site)


def test_a_quiet_run_takes_the_word_of_a_quiet_one_only(resting: Site) -> None:
    """The other has not told what it found."""

    def quietly() -> bool:
        return recall(resting.config, resting.data, now(), os.environ, quiet=True) is not None

    assert not quietly()
    assert resting.run("update", "--quiet") == Done(0, "", "")
    assert quietly()
    assert known(resting)
    assert resting.run("update", "--quiet") == Done(0, "", "")
