"""What a job of a cluster costs: put into the queue, taken by a worker, and deleted, without what it is there for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from benchmarks.databases import measured_server
from benchmarks.measure import Experiment, Run
from benchmarks.places import CONCURRENCY
from benchmarks.sizes import Sizes
from benchmarks.stages import OURS

if TYPE_CHECKING:
    from aggregator.errors import StoreError
    from benchmarks.tasks import Clock, Task

#: Jobs that are put into the queue at once: as many as a dispatch keeps there for one worker.
_BATCH = 20 * CONCURRENCY

#: The least that is a queue: a table, the order in which jobs are taken, and the order of their places on the disk.
_TABLE = (
    "CREATE TABLE IF NOT EXISTS floor (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, args jsonb NOT NULL,"
    " doing boolean NOT NULL DEFAULT false)",
    "CREATE INDEX IF NOT EXISTS floor_todo ON floor (id) WHERE NOT doing",
)
_PUT = "INSERT INTO floor (args) SELECT unnest(%s::jsonb[])"
_TAKE = (
    "UPDATE floor SET doing = true WHERE id ="
    " (SELECT id FROM floor WHERE NOT doing ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id, args"
)
_DELETE = "DELETE FROM floor WHERE id = %s"


@contextmanager
def jobs(sizes: Sizes) -> Iterator[Experiment | None]:
    """Jobs that do nothing."""
    units = sizes.jobs
    with measured_server() as server:
        given = {**server.arguments(server.fresh(), "job", units), "count": units}
        yield Experiment(
            "jobs",
            f"Queue: {units:,} jobs, {CONCURRENCY} at a time",
            f"Jobs that do nothing, put into the queue {_BATCH} at a time, as a dispatch does it, and done by the lane "
            "of one worker. psycopg alone does the same to a table of its own: inserts as many rows at a time, then "
            "takes and deletes one after the other, on one connection, with a statement for each. No commit waits for "
            "the disk in either. The server's own CPU time is in the wall time, and in the notes.",
            "job",
            (
                Run(OURS, "jobs", {**given, "concurrency": CONCURRENCY}, units, units, ours=True),
                Run("psycopg alone", "jobs_floor", given, units, units),
            ),
        )


def work(clock: Clock, *, database: str, count: int, concurrency: int) -> int:
    """Do so many jobs; returns how many were done and are gone from the queue."""
    from aggregator.cluster.database import ClusterDatabase
    from aggregator.cluster.queue import SOURCE, SOURCES, Order, Queue
    from aggregator.cluster.settings import Times
    from aggregator.cluster.tables import make_tables

    troubles: list[StoreError] = []
    done = 0
    few = asyncio.Event()

    async def job(attempts: int, name: str) -> None:
        nonlocal done
        done += 1
        few.set()

    async def dispatch(queue: Queue) -> None:
        for start in range(0, count, _BATCH):
            # The next batch comes before the last one is done, so that the lane always has something to do.
            while start - done > _BATCH // 2:
                await few.wait()
                few.clear()
            numbers = range(start, min(start + _BATCH, count))
            await queue.put(*(Order(SOURCE, SOURCES, f"feeds-example-org-{number}") for number in numbers))
            await queue.expect(len(numbers))
        while done < count:
            await few.wait()
            few.clear()

    async def main() -> int:
        async with ClusterDatabase(database) as opened:
            await make_tables(opened.pool)
            queue = Queue(opened, Times(), troubles.append)
            await queue.open()
            lane = queue.lane([SOURCES], {SOURCE: job}, concurrency, grace=20.0)
            with clock:
                running = asyncio.create_task(lane.run())  # type: ignore[no-untyped-call]
                await dispatch(queue)
                lane.end(at_once=False)
                await running
            clock.notes["jobs per second"] = int(count / clock.wall)
            ((left,),) = await opened.rows("SELECT count(*) FROM procrastinate_jobs")
            return done - int(left)

    result = asyncio.run(main())
    if troubles:
        raise troubles[0]
    return result


def floor(clock: Clock, *, database: str, count: int) -> int:
    """Put so many rows into a table, take and delete each; returns how many were taken."""
    import psycopg
    from psycopg.types.json import Jsonb

    async def main() -> int:
        done = 0
        async with await psycopg.AsyncConnection.connect(database, autocommit=True) as connection:
            await connection.execute("SET synchronous_commit = off")
            for statement in _TABLE:
                await connection.execute(statement)
            cursor = connection.cursor()
            with clock:
                for start in range(0, count, _BATCH):
                    numbers = range(start, min(start + _BATCH, count))
                    rows = [Jsonb({"id": f"feeds-example-org-{number}"}) for number in numbers]
                    await cursor.execute(_PUT, [rows])
                    while row := await (await cursor.execute(_TAKE)).fetchone():
                        await cursor.execute(_DELETE, [row[0]])
                        done += 1
            clock.notes["jobs per second"] = int(count / clock.wall)
        return done

    return asyncio.run(main())


TASKS: dict[str, Task] = {"jobs": work, "jobs_floor": floor}
