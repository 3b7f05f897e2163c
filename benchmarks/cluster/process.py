"""One worker as a process of its own, for which every host name is this machine.

`python -m benchmarks.cluster.process FEEDS_YAML DATA URI [--publish]`; it ends by SIGTERM.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

from aiohttp.abc import AbstractResolver, ResolveResult


class Loopback(AbstractResolver):
    """Resolves every name to 127.0.0.1."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host, host="127.0.0.1", port=port, family=socket.AF_INET, proto=0, flags=socket.AI_NUMERICHOST
            )
        ]

    async def close(self) -> None:
        """Do nothing."""


async def _work(file: Path, data: Path, uri: str, *, publish: bool) -> None:
    from aggregator.cluster.settings import WorkerSettings
    from aggregator.cluster.worker import Worker
    from aggregator.service.reload import ConfigFile
    from aggregator.service.systemd import Systemd

    config_file = ConfigFile(file)
    settings = WorkerSettings(data, publish=publish)
    worker = Worker(config_file, config_file.load(), uri, settings, Systemd(os.environ), resolver=Loopback())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, worker.stop)
    await worker.run()


def main() -> None:
    """Run the worker."""
    file, data, uri, *options = sys.argv[1:]
    asyncio.run(_work(Path(file), Path(data), uri, publish="--publish" in options))


if __name__ == "__main__":
    main()
