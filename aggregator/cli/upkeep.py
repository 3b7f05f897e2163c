"""Commands that keep the data folder in order: `backup`, `vacuum` and `reset`."""

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
)


def backup(
    target: Annotated[Path, typer.Argument(help="The file to write; one that is there is replaced.")],
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Copy the database, also while the daemon runs."""
    from aggregator.store.backup import backup as copy

    size = copy(data / "aggregator.db", target)
    say(f"Wrote {target}: {size / 1e6:.1f} MB.")


def vacuum(data: DataOption = DEFAULT_DATA, wait: WaitOption = False) -> None:
    """Give the room of removed entries back to the disk; stop the daemon before."""
    from aggregator.store.backup import vacuum as compact

    with locked(data, wait=wait):
        before, after = compact(data / "aggregator.db")
        say(f"{before / 1e6:.1f} MB before, {after / 1e6:.1f} MB now.")


def reset(
    source: Annotated[str, typer.Argument(help="Id of the source, as `aggregator status` shows it.")],
    config: ConfigOption = DEFAULT_CONFIG,
    data: DataOption = DEFAULT_DATA,
    wait: WaitOption = False,
) -> None:
    """Forget validators and failures of a source: the next update asks it, for its whole document.

    Its entries, posts and their dates stay. It needs the data folder for
    itself: stop the daemon before.
    """
    from aggregator.cli.edits import known_source

    loaded = load_config(config)
    known_source(source, [one.id for one in loaded.sources], config)
    with locked(data, wait=wait), opened_store(data) as store:
        store.sync_sources(loaded.sources)
        store.reset_source(source)
    say(f"Reset {source}; the next update asks it, for its whole document.")
