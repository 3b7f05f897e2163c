"""Commands for the maintenance of the data folder: `backup`, `vacuum` and `reset`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aggregator.cli.console import complain, say
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
from aggregator.place import DATABASE, shown


def backup(
    target: Annotated[Path, typer.Argument(help="The file to write; an existing one is replaced.")],
    config: ConfigOption = DEFAULT_CONFIG,
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Copy the database; the daemon may run.

    This is for SQLite. A PostgreSQL database has pg_dump.
    """
    place = _file(config, data, "back it up with pg_dump, or copy it to a file with `aggregator copy-database`")
    from aggregator.store.database import backup as copy

    size = copy(place, target)
    say(f"Wrote {target}: {size / 1e6:.1f} MB.")


def vacuum(config: ConfigOption = DEFAULT_CONFIG, data: DataOption = DEFAULT_DATA, wait: WaitOption = False) -> None:
    """Return the space of removed entries to the file system; stop the daemon first.

    This is for SQLite. PostgreSQL uses such space again by itself.
    """
    place = _file(config, data, "the server uses the space again by itself; VACUUM FULL in psql returns it")
    from aggregator.store.database import vacuum as compact

    with locked(data, place, wait=wait):
        before, after = compact(place)
        say(f"{before / 1e6:.1f} MB before, {after / 1e6:.1f} MB now.")


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
