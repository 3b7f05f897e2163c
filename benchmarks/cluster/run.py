"""A real run of many sources on several workers: `python -m benchmarks.cluster.run`.

One origin on loopback, one PostgreSQL server, workers as processes of their own; every host name is this machine. Three
turns: every source is new, every source answers 304, and every source has one new entry. Of each turn it is measured
how long it took, what workers and database used of the processor, and in which share of samples somebody wrote. The
costs of one look go to `costs.json`, from which `benchmarks.cluster.report` makes the page.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psycopg

from aggregator.store.postgresql import WRITE_KEY
from benchmarks.cluster.servers import Postgres, cpu_of, postgres
from benchmarks.origin import Server
from benchmarks.places import new_folder, write_config
from benchmarks.workload import Workload

COSTS = Path(__file__).resolve().parent / "costs.json"
#: Sources of one registrable domain.
_OF_A_DOMAIN = 4
#: Seconds between two samples of who writes, and between two looks whether a turn is over.
_SAMPLE = 0.1
_LOOK = 0.25

_WRITING = (
    "SELECT count(*) FILTER (WHERE granted), count(*) FROM pg_locks "
    "WHERE locktype = 'advisory' AND classid = %s AND objid = %s"
)


@dataclass(frozen=True, slots=True)
class Turn:
    """What one turn over all sources took."""

    name: str
    sources: int
    #: Seconds from the first due time to the last stored outcome, and to the last published file.
    seconds: float
    published: float
    #: Seconds of CPU of all workers, and of the database.
    workers: float
    database: float
    #: Share of the samples in which somebody wrote, and mean number of those who waited for that.
    writing: float
    waiting: float
    #: Largest resident memory of one worker, in bytes.
    memory: int


class _Writers(threading.Thread):
    """Samples whether somebody holds the lock of writers."""

    def __init__(self, uri: str) -> None:
        super().__init__(daemon=True)
        self._connection = psycopg.connect(uri, autocommit=True)
        self._ended = threading.Event()
        self.samples = 0
        self.held = 0
        self.asked = 0

    def run(self) -> None:
        while not self._ended.wait(_SAMPLE):
            row = self._connection.execute(_WRITING, (WRITE_KEY >> 32, WRITE_KEY & 0xFFFFFFFF)).fetchone()
            assert row is not None
            self.samples += 1
            self.held += row[0] > 0
            self.asked += row[1] - row[0]
        self._connection.close()

    def end(self) -> None:
        """Stop sampling."""
        self._ended.set()
        self.join()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the three turns and write the costs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sources", type=int, default=20_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--entries", type=int, default=5)
    parser.add_argument("--body", type=int, default=2000, help="bytes of HTML in each entry")
    parser.add_argument("--costs", type=Path, default=COSTS)
    options = parser.parse_args(arguments)
    load = Workload(options.sources, options.entries, options.body, fresh=1 / options.entries)
    folder = new_folder()
    with postgres() as database, Server(load) as server:
        port = server.url.rpartition(":")[2]
        addresses = [
            f"http://s{number}.d{number // _OF_A_DOMAIN}.example:{port}/{number}.xml" for number in range(load.sources)
        ]
        write_config(folder / "feeds.yaml", addresses)
        turns = _run(database, server, folder, options.workers, load.sources)
    options.costs.write_text(json.dumps([asdict(turn) for turn in turns], indent=1) + "\n", encoding="utf-8")
    return 0


def _run(database: Postgres, server: Server, folder: Path, count: int, sources: int) -> list[Turn]:
    workers = [_worker(folder, database.uri, number) for number in range(count)]
    try:
        turns = [_turn("new", database, workers, sources, begin=lambda: None)]
        _say(turns[-1])
        turns.append(_turn("304", database, workers, sources, begin=lambda: _make_due(database)))
        _say(turns[-1])
        server.go_to(1)
        turns.append(_turn("one new entry", database, workers, sources, begin=lambda: _make_due(database)))
        _say(turns[-1])
        return turns
    finally:
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.wait()


def _worker(folder: Path, uri: str, number: int) -> subprocess.Popen[bytes]:
    data = folder / f"data-{number}"
    data.mkdir()
    publish = ["--publish"] if number == 0 else []
    with (folder / f"worker-{number}.log").open("wb") as log:
        command = [sys.executable, "-m", "benchmarks.cluster.process", str(folder / "feeds.yaml"), str(data), uri]
        return subprocess.Popen([*command, *publish], stdout=log, stderr=log)


def _turn(name: str, database: Postgres, workers: list[subprocess.Popen[bytes]], sources: int, begin: Any) -> Turn:
    writers = _Writers(database.uri)
    with psycopg.connect(database.uri, autocommit=True) as connection:
        before = _moment(connection)
        cpu, server = sum(cpu_of(one.pid, descendants=True) for one in workers), database.cpu()
        started = time.monotonic()
        writers.start()
        begin()
        stored = published = 0.0
        while not published:
            time.sleep(_LOOK)
            if any(one.poll() is not None for one in workers):
                raise RuntimeError("a worker has ended")
            done, pending = _state(connection, before)
            if done >= sources and not stored:
                stored = time.monotonic() - started
                workers_cpu = sum(cpu_of(one.pid, descendants=True) for one in workers) - cpu
                server_cpu = database.cpu() - server
                writers.end()
            if stored and not pending:
                published = time.monotonic() - started
    return Turn(
        name,
        sources,
        stored,
        published,
        workers_cpu,
        server_cpu,
        writers.held / max(1, writers.samples),
        writers.asked / max(1, writers.samples),
        max(_memory(one.pid) for one in workers),
    )


def _moment(connection: psycopg.Connection) -> int:
    row = connection.execute("SELECT extract(epoch FROM clock_timestamp())::bigint").fetchone()
    assert row is not None
    return int(row[0])


def _state(connection: psycopg.Connection, since: int) -> tuple[int, int]:
    """How many sources were looked at since, and how many entries are not published."""
    there = connection.execute("SELECT to_regclass('entries')").fetchone()
    if there is None or there[0] is None:
        return 0, 0
    row = connection.execute(
        "SELECT (SELECT count(*) FROM sources WHERE last_attempt_at >= %s), "
        "(SELECT count(*) FROM entries WHERE pending)",
        (since,),
    ).fetchone()
    assert row is not None
    return row[0], row[1]


def _make_due(database: Postgres) -> None:
    # Attempts are compared by whole seconds.
    time.sleep(2)
    with psycopg.connect(database.uri, autocommit=True) as connection:
        connection.execute("UPDATE sources SET next_due_at = 1")


def _memory(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def _say(turn: Turn) -> None:
    sys.stderr.write(f"{turn}\n")


if __name__ == "__main__":
    sys.exit(main())
