"""Statements that run often, written in SQLAlchemy Core, compiled once and executed by the driver.

Values go in and come out as SQLAlchemy would take and give them: the types of columns and parameters convert them. But
for most of these statements, SQLAlchemy's way to the driver and back takes longer than SQLite, once per call and again
per row. In the benchmark `cold` this module saves 4 % of the CPU time of a cycle.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from sqlalchemy import BindParameter, Connection, Delete, Dialect, Insert, Select, Update, bindparam

#: The list lengths that a statement is prepared for: most feeds have 10 to 20 entries. SQLite limits the number of
#: parameters, so a longer list is taken in parts.
LENGTHS = (1, 10, 20, 50, 100, 200, 500)

#: The place of a value in a row, and what converts it.
_Conversion = tuple[int, Callable[[Any], Any]]
_Row = Sequence[Any]

#: What `PreparedByLength` makes statements for: the parameters of a list, or one for all of it.
Listed = list[BindParameter[Any]] | BindParameter[Any]


@dataclass(frozen=True, slots=True)
class _Text:
    """A compiled statement, as the driver takes it."""

    sql: str
    #: How the values of the caller become those of the driver: converted at these places, then put in its order.
    into: tuple[_Conversion, ...]
    ordered: Callable[[_Row], _Row] | None
    #: Conversions of a row of the result.
    out_of: tuple[_Conversion, ...]


class Prepared:
    """A statement with the names of its parameters, in the order in which callers give their values.

    Every parameter must be named, including the columns that an INSERT or UPDATE writes; constants must be part of the
    text (`literal_column`). The statement is compiled at the first use of each kind of database.
    """

    def __init__(self, statement: Select[Any] | Insert | Update | Delete, *names: str) -> None:
        self.statement = statement
        self.names = names
        self._texts: dict[str, _Text] = {}

    def rows(self, connection: Connection, *values: Any) -> Sequence[_Row]:
        """Run a SELECT and return its rows."""
        text = self._texts.get(connection.dialect.name) or self._compile(connection.dialect)
        with closing(connection.connection.cursor()) as cursor:
            cursor.execute(text.sql, _driver_values(text, values))
            found = cursor.fetchall()
        return [_converted(row, text.out_of) for row in found] if text.out_of else found

    def run(self, connection: Connection, *values: Any) -> None:
        """Run a statement that gives no rows."""
        self.run_many(connection, (values,))

    def run_many(self, connection: Connection, many: Iterable[_Row]) -> None:
        """Run a statement that gives no rows once for each row of values."""
        text = self._texts.get(connection.dialect.name) or self._compile(connection.dialect)
        given = [_driver_values(text, values) for values in many]
        if given:
            with closing(connection.connection.cursor()) as cursor:
                if len(given) > 1:
                    cursor.executemany(text.sql, given)
                else:
                    # For psycopg a pipeline of one statement is twice the work.
                    cursor.execute(text.sql, given[0])

    def _compile(self, dialect: Dialect) -> _Text:
        compiled = self.statement.compile(dialect=dialect, column_keys=list(self.names))
        binds = compiled.binds
        places = {name: place for place, name in enumerate(self.names)}
        order = [places[name] for name in compiled.positiontup or ()]
        columns = self.statement.selected_columns if isinstance(self.statement, Select) else ()
        made = self._texts[dialect.name] = _Text(
            str(compiled),
            _conversions(binds[name].type.dialect_impl(dialect).bind_processor(dialect) for name in self.names),
            # With one name, itemgetter would return a value and no row; one value is always in order.
            itemgetter(*order) if order != list(range(len(order))) else None,
            _conversions(column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns),
        )
        return made


class PreparedByLength:
    """A SELECT with one list of values in an `IN (...)`.

    In SQLite it is prepared for a few lengths, and a list is padded to the next length with its last value: otherwise
    each number of values would be another statement, for SQLAlchemy to compile and for SQLite to plan. PostgreSQL takes
    a list as one value.

    Args:
        make: returns the statement for the parameters of a list.
        names: the names of the parameters before the list.
    """

    def __init__(self, make: Callable[[Listed], Select[Any]], *names: str) -> None:
        self._make = make
        self._names = names
        self._prepared: dict[int, Prepared] = {}
        self._array: Prepared | None = None

    def rows(self, connection: Connection, values: _Row, listed: Collection[Any]) -> Iterator[_Row]:
        """Yield the rows for these values and this list, which may be of any length."""
        distinct = list(dict.fromkeys(listed))
        if connection.dialect.name == "postgresql":
            if distinct:
                yield from self._of_array().rows(connection, *values, distinct)
            return
        for start in range(0, len(distinct), LENGTHS[-1]):
            chunk = distinct[start : start + LENGTHS[-1]]
            length = next(length for length in LENGTHS if length >= len(chunk))
            chunk.extend(chunk[-1:] * (length - len(chunk)))
            yield from self.of_length(length).rows(connection, *values, *chunk)

    def _of_array(self) -> Prepared:
        """Return the statement for PostgreSQL, which takes a list as one value."""
        if self._array is None:
            self._array = Prepared(self._make(bindparam("listed", expanding=True)), *self._names, "listed")
        return self._array

    def of_length(self, length: int) -> Prepared:
        """Return the statement for a list of this length."""
        prepared = self._prepared.get(length)
        if prepared is None:
            names = [f"listed_{number}" for number in range(length)]
            prepared = Prepared(self._make([bindparam(name) for name in names]), *self._names, *names)
            self._prepared[length] = prepared
        return prepared


def _conversions(processors: Iterable[Callable[[Any], Any] | None]) -> tuple[_Conversion, ...]:
    return tuple((place, convert) for place, convert in enumerate(processors) if convert is not None)


def _driver_values(text: _Text, values: _Row) -> _Row:
    if text.into:
        values = _converted(values, text.into)
    return text.ordered(values) if text.ordered else values


def _converted(row: _Row, conversions: tuple[_Conversion, ...]) -> list[Any]:
    converted = list(row)
    for place, convert in conversions:
        converted[place] = convert(converted[place])
    return converted
