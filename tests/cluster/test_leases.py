"""Leases in a database: several pools, as several processes have them, and a database that goes away."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise

import psycopg
import pytest
from psycopg import sql
from psycopg_pool import AsyncConnectionPool

from aggregator.cluster import batches
from aggregator.cluster import leases as module
from aggregator.cluster.batches import Answer, Batches, Question
from aggregator.cluster.connections import open_pool
from aggregator.cluster.leases import DatabaseLeases, Pool, Usage, forget_domains, usage
from aggregator.cluster.tables import REVISION, make_tables
from aggregator.errors import ConnectionLost, StoreError
from aggregator.fetch.leases import LeaseEnded, LeftAlone
from aggregator.store import open_store
from tests.daemons import PATIENCE
from tests.postgres import new_database, server

_numbers = count(1)


@pytest.fixture
def domain() -> str:
    """A domain that no other test uses."""
    return f"test{next(_numbers)}.example"


@asynccontextmanager
async def several(uri: str, number: int) -> AsyncIterator[list[DatabaseLeases]]:
    """As many processes as that would be."""
    async with AsyncExitStack() as stack:
        pools = [await stack.enter_async_context(open_pool(uri, size=2)) for _ in range(number)]
        yield [await stack.enter_async_context(DatabaseLeases(pool)) for pool in pools]


@contextmanager
def away(uri: str) -> Iterator[None]:
    """Let nobody reach the database while the block runs."""
    name = psycopg.conninfo.conninfo_to_dict(uri)["dbname"]
    with psycopg.connect(server(), autocommit=True) as connection:
        change = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
        connection.execute(change.format(sql.Identifier(str(name)), sql.SQL("false")))
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
        yield
        connection.execute(change.format(sql.Identifier(str(name)), sql.SQL("true")))


async def row(pool: Pool, statement: str, *values: object) -> tuple[object, ...]:
    async with pool.connection() as connection:
        return await (await connection.execute(statement.encode(), values)).fetchone() or ()


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await true():  # noqa: ASYNC110 - what happens in a database sets no event
            await asyncio.sleep(0.01)


async def until_waiting(pool: Pool) -> None:
    """Wait until somebody stands in a line."""

    async def waiting() -> bool:
        return (await usage(pool)).waiting > 0

    await until(waiting)


async def test_promises_hold_over_several_pools(shared_database: str, domain: str) -> None:
    """Forty at once in four processes, three of whose configurations allow less than the other one."""
    running, most, done = 0, 0, 0

    async def ask(leases: DatabaseLeases, slots: int) -> None:
        nonlocal running, most, done
        held = await leases.take(domain, domain, slots, 0.0, 30.0)
        running += 1
        most = max(most, running)
        assert running <= 3
        # Whoever allows two only begins when there is room for that.
        assert slots == 3 or running <= 2
        await asyncio.sleep(0.005)
        running -= 1
        done += 1
        await held.give_back()

    async with several(shared_database, 4) as all_leases:
        await asyncio.gather(*(ask(all_leases[n % 4], 3 if n % 4 == 0 else 2) for n in range(40)))
    assert (most >= 2, done) == (True, 40)


async def test_what_is_asked_together_is_answered_one_by_one(pool: Pool, domain: str) -> None:
    """Leases of several domains, one that has to wait, one of a host that is left alone, and one given back."""
    async with DatabaseLeases(pool) as leases:
        await leases.leave_alone(f"alone.{domain}", timedelta(minutes=2))
        first = await leases.take(domain, domain, 1, 0.0, 30.0)
        *taken, refused, _, again = await asyncio.gather(
            *(leases.take(f"{n}.{domain}", domain, 1, n, 30 + n / 2) for n in range(100)),
            leases.take(domain, f"alone.{domain}", 1, 0.0, 30.0),
            first.give_back(),
            leases.take(domain, domain, 1, 0.0, 30.0),
            return_exceptions=True,
        )
        assert isinstance(refused, LeftAlone)
        held = [one for one in (*taken, again) if not isinstance(one, BaseException | None)]
        assert len(held) == 101
        assert await usage(pool) == Usage(101, 0)
        await asyncio.gather(*(one.give_back() for one in held))
    assert await usage(pool) == Usage(0, 0)


async def test_a_delay_lies_between_the_beginnings_of_all(shared_database: str, domain: str) -> None:
    starts = []

    async def ask(leases: DatabaseLeases, delay: float) -> None:
        while True:
            held = await leases.take(domain, domain, 2, delay, 30.0)
            if held.allows(25.0):
                starts.append(time.monotonic())
                await held.give_back()
                return
            await held.give_back()

    async with several(shared_database, 3) as all_leases:
        await all_leases[0].slow_down(domain, 0.15)
        await asyncio.gather(*(ask(leases, delay) for leases in all_leases for delay in (0.0, 0.1)))
    assert len(starts) == 6
    assert min(after - before for before, after in pairwise(starts)) >= 0.15


async def test_a_process_with_many_requests_starves_no_other(shared_database: str, domain: str) -> None:
    """One of them has a new request as soon as another one is over, the other two have one at a time."""
    served = Counter[int]()
    over = asyncio.Event()

    async def ask(number: int, leases: DatabaseLeases) -> None:
        while not over.is_set():
            held = await leases.take(domain, domain, 2, 0.0, 30.0)
            served[number] += 1
            await asyncio.sleep(0.002)
            await held.give_back()
            if min(served[n] for n in range(3)) >= 10:
                over.set()

    async with several(shared_database, 3) as all_leases:
        askers = [(0, all_leases[0])] * 2 + [(1, all_leases[1]), (2, all_leases[2])]
        await asyncio.gather(*(ask(number, leases) for number, leases in askers))
    # The line gives each asker its turn.
    assert served[0] <= 4 * min(served[1], served[2])


async def test_retry_after_holds_for_all_and_for_one_host_only(shared_database: str, domain: str) -> None:
    async with several(shared_database, 2) as (one, other):
        before = datetime.now(UTC)
        await one.leave_alone(f"www.{domain}", timedelta(minutes=2))
        # A shorter one does not end it.
        await other.leave_alone(f"www.{domain}", timedelta(seconds=1))
        with pytest.raises(LeftAlone) as caught:
            await other.take(domain, f"www.{domain}", 2, 0.0, 30.0)
        assert timedelta(seconds=119) <= caught.value.until - before <= timedelta(seconds=150)
        held = await other.take(domain, f"blog.{domain}", 2, 0.0, 30.0)
        await held.give_back()
    with closing(open_store(shared_database)) as store:
        assert f"www.{domain}" in store.host_waits(datetime.now(UTC))


async def test_who_waits_is_told_that_the_host_wants_to_be_left_alone(pool: Pool, domain: str) -> None:
    async with DatabaseLeases(pool) as leases:
        held = await leases.take(domain, domain, 1, 0.0, 30.0)
        waiting = asyncio.create_task(leases.take(domain, domain, 1, 0.0, 30.0))
        await until_waiting(pool)
        await leases.leave_alone(domain, timedelta(minutes=2))
        await held.give_back()
        with pytest.raises(LeftAlone):
            await waiting
    assert await usage(pool) == Usage(0, 0)


async def test_a_lease_ends_by_itself_and_its_holder_knows_it_before(pool: Pool, domain: str) -> None:
    async with DatabaseLeases(pool) as leases:
        held = await leases.take(domain, domain, 1, 0.0, 0.2)
        assert not held.allows(0.3)
        await asyncio.sleep(0.2)
        with pytest.raises(LeaseEnded):
            held.check()
        query = "SELECT held_until[1] >= began_at + interval '2.2 s' FROM cluster_domains WHERE domain = %s"
        assert await row(pool, query, domain) == (True,)
        other = await leases.take(domain, domain, 1, 0.0, 30.0)
        # What has ended gives back nothing of another one's.
        await held.give_back()
        assert await usage(pool) == Usage(1, 0)
        assert other.allows(25.0)
        other.check()
        await other.give_back()


async def test_a_request_that_begins_late_needs_another_lease(pool: Pool, domain: str) -> None:
    async with DatabaseLeases(pool) as leases:
        held = await leases.take(domain, domain, 1, 0.1, 30.0)
        await asyncio.sleep(0.3)
        assert not held.allows(25.0)
        # Without a delay, it does not matter.
        other = await leases.take(f"www.{domain}", domain, 1, 0.0, 30.0)
        await asyncio.sleep(0.3)
        assert other.allows(25.0)
        await held.give_back()
        await other.give_back()


async def test_who_gives_up_leaves_the_line(pool: Pool, domain: str) -> None:
    async with DatabaseLeases(pool) as leases:
        held = await leases.take(domain, domain, 1, 0.0, 30.0)
        waiting = asyncio.create_task(leases.take(domain, domain, 1, 0.0, 30.0))
        await until_waiting(pool)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert await usage(pool) == Usage(1, 0)
    await held.give_back()


async def test_a_lost_answer_costs_no_lease(pool: Pool, domain: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection is cut after the lease was taken, and before that was heard."""
    ask, cut = Batches.ask, list[Question]()

    async def cut_off(self: Batches, question: Question) -> Answer:
        found = await ask(self, question)
        if not cut:
            cut.append(question)
            raise ConnectionLost("the answer was lost")
        return found

    monkeypatch.setattr(Batches, "ask", cut_off)
    async with DatabaseLeases(pool) as leases:
        held = await leases.take(domain, domain, 1, 0.0, 30.0)
        assert await usage(pool) == Usage(1, 0)
        await held.give_back()
    assert len(cut) == 1
    assert await usage(pool) == Usage(0, 0)


