"""The fingerprints of outputs and settings, within the transaction of the caller."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    bindparam,
    delete,
    insert,
    literal_column,
    or_,
    select,
    update,
)

from aggregator.store.prepared import Prepared
from aggregator.store.rulingprotocol import DEFINITIONS, FEEDS, NO_RULES, RULES
from aggregator.store.schema import fingerprints
from aggregator.store.stamps import if_alone, next_stamp
from aggregator.store.statements import chunks

_ALL = select(fingerprints.c.name, fingerprints.c.value)
#: Those that were cleared after a publication began.
_CLEARED_SINCE = select(fingerprints.c.name).where(
    fingerprints.c.name.in_(bindparam("values", expanding=True)), fingerprints.c.stamp > bindparam("horizon")
)
_DELETE = delete(fingerprints).where(fingerprints.c.name.in_(bindparam("values", expanding=True)))
_ADD = insert(fingerprints)
_ADD_CLEARED = insert(fingerprints).values(stamp=next_stamp())
_empty: ColumnElement[str] = literal_column("''")
_CLEAR = Prepared(
    update(fingerprints)
    .where(fingerprints.c.name == bindparam("of_name"), if_alone(fingerprints.c.value != _empty))
    .values(value=_empty, stamp=next_stamp()),
    "of_name",
)
_DEPENDING = (
    update(fingerprints)
    .where(
        or_(
            and_(fingerprints.c.name == RULES, fingerprints.c.value != NO_RULES),
            fingerprints.c.name.startswith(DEFINITIONS, autoescape=True),
        )
    )
    .values(value=_empty, stamp=next_stamp())
)


def recorded(connection: Connection) -> dict[str, str]:
    """Return all fingerprints by name; a damaged one matches nothing, so its output is rendered again."""
    found = connection.execute(_ALL).all()
    return {name: value if isinstance(value, str) else "" for name, value in found if isinstance(name, str)}


def record(connection: Connection, values: Mapping[str, str], horizon: int | None = None) -> None:
    """Record fingerprints by name; that of a feed is cleared by an empty value.

    Args:
        horizon: those that were cleared later stay so; None: record all of them.
    """
    if horizon is not None:
        since = {
            name
            for chunk in chunks(list(values))
            for name in connection.execute(_CLEARED_SINCE, {"values": chunk, "horizon": horizon}).scalars()
        }
        values = {name: value for name, value in values.items() if name not in since}
    for chunk in chunks(list(values)):
        connection.execute(_DELETE, {"values": chunk})
    cleared = [name for name, value in values.items() if not value and name.startswith(FEEDS)]
    others = [{"name": name, "value": value} for name, value in values.items() if name not in cleared]
    if cleared:
        connection.execute(_ADD_CLEARED, [{"name": name, "value": ""} for name in cleared])
    if others:
        connection.execute(_ADD, others)


def clear_feeds(connection: Connection, slugs: Iterable[str]) -> None:
    """Clear the fingerprints of the feeds of categories and outputs, so that they are made again."""
    _CLEAR.run_many(connection, [(f"{FEEDS}{slug}",) for slug in sorted(slugs)])


def forget_categories(connection: Connection) -> None:
    """Record that rules and definitions of outputs may say something else of entries whose source was moved."""
    connection.execute(_DEPENDING)


def forget(connection: Connection, name: str) -> None:
    """Forget a fingerprint."""
    connection.execute(_DELETE, {"values": [name]})
