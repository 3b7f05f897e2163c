"""`status`: how every source is doing, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from aggregator.cli.options import (
    DEFAULT_CONFIG,
    DEFAULT_DATA,
    ConfigOption,
    DataOption,
    load_config,
    opened_store,
    reported,
    utc_now,
)

if TYPE_CHECKING:
    from aggregator.config import Config
    from aggregator.models import FeedState, Source


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """One source in `status --json`; times are ISO 8601 in UTC, null where there is none."""

    id: str
    name: str
    kind: str
    category: str
    #: ``new`` (never tried), ``ok`` or ``failing``.
    state: str
    entries: int
    last_attempt_at: str | None
    last_success_at: str | None
    next_due_at: str | None
    failures: int
    failure_kind: str | None
    error: str | None


def status(
    config: ConfigOption = DEFAULT_CONFIG,
    data: DataOption = DEFAULT_DATA,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list for programs.")] = False,
) -> None:
    """Show how every source is doing: entries, last success, next due time, failures and why."""
    with reported():
        loaded = load_config(config)
        rows = collect(loaded, data)
        if as_json:
            typer.echo(json.dumps([asdict(row) for row in rows], ensure_ascii=False, indent=2))
        else:
            _show(rows, utc_now())


def collect(config: Config, data: Path) -> list[SourceStatus]:
    """The status of every configured source, in the order of feeds.yaml."""
    from aggregator.config import redact
    from aggregator.models import FeedState

    states: dict[str, FeedState] = {}
    counts: dict[str, int] = {}
    if (data / "aggregator.db").exists():
        with opened_store(data) as store:
            states, counts = store.states(), store.counts()
    return [
        _status(source, state, counts.get(source.id, 0), lambda text: redact(text, config.secrets))
        for source in config.sources
        for state in [states.get(source.id, FeedState(source.id))]
    ]


def _status(source: Source, state: FeedState, entries: int, public: Callable[[str], str]) -> SourceStatus:
    condition = "failing" if state.failures else "ok" if state.last_success_at else "new"
    return SourceStatus(
        id=source.id,
        name=source.name or state.title or urlsplit(source.url).hostname or public(source.url),
        kind=source.kind,
        category=source.category,
        state=condition,
        entries=entries,
        last_attempt_at=_iso(state.last_attempt_at),
        last_success_at=_iso(state.last_success_at),
        next_due_at=_iso(state.next_due_at),
        failures=state.failures,
        failure_kind=state.failure_kind,
        error=None if state.error is None else public(state.error),
    )


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _show(rows: list[SourceStatus], now: datetime) -> None:
    from rich.table import Table

    from aggregator.cli.console import output, plain

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column, justify in (("source", "left"), ("state", "left"), ("entries", "right"), ("last success", "right")):
        table.add_column(column, justify="right" if justify == "right" else "left")
    table.add_column("next due", justify="right")
    table.add_column("failures", justify="right")
    table.add_column("why", overflow="fold")
    style = {"ok": "green", "failing": "red", "new": "yellow"}
    for row in rows:
        table.add_row(
            plain(row.id),
            plain(row.state, style[row.state]),
            str(row.entries),
            _ago(row.last_success_at, now),
            _ahead(row.next_due_at, now),
            str(row.failures or ""),
            plain(f"{row.failure_kind}: {row.error}" if row.error else ""),
        )
    output().print(table)


def _ago(text: str | None, now: datetime) -> str:
    return "never" if text is None else f"{_span(now - datetime.fromisoformat(text))} ago"


def _ahead(text: str | None, now: datetime) -> str:
    due = now if text is None else datetime.fromisoformat(text)
    return "now" if due <= now else f"in {_span(due - now)}"


def _span(duration: object) -> str:
    from datetime import timedelta

    assert isinstance(duration, timedelta)
    seconds = max(0, int(duration.total_seconds()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
