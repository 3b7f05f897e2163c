"""What a cluster of a given size needs, computed from the costs of one look that were measured.

In: `Costs` of a real run. Out: workers, cores of the database, the share of time in which somebody writes, and how long
a source waits for the leases of its domain. Pure: no clock, no files.

A look is one poll of one source. Looks come evenly, because due times are spread (docs/scheduling.md). What is not in
the model: a disk that is too slow for the database, and a network between workers and database that is slower than the
measured one (each look waits for about a dozen answers of the database, which costs time but no CPU).
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

HOUR = 3600.0
#: The share of a core, or of the time of writers, that is planned for: the rest is for peaks.
PLANNED = 0.7


@dataclass(frozen=True, slots=True)
class Costs:
    """Seconds for each look, measured; see `benchmarks.cluster.run`."""

    #: CPU of a worker: a look answered with 304, and one that brings a document with new entries.
    worker_same: float
    worker_new: float
    #: CPU of the database, all of its processes, the queue and leases included.
    database_same: float
    database_new: float
    #: Time in which the look keeps other writers waiting.
    lock_same: float
    lock_new: float


@dataclass(frozen=True, slots=True)
class Load:
    """A number of sources, and how often they are asked."""

    sources: int
    #: Mean seconds between two looks at a source.
    interval: float
    #: Share of looks that bring something new.
    fresh: float = 0.1

    @property
    def looks(self) -> float:
        """Looks per second."""
        return self.sources / self.interval


@dataclass(frozen=True, slots=True)
class Needs:
    """What a load needs."""

    looks: float
    #: Processes of workers, each with a core.
    workers: int
    #: Cores of the database.
    cores: float
    #: Share of time in which somebody writes; at 1 no more can be stored.
    writing: float


def needs(load: Load, costs: Costs) -> Needs:
    """Return what a load needs."""

    def mean(same: float, new: float) -> float:
        return same * (1 - load.fresh) + new * load.fresh

    worker = load.looks * mean(costs.worker_same, costs.worker_new)
    database = load.looks * mean(costs.database_same, costs.database_new)
    writing = load.looks * mean(costs.lock_same, costs.lock_new)
    return Needs(load.looks, max(1, ceil(worker / PLANNED)), database / PLANNED, writing)


def most_sources(interval: float, fresh: float, costs: Costs) -> float:
    """Return the number of sources at which writers are busy for the planned share of time."""
    one = needs(Load(1_000_000, interval, fresh), costs).writing / 1_000_000
    return PLANNED / one


def most_of_domain(interval: float, request: float, slots: int, delay: float) -> float:
    """Return how many sources of one domain can be asked once in an interval.

    Args:
        request: seconds that one request takes.
        slots: requests to the domain at a time (`fetch.per_host`).
        delay: seconds between the starts of two of them (`fetch.host_delay`).
    """
    return interval / max(delay, request / slots)


def waits(sources: int, interval: float, request: float, slots: int, delay: float, seed: int = 1) -> list[float]:
    """Return how long the looks of one interval wait for their lease, sorted: a simulation of one domain.

    Looks come at times that are spread over the interval, as the schedule does it.
    """
    state = seed
    starts = []
    for _ in range(sources):
        # A fixed sequence (Numerical Recipes), so that the page comes out the same.
        state = (1664525 * state + 1013904223) % 2**32
        starts.append(state / 2**32 * interval)
    free = [0.0] * slots
    opens = 0.0
    waited = []
    for wanted in sorted(starts):
        begins = max(wanted, opens, heapq.heappop(free))
        opens = begins + delay
        heapq.heappush(free, begins + request)
        waited.append(begins - wanted)
    return sorted(waited)


def share(waited: Sequence[float], part: float) -> float:
    """Return the wait that a part of the looks (0 to 1) does not exceed."""
    return waited[min(len(waited) - 1, int(part * len(waited)))]
