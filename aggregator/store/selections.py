"""Selections among the members of outputs, from their indexes: see `SelectionStore`.

No statement reads more rows than it returns, however many members an output has; those of each source are found source
by source.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, func, literal_column, select, text, type_coerce, update

from aggregator.models import Item
from aggregator.store import rows
from aggregator.store.archives import ReadItems
from aggregator.store.database import Database
from aggregator.store.prepared import LENGTHS, Prepared, PreparedByLength
from aggregator.store.protocol import UnreadableRow
from aggregator.store.schema import Timestamp, entries, memberships
from aggregator.store.selectionprotocol import Member
from aggregator.store.statements import chunks

_EARLIEST = datetime(1, 1, 1, tzinfo=UTC)
_COLUMNS = tuple(memberships.c[name] for name in ("entry_pk", "source_pk", "published_at", "position"))
_no_offset: ColumnElement[int] = literal_column("0")
_in_output = (memberships.c.output == bindparam("output"), memberships.c.listed)
_waits = (*_in_output, memberships.c.released_at.is_(None))
_of_source = memberships.c.source_pk == bindparam("source_pk")
_published = memberships.c.published_at > bindparam("since")
#: Not by an index: members are read in another order.
_seen = type_coerce(literal_column("+memberships.added_at"), Timestamp) <= bindparam("seen", type_=Timestamp)
_newest_first = (memberships.c.published_at.desc(), memberships.c.source_pk, memberships.c.position.desc())


def _members(*conditions: ColumnElement[bool]) -> Select[Any]:
    return select(*_COLUMNS).where(*conditions).limit(bindparam("limit")).offset(_no_offset)


_newest = _members(*_in_output, _published).order_by(*_newest_first, memberships.c.entry_pk)
_NEWEST = Prepared(_newest, "output", "since", "limit")
_NEWEST_SEEN = Prepared(_newest.where(_seen), "output", "since", "limit", "seen")
_of_one = _members(*_in_output, _of_source, _published).order_by(
    memberships.c.published_at.desc(), memberships.c.position.desc(), memberships.c.entry_pk
)
_OF_SOURCE = Prepared(_of_one, "output", "source_pk", "since", "limit")
_OF_SOURCE_SEEN = Prepared(_of_one.where(_seen), "output", "source_pk", "since", "limit", "seen")
#: One step in the index for each source.
_SOURCES = text(
    "WITH RECURSIVE found (pk) AS ("
    "SELECT (SELECT source_pk FROM memberships WHERE output = :output AND listed ORDER BY source_pk LIMIT 1) "
    "UNION ALL SELECT (SELECT source_pk FROM memberships WHERE output = :output AND listed "
    "AND source_pk > found.pk ORDER BY source_pk LIMIT 1) FROM found WHERE found.pk IS NOT NULL"
    ") SELECT pk FROM found WHERE pk IS NOT NULL"
)
_CAME_OUT = (*_in_output, memberships.c.released_at.is_not(None))
_RELEASED = Prepared(_members(*_CAME_OUT).order_by(memberships.c.released_at.desc()), "output", "limit")
_RELEASED_BETWEEN = (
    select(memberships.c.released_at)
    .where(*_in_output, memberships.c.released_at > bindparam("start"), memberships.c.released_at <= bindparam("end"))
    .order_by(memberships.c.released_at)
)
_WAITING = Prepared(
    _members(
        *_waits,
        memberships.c.added_at > bindparam("after"),
        memberships.c.added_at <= bindparam("until"),
        type_coerce(literal_column("+memberships.published_at"), Timestamp) > bindparam("since", type_=Timestamp),
    ).order_by(memberships.c.added_at.desc(), memberships.c.published_at.desc(), memberships.c.position.desc()),
    "output",
    "after",
    "until",
    "since",
    "limit",
)
_RELEASE = update(memberships).where(
    memberships.c.output == bindparam("of_output"),
    memberships.c.entry_pk.in_(bindparam("pks", expanding=True)),
    memberships.c.released_at.is_(None),
)
_FORGET = update(memberships).where(
    memberships.c.output == bindparam("of_output"), memberships.c.released_at.is_not(None)
)
_NEXT = select(func.min(memberships.c.added_at)).where(*_waits, memberships.c.added_at > bindparam("moment"))
_LAST = select(func.max(memberships.c.added_at)).where(*_waits, memberships.c.added_at < bindparam("moment"))
_ADDED = Prepared(
    _members(*_waits, memberships.c.added_at >= bindparam("start"), memberships.c.added_at < bindparam("end")).order_by(
        memberships.c.added_at.desc()
    ),
    "output",
    "start",
    "end",
    "limit",
)
#: With what this output alone changes.
_items = (
    select(*rows.ITEM_COLUMNS[:-1], memberships.c.changes)
    .select_from(
        rows.ITEM_TABLES.join(
            memberships,
            and_(memberships.c.output == bindparam("of_output"), memberships.c.entry_pk == entries.c.pk),
            isouter=True,
        )
    )
    .where(entries.c.public_id.is_not(None))
    .limit(bindparam("limit"))
    .offset(_no_offset)
)
_ITEMS = PreparedByLength(lambda pks: _items.where(entries.c.pk.in_(pks)), "limit", "of_output")


class SqlSelections:
    """The members of outputs in an open database.

    Args:
        read_items: reads the rows of a statement about entries, as `SqlStore` does for all of them.
    """

    def __init__(self, database: Database, read_items: ReadItems) -> None:
        self._database = database
        self._read_items = read_items

    def newest(self, output: str, limit: int, seen: datetime | None, since: datetime | None) -> list[Member]:
        """See `SelectionStore.newest`."""
        with self._database.read() as connection:
            asked = (output, since or _EARLIEST, limit)
            found = _NEWEST.rows(connection, *asked) if seen is None else _NEWEST_SEEN.rows(connection, *asked, seen)
        return _made(found)

    def newest_per_source(self, output: str, limit: int, seen: datetime | None, since: datetime | None) -> list[Member]:
        """See `SelectionStore.newest_per_source`."""
        found: list[Sequence[Any]] = []
        with self._database.read() as connection:
            for source_pk in connection.execute(_SOURCES, {"output": output}).scalars().all():
                asked = (output, source_pk, since or _EARLIEST, limit)
                if seen is None:
                    found += _OF_SOURCE.rows(connection, *asked)
                else:
                    found += _OF_SOURCE_SEEN.rows(connection, *asked, seen)
        return _ordered(found)

    def released(self, output: str, limit: int, since: datetime | None) -> list[Member]:
        """See `SelectionStore.released`."""
        with self._database.read() as connection:
            found = _RELEASED.rows(connection, output, limit)
        return [member for member in _ordered(found) if since is None or member.published_at > since]

    def released_between(self, output: str, start: datetime, end: datetime) -> list[datetime]:
        """See `SelectionStore.released_between`."""
        with self._database.read() as connection:
            asked = {"output": output, "start": start, "end": end}
            return list(connection.execute(_RELEASED_BETWEEN, asked).scalars())

    def waiting(self, output: str, limit: int, after: datetime, seen: datetime, since: datetime | None) -> list[Member]:
        """See `SelectionStore.waiting`."""
        with self._database.read() as connection:
            return _made(_WAITING.rows(connection, output, after, seen, since or _EARLIEST, limit))

    def release(self, output: str, pks: Collection[int], at: datetime) -> None:
        """See `SelectionStore.release`."""
        if pks:
            with self._database.write() as connection:
                for chunk in chunks(pks):
                    connection.execute(_RELEASE, {"of_output": output, "pks": chunk, "released_at": at})

    def forget_releases(self, output: str) -> None:
        """See `SelectionStore.forget_releases`."""
        with self._database.read() as connection:
            found = _RELEASED.rows(connection, output, 1)
        if found:
            with self._database.write() as connection:
                connection.execute(_FORGET, {"of_output": output, "released_at": None})

    def next_added(self, output: str, after: datetime) -> datetime | None:
        """See `SelectionStore.next_added`."""
        with self._database.read() as connection:
            found: datetime | None = connection.execute(_NEXT, {"output": output, "moment": after}).scalar()
            return found

    def last_added(self, output: str, before: datetime) -> datetime | None:
        """See `SelectionStore.last_added`."""
        with self._database.read() as connection:
            found: datetime | None = connection.execute(_LAST, {"output": output, "moment": before}).scalar()
            return found

    def added_between(self, output: str, start: datetime, end: datetime, limit: int) -> list[Member]:
        """See `SelectionStore.added_between`."""
        with self._database.read() as connection:
            return _ordered(_ADDED.rows(connection, output, start, end, limit))

    def items(self, output: str, pks: Collection[int], unreadable: list[UnreadableRow] | None = None) -> list[Item]:
        """See `SelectionStore.items`."""
        found: dict[int, Item] = {}
        listed = list(pks)
        for start in range(0, len(listed), LENGTHS[-1]):
            batch = listed[start : start + LENGTHS[-1]]
            length = next(length for length in LENGTHS if length >= len(batch))
            padded = [*batch, *batch[-1:] * (length - len(batch))]
            prepared = _ITEMS.of_length(length)
            asked = {"limit": length, "of_output": output, **{f"listed_{place}": pk for place, pk in enumerate(padded)}}
            found |= {item.pk: item for item in self._read_items(prepared, asked, rows.items, unreadable)}
        return [found[pk] for pk in listed if pk in found]


def _made(found: Iterable[Sequence[Any]]) -> list[Member]:
    return [Member(*row) for row in found]


def _ordered(found: Iterable[Sequence[Any]]) -> list[Member]:
    return sorted(_made(found), key=lambda member: member.order)
