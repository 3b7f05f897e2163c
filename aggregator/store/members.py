"""Selections among the members of outputs, from their indexes, and when members come out: see `MemberStore`.

No statement reads more rows than it returns, however many members an output has; those of each source are found source
by source.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    bindparam,
    func,
    literal_column,
    select,
    type_coerce,
    update,
)

from aggregator.models import Item
from aggregator.store import selections
from aggregator.store.columns import Integer, LenientNumber, Timestamp
from aggregator.store.database import Database
from aggregator.store.dialects import not_by_index, whole_number
from aggregator.store.memberprotocol import Member
from aggregator.store.prepared import Prepared
from aggregator.store.protocol import UnreadableRow
from aggregator.store.schema import LISTED_MEMBER, entries, memberships
from aggregator.store.stamps import if_shared
from aggregator.store.statements import chunks

_EARLIEST = datetime(1, 1, 1, tzinfo=UTC)
#: Times are compared as they are stored, because one of them may be damaged.
_COLUMNS = (
    memberships.c.entry_pk,
    memberships.c.source_pk,
    type_coerce(memberships.c.published_at, LenientNumber),
    memberships.c.position,
)
_no_offset: ColumnElement[int] = literal_column("0")
_in_output = (memberships.c.output == bindparam("output"), LISTED_MEMBER)
_waits = (*_in_output, memberships.c.released_at.is_(None))
_of_source = memberships.c.source_pk == bindparam("source_pk")
_published = memberships.c.published_at > bindparam("since")
#: Not by an index: members are read in another order.
_seen = type_coerce(not_by_index(memberships.c.added_at), Timestamp) <= bindparam("seen", type_=Timestamp)
_published_by_row = type_coerce(not_by_index(memberships.c.published_at), Timestamp) > bindparam(
    "since", type_=Timestamp
)
_newest_first = (memberships.c.published_at.desc(), memberships.c.source_pk, memberships.c.position.desc())


def _members(*conditions: ColumnElement[bool]) -> Select[Any]:
    return select(*_COLUMNS).where(*conditions).limit(bindparam("limit")).offset(_no_offset)


#: Where other processes store entries, there may be some that get their ids with the next publication. Elsewhere there
#: are none, so that rows of an index suffice.
_named = if_shared(
    select(entries.c.pk)
    .where(entries.c.pk == memberships.c.entry_pk, entries.c.public_id.is_not(None))
    .correlate(memberships)
    .exists()
)
_newest = _members(*_in_output, _published).order_by(*_newest_first, memberships.c.entry_pk)
NEWEST = Prepared(_newest, "output", "since", "limit")
NEWEST_SEEN = Prepared(_newest.where(_seen), "output", "since", "limit", "seen")
_of_one = _members(*_in_output, _of_source, _published).order_by(
    memberships.c.published_at.desc(), memberships.c.position.desc(), memberships.c.entry_pk
)
OF_SOURCE = Prepared(_of_one, "output", "source_pk", "since", "limit")
OF_SOURCE_SEEN = Prepared(_of_one.where(_seen), "output", "source_pk", "since", "limit", "seen")
#: The same without those that have no id yet.
_NAMED = {
    NEWEST: Prepared(_newest.where(_named), *NEWEST.names),
    NEWEST_SEEN: Prepared(_newest.where(_named, _seen), *NEWEST_SEEN.names),
    OF_SOURCE: Prepared(_of_one.where(_named), *OF_SOURCE.names),
    OF_SOURCE_SEEN: Prepared(_of_one.where(_named, _seen), *OF_SOURCE_SEEN.names),
}
_first_source = (
    select(type_coerce(memberships.c.source_pk, Integer))
    .where(*_in_output)
    .order_by(memberships.c.source_pk)
    .limit(literal_column("1"))
    .offset(_no_offset)
)
_found = select(_first_source.scalar_subquery().label("pk")).cte("found", recursive=True)
_found = _found.union_all(
    select(_first_source.where(memberships.c.source_pk > _found.c.pk).scalar_subquery()).where(_found.c.pk.is_not(None))
)
#: One step in the index for each source.
SOURCES = select(_found.c.pk).where(whole_number(_found.c.pk).is_not(None))
_CAME_OUT = (*_in_output, memberships.c.released_at.is_not(None))
RELEASED = Prepared(
    _members(*_CAME_OUT, _published_by_row).order_by(memberships.c.released_at.desc(), memberships.c.added_at.desc()),
    "output",
    "since",
    "limit",
)
RELEASED_BETWEEN = (
    select(memberships.c.released_at)
    .where(*_in_output, memberships.c.released_at > bindparam("start"), memberships.c.released_at <= bindparam("end"))
    .order_by(memberships.c.released_at)
)
WAITING = Prepared(
    _members(
        *_waits,
        memberships.c.added_at > bindparam("after"),
        memberships.c.added_at <= bindparam("until"),
        _published_by_row,
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
NEXT = select(func.min(memberships.c.added_at)).where(*_waits, memberships.c.added_at > bindparam("moment"))
LAST = select(func.max(memberships.c.added_at)).where(*_waits, memberships.c.added_at < bindparam("moment"))
ADDED = Prepared(
    _members(*_waits, memberships.c.added_at >= bindparam("start"), memberships.c.added_at < bindparam("end")).order_by(
        memberships.c.added_at.desc()
    ),
    "output",
    "start",
    "end",
    "limit",
)


class SqlMembers:
    """The members of outputs in an open database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def newest(
        self, output: str, limit: int, seen: datetime | None, since: datetime | None, *, named: bool = False
    ) -> list[Member]:
        """See `MemberStore.newest`."""
        statement, times = _selecting(NEWEST, NEWEST_SEEN, seen, named=named)
        with self._database.read() as connection:
            return _made(statement.rows(connection, output, since or _EARLIEST, limit, *times))

    def newest_per_source(
        self, output: str, limit: int, seen: datetime | None, since: datetime | None, *, named: bool = False
    ) -> list[Member]:
        """See `MemberStore.newest_per_source`."""
        statement, times = _selecting(OF_SOURCE, OF_SOURCE_SEEN, seen, named=named)
        found: list[Sequence[Any]] = []
        with self._database.read() as connection:
            for source_pk in connection.execute(SOURCES, {"output": output}).scalars().all():
                found += statement.rows(connection, output, source_pk, since or _EARLIEST, limit, *times)
        return _ordered(found)

    def released(self, output: str, limit: int, since: datetime | None) -> list[Member]:
        """See `MemberStore.released`."""
        with self._database.read() as connection:
            return _ordered(RELEASED.rows(connection, output, since or _EARLIEST, limit))

    def released_between(self, output: str, start: datetime, end: datetime) -> list[datetime]:
        """See `MemberStore.released_between`."""
        with self._database.read() as connection:
            asked = {"output": output, "start": start, "end": end}
            found = connection.execute(RELEASED_BETWEEN, asked).scalars().all()
        return [at for at in found if at is not None]

    def waiting(self, output: str, limit: int, after: datetime, seen: datetime, since: datetime | None) -> list[Member]:
        """See `MemberStore.waiting`."""
        with self._database.read() as connection:
            return _made(WAITING.rows(connection, output, after, seen, since or _EARLIEST, limit))

    def release(self, output: str, pks: Collection[int], at: datetime) -> None:
        """See `MemberStore.release`."""
        if pks:
            with self._database.write() as connection:
                for chunk in chunks(pks):
                    connection.execute(_RELEASE, {"of_output": output, "pks": chunk, "released_at": at})

    def forget_releases(self, output: str) -> None:
        """See `MemberStore.forget_releases`."""
        with self._database.read() as connection:
            found = RELEASED.rows(connection, output, _EARLIEST, 1)
        if found:
            with self._database.write() as connection:
                connection.execute(_FORGET, {"of_output": output, "released_at": None})

    def next_added(self, output: str, after: datetime) -> datetime | None:
        """See `MemberStore.next_added`."""
        with self._database.read() as connection:
            found: datetime | None = connection.execute(NEXT, {"output": output, "moment": after}).scalar()
            return found

    def last_added(self, output: str, before: datetime) -> datetime | None:
        """See `MemberStore.last_added`."""
        with self._database.read() as connection:
            found: datetime | None = connection.execute(LAST, {"output": output, "moment": before}).scalar()
            return found

    def added_between(self, output: str, start: datetime, end: datetime, limit: int) -> list[Member]:
        """See `MemberStore.added_between`."""
        with self._database.read() as connection:
            return _ordered(ADDED.rows(connection, output, start, end, limit))

    def items(self, output: str, pks: Collection[int], unreadable: list[UnreadableRow] | None = None) -> list[Item]:
        """See `MemberStore.items`."""
        listed = list(pks)
        found = selections.read(self._database, output, lambda connection, limit: listed, len(listed), unreadable)
        # Those without an id are published nowhere.
        return [item for item in found if item.id]


def _selecting(
    plain: Prepared, by_time: Prepared, seen: datetime | None, *, named: bool
) -> tuple[Prepared, tuple[datetime, ...]]:
    """Return the statement of two by which members are selected, and its last parameter, if it has one."""
    statement, times = (plain, ()) if seen is None else (by_time, (seen,))
    return _NAMED[statement] if named else statement, times


def _made(found: Iterable[Sequence[Any]]) -> list[Member]:
    return [Member(pk, source_pk or 0, published_at, place or 0) for pk, source_pk, published_at, place in found]


def _ordered(found: Iterable[Sequence[Any]]) -> list[Member]:
    return sorted(_made(found), key=lambda member: member.order)
