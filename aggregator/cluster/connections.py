"""Connections to the database for what runs on the event loop, and its errors as ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg_pool import AsyncConnectionPool

from aggregator.errors import ConnectionLost, StoreError
from aggregator.store.postgresql import KEEPALIVE, parameters

#: Seconds after which the attempt to connect anew is given up; the next one who needs a connection begins another.
_RECONNECT = 5.0

#: Errors that are not ours: the database is away, or no more than a copy that cannot be written to.
_AWAY = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.errors.ReadOnlySqlTransaction, TimeoutError, OSError)


def open_pool(uri: str, *, size: int = 4) -> AsyncConnectionPool[psycopg.AsyncConnection[Any]]:
    """Return a pool of connections, each statement of which is a transaction; not open yet: use ``async with``.

    Args:
        uri: as libpq reads it.
        size: connections at most.
    """
    return AsyncConnectionPool(
        kwargs=parameters(uri),
        min_size=1,
        max_size=size,
        configure=_configure,
        open=False,
        reconnect_timeout=_RECONNECT,
        name="aggregator",
    )


async def _configure(connection: psycopg.AsyncConnection[Any]) -> None:
    # Not an argument of the connection: the queue makes one with the same arguments, and gives this one itself.
    await connection.set_autocommit(True)
    # Jobs are hints, and signs of life come again: none is worth waiting for the disk. Leases see to themselves.
    await connection.execute("SET synchronous_commit = off")
    await connection.execute(KEEPALIVE)
    # A plan is kept for as long as the connection, and the queue is empty when most are made: it would read all of a
    # table that may grow to thousands of jobs. Such plans look so expensive that they would be compiled.
    await connection.execute("SET enable_seqscan = off; SET jit = off")
    # Rows are locked, and then read as others left them, whatever the database does by default.
    await connection.execute("SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED")


@contextmanager
def explained() -> Iterator[None]:
    """Raise the errors of the database as `ConnectionLost` or `StoreError`."""
    try:
        yield
    except _AWAY as error:
        raise ConnectionLost(f"the database went away: {_words(error)}; it is tried again") from error
    except psycopg.Error as error:
        raise StoreError(f"the database refuses it: {_words(error)}") from error


def away(error: BaseException | None) -> bool:
    """Return whether an error says that the database went away."""
    return isinstance(error, _AWAY)


def _words(error: BaseException) -> str:
    """Return the first line of a message of libpq, which has no password in it."""
    return str(error).strip().partition("\n")[0] or type(error).__name__
