"""`worker` and `cluster`: many processes on one PostgreSQL database."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aggregator import importing
from aggregator.cli.console import complain
from aggregator.cli.daemon import handle, obey_signals
from aggregator.cli.options import (
    DEFAULT_CONFIG,
    DEFAULT_DATA,
    ConfigOption,
    DataOption,
    LogFormatOption,
    QuietOption,
    VerboseOption,
    chosen_verbosity,
    duration,
    located,
)
from aggregator.cli.process import SUPERSEDED
from aggregator.log import LogFormat, configure_logging
from aggregator.place import EXTRA, VARIABLE

if TYPE_CHECKING:
    from aggregator.config import Config


def worker(
    config: ConfigOption = DEFAULT_CONFIG,
    data: DataOption = DEFAULT_DATA,
    publish: Annotated[
        bool, typer.Option("--publish", help="Also write posts and feeds to the data folder: at least one has to.")
    ] = False,
    grace: Annotated[
        str, typer.Option("--grace", help="Time that running jobs get to end after SIGTERM or SIGINT.")
    ] = "20s",
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
    log_format: LogFormatOption = LogFormat.text,
) -> None:
    """Update sources together with other workers, until it is stopped.

    Any number of workers, on any number of machines, share one PostgreSQL
    database and one feeds.yaml. SIGTERM and SIGINT stop a worker in order (a
    second one at once); SIGHUP and every change of feeds.yaml read it again, and
    `aggregator cluster adopt` puts it in force.
    """
    handle(("SIGHUP",), lambda number, frame: None)
    verbosity = chosen_verbosity(quiet=quiet, verbose=verbose)
    given = duration("--grace", grace)
    with importing():
        import asyncio

        from aggregator.config import redact
        from aggregator.service.daemon import Systemd
        from aggregator.service.reload import ConfigFile

    file = ConfigFile(config)
    loaded = file.load()
    uri = _server(loaded, data)
    with importing():
        from aggregator.cluster.settings import WorkerSettings
        from aggregator.cluster.worker import Superseded, Worker

    async def serve() -> None:
        settings = WorkerSettings(data, publish, given, quiet)
        one = Worker(file, loaded, uri, settings, Systemd(os.environ))
        configure_logging(log_format, lambda text: redact(text, one.config.secrets), verbosity=verbosity)
        obey_signals(one.stop, one.reload)
        await one.run()

    try:
        asyncio.run(serve())
    except Superseded as error:
        complain(f"error: {error}")
        raise typer.Exit(SUPERSEDED) from None


def _server(config: Config, data: Path) -> str:
    """Return the address of the PostgreSQL database; without one, or without the extra, exit with a usage error."""
    place = located(config, data)
    if isinstance(place, Path):
        complain(
            f"error: workers need a PostgreSQL database; name it in `database` of {config.path}, or in the environment "
            f"variable {VARIABLE}. On one machine, `aggregator run` needs none"
        )
        raise typer.Exit(2)
    if any(find_spec(name) is None for name in ("psycopg", "psycopg_pool", "procrastinate")):
        complain(f"error: a worker {EXTRA}")
        raise typer.Exit(2)
    return place
