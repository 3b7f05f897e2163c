"""The job that puts due sources into the queue, so many that no worker waits for it, and no more.

In: what is due by the store, and what is in the queue. Out: one job for each request; domains take turns, so that one
with many sources does not fill the queue. It reads the queue first: a source whose job ends meanwhile is not due any
more when the store is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from aggregator.cluster.database import ClusterDatabase
from aggregator.cluster.queue import SOURCE, SOURCES, Order, Queue
from aggregator.cluster.settings import Times
from aggregator.cluster.sources import Requests
from aggregator.config import Config
from aggregator.fetch.politeness import gate_of
from aggregator.pipeline.due import TURN
from aggregator.schedule import admit
from aggregator.store import Store
from aggregator.workers import StoreThread

#: Jobs in the queue for each place of a worker.
_AHEAD = 20
#: The share of the queue that is filled when it is not worth looking what is due.
_FULL = 0.75
#: The assumed time of a request.
_REQUEST = timedelta(seconds=1)

_PLACES = """
SELECT coalesce(sum(places), 0) FROM cluster_workers
WHERE state = 'working' AND seen_at > clock_timestamp() - make_interval(secs => %s)
"""


class Dispatch:
    """The dispatch of one worker, under one configuration.

    Args:
        thread: where the store is used.
        places: source jobs that this worker runs at once.
    """

    def __init__(
        self,
        config: Config,
        requests: Requests,
        store: Store,
        thread: StoreThread,
        queue: Queue,
        database: ClusterDatabase,
        times: Times,
        places: int,
    ) -> None:
        self._fetch = config.fetch
        self._requests = requests
        self._store = store
        self._thread = thread
        self._queue = queue
        self._database = database
        self._times = times
        self._places = places
        #: The domains of requests, by their names: what they are takes longer than all the rest.
        self._gates: dict[str, str] = {}

    async def run(self, attempts: int) -> None:
        """Put due sources into the queue.

        Raises:
            StoreError: the database went away.
        """
        there = await self._queue.under_way()
        ((places,),) = await self._database.rows(_PLACES, self._times.dead)
        most = max(int(places), self._places) * _AHEAD
        if len(there) >= most * _FULL:
            return
        due = await self._thread.run(self._store.due_ids, self._database.clock())
        if due:
            names = await self._thread.run(self._choose, due, there, self._database.clock(), most - len(there))
            if names:
                await self._queue.put(*(Order(SOURCE, SOURCES, name) for name in names))
                await self._queue.expect(len(there) + len(names))

    def _choose(self, due: Sequence[str], there: Sequence[str], now: datetime, most: int) -> list[str]:
        """Return the requests to ask next, those due longest first; domains take turns.

        Args:
            due: ids of sources.
            there: the requests in the queue, which take their turns first.
        """
        wanted = dict.fromkeys(name for one in due if (name := self._requests.name_of(one)))
        known = [name for name in there if self._requests.sources(name)]
        for name in known:
            wanted.pop(name, None)
        spacing = self._fetch.host_delay or _REQUEST / self._fetch.per_host
        waiting = ((name, self._gate(name)) for names in (known, wanted) for name in names)
        starts = admit(waiting, now, TURN, spacing)
        return [start.key for start in starts if start.key in wanted][:most]

    def _gate(self, name: str) -> str:
        gate = self._gates.get(name)
        if gate is None:
            # Of several servers, the first is asked unless it fails.
            gate = self._gates[name] = gate_of(self._requests.source(name).servers[0]) or name
        return gate
