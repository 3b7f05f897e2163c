"""The command of `after_publish`: once for what a publication changed, never twice at once, and no file is lost."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.config import Config
from aggregator.config.load import load
from aggregator.publish.report import Report
from aggregator.service.after_publish import (
    LONGEST_PAUSE,
    PAUSE,
    RECORD,
    AfterPublish,
    Changes,
    Pending,
    pending,
    record_changes,
)
from aggregator.store import Store, open_store
from aggregator.workers import StoreThread
from tests.daemons import running, wait_until
from tests.origin import Origin
from tests.support import Site, command, item, rss

#: Appends what it is given to the file that is its first argument; fails where the second one exists.
SCRIPT = """
import json, os, pathlib, sys
with open(sys.argv[1], "a") as file:
    file.write(json.dumps([json.load(sys.stdin), os.environ["AGGREGATOR_DATA"]]) + "\\n")
status = pathlib.Path(sys.argv[2])
if status.exists():
    sys.exit("the generator is\\nbroken \\x1b[31mnow")
"""
NOW = datetime(2026, 5, 1, tzinfo=UTC)


class World:
    """A site whose publications call a script."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.log = site.folder / "calls"
        self.broken = site.folder / "broken"
        self.command = [sys.executable, "-c", SCRIPT, str(self.log), str(self.broken)]

    def calls(self) -> list[dict[str, list[str]]]:
        return [given for given, _ in self.told()]

    def told(self) -> list[Any]:
        return [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []

    def later(self) -> None:
        """Let the last call lie an hour and more in the past."""
        with closing(open_store(self.site.data / "aggregator.db")) as store:
            value = json.loads(store.fingerprints()[RECORD])
            value["at"] = NOW.isoformat()
            store.record_fingerprints({RECORD: json.dumps(value)})


@pytest.fixture
def world(site: Site) -> World:
    return World(site)


def _configure(world: World, origin: Origin, *items: Mapping[str, str], **sections: Any) -> None:
    source = {"id": "one", "feed": origin.route("/feed", rss(list(items)))}
    world.site.configure(source, after_publish=world.command, **sections)


def test_command_has_the_changed_files_once(world: World, origin: Origin) -> None:
    _configure(world, origin, item(1))
    assert world.site.run("update").status == 0
    ((first, data),) = world.told()
    posts, public = world.site.posts(), world.site.public()
    assert sorted(first["written"]) == sorted([*(f"posts/{name}" for name in posts), *(f"public/{n}" for n in public)])
    assert (first["removed"], data) == ([], str(world.site.data.resolve()))
    # Nothing new.
    world.later()
    assert world.site.run("update", "--all").status == 0
    assert len(world.calls()) == 1
    # One new item: its post, and the feeds.
    _configure(world, origin, item(1), item(2))
    assert world.site.run("update", "--all").status == 0
    second = world.calls()[1]
    assert [name for name in second["written"] if name.startswith("posts/")] == [
        f"posts/{name}" for name in world.site.posts() if name not in posts
    ]
    assert "public/news/rss.xml" in second["written"]


def test_removed_posts_are_named(world: World, origin: Origin) -> None:
    _configure(world, origin, item(1), item(2))
    world.site.run("update")
    before = set(world.site.posts())
    world.later()
    _configure(world, origin, item(1), item(2), retention={"count": 1, "posts": "delete"})
    assert world.site.run("update", "--all").status == 0
    assert world.calls()[1]["removed"] == [f"posts/{name}" for name in before - set(world.site.posts())] != []


def test_failed_call_is_reported_and_repeated_with_the_same_files(world: World, origin: Origin) -> None:
    world.broken.touch()
    _configure(world, origin, item(1))
    done = world.site.run("update")
    assert done.status == 4
    assert "exited with status 1: broken" in done.stderr
    assert "\x1b" not in done.stderr
    # It is not repeated at once, and the failure is not forgotten.
    again = world.site.run("update")
    assert (again.status, len(world.calls())) == (4, 1)
    assert "exited with status 1: broken" in again.stderr
    world.later()
    world.broken.unlink()
    _configure(world, origin, item(1), item(2))
    done = world.site.run("update", "--all")
    assert done.status == 0, done.stderr
    first, second = world.calls()
    assert set(first["written"]) <= set(second["written"])
    assert len([name for name in second["written"] if name.startswith("posts/")]) == 2
    with closing(open_store(world.site.data / "aggregator.db")) as store:
        assert not pending(store).all.files


def test_failure_does_not_tell_where_a_private_feed_is(world: World, origin: Origin) -> None:
    source = {"id": "s", "feed": origin.route("/f", rss([item(1)]))}
    repeats = [sys.executable, "-c", "import sys; sys.exit(sys.stdin.read())"]
    world.site.configure(source, outputs={"mine": {"private": True}}, after_publish=repeats)
    done = world.site.run("update")
    assert done.status == 4
    (folder,) = {name.split("/")[1] for name in world.site.public() if name.startswith("_private/")}
    assert "public/_private/…/rss.xml" in done.stderr
    assert folder not in done.stdout + done.stderr


def test_failure_of_the_command_keeps_no_run_idle(world: World, origin: Origin) -> None:
    world.broken.touch()
    _configure(world, origin, item(1))
    world.site.run("update")
    world.broken.unlink()
    world.later()
    # Nothing is due now, and nothing is to be written.
    assert world.site.run("update").status == 0
    assert len(world.calls()) == 2


def test_quiet_run_reports_a_failure_once(world: World, origin: Origin) -> None:
    world.broken.touch()
    _configure(world, origin, item(1))
    first, second = world.site.run("update", "--quiet"), world.site.run("update", "--quiet")
    assert "exited with status 1" in first.stderr
    assert second.stderr == ""


def test_publish_and_remove_call_it_too(world: World, origin: Origin) -> None:
    _configure(world, origin, item(1))
    world.site.run("update")
    world.later()
    post = next(iter(world.site.posts()))
    (world.site.data / "posts" / post).unlink()
    assert world.site.run("publish", "--restore").status == 0
    assert world.calls()[1] == {"written": [f"posts/{post}"], "removed": []}
    world.later()
    assert world.site.run("remove", "one", "--purge", "--yes").status == 0
    assert f"posts/{post}" in world.calls()[2]["removed"]


def test_daemon_calls_it(world: World, origin: Origin) -> None:
    _configure(world, origin, item(1))
    with running(world.site) as daemon:
        daemon.wait_for("called")
    assert "public/news/rss.xml" in world.calls()[0]["written"]


@pytest.mark.parametrize("value", [[], "", "'open", [1], {"run": "x"}, "https://example.org/"])
def test_what_is_no_command_is_a_problem_of_the_configuration(value: object, site: Site, origin: Origin) -> None:
    site.configure({"feed": origin.url}, after_publish=value)
    done = command("check", "--config", str(site.config))
    assert done.status == 2
    assert "after_publish" in done.stderr


def test_command_that_does_not_exist_is_noted(site: Site, origin: Origin) -> None:
    site.configure({"feed": origin.url}, after_publish="no-such-program --x")
    assert "no-such-program" in command("check", "--config", str(site.config)).stdout


# -- one process -------------------------------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(tmp_path / "aggregator.db")) as store:
        yield store


def _config(folder: Path, command: list[str]) -> Config:
    file = folder / "feeds.yaml"
    file.write_text(json.dumps({"after_publish": command, "sources": [{"feed": "https://example.org/"}]}))
    return load(file, {})


def _runner(folder: Path, thread: StoreThread, config: Config, seconds: float = 60) -> AfterPublish:
    # Each look at the clock is a day later.
    days = iter(range(1000))
    return AfterPublish(folder, thread, lambda: config, lambda: NOW + timedelta(days=next(days)), seconds=seconds)


async def test_it_never_runs_twice_at_once_and_takes_what_comes_meanwhile(store: Store, tmp_path: Path) -> None:
    log, gate = tmp_path / "log", tmp_path / "gate"
    script = f"echo begin >>{log}; while [ ! -e {gate} ]; do sleep 0.01; done; cat >>{log}; echo end >>{log}"
    config = _config(tmp_path, ["sh", "-c", script])
    with StoreThread() as thread:
        runner = _runner(tmp_path, thread, config)
        record_changes(store, config, Report(feeds=["public/a"]))
        first = asyncio.create_task(runner.run(store))
        await asyncio.to_thread(wait_until, log.exists)
        # The same file again, while the command has the old one.
        await thread.run(record_changes, store, config, Report(feeds=["public/a"], posts=["posts/b"]))
        assert await runner.run(store) is None
        assert log.read_text() == "begin\n"
        gate.touch()
        assert await first is None
    words = log.read_text().split("\n")
    assert words == [
        "begin",
        '{"written": ["public/a"], "removed": []}end',
        "begin",
        '{"written": ["posts/b", "public/a"], "removed": []}end',
        "",
    ]


async def test_command_that_hangs_is_killed_with_its_children(store: Store, tmp_path: Path) -> None:
    config = _config(tmp_path, ["sh", "-c", "sleep 1000 & sleep 1000"])
    with StoreThread() as thread:
        record_changes(store, config, Report(feeds=["public/a"]))
        failure = await _runner(tmp_path, thread, config, seconds=0.3).run(store)
    assert failure is not None
    assert "killed" in failure.reason
    assert pending(store).failures == 1


async def test_large_list_and_a_command_that_reads_nothing(store: Store, tmp_path: Path) -> None:
    config = _config(tmp_path, ["true"])
    with StoreThread() as thread:
        record_changes(store, config, Report(posts=[f"posts/{number:0100}" for number in range(10_000)]))
        assert await _runner(tmp_path, thread, config).run(store) is None
    assert not pending(store).all.files


async def test_what_a_killed_process_had_given_is_given_again(store: Store, tmp_path: Path) -> None:
    log = tmp_path / "log"
    config = _config(tmp_path, ["sh", "-c", f"cat >>{log}"])
    record_changes(store, config, Report(feeds=["public/a"]))
    with StoreThread() as thread:
        hanging = _config(tmp_path, ["sh", "-c", f"touch {log}; sleep 1000"])
        call = asyncio.create_task(_runner(tmp_path, thread, hanging).run(store))
        await asyncio.to_thread(wait_until, log.exists)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await thread.run(record_changes, store, config, Report(removed=["public/b"]))
        assert await _runner(tmp_path, thread, config).run(store) is None
    assert json.loads(log.read_text()) == {"written": ["public/a"], "removed": ["public/b"]}


async def test_another_command_does_not_wait_for_what_the_last_one_failed_at(store: Store, tmp_path: Path) -> None:
    broken, mended = _config(tmp_path, ["false"]), _config(tmp_path, ["true"])
    record_changes(store, broken, Report(feeds=["public/a"]))
    current, now = broken, NOW
    with StoreThread() as thread:
        runner = AfterPublish(tmp_path, thread, lambda: current, lambda: now)
        first = await runner.run(store)
        now += PAUSE
        # Not yet.
        assert await runner.run(store) == first
        assert pending(store).failures == 1
        current = mended
        assert await runner.run(store) is None
    assert not pending(store).all.files


async def test_configuration_may_change_while_the_minute_is_waited_for(store: Store, tmp_path: Path) -> None:
    log = tmp_path / "log"
    current = _config(tmp_path, ["true"])
    record_changes(store, current, Report(feeds=["public/a"]))
    moments = iter((NOW, NOW, NOW + PAUSE - timedelta(milliseconds=1), NOW + PAUSE, NOW + PAUSE))

    def clock() -> datetime:
        nonlocal current
        if (moment := next(moments)) > NOW:
            current = _config(tmp_path, ["sh", "-c", f"cat >>{log}"])
        return moment

    with StoreThread() as thread:
        runner = AfterPublish(tmp_path, thread, lambda: current, clock)
        assert await runner.run(store) is None
        await thread.run(record_changes, store, current, Report(feeds=["public/b"]))
        assert await runner.run(store) is None
    assert json.loads(log.read_text()) == {"written": ["public/b"], "removed": []}


async def test_process_that_is_about_to_end_leaves_the_call_to_the_next_one(store: Store, tmp_path: Path) -> None:
    config, stop = _config(tmp_path, ["true"]), asyncio.Event()
    record_changes(store, config, Report(feeds=["public/a"]))
    with StoreThread() as thread:
        runner = AfterPublish(tmp_path, thread, lambda: config, lambda: NOW, stop=stop)
        assert await runner.run(store) is None
        await thread.run(record_changes, store, config, Report(feeds=["public/b"]))
        call = asyncio.create_task(runner.run(store))
        stop.set()
        assert await call is None
    assert pending(store).all.written == ["public/b"]


@pytest.mark.parametrize("value", ["", "{", "[]", "3", '{"given": 3}', '{"given": {}, "since": {}, "at": "x"}'])
def test_damaged_record_counts_as_none(store: Store, value: str) -> None:
    store.record_fingerprints({RECORD: value})
    assert pending(store) == Pending()


def test_it_starts_at_most_once_a_minute_and_more_rarely_after_failures() -> None:
    begun = Pending(at=NOW)
    assert Pending().wait(NOW) == timedelta(0)
    assert begun.wait(NOW + timedelta(seconds=20)) == timedelta(seconds=40)
    assert begun.wait(NOW + PAUSE) == timedelta(0)
    # The clock was set back.
    assert begun.wait(NOW - timedelta(days=1)) == timedelta(0)
    assert replace(begun, failures=2).wait(NOW) == 4 * PAUSE
    assert replace(begun, failures=10**6).wait(NOW) == LONGEST_PAUSE


_NAMES = st.sampled_from("abc")
_STEPS = st.lists(st.tuples(st.frozensets(_NAMES), st.frozensets(_NAMES)))


@given(steps=_STEPS)
def test_last_change_of_a_file_counts(steps: list[tuple[frozenset[str], frozenset[str]]]) -> None:
    changes = Changes({})
    there: dict[str, bool] = {}
    for written, removed in steps:
        changes = changes.followed_by(written, removed)
        there |= dict.fromkeys(removed, False)
        there |= dict.fromkeys(written, True)
    assert changes.files == there
    assert set(changes.written).isdisjoint(changes.removed)
