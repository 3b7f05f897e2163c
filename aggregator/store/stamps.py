"""Stamps: numbers that grow with each change, in databases that several processes share.

A publication reads, writes files, and then records that they are up to date. Meanwhile other processes may store
entries. So that nothing of that is lost, each change of what has to be published has a stamp, and a publication has a
horizon: it takes part only in what was changed up to there, and records nothing of what was changed later.

Stamps come from a sequence of the database. Writers take turns, so the order of the stamps is that of the commits. A
database that one process has alone (SQLite) needs none: there, all stamps are 0, and no publication has a horizon.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Boolean, ColumnElement, Connection, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from aggregator.store.schema import STAMPS


class next_stamp(ColumnElement[int]):
    """The stamp of a row that is written."""

    inherit_cache = True
    type = BigInteger()


class if_alone(FunctionElement[bool]):
    """A condition that counts only in a database that one process has alone.

    It spares rows that have the wanted value already. Where stamps are kept, these get a new one.
    """

    inherit_cache = True
    type = Boolean()


class if_shared(FunctionElement[bool]):
    """A condition that counts only in a database that several processes share."""

    inherit_cache = True
    type = Boolean()


@compiles(next_stamp)
def _no_stamp(element: next_stamp, compiler: Any, **options: Any) -> str:
    return "0"


@compiles(next_stamp, "postgresql")
def _stamp(element: next_stamp, compiler: Any, **options: Any) -> str:
    return f"nextval('{STAMPS.name}')"


@compiles(if_alone)
@compiles(if_shared, "postgresql")
def _counts(element: FunctionElement[bool], compiler: Any, **options: Any) -> str:
    return str(compiler.process(element.clauses, **options))


@compiles(if_shared)
def _holds_alone(element: if_shared, compiler: Any, **options: Any) -> str:
    return "1"


@compiles(if_alone, "postgresql")
def _holds_shared(element: if_alone, compiler: Any, **options: Any) -> str:
    return "true"


_NEXT = select(next_stamp())


def horizon(connection: Connection) -> int:
    """Return a stamp that comes after those of all changes so far, within a transaction that writes."""
    return connection.execute(_NEXT).scalar_one()