async def test_connections_that_were_cut_are_made_again(shared_database: str, pool: Pool, domain: str) -> None:
    async with DatabaseLeases(pool) as leases:
        held = await leases.take(domain, domain, 1, 0.0, 30.0)
        waiting = asyncio.create_task(leases.take(domain, domain, 1, 0.0, 30.0))
        await until_waiting(pool)
        with psycopg.connect(shared_database, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = 'aggregator'"
            )
        await held.give_back()
        await (await waiting).give_back()
    assert await usage(pool) == Usage(0, 0)


async def test_a_database_that_goes_away_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    with new_database() as uri:
        async with open_pool(uri) as pool:
            await make_tables(pool)
            with psycopg.connect(uri) as connection:
                connection.execute("CREATE TABLE host_waits (host text PRIMARY KEY, until bigint NOT NULL)")
            async with DatabaseLeases(pool) as leases:
                held = await leases.take("a.example", "a.example", 1, 0.0, 30.0)
                waiting = asyncio.create_task(leases.take("a.example", "a.example", 1, 0.0, 30.0))
                await until_waiting(pool)
                with away(uri), monkeypatch.context() as impatient:
                    impatient.setattr(module, "_PATIENCE", 0.3)
                    impatient.setattr(module, "ANSWER", 0.3)
                    impatient.setattr(batches, "ANSWER", 0.3)
                    with pytest.raises(ConnectionLost, match="the database went away"):
                        await waiting
                    with pytest.raises(ConnectionLost, match="the database went away"):
                        await leases.take("b.example", "b.example", 1, 0.0, 30.0)
                    # What is said meanwhile is not lost.
                    await leases.leave_alone("c.example", timedelta(minutes=2))
                    await held.give_back()

                async def settled() -> bool:
                    return not leases.owing

                await until(settled)
                assert await usage(pool) == Usage(0, 0)
                with pytest.raises(LeftAlone):
                    await leases.take("c.example", "c.example", 1, 0.0, 30.0)


