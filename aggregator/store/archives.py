"""The pages of archives in the store: which entries belong to which page, and which pages have to be written again.

A page of an output holds the listed entries of a range of row numbers, so that it needs no row for each of its entries.
Row numbers grow with time: new entries come after all closed pages. The functions work within the transaction of their
caller.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, literal_column, select, text

from aggregator.models import ALL, Item
from aggregator.store import rows, selections
from aggregator.store.database import Database
from aggregator.store.dialects import replacing
from aggregator.store.prepared import Prepared, PreparedByLength
from aggregator.store.protocol import ArchivePage, UnreadableRow
from aggregator.store.schema import LISTED, NEWEST_FIRST, archives, entries, memberships, stale_archives
from aggregator.store.stamps import next_stamp
from aggregator.store.statements import ITEMS_OF_PAGE

ReadItems = Callable[
    [Prepared, dict[str, Any], Callable[[Sequence[Any]], list[Item]], list[UnreadableRow] | None], list[Item]
]

_of_output = archives.c.output == bindparam("of_output")

_BOUNDS = select(archives.c.last_pk).where(_of_output).order_by(archives.c.number)
_LAST = select(archives.c.number, archives.c.last_pk).where(_of_output).order_by(archives.c.number.desc()).limit(1)
_COUNT = select(func.count()).select_from(archives).where(_of_output)
_LAST_OF_ANY = select(func.max(archives.c.last_pk))
#: One step in the index for each output.
OUTPUTS = text(
    "WITH RECURSIVE found (output) AS (SELECT min(output) FROM archives UNION ALL "
    "SELECT (SELECT min(output) FROM archives WHERE output > found.output) FROM found WHERE found.output IS NOT NULL) "
    "SELECT output FROM found WHERE output IS NOT NULL"
)
_ADD = insert(archives)
#: A page that is stale already is marked again, with a new stamp.
_MARK = replacing(stale_archives).values(stamp=next_stamp())
_UNMARK = delete(stale_archives).where(
    stale_archives.c.output == bindparam("of_output"),
    stale_archives.c.number == bindparam("of_number"),
    stale_archives.c.stamp == bindparam("of_stamp"),
)
_MARK_OUTPUT = replacing(stale_archives).from_select(
    ["output", "number", "stamp"], select(archives.c.output, archives.c.number, next_stamp()).where(_of_output)
)
_before = archives.alias("before")
#: Each page with the end of the one before.
_STALE = (
    select(
        stale_archives.c.output,
        stale_archives.c.number,
        func.coalesce(_before.c.last_pk, literal_column("0")),
        archives.c.last_pk,
        stale_archives.c.stamp,
    )
    .select_from(
        stale_archives.join(
            archives, (archives.c.output == stale_archives.c.output) & (archives.c.number == stale_archives.c.number)
        ).join(
            _before,
            (_before.c.output == stale_archives.c.output)
            & (_before.c.number == stale_archives.c.number - literal_column("1")),
            isouter=True,
        )
    )
    .order_by(stale_archives.c.output, stale_archives.c.number)
)
_STALE_OF_OUTPUT = _STALE.where(stale_archives.c.output == bindparam("of_output"))
_FORGET = delete(archives).where(_of_output)
_DROP = (
    delete(stale_archives).where(stale_archives.c.output == bindparam("of_output")),
    _FORGET,
)

SINCE = select(entries.c.pk).where(LISTED, entries.c.pk > bindparam("after")).order_by(entries.c.pk)
NEWEST = select(entries.c.pk).where(LISTED).order_by(*NEWEST_FIRST, entries.c.pk).limit(bindparam("limit"))
WITHIN = SINCE.where(entries.c.pk <= bindparam("last"))
_SHOWN_FIRST = PreparedByLength(
    lambda pks: select(entries.c.category, entries.c.pk).where(entries.c.pk.in_(pks), entries.c.category.is_not(None))
)
_SHOWN_BESIDES = PreparedByLength(
    lambda pks: select(memberships.c.output, memberships.c.entry_pk).where(
        memberships.c.entry_pk.in_(pks), memberships.c.listed
    )
)
_entries_of_source = select(entries.c.pk).where(entries.c.source_pk == bindparam("of_source"))
_OF_SOURCE = select(entries.c.category, entries.c.pk).where(
    entries.c.source_pk == bindparam("of_source"), entries.c.category.is_not(None)
)
_MEMBERS_OF_SOURCE = select(memberships.c.output, memberships.c.entry_pk).where(
    memberships.c.entry_pk.in_(_entries_of_source), memberships.c.listed
)


class SqlArchives:
    """The pages in an open database.

    Args:
        read_items: reads the rows of a statement about entries, as `SqlStore` does for all of them.
    """

    def __init__(self, database: Database, read_items: ReadItems) -> None:
        self._database = database
        self._read_items = read_items

    def close_pages(self, output: str, limit: int, size: int) -> None:
        """See `ArchiveStore.close_pages`."""
        with self._database.write() as connection:
            if connection.execute(_COUNT, {"of_output": output}).scalar_one() == _last(connection, output)[0]:
                _split_pages(connection, output, size)
            else:
                # Rows of a damaged database are missing: all pages are made again.
                _drop(connection, output)
            _close_pages(connection, output, limit, size)

    def page_count(self, output: str) -> int:
        """See `ArchiveStore.page_count`."""
        with self._database.read() as connection:
            return _last(connection, output)[0]

    def outputs(self) -> list[str]:
        """See `ArchiveStore.outputs`."""
        with self._database.read() as connection:
            return list(connection.execute(OUTPUTS).scalars())

    def mark(self, outputs: Iterable[str]) -> None:
        """See `ArchiveStore.mark`."""
        with self._database.write() as connection:
            for output in outputs:
                mark_output(connection, output)

    def stale_pages(self) -> list[ArchivePage]:
        """See `ArchiveStore.stale_pages`."""
        with self._database.read() as connection:
            return [ArchivePage(*row) for row in connection.execute(_STALE)]

    def items(self, page: ArchivePage, unreadable: list[UnreadableRow] | None = None) -> list[Item]:
        """See `ArchiveStore.items`."""
        if page.output == ALL:
            asked = {"limit": selections.NO_LIMIT, "after": page.after, "last": page.last}
            return self._read_items(ITEMS_OF_PAGE, asked, rows.items, unreadable)
        within = selections.within(page.output, page.after, page.last)
        return selections.read(self._database, page.output, within, selections.NO_LIMIT, unreadable)

    def mark_written(self, pages: Sequence[ArchivePage]) -> None:
        """See `ArchiveStore.mark_written`."""
        if pages:
            done = [{"of_output": one.output, "of_number": one.number, "of_stamp": one.stamp} for one in pages]
            with self._database.write() as connection:
                connection.execute(_UNMARK, done)

    def drop(self, output: str) -> None:
        """See `ArchiveStore.drop`."""
        with self._database.write() as connection:
            _drop(connection, output)


def _last(connection: Connection, output: str) -> tuple[int, int]:
    """Return the number of the last page of an output, and where it ends; both are 0 if there is none."""
    found = connection.execute(_LAST, {"of_output": output}).first()
    return (found[0], found[1]) if found else (0, 0)


def _drop(connection: Connection, output: str) -> None:
    for statement in _DROP:
        connection.execute(statement, {"of_output": output})


def _split_pages(connection: Connection, output: str, size: int) -> None:
    """Split stale pages with more than twice `size` entries; the later ones get other numbers.

    A page grows when a source is moved to another category, or is configured again: its entries may have been stored
    among those of the page.
    """
    more: list[int] = []
    for _, _, after, last, _ in connection.execute(_STALE_OF_OUTPUT, {"of_output": output}).all():
        asked = {"output": output, "after": after, "last": last, "limit": selections.NO_LIMIT}
        pks = sorted(selections.numbers(connection, WITHIN if output == ALL else selections.WITHIN, **asked))
        if len(pks) > 2 * size:
            more += pks[size - 1 : -1 : size]
    if more:
        bounds = connection.execute(_BOUNDS, {"of_output": output}).scalars().all()
        ends = sorted({*bounds, *more})
        connection.execute(_FORGET, {"of_output": output})
        _add_pages(connection, output, 1, ends, stale=ends.index(more[0]) + 1)


def _add_pages(connection: Connection, output: str, first: int, ends: Sequence[int], *, stale: int) -> None:
    """Add pages that end with these row numbers, the first with a number; those from another number on are stale."""
    pages = [{"output": output, "number": number, "last_pk": end} for number, end in enumerate(ends, start=first)]
    connection.execute(_ADD, pages)
    connection.execute(_MARK, [{"output": output, "number": number} for number in range(stale, first + len(ends))])


def _close_pages(connection: Connection, output: str, limit: int, size: int) -> None:
    number, after = _last(connection, output)
    since, newest = (SINCE, NEWEST) if output == ALL else (selections.SINCE, selections.NEWEST)
    waiting = selections.numbers(connection, since, output=output, after=after)
    if not waiting:
        return
    shown = set(selections.numbers(connection, newest, output=output, limit=limit))
    count = next((place for place in range(len(waiting), 0, -1) if waiting[place - 1] not in shown), 0)
    # Whole pages, as far as there are entries: a page that is closed stays as it is.
    ends = [waiting[min(start + size, len(waiting)) - 1] for start in range(0, count, size)]
    if ends:
        first = number + 1
        _add_pages(connection, output, first, ends, stale=first)


def mark(connection: Connection, found: Iterable[tuple[str, int]]) -> None:
    """Mark the pages that hold some of these entries as stale.

    Args:
        found: an output that shows an entry, and the row number of the entry.
    """
    numbers: dict[str, list[int]] = {}
    for output, pk in found:
        numbers.setdefault(output, []).append(pk)
    for output, pks in numbers.items():
        if min(pks) <= _last(connection, output)[1]:
            bounds = connection.execute(_BOUNDS, {"of_output": output}).scalars().all()
            stale = {bisect_left(bounds, pk) + 1 for pk in pks if pk <= bounds[-1]}
            connection.execute(_MARK, [{"output": output, "number": number} for number in sorted(stale)])


def mark_output(connection: Connection, output: str) -> None:
    """Mark all pages of an output as stale."""
    connection.execute(_MARK_OUTPUT, {"of_output": output})


def mark_entries(connection: Connection, pks: Collection[int]) -> None:
    """Mark the pages of entries; entries that are in no page yet cost one look at an index."""
    if pks and min(pks) <= (connection.execute(_LAST_OF_ANY).scalar() or 0):
        mark(connection, shown(connection, pks))


def shown(connection: Connection, pks: Collection[int]) -> set[tuple[str, int]]:
    """Return the outputs in which entries are, each with the row number of the entry."""
    first = _SHOWN_FIRST.rows(connection, (), pks)
    found = {pair for category, pk in first for pair in ((category, pk), (ALL, pk))}
    return found | {(output, pk) for output, pk in _SHOWN_BESIDES.rows(connection, (), pks)}


def shown_of_source(connection: Connection, source_pk: int) -> set[tuple[str, int]]:
    """Return the outputs in which the entries of a source are, each with the row number of the entry."""
    of = {"of_source": source_pk}
    found = {pair for category, pk in connection.execute(_OF_SOURCE, of) for pair in ((category, pk), (ALL, pk))}
    return found | {(output, pk) for output, pk in connection.execute(_MEMBERS_OF_SOURCE, of)}


def mark_sources(connection: Connection, pks: Collection[int]) -> None:
    """Mark the pages of all entries of some sources."""
    if pks and connection.execute(_LAST_OF_ANY).scalar():
        for pk in pks:
            mark(connection, shown_of_source(connection, pk))
