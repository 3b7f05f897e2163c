"""`status` and `health`: the state of every source, and of the program, for people and for programs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aggregator.cli.console import Cell, Column, say, say_json, say_table
from aggregator.cli.options import (
    DEFAULT_CONFIG,
    DEFAULT_DATA,
    ConfigOption,
    DataOption,
    duration,
    load_config,
    located,
    nothing_configured,
    read_store,
    require_sources,
    utc_now,
)
from aggregator.values.terminal import counted, iso

#: Number of entries of one source that are shown.
NEWEST = 5

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aggregator.config import Config
    from aggregator.models import FeedState, InstanceState, KnownEntry, Source
    from aggregator.store import Activity


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """One source in `status --json`; times are ISO 8601 in UTC, null if there is none."""

    id: str
    name: str
    kind: str
    category: str
    #: ``new`` (never tried), ``ok``, ``failing``, ``gone`` (it said so, and is no longer fetched), ``unreached``
    #: (the network of this machine was down), or ``paused`` (in the configuration).
    state: str
    entries: int
    last_attempt_at: str | None
    last_success_at: str | None
    #: null: at once, or never if it is gone or paused.
    next_due_at: str | None
    due_why: str | None
    failures: int
    failure_kind: str | None
    error: str | None
    #: Mean of the last four weeks.
    entries_per_week: float
    #: Whether it has published nothing for much longer than usual.
    silent: bool
    #: What identifies its entries: ``guid``; or ``link`` or ``title`` if its guids (and links) change every time.
    identity: str
    #: Notes on the last document.
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SourceDetails:
    """What `status ID --json` shows of a source besides its `SourceStatus`."""

    #: Line in feeds.yaml.
    line: int
    #: Without secrets.
    address: str
    #: The feed's own title and home page, as last seen.
    title: str | None
    home_url: str | None
    interval: str
    timeout_seconds: float
    #: Validators, as the server sent them.
    etag: str | None
    last_modified: str | None
    #: When its whole document last came, and not only "not modified".
    whole_at: str | None
    #: Updates in a row that failed because the network of this machine was down.
    outages: int
    #: Number of different days (UTC) on which it answered that it is gone, with no success between.
    gone_days: int
    moved_to: str | None
    moved_since: str | None
    #: The instance of RSSHub that gave its last document.
    served_by: str | None
    #: The instances of RSSHub that it can have: address, failures in a row, whether it lacked the route, and until when
    #: it is asked last.
    instances: list[dict[str, str | int | None]]
    #: The page that could not be read, below the data folder, and when it was kept.
    page: str | None
    page_kept_at: str | None
    last_entry_at: str | None
    #: Hour of the day (UTC) with most entries, null if none stands out.
    busiest_hour: int | None
    newest: list[dict[str, str | None]]


def status(
    source: Annotated[
        str | None, typer.Argument(help="Id of one source, to show everything that is known about it.")
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    data: DataOption = DEFAULT_DATA,
    failing: Annotated[bool, typer.Option("--failing", help="Show only sources that fail or are gone.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a JSON list for programs; a JSON object if a source is named.")
    ] = False,
) -> None:
    """Show the state of every source, or everything that is known about one.

    On a terminal, the least important columns are left out if there is too
    little room. Elsewhere, each source has one complete line.
    """
    loaded = load_config(config)
    now = utc_now()
    if source is not None:
        require_sources(loaded, [source])
        row, more = collect_one(loaded, data, source, now)
        if as_json:
            say_json({**asdict(row), **asdict(more)}, indent=2)
        else:
            _show_one(row, more, loaded, data, now)
        return
    rows = [row for row in collect(loaded, data, now) if not failing or (row.failures and row.state != "paused")]
    if as_json:
        say_json([asdict(row) for row in rows], indent=2)
    elif rows:
        _show(rows, now, failing=failing)
    else:
        say("no source is failing" if failing and loaded.sources else nothing_configured(loaded))


def health(
    config: ConfigOption = DEFAULT_CONFIG,
    data: DataOption = DEFAULT_DATA,
    max_age: Annotated[
        str,
        typer.Option("--max-age", help="Maximum age of the last cycle, and maximum wait of a due source."),
    ] = "15m",
    max_failing: Annotated[
        int, typer.Option("--max-failing", min=0, max=100, help="Maximum percentage of sources that fail.")
    ] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object for programs.")] = False,
) -> None:
    """Check whether cycles run and sources work, for monitors: exit status 0 if so, 1 if not."""
    from aggregator.service.health import assess, last_cycle

    age = duration("--max-age", max_age)
    loaded = load_config(config)
    place = located(loaded, data)
    with read_store(place) as store:
        known = store.states() if store else {}
        # Only workers of a cluster record it in the database.
        recorded = store.fingerprints() if store and isinstance(place, str) else {}
    states = [known[source.id] for source in loaded.sources if source.id in known and not source.paused]
    found = assess(last_cycle(data, recorded), states, utc_now(), max_age=age, max_failing=max_failing / 100)
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
        say("; ".join(found.problems) or f"fine: {counted(found.sources, 'source')}, {found.failing} failing")
    raise typer.Exit(1 if found.problems else 0)


def collect(config: Config, data: Path, now: datetime) -> list[SourceStatus]:
    """Return the status of every configured source, in the order of feeds.yaml."""
    from aggregator.models import FeedState

    states: dict[str, FeedState] = {}
    counts: dict[str, int] = {}
    rhythms: dict[str, Activity] = {}
    with read_store(located(config, data)) as store:
        if store:
            states, counts, rhythms = store.states(), store.entry_counts(), store.activity(now)
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
    rhythm: Activity | None,
    now: datetime,
) -> SourceStatus:
    from aggregator.pipeline.resemblance import Trust
    from aggregator.schedule import NEVER
    from aggregator.service.news import is_silent

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
        silent=not source.paused and is_silent(rhythm, entries, now),
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


def collect_one(config: Config, data: Path, source_id: str, now: datetime) -> tuple[SourceStatus, SourceDetails]:
    """Return everything that is known about one source of the configuration."""
    from aggregator.models import FeedState

    source = next(one for one in config.sources if one.id == source_id)
    state, entries, rhythm = FeedState(source_id), 0, None
    newest: list[KnownEntry] = []
    instances: dict[str, InstanceState] = {}
    with read_store(located(config, data)) as store:
        if store:
            instances = store.pages.instances()
            state = store.states().get(source_id, state)
            entries, rhythm = store.entry_counts().get(source_id, 0), store.activity(now).get(source_id)
            newest = store.similar_entries(source_id, (), (), NEWEST)
    newest.sort(key=lambda one: one.known.published_at, reverse=True)
    more = _details(config, data, source, state, rhythm, newest[:NEWEST])
    more = replace(more, **_instances(config, source, state, instances, now))
    return _status(source, state, entries, rhythm, now), more


def _details(
    config: Config, data: Path, source: Source, state: FeedState, rhythm: Activity | None, newest: Sequence[KnownEntry]
) -> SourceDetails:
    from aggregator.config import redact
    from aggregator.pipeline.savedpages import SavedPages
    from aggregator.schedule import Rhythm as Hours

    page, kept_at = (state.failures and SavedPages(data).find(source.id)) or (None, None)

    hours = Hours.load(state.rhythm)
    return SourceDetails(
        line=source.line,
        address=redact(source.url, config.secrets),
        title=state.title,
        home_url=state.home_url,
        interval=_interval(source),
        timeout_seconds=source.timeout.total_seconds(),
        etag=state.etag,
        last_modified=state.last_modified,
        whole_at=_iso(state.whole_at),
        outages=state.outages,
        gone_days=state.gone_days,
        moved_to=state.moved_to,
        moved_since=_iso(state.moved_since),
        served_by=None,
        instances=[],
        page=page,
        page_kept_at=_iso(kept_at),
        last_entry_at=_iso(rhythm.last_at) if rhythm else None,
        busiest_hour=hours.busiest_hour() if hours else None,
        newest=[{"published_at": _iso(one.known.published_at), "title": one.title, "url": one.url} for one in newest],
    )


def _instances(
    config: Config, source: Source, state: FeedState, known: Mapping[str, InstanceState], now: datetime
) -> dict[str, Any]:
    """Return the details of a source that concern instances of RSSHub.

    Args:
        known: how instances have answered, by address.
    """
    from aggregator.config import redact
    from aggregator.models import InstanceState, Mirrored
    from aggregator.sources.rsshub import Memory

    if not isinstance(source.rules, Mirrored):
        return {}
    memory = Memory.load(state.memory)
    instances = []
    for url in source.servers:
        one, own = known.get(url, InstanceState(url)), memory.lacking.get(url)
        ends = (state.until for state in (one, own) if state is not None and state.until is not None)
        until = max((end for end in ends if end > now), default=None)
        instances.append(
            {
                "address": redact(url, config.secrets),
                "failures": one.failures,
                "lacks_route": own is not None,
                "asked_last_until": _iso(until),
            }
        )
    return {"served_by": memory.instance and redact(memory.instance, config.secrets), "instances": instances}


def _health(instance: Mapping[str, str | int | None]) -> str:
    """Describe an instance and how it has answered."""
    parts = [str(instance["address"])]
    if instance["lacks_route"]:
        parts.append("lacks the route")
    if instance["failures"]:
        parts.append(f"failed {counted(int(instance['failures']), 'time')} in a row")
    if instance["asked_last_until"]:
        parts.append(f"asked last until {instance['asked_last_until']}")
    return ", ".join(parts)


def _interval(source: Source) -> str:
    """Describe the configured interval of a source."""
    from aggregator.models import Auto, Cron
    from aggregator.schedule.plan import span

    interval = source.interval
    if isinstance(interval, Cron):
        return f"cron: {interval.expression} ({interval.zone})"
    if isinstance(interval, Auto):
        least, most = (span(int(time.total_seconds())) for time in (interval.min, interval.max))
        return f"by its own rhythm, between {least} and {most}"
    return f"every {span(int(interval.period.total_seconds()))}"


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else iso(moment)


def _facts(
    row: SourceStatus, more: SourceDetails, config: Config, data: Path, now: datetime
) -> list[tuple[str, str | None]]:
    """Return names and values of what is known about a source; None for what is not."""
    silent = ", fallen silent" if row.silent else ""
    busiest = "" if more.busiest_hour is None else f", most of them at about {more.busiest_hour}:00 UTC"
    week = f"{row.entries_per_week:.3g} a week{busiest}{silent}"
    return [
        ("source", row.id),
        ("name", row.name),
        ("category", row.category),
        ("configured", f"{config.path}:{more.line}, as {row.kind}"),
        ("address", more.address),
        ("moved to", f"{more.moved_to}, since {more.moved_since}" if more.moved_to else None),
        *(("instance", _health(one)) for one in more.instances),
        ("served by", more.served_by),
        ("feed's title", more.title),
        ("home page", more.home_url),
        ("state", row.state),
        ("error", _error(row)),
        ("page kept", f"{data / more.page}, {_ago(more.page_kept_at, now)}" if more.page else None),
        ("failures", f"{row.failures} in a row" if row.failures else None),
        ("network down", f"{counted(more.outages, 'update')} in a row" if more.outages else None),
        ("said gone", f"on {counted(more.gone_days, 'day')}" if more.gone_days else None),
        ("last attempt", _when(row.last_attempt_at, now)),
        ("last success", _when(row.last_success_at, now)),
        ("last whole", _when(more.whole_at, now)),
        ("next due", f"{_next(row, now)}{f' ({row.next_due_at})' if row.next_due_at else ''}"),
        ("why then", row.due_why),
        ("interval", f"{more.interval}; timeout {more.timeout_seconds:g} s"),
        ("etag", more.etag),
        ("last modified", more.last_modified),
        ("identified by", row.identity),
        ("entries", f"{row.entries}, {week}"),
        ("last entry", _when(more.last_entry_at, now)),
        *(("note", note) for note in row.notes),
        *(("newest", f"{one['published_at']} {one['title']}") for one in more.newest),
    ]


def _show_one(row: SourceStatus, more: SourceDetails, config: Config, data: Path, now: datetime) -> None:
    facts = [(name, text) for name, text in _facts(row, more, config, data, now) if text]
    say_table((Column(""), Column("")), [[Cell(name), Cell(text)] for name, text in facts], wrap=True, header=False)


def _when(text: str | None, now: datetime) -> str | None:
    return f"{text}, {_ago(text, now)}" if text else None


_SOURCE, _STATE, _FAILURES = Column("source"), Column("state"), Column("failures", right=True, spare=4)
_SUCCESS, _DUE = Column("last success", right=True, spare=3), Column("next due", right=True, spare=1)
COLUMNS = (
    _SOURCE,
    _STATE,
    Column("entries", right=True, spare=2),
    _SUCCESS,
    Column("a week", right=True, spare=5),
    _DUE,
    Column("why then", spare=6),
    _FAILURES,
    Column("error or note", spare=7),
)
#: For sources that fail, the error is what matters.
FAILING_COLUMNS = (_SOURCE, _STATE, _FAILURES, _SUCCESS, _DUE, Column("error"))
COLOURS = {"ok": "green", "failing": "red", "gone": "red", "new": "yellow", "unreached": "yellow", "paused": "yellow"}


def _show(rows: list[SourceStatus], now: datetime, *, failing: bool) -> None:
    if failing:
        say_table(FAILING_COLUMNS, [_failing_row(row, now) for row in rows])
    else:
        say_table(COLUMNS, [_row(row, now) for row in rows])


def _row(row: SourceStatus, now: datetime) -> list[Cell]:
    return [
        Cell(row.id),
        Cell(row.state, COLOURS.get(row.state, "")),
        Cell(str(row.entries)),
        Cell(_ago(row.last_success_at, now)),
        Cell(f"{row.entries_per_week:.3g}{' silent' if row.silent else ''}", "yellow" if row.silent else ""),
        Cell(_next(row, now)),
        Cell(row.due_why or ""),
        Cell(str(row.failures or "")),
        Cell(_error(row) or _note(row)),
    ]


def _failing_row(row: SourceStatus, now: datetime) -> list[Cell]:
    return [
        Cell(row.id),
        Cell(row.state, COLOURS.get(row.state, "")),
        Cell(str(row.failures)),
        Cell(_ago(row.last_success_at, now)),
        Cell(_next(row, now)),
        Cell(_error(row) or ""),
    ]


def _error(row: SourceStatus) -> str | None:
    return f"{row.failure_kind}: {row.error}" if row.error else None


def _note(row: SourceStatus) -> str:
    """Return the notes on a source that works."""
    return "; ".join([*([] if row.identity == "guid" else [f"identified by {row.identity}"]), *row.notes])


def _ago(text: str | None, now: datetime) -> str:
    return "never" if text is None else f"{_span(now - datetime.fromisoformat(text))} ago"


def _next(row: SourceStatus, now: datetime) -> str:
    """Say when a source is due."""
    due = now if row.next_due_at is None else datetime.fromisoformat(row.next_due_at)
    return "never" if row.state in ("gone", "paused") else "now" if due <= now else f"in {_span(due - now)}"


def _span(duration: timedelta) -> str:
    seconds = max(0, int(duration.total_seconds()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
