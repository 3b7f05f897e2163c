"""`kill -9` at many points after `duplicates` was switched on or off: the next run completes it."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import pytest

from tests.daemons import PATIENCE
from tests.faults.kills import needs_kill, start
from tests.origin import Origin
from tests.support import Site, item, rss
from tests.thoroughness import THOROUGH

POINTS = 6 if THOROUGH else 3
#: Most items are in archives.
FEEDS = {"limit": 2}
PREFERRED = {"duplicates": "url", "prefer": ["s1"]}


def _configure(site: Site, origin: Origin, **sections: object) -> None:
    site.folder.mkdir(exist_ok=True)
    sources = [{"id": f"s{number}", "feed": f"{origin.url}/{number}"} for number in range(3)]
    site.configure(*sources, feeds=FEEDS, **sections)


def _publish(site: Site, kill_at: int) -> tuple[int | None, str]:
    """Exit status and output of a publication."""
    log = site.folder / "publish.log"
    process = start(["publish", "--config", str(site.config), "--data", str(site.data)], log, kill_at=kill_at)
    process.join(PATIENCE)
    return process.exitcode, log.read_text(encoding="utf-8")


def _files(site: Site) -> dict[str, bytes]:
    return {**{f"posts/{k}": v for k, v in site.posts().items()}, **site.public()}


@pytest.mark.slow
@needs_kill
@pytest.mark.parametrize("sections", [PREFERRED, {}], ids=["on", "off"])
def test_kill_at_many_points_changes_nothing_in_the_end(
    tmp_path: Path, origin: Origin, sections: dict[str, object]
) -> None:
    for number in range(3):
        origin.route(f"/{number}", rss([item(n, guid=f"urn:x-test:{number}-{n}") for n in range(number, number + 5)]))
    start_from = Site(tmp_path / "before")
    _configure(start_from, origin, **({} if sections else PREFERRED))
    for number in range(3):
        assert start_from.run("update", "--source", f"s{number}").status == 0
    calm = Site(tmp_path / "calm")
    shutil.copytree(start_from.folder, calm.folder)
    _configure(calm, origin, **sections)
    status, said = _publish(calm, 0)
    assert status == 0, said
    expected, events = _files(calm), int(said.split("events ")[1])
    assert len(calm.posts()) == (7 if sections else 15)
    killed = 0
    for number in range(POINTS):
        limit = 1 + number * events // POINTS
        site = Site(tmp_path / f"at-{limit}")
        shutil.copytree(start_from.folder, site.folder)
        _configure(site, origin, **sections)
        killed += _publish(site, limit)[0] == -signal.SIGKILL
        assert site.run("publish").status == 0
        assert _files(site) == expected, f"killed after {limit} of {events} events"
    assert killed >= POINTS - 1
