"""The options that commands share, and what they open: the configuration, the lock, the store."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aggregator import importing
from aggregator.cli.console import complain, hide_secrets
from aggregator.cli.process import tracebacks
from aggregator.errors import AggregatorError, ConfigError, LockedError, NotThere, Problem
from aggregator.log import LogFormat, Verbosity
from aggregator.place import DATABASE, VARIABLE, passwords, place_of, shown

if TYPE_CHECKING:
    from aggregator.config import Config
    from aggregator.store import Store, StoredRuling

ConfigOption = Annotated[
    Path,
    typer.Option("--config", "-c", envvar="AGGREGATOR_CONFIG", help="The configuration file.", show_default=True),
]
DataOption = Annotated[
    Path,
    typer.Option("--data", "-d", envvar="AGGREGATOR_DATA", help="The folder for everything that is written."),
]
WaitOption = Annotated[
    bool, typer.Option("--wait", help="If another process uses the data folder, wait until it is free.")
]
LogFormatOption = Annotated[
    LogFormat, typer.Option("--log-format", help="Log plain lines for people, or JSON lines for programs.")
]
QuietOption = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="Print only what got worse or better since the last quiet run, for cron."),
]
VerboseOption = Annotated[
    bool,
    typer.Option("--verbose", "-v", help="Also print each request, all notes, and the traceback of an internal error."),
]

#: Makes sure that what a command holds is still held; it raises LockedError if it is not.
Renew = Callable[[], None]

DEFAULT_CONFIG = Path("feeds.yaml")
DEFAULT_DATA = Path("data")


def utc_now() -> datetime:
    """Return the current time, aware, in UTC, in whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


def duration(option: str, text: str) -> timedelta:
    """Return the value of an option that takes a duration such as ``90s`` or ``1h``; a wrong one is a usage error."""
    from aggregator.config.intervals import parse_duration

    try:
        return parse_duration(text)
    except ValueError as error:
        complain(f"error: {option}: {error}")
        raise typer.Exit(2) from None


def chosen_verbosity(*, quiet: bool, verbose: bool) -> Verbosity:
    """Return how much is printed; both options at once are a usage error."""
    if quiet and verbose:
        complain("error: --quiet and --verbose exclude each other")
        raise typer.Exit(2)
    if verbose:
        tracebacks.wanted = True
    return Verbosity.quiet if quiet else Verbosity.verbose if verbose else Verbosity.normal


def load_config(path: Path) -> Config:
    """Read feeds.yaml; ConfigError lists everything that is wrong with it."""
    with importing():
        from aggregator.config import load

    config = load(path, os.environ)
    hide_secrets(config.secrets)
    return config


def load_to_add(path: Path) -> tuple[str, str, Config]:
    """Read feeds.yaml to add sources to it; one without `sources` is fine, too.

    Returns:
        The text of the file; the same with `sources`; and the configuration.

    Raises:
        ConfigError: it is not there, or something else is wrong with it.
    """
    with importing():
        from aggregator.config import load
        from aggregator.config.additions import add_sources
        from aggregator.config.editing import read_text
        from aggregator.config.layout import NotEditable

    try:
        config = load_config(path)
        text = whole = read_text(path)
    except ConfigError as error:
        try:
            text = read_text(path)
            whole = add_sources(text, [])
        except (AggregatorError, NotEditable):
            raise error from None
        if whole == text:
            raise
        config = load(path, os.environ, text=whole)
        hide_secrets(config.secrets)
    return text, whole, config


def checked_address(text: str) -> str:
    """Return an http(s) address that a command is given; anything else is a usage error."""
    from aggregator.config.fields import http_url

    try:
        return http_url(text)
    except ValueError as error:
        # Some of the messages name the address.
        complain(f"error: {'' if str(error).startswith('`') else f'{text} '}{error}")
        raise typer.Exit(2) from None


def require_sources(
    config: Config, wanted: Sequence[str], *, stored: Sequence[str] = (), option: str = "", advice: str = ""
) -> None:
    """Check the source ids that a command is given.

    Args:
        stored: further ids that are accepted.
        option: text before each id in the message.
        advice: text after the message if no other id is similar.

    Raises:
        ConfigError: an id is unknown; similar ids are named.
    """
    import difflib

    ids = [*(source.id for source in config.sources), *stored]
    problems = []
    for name in wanted:
        if name not in ids:
            near = dict.fromkeys(difflib.get_close_matches(name, ids, 3))
            hint = f"`aggregator status` lists them{advice}"
            if near:
                hint = f"did you mean {' or '.join(map(repr, near))}?"
            problems.append(Problem(f"{option}{name}: there is no such source; {hint}", str(config.path)))
    if problems:
        raise ConfigError(problems)


