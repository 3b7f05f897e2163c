"""Commands for the maintenance of the database: `backup`, `vacuum`, `copy-database` and `reset`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Annotated

import typer

from aggregator.cli.console import complain, hide_secrets, say
from aggregator.cli.options import (
    DEFAULT_CONFIG,
    DEFAULT_DATA,
    ConfigOption,
    DataOption,
    WaitOption,
    find_database,
    load_config,
    located,
    locked,
    opened_store,
    require_sources,
)
from aggregator.cli.process import interrupts
from aggregator.errors import AggregatorError, LockedError
from aggregator.place import DATABASE, connection_string, is_server, passwords, shown
from aggregator.values.terminal import counted


def backup(
    target: Annotated[Path, typer.Argument(help="The file to write; an existing one is replaced.")],
    config: ConfigOption = DEFAULT_CONFIG,
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Copy the database; the daemon may run.

    This is for SQLite. A PostgreSQL database has pg_dump.
    """
    place = _file(config, data, "back it up with pg_dump, or copy it to a file with `aggregator copy-database`")
    from aggregator.store.filecopies import backup as copy

    size = copy(place, target)
    say(f"Wrote {target}: {size / 1e6:.1f} MB.")


def vacuum(config: ConfigOption = DEFAULT_CONFIG, data: DataOption = DEFAULT_DATA, wait: WaitOption = False) -> None:
    """Return the space of removed entries to the file system; stop the daemon first.

    This is for SQLite. PostgreSQL uses such space again by itself.
    """
    place = _file(config, data, "the server uses the space again by itself; VACUUM FULL in psql returns it")
    from aggregator.store.filecopies import vacuum as compact

    with locked(data, place, wait=wait):
        before, after = compact(place)
        say(f"{before / 1e6:.1f} MB before, {after / 1e6:.1f} MB now.")


def copy_database(
    source: Annotated[str, typer.Argument(metavar="FROM", help="The database to copy: a file, or a PostgreSQL URI.")],
    target: Annotated[str, typer.Argument(metavar="TO", help="An empty one to copy it to, or a new file.")],
    skip_damaged: Annotated[
        bool,
        typer.Option(
            "--skip-damaged", help="Leave out damaged rows, and rows that belong to them, and copy all others."
        ),
    ] = False,
    wait: WaitOption = False,
) -> None:
    """Copy all that is stored from one database to another one: to move it, or to keep a copy in a file.

    A URI with a password is visible to other users of this machine. So name
    it by reference, as in feeds.yaml: '${env:NAME}' or '${file:PATH}'.

    The copy is of one moment, and complete or not made at all. Stop what
    writes to FROM first if the copy is to replace it. Rows are counted and
    compared at the end.
    """
    from aggregator.cli.console import counting
    from aggregator.store.copying import NotCopied
    from aggregator.store.copying import copy_database as copy

    source_place, target_place = _place("FROM", source), _place("TO", target)
    hide_secrets(passwords(source_place) | passwords(target_place))
    try:
        with _held(target_place, wait=wait), _undisturbed(source_place, target_place), counting("copying") as progress:
            copied = copy(source_place, target_place, skip_damaged=skip_damaged, progress=progress)
    except NotCopied as error:
        complain(f"error: {error}")
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        complain("interrupted; nothing was copied")
        raise typer.Exit(interrupts.status) from None
    for flaw in copied.flaws:
        complain(f"note: {flaw}; {'replaced' if flaw.repaired else 'left out'}")
    rows = f"{counted(copied.rows, 'row')} of {counted(copied.tables, 'table')}"
    say(f"Copied {rows} to {shown(target_place)}; they are the same there.")
    for what, count in (("value", copied.repaired), ("row", copied.left_out)):
        if count:
            did = "replaced" if what == "value" else "left out"
            say(f"{counted(count, f'damaged {what}')} {'was' if count == 1 else 'were'} {did}.")
    if isinstance(target_place, str):
        say("To use it, set AGGREGATOR_DATABASE, or `database` in feeds.yaml.")
    raise typer.Exit(1 if copied.left_out else 0)


def _place(name: str, text: str) -> Path | str:
    """Return the place that an argument names; a wrong one is a usage error."""
    from aggregator.config.secrets import References

    try:
        text, _ = References(Path(), os.environ).replace(text)
        return connection_string(text) if is_server(text) else Path(text)
    except ValueError as error:
        complain(f"error: {name}: {error}")
        raise typer.Exit(2) from None


@contextmanager
def _held(place: Path | str, *, wait: bool) -> Iterator[None]:
    """Hold a database that need not be that of the configuration; a file with its folder, if that is a data folder."""
    from aggregator.datafolder import hold
    from aggregator.store.exclusive import hold_database

    def report(error: LockedError) -> None:
        complain(f"{error.place} is in use by {error.holder}; waiting")

    on_wait = report if wait else None
    with ExitStack() as stack:
        if isinstance(place, Path) and place.name == DATABASE:
            stack.enter_context(hold(place.parent, on_wait=on_wait))
        stack.enter_context(hold_database(place, on_wait=on_wait))
        yield


@contextmanager
def _undisturbed(place: Path | str, target: Path | str) -> Iterator[None]:
    """Hold a database that is only read, if that is possible; say so if another process uses it."""
    both = isinstance(place, Path) and isinstance(target, Path) and place.parent.resolve() == target.parent.resolve()
    both = both or place == target
    with ExitStack() as stack:
        # A folder that cannot be written is no obstacle, and what is not there is told later.
        with suppress(AggregatorError):
            try:
                if not both and not (isinstance(place, Path) and not place.is_file()):
                    stack.enter_context(_held(place, wait=False))
            except LockedError as error:
                complain(f"note: {error.place} is in use by {error.holder}; what it stores from now on is not copied")
        yield


def _file(config: Path, data: Path, advice: str) -> Path:
    """Return the SQLite file of the configuration; a PostgreSQL database is a usage error with advice."""
    place = find_database(config, data)
    if isinstance(place, str):
        complain(f"error: the database is {shown(place)}, and this is for SQLite; {advice}")
        raise typer.Exit(2)
    return place


def reset(
    source: Annotated[str, typer.Argument(help="Id of the source, as shown by `aggregator status`.")],
    config: ConfigOption = DEFAULT_CONFIG,
    data: DataOption = DEFAULT_DATA,
    wait: WaitOption = False,
) -> None:
    """Forget the validators and failures of a source: the next update fetches its whole document.

    Its entries, posts and their dates stay. This needs exclusive use of the
    data folder: stop the daemon first.
    """
    loaded = load_config(config)
    require_sources(loaded, [source])
    # It is one transaction, so that of a PostgreSQL database only the daemon of this folder is in its way.
    with locked(data, data / DATABASE, wait=wait), opened_store(located(loaded, data)) as store:
        store.sync_sources(loaded.sources)
        store.reset_source(source)
    say(f"Reset {source}; the next update fetches its whole document.")
