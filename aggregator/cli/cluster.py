"""`worker` and `cluster`: many processes on one PostgreSQL database."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aggregator import importing
from aggregator.cli.console import Cell, Column, complain, say, say_json, say_table
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
    load_config,
    located,
)
from aggregator.cli.process import BROKEN, SUPERSEDED
from aggregator.log import LogFormat, configure_logging
from aggregator.place import EXTRA, VARIABLE
from aggregator.values.terminal import counted

if TYPE_CHECKING:
    from aggregator.cluster.looking import ClusterStatus, QueueStatus, WorkerStatus
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
        from aggregator.service.reload import ConfigFile
        from aggregator.service.systemd import Systemd

    file = ConfigFile(config)
    loaded = file.load()
    uri = _server(loaded, data)
    with importing():
        from aggregator.cluster.ending import stop_in_time
        from aggregator.cluster.settings import WorkerSettings
        from aggregator.cluster.worker import Superseded, Worker

    async def serve() -> None:
        settings = WorkerSettings(data, publish, given, quiet)
        one = Worker(file, loaded, uri, settings, Systemd(os.environ))
        configure_logging(log_format, lambda text: redact(text, one.config.secrets), verbosity=verbosity)
        obey_signals(stop_in_time(one, BROKEN), one.reload)
        await one.run()

    try:
        asyncio.run(serve())
    except Superseded as error:
        complain(f"error: {error}")
        raise typer.Exit(SUPERSEDED) from None


def cluster(
    context: typer.Context,
    config: ConfigOption = DEFAULT_CONFIG,
    data: DataOption = DEFAULT_DATA,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object for programs.")] = False,
) -> None:
    """Show the workers of a cluster, their queue, and how far it is behind."""
    if context.invoked_subcommand is not None:
        return
    loaded = load_config(config)
    uri = _server(loaded, data)
    with importing():
        import asyncio
        from dataclasses import asdict

        from aggregator.cluster.database import ClusterDatabase
        from aggregator.cluster.inforce import digest_of
        from aggregator.cluster.looking import look
        from aggregator.cluster.settings import Times

    async def find() -> ClusterStatus | None:
        async with ClusterDatabase(uri) as database:
            return await look(database, [one.id for one in loaded.sources if one.paused], Times().dead)

    found = asyncio.run(find())
    if as_json:
        say_json(None if found is None else asdict(found), indent=2)
    elif found is None:
        say("no worker has used this database yet; `aggregator worker` starts one")
    else:
        _show(found, digest_of(loaded), loaded)


def adopt(
    config: ConfigOption = DEFAULT_CONFIG,
    data: DataOption = DEFAULT_DATA,
    folder: Annotated[
        bool, typer.Option("--folder", help="Also publish to this data folder from now on, in place of another one.")
    ] = False,
) -> None:
    """Put feeds.yaml in force for all workers.

    Workers whose file is another one finish what they have begun, and wait
    until their file is the same.
    """
    loaded = load_config(config)
    uri = _server(loaded, data)
    with importing():
        import asyncio

        from aggregator.cluster.adoption import adopt as put_in_force
        from aggregator.cluster.inforce import shown

    before, after, others = asyncio.run(put_in_force(uri, loaded, data if folder else None))
    said = f"{config} is in force already" if before == after else f"{config} is in force now"
    say(f"{said}: {shown(after)}" + (f", in place of {shown(before)}" if before and before != after else ""))
    for one in others:
        say(f"{one} has another file, and waits for this one")
    if folder:
        say(f"files are published to {data}")


WORKERS = (
    Column("worker"),
    Column("state"),
    Column("publishes", spare=5),
    Column("seen", right=True, spare=3),
    Column("sources", right=True, spare=2),
    Column("a minute", right=True),
    Column("entries", right=True, spare=1),
    Column("places", right=True, spare=6),
    Column("configuration", spare=4),
    Column("version", spare=7),
)
QUEUES = (Column("queue"), Column("waiting", right=True), Column("running", right=True), Column("failed", right=True))


def _show(found: ClusterStatus, own: str, config: Config) -> None:
    from aggregator.cluster.inforce import shown
    from aggregator.schedule.plan import span

    if found.workers:
        say_table(WORKERS, [_row(one, found.config or "") for one in found.workers])
        say("")
    say_table(QUEUES, [_queue_row(name, one) for name, one in found.queues.items()])
    say("")
    lag = f", for up to {span(found.lag_seconds)}" if found.due else ""
    never = f", {found.never_asked} never asked" if found.never_asked else ""
    say(f"{counted(found.sources, 'source')}: {found.due} due{lag}{never}")
    say(f"{counted(found.leases, 'request')} under way, {found.waiting_for_leases} waiting for their turn")
    if found.config is None:
        say("no configuration is in force yet")
    else:
        differs = "" if found.config == own else f"; {config.path} here is another one ({shown(own)})"
        say(f"configuration in force: {shown(found.config)}{differs}")
    say(f"published to {found.folder} at {found.published_at}" if found.published_at else "nothing is published yet")
    alive = [one for one in found.workers if not one.dead]
    if not alive:
        say("no worker runs; `aggregator worker` starts one")
    elif not any(one.publishes for one in alive):
        say("no worker publishes; start one with --publish")


def _row(one: WorkerStatus, in_force: str) -> list[Cell]:
    from aggregator.cluster.inforce import shown
    from aggregator.schedule.plan import span

    return [
        Cell(f"{one.host}:{one.pid}"),
        Cell("dead" if one.dead else one.state, "red" if one.dead else "green" if one.state == "working" else "yellow"),
        Cell("yes" if one.publishes else ""),
        Cell(f"{span(int(one.seen_seconds))} ago"),
        Cell(str(one.sources)),
        Cell(f"{one.sources_per_minute:.3g}"),
        Cell(str(one.entries)),
        Cell(str(one.places)),
        Cell(shown(one.config), "" if one.config == in_force else "yellow"),
        Cell(one.version),
    ]


def _queue_row(name: str, one: QueueStatus) -> list[Cell]:
    return [Cell(name), Cell(str(one.waiting)), Cell(str(one.running)), Cell(str(one.failed), "red" * bool(one.failed))]


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
