"""Commands that keep the data folder in order: `backup` and `vacuum`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aggregator.cli.console import say
from aggregator.cli.options import DEFAULT_DATA, DataOption, WaitOption, locked


def backup(
    target: Annotated[Path, typer.Argument(help="The file to write; one that is there is replaced.")],
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Copy the database, also while the daemon runs."""
    from aggregator.store.upkeep import backup as copy

    size = copy(data / "aggregator.db", target)
    say(f"Wrote {target}: {size / 1e6:.1f} MB.")


def vacuum(data: DataOption = DEFAULT_DATA, wait: WaitOption = False) -> None:
    """Give the room of removed entries back to the disk; stop the daemon before."""
    from aggregator.store.upkeep import vacuum as compact

    with locked(data, wait=wait):
        before, after = compact(data / "aggregator.db")
        say(f"{before / 1e6:.1f} MB before, {after / 1e6:.1f} MB now.")
