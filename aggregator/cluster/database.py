"""The database of a cluster as the event loop of a worker uses it, and the clock that all workers share.

The store has a connection of its own in each of its threads; this is for jobs, leases and signs of life.
"""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, LiteralString, Self

import psycopg

from aggregator.cluster.connections import explained, open_pool
from aggregator.errors import StoreError
from aggregator.store.postgresql import explained as advised
from aggregator.store.postgresql import parameters

#: Connections of one worker.
_MOST = 10
#: Seconds to wait for one of them.
_WAIT = 10.0

# A connection that is lost is an error where it is used; what becomes of it then is nothing to log.
logging.getLogger("psycopg").setLevel(logging.CRITICAL)


class SharedClock:
    """The time of the database, which is that of all workers, whatever the clocks of their machines say.

    It is looked at with each sign of life; in between, the monotonic clock goes on.
    """

    def __init__(self) -> None:
        self._ahead = time.time() - time.monotonic()

    def set(self, moment: datetime) -> None:
        """Take the time of the database."""
        self._ahead = moment.timestamp() - time.monotonic()

    @property
    def drift(self) -> timedelta:
        """How far the clock of this machine is ahead of that of the database."""
        return timedelta(seconds=time.time() - time.monotonic() - self._ahead)

    def __call__(self) -> datetime:
        """Return the time, aware, in UTC, in whole seconds."""
        return datetime.fromtimestamp(int(self.now()), UTC)

    def now(self) -> float:
        """Return the time as Unix time."""
        return self._ahead + time.monotonic()


class ClusterDatabase:
    """Connections to the database of a cluster; an asynchronous context manager, for one event loop.

    Args:
        uri: as libpq takes it.
    """

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self.clock = SharedClock()
        self.pool = open_pool(uri, size=_MOST)

    async def __aenter__(self) -> Self:
        """Connect.

        Raises:
            ConnectionLost: it cannot be reached.
            StoreError: it does not let us in.
        """
        # The pool would not say why it gets no connection.
        with advised(self._uri):
            connection = await psycopg.AsyncConnection.connect(**parameters(self._uri), autocommit=True)
        async with connection:
            with explained():
                row = await (await connection.execute("SELECT clock_timestamp()")).fetchone()
                assert row is not None
                self.clock.set(row[0])
        with explained():
            await self.pool.open(wait=True, timeout=_WAIT)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.pool.close(timeout=1.0)

    async def rows(self, statement: LiteralString, *values: object) -> list[tuple[Any, ...]]:
        """Run one statement, a transaction of its own, and return its rows.

        Raises:
            ConnectionLost: the database went away.
            StoreError: it refuses the statement.
        """
        with explained():
            async with self.pool.connection() as connection:
                return await (await connection.execute(statement, values)).fetchall()

    async def run(self, statement: LiteralString, *values: object) -> None:
        """Run one statement that gives no rows, a transaction of its own.

        Raises:
            ConnectionLost: the database went away.
            StoreError: it refuses the statement.
        """
        with explained():
            async with self.pool.connection() as connection:
                await connection.execute(statement, values)

    async def fact(self, name: str) -> str | None:
        """Return a fact that all workers share; None: it is not known."""
        found = await self.rows("SELECT value FROM cluster_facts WHERE name = %s", name)
        return found[0][0] if found else None

    async def record(self, name: str, value: str) -> None:
        """Record a fact that all workers share."""
        await self.run(
            "INSERT INTO cluster_facts (name, value) VALUES (%s, %s)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value, at = clock_timestamp()",
            name,
            value,
        )

    async def record_first(self, name: str, value: str) -> str:
        """Record a fact unless it is known, and return what is recorded."""
        await self.run("INSERT INTO cluster_facts (name, value) VALUES (%s, %s) ON CONFLICT DO NOTHING", name, value)
        found = await self.fact(name)
        if found is None:
            raise StoreError(f"the database does not keep {name}")
        return found
