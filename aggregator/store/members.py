"""Selections among the members of an output, and when they come out (`rulingprotocol.MemberStore`).

Each walks an index of `memberships` that gives its rows in order.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BindParameter,
    Connection,
    Integer,
    and_,
    bindparam,
    or_,
    select,
    text,
    type_coerce,
    union_all,
    update,
)

from aggregator.models import Item
from aggregator.store import fingerprints, selections
from aggregator.store.database import Database
from aggregator.store.prepared import Prepared, PreparedByLength
from aggregator.store.protocol import UnreadableRow
from aggregator.store.rulingprotocol import Waiting
from aggregator.store.schema import LISTED_MEMBER, Timestamp, entries, memberships, sources, to_seconds
from aggregator.store.statements import NO_OFFSET

_m = memberships.c
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_MEMBERS = selections.MEMBERS
_limit: BindParameter[int] = bindparam("limit")


def _moment(name: str) -> BindParameter[datetime]:
    return bindparam(name, type_=Timestamp())


NEWEST = selections.in_order(_MEMBERS)
_date: BindParameter[int] = bindparam("date", type_=Integer())
_source: BindParameter[int] = bindparam("source")
_position: BindParameter[int] = bindparam("place")
_published = type_coerce(_m.published_at, Integer)
NEWEST_BEFORE = NEWEST.where(
    # Redundant, but lets SQLite start at the right place of the index.
    _published <= _date,
    or_(
        _published < _date,
        _m.source_pk > _source,
        and_(_m.source_pk == _source, _m.position < _position),
        and_(_m.source_pk == _source, _m.position == _position, _m.entry_pk > bindparam("pk")),
    ),
)
_PLACE = select(type_coerce(entries.c.published_at, Integer), entries.c.source_pk, entries.c.position).where(
    entries.c.pk == bindparam("pk")
)
_of_source = (
    _MEMBERS.where(_m.source_pk == _source, _published >= bindparam("since", type_=Integer()))
    .order_by(_m.published_at.desc(), _m.position.desc(), _m.entry_pk)
    .limit(_limit)
    .offset(NO_OFFSET)
)
NEWEST_OF_SOURCE = Prepared(_of_source, "output", "source", "since", "limit")
_released = _m.released_at.is_not(None)
RELEASED_OF_SOURCE = Prepared(_of_source.where(_released), "output", "source", "since", "limit")
RELEASED = (
    _MEMBERS.where(_released).order_by(_m.released_at.desc(), _m.added_at.desc(), _m.entry_pk.desc()).limit(_limit)
)

_of_output = (_m.output == bindparam("output"), LISTED_MEMBER)
WAITING = (
    select(_m.entry_pk, _m.added_at)
    .select_from(memberships.join(entries, entries.c.pk == _m.entry_pk))
    .where(*_of_output, _m.released_at.is_(None), entries.c.public_id.is_not(None))
    .order_by(_m.added_at, _m.entry_pk)
    .limit(_limit)
)
RELEASED_SINCE = select(_m.released_at).where(*_of_output, _m.released_at >= _moment("moment")).order_by(_m.released_at)
_RELEASE = Prepared(
    update(memberships).where(_m.output == bindparam("of_output"), _m.entry_pk == bindparam("of_entry")),
    "released_at",
    "of_output",
    "of_entry",
)
_added = _MEMBERS.add_columns(type_coerce(_m.added_at, Integer).label("added_at")).where(
    _m.added_at >= _moment("start"), _m.added_at < _moment("end")
)
#: Nothing comes out before it was added.
ADDED = (
    union_all(_added.where(_m.released_at.is_(None)), _added.where(_m.released_at >= _moment("start")))
    .order_by(text("added_at DESC, pk DESC"))
    .limit(_limit)
)
#: One look at the index for each source, no matter how many members it has.
SOURCES = text(
    "WITH RECURSIVE found(pk) AS ("
    "SELECT min(source_pk) FROM memberships WHERE output = :output AND listed = 1 UNION ALL "
    "SELECT (SELECT min(source_pk) FROM memberships WHERE output = :output AND listed = 1 AND source_pk > found.pk) "
    "FROM found WHERE found.pk IS NOT NULL) SELECT pk FROM found WHERE pk IS NOT NULL"
)
_IDS = PreparedByLength(lambda pks: select(sources.c.id).where(sources.c.pk.in_(pks)))


class SqlMembers:
    """The members of outputs in an open database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def newest(
        self, output: str, limit: int, before: Item | None = None, unreadable: list[UnreadableRow] | None = None
    ) -> list[Item]:
        """See `MemberStore.newest`."""

        def chosen(connection: Connection, limit: int) -> Sequence[int]:
            if before is None:
                return selections.numbers(connection, NEWEST, output=output, limit=limit)
            # An entry that was removed since comes before the others of its date.
            place = connection.execute(_PLACE, {"pk": before.pk}).first()
            date, source, position = place or (to_seconds(before.entry.published_at), 0, 0)
            asked = {"date": date, "source": source, "place": position, "pk": before.pk}
            return selections.numbers(connection, NEWEST_BEFORE, output=output, limit=limit, **asked)

        return selections.read(self._database, output, chosen, limit, unreadable)

    def newest_per_source(
        self,
        output: str,
        per_source: int,
        limit: int,
        since: datetime | None = None,
        *,
        released: bool = False,
        unreadable: list[UnreadableRow] | None = None,
    ) -> list[Item]:
        """See `MemberStore.newest_per_source`."""
        statement = RELEASED_OF_SOURCE if released else NEWEST_OF_SOURCE
        first = to_seconds(since or datetime.min.replace(tzinfo=UTC))

        def chosen(connection: Connection, limit: int) -> Sequence[int]:
            found: list[Sequence[Any]] = []
            for source in connection.execute(SOURCES, {"output": output}).scalars().all():
                found += statement.rows(connection, output, source, first, per_source)
            return _in_order(found)[:limit]

        return selections.read(self._database, output, chosen, limit, unreadable)

    def released(self, output: str, limit: int, unreadable: list[UnreadableRow] | None = None) -> list[Item]:
        """See `MemberStore.released`."""

        def chosen(connection: Connection, limit: int) -> Sequence[int]:
            return _in_order(connection.execute(RELEASED, {"output": output, "limit": limit}).all())

        return selections.read(self._database, output, chosen, limit, unreadable)

    def waiting(self, output: str, limit: int) -> list[Waiting]:
        """See `MemberStore.waiting`; what has a damaged time has waited longest."""
        with self._database.read() as connection:
            found = connection.execute(WAITING, {"output": output, "limit": limit}).all()
        return [Waiting(pk, added_at or _LONG_AGO) for pk, added_at in found]

    def released_since(self, output: str, moment: datetime) -> list[datetime]:
        """See `MemberStore.released_since`."""
        with self._database.read() as connection:
            found = connection.execute(RELEASED_SINCE, {"output": output, "moment": moment}).scalars().all()
        return [at for at in found if at is not None]

    def release(self, output: str, pks: Collection[int], now: datetime) -> None:
        """See `MemberStore.release`."""
        if pks:
            with self._database.write() as connection:
                _RELEASE.run_many(connection, [(now, output, pk) for pk in sorted(pks)])
                fingerprints.clear_feeds(connection, [output])

    def added_between(
        self,
        output: str,
        start: datetime,
        end: datetime,
        limit: int,
        unreadable: list[UnreadableRow] | None = None,
    ) -> list[Item]:
        """See `MemberStore.added_between`."""

        def chosen(connection: Connection, limit: int) -> Sequence[int]:
            return selections.numbers(connection, ADDED, output=output, start=start, end=end, limit=limit)

        return selections.read(self._database, output, chosen, limit, unreadable)

    def sources(self, output: str) -> list[str]:
        """See `MemberStore.sources`."""
        with self._database.read() as connection:
            pks = connection.execute(SOURCES, {"output": output}).scalars().all()
            return sorted(row[0] for row in _IDS.rows(connection, (), pks))


def _in_order(found: Sequence[Sequence[Any]]) -> list[int]:
    """Return the row numbers of rows of `selections.MEMBERS` in the order of feeds; a damaged date comes first."""

    def place(row: Sequence[Any]) -> tuple[float, int, int, int]:
        pk, published_at, source, position = row
        return (-published_at if isinstance(published_at, int) else float("-inf"), source, -position, pk)

    return [row[0] for row in sorted(found, key=place)]
