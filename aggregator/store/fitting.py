"""Values of a SQLite file as any database can hold them.

SQLite keeps every value in every column, and any bytes as a text; PostgreSQL refuses what does not fit the type of its
column. In: rows as they are stored, texts as bytes. Out: rows that fit, and a `Flaw` for each value that did not. A
value whose damage does no harm to the rest of its row is replaced, as the store would read it; a row with any other
damaged value does not fit at all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Boolean, Column, Date, Integer, Table, UniqueConstraint

from aggregator.store.columns import LenientFlag, LenientNumber, StateDay, StateTime

Row = tuple[Any, ...]
#: Characters of a key that a message shows.
_SHOWN = 60
#: Stands for a value for which there is nothing to replace it with.
_NOTHING = object()
_FORGIVING = (StateTime, StateDay, LenientNumber, LenientFlag)


@dataclass(frozen=True, slots=True)
class Flaw:
    """One value that does not fit its column, or a row that refers to one that is not there."""

    table: str
    #: The row, by its primary key.
    row: str
    problem: str
    #: Whether the row fits with another value; otherwise it cannot be copied.
    repaired: bool

    def __str__(self) -> str:
        return f"{self.table}, {self.row}: {self.problem}"


class _Misfit(Exception):
    """A value does not fit; it may have a replacement."""

    def __init__(self, problem: str, replacement: Any = _NOTHING) -> None:
        self.problem = problem
        self.replacement = replacement
        super().__init__(problem)


class Fitter:
    """Makes rows of one table fit.

    Args:
        table: the table.
        columns: those of its columns that the rows have, in this order.
    """

    def __init__(self, table: Table, columns: Sequence[Column[Any]]) -> None:
        self._table = table
        self._columns = columns
        self._converters = [_converter(column) for column in columns]

    def fit(self, row: Sequence[Any]) -> tuple[Row | None, list[Flaw]]:
        """Return the row as it fits, or None, with what was wrong."""
        try:
            fitting = [convert(value) for convert, value in zip(self._converters, row, strict=True)]
        except _Misfit:
            return self._mend(row)
        return tuple(fitting), []

    def name(self, row: Sequence[Any]) -> str:
        """Name a row by its primary key, for people."""
        parts = []
        for column, value in zip(self._columns, row, strict=True):
            if column.primary_key:
                text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
                parts.append(f"{column.name} {text[:_SHOWN]}{'…' if len(text) > _SHOWN else ''}")
        return ", ".join(parts)

    def _mend(self, row: Sequence[Any]) -> tuple[Row | None, list[Flaw]]:
        fitting, flaws, lost = [], [], False
        for column, convert, value in zip(self._columns, self._converters, row, strict=True):
            try:
                fitting.append(convert(value))
            except _Misfit as misfit:
                repaired = misfit.replacement is not _NOTHING
                lost = lost or not repaired
                fitting.append(misfit.replacement)
                problem = f"{column.name} {misfit.problem}"
                flaws.append(Flaw(self._table.name, self.name(row), problem, repaired))
        return None if lost else tuple(fitting), flaws


def _converter(column: Column[Any]) -> Callable[[Any], Any]:
    kind: Any = getattr(column.type, "impl_instance", column.type)
    if isinstance(kind, Boolean):
        return _flags(column)
    if isinstance(kind, Date):
        return _days(column)
    return _numbers(column) if isinstance(kind, Integer) else _texts(column)


def _none(column: Column[Any]) -> Any:
    """Return what stands for a missing value, or raise `_Misfit`."""
    if column.nullable:
        return None
    raise _Misfit("is NULL", _harmless(column))


def _harmless(column: Column[Any]) -> Any:
    """Return what the store reads in place of a damaged value, if that harms nothing else."""
    if not isinstance(column.type, _FORGIVING):
        return _NOTHING
    if column.nullable:
        return None
    return False if isinstance(column.type, LenientFlag) else 0


def _texts(column: Column[Any]) -> Callable[[Any], Any]:
    # Two damaged keys must not become the same.
    errors = "backslashreplace" if _identifies(column) else "replace"
    zero = "\\x00" if _identifies(column) else "\ufffd"

    def convert(value: Any) -> Any:
        if value is None:
            return _none(column)
        if not isinstance(value, bytes):
            raise _Misfit("is a number in place of a text", str(value))
        try:
            text = value.decode()
        except UnicodeDecodeError:
            raise _Misfit("is not UTF-8", value.decode("utf-8", errors).replace("\0", zero)) from None
        if "\0" in text:
            raise _Misfit("has the character U+0000", text.replace("\0", zero))
        return text

    return convert


def _identifies(column: Column[Any]) -> bool:
    unique = (one for one in column.table.constraints if isinstance(one, UniqueConstraint))
    return column.primary_key or any(column.name in one.columns for one in unique)


def _numbers(column: Column[Any]) -> Callable[[Any], Any]:
    def convert(value: Any) -> Any:
        if type(value) is int:
            return value
        if value is None:
            return _none(column)
        raise _Misfit(f"is {_shown(value)}, which is no whole number", _harmless(column))

    return convert


def _flags(column: Column[Any]) -> Callable[[Any], Any]:
    def convert(value: Any) -> Any:
        if type(value) is int:
            return value != 0
        if value is None:
            return _none(column)
        raise _Misfit(f"is {_shown(value)}, which is neither true nor false", _harmless(column))

    return convert


def _days(column: Column[Any]) -> Callable[[Any], Any]:
    def convert(value: Any) -> Any:
        if value is None:
            return _none(column)
        try:
            return date.fromisoformat(value.decode())
        except (AttributeError, ValueError):
            raise _Misfit(f"is {_shown(value)}, which is no day", _harmless(column)) from None

    return convert


def _shown(value: Any) -> str:
    text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
    return f"`{text[:_SHOWN]}{'…' if len(text) > _SHOWN else ''}`"
