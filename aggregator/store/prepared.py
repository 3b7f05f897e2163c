"""A statement that runs often, prepared once: written in SQLAlchemy's Core, given straight to the driver.

What goes in and comes out is what SQLAlchemy would take and give, value for value: the types of the columns and
parameters turn them. But its way from a statement to the driver and back costs more than SQLite needs for most of
these statements, once per call and once more per row: 1.1 ms of CPU for each source of the benchmark `cold`, which is
4 % of all that its cycle costs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from sqlalchemy import BindParameter, Connection, Delete, Dialect, Insert, Select, Update, bindparam

#: Lengths of a list that a statement is prepared for: most feeds have 10 to 20 entries. SQLite bounds the number of
#: parameters; a longer list is taken in parts.
LENGTHS = (1, 10, 20, 50, 100, 200, 500)

#: What turns a value, and the place of that value in a row.
_Turn = tuple[int, Callable[[Any], Any]]
_Row = Sequence[Any]


@dataclass(frozen=True, slots=True)
class _Text:
    """A statement as the driver takes it."""

    sql: str
    #: From the values of the caller to those of the driver: turned at these places, then put in its order.
    into: tuple[_Turn, ...]
    ordered: Callable[[_Row], _Row] | None
    #: Turned at these places of a row that comes out.
    out_of: tuple[_Turn, ...]


class Prepared:
    """A statement with the names of its parameters, in the order in which callers give their values.

    Every parameter has to be named: of an INSERT and an UPDATE also the columns that are written, and constants have
    to be part of the text (`literal_column`). It is compiled at first use, for the dialect of that connection; a
    program has one kind of database.
    """

    def __init__(self, statement: Select[Any] | Insert | Update | Delete, *names: str) -> None:
        self.statement = statement
        self._names = names
        self._text: _Text | None = None

    def rows(self, connection: Connection, *values: Any) -> Sequence[_Row]:
        """Run a SELECT and return its rows."""
        text = self._text or self._compile(connection.dialect)
        with closing(connection.connection.cursor()) as cursor:
            cursor.execute(text.sql, _given(text, values))
            found = cursor.fetchall()
        return [_turned(row, text.out_of) for row in found] if text.out_of else found

    def run(self, connection: Connection, *values: Any) -> None:
        """Run a statement that gives no rows."""
        self.run_many(connection, (values,))

    def run_many(self, connection: Connection, many: Iterable[_Row]) -> None:
        """Run a statement that gives no rows once for each row of values."""
        text = self._text or self._compile(connection.dialect)
        with closing(connection.connection.cursor()) as cursor:
            cursor.executemany(text.sql, [_given(text, values) for values in many])

    def _compile(self, dialect: Dialect) -> _Text:
        compiled = self.statement.compile(dialect=dialect, column_keys=list(self._names))
        places = {name: place for place, name in enumerate(self._names)}
        order = [places[name] for name in compiled.positiontup or ()]
        columns = self.statement.selected_columns if isinstance(self.statement, Select) else ()
        self._text = _Text(
            str(compiled),
            _turns(compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect) for name in self._names),
            # With one value it would give that and no row; one is in order anyway.
            itemgetter(*order) if order != list(range(len(order))) else None,
            _turns(column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns),
        )
        return self._text


class PreparedByLength:
    """A SELECT with one list of values, which it names in an `IN (...)`.

    It is prepared for a few lengths, and a list is filled up to the next of them with what it has already: every
    number of values would be another statement, for SQLAlchemy to compile and for SQLite to plan.

    Args:
        make: the statement for a list of parameters.
        names: of the parameters that come before the list.
    """

    def __init__(self, make: Callable[[list[BindParameter[Any]]], Select[Any]], *names: str) -> None:
        self._make = make
        self._names = names
        self._prepared: dict[int, Prepared] = {}

    def rows(self, connection: Connection, values: _Row, listed: Collection[Any]) -> Iterator[_Row]:
        """Yield the rows for these values and this list, which may be of any length."""
        distinct = list(dict.fromkeys(listed))
        for start in range(0, len(distinct), LENGTHS[-1]):
            chunk = distinct[start : start + LENGTHS[-1]]
            length = next(length for length in LENGTHS if length >= len(chunk))
            chunk.extend(chunk[-1:] * (length - len(chunk)))
            yield from self.of_length(length).rows(connection, *values, *chunk)

    def of_length(self, length: int) -> Prepared:
        """Return the statement for a list of this length."""
        prepared = self._prepared.get(length)
        if prepared is None:
            names = [f"listed_{number}" for number in range(length)]
            prepared = Prepared(self._make([bindparam(name) for name in names]), *self._names, *names)
            self._prepared[length] = prepared
        return prepared


def _turns(processors: Iterable[Callable[[Any], Any] | None]) -> tuple[_Turn, ...]:
    return tuple((place, turn) for place, turn in enumerate(processors) if turn is not None)


def _given(text: _Text, values: _Row) -> _Row:
    if text.into:
        values = _turned(values, text.into)
    return text.ordered(values) if text.ordered else values


def _turned(row: _Row, turns: tuple[_Turn, ...]) -> list[Any]:
    turned = list(row)
    for place, turn in turns:
        turned[place] = turn(turned[place])
    return turned
