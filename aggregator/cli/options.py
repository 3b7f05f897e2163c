"""Options that commands share, and what they open: the configuration, the lock, the store."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from aggregator.cli.console import complain, hide_secrets
from aggregator.cli.process import BROKEN, interrupts
from aggregator.errors import AggregatorError, ConfigError, LockedError, Problem
from aggregator.importing import importing
from aggregator.log import LogFormat, Volume

if TYPE_CHECKING:
    from aggregator.config import Config
    from aggregator.store import Store

ConfigOption = Annotated[
    Path,
    typer.Option("--config", "-c", envvar="AGGREGATOR_CONFIG", help="The configuration file.", show_default=True),
]
DataOption = Annotated[
    Path,
    typer.Option("--data", "-d", envvar="AGGREGATOR_DATA", help="The folder that everything is written to."),
]
WaitOption = Annotated[
    bool, typer.Option("--wait", help="Where another process holds the data folder, wait until it is free.")
]
LogFormatOption = Annotated[
    LogFormat, typer.Option("--log-format", help="Log lines for people, or one JSON object a line for programs.")
]
QuietOption = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="Print only what got worse or better since a quiet run printed it, for cron."),
]
VerboseOption = Annotated[
    bool,
    typer.Option("--verbose", "-v", help="Print each request, all notes, and the traceback of an internal error."),
]

DEFAULT_CONFIG = Path("feeds.yaml")
DEFAULT_DATA = Path("data")

#: Environment variable: with it, internal errors are shown with their traceback.
VERBOSE = "AGGREGATOR_VERBOSE"


def utc_now() -> datetime:
    """The current time, aware, in UTC, in whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


def duration(option: str, text: str) -> timedelta:
    """The value of an option that takes a duration such as ``90s`` or ``1h``; a wrong one is a usage error."""
    from aggregator.config.intervals import parse_duration

    try:
        return parse_duration(text)
    except ValueError as error:
        complain(f"error: {option}: {error}")
        raise typer.Exit(2) from None


def fail(error: AggregatorError) -> NoReturn:
    """Print an error for a person on standard error and leave with its exit status."""
    if isinstance(error, ConfigError):
        count = len(error.problems)
        for problem in error.problems:
            complain(str(problem))
        complain(f"{count} problem{'s' if count != 1 else ''} in the configuration; nothing was done")
        raise typer.Exit(2)
    complain(f"error: {error}")
    raise typer.Exit(3 if isinstance(error, LockedError) else BROKEN)


class _Tracebacks:
    """Whether the running command shows those of internal errors."""

    wanted = False


_tracebacks = _Tracebacks()


def volume(*, quiet: bool, verbose: bool) -> Volume:
    """How much is printed; both at once is a usage error."""
    if quiet and verbose:
        complain("error: --quiet and --verbose exclude each other")
        raise typer.Exit(2)
    _tracebacks.wanted = _tracebacks.wanted or verbose
    return Volume.quiet if quiet else Volume.verbose if verbose else Volume.normal


@contextmanager
def reported() -> Iterator[None]:
    """Turn whatever ends a command early into a message and an exit status."""
    hide_secrets(frozenset())
    _tracebacks.wanted = bool(os.environ.get(VERBOSE))
    try:
        yield
    except typer.Exit:
        raise
    except (KeyboardInterrupt, typer.Abort):
        complain("interrupted; the next run goes on from here")
        raise typer.Exit(interrupts.status) from None
    except AggregatorError as error:
        fail(error)
    except Exception as error:
        _internal(error)


def _internal(error: Exception) -> NoReturn:
    """A mistake of this program: say so without a page of its code, unless that is asked for."""
    import traceback

    verbose = _tracebacks.wanted
    if verbose:
        complain("".join(traceback.format_exception(error)).rstrip())
    place = traceback.extract_tb(error.__traceback__)[-1]
    complain(
        f"error: a mistake in this program: {type(error).__name__}: {error} "
        f"({Path(place.filename).name}:{place.lineno}). What was stored stays; run it again. Where that does not help, "
        f"report it{'' if verbose else f', with what {VERBOSE}=1 in the environment shows besides'}"
    )
    raise typer.Exit(BROKEN)


def load_config(path: Path) -> Config:
    """Read feeds.yaml; ConfigError lists all that is wrong with it."""
    with importing():
        from aggregator.config import load

    config = load(path, os.environ)
    hide_secrets(config.secrets)
    return config


def known_sources(config: Config, wanted: Sequence[str], option: str = "") -> None:
    """Check the ids that a command is given.

    Args:
        option: what stands before each of them.

    Raises:
        ConfigError: there are no such sources; the ids that are nearest are named.
    """
    import difflib

    ids = [source.id for source in config.sources]
    problems = []
    for name in wanted:
        if name not in ids:
            near = difflib.get_close_matches(name, ids, 1)
            hint = f"; did you mean {near[0]!r}?" if near else "; `aggregator status` lists them"
            problems.append(Problem(f"{option}{name}: there is no such source{hint}", str(config.path)))
    if problems:
        raise ConfigError(problems)


def nothing_configured(config: Config) -> str:
    """What is said where a configuration names no sources."""
    return f"{config.path} names no sources; add some below `sources:`"


@contextmanager
def opened_store(data: Path) -> Iterator[Store]:
    """The store of a data folder, closed at the end."""
    with importing():
        from aggregator.store import open_store

    store = open_store(data / "aggregator.db")
    try:
        yield store
    finally:
        store.close()


@contextmanager
def read_store(data: Path) -> Iterator[Store | None]:
    """The store of a data folder for queries, also where the folder can only be read; None where there is none yet."""
    from aggregator.store import open_for_reading

    path = data / "aggregator.db"
    if not _exists(path):
        yield None
        return
    with open_for_reading(path) as store:
        yield store


def _exists(path: Path) -> bool:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise AggregatorError(f"{path} cannot be read: {error.strerror or error}; check its permissions") from None
    return True


@contextmanager
def copied_store(data: Path) -> Iterator[Store]:
    """A copy of the store of a data folder, thrown away at the end; the folder itself is only read, if it is there."""
    from tempfile import TemporaryDirectory

    from aggregator.store.backup import backup

    with TemporaryDirectory(prefix="aggregator-") as folder:
        original = data / "aggregator.db"
        if _exists(original):
            backup(original, Path(folder) / original.name)
        with opened_store(Path(folder)) as store:
            yield store


@contextmanager
def locked(data: Path, *, wait: bool = False, quiet: bool = False) -> Iterator[None]:
    """Hold the data folder; see `aggregator.service.lock.hold`.

    Args:
        data: the data folder.
        wait: where another process holds it, say so and wait.
        quiet: do not say so.
    """
    from aggregator.service.lock import hold

    def report(error: LockedError) -> None:
        if not quiet:
            complain(f"{data} is in use by {error.holder}; waiting")

    with hold(data, on_wait=report if wait else None):
        yield
