"""`etiquette`: what was asked of every host, and how much it was spared."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aggregator.cli.console import say, say_json, say_table
from aggregator.cli.options import (
    DEFAULT_CONFIG,
    DEFAULT_DATA,
    ConfigOption,
    DataOption,
    load_config,
    read_store,
    utc_now,
)
from aggregator.cli.table import Cell, Column
from aggregator.values.terminal import counted

if TYPE_CHECKING:
    from aggregator.models import HostTraffic

MAX_DAYS = 90


@dataclass(frozen=True, slots=True)
class HostReport:
    """One host in `etiquette --json`; sizes are bytes of bodies."""

    host: str
    requests: int
    #: Part of the requests that the server answered with "not modified", 0 to 1.
    not_modified_share: float
    bytes: int
    #: What the same documents would have cost besides, uncompressed and without conditional requests. What a
    #: document that was not sent would have cost is not known; it counts as the mean of the host's documents.
    bytes_saved: int
    #: Requests that were not sent, because the host wanted to be left alone (Retry-After, 429).
    held_back: int
    #: ISO 8601 in UTC; null: it may be asked.
    left_alone_until: str | None


def etiquette(
    config: ConfigOption = DEFAULT_CONFIG,
    data: DataOption = DEFAULT_DATA,
    days: Annotated[int, typer.Option(min=1, max=MAX_DAYS, help="Days to look back, today among them.")] = 30,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list for programs.")] = False,
) -> None:
    """Show what was asked of every host: requests, share of "not modified", bytes, bytes saved, waits obeyed."""
    # For the secrets that hosts may hold.
    load_config(config)
    rows = collect(data, days)
    if as_json:
        say_json([asdict(row) for row in rows], indent=2)
    else:
        _show(rows)


def collect(data: Path, days: int) -> list[HostReport]:
    """The report on every host, the most asked first."""
    now = utc_now()
    with read_store(data) as store:
        if store is None:
            return []
        traffic = store.host_traffic(now.date() - timedelta(days=days - 1))
        waits = store.host_waits(now)
    rows = [
        _report(one, waits[one.host].strftime("%Y-%m-%dT%H:%M:%SZ") if one.host in waits else None) for one in traffic
    ]
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
