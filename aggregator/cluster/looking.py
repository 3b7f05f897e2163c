"""What `aggregator cluster` shows: the workers, the queue, how far it is behind, and the configuration in force.

In: the database, from anywhere. Out: plain values.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from aggregator.cluster.database import ClusterDatabase
from aggregator.cluster.inforce import CONFIG, FOLDER, known_folder
from aggregator.cluster.leases import usage
from aggregator.cluster.publishing import PUBLISHED
from aggregator.values.terminal import iso

_THERE = "SELECT to_regclass('cluster_facts') IS NOT NULL AND to_regclass('procrastinate_jobs') IS NOT NULL"
_WORKERS = """
SELECT host, pid, version, config, state, publishes, places, since,
    extract(epoch FROM clock_timestamp() - seen_at)::float8, sources, entries, rate
FROM cluster_workers ORDER BY id
"""
_JOBS = "SELECT queue_name, status::text, count(*) FROM procrastinate_jobs GROUP BY 1, 2"
#: Times of sources are seconds.
_SOURCES = """
SELECT count(*), count(*) FILTER (WHERE next_due_at IS NULL), count(*) FILTER (WHERE next_due_at <= moment),
    coalesce(max(moment - next_due_at) FILTER (WHERE next_due_at <= moment), 0)
FROM sources, (SELECT extract(epoch FROM clock_timestamp())::bigint AS moment) AS clock
WHERE active AND NOT id = ANY (%s)
"""
#: Waiting, running and failed: what procrastinate calls them.
_STATUSES = {"todo": "waiting", "doing": "running", "failed": "failed"}


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """One worker in `cluster --json`."""

    host: str
    pid: int
    version: str
    #: Digest of its configuration.
    config: str
    #: What it does: `working`, or what it waits for.
    state: str
    publishes: bool
    #: Sources that it updates at once.
    places: int
    #: Since when it runs, ISO 8601 in UTC.
    since: str
    #: Seconds since its last sign of life, and whether that is too long ago.
    seen_seconds: float
    dead: bool
    #: Sources updated and new entries so far, and sources in a minute, lately.
    sources: int
    entries: int
    sources_per_minute: float


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """One queue in `cluster --json`."""

    waiting: int = 0
    running: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class ClusterStatus:
    """What `cluster --json` prints."""

    workers: tuple[WorkerStatus, ...]
    #: By name: `sources`, `control`, `publish`.
    queues: dict[str, QueueStatus]
    #: Sources that are not paused, those that were never asked, and others that are due.
    sources: int
    never_asked: int
    due: int
    #: How many seconds the longest due source waits.
    lag_seconds: int
    #: Requests under way that hold a lease, and those that wait for one.
    leases: int
    waiting_for_leases: int
    #: Digest of the configuration in force; null: none yet.
    config: str | None
    #: Where files are published to, as `host:path`; null: nowhere yet.
    folder: str | None
    #: When the last publication ended, ISO 8601 in UTC; null: none yet.
    published_at: str | None


async def look(database: ClusterDatabase, paused: Collection[str], dead: float) -> ClusterStatus | None:
    """Return the state of a cluster; None: no worker has used this database yet.

    Args:
        paused: ids of sources that are paused.
        dead: seconds after which a worker without a sign of life is taken for dead.

    Raises:
        StoreError: the database cannot be read.
    """
    if (await database.rows(_THERE))[0][0] is not True:
        return None
    workers = tuple(_worker(row, dead) for row in await database.rows(_WORKERS))
    queues: dict[str, dict[str, int]] = {name: {} for name in ("sources", "control", "publish")}
    for queue, status, count in await database.rows(_JOBS):
        if status in _STATUSES:
            queues.setdefault(queue, {})[_STATUSES[status]] = count
    ((sources, never, due, lag),) = await database.rows(_SOURCES, list(paused))
    leases = await usage(database.pool)
    config = await database.rows("SELECT value FROM fingerprints WHERE name = %s", CONFIG)
    published = await database.rows("SELECT at FROM cluster_facts WHERE name = %s", PUBLISHED)
    return ClusterStatus(
        workers,
        {name: QueueStatus(**counts) for name, counts in queues.items()},
        sources,
        never,
        due,
        int(lag),
        leases.held,
        leases.waiting,
        config[0][0] if config else None,
        _folder(await database.fact(FOLDER)),
        iso(published[0][0]) if published else None,
    )


def _worker(row: tuple[Any, ...], dead: float) -> WorkerStatus:
    host, pid, version, config, state, publishes, places, since, seen, sources, entries, rate = row
    gone = seen > dead
    return WorkerStatus(
        host,
        pid,
        version,
        config,
        state,
        publishes,
        places,
        iso(since),
        round(max(seen, 0.0), 1),
        gone,
        sources,
        entries,
        0.0 if gone else round(rate, 1),
    )


def _folder(fact: str | None) -> str | None:
    known = known_folder(fact)
    return f"{known['host']}:{known['path']}" if known else None
