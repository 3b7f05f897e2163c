"""Our cycles on a PostgreSQL server beside the same cycles on SQLite."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from benchmarks.cluster.servers import Postgres, postgres
from benchmarks.measure import Experiment, Run, Target, call
from benchmarks.places import Place, place
from benchmarks.sizes import Sizes
from benchmarks.stages import OURS

ON_POSTGRESQL, ON_SQLITE = f"{OURS}, PostgreSQL", f"{OURS}, SQLite"

#: How many times the cost on SQLite.
_LIMIT = 1.6
_HOW = (
    "All of `aggregator update --all` but the imports, on a PostgreSQL server of the same machine, by a socket, and on "
    "the file in the data folder. The server syncs to the disk as by default. Its own CPU time is not in ours, but in "
    "the wall time, and in the notes."
)


@dataclass(frozen=True)
class MeasuredServer:
    """A PostgreSQL server, of which the notes tell what each run has cost it."""

    server: Postgres
    _numbers: Iterator[int] = field(default_factory=count)

    def fresh(self) -> str:
        """Make a new database, and return its URI."""
        return self.server.make(f"fresh_{next(self._numbers)}")

    def arguments(self, uri: str, unit: str, units: int) -> dict[str, Any]:
        """Return arguments of a task that uses a database of this server."""
        return {"database": uri, "server": (self.server.pid, f"CPU of the server per {unit}", units)}


@contextmanager
def measured_server() -> Iterator[MeasuredServer]:
    """Start a server, which is gone after the block."""
    with postgres() as server:
        yield MeasuredServer(server)


@contextmanager
def cold(sizes: Sizes) -> Iterator[Experiment | None]:
    """The first cycle, on new databases."""
    load = sizes.cold
    items = load.sources * load.entries
    with place(load) as here, measured_server() as server:
        yield Experiment(
            "postgres-cold",
            f"PostgreSQL, cold cycle: {load.sources:,} sources x {load.entries} items, all new",
            f"{_HOW} Each round has databases of its own, without tables.",
            "source",
            (
                _on_postgresql(here, server, new=True, expects=items, uri=server.fresh),
                here.ours(ON_SQLITE, new=True, expects=items),
            ),
            _TARGETS,
        )


@contextmanager
def unchanged(sizes: Sizes) -> Iterator[Experiment | None]:
    """A cycle in which no feed has changed."""
    load = sizes.unchanged
    items = load.sources * load.entries
    with place(load) as here, measured_server() as server:
        uri = server.fresh()
        call("cycle", here.cycle)
        call("cycle", {**here.cycle, "data": str(here.folder / _DATA), "database": uri})
        yield Experiment(
            "postgres-unchanged",
            f"PostgreSQL, cycle of 304s: {load.sources:,} sources",
            _HOW,
            "source",
            (
                _on_postgresql(here, server, expects=items, uri=lambda: uri),
                here.ours(ON_SQLITE, expects=items),
            ),
            _TARGETS,
        )


#: The data folder beside the database on the server.
_DATA = "data-postgresql"
_TARGETS = (
    Target(f"wall at most {_LIMIT} times SQLite", (ON_POSTGRESQL,), (ON_SQLITE,), "wall", _LIMIT, "at most"),
    Target(f"CPU at most {_LIMIT} times SQLite", (ON_POSTGRESQL,), (ON_SQLITE,), "cpu", _LIMIT, "at most"),
)


def _on_postgresql(here: Place, server: MeasuredServer, uri: Callable[[], str], **options: Any) -> Run:
    def more() -> Mapping[str, Any]:
        return server.arguments(uri(), "source", here.load.sources)

    return here.ours(ON_POSTGRESQL, data=_DATA, more=more, **options)
