"""The settings of a worker besides the configuration."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Times:
    """Times of a cluster in seconds; all its workers should have the same."""

    #: From one sign of life of a worker to the next.
    beat: float = 5.0
    #: A worker without a sign of life for this long is taken for dead, and its jobs are taken over.
    dead: float = 30.0
    #: From one look for jobs of dead workers to the next.
    take_over: float = 5.0
    #: From one look for due sources to the next.
    dispatch: float = 2.0
    #: From one look for jobs to the next, where no notification comes.
    poll: float = 5.0
    #: How long an engine serves: then traffic is recorded, robots.txt is read again, and memory is given back.
    engine: float = 300.0
    #: How long a state waits for others, to be stored with them.
    together: float = 0.05
    #: How long a failure that may be one of our own network waits for the answer of any host.
    patience: float = 10.0
    #: From stored entries to the job that publishes them.
    publish: float = 1.0
    #: From one publication to the next, if nothing new was stored: outputs change with the time, and by `review`.
    publish_again: float = 30.0
    #: The longest pause between two publications, if they take long.
    publish_pause: float = 5.0
    #: From one look at the configuration in force to the next, while another one is waited for.
    config: float = 3.0
    #: From one report of news to the next.
    news: float = 60.0
    #: From the end of the grace period to the end of the process, whatever does not end.
    last: float = 20.0
    #: The shortest and the longest pause between two tries after something failed.
    least_pause: float = 1.0
    longest_pause: float = 30.0


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """The settings of one worker."""

    #: Where it keeps pages that could not be read and, if it publishes, where its files go.
    data: Path
    #: Whether it publishes.
    publish: bool = False
    #: Time that running jobs get to end after a signal.
    grace: timedelta = timedelta(seconds=20)
    #: Log only what got worse or better; see `aggregator.service.news`.
    quiet: bool = False
    times: Times = field(default_factory=Times)
