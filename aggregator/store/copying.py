"""All rows of one database copied into another one: SQLite files and PostgreSQL databases, in any direction.

In: two places. Out: how many rows were copied, and what was wrong with some. Rows are streamed, so that the size of the
database does not matter, from one consistent state of the source; others may use it meanwhile. The target gets all of
them or none: PostgreSQL in one transaction, a file as a whole when it is complete. At the end, the rows are read again
from the target, and their number and a hash over them are compared for each table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

from sqlalchemy import Table

from aggregator.errors import StoreError
from aggregator.place import shown
from aggregator.store.fitting import Fitter, Flaw, Row
from aggregator.store.schema import metadata
from aggregator.store.sides import FileSource, FileTarget, Source, Target, copied_columns

#: Flaws that are kept to be shown; all are counted.
MAX_FLAWS = 100
#: Rows between two reports of progress.
_STEP = 1000


class NotCopied(StoreError):
    """Nothing was copied, because source or target are not what they must be; nothing is wrong with a database."""


@dataclass(slots=True)
class Copied:
    """What was copied."""

    rows: int = 0
    tables: int = 0
    #: The first flaws, and how many there were of either kind.
    flaws: list[Flaw] = field(default_factory=list)
    repaired: int = 0
    left_out: int = 0

    def note(self, flaw: Flaw) -> None:
        """Count a flaw of a value."""
        if len(self.flaws) < MAX_FLAWS:
            self.flaws.append(flaw)
        self.repaired += flaw.repaired


@dataclass(slots=True)
class _Sum:
    """The number of rows, and a hash over all of them that does not depend on their order."""

    rows: int = 0
    hashes: int = 0

    def add(self, row: Row) -> None:
        digest = blake2b(repr(row).encode("utf-8", "surrogatepass"), digest_size=16).digest()
        self.rows += 1
        self.hashes = (self.hashes + int.from_bytes(digest)) & (1 << 128) - 1


def copy_database(
    source: Path | str,
    target: Path | str,
    *,
    skip_damaged: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Copied:
    """Copy a database.

    Args:
        source: where it is; it needs the tables of this version.
        target: where it goes; nothing may be stored there.
        skip_damaged: leave out rows that do not fit, and those that refer to them, and copy the others.
        progress: takes the number of rows that were read and of all to read: each one is read twice.

    Raises:
        NotCopied: source and target are the same, something is stored in the target, or rows do not fit.
        StoreError: a database cannot be read or written, or what was written differs.
    """
    if isinstance(source, Path) and not source.is_file():
        raise NotCopied(f"{source} does not exist; there is nothing to copy")
    if isinstance(target, Path) and (target.is_dir() or not target.parent.is_dir()):
        folder = target if target.is_dir() else target.parent
        raise NotCopied(
            f"{folder} is {'a folder; name a file in it' if target.is_dir() else 'no folder; make it first'}"
        )
    with ExitStack() as stack:
        origin = stack.enter_context(_open_source(source))
        destination = stack.enter_context(_open_target(target))
        if origin.identity is not None and origin.identity == destination.identity:
            raise NotCopied(f"{shown(source)} and {shown(target)} are the same database")
        if filled := destination.filled():
            raise NotCopied(f"{shown(target)} is not empty: there are rows in {filled}; name a new database")
        work = _Work(origin, destination, Copied(), progress)
        sums = {table.name: work.copy(table) for table in metadata.sorted_tables}
        if work.copied.left_out and not skip_damaged:
            raise NotCopied(_refusal(work.copied, source))
        for table in metadata.sorted_tables:
            if (found := work.read_back(table)) != sums[table.name]:
                raise StoreError(
                    f"{shown(target)}: the table {table.name} is not what was written, {found.rows} rows in place of "
                    f"{sums[table.name].rows}; nothing was copied"
                )
        destination.finish()
        work.copied.tables = len(sums)
    return work.copied


def _open_source(place: Path | str) -> AbstractContextManager[Source]:
    """Open a database to read all of it."""
    if isinstance(place, Path):
        return FileSource.open(place)
    from aggregator.store.serversides import ServerSource

    return ServerSource.open(place)


def _open_target(place: Path | str) -> AbstractContextManager[Target]:
    """Open a database to fill it; what was written stays only if the context ends without an exception."""
    if isinstance(place, Path):
        return FileTarget.open(place)
    from aggregator.store.serversides import ServerTarget

    return ServerTarget.open(place)


def _refusal(copied: Copied, source: Path | str) -> str:
    lost = [flaw for flaw in copied.flaws if not flaw.repaired]
    more = f"; and {copied.left_out - len(lost)} more" if copied.left_out > len(lost) else ""
    return (
        f"{shown(source)}: {copied.left_out} rows are damaged, so nothing was copied; --skip-damaged leaves them out: "
        f"{'; '.join(map(str, lost))}{more}"
    )


class _Work:
    """The tables of a copy, one after the other."""

    def __init__(
        self, origin: Source, destination: Target, copied: Copied, progress: Callable[[int, int], None]
    ) -> None:
        self.copied = copied
        self._origin = origin
        self._destination = destination
        self._progress = progress
        self._total = 2 * sum(map(origin.count, metadata.sorted_tables))
        self._done = 0
        #: Primary keys of rows that were left out, by table, for those that refer to them.
        self._lost: dict[str, set[object]] = {}

    def copy(self, table: Table) -> _Sum:
        """Copy a table, and return what was written."""
        total = _Sum()

        def written() -> Iterator[Row]:
            for row in self._fitting(table):
                total.add(row)
                yield row

        self._destination.write(table, written())
        self.copied.rows += total.rows
        return total

    def read_back(self, table: Table) -> _Sum:
        """Return what is in the target."""
        total = _Sum()
        fitter = None if self._destination.fits else Fitter(table, copied_columns(table))
        for row in self._counted(self._destination.rows(table)):
            fitting = row if fitter is None else fitter.fit(row)[0]
            if fitting is not None:
                total.add(fitting)
        return total

    def _fitting(self, table: Table) -> Iterator[Row]:
        """Yield the rows of a table that can be copied."""
        rows = self._counted(self._origin.rows(table))
        if self._origin.fits:
            yield from rows
            return
        columns = copied_columns(table)
        fitter = Fitter(table, columns)
        keys = [index for index, column in enumerate(columns) if column.primary_key]
        orphans = self._origin.orphans(table)
        parents = [
            (index, key.column.table.name)
            for index, column in enumerate(columns)
            for key in column.foreign_keys
            if key.column.table.name in self._lost
        ]
        for row in rows:
            fitting, flaws = fitter.fit(row)
            for flaw in flaws:
                self.copied.note(flaw)
            if fitting is not None and not flaws and not orphans and not parents:
                yield fitting
                continue
            key = tuple(row[index] for index in keys)
            without = key in orphans or any(row[index] in self._lost[parent] for index, parent in parents)
            if fitting is not None and without:
                flaw = Flaw(table.name, fitter.name(row), "belongs to a row that is not there", repaired=False)
                self.copied.note(flaw)
                fitting = None
            if fitting is not None:
                yield fitting
                continue
            self.copied.left_out += 1
            self._lost.setdefault(table.name, set()).add(key[0] if len(key) == 1 else key)

    def _counted(self, rows: Iterable[Row]) -> Iterator[Row]:
        for row in rows:
            yield row
            self._done += 1
            if self._done % _STEP == 0:
                self._progress(self._done, self._total)
