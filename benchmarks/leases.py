"""What politeness over several processes costs: a lease in PostgreSQL beside a request."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from benchmarks.databases import measured_server
from benchmarks.measure import Experiment, Run, Target
from benchmarks.places import CONCURRENCY, place
from benchmarks.sizes import Sizes

if TYPE_CHECKING:
    from benchmarks.tasks import Clock, Task

#: Registrable domains that take turns.
_DOMAINS = 500


@contextmanager
def lease(sizes: Sizes) -> Iterator[Experiment | None]:
    """Leases taken and given back, none of which has to wait for another one."""
    units = sizes.requests.sources
    with place(sizes.requests) as here, measured_server() as server:
        request = {"urls": here.server.feeds, "etags": here.server.etags(), "concurrency": CONCURRENCY}
        many = {**server.arguments(server.fresh(), "lease", units), "count": units, "concurrency": CONCURRENCY}
        yield Experiment(
            "lease",
            f"Lease: {units} of {min(units, _DOMAINS)} domains, {CONCURRENCY} at a time",
            "Taken and given back, in a PostgreSQL server on the same machine, whose own CPU time is in the wall time "
            "and in the notes. The request is ours of the table before: conditional, answered with 304 over loopback.",
            "lease",
            (
                Run("aggregator", "lease", many, units, units, ours=True),
                Run("aggregator, one at a time", "lease", {**many, "concurrency": 1}, units, units, ours=True),
                Run("a request", "fetch", request, units, units),
            ),
            (Target("at most a quarter of a request", ("aggregator",), ("a request",), "cpu", 0.25, "at most"),),
        )


def take(clock: Clock, *, database: str, count: int, concurrency: int) -> int:
    """Take so many leases and give them back; all domains are known, as after the first hour."""
    from aggregator.cluster.connections import open_pool
    from aggregator.cluster.leases import DatabaseLeases, Pool
    from aggregator.cluster.tables import make_tables

    async def run(pool: Pool, numbers: Iterator[int]) -> int:
        done = 0
        async with DatabaseLeases(pool) as leases:

            async def work() -> None:
                nonlocal done
                for number in numbers:
                    domain = f"d{number % _DOMAINS}.example"
                    held = await leases.take(domain, f"www.{domain}", 2, 0.0, 35.0)
                    done += held.allows(30.0)
                    await held.give_back()

            await asyncio.gather(*(work() for _ in range(concurrency)))
        return done

    async def main() -> int:
        async with open_pool(database, size=2) as pool:
            await make_tables(pool)
            async with pool.connection() as connection:
                # Of the tables of the store, leases need only this one.
                await connection.execute(
                    "CREATE TABLE IF NOT EXISTS host_waits (host text PRIMARY KEY, until bigint NOT NULL)"
                )
            await run(pool, iter(range(_DOMAINS)))
            with clock:
                return await run(pool, iter(range(count)))

    return asyncio.run(main())


TASKS: dict[str, Task] = {"lease": take}
