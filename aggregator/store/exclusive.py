"""Who may use a PostgreSQL database: one process alone, or any number of workers at once.

A data folder is locked by `aggregator.datafolder`, which is enough for SQLite. A PostgreSQL database is used from
several machines, so the lock is in the database: an advisory lock of a session that does nothing else. It ends with the
session, so also with the process or its machine.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aggregator.errors import LockedError
from aggregator.place import shown

if TYPE_CHECKING:
    import psycopg

#: The key of the lock, "aggr use" in ASCII; advisory locks of other databases on the server do not count.
_KEY = int.from_bytes(b"aggr use")
#: Bytes of a name that PostgreSQL keeps.
_MAX_NAME = 63
#: Seconds between two tries while another process is waited for. It is no lock that queues: workers that start
#: meanwhile would have to wait for a command that waits for the workers before them.
_PAUSE = 0.2
#: How many holders are named.
_MOST = 5

_HOLDERS = """
    SELECT l.pid, l.mode, a.application_name, a.client_addr::text
    FROM pg_locks AS l LEFT JOIN pg_stat_activity AS a ON a.pid = l.pid
    WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.classid = %s::oid AND l.objid = %s::oid
      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    ORDER BY l.pid
"""


class Hold:
    """The use of a database, until `hold_database` ends."""

    def renew(self) -> None:
        """Make sure that the use has not been lost, with the session that holds it; take it again if it has.

        Raises:
            LockedError: another process has it now.
            ConnectionLost: the server cannot be reached.
        """


class _SessionHold(Hold):
    def __init__(self, place: str, *, shared: bool) -> None:
        self._place = place
        self._shared = shared
        self._connection: psycopg.Connection[Any] | None = None

    def take(self, on_wait: Callable[[LockedError], None] | None = None) -> None:
        from aggregator.store.postgresql import open_session

        self._connection = self._connection or open_session(self._place, _own_name(self._shared))
        waiting = False
        while not self._try():
            error = self._locked()
            if on_wait is None:
                # The session does not hold it, and must not look as if it did.
                self.close()
                raise error
            if not waiting:
                on_wait(error)
                waiting = True
            time.sleep(_PAUSE)

    def renew(self) -> None:
        if self._connection is not None and _is_alive(self._connection):
            return
        self.close()
        self.take()

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):
                connection.close()

    def _try(self) -> bool:
        which = "pg_try_advisory_lock_shared" if self._shared else "pg_try_advisory_lock"
        return bool(self._ask(f"SELECT {which}(%s)", (_KEY,))[0][0])

    def _locked(self) -> LockedError:
        """Return an error that names who has the database."""
        rows = self._ask(_HOLDERS, (_KEY >> 32, _KEY & 0xFFFFFFFF))
        names = [_named(*row) for row in rows]
        if rows and all(mode == "ShareLock" for _, mode, *_ in rows):
            listed = ", ".join(names[:_MOST]) + (f" and {len(names) - _MOST} more" if len(names) > _MOST else "")
            workers = f"{len(names)} worker{'' if len(names) == 1 else 's'} ({listed})"
            return LockedError(shown(self._place), workers, advice="stop them first" if len(names) > 1 else "stop it")
        return LockedError(shown(self._place), ", ".join(names) or "another process")

    def _ask(self, statement: str, values: Sequence[int]) -> list[Any]:
        from aggregator.store.postgresql import explained

        assert self._connection is not None
        with explained(self._place):
            return self._connection.execute(statement.encode(), values).fetchall()


@contextmanager
def hold_database(
    place: Path | str, *, shared: bool = False, on_wait: Callable[[LockedError], None] | None = None
) -> Iterator[Hold]:
    """Hold a database; for SQLite, this does nothing.

    Args:
        place: where the database is.
        shared: with others who share it, as workers do; otherwise alone.
        on_wait: called once before waiting for other processes; None: do not wait.

    Raises:
        LockedError: another process holds the database, and `on_wait` is None.
        ConnectionLost: the server cannot be reached.
        StoreError: it takes no connection.
    """
    if isinstance(place, Path):
        yield Hold()
        return
    held = _SessionHold(place, shared=shared)
    try:
        held.take(on_wait)
        yield held
    finally:
        held.close()


def _is_alive(connection: psycopg.Connection[Any]) -> bool:
    import psycopg

    try:
        connection.execute("SELECT 1").close()
    except psycopg.Error:
        return False
    return True


def _own_name(shared: bool) -> str:
    """Return the name under which others see this process."""
    what = "aggregator worker" if shared else "aggregator"
    name = f"{what}, process {os.getpid()} on {socket.gethostname()}"
    return name.encode("ascii", "replace")[:_MAX_NAME].decode()


def _named(pid: int, mode: str, name: str | None, address: str | None) -> str:
    """Name a holder; the server shows the names of sessions of other users to few."""
    told = (name or "").partition(", ")[2]
    return told or f"session {pid} of the server{f', from {address}' if address else ''}"