async def test_domains_that_nobody_asks_for_are_forgotten(pool: Pool, domain: str) -> None:
    async with DatabaseLeases(pool) as leases:
        for name in ("old.", "held.", "new."):
            held = await leases.take(name + domain, domain, 1, 0.0, 30.0)
            if name != "held.":
                await held.give_back()
        await row(
            pool,
            "UPDATE cluster_domains SET began_at = began_at - interval '3 days',"
            " opens_at = opens_at - interval '3 days' WHERE domain IN (%s, %s) RETURNING 1",
            f"old.{domain}",
            f"held.{domain}",
        )
        assert await forget_domains(pool) == 1
        assert await row(pool, "SELECT 1 FROM cluster_domains WHERE domain = %s", f"old.{domain}") == ()
        assert await usage(pool) == Usage(1, 0)
        await row(pool, "UPDATE cluster_domains SET held = '{}', held_until = '{}' RETURNING 1")


async def test_tables_are_made_once_by_whoever_comes_first() -> None:
    with new_database() as uri:
        async with open_pool(uri) as one, open_pool(uri) as other:
            assert await asyncio.gather(*(make_tables(pool) for pool in (one, other) * 3)) == [REVISION] * 6
            assert await row(one, "SELECT count(*) FROM procrastinate_jobs") == (0,)
            # A newer program was here.
            await row(one, "UPDATE cluster_revision SET revision = revision + 1 RETURNING revision")
            assert await make_tables(other) == REVISION + 1


async def test_what_the_database_refuses_is_no_lost_connection() -> None:
    with new_database() as uri:
        async with open_pool(uri) as pool, DatabaseLeases(pool) as leases:
            with pytest.raises(StoreError, match="the database refuses it: function cluster_leases") as caught:
                await leases.take("a.example", "a.example", 1, 0.0, 30.0)
            assert not isinstance(caught.value, ConnectionLost)


async def test_the_pool_needs_no_other_isolation_than_that_of_a_statement(pool: Pool) -> None:
    assert isinstance(pool, AsyncConnectionPool)
    assert await row(pool, "SHOW transaction_isolation") == ("read committed",)
