"""A process that asks for addresses with leases of a database: `python -m tests.cluster.asker JSON`.

It writes one line of JSON for each step: ``looking up``, and the outcome of each address.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from datetime import timedelta
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

from aggregator.cluster.connections import open_pool
from aggregator.cluster.leases import DatabaseLeases
from aggregator.errors import FetchError
from aggregator.fetch import Fetcher, FetchSettings, politeness
from tests.fetch_support import request


def say(value: object) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


class Names(AbstractResolver):
    """Every name leads to the origin; with `held`, once there is a line on standard input."""

    def __init__(self, port: int, held: bool) -> None:
        self._port, self._held = port, held

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        if self._held:
            say("looking up")
            await asyncio.to_thread(sys.stdin.readline)
        return [
            ResolveResult(hostname=host, host="127.0.0.1", port=self._port, family=socket.AF_INET, proto=0, flags=0)
        ]

    async def close(self) -> None:
        """There is nothing to close."""


async def main(task: dict[str, Any]) -> None:
    settings = FetchSettings("tests", 50, task["per_host"])
    # So that a test need not wait for the end of a lease.
    politeness._SPARE = task["spare"]
    async with (
        open_pool(task["database"], size=2) as pool,
        DatabaseLeases(pool) as leases,
        Fetcher(settings, resolver=Names(task["port"], task["held"]), leases=leases) as fetcher,
    ):

        async def ask(url: str) -> None:
            wanted = request(url, timeout=timedelta(seconds=task["timeout"]), robots=task["robots"])
            try:
                await fetcher.fetch(wanted)
            except FetchError as error:
                say([url, error.kind, error.held])
            else:
                say([url, "ok", False])

        await asyncio.gather(*map(ask, task["urls"]))


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
