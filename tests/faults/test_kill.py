"""`kill -9` of the daemon at many points, then another daemon: as if nothing had happened."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest

from tests.daemons import PATIENCE, arguments, wait_until
from tests.faults.kills import needs_kill, start
from tests.origin import Origin
from tests.support import Site, item, rss
from tests.thoroughness import chosen

POINTS = chosen((1, 12, 60, 130), (1, 5, 12, 30, 60, 90, 130, 180))


def _outputs(site: Site) -> dict[str, bytes]:
    """All outputs."""
    return {f"posts/{k}": v for k, v in site.posts().items()} | {f"public/{k}": v for k, v in site.public().items()}


@contextmanager
def _daemon(site: Site, *, kill_at: int = 0) -> Iterator[tuple[ForkServerProcess, Path]]:
    """A daemon that looks once for due sources, and its log; killed at the end where it still runs."""
    log = site.folder / "daemon.log"
    process = start(arguments(site, "--every", "1h"), log, kill_at=kill_at)
    try:
        yield process, log
    finally:
        process.kill()
        process.join()


def _said(log: Path, text: str) -> bool:
    return text in log.read_text(encoding="utf-8")


@pytest.mark.slow
@needs_kill
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
        with _daemon(site, kill_at=limit) as (daemon, log):
            wait_until(lambda one=daemon, file=log: one.exitcode is not None or _said(file, "3 sources, 0 failed"))  # type: ignore[misc]
            killed += daemon.exitcode == -signal.SIGKILL
        with _daemon(site) as (daemon, log):
            # One that has everything to begin with obeys a signal only once it is up.
            wait_until(lambda file=log: _said(file, "watching 3 sources"))  # type: ignore[misc]
            wait_until(lambda place=site: _outputs(place) == expected, f"recovery after {limit} events")  # type: ignore[misc]
            daemon.terminate()
            daemon.join(PATIENCE)
            assert daemon.exitcode == 0
        assert site.run("health").status == 0
    assert killed >= len(POINTS) // 2
