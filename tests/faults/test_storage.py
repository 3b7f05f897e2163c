"""The disk is full, the database is locked or cannot be written: the daemon says so, and goes on when it can."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tests.daemons import PATIENCE, running, wait_until
from tests.origin import Origin
from tests.support import Site, item, rss


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if mount is None or umount is None or not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("only root can mount")
    if subprocess.run([mount, "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    yield folder
    subprocess.run([umount, str(folder)], check=True)


def test_full_disk_stops_nothing_for_good(site: Site, origin: Origin, small_disk: Path) -> None:
    feed = origin.route("/one", rss([item(1)]))
    site.configure({"id": "one", "feed": feed, "interval": "1s", "poll_without_validators": True})
    site.data.symlink_to(small_disk)
    with running(site) as daemon:
        wait_until(lambda: "news/Item-1.md" in site.posts(), "the first post")
        with (small_disk / "ballast").open("wb", buffering=0) as ballast:
            try:
                while True:
                    ballast.write(bytes(4096))
            except OSError:
                pass
        origin.route("/one", rss([item(n, description="x" * 20000) for n in range(1, 9)]))
        wait_until(lambda: any(line["level"] == "error" for line in daemon.lines()), "the error")
        error = next(line["message"] for line in daemon.lines() if line["level"] == "error")
        assert "full" in error or "No space left" in error
        assert "Traceback" not in daemon.log.read_text()
        (small_disk / "ballast").unlink()
        wait_until(lambda: len(site.posts()) == 8, "the posts that did not fit")
        assert daemon.end() == 0
    site.data.unlink()


def test_locked_database_is_waited_for(site: Site, origin: Origin) -> None:
    feed = origin.route("/one", rss([item(1)]))
    site.configure({"id": "one", "feed": feed, "interval": "1s", "poll_without_validators": True})
    with running(site) as daemon:
        daemon.wait_for("1 source, 0 failed")
        with closing(sqlite3.connect(site.data / "aggregator.db", PATIENCE, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            origin.route("/one", rss([item(1), item(2)]))
            asked = len(origin.asked("/one"))
            wait_until(lambda: len(origin.asked("/one")) > asked, "the next request")
            other.execute("ROLLBACK")
        wait_until(lambda: len(site.posts()) == 2, "the second post")
        assert daemon.end() == 0


def test_database_that_refuses_to_write_is_reported(site: Site, origin: Origin) -> None:
    site.configure({"id": "one", "feed": origin.route("/one", rss([item(1)]))})
    site.run("update")
    with closing(sqlite3.connect(site.data / "aggregator.db", isolation_level=None)) as other:
        other.execute("CREATE TRIGGER halt BEFORE UPDATE ON sources BEGIN SELECT RAISE(ABORT, 'halt'); END")
    done = site.run("update", "--all")
    assert done.status == 4
    assert "halt" in done.stderr
    with closing(sqlite3.connect(site.data / "aggregator.db", isolation_level=None)) as other:
        other.execute("DROP TRIGGER halt")
    assert site.run("update", "--all").status == 0


def test_read_only_disk_names_the_cause(site: Site, origin: Origin, small_disk: Path) -> None:
    site.configure({"id": "one", "feed": origin.route("/one", rss([item(1)]))})
    site.data.symlink_to(small_disk)
    assert site.run("update").status == 0
    mount = str(shutil.which("mount"))
    subprocess.run([mount, "-o", "remount,ro", str(small_disk)], check=True)
    done = site.run("update", "--all")
    assert done.status == 4
    assert "Read-only file system" in done.stderr
    subprocess.run([mount, "-o", "remount,rw", str(small_disk)], check=True)
    assert site.run("update", "--all").status == 0
    site.data.unlink()


@pytest.mark.skipif(sys.platform == "win32", reason="no such limit here")
def test_files_that_may_not_grow_are_reported(site: Site, origin: Origin) -> None:
    big = rss([item(n, description="x" * 30000) for n in range(30)])
    site.configure({"id": "one", "feed": origin.route("/one", big)})
    limited = (
        "import resource, sys; from aggregator.cli import app; "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000)); app(sys.argv[1:])"
    )
    places = ["--config", str(site.config), "--data", str(site.data)]
    done = subprocess.run([sys.executable, "-c", limited, "update", *places], capture_output=True, text=True)
    assert done.returncode == 4
    assert "error: " in done.stderr
    assert "Traceback" not in done.stderr
    assert site.run("update").status == 0
    assert len(site.posts()) == 30


@pytest.mark.parametrize("arguments", [["update", "--all"], ["publish"], ["reset", "one"]])
def test_full_disk_is_named_by_commands(site: Site, origin: Origin, small_disk: Path, arguments: list[str]) -> None:
    site.data.symlink_to(small_disk)
    site.configure({"id": "one", "feed": origin.route("/one", rss([item(1)]))})
    assert site.run("update").status == 0
    with (small_disk / "ballast").open("wb", buffering=0) as ballast:
        for size in (4096, 1):
            with suppress(OSError):
                while True:
                    ballast.write(bytes(size))
    origin.route("/one", rss([item(1), item(2, description="x" * 100_000)]))
    done = site.run(*arguments)
    assert done.status in (0, 1, 4)
    assert "mistake in this program" not in done.stderr
    (small_disk / "ballast").unlink()
    assert site.run("update", "--all").status == 0
    assert len(site.posts()) == 2
    site.data.unlink()
