"""Commands for the maintenance of the data folder: `backup`, `vacuum` and `reset`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aggregator.cli.console import say
from aggregator.cli.options import (
    DEFAULT_CONFIG,
    DEFAULT_DATA,
    ConfigOption,
    DataOption,
    WaitOption,
    load_config,
    locked,
    opened_store,
    require_sources,
)


def backup(
    target: Annotated[Path, typer.Argument(help="The file to write; an existing one is replaced.")],
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Copy the database; the daemon may run."""
    from aggregator.store.filecopies import backup as copy

    size = copy(data / "aggregator.db", target)
    say(f"Wrote {target}: {size / 1e6:.1f} MB.")


def vacuum(data: DataOption = DEFAULT_DATA, wait: WaitOption = False) -> None:
    """Return the space of removed entries to the file system; stop the daemon first."""
    from aggregator.store.filecopies import vacuum as compact

    with locked(data, wait=wait):
        before, after = compact(data / "aggregator.db")
        say(f"{before / 1e6:.1f} MB before, {after / 1e6:.1f} MB now.")


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
    with locked(data, wait=wait), opened_store(data) as store:
        store.sync_sources(loaded.sources)
        store.reset_source(source)
    say(f"Reset {source}; the next update fetches its whole document.")
