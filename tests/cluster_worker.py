"""A worker as a process of its own, for the tests: every name leads to the origin, and all times are short.

Usage: python -m tests.cluster_worker PORT URI CONFIG DATA [publish]
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from aiohttp.abc import AbstractResolver, ResolveResult

from aggregator.cli.daemon import obey_signals
from aggregator.cli.process import BROKEN
from aggregator.cluster.ending import stop_in_time
from aggregator.cluster.settings import Times, WorkerSettings
from aggregator.cluster.worker import Worker
from aggregator.log import LogFormat, configure_logging
from aggregator.service.reload import ConfigFile
from aggregator.service.systemd import Systemd

#: As usual, but ten times as fast.
TIMES = Times(
    beat=0.5,
    dead=3.0,
    take_over=0.5,
    dispatch=0.2,
    poll=0.5,
    together=0.01,
    patience=1.0,
    publish=0.2,
    publish_again=1.0,
    publish_pause=0.5,
    config=0.3,
    news=1.0,
    least_pause=0.2,
    longest_pause=1.0,
    last=2.0,
)


class AllNames(AbstractResolver):
    """Leads every name to a port of this machine."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host="127.0.0.1",
                port=self._port,
                family=socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
        ]

    async def close(self) -> None:
        """There is nothing to close."""


def make(
    port: int,
    uri: str,
    config: Path,
    data: Path,
    *,
    publish: bool = False,
    quiet: bool = False,
    grace: timedelta = timedelta(seconds=5),
    times: Times = TIMES,
) -> Worker:
    """Return a worker that is not running yet."""
    file = ConfigFile(config)
    settings = WorkerSettings(data, publish, grace, quiet, times)
    return Worker(file, file.load(), uri, settings, Systemd({}), resolver=AllNames(port))


async def _run(made: Callable[[], Worker]) -> None:
    worker = made()
    obey_signals(stop_in_time(worker, BROKEN), worker.reload)
    await worker.run()


if __name__ == "__main__":
    configure_logging(LogFormat.json, lambda text: text)
    port, uri, config, data, *more = sys.argv[1:]
    os.environ.pop("NOTIFY_SOCKET", None)
    asyncio.run(_run(lambda: make(int(port), uri, Path(config), Path(data), publish="publish" in more)))
