"""`kill -9` at many points of an update, then another update: as if nothing had happened."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.daemons import PATIENCE
from tests.faults.kills import needs_kill, start
from tests.origin import Origin
from tests.support import Site, item, rss
from tests.thoroughness import THOROUGH

POINTS = 16 if THOROUGH else 6
#: Most items are in archives.
FEEDS = {"limit": 2}


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


def _update(site: Site, kill_at: int) -> tuple[int | None, str]:
    """Exit status and output of an update."""
    log = site.folder / "update.log"
    process = start(["update", "--config", str(site.config), "--data", str(site.data)], log, kill_at=kill_at)
    process.join(PATIENCE)
    assert process.exitcode is not None
    return process.exitcode, log.read_text(encoding="utf-8")


def _visible(site: Site) -> dict[str, bytes]:
    """What a reader or a site generator can see."""
    every = {f"posts/{k}": v for k, v in site.posts().items()} | {f"public/{k}": v for k, v in site.public().items()}
    return {name: data for name, data in every.items() if not Path(name).name.startswith(".")}


@pytest.mark.slow
@needs_kill
def test_kill_at_many_points_changes_nothing_in_the_end(tmp_path: Path, origin: Origin) -> None:
    sources = _serve(origin)
    calm = Site(tmp_path / "calm")
    calm.folder.mkdir()
    calm.configure(*sources, feeds=FEEDS)
    status, said = _update(calm, 0)
    assert status == 0, said
    expected = {f"posts/{k}": v for k, v in calm.posts().items()} | {f"public/{k}": v for k, v in calm.public().items()}
    events = int(said.split("events ")[1])
    killed = 0
    for number in range(POINTS):
        limit = 1 + number * events // POINTS
        site = Site(tmp_path / f"at-{limit}")
        site.folder.mkdir()
        site.configure(*sources, feeds=FEEDS)
        killed += _update(site, limit)[0] == -signal.SIGKILL
        seen = _visible(site)
        assert all(expected.get(name) == data for name, data in seen.items() if name.startswith("posts/")), limit
        assert all(data.rstrip().endswith((b">", b"}")) for data in seen.values()), f"half a file after {limit} events"
        assert site.run("update").status == 0
        after = {f"posts/{k}": v for k, v in site.posts().items()}
        after |= {f"public/{k}": v for k, v in site.public().items()}
        assert after == expected, f"killed after {limit} of {events} events"
    assert killed >= POINTS - 2
