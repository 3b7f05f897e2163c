"""Many days of ticks on a virtual clock: memory, files, threads and processes stay as they are."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from aggregator.service.daemon import Daemon, DaemonSettings
from aggregator.service.reload import ConfigFile
from aggregator.service.systemd import Systemd
from tests.daemons import wait_until
from tests.origin import Origin, Response, Seen
from tests.store_samples import NOW
from tests.support import Site, item, rss

PROC = Path("/proc/self")
WARM, DAYS = 30, 90


def _usage() -> tuple[int, int, int]:
    """Resident kB, open files, threads of the program."""
    gc.collect()
    resident = next(line for line in (PROC / "status").read_text().splitlines() if line.startswith("VmRSS"))
    threads = [one for one in threading.enumerate() if one.name.startswith("aggregator")]
    return int(resident.split()[1]), len(os.listdir(PROC / "fd")), len(threads)  # noqa: PTH208


@pytest.mark.slow
@pytest.mark.skipif(not PROC.exists(), reason="no /proc here")
async def test_nothing_grows_with_time(site: Site, origin: Origin) -> None:
    def moves(seen: Seen) -> Response:
        return Response(b"", 503) if len(origin.requests) % 3 else Response(b"", 304, {"ETag": '"x"'})

    steady = origin.route("/steady", rss([item(n) for n in range(20)]), conditional=True)
    site.configure(
        {"id": "steady", "feed": steady},
        {"id": "shaky", "feed": origin.handle("/shaky", moves)},
        retention={"count": 10},
        hooks={"after": 1},
    )
    file = ConfigFile(site.config)
    site.data.mkdir()
    settings = DaemonSettings(site.data, timedelta(seconds=30), timedelta(seconds=1))
    now = [NOW]
    daemon = Daemon(file, file.load(), settings, Systemd({}), lambda: now[0])
    usages = []
    for day in range(WARM + DAYS):
        now[0] = NOW + timedelta(days=day)
        await daemon.tick()
        await daemon.wait()
        daemon.heartbeat()
        if day % 20 == 1:
            daemon.reload()
        usages.append(_usage())
    warm, end = usages[WARM], usages[-1]
    # The origin, which is in this process, closes its end of a connection a moment later.
    await asyncio.to_thread(wait_until, lambda: _usage()[1] <= warm[1] + 2, "an end of the open files")
    daemon.close()
    assert len(origin.asked("/steady")) == WARM + DAYS
    assert end[0] - warm[0] < 6000, "memory"
    assert end[2] <= warm[2], "threads"
