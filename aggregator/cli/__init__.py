"""The command line: one module per group of commands.

The exit statuses are in `statuses`.

Commands import what they need when they run, so that `--help` answers at once.
"""

from __future__ import annotations

from typing import Annotated

import typer

from aggregator.cli import configure, daemon, demo, edits, etiquette, run, status, upkeep
from aggregator.cli.console import say
from aggregator.cli.group import Commands
from aggregator.cli.options import reported
from aggregator.cli.statuses import summary

app = typer.Typer(
    name="aggregator",
    cls=Commands,
    help="Pull feeds and pages, write posts for a static site generator, and publish merged feeds.",
    epilog=f"Start with: aggregator init, then: aggregator update. Exit status: {summary()}.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from aggregator import __version__

        say(f"aggregator {__version__}")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Pull feeds and pages, write posts for a static site generator, and publish merged feeds."""


for command in (
    configure.init,
    configure.check,
    configure.schema,
    run.update,
    run.publish,
    daemon.run,
    status.status,
    status.health,
    etiquette.etiquette,
    edits.fix,
    edits.remove,
    edits.pause,
    edits.resume,
    upkeep.reset,
    upkeep.backup,
    upkeep.vacuum,
    demo.demo,
):
    app.command()(reported()(command))
