"""The queue of a cluster, in the database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import psycopg
import pytest

from aggregator.cluster.database import ClusterDatabase
from aggregator.cluster.queue import CONTROL, DISPATCH, SOURCE, SOURCES, Order, Queue, Run
from aggregator.cluster.settings import Times
from aggregator.errors import RowError, StoreError
from tests.clusters import ask

TIMES = Times(beat=0.2, dead=1.0, poll=0.1)


@pytest.fixture
async def database(shared_database: str) -> AsyncIterator[ClusterDatabase]:
    ask(shared_database, "TRUNCATE procrastinate_jobs, procrastinate_workers, procrastinate_periodic_defers CASCADE")
    async with ClusterDatabase(shared_database) as made:
        yield made


async def open_queue(database: ClusterDatabase, trouble: list[StoreError] | None = None) -> Queue:
    queue = Queue(database, TIMES, ([] if trouble is None else trouble).append)
    await queue.open()
    return queue


async def work(queue: Queue, run: Run, until: Callable[[], object]) -> None:
    """Run source jobs until a condition holds."""
    lane = queue.lane([SOURCES], {SOURCE: run}, 2, 1.0)
    task = asyncio.create_task(lane.run())  # type: ignore[no-untyped-call]
    async with asyncio.timeout(30):
        while not until():  # noqa: ASYNC110 - several things can make it true
            await asyncio.sleep(0.02)
    lane.end(at_once=False)
    await task


async def jobs(database: ClusterDatabase) -> list[tuple[str, str]]:
    return await database.rows("SELECT coalesce(args->>'id', ''), status::text FROM procrastinate_jobs ORDER BY id")


async def test_a_job_is_in_the_queue_once(database: ClusterDatabase) -> None:
    queue, a, b = await open_queue(database), Order(SOURCE, SOURCES, "a"), Order(SOURCE, SOURCES, "b")
    assert [await queue.put(a), await queue.put(a), await queue.put(b, a), await queue.put(b)] == [
        True,
        False,
        False,
        True,
    ]
    assert await queue.under_way() == ["a", "b"]


async def test_whoever_takes_a_job_does_not_read_the_whole_queue(database: ClusterDatabase) -> None:
    queue = await open_queue(database)
    await queue.put(*(Order(SOURCE, SOURCES, f"s{number}") for number in range(300)))
    async with database.pool.connection() as connection, connection.transaction():

        async def rows_read() -> int:
            cursor = await connection.execute(
                "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'procrastinate_jobs'"
            )
            row = await cursor.fetchone()
            assert row is not None
            return int(row[0])

        # The server counts for a connection, and tells the others later.
        before = await rows_read()
        await connection.execute("SELECT procrastinate_fetch_job_v2(%s, NULL)", [[SOURCES]])
        assert 0 < await rows_read() - before < 10
        others = "SELECT FROM procrastinate_jobs WHERE lock = 'source:s7' AND status IN ('todo', 'doing')"
        plan = await (await connection.execute(f"EXPLAIN {others}")).fetchall()
        assert any("cluster_jobs_lock" in line for (line,) in plan), plan


async def test_the_database_learns_that_a_queue_it_saw_empty_is_long(database: ClusterDatabase) -> None:
    queue = await open_queue(database)
    await database.run("VACUUM ANALYZE procrastinate_jobs")

    async def plan() -> str:
        found = await database.rows(
            "EXPLAIN SELECT FROM procrastinate_jobs WHERE lock = 'source:s7' AND status = 'todo'"
        )
        return " ".join(line for (line,) in found)

    async def size() -> int:
        ((known,),) = await database.rows(
            "SELECT reltuples::bigint FROM pg_class WHERE oid = 'procrastinate_jobs'::regclass"
        )
        return int(known)

    await queue.put(*(Order(SOURCE, SOURCES, f"s{number}") for number in range(300)))
    assert await size() <= 0
    await queue.expect(300)
    assert (await size(), "cluster_jobs_lock" in await plan()) == (300, True)
    # A shorter queue is no reason to look again.
    await queue.put(Order(SOURCE, SOURCES, "another"))
    await queue.expect(301)
    assert await size() == 300


async def test_a_periodic_job_comes_once_in_its_time(database: ClusterDatabase) -> None:
    queue = await open_queue(database)
    for _ in range(3):
        await queue.put_periodically(Order(DISPATCH, CONTROL), 1e6)
    assert len(await jobs(database)) == 1


async def test_jobs_end_whatever_they_raise(database: ClusterDatabase) -> None:
    trouble, done = list[StoreError](), list[str]()
    queue = await open_queue(database, trouble)
    raised = {"row": RowError("one row"), "store": StoreError("all"), "bug": ValueError("a bug"), "fine": None}

    async def run(attempts: int, name: str) -> None:
        done.append(name)
        if error := raised[name]:
            raise error

    await queue.put(*(Order(SOURCE, SOURCES, name) for name in raised))
    await work(queue, run, lambda: len(done) == len(raised))
    assert await jobs(database) == []
    assert [str(error) for error in trouble] == ["all"]


async def test_jobs_of_another_version_fail_and_are_kept_for_a_look(database: ClusterDatabase) -> None:
    queue, done = await open_queue(database), list[str]()

    async def run(attempts: int, name: str) -> None:
        done.append(name)

    await queue.put(Order("of old", SOURCES, "x"), Order(SOURCE, SOURCES, "a"))
    statement = "UPDATE procrastinate_jobs SET args = args || '{\"more\": 1}' WHERE task_name = 'source'"
    await database.run(statement)
    await work(queue, run, lambda: done)
    assert await jobs(database) == [("x", "failed")]
    await queue.tidy()
    assert len(await jobs(database)) == 1


async def test_jobs_of_dead_workers_are_put_back(database: ClusterDatabase) -> None:
    queue = await open_queue(database)
    await queue.put(*(Order(SOURCE, SOURCES, name) for name in "abc"))
    await database.run("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 hour')")
    await database.run("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now())")
    doing = "UPDATE procrastinate_jobs SET status = 'doing', worker_id = (SELECT {}(id) FROM procrastinate_workers)"
    await database.run(f"{doing.format('min')} WHERE args->>'id' IN ('a', 'b')")
    await database.run(f"{doing.format('max')} WHERE args->>'id' = 'c'")
    # One of them has come into the queue since.
    await queue.put(Order(SOURCE, SOURCES, "b"))
    assert await queue.take_over() == 1
    assert sorted(await jobs(database)) == [("a", "todo"), ("b", "todo"), ("c", "doing")]
    assert await database.rows("SELECT attempts FROM procrastinate_jobs WHERE args->>'id' = 'a'") == [(1,)]
    assert await queue.take_over() == 0


async def test_a_lost_connection_is_trouble(database: ClusterDatabase, shared_database: str) -> None:
    trouble = list[StoreError]()
    queue = await open_queue(database, trouble)
    await queue.put(Order(SOURCE, SOURCES, "a"))
    with psycopg.connect(shared_database, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    with pytest.raises(StoreError, match="went away"):
        await queue.put(Order(SOURCE, SOURCES, "b"))
    assert trouble
