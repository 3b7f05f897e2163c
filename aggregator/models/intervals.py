"""How often a source is looked at, as configured: a fixed time, a cron expression, or its own rhythm. Data only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

_DAY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Every:
    """At a fixed distance, at the source's own place in it, so that sources do not start together."""

    period: timedelta
    #: Nothing a feed or server says delays a poll longer than this, but Retry-After; a longer `period` counts instead.
    max: timedelta = _DAY


@dataclass(frozen=True, slots=True)
class Cron:
    """At the times of a cron expression of five fields, as Debian's cron understands it."""

    expression: str
    #: IANA name of the time zone of the expression.
    zone: str = "UTC"
    #: As in `Every`; a longer time between two of its times counts instead.
    max: timedelta = _DAY


@dataclass(frozen=True, slots=True)
class Auto:
    """When enough is expected to be there: see `aggregator.schedule.rhythm`."""

    min: timedelta = timedelta(minutes=15)
    max: timedelta = _DAY
    #: A poll is worth it once the posts that are expected have waited so long, all of their times added up. Four times
    #: as patient is half as many requests.
    patience: timedelta = timedelta(minutes=15)

    def __post_init__(self) -> None:
        if not timedelta(0) < self.min <= self.max:
            raise ValueError(
                "`min` (15m unless set) must be more than nothing and not more than `max` (24h unless set)"
            )
        if self.patience <= timedelta(0):
            raise ValueError("`patience` must be more than nothing")


Interval = Every | Cron | Auto
