"""What SQLite and PostgreSQL do not write alike, each in one place: elements that are compiled for either.

SQLite's text is the default, so that PostgreSQL's part costs nothing where there is no PostgreSQL.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Insert, LargeBinary, Table, Text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import CreateColumn, CreateIndex
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

# -- tables ------------------------------------------------------------------------------------------------------------


@compiles(CreateIndex, "postgresql")
def _create_index(create: CreateIndex, compiler: Any, **options: Any) -> str:
    """Write what an index of SQLite has without saying so, and its condition."""
    index = create.element
    written: str = compiler.visit_create_index(create, **options)
    if index.table is not None and index.table.name == "entries":
        # In SQLite, the row number is the last column of every index.
        written = f"{written.removesuffix(')')}, pk)"
    condition = index.dialect_options["sqlite"]["where"]
    if condition is not None:
        where = compiler.sql_compiler.process(condition, include_table=False, literal_binds=True)
        written = f"{written} WHERE {where}"
    return written


@compiles(CreateColumn, "postgresql")
def _create_column(create: CreateColumn, compiler: Any, **options: Any) -> str | None:
    """Write a column that SQLite has by itself, too."""
    column = create.element
    written: str | None
    if column.system:
        written = compiler.get_column_specification(column)
    else:
        written = compiler.visit_create_column(create, **options)
    return written


# -- writing -----------------------------------------------------------------------------------------------------------


class _Upsert(Insert):
    """An INSERT that copes with rows that are there.

    It returns nothing: PostgreSQL would otherwise be asked for what it made itself.
    """

    inherit_cache = True

    def __init__(self, table: Table) -> None:
        super().__init__(table)
        self._inline = True


class Replacing(_Upsert):
    """An INSERT whose rows replace those with the same primary key; columns without a value become NULL."""

    inherit_cache = True


class Ignoring(_Upsert):
    """An INSERT that leaves rows alone that are there."""

    inherit_cache = True


class AddingUp(_Upsert):
    """An INSERT of counts, which are added to those of the row with the same primary key."""

    inherit_cache = True


def replacing(table: Table) -> Insert:
    """Return a `Replacing`."""
    return Replacing(table).prefix_with("OR REPLACE", dialect="sqlite")


def ignoring(table: Table) -> Insert:
    """Return an `Ignoring`."""
    return Ignoring(table).prefix_with("OR IGNORE", dialect="sqlite")


@compiles(Replacing, "postgresql")
def _replacing(insert: Replacing, compiler: Any, **options: Any) -> str:
    return _on_conflict(insert, compiler, "{0} = excluded.{0}", **options)


@compiles(Ignoring, "postgresql")
def _ignoring(insert: Ignoring, compiler: Any, **options: Any) -> str:
    return f"{compiler.visit_insert(insert, **options)} ON CONFLICT DO NOTHING"


@compiles(AddingUp)
def _adding_up(insert: AddingUp, compiler: Any, **options: Any) -> str:
    return _on_conflict(insert, compiler, f"{{0}} = {insert.table.name}.{{0}} + excluded.{{0}}", **options)


def _on_conflict(insert: Insert, compiler: Any, change: str, **options: Any) -> str:
    table = insert.table
    assert isinstance(table, Table)
    quoted = compiler.preparer.format_column
    key = ", ".join(quoted(column) for column in table.primary_key)
    rest = [change.format(quoted(column)) for column in table.columns if not column.primary_key]
    return f"{compiler.visit_insert(insert, **options)} ON CONFLICT ({key}) DO UPDATE SET {', '.join(rest)}"


# -- reading -----------------------------------------------------------------------------------------------------------


class as_stored(FunctionElement[bytes]):
    """A text as it is stored: in SQLite bytes, because it may be no UTF-8; in PostgreSQL it cannot be anything else."""

    inherit_cache = True
    name = "as_stored"
    type = LargeBinary()


@compiles(as_stored)
def _as_stored(element: as_stored, compiler: SQLCompiler, **options: Any) -> str:
    return f"CAST({compiler.process(element.clauses, **options)} AS BLOB)"


@compiles(as_stored, "postgresql")
def _as_it_is(element: FunctionElement[Any], compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(element.clauses, **options)


def decoded(stored: Any) -> Any:
    """Return a text that was read by `as_stored`, of a damaged one what is left of it; any other value as it is."""
    return stored.decode("utf-8", "replace") if isinstance(stored, bytes) else stored


class whole_number(FunctionElement[int]):
    """A value if it is a whole number, else NULL; in PostgreSQL it cannot be anything else."""

    inherit_cache = True
    name = "whole_number"
    type = BigInteger()


@compiles(whole_number)
def _whole_number(element: whole_number, compiler: SQLCompiler, **options: Any) -> str:
    value = compiler.process(element.clauses, **options)
    return f"CASE WHEN (typeof({value}) = 'integer') THEN {value} END"


compiles(whole_number, "postgresql")(_as_it_is)


class not_by_index(FunctionElement[Any]):
    """A column by which SQLite does not look for rows, so that it takes the index of another one."""

    inherit_cache = True
    name = "not_by_index"


@compiles(not_by_index)
def _not_by_index(element: not_by_index, compiler: SQLCompiler, **options: Any) -> str:
    return f"+{compiler.process(element.clauses, **options)}"


compiles(not_by_index, "postgresql")(_as_it_is)


class address_in(FunctionElement[str]):
    """The member `url` of the JSON object in a column, or NULL."""

    inherit_cache = True
    name = "address_in"
    type = Text()


@compiles(address_in)
def _address_in(element: address_in, compiler: SQLCompiler, **options: Any) -> str:
    value = compiler.process(element.clauses, **options)
    return f"CASE WHEN (json_valid({value}) = 1) THEN json_extract({value}, '$.url') END"


@compiles(address_in, "postgresql")
def _address_in_postgresql(element: address_in, compiler: SQLCompiler, **options: Any) -> str:
    value = compiler.process(element.clauses, **options)
    return f"CASE WHEN {value} LIKE '{{%%\"url\":%%' THEN CAST({value} AS json) ->> 'url' END"
