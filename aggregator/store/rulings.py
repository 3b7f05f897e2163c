"""What rules made of entries: writing it beside the entries, where it decides what is listed.

In: entries as their sources gave them, and rulings. Out: rows of `rulings`, `memberships` and `addresses`, and
`entries.category` and `draft`. The functions work within the transaction of their caller.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, Connection, bindparam, delete, insert, select, type_coerce, update

from aggregator.models import ALL, Entry, Ruling
from aggregator.store import archives, fingerprints, listing, rows, statements
from aggregator.store.columns import Integer, LenientNumber, to_seconds
from aggregator.store.copies import touch
from aggregator.store.dialects import ignoring, replacing
from aggregator.store.prepared import Prepared, PreparedByLength
from aggregator.store.schema import (
    addresses,
    copies,
    entries,
    memberships,
    rulings,
    sources,
    stale_addresses,
)

#: A ruling to be stored: row number, the entry as its source gave it, and the ruling.
RulingOf = tuple[int, Entry, Ruling]
#: The values of a row of `rulings`, without the number.
_Row = tuple[str | None, str | None, str | None, tuple[str, ...]]
_NO_ROW: _Row = (None, None, None, ())


class _Basis(NamedTuple):
    """What a ruling on a stored entry is compared with; times as they are stored, because they may be damaged."""

    pk: int
    source_pk: int
    position: int
    published_at: int
    seen_at: int | None
    category: str | None
    draft: bool
    active: bool
    source_category: str
    verdict: str | None
    ruling_category: str | None
    changes: str | None
    made_by: tuple[str, ...]
    address: str | None
    leader_pk: int | None


#: Whether a member is listed, and what its output changes, by output.
_Members = Mapping[str, tuple[bool, str | None]]

_everything = (
    entries.join(sources, sources.c.pk == entries.c.source_pk)
    .join(rulings, rulings.c.entry_pk == entries.c.pk, isouter=True)
    .join(addresses, addresses.c.entry_pk == entries.c.pk, isouter=True)
    .join(copies, copies.c.entry_pk == entries.c.pk, isouter=True)
)
_BASES = PreparedByLength(
    lambda pks: (
        select(
            entries.c.pk,
            entries.c.source_pk,
            entries.c.position,
            type_coerce(entries.c.published_at, LenientNumber),
            type_coerce(entries.c.seen_at, LenientNumber),
            entries.c.category,
            entries.c.draft,
            sources.c.active,
            sources.c.category,
            rulings.c.verdict,
            rulings.c.category,
            rulings.c.changes,
            rulings.c.made_by,
            addresses.c.address,
            copies.c.leader_pk,
        )
        .select_from(_everything)
        .where(entries.c.pk.in_(pks))
    )
)
_MEMBERS = PreparedByLength(
    lambda pks: select(memberships.c.entry_pk, memberships.c.output, memberships.c.listed, memberships.c.changes).where(
        memberships.c.entry_pk.in_(pks)
    )
)
_of_entry: BindParameter[int] = bindparam("of_entry")
_LIST = Prepared(
    update(entries).where(entries.c.pk == _of_entry).values(**statements.MADE_PENDING), "category", "draft", "of_entry"
)
_KEEP = Prepared(replacing(rulings), "entry_pk", "verdict", "category", "changes", "made_by")
_FORGET = Prepared(delete(rulings).where(rulings.c.entry_pk == _of_entry), "of_entry")
_JOIN = Prepared(
    insert(memberships).values(
        published_at=bindparam("entry_published_at", type_=Integer), added_at=bindparam("member_since", type_=Integer)
    ),
    "output",
    "entry_pk",
    "entry_published_at",
    "source_pk",
    "position",
    "listed",
    "member_since",
    "changes",
)
_of_member = (memberships.c.output == bindparam("of_output"), memberships.c.entry_pk == _of_entry)
_LEAVE = Prepared(delete(memberships).where(*_of_member), "of_output", "of_entry")
_CHANGE = Prepared(update(memberships).where(*_of_member), "listed", "changes", "of_output", "of_entry")
_ADDRESS = Prepared(replacing(addresses), "entry_pk", "address")
_NO_ADDRESS = Prepared(delete(addresses).where(addresses.c.entry_pk == _of_entry), "of_entry")
_NO_COPY = Prepared(delete(copies).where(copies.c.entry_pk == _of_entry), "of_entry")
_STALE_ADDRESS = Prepared(ignoring(stale_addresses), "address")
_STALE_ADDRESSES_OF = PreparedByLength(lambda pks: select(addresses.c.address).where(addresses.c.entry_pk.in_(pks)))


@dataclass(slots=True)
class _Batch:
    """Rows to be written, by the statement that writes them."""

    listed: list[tuple[Any, ...]] = field(default_factory=list)
    kept: list[tuple[Any, ...]] = field(default_factory=list)
    forgotten: list[tuple[Any, ...]] = field(default_factory=list)
    joined: list[tuple[Any, ...]] = field(default_factory=list)
    left: list[tuple[Any, ...]] = field(default_factory=list)
    changed: list[tuple[Any, ...]] = field(default_factory=list)
    addressed: list[tuple[Any, ...]] = field(default_factory=list)
    no_address: list[tuple[Any, ...]] = field(default_factory=list)
    no_copy: list[tuple[Any, ...]] = field(default_factory=list)
    stale: set[tuple[str]] = field(default_factory=set)

    def shown(self) -> set[tuple[str, int]]:
        """Return the outputs whose memberships change, each with the number of the entry."""
        changed = {(output, pk) for _, _, output, pk in self.changed}
        return changed.union(self.left, ((row[0], row[1]) for row in self.joined))

    def write(self, connection: Connection) -> None:
        for statement, values in (
            (_LIST, self.listed),
            (_KEEP, self.kept),
            (_FORGET, self.forgotten),
            (_LEAVE, self.left),
            (_CHANGE, self.changed),
            (_JOIN, self.joined),
            (_ADDRESS, self.addressed),
            (_NO_ADDRESS, self.no_address),
            (_NO_COPY, self.no_copy),
            (_STALE_ADDRESS, sorted(self.stale)),
        ):
            if values:
                statement.run_many(connection, values)


def category_of(ruling: Ruling | None, category: str | None) -> str | None:
    """Return the first category in which an entry is published, or None.

    Args:
        category: that of its source; None: the source is not configured.
    """
    if ruling is None or category is None:
        return category
    return (ruling.category or category) if ruling.verdict == "published" else None


def is_plain(entry: Entry, ruling: Ruling) -> bool:
    """Whether a ruling leaves no trace: the entry is published as it is, in the category of its source."""
    said = (ruling.category, ruling.address, ruling.placements, ruling.made_by, ruling.draft)
    if ruling.verdict != "published" or said != (None, None, (), (), False):
        return False
    return rows.changes(entry, ruling.entry) is None


def add(
    connection: Connection,
    source_pk: int,
    category: str | None,
    new: Iterable[RulingOf],
    seen_at: datetime | None,
) -> None:
    """Store rulings on entries that have just been inserted; a row number is the position, too.

    Args:
        category: as in `category_of`.
    """
    batch = _Batch()
    for pk, entry, ruling in new:
        first = category_of(ruling, category)
        row = _row(entry, ruling, ruling.verdict)
        if row != _NO_ROW:
            batch.kept.append((pk, *row))
        listed = first is not None and not ruling.draft
        published_at = to_seconds(entry.published_at)
        since = published_at if seen_at is None else to_seconds(seen_at)
        for output, dumped in _placements(ruling, ruling.category or category).items():
            batch.joined.append((output, pk, published_at, source_pk, pk, listed, since, dumped))
        if ruling.address is not None:
            batch.addressed.append((pk, ruling.address))
            batch.stale.add((ruling.address,))
    batch.write(connection)
    fingerprints.clear_feeds(connection, {row[0] for row in batch.joined})


def replace(connection: Connection, judged: Sequence[RulingOf], added_at: datetime | None = None) -> None:
    """Store rulings on stored entries, of which there are few; those that change what is published become pending.

    Args:
        added_at: when new memberships began; None: when the entry was first seen.
    """
    pks = [pk for pk, _, _ in judged]
    members: dict[int, dict[str, tuple[bool, str | None]]] = {}
    touch(connection, pks)
    with listing.changing(connection, pks) as others:
        bases = {row[0]: _Basis._make(row) for row in _BASES.rows(connection, (), pks)}
        for pk, output, listed, dumped in _MEMBERS.rows(connection, (), pks):
            members.setdefault(pk, {})[output] = (listed, dumped)
        batch = _Batch()
        for pk, entry, ruling in judged:
            if pk in bases:
                _compare(batch, bases[pk], members.get(pk, {}), entry, ruling, to_seconds(added_at))
        others.update((output, pk) for _, _, output, pk in batch.changed)
        batch.write(connection)


def place(connection: Connection, output: str, placed: Mapping[int, str | None]) -> None:
    """Make entries members of an output, with what it alone changes; members that stay keep their times."""
    members = {row[0]: (row[2], row[3]) for row in _MEMBERS.rows(connection, (), placed) if row[1] == output}
    batch = _Batch()
    for row in _BASES.rows(connection, (), placed):
        basis = _Basis._make(row)
        stored = {output: members[basis.pk]} if basis.pk in members else {}
        wanted = {} if basis.category == output else {output: placed[basis.pk]}
        _place(batch, basis, stored, wanted, listed=basis.category is not None and not basis.draft)
    batch.write(connection)
    listing.outdate(connection, batch.shown())


def displace(connection: Connection, output: str, pks: Sequence[int]) -> None:
    """End memberships of an output."""
    batch = _Batch(left=[(output, pk) for pk in pks])
    listing.outdate(connection, batch.shown())
    batch.write(connection)


def before_removal(connection: Connection, pks: Sequence[int]) -> None:
    """Make out of date what shows entries that are about to be removed, and what is compared with them."""
    touch(connection, pks)
    listing.outdate(connection, archives.shown(connection, pks))
    stale = {(row[0],) for row in _STALE_ADDRESSES_OF.rows(connection, (), pks)}
    _STALE_ADDRESS.run_many(connection, sorted(stale))


def _compare(
    batch: _Batch,
    basis: _Basis,
    members: _Members,
    entry: Entry,
    ruling: Ruling,
    added_at: int | None,
) -> None:
    """Add to a batch what makes a stored entry agree with a ruling."""
    pk, verdict = basis.pk, ruling.verdict
    same_address = ruling.address is not None and ruling.address == basis.address
    if basis.leader_pk is not None and same_address and verdict in ("published", "copy"):
        # Which of the entries with one address is published is decided where they are compared.
        verdict = "copy"
    elif basis.leader_pk is not None:
        batch.no_copy.append((pk,))
    category = (ruling.category or basis.source_category) if basis.active and verdict == "published" else None
    row = _row(entry, ruling, verdict)
    stored = (basis.verdict, basis.ruling_category, basis.changes, basis.made_by)
    if (category, ruling.draft) != (basis.category, basis.draft) or row != stored:
        batch.listed.append((category, ruling.draft, pk))
    if row == _NO_ROW:
        batch.forgotten.append((pk,))
    elif row != stored:
        batch.kept.append((pk, *row))
    wanted = _placements(ruling, ruling.category or basis.source_category)
    _place(batch, basis, members, wanted, listed=category is not None and not ruling.draft, added_at=added_at)
    if ruling.address is not None:
        batch.addressed.append((pk, ruling.address))
    elif basis.address is not None:
        batch.no_address.append((pk,))
    batch.stale |= {(address,) for address in (ruling.address, basis.address) if address is not None}


def _place(
    batch: _Batch,
    basis: _Basis,
    members: _Members,
    wanted: Mapping[str, str | None],
    *,
    listed: bool,
    added_at: int | None = None,
) -> None:
    """Add to a batch what makes the memberships of an entry those that are wanted.

    Args:
        members: those that are stored, by output: whether they are listed, and what the output changes.
        wanted: what each output changes.
        added_at: as in `replace`.
    """
    pk, seen_at = basis.pk, basis.seen_at if isinstance(basis.seen_at, int) else basis.published_at
    since = seen_at if added_at is None else added_at
    batch.left += [(output, pk) for output in members if output not in wanted]
    for output, dumped in wanted.items():
        if output not in members:
            row = (output, pk, basis.published_at, basis.source_pk, basis.position, listed, since, dumped)
            batch.joined.append(row)
        elif members[output] != (listed, dumped):
            batch.changed.append((listed, dumped, output, pk))


def _row(entry: Entry, ruling: Ruling, verdict: str) -> _Row:
    said = None if verdict == "published" else verdict
    return said, ruling.category, rows.changes(entry, ruling.entry), ruling.made_by


def _placements(ruling: Ruling, first: str | None) -> dict[str, str | None]:
    """Return what each output alone changes, by output; the first category is none of them, nor is `models.ALL`."""
    return {
        placement.output: None if placement.entry is None else rows.changes(ruling.entry, placement.entry)
        for placement in ruling.placements
        if placement.output not in (first, ALL)
    }
