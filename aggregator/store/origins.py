"""The other sources of an item: what items are read with, wherever they are read.

The functions work within the transaction of their caller.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy import Connection, select

from aggregator.models import Item, joined
from aggregator.store import rows
from aggregator.store.copyprotocol import CopyOf
from aggregator.store.prepared import PreparedByLength
from aggregator.store.rows import ITEM_COLUMNS, ITEM_TABLES
from aggregator.store.schema import copies, entries

ANY_COPY = select(copies.c.entry_pk).limit(1)
COPIES_OF = PreparedByLength(
    lambda pks: (
        select(copies.c.entry_pk, copies.c.leader_pk, copies.c.shown)
        .where(copies.c.leader_pk.in_(pks))
        .order_by(copies.c.entry_pk)
    )
)
_ITEMS = PreparedByLength(
    lambda pks: select(*ITEM_COLUMNS).select_from(ITEM_TABLES).where(entries.c.pk.in_(pks)).order_by(entries.c.pk)
)


def complete(connection: Connection, found: list[Item]) -> list[Item]:
    """Return items with the sources that have the same, and with the text and the link of the preferred one."""
    if not found or connection.execute(ANY_COPY).first() is None:
        return found
    pks = [item.pk for item in found]
    rows_of = [CopyOf._make(row) for row in COPIES_OF.rows(connection, (), pks)]
    if not rows_of:
        return found
    others = {item.pk: item for item in _readable(_ITEMS.rows(connection, (), [one.pk for one in rows_of]))}
    groups: dict[int, list[CopyOf]] = {}
    for one in rows_of:
        if one.pk in others:
            groups.setdefault(one.leader, []).append(one)
    return [_whole(item, groups.get(item.pk, ()), others) for item in found]


def _whole(item: Item, group: Sequence[CopyOf], others: Mapping[int, Item]) -> Item:
    if not group:
        return item
    shown = next((one.pk for one in group if one.shown), None)
    return joined(item, [others[one.pk] for one in group], shown)


def _readable(found: Iterable[Sequence[Any]]) -> list[Item]:
    """Convert rows to items; copies that cannot be read are left out, because the item can do without them."""
    made: list[Item] = []
    for row in found:
        with suppress(ValueError, OverflowError):
            made += rows.items([row])
    return made
