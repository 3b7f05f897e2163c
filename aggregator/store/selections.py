"""Which entries a category or output shows: the selections that feeds and pages of archives are made of.

A category shows the listed entries that have it as their first one (an index of `entries`), and those that have it as a
further one (an index of `memberships`). An output has members only. A selection walks both indexes in one order, and
gives row numbers; the rows are read by their numbers, with what this output alone changes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import (
    BindParameter,
    CompoundSelect,
    Connection,
    Select,
    bindparam,
    select,
    text,
    type_coerce,
    union_all,
)

from aggregator.errors import RowError
from aggregator.models import Item
from aggregator.store import origins, rows
from aggregator.store.columns import Integer
from aggregator.store.database import Database
from aggregator.store.dialects import decoded
from aggregator.store.prepared import PreparedByLength
from aggregator.store.protocol import UnreadableRow
from aggregator.store.schema import LISTED, LISTED_MEMBER, entries, memberships
from aggregator.store.statements import NAME_OF_ENTRY

#: A limit that never applies.
NO_LIMIT = 1_000_000_000

#: Selects row numbers, at most as many as the limit says.
Numbers = Callable[[Connection, int], Sequence[int]]

_output: BindParameter[str] = bindparam("output")
#: The order of feeds. The times are compared as they are stored: one of them may be damaged.
_ORDER = text("published_at DESC, source_pk, position DESC, pk")
_of_category = select(
    entries.c.pk.label("pk"),
    type_coerce(entries.c.published_at, Integer).label("published_at"),
    entries.c.source_pk.label("source_pk"),
    entries.c.position.label("position"),
).where(LISTED, entries.c.category == _output)
#: The members of an output that have an id.
MEMBERS = (
    select(
        memberships.c.entry_pk.label("pk"),
        # An expression could not be read in the order of the index.
        *(type_coerce(memberships.c[name], Integer).label(name) for name in ("published_at", "source_pk", "position")),
    )
    .select_from(memberships.join(entries, entries.c.pk == memberships.c.entry_pk))
    .where(
        memberships.c.output == _output,
        LISTED_MEMBER,
        entries.c.public_id.is_not(None),
        # The source may have been moved to a category to which the entry belonged besides.
        entries.c.category.is_distinct_from(_output),
    )
)
_after: BindParameter[int] = bindparam("after")
_since = _of_category.where(entries.c.pk > _after), MEMBERS.where(memberships.c.entry_pk > _after)
_last: BindParameter[int] = bindparam("last")
_within = _since[0].where(entries.c.pk <= _last), _since[1].where(memberships.c.entry_pk <= _last)


def _in_order(*parts: Select[Any]) -> Select[Any]:
    """Return a selection of row numbers alone, with a limit, which SQLite gives in the order of what has the limit.

    The other columns are not read, because they may be damaged.
    """
    merged = union_all(*parts).order_by(_ORDER).limit(bindparam("limit")).subquery()
    return select(merged.c.pk)


NEWEST = _in_order(_of_category, MEMBERS)
WITHIN = _in_order(*_within)
#: In the order of row numbers.
SINCE = union_all(*(part.with_only_columns(part.selected_columns.pk) for part in _since)).order_by(text("pk"))

#: Items as an output shows them.
ITEMS = PreparedByLength(
    lambda pks: (
        select(
            *rows.ITEM_COLUMNS[:-1],
            memberships.c.changes.label(rows.NO_MEMBER_CHANGES.name),
        )
        .select_from(
            rows.ITEM_TABLES.join(
                memberships, (memberships.c.output == _output) & (memberships.c.entry_pk == entries.c.pk), isouter=True
            )
        )
        .where(entries.c.pk.in_(pks))
    ),
    "output",
)


def newest(output: str) -> Numbers:
    """Return what selects the newest entries of a category or output."""
    return lambda connection, limit: numbers(connection, NEWEST, output=output, limit=limit)


def within(output: str, after: int, last: int) -> Numbers:
    """Return what selects all entries of a category or output whose numbers come after `after`, up to `last`."""
    return lambda connection, limit: numbers(connection, WITHIN, output=output, after=after, last=last, limit=limit)


def numbers(connection: Connection, selection: Select[Any] | CompoundSelect[Any], **values: Any) -> Sequence[int]:
    """Return the row numbers that a selection gives, which come first in its rows."""
    return connection.execute(selection, values).scalars().all()


def read(
    database: Database, output: str, select_numbers: Numbers, limit: int, unreadable: list[UnreadableRow] | None
) -> list[Item]:
    """Return the selected items of an output, in the order of the selection.

    Args:
        unreadable: gets the rows that cannot be read, and the next ones take their places; None: they raise `RowError`.
    """
    try:
        with database.read() as connection:
            pks = select_numbers(connection, limit)
            made = origins.complete(connection, rows.items(ITEMS.rows(connection, (output,), pks)))
            found = {item.pk: item for item in made}
            return [found[pk] for pk in pks if pk in found]
    except RowError:
        if unreadable is None:
            raise
    with database.read() as connection:
        pks = select_numbers(connection, NO_LIMIT)
    made = []
    for pk in pks:
        if len(made) == limit:
            break
        try:
            with database.read() as connection:
                made += origins.complete(connection, rows.items(ITEMS.rows(connection, (output,), (pk,))))
        except RowError as error:
            unreadable.append(unreadable_row(database, pk, error))
    return made


def unreadable_row(database: Database, pk: int, error: RowError) -> UnreadableRow:
    """Return what is said of an entry that cannot be read."""
    with database.read() as connection:
        source, key = connection.execute(NAME_OF_ENTRY, {"entry_pk": pk}).one()
    return UnreadableRow(pk, f"entry {decoded(key)!r} of source {source!r}", str(error))
