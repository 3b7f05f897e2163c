"""What a process of the program makes once is made once per process of the tests too, not once for each call.

The program makes its commands and opens its database once. A test may call many commands and open many databases: to
make the commands, to compile the statements and to write the definitions of the tables again took most of its time.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import sqlalchemy
import typer.main
import typer.testing
from sqlalchemy import Connection, Dialect, Engine, MetaData


def share() -> None:
    """Share commands and statements from now on; before the program is imported."""
    typer.testing._get_command = cache(typer.main.get_command)  # type: ignore[attr-defined]
    sqlalchemy.create_engine = _sharing_statements(sqlalchemy.create_engine)
    MetaData.create_all = _create_all  # type: ignore[method-assign, assignment]


def _sharing_statements(create: Any) -> Any:
    """Return what makes engines that compile each statement once for all databases of SQLite."""
    first: list[Engine] = []

    def create_engine(*args: Any, **options: Any) -> Engine:
        engine: Engine = create(*args, **options)
        if engine.dialect.name != "sqlite":
            return engine
        first[:] = first or [engine]
        [model] = first
        # The statements are kept by dialect; what a dialect learns of a server with its first connection, it knows.
        engine.dialect, engine._compiled_cache = model.dialect, model._compiled_cache
        return engine

    return create_engine


_create_tables = MetaData.create_all


def _create_all(self: MetaData, bind: Connection, **options: Any) -> None:
    """Create all tables, as `MetaData.create_all` does in an empty database."""
    if bind.dialect.name != "sqlite":
        _create_tables(self, bind, **options)
        return
    for statement in _definitions(self, bind.dialect):
        bind.exec_driver_sql(statement)


@cache
def _definitions(metadata: MetaData, dialect: Dialect) -> Sequence[str]:
    made: list[str] = []
    _create_tables(
        metadata,
        sqlalchemy.create_mock_engine(
            f"{dialect.name}://", lambda statement, *_, **__: made.append(str(statement.compile(dialect=dialect)))
        ),
        checkfirst=False,
    )
    return made
