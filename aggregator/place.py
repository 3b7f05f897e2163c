"""Where the database is: a SQLite file in the data folder, or a PostgreSQL database.

In: the environment and feeds.yaml. Out: a `Path` for SQLite, or a `str` for PostgreSQL: a connection string as libpq
reads it, a URI or ``keyword=value`` (https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING).
Such a string may hold a password, so messages have `shown(place)` in its place. This module imports little; psycopg is
imported where a connection string is read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import starmap
from pathlib import Path
from types import MappingProxyType

from aggregator.errors import ConfigError, Problem

DATABASE = "aggregator.db"
"""Name of the SQLite file in the data folder."""

VARIABLE = "AGGREGATOR_DATABASE"
"""Environment variable with a connection string; it comes before `database` of feeds.yaml."""

EXTRA = "needs psycopg; install this program with the extra `postgres`: pip install 'feed-republisher[postgres]'"

MAX_LENGTH = 4096
"""Characters in a connection string at most."""

#: Without a user name, which would be hidden from messages like a token.
_EXAMPLE = "`postgresql://host/name`"
_SCHEMES = ("postgresql", "postgres")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,30}):(?=//|/|$)")
#: The first keyword of a connection string that is no URI.
_KEYWORD = re.compile(
    r"(?:service|host|hostaddr|port|dbname|user|password|passfile|sslmode|options|application_name|connect_timeout)\s*="
)
#: Names of parameters in messages of libpq; anything else in quotes may be a part of a password.
_PARAMETER = re.compile(r'(invalid (?:URI query parameter|connection option)):? "([a-z_]{1,30})"')
_ESCAPES = "in a user name or a password, write `%40` for `@`, `%3A` for `:`, `%2F` for `/` and `%25` for `%`"


def place_of(data: Path, configured: str | None, environ: Mapping[str, str] = MappingProxyType({})) -> Path | str:
    """Return where the database is.

    Args:
        data: the data folder.
        configured: `Config.database`, or what else names a database; None: nothing does.
        environ: where `VARIABLE` is looked up first; a `Config` has it already.

    Raises:
        ConfigError: the variable is no connection string.
    """
    return from_environment(environ) or configured or data / DATABASE


def from_environment(environ: Mapping[str, str]) -> str | None:
    """Return the connection string of the environment; None: there is none.

    Raises:
        ConfigError: it is wrong.
    """
    given = environ.get(VARIABLE, "")
    return given_as(VARIABLE, given) if given.strip() else None


def given_as(name: str, text: str) -> str:
    """Return a connection string that was given under a name.

    Raises:
        ConfigError: it is wrong; the message begins with the name.
    """
    try:
        return connection_string(text)
    except ValueError as error:
        raise ConfigError([Problem(str(error), name)]) from None


def is_server(text: str) -> bool:
    """Whether a text is meant as a connection string, not as the path of a file."""
    return bool(_SCHEME.match(text.strip()) or _KEYWORD.match(text.strip()))


def connection_string(value: object) -> str:
    """Check a connection string, without connecting.

    Raises:
        ValueError: it is none, or psycopg is not installed; the message holds nothing of a password.
    """
    if not isinstance(value, str):
        raise ValueError(f"must be a PostgreSQL URI such as {_EXAMPLE}, best as a reference: `${{env:NAME}}`")
    text = value.strip()
    if not text:
        raise ValueError(f"is empty; write a PostgreSQL URI such as {_EXAMPLE}, or remove it: SQLite is the default")
    if len(text) > MAX_LENGTH:
        raise ValueError(f"is longer than {MAX_LENGTH} characters")
    if not text.isprintable():
        raise ValueError("must be one line without control characters")
    _check_scheme(text)
    given = _parsed(text)
    if any("@" in host[1:] for host in given.get("host", "").split(",")):
        raise ValueError(f"has more than one `@` before its host; {_ESCAPES}")
    for port in filter(None, given.get("port", "").split(",")):
        if not (port.isascii() and port.isdecimal() and 0 < int(port) < 65536):
            raise ValueError(f"has a port that is no number from 1 to 65535; {_ESCAPES}")
    return text


def _check_scheme(text: str) -> None:
    found = _SCHEME.match(text)
    if found is None:
        if not _KEYWORD.match(text):
            raise ValueError(f"is no PostgreSQL URI; write it like {_EXAMPLE}")
        return
    scheme = found[1]
    if scheme in _SCHEMES and text.startswith(f"{scheme}://"):
        return
    name = scheme.lower().partition("+")[0]
    if name in _SCHEMES:
        raise ValueError("must begin with `postgresql://`")
    if name in ("sqlite", "sqlite3", "file"):
        raise ValueError(f"is for PostgreSQL only; SQLite needs no setting: its file is {DATABASE} in the data folder")
    raise ValueError(f"`{scheme}:` is not supported; use PostgreSQL, such as {_EXAMPLE}, or SQLite, without a setting")


def _parsed(text: str) -> dict[str, str]:
    """Return the parameters of a connection string.

    Raises:
        ValueError: libpq does not understand it, or psycopg is not installed.
    """
    try:
        from psycopg import ProgrammingError
        from psycopg.conninfo import conninfo_to_dict
    except ImportError:
        raise ValueError(EXTRA) from None
    try:
        return {name: str(value) for name, value in conninfo_to_dict(text).items() if value is not None}
    except ProgrammingError as error:
        if named := _PARAMETER.search(str(error)):
            raise ValueError(f"is not understood: {named[1]} `{named[2]}`") from None
        # The rest of the message may hold a part of a password.
        said = re.split('[:"]', str(error))[0].strip()
        raise ValueError(f"is not understood: {said}; {_ESCAPES}") from None


def shown(place: Path | str) -> str:
    """Return where the database is, for people: without user name and password."""
    if isinstance(place, Path):
        return str(place)
    try:
        given = _parsed(place)
    except ValueError:
        return "the PostgreSQL database"
    hosts = given.get("host", given.get("hostaddr", "")).split(",")
    ports = given.get("port", "").split(",")
    server = ",".join(starmap(_server, zip(hosts, ports * len(hosts) if len(ports) == 1 else ports, strict=False)))
    query = {name: given[name] for name in ("service",) if name in given}
    if hosts[0].startswith(("/", "@")):
        query |= {name: given[name] for name in ("host", "port") if name in given}
        server = ""
    told = "&".join(f"{name}={value}" for name, value in query.items())
    return f"postgresql://{server}/{given.get('dbname', '')}{'?' if told else ''}{told}"


def _server(host: str, port: str) -> str:
    host = f"[{host}]" if ":" in host else host
    return f"{host}:{port}" if port else host


def passwords(place: Path | str | None) -> frozenset[str]:
    """Return what no message may show of a connection string.

    A password that is also the name of the user or the database hides nothing: these are shown anyway.
    """
    if place is None or isinstance(place, Path):
        return frozenset()
    try:
        given = _parsed(place)
    except ValueError:
        return frozenset()
    known = {given.get(name) for name in ("user", "dbname", "host", "service")}
    return frozenset(given[name] for name in ("password", "sslpassword") if given.get(name)) - known
