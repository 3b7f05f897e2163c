"""`run`: the daemon, and the signals that it handles."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from aggregator import importing
from aggregator.cli.options import (
    DEFAULT_CONFIG,
    DEFAULT_DATA,
    ConfigOption,
    DataOption,
    LogFormatOption,
    QuietOption,
    VerboseOption,
    WaitOption,
    chosen_verbosity,
    duration,
    located,
    locked,
    utc_now,
)
from aggregator.log import LogFormat, configure_logging

if TYPE_CHECKING:
    pass


def run(
    config: ConfigOption = DEFAULT_CONFIG,
    data: DataOption = DEFAULT_DATA,
    every: Annotated[str, typer.Option("--every", help="How often to look for sources that are due.")] = "30s",
    grace: Annotated[
        str, typer.Option("--grace", help="Time that running fetches get to end after SIGTERM or SIGINT.")
    ] = "20s",
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
    log_format: LogFormatOption = LogFormat.text,
    wait: WaitOption = False,
) -> None:
    """Update and publish until it is stopped: a daemon for a service manager or a container.

    SIGTERM and SIGINT stop it in order (a second one at once), SIGHUP and every change of feeds.yaml reload it.
    """
    # Ignored until the daemon can reload: a change before that is read anyway, or seen by the watch of the file.
    handle(("SIGHUP",), lambda number, frame: None)
    with importing():
        import asyncio

        from aggregator.config import redact
        from aggregator.service.daemon import Daemon, DaemonSettings
        from aggregator.service.reload import ConfigFile
        from aggregator.service.systemd import Systemd

    verbosity = chosen_verbosity(quiet=quiet, verbose=verbose)
    settings = DaemonSettings(data, duration("--every", every), duration("--grace", grace), quiet)
    file = ConfigFile(config)
    loaded = file.load()
    with locked(data, located(loaded, data), wait=wait) as renew:

        async def serve() -> None:
            daemon = Daemon(file, loaded, settings, Systemd(os.environ), utc_now, renew=renew)
            configure_logging(log_format, lambda text: redact(text, daemon.config.secrets), verbosity=verbosity)
            obey_signals(daemon.stop, daemon.reload)
            await daemon.run()

        asyncio.run(serve())


def obey_signals(stop: Callable[[], None], reload: Callable[[], None]) -> None:
    """Let signals stop and reload what runs on the event loop of the caller.

    The handlers belong to the process and not to the event loop, so that a second signal ends the process even while
    the loop is busy.
    """
    import asyncio

    loop = asyncio.get_running_loop()
    asked: list[int] = []

    def end(number: int, frame: FrameType | None) -> None:
        if asked:
            os._exit(128 + number)
        asked.append(number)
        loop.call_soon_threadsafe(stop)

    def read_again(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(reload)

    handle(("SIGTERM", "SIGINT"), end)
    handle(("SIGHUP",), read_again)


def handle(names: tuple[str, ...], handler: Callable[[int, FrameType | None], None]) -> None:
    """Handle those of the signals that there are."""
    for name in names:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), handler)
