"""The same item from several sources, in the store: groups, and what is published of them.

A copy has a row in `copies` and the verdict ``copy``. Its address is in `addresses`; `rulings` writes it. What may
change a group makes the address stale, or all addresses of a source: then `SOURCE` and its row number are in the table.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    bindparam,
    cast,
    delete,
    exists,
    func,
    insert,
    literal_column,
    null,
    select,
    text,
    update,
)

from aggregator.models import Candidate, Group
from aggregator.store import archives, listing, statements
from aggregator.store.columns import Integer
from aggregator.store.copyprotocol import DUPLICATES, CopyOf, Join, Pair
from aggregator.store.database import Database
from aggregator.store.dialects import ignoring, replacing
from aggregator.store.origins import ANY_COPY, COPIES_OF
from aggregator.store.prepared import Prepared, PreparedByLength
from aggregator.store.rows import FIRST_CATEGORY, ITEM_TABLES
from aggregator.store.schema import (
    addresses,
    copies,
    entries,
    fingerprints,
    not_duplicates,
    rulings,
    sources,
    stale_addresses,
)
from aggregator.store.stamps import if_alone

#: In front of the row number of a source among stale addresses; all addresses come before it.
SOURCE = "~"

_among: BindParameter[Any] = bindparam("values", expanding=True)
_ANY_PAIR = select(not_duplicates.c.first_pk).limit(1)
_marked: ColumnElement[str] = literal_column(f"'{SOURCE}' || sources.pk")
_is_source = stale_addresses.c.address >= SOURCE
_MARK_SOURCES = ignoring(stale_addresses).from_select(
    ["address"],
    select(_marked).where(
        sources.c.pk.in_(_among), exists().where(fingerprints.c.name == DUPLICATES, fingerprints.c.value != "")
    ),
)
_MARK_ALL_SOURCES = insert(stale_addresses).from_select(["address"], select(_marked).where(sources.c.entries > 0))
_stale_pk = cast(func.substr(stale_addresses.c.address, literal_column("2")), Integer)
_STALE_SOURCES = (
    select(sources.c.id)
    .select_from(stale_addresses.join(sources, sources.c.pk == _stale_pk))
    .where(_is_source)
    .order_by(sources.c.pk)
)
_SOURCES_OF = select(entries.c.source_pk).where(entries.c.pk.in_(_among)).distinct()
_SOURCE_PK = select(sources.c.pk).where(sources.c.id == bindparam("source_id"))
_STALE = (
    select(stale_addresses.c.address)
    .where(stale_addresses.c.address > bindparam("after"), ~_is_source)
    .order_by(stale_addresses.c.address)
    .limit(bindparam("limit"))
)
_MARK = Prepared(ignoring(stale_addresses), "address")
_DONE = delete(stale_addresses).where(stale_addresses.c.address.in_(_among))
_ADDRESSES_OF = PreparedByLength(
    lambda pks: select(addresses.c.entry_pk, addresses.c.address).where(addresses.c.entry_pk.in_(pks))
)
_ADDRESS = Prepared(replacing(addresses), "entry_pk", "address")
_NO_ADDRESS = delete(addresses).where(addresses.c.entry_pk.in_(_among))
_copied = rulings.c.verdict == literal_column("'copy'")
_published = rulings.c.verdict.is_(null()) | _copied
_CANDIDATES = PreparedByLength(
    lambda found: (
        select(
            addresses.c.address,
            entries.c.pk,
            sources.c.id,
            FIRST_CATEGORY,
            entries.c.title,
            entries.c.published_at,
            entries.c.dated,
            (_published & sources.c.active & ~entries.c.draft).label("published"),
            rulings.c.verdict,
        )
        .select_from(addresses.join(ITEM_TABLES, addresses.c.entry_pk == entries.c.pk))
        .where(addresses.c.address.in_(found))
    )
)
_COPIES = PreparedByLength(
    lambda pks: select(copies.c.entry_pk, copies.c.leader_pk, copies.c.shown).where(copies.c.entry_pk.in_(pks))
)
_PAIRS = PreparedByLength(
    lambda pks: select(not_duplicates.c.first_pk, not_duplicates.c.second_pk).where(not_duplicates.c.first_pk.in_(pks))
)
_KEEP_APART = ignoring(not_duplicates)
_KEEP = Prepared(replacing(copies), "entry_pk", "leader_pk", "shown")
_DROP = delete(copies).where(copies.c.entry_pk.in_(_among))
_WITHHOLD = text(
    "INSERT INTO rulings (entry_pk, verdict) VALUES (:entry_pk, 'copy') "
    "ON CONFLICT (entry_pk) DO UPDATE SET verdict = excluded.verdict"
)
_is_copy = (rulings.c.entry_pk.in_(_among), _copied)
_ALL_COPIED = select(rulings.c.entry_pk).where(_copied)
_RELEASED = select(rulings.c.entry_pk).where(*_is_copy)
_RELEASE = update(rulings).where(*_is_copy).values(verdict=null())
_WITHOUT_TRACE = delete(rulings).where(
    rulings.c.entry_pk.in_(_among),
    *(column.is_(null()) for column in rulings.c if column is not rulings.c.entry_pk),
)
_PENDING = (
    update(entries).where(entries.c.pk.in_(_among), if_alone(~entries.c.pending)).values(**statements.MADE_PENDING)
)
_LEADERS_OF_SOURCE = (
    select(copies.c.leader_pk)
    .select_from(copies.join(entries, entries.c.pk == copies.c.entry_pk))
    .where(entries.c.source_pk == bindparam("of_source"))
    .distinct()
)


def mark_sources(connection: Connection, source_pks: Collection[int]) -> None:
    """Record that sources have another category, or are configured again or no longer."""
    for chunk in statements.chunks(source_pks):
        connection.execute(_MARK_SOURCES, {"values": chunk})


def touch(connection: Connection, pks: Collection[int]) -> None:
    """Make the entries pending that are published for these ones, which are changed or removed."""
    if pks and connection.execute(ANY_COPY).first() is not None:
        _show_again(connection, {row[1] for row in _COPIES.rows(connection, (), pks)})


def touch_source(connection: Connection, source_pk: int) -> None:
    """Make the entries pending that are published for those of a source, whose name has changed."""
    if connection.execute(ANY_COPY).first() is not None:
        _show_again(connection, set(connection.execute(_LEADERS_OF_SOURCE, {"of_source": source_pk}).scalars()))


def renew(connection: Connection, pks: Collection[int]) -> None:
    """Make out of date what shows entries that were cleaned by other rules, and the addresses of their sources."""
    touch(connection, pks)
    for chunk in statements.chunks(pks):
        mark_sources(connection, connection.execute(_SOURCES_OF, {"values": chunk}).scalars().all())


class SqlCopies:
    """The groups in an open database; it implements `copyprotocol.CopyStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def restart(self, definition: str) -> None:
        """See `CopyStore.restart`."""
        with self._database.write() as connection:
            connection.execute(delete(stale_addresses))
            if definition:
                connection.execute(_MARK_ALL_SOURCES)
            else:
                _set_free(connection)
            connection.execute(delete(fingerprints).where(fingerprints.c.name == DUPLICATES))
            connection.execute(insert(fingerprints), {"name": DUPLICATES, "value": definition})

    def stale_sources(self) -> list[str]:
        """See `CopyStore.stale_sources`."""
        with self._database.read() as connection:
            return list(connection.execute(_STALE_SOURCES).scalars())

    def replace_addresses(self, source_id: str, addresses: Mapping[int, str | None]) -> None:
        """See `CopyStore.replace_addresses`."""
        with self._database.write() as connection:
            before: dict[int, str] = {row[0]: row[1] for row in _ADDRESSES_OF.rows(connection, (), addresses)}
            stale = {address for address in (*before.values(), *addresses.values()) if address is not None}
            _MARK.run_many(connection, [(address,) for address in sorted(stale)])
            moved = [pk for pk, address in before.items() if addresses[pk] != address]
            for chunk in statements.chunks(moved):
                _leave(connection, chunk)
                connection.execute(_NO_ADDRESS, {"values": chunk})
            new = [(pk, address) for pk, address in sorted(addresses.items()) if address not in (None, before.get(pk))]
            _ADDRESS.run_many(connection, new)
            source_pk = connection.execute(_SOURCE_PK, {"source_id": source_id}).scalar_one()
            connection.execute(_DONE, {"values": [f"{SOURCE}{source_pk}"]})

    def stale(self, limit: int, after: str = "") -> list[str]:
        """See `CopyStore.stale`."""
        with self._database.read() as connection:
            return list(connection.execute(_STALE, {"after": after, "limit": limit}).scalars())

    def rejoin(self, addresses: Collection[str], join: Join) -> None:
        """See `CopyStore.rejoin`."""
        with self._database.write() as connection:
            members: dict[str, list[Candidate]] = {}
            copied: set[int] = set()
            for address, *values, verdict in _CANDIDATES.rows(connection, (), addresses):
                members.setdefault(address, []).append(Candidate(*values))
                if verdict == "copy":
                    copied.add(values[0])
            # Most entries have an address of their own.
            shared = {address: found for address, found in members.items() if len(found) > 1}
            apart = _pairs(connection, [one.pk for found in shared.values() for one in found])
            groups = [group for address in sorted(shared) for group in join(address, shared[address], apart)]
            pks = [one.pk for found in members.values() for one in found]
            current = {row[0]: CopyOf._make(row) for row in _COPIES.rows(connection, (), pks)}
            wanted = {one.pk: one for group in groups for one in _copies_in(group)}
            _regroup(connection, copied, current, wanted)
            for chunk in statements.chunks(addresses):
                connection.execute(_DONE, {"values": chunk})

    def keep_apart(self, one: int, other: int) -> None:
        """See `CopyStore.keep_apart`."""
        with self._database.write() as connection:
            # Outputs join items by themselves.
            listing.outdate(connection, archives.shown(connection, (one, other)))
            connection.execute(_KEEP_APART, {"first_pk": min(one, other), "second_pk": max(one, other)})
            _mark_addresses(connection, (one, other))

    def apart(self, pks: Collection[int]) -> set[Pair]:
        """See `CopyStore.apart`."""
        with self._database.read() as connection:
            return _pairs(connection, pks)

    def of(self, pks: Collection[int]) -> list[CopyOf]:
        """See `CopyStore.of`."""
        with self._database.read() as connection:
            found = (*_COPIES.rows(connection, (), pks), *COPIES_OF.rows(connection, (), pks))
            return sorted({CopyOf._make(row) for row in found})


def _set_free(connection: Connection) -> None:
    """Publish all copies, and forget all addresses."""
    leaders = connection.execute(select(copies.c.leader_pk).distinct()).scalars().all()
    copied = connection.execute(_ALL_COPIED).scalars().all()
    connection.execute(delete(copies))
    connection.execute(delete(addresses))
    for chunk in statements.chunks(copied):
        _release(connection, chunk)
    for chunk in statements.chunks(leaders):
        _show_again(connection, chunk)


def _copies_in(group: Group) -> list[CopyOf]:
    return [CopyOf(pk, group.leader, pk == group.shown) for pk in group.copies]


def _pairs(connection: Connection, pks: Collection[int]) -> set[Pair]:
    if not pks or connection.execute(_ANY_PAIR).first() is None:
        return set()
    known = set(pks)
    return {(first, second) for first, second in _PAIRS.rows(connection, (), pks) if second in known}


def _mark_addresses(connection: Connection, pks: Collection[int]) -> None:
    stale = {row[1] for row in _ADDRESSES_OF.rows(connection, (), pks)}
    _MARK.run_many(connection, [(address,) for address in sorted(stale)])


def _regroup(
    connection: Connection, copied: Collection[int], current: Mapping[int, CopyOf], wanted: Mapping[int, CopyOf]
) -> None:
    """Make some entries copies, and others none.

    Args:
        copied: those that are not published because they are copies; the one that was published for them may be gone.
    """
    changed = [one for pk, one in wanted.items() if current.get(pk) != one]
    free = {pk: one for pk, one in current.items() if pk not in wanted}
    before = [current[one.pk] for one in changed if one.pk in current]
    leaders = {one.leader for one in (*free.values(), *before, *changed)}
    for chunk in statements.chunks(list(free)):
        connection.execute(_DROP, {"values": chunk})
    for chunk in statements.chunks([pk for pk in copied if pk not in wanted]):
        _release(connection, chunk)
    _KEEP.run_many(connection, changed)
    for chunk in statements.chunks([pk for pk in wanted if pk not in copied]):
        with listing.changing(connection, chunk):
            connection.execute(_WITHHOLD, [{"entry_pk": pk} for pk in chunk])
            listing.relist(connection, chunk)
    for chunk in statements.chunks(leaders):
        _show_again(connection, chunk)


def _leave(connection: Connection, pks: Collection[int]) -> None:
    """Take entries out of their groups, of which others may stay copies."""
    _show_again(connection, {row[1] for row in _COPIES.rows(connection, (), pks)})
    connection.execute(_DROP, {"values": list(pks)})
    _release(connection, pks)


def _release(connection: Connection, pks: Collection[int]) -> None:
    """Publish entries that are no copies any more, unless something else keeps them from it."""
    free = connection.execute(_RELEASED, {"values": list(pks)}).scalars().all()
    if free:
        with listing.changing(connection, free):
            connection.execute(_RELEASE, {"values": free})
            connection.execute(_WITHOUT_TRACE, {"values": free})
            listing.relist(connection, free)
            connection.execute(_PENDING, {"values": free})


def _show_again(connection: Connection, pks: Collection[int]) -> None:
    """Make entries pending that show other entries than before, and the feeds in which they are out of date."""
    if pks:
        listing.outdate(connection, archives.shown(connection, pks))
        connection.execute(_PENDING, {"values": list(pks)})
