"""What is remembered of hosts: their traffic by day, and until when they want to be left alone.

Counts of a cycle go in, sums come out. Each function works within the transaction of its caller.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, bindparam, delete, func, select
from sqlalchemy.dialects.sqlite import insert

from aggregator.models import HostTraffic
from aggregator.store.schema import HOST_COUNTS, host_days, host_waits

#: Days that are kept.
KEPT_DAYS = 90

_new_day = insert(host_days)
_ADD = _new_day.on_conflict_do_update(
    index_elements=["day", "host"],
    set_={name: host_days.c[name] + _new_day.excluded[name] for name in HOST_COUNTS},
)
_new_wait = insert(host_waits)
_WAIT = _new_wait.on_conflict_do_update(index_elements=["host"], set_={"until": _new_wait.excluded.until})
_DROP_DAYS = delete(host_days).where(host_days.c.day < bindparam("first"))
_DROP_WAITS = delete(host_waits).where(host_waits.c.until <= bindparam("now"))
_WAITS = select(host_waits.c.host, host_waits.c.until).where(host_waits.c.until > bindparam("now"))
_SUMS = (
    select(host_days.c.host, *(func.sum(host_days.c[name]) for name in HOST_COUNTS))
    .where(host_days.c.day >= bindparam("first"))
    .group_by(host_days.c.host)
    .order_by(host_days.c.host)
)


def record(
    connection: Connection, now: datetime, traffic: Iterable[HostTraffic], waits: Mapping[str, datetime]
) -> None:
    """Add the counts of one cycle to those of the day, keep the waits, and drop what is old."""
    days = [
        {"day": now.date(), "host": one.host, **{name: getattr(one, name) for name in HOST_COUNTS}} for one in traffic
    ]
    if days:
        connection.execute(_ADD, days)
    if waits:
        connection.execute(_WAIT, [{"host": host, "until": until} for host, until in waits.items()])
    connection.execute(_DROP_DAYS, {"first": now.date() - timedelta(days=KEPT_DAYS)})
    connection.execute(_DROP_WAITS, {"now": now})


def waits(connection: Connection, now: datetime) -> dict[str, datetime]:
    """The hosts that want to be left alone after `now`, with the time until when."""
    return dict(connection.execute(_WAITS, {"now": now}).all())


def traffic(connection: Connection, first: date) -> list[HostTraffic]:
    """The sums since a day, by host, in the order of their names."""
    return [HostTraffic(*row) for row in connection.execute(_SUMS, {"first": first}).all()]
