"""The database of a cluster as its event loop uses it: connections, errors as the store raises them, and one clock.

The store has a connection of its own in each of its threads; this is for jobs, leases and signs of life.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg_pool import AsyncConnectionPool

from aggregator.errors import ConnectionLost, StoreError

#: A server that is gone is noticed within a minute, unless the address says something else.
_DEFAULTS = {
    "connect_timeout": "10",
    "keepalives_idle": "20",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
}
#: Connections of one worker.
_LEAST, _MOST = 2, 10
#: Seconds to wait for one of them.
_WAIT = 10.0
#: SQLSTATE of errors after which the same may work: the server goes down, comes up, or has ended the connection.
_LOST = ("08", "57P")

# A connection that is lost is an error where it is used; that the pool tries to replace it is nothing to log.
logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)


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
        return datetime.fromtimestamp(int(self._ahead + time.monotonic()), UTC)


class ClusterDatabase:
    """Connections to the database of a cluster; an asynchronous context manager, for one event loop.

    Args:
        uri: as libpq takes it.
        place: how messages name it.

    Raises:
        ConnectionLost: it cannot be reached.
        StoreError: it does not let us in.
    """

    def __init__(self, uri: str, place: str) -> None:
        self._parameters: dict[str, Any] = {
            **_DEFAULTS,
            **conninfo_to_dict(uri),
            "application_name": "aggregator worker",
            "client_encoding": "UTF8",
        }
        self.place = place
        self.clock = SharedClock()
        self.pool = AsyncConnectionPool(
            kwargs=self._parameters, min_size=_LEAST, max_size=_MOST, timeout=_WAIT, open=False, configure=_configure
        )

    async def __aenter__(self) -> ClusterDatabase:
        with self.explained():
            # The pool would not say why it gets no connection.
            async with await psycopg.AsyncConnection.connect(**self._parameters, autocommit=True) as connection:
                row = await (await connection.execute("SELECT clock_timestamp()")).fetchone()
                assert row is not None
                self.clock.set(row[0])
            await self.pool.open(wait=True, timeout=_WAIT)
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.pool.close(timeout=1.0)

    async def rows(self, statement: LiteralString, *values: object) -> list[tuple[Any, ...]]:
        """Run one statement, a transaction of its own, and return its rows."""
        with self.explained():
            async with self.pool.connection() as connection:
                return await (await connection.execute(statement, values)).fetchall()

    async def run(self, statement: LiteralString, *values: object) -> None:
        """Run one statement that gives no rows, a transaction of its own."""
        with self.explained():
            async with self.pool.connection() as connection:
                await connection.execute(statement, values)

    @asynccontextmanager
    async def alone(self, key: int) -> AsyncIterator[None]:
        """Let no other process do what it does under the same key.

        Args:
            key: of an advisory lock.
        """
        with self.explained():
            async with self.pool.connection() as connection, connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock(%s)", (key,))
                yield

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turn errors of psycopg into those of the store."""
        try:
            yield
        except psycopg.Error as error:
            raise explained(self.place, error) from error


def explained(place: str, error: psycopg.Error) -> StoreError:
    """Return an error as the store raises it."""
    said = " ".join((error.diag.message_primary or str(error) or type(error).__name__).split())
    if is_lost(error):
        return ConnectionLost(f"{place}: the database went away: {said}")
    return StoreError(f"{place}: {said}")


def is_lost(error: BaseException | None) -> bool:
    """Return whether an error says that the connection was lost."""
    if not isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return False
    if error.sqlstate is not None:
        return error.sqlstate.startswith(_LOST)
    # A server that answers and lets nobody in says so without a code.
    return "FATAL:  " not in str(error) or "the database system is" in str(error)


async def _configure(connection: psycopg.AsyncConnection[Any]) -> None:
    # Each statement is a transaction of its own, in one round trip where psycopg would take three.
    await connection.set_autocommit(True)
