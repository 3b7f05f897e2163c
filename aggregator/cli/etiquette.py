"""`etiquette`: the requests to every host, and what conditional requests and compression saved."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aggregator.cli.console import Cell, Column, say, say_json, say_table
from aggregator.cli.options import (
    DEFAULT_CONFIG,
    DEFAULT_DATA,
    ConfigOption,
    DataOption,
    load_config,
    located,
    read_store,
    utc_now,
)
from aggregator.values.terminal import counted, iso

if TYPE_CHECKING:
    from aggregator.models import HostTraffic

MAX_DAYS = 90


@dataclass(frozen=True, slots=True)
class HostReport:
    """One host in `etiquette --json`; sizes are bytes of bodies."""

    host: str
    requests: int
    #: Share of the requests that the server answered with "not modified", 0 to 1.
    not_modified_share: float
    bytes: int
    #: Additional bytes of the same documents without compression and conditional requests. The size of a document
    #: that was not sent is unknown; it counts as the mean of the host's documents.
    bytes_saved: int
    #: Requests that were not sent because the host had asked to wait (Retry-After, 429).
    held_back: int
    #: ISO 8601 in UTC; null: requests may be sent.
    left_alone_until: str | None


def etiquette(
    config: ConfigOption = DEFAULT_CONFIG,
    data: DataOption = DEFAULT_DATA,
    days: Annotated[int, typer.Option(min=1, max=MAX_DAYS, help="Number of days to look back, including today.")] = 30,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list for programs.")] = False,
) -> None:
    """Show the requests to every host: their number, share of "not modified", bytes, bytes saved, waits obeyed."""
    # Names of hosts may contain secrets of the configuration, which are then removed from the output.
    rows = collect(located(load_config(config), data), days)
    if as_json:
        say_json([asdict(row) for row in rows], indent=2)
    else:
        _show(rows)


def collect(place: Path | str, days: int) -> list[HostReport]:
    """Return the report on every host, the one with most requests first."""
    now = utc_now()
    with read_store(place) as store:
        if store is None:
            return []
        traffic = store.host_traffic(now.date() - timedelta(days=days - 1))
        waits = store.host_waits(now)
    rows = [_report(one, iso(waits[one.host]) if one.host in waits else None) for one in traffic]
    return sorted(rows, key=lambda row: (-row.requests, row.host))


def _report(one: HostTraffic, until: str | None) -> HostReport:
    mean = one.decoded / one.documents if one.documents else 0.0
    saved = max(0, one.decoded - one.received) + round(one.not_modified * mean)
    share = one.not_modified / one.requests if one.requests else 0.0
    return HostReport(one.host, one.requests, round(share, 3), one.received, saved, one.held, until)


COLUMNS = (
    Column("host"),
    Column("requests", right=True),
    Column("not modified", right=True, spare=1),
    Column("received", right=True, spare=3),
    Column("saved", right=True, spare=2),
    Column("held back", right=True, spare=5),
    Column("left alone until", spare=4),
)


def _show(rows: list[HostReport]) -> None:
    from rich.filesize import decimal

    if rows:
        say_table(COLUMNS, [_row(row) for row in rows])
        say("")
    total = counted(sum(row.requests for row in rows), "request")
    saved = decimal(sum(row.bytes_saved for row in rows))
    say(f"{counted(len(rows), 'host')}, {total}, {saved} saved")


def _row(row: HostReport) -> list[Cell]:
    from rich.filesize import decimal

    return [
        Cell(row.host),
        Cell(str(row.requests)),
        Cell(f"{row.not_modified_share:.0%}"),
        Cell(decimal(row.bytes)),
        Cell(decimal(row.bytes_saved)),
        Cell(str(row.held_back or "")),
        Cell(row.left_alone_until or ""),
    ]
