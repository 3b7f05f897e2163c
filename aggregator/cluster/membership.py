"""A worker among the others: its row in the database, which says that it lives and what it does."""

from __future__ import annotations

import os
import socket
import time
from collections import deque
from dataclasses import dataclass
from datetime import datetime

from aggregator import __version__
from aggregator.cluster.database import ClusterDatabase
from aggregator.cluster.inforce import CONFIG, FOLDER

#: What a worker does while it takes jobs.
WORKING = "working"
#: Seconds over which its rate is taken.
_SPAN = 60.0
#: Times of a missing sign of life after which the row of a worker is removed.
_GONE = 20

_JOIN = """
INSERT INTO cluster_workers (host, pid, version, config, state, publishes, places)
VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING id
"""
_BEAT = """
WITH before AS (SELECT id, seen_at FROM cluster_workers WHERE id = %s FOR UPDATE),
now AS (
    UPDATE cluster_workers w SET seen_at = clock_timestamp(), config = %s, state = %s, publishes = %s, places = %s,
        sources = %s, entries = %s, rate = %s
    FROM before WHERE w.id = before.id
)
SELECT clock_timestamp(),
    (SELECT extract(epoch FROM clock_timestamp() - seen_at)::float8 FROM before),
    (SELECT value FROM fingerprints WHERE name = %s),
    (SELECT version_num FROM alembic_version),
    EXISTS (
        SELECT FROM cluster_workers
        WHERE publishes AND seen_at > clock_timestamp() - make_interval(secs => %s)
    ),
    (SELECT value FROM cluster_facts WHERE name = %s)
"""
_FORGET = "DELETE FROM cluster_workers WHERE seen_at < clock_timestamp() - make_interval(secs => %s)"


@dataclass(frozen=True, slots=True)
class Seen:
    """What a worker learns with a sign of life."""

    #: Seconds since the last one; None: the others have taken it for dead, and removed it.
    since: float | None
    #: Digest of the configuration in force.
    config: str
    #: Revision of the tables of the store.
    revision: str
    #: Whether any worker publishes.
    published: bool
    #: The folder that is published to, as `inforce.claim_folder` records it; None: none is yet.
    folder: str | None


class Membership:
    """The row of one worker, for as long as its process lives.

    Args:
        dead: seconds after which a worker without a sign of life is taken for dead.
    """

    def __init__(self, *, publishes: bool, dead: float) -> None:
        self._publishes = publishes
        self._dead = dead
        self._id: int | None = None
        self.state = "starting"
        self.config = ""
        self.places = 0
        self.sources = 0
        self.entries = 0
        #: Numbers of lanes that ended without a word, when the database was away.
        self.lanes: list[int] = []
        #: Sources done, at times of the monotonic clock.
        self._done: deque[tuple[float, int]] = deque([(time.monotonic(), 0)])

    async def beat(self, database: ClusterDatabase) -> Seen:
        """Give a sign of life; the clock that all workers share is set by it.

        Raises:
            StoreError: the database went away.
        """
        if self._id is None:
            mine = (socket.gethostname(), os.getpid(), __version__, self.config, self.state)
            ((self._id,),) = await database.rows(_JOIN, *mine, self._publishes, self.places)
        said = (self.config, self.state, self._publishes, self.places, self.sources, self.entries, self._rate())
        asked = CONFIG, self._dead, FOLDER
        ((now, since, config, revision, published, folder),) = await database.rows(_BEAT, self._id, *said, *asked)
        assert isinstance(now, datetime)
        database.clock.set(now)
        if since is None:
            self._id = None
        return Seen(since, config or "", revision, published, folder)

    async def leave(self, database: ClusterDatabase) -> None:
        """Remove the row.

        Raises:
            StoreError: the database went away.
        """
        number, self._id = self._id, None
        if number is not None:
            await database.run("DELETE FROM cluster_workers WHERE id = %s", number)

    async def forget_dead(self, database: ClusterDatabase) -> None:
        """Remove the rows of workers that died long ago.

        Raises:
            StoreError: the database went away.
        """
        await database.run(_FORGET, self._dead * _GONE)

    def _rate(self) -> float:
        """Return how many sources are done in a minute."""
        now = time.monotonic()
        self._done.append((now, self.sources))
        while len(self._done) > 2 and now - self._done[1][0] > _SPAN:
            self._done.popleft()
        at, count = self._done[0]
        return (self.sources - count) / max(now - at, 1.0) * 60
