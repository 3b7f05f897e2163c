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
from aggregator.store.statements import chunks

_ALL = select(fingerprints.c.name, fingerprints.c.value)
_DELETE = delete(fingerprints).where(fingerprints.c.name.in_(bindparam("values", expanding=True)))
_ADD = insert(fingerprints)
_empty: ColumnElement[str] = literal_column("''")
_CLEAR = Prepared(
    update(fingerprints)
    .where(fingerprints.c.name == bindparam("of_name"), fingerprints.c.value != _empty)
    .values(value=_empty),
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
    .values(value=_empty)
)


def recorded(connection: Connection) -> dict[str, str]:
    """Return all fingerprints by name; a damaged one matches nothing, so its output is rendered again."""
    found = connection.execute(_ALL).all()
    return {name: value if isinstance(value, str) else "" for name, value in found if isinstance(name, str)}


def record(connection: Connection, values: Mapping[str, str]) -> None:
    """Record fingerprints by name."""
    if values:
        for chunk in chunks(list(values)):
            connection.execute(_DELETE, {"values": chunk})
        connection.execute(_ADD, [{"name": name, "value": value} for name, value in values.items()])


def clear_feeds(connection: Connection, slugs: Iterable[str]) -> None:
    """Clear the fingerprints of the feeds of categories and outputs, so that they are made again."""
    _CLEAR.run_many(connection, [(f"{FEEDS}{slug}",) for slug in sorted(slugs)])


def forget_categories(connection: Connection) -> None:
    """Record that rules and definitions of outputs may say something else of entries whose source was moved."""
    connection.execute(_DEPENDING)


def forget(connection: Connection, name: str) -> None:
    """Forget a fingerprint."""
    connection.execute(_DELETE, {"values": [name]})
