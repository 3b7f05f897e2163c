"""Hosts in the store: their traffic by day, and until when they must not be asked.

In: counts of a cycle. Out: sums. Each function works within the transaction of its caller.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from operator import attrgetter
from typing import Any

from sqlalchemy import BigInteger, Connection, bindparam, cast, delete, func, select

from aggregator.models import HostTraffic
from aggregator.store.dialects import AddingUp, replacing
from aggregator.store.prepared import Prepared
from aggregator.store.schema import HOST_COUNTS, host_days, host_waits

#: Days that are kept.
KEPT_DAYS = 90
#: How long waits are kept that are over.
_KEPT_WAITS = timedelta(days=1)

_ADD = Prepared(AddingUp(host_days), "day", "host", *HOST_COUNTS)
_WAIT = Prepared(replacing(host_waits), "host", "until")
_DROP_DAYS = Prepared(delete(host_days).where(host_days.c.day < bindparam("first")), "first")
_DROP_WAITS = Prepared(delete(host_waits).where(host_waits.c.until <= bindparam("now")), "now")
_WAITS = Prepared(select(host_waits.c.host, host_waits.c.until).where(host_waits.c.until > bindparam("now")), "now")
_SUMS = (
    select(host_days.c.host, *(cast(func.sum(host_days.c[name]), BigInteger) for name in HOST_COUNTS))
    .where(host_days.c.day >= bindparam("first"))
    .group_by(host_days.c.host)
    .order_by(host_days.c.host)
)

#: The host and its counts.
_counts: Callable[[HostTraffic], tuple[Any, ...]] = attrgetter("host", *HOST_COUNTS)


def record(
    connection: Connection, now: datetime, traffic: Iterable[HostTraffic], waits: Mapping[str, datetime]
) -> None:
    """Add the counts of one cycle to those of the day, store the waits, and delete old rows."""
    today = now.date()
    _ADD.run_many(connection, [(today, *_counts(one)) for one in traffic])
    _WAIT.run_many(connection, waits.items())
    _DROP_DAYS.run(connection, today - timedelta(days=KEPT_DAYS))
    # Clocks of workers differ, and that of the database counts (`cluster.leases`).
    _DROP_WAITS.run(connection, now - _KEPT_WAITS)


def waits(connection: Connection, now: datetime) -> dict[str, datetime]:
    """Return the hosts that must not be asked at `now`, each with the time at which that ends."""
    return {row[0]: row[1] for row in _WAITS.rows(connection, now)}


def traffic(connection: Connection, first: date) -> list[HostTraffic]:
    """Return the sums since a day, by name of the host."""
    return [HostTraffic(*row) for row in connection.execute(_SUMS, {"first": first}).all()]
