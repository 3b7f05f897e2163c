"""`kill -9` at many points of an update, then another update: as if nothing had happened."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.origin import Origin
from tests.support import Site, item, rss

#: Runs the command line and kills its own process at the n-th audit event after the store was opened
#: (PEP 578: opening files, renaming, connecting, importing …), or prints the number of events where n is 0.
WRAPPER = """
import os, signal, sys
from aggregator.cli import app
import aggregator.pipeline.run, aggregator.publish.publication, aggregator.store
limit, seen, armed = int(sys.argv[1]), 0, False
def hook(event, arguments):
    global seen, armed
    if event == "sqlite3.connect":
        armed = True
    if armed and event in ("open", "os.rename", "os.remove", "os.mkdir", "os.listdir", "socket.connect", "os.truncate"):
        seen += 1
        if seen == limit:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(hook)
try:
    app(sys.argv[2:])
finally:
    print("events", seen)
"""
POINTS = 16


def _serve(origin: Origin) -> list[dict[str, str]]:
    """Three sources with colliding titles, so that names and ids depend on more than one source."""
    return [
        {
            "id": f"s{number}",
            "name": f"Source {number}",
            "feed": origin.route(
                f"/{number}",
                rss([item(n, title=f"Title {n}", guid=f"urn:x-test:{n}") for n in range(number, number + 8)]),
                conditional=True,
            ),
        }
        for number in range(3)
    ]


def _spawn(site: Site, limit: int) -> subprocess.CompletedProcess[str]:
    arguments = ["update", "--config", str(site.config), "--data", str(site.data)]
    return subprocess.run(
        [sys.executable, "-c", WRAPPER, str(limit), *arguments], capture_output=True, text=True, check=False
    )


def _visible(site: Site) -> dict[str, bytes]:
    """What a reader or a site generator can see."""
    every = {f"posts/{k}": v for k, v in site.posts().items()} | {f"public/{k}": v for k, v in site.public().items()}
    return {name: data for name, data in every.items() if not Path(name).name.startswith(".")}


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL here")
def test_kill_at_many_points_changes_nothing_in_the_end(tmp_path: Path, origin: Origin) -> None:
    sources = _serve(origin)
    calm = Site(tmp_path / "calm")
    calm.folder.mkdir()
    calm.configure(*sources)
    done = _spawn(calm, 0)
    assert done.returncode == 0, done.stderr
    expected = {f"posts/{k}": v for k, v in calm.posts().items()} | {f"public/{k}": v for k, v in calm.public().items()}
    events = int(done.stdout.split("events ")[1])
    killed = 0
    for number in range(POINTS):
        limit = 1 + number * events // POINTS
        site = Site(tmp_path / f"at-{limit}")
        site.folder.mkdir()
        site.configure(*sources)
        outcome = _spawn(site, limit)
        killed += outcome.returncode == -signal.SIGKILL
        seen = _visible(site)
        assert all(expected.get(name) == data for name, data in seen.items() if name.startswith("posts/")), limit
        assert all(data.rstrip().endswith((b">", b"}")) for data in seen.values()), f"half a file after {limit} events"
        assert site.run("update").status == 0
        after = {f"posts/{k}": v for k, v in site.posts().items()}
        after |= {f"public/{k}": v for k, v in site.public().items()}
        assert after == expected, f"killed after {limit} of {events} events"
    assert killed >= POINTS - 2
