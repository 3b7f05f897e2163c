"""Options that commands share, and what they open: the configuration, the lock, the store."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from aggregator.errors import AggregatorError, ConfigError, LockedError
from aggregator.logs import LogFormat

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

DEFAULT_CONFIG = Path("feeds.yaml")
DEFAULT_DATA = Path("data")


def utc_now() -> datetime:
    """The current time, aware, in UTC, in whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


def duration(option: str, text: str) -> timedelta:
    """The value of an option that takes a duration such as ``90s`` or ``1h``; a wrong one is a usage error."""
    from aggregator.config.durations import parse_duration

    try:
        return parse_duration(text)
    except ValueError as error:
        typer.echo(f"error: {option}: {error}", err=True)
        raise typer.Exit(2) from None


def fail(error: AggregatorError) -> NoReturn:
    """Print an error for a person on standard error and leave with its exit status."""
    status = 1
    if isinstance(error, ConfigError):
        status = 2
        count = len(error.problems)
        for problem in error.problems:
            typer.echo(str(problem), err=True)
        typer.echo(f"{count} problem{'s' if count != 1 else ''} in the configuration; nothing was done", err=True)
    else:
        status = 3 if isinstance(error, LockedError) else 1
        typer.echo(f"error: {error}", err=True)
    raise typer.Exit(status)


@contextmanager
def reported() -> Iterator[None]:
    """Turn the errors this program raises on purpose into a message and an exit status."""
    try:
        yield
    except AggregatorError as error:
        fail(error)


def load_config(path: Path) -> Config:
    """Read feeds.yaml; ConfigError lists all that is wrong with it."""
    from aggregator.config import load

    return load(path, os.environ)


@contextmanager
def opened_store(data: Path) -> Iterator[Store]:
    """The store of a data folder, closed at the end."""
    from aggregator.store import open_store

    store = open_store(data / "aggregator.db")
    try:
        yield store
    finally:
        store.close()


@contextmanager
def copied_store(data: Path) -> Iterator[Store]:
    """A copy of the store of a data folder, thrown away at the end; the folder itself is only read, if it is there."""
    from tempfile import TemporaryDirectory

    from aggregator.store.upkeep import backup

    with TemporaryDirectory(prefix="aggregator-") as folder:
        original = data / "aggregator.db"
        if original.exists():
            backup(original, Path(folder) / original.name)
        with opened_store(Path(folder)) as store:
            yield store


@contextmanager
def locked(data: Path, *, wait: bool = False) -> Iterator[None]:
    """Hold the data folder: one writer at a time, also across crashes (the lock is the operating system's).

    Args:
        wait: where another process holds it, say so and wait.

    Raises:
        LockedError: another process holds it, and waiting was not asked for.
        AggregatorError: the folder cannot be made or written.
    """
    from filelock import FileLock, Timeout

    holder = data / ".lock-holder"
    try:
        data.mkdir(parents=True, exist_ok=True)
        lock = FileLock(data / ".lock", blocking=False)
        try:
            lock.acquire()
        except Timeout:
            error = LockedError(str(data), _read_holder(holder))
            if not wait:
                raise error from None
            typer.echo(f"{data} is in use by {error.holder}; waiting", err=True)
            lock.acquire(blocking=True, poll_interval=0.1)
    except OSError as error:
        raise AggregatorError(
            f"the data folder {data} cannot be written: {error.strerror or error}; check its path and permissions"
        ) from error
    try:
        holder.write_text(f"process {os.getpid()}, since {utc_now():%Y-%m-%d %H:%M:%S} UTC", encoding="utf-8")
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def _read_holder(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8") or "another process"
    except OSError:
        return "another process"
