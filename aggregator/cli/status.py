"""`status`: how every source is doing, for people and for programs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aggregator.cli.console import say, say_json
from aggregator.cli.options import (
    DEFAULT_CONFIG,
    DEFAULT_DATA,
    ConfigOption,
    DataOption,
    duration,
    load_config,
    read_store,
    utc_now,
)

#: Characters of a note in the table.
MAX_SHOWN = 60

if TYPE_CHECKING:
    from aggregator.config import Config
    from aggregator.models import FeedState, Source
    from aggregator.store import Rhythm


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """One source in `status --json`; times are ISO 8601 in UTC, null where there is none."""

    id: str
    name: str
    kind: str
    category: str
    #: ``new`` (never tried), ``ok``, ``failing``, ``gone`` (it said so, and is not asked any more), ``unreached``
    #: (the network here was down), or ``paused`` (the configuration says so).
    state: str
    entries: int
    last_attempt_at: str | None
    last_success_at: str | None
    #: null: at once, or never where it is gone or paused.
    next_due_at: str | None
    due_why: str | None
    failures: int
    failure_kind: str | None
    error: str | None
    #: Mean of the last four weeks.
    entries_per_week: float
    #: Whether it has published nothing for much longer than it used to.
    silent: bool
    #: By what its entries are told apart: ``guid``, or ``link`` or ``title`` where its guids (and links) change always.
    identity: str
    #: What was worth telling of the last document.
    notes: tuple[str, ...]


def status(
    config: ConfigOption = DEFAULT_CONFIG,
    data: DataOption = DEFAULT_DATA,
    failing: Annotated[bool, typer.Option("--failing", help="Only sources that fail or are gone.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list for programs.")] = False,
) -> None:
    """Show how every source is doing: entries, last success, next due time, failures and why."""
    loaded = load_config(config)
    rows = [row for row in collect(loaded, data, utc_now()) if not failing or (row.failures and row.state != "paused")]
    if as_json:
        say_json([asdict(row) for row in rows], indent=2)
    else:
        _show(rows, utc_now())


def health(
    config: ConfigOption = DEFAULT_CONFIG,
    data: DataOption = DEFAULT_DATA,
    max_age: Annotated[
        str, typer.Option("--max-age", help="The last cycle may be so old, and a due source may wait so long.")
    ] = "15m",
    max_failing: Annotated[
        int, typer.Option("--max-failing", min=0, max=100, help="Percentage of the sources that may fail.")
    ] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object for programs.")] = False,
) -> None:
    """Say whether the work is being done, for monitors: exit status 0 if so, 1 if not."""
    from aggregator.health import judge, read_heartbeat

    age = duration("--max-age", max_age)
    loaded = load_config(config)
    with read_store(data) as store:
        known = store.states() if store else {}
    states = [known[source.id] for source in loaded.sources if source.id in known and not source.paused]
    found = judge(read_heartbeat(data), states, utc_now(), max_age=age, max_failing=max_failing / 100)
    if as_json:
        facts = {
            "healthy": not found.problems,
            "last_cycle_at": _iso(found.last_cycle_at),
            "sources": found.sources,
            "failing": found.failing,
            "overdue_seconds": int(found.overdue.total_seconds()),
            "problems": found.problems,
        }
        say_json(facts)
    else:
        say("; ".join(found.problems) or f"fine: {found.sources} sources, {found.failing} failing")
    raise typer.Exit(1 if found.problems else 0)


def collect(config: Config, data: Path, now: datetime) -> list[SourceStatus]:
    """The status of every configured source, in the order of feeds.yaml."""
    from aggregator.models import FeedState

    states: dict[str, FeedState] = {}
    counts: dict[str, int] = {}
    rhythms: dict[str, Rhythm] = {}
    with read_store(data) as store:
        if store:
            states, counts, rhythms = store.states(), store.counts(), store.rhythms(now)
    return [
        _status(
            source,
            states.get(source.id, FeedState(source.id)),
            counts.get(source.id, 0),
            rhythms.get(source.id),
            now,
        )
        for source in config.sources
    ]


def _status(
    source: Source,
    state: FeedState,
    entries: int,
    rhythm: Rhythm | None,
    now: datetime,
) -> SourceStatus:
    from aggregator.schedule import NEVER
    from aggregator.trust import Trust

    return SourceStatus(
        id=source.id,
        name=source.name or state.title or source.host or source.url,
        kind=source.kind,
        category=source.category,
        state="paused" if source.paused else _condition(state),
        entries=entries,
        last_attempt_at=_iso(state.last_attempt_at),
        last_success_at=_iso(state.last_success_at),
        next_due_at=None if source.paused or state.next_due_at == NEVER else _iso(state.next_due_at),
        due_why="`paused` in feeds.yaml" if source.paused else state.due_why,
        failures=state.failures,
        failure_kind=state.failure_kind,
        error=state.error,
        entries_per_week=rhythm.last_four_weeks / 4 if rhythm else 0.0,
        silent=not source.paused and _silent(rhythm, entries, now),
        identity=Trust.load(state.identity).level,
        notes=state.notes,
    )


def _condition(state: FeedState) -> str:
    from aggregator.schedule import Gone

    if Gone.of(state).confirmed:
        return "gone"
    if state.outages:
        return "unreached"
    return "failing" if state.failures else "ok" if state.last_success_at else "new"


def _silent(rhythm: Rhythm | None, entries: int, now: datetime) -> bool:
    """Whether the time since the last entry is far beyond the mean time between entries."""
    if rhythm is None:
        return entries > 0
    if rhythm.entries < 4:
        return False
    gap = (rhythm.last_at - rhythm.first_at) / (rhythm.entries - 1)
    return now - rhythm.last_at > max(4 * gap, timedelta(days=3))


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _show(rows: list[SourceStatus], now: datetime) -> None:
    from rich.table import Table

    from aggregator.cli.console import output, plain

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column, justify in (("source", "left"), ("state", "left"), ("entries", "right"), ("last success", "right")):
        table.add_column(column, justify="right" if justify == "right" else "left")
    table.add_column("a week", justify="right")
    table.add_column("next due", overflow="fold")
    table.add_column("failures", justify="right")
    table.add_column("error or note", overflow="fold")
    style = {"ok": "green", "failing": "red", "gone": "red", "new": "yellow", "unreached": "yellow", "paused": "yellow"}
    for row in rows:
        table.add_row(
            plain(row.id),
            plain(row.state, style[row.state]),
            str(row.entries),
            _ago(row.last_success_at, now),
            plain(f"{row.entries_per_week:.3g}{' silent' if row.silent else ''}", "yellow" if row.silent else ""),
            plain(_next(row, now)),
            str(row.failures or ""),
            plain(f"{row.failure_kind}: {row.error}" if row.error else _note(row)),
        )
    output().print(table)


def _note(row: SourceStatus) -> str:
    """What is worth telling of a source that works, in short: the first thing, and how many more there are."""
    told = [*([] if row.identity == "guid" else [f"told apart by {row.identity}"]), *row.notes]
    if not told:
        return ""
    first = told[0] if len(told[0]) <= MAX_SHOWN else f"{told[0][: MAX_SHOWN - 1]}…"
    return f"{first} (and {len(told) - 1} more)" if len(told) > 1 else first


def _ago(text: str | None, now: datetime) -> str:
    return "never" if text is None else f"{_span(now - datetime.fromisoformat(text))} ago"


def _next(row: SourceStatus, now: datetime) -> str:
    """When a source is due, and why then."""
    due = now if row.next_due_at is None else datetime.fromisoformat(row.next_due_at)
    when = "never" if row.state in ("gone", "paused") else "now" if due <= now else f"in {_span(due - now)}"
    return f"{when}: {row.due_why}" if row.due_why else when


def _span(duration: timedelta) -> str:
    seconds = max(0, int(duration.total_seconds()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