def nothing_configured(config: Config) -> str:
    """Return the message for a configuration without sources."""
    return f"{config.path} names no sources; to add one: aggregator add URL"


def located(config: Config, data: Path) -> Path | str:
    """Return where the database is, by the configuration; `load_config` hides its password."""
    return place_of(data, config.database)


def find_database(path: Path, data: Path) -> Path | str:
    """Return where the database is, without reading more of feeds.yaml, which need not exist or be valid otherwise.

    Raises:
        ConfigError: that is not known, because something is wrong with it.
    """
    configured = None
    if VARIABLE in os.environ or _mentions_database(path):
        from aggregator.config.database import database_of

        configured = database_of(path, os.environ)
        hide_secrets(passwords(configured))
    return place_of(data, configured)


def _mentions_database(path: Path) -> bool:
    """Whether the file may name a database; to import what reads it takes longer than most commands."""
    try:
        return b"database" in path.read_bytes()
    except OSError:
        return False


@contextmanager
def opened_store(place: Path | str) -> Iterator[Store]:
    """Open the store at a place; it is closed at the end."""
    with importing():
        from aggregator.store import open_store

    store = open_store(place)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def read_store(place: Path | str) -> Iterator[Store | None]:
    """Open the store at a place for queries, even if its folder is read-only; None if there is none yet."""
    from aggregator.store import open_for_reading

    with ExitStack() as stack:
        store = None
        if isinstance(place, str) or _exists(place):
            with suppress(NotThere):
                store = stack.enter_context(open_for_reading(place))
        yield store


@contextmanager
def found_items(place: Path | str, texts: Sequence[str]) -> Iterator[tuple[Store, list[StoredRuling]]]:
    """Open the store for queries and find stored items; one that is not there is a usage error."""
    from aggregator.inspection import NotFound, Removed, find_one

    with read_store(place) as store:
        if store is None:
            where = place.parent if isinstance(place, Path) else shown(place)
            complain(f"error: {where} has no database yet; `aggregator update` makes one")
            raise typer.Exit(2)
        try:
            found = [find_one(store, text) for text in texts]
        except NotFound as error:
            complain(f"error: {error}")
            raise typer.Exit(1 if isinstance(error, Removed) else 2) from None
        yield store, found


def _exists(path: Path) -> bool:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise AggregatorError(f"{path} cannot be read: {error.strerror or error}; check its permissions") from None
    return True


@contextmanager
def copied_store(place: Path | str) -> Iterator[Store]:
    """Open a copy of the store at a place, a SQLite file that is discarded at the end; the original is only read."""
    from tempfile import TemporaryDirectory

    with TemporaryDirectory(prefix="aggregator-") as folder:
        copy = Path(folder) / DATABASE
        if isinstance(place, str):
            from aggregator.store.copying import copy_database

            with suppress(NotThere):
                copy_database(place, copy)
        elif _exists(place):
            from aggregator.store.filecopies import backup

            backup(place, copy)
        with opened_store(copy) as store:
            yield store


@contextmanager
def locked(data: Path, place: Path | str, *, wait: bool = False, quiet: bool = False) -> Iterator[Renew]:
    """Hold the data folder, and a PostgreSQL database.

    Args:
        data: the data folder.
        place: where the database is.
        wait: if another process holds one of them, say so and wait.
        quiet: do not say so.

    Yields:
        What makes sure that the database is still held, see `aggregator.store.exclusive.Hold.renew`.
    """
    from aggregator.datafolder import hold

    def report(error: LockedError) -> None:
        if not quiet:
            complain(f"{error.place} is in use by {error.holder}; waiting")

    on_wait = report if wait else None
    with hold(data, on_wait=on_wait):
        if isinstance(place, Path):
            yield lambda: None
            return
        from aggregator.store.exclusive import hold_database

        with hold_database(place, on_wait=on_wait) as held:
            yield held.renew
