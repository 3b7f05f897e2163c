"""`kill -9` of the daemon at many points, then another daemon: as if nothing had happened."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.daemons import running, wait_until
from tests.faults.test_update_kill import WRAPPER
from tests.origin import Origin
from tests.support import Site, item, rss

POINTS = (1, 5, 12, 30, 60, 90, 130, 180)


def _outputs(site: Site) -> dict[str, bytes]:
    """All outputs."""
    return {f"posts/{k}": v for k, v in site.posts().items()} | {f"public/{k}": v for k, v in site.public().items()}


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL here")
def test_killed_daemon_is_followed_by_one_that_finishes(tmp_path: Path, origin: Origin) -> None:
    sources = [
        {
            "id": f"s{n}",
            "name": f"S {n}",
            "feed": origin.route(f"/{n}", rss([item(k, title=f"T {k}", guid=f"urn:x:{k}") for k in range(n, n + 6)])),
        }
        for n in range(3)
    ]
    calm = Site(tmp_path / "calm")
    calm.folder.mkdir()
    calm.configure(*sources)
    calm.run("update")
    expected, killed = _outputs(calm), 0
    for limit in POINTS:
        site = Site(tmp_path / str(limit))
        site.folder.mkdir()
        site.configure(*sources)
        # One cycle each: the next one would publish what is stored beside it, and names depend on what is there.
        with running(site, "--every", "1h", command=("-c", WRAPPER, str(limit))) as daemon:
            done = "3 sources, 0 failed"
            wait_until(lambda running=daemon, text=done: running.process.poll() is not None or running.said(text))  # type: ignore[misc]
            killed += daemon.process.poll() == -signal.SIGKILL
        with running(site, "--every", "1h") as daemon:
            # One that has everything to begin with obeys a signal only once it is up.
            wait_until(lambda running=daemon: running.said("watching 3 sources"))  # type: ignore[misc]
            wait_until(lambda place=site: _outputs(place) == expected, f"recovery after {limit} events")  # type: ignore[misc]
            assert daemon.end() == 0
        assert site.run("health").status == 0
    assert killed >= len(POINTS) // 2
