"""Commands that do the work: `update` and `publish`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aggregator.cli import idle
from aggregator.cli.console import complain, hide, say, say_table
from aggregator.cli.options import (
    DEFAULT_CONFIG,
    DEFAULT_DATA,
    ConfigOption,
    DataOption,
    LogFormatOption,
    QuietOption,
    VerboseOption,
    WaitOption,
    copied_store,
    known_sources,
    load_config,
    locked,
    nothing_configured,
    opened_store,
    utc_now,
    volume,
)
from aggregator.cli.process import BROKEN
from aggregator.cli.table import Cell, Column
from aggregator.errors import AggregatorError, ConfigError, LockedError
from aggregator.importing import importing
from aggregator.log import LogFormat, Volume, configure, unreached
from aggregator.values.terminal import counted

#: Rows at most; of more sources, those that failed or had something new are shown.
LONG_TABLE = 50
NOTHING_TO_WRITE = "Nothing to write: all files are up to date."

if TYPE_CHECKING:
    from datetime import datetime

    from aggregator.config import Config
    from aggregator.models import FeedState, Source
    from aggregator.pipeline.run import SourceResult
    from aggregator.publish.report import OutputFailure, Report
    from aggregator.store import Store


def update(
    config: ConfigOption = DEFAULT_CONFIG,
    data: DataOption = DEFAULT_DATA,
    everything: Annotated[bool, typer.Option("--all", help="Update every source, due or not.")] = False,
    source: Annotated[
        list[str] | None, typer.Option("--source", "-s", help="Only this source, due or not; may be repeated.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Fetch and show what would be new; store and write nothing.")
    ] = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
    log_format: LogFormatOption = LogFormat.text,
    wait: WaitOption = False,
) -> None:
    """Run one cycle: pull the sources that are due, store what is new, publish what changed."""
    loud = volume(quiet=quiet, verbose=verbose)
    if quiet and dry_run:
        complain("error: --quiet and --dry-run exclude each other")
        raise typer.Exit(2)
    if not (everything or source or dry_run or verbose):
        try:
            if idle.repeat(config, data, wait=wait, quiet=quiet):
                return
        except LockedError:
            if quiet:
                raise typer.Exit(3) from None
            raise
    loaded = _loaded_quietly(config, data) if quiet else load_config(config)
    known_sources(loaded, source or [], "--source ")
    cycle = Ordered(everything, source or [], log_format, loud)
    if dry_run:
        with copied_store(data) as copy:
            raise typer.Exit(show_cycle(loaded, copy, cycle))
    try:
        with locked(data, wait=wait, quiet=quiet):
            raise typer.Exit(run_cycle(loaded, data, cycle))
    except LockedError:
        if quiet:
            # A run that takes longer than the time between two is no trouble; `health` tells where none ends.
            raise typer.Exit(3) from None
        raise


def publish(config: ConfigOption = DEFAULT_CONFIG, data: DataOption = DEFAULT_DATA, wait: WaitOption = False) -> None:
    """Render all posts and feeds from the store, and write those that differ from what is on disk."""
    loaded = load_config(config)
    with locked(data, wait=wait), opened_store(data) as store:
        from aggregator.cli.console import renewal
        from aggregator.publish.publication import publish as publish_all

        store.sync_sources(loaded.sources)
        with renewal() as renewing:
            report = publish_all(store, loaded, data, everything=True, renewing=renewing)
    show_written(report, data, whole=not report.failures)
    raise typer.Exit(show_failures(report.failures))


def _loaded_quietly(path: Path, data: Path) -> Config:
    """Read feeds.yaml; mistakes that a quiet run has told already are not told again."""
    try:
        return load_config(path)
    except ConfigError as error:
        if _was_told(data, str(error)):
            raise typer.Exit(2) from None
        raise


def _was_told(data: Path, mistakes: str) -> bool:
    """Whether these mistakes were told by the last run that found some; they are recorded as told."""
    from aggregator.service.news import gather_config

    if not (data / "aggregator.db").is_file():
        return False
    try:
        with locked(data), opened_store(data) as store:
            record = gather_config(store.fingerprints(), mistakes)
            store.record_fingerprints(record)
    except AggregatorError:
        # What cannot be recorded is told each time.
        return False
    return not record


@dataclass(frozen=True, slots=True)
class Ordered:
    """What is wanted of a cycle."""

    everything: bool = False
    #: Ids of the only sources to update; empty: all that are due.
    only: Sequence[str] = ()
    form: LogFormat = LogFormat.text
    volume: Volume = Volume.normal


def run_cycle(config: Config, data: Path, ordered: Ordered) -> int:
    """Run a cycle over the sources that are due and show what it gave; returns the exit status.

    Raises:
        AggregatorError: something else than a source failed; all else was done and shown.
    """
    with importing():
        from functools import partial

        from aggregator.cli.console import progress, renewal
        from aggregator.cycle import Cycle
        from aggregator.service.news import teller
        from aggregator.workers import StoreThread

    quiet = ordered.volume is Volume.quiet
    with opened_store(data) as store, StoreThread() as thread:
        chosen = _chosen(config, store, ordered)
        on_news = teller(config, store) if quiet else None
        make = partial(Cycle, store, data, thread, config=lambda: config, clock=utc_now, on_news=on_news)
        if chosen:
            import asyncio

            with progress(len(chosen), ordered.form, ordered.volume) as (on_result, on_renewed):
                summary = asyncio.run(make(on_renewed=on_renewed).run(chosen, on_result=on_result))
        else:
            nothing_due = _nothing_due(config, _next_due(config, store))
            with renewal(ordered.volume) as on_renewed:
                summary = make(on_renewed=on_renewed).finish()
        left = summary.failures or summary.troubles
        if prospect := None if left else idle.leave(config, store, utc_now(), quiet=quiet):
            foretold = [_nothing_due(config, prospect.due), NOTHING_TO_WRITE]
    if prospect:
        idle.remember(config, data, foretold, prospect)
    if quiet:
        return BROKEN if summary.failures or summary.troubles else _status(summary.results)
    # Only now: what cannot be shown must not keep anything from being published, and who reads it may be slow.
    if chosen:
        _show(config, summary.results)
    else:
        say(nothing_due)
    if summary.removed:
        say(f"Removed {counted(summary.removed, 'entry', 'entries')} kept no longer.")
    show_written(summary.written, data, whole=not (summary.failures or summary.troubles))
    status = max(_status(summary.results), show_failures(summary.failures))
    for trouble in summary.troubles[:-1]:
        complain(f"error: {trouble}")
    if summary.troubles:
        raise summary.troubles[-1]
    return status


def show_cycle(config: Config, store: Store, ordered: Ordered) -> int:
    """Fetch and compare only, on a store that may be thrown away; returns the exit status."""
    chosen = _chosen(config, store, ordered)
    results: Sequence[SourceResult] = ()
    if chosen:
        with importing():
            import asyncio

            from aggregator.cli.console import progress
            from aggregator.pipeline.run import update_due

        with progress(len(chosen), ordered.form, ordered.volume) as (on_result, _):
            results = asyncio.run(update_due(config, store, chosen, clock=utc_now, dry_run=True, on_result=on_result))
        _show(config, results)
    else:
        say(_nothing_due(config, _next_due(config, store)))
    say("Dry run: nothing was stored or written.")
    return _status(results)


def _status(results: Sequence[SourceResult]) -> int:
    return 1 if any(result.missed for result in results) else 0


def _chosen(config: Config, store: Store, ordered: Ordered) -> list[tuple[Source, FeedState]]:
    """The sources to update now, in the order in which they begin."""
    from aggregator.pipeline.due import choose

    configure(ordered.form, hide, stamped=False, volume=ordered.volume)
    store.sync_sources(config.sources)
    return choose(config, store, utc_now(), everything=ordered.everything, only=ordered.only)


def _next_due(config: Config, store: Store) -> datetime | None:
    asked = {source.id for source in config.sources if not source.paused}
    times = [state.next_due_at for state in store.states().values() if state.next_due_at and state.source_id in asked]
    return min(times, default=None)


def _nothing_due(config: Config, due: datetime | None) -> str:
    if not config.sources:
        return nothing_configured(config)
    when = f" The next one is due at {due:%Y-%m-%d %H:%M:%S} UTC." if due else ""
    return f"No source is due.{when} Use --all to update them anyway."


def _show(config: Config, results: Sequence[SourceResult]) -> None:
    """The table of what each source gave, of a long one only the rows that say something; then the totals."""
    order = {source.id: number for number, source in enumerate(config.sources)}
    shown = sorted(results, key=lambda one: order[one.source.id])
    if len(shown) > LONG_TABLE:
        # Failures first of all; each source had its own line already.
        shown = sorted((one for one in shown if not one.quiet), key=lambda one: not one.failed)[:LONG_TABLE]
    if shown:
        columns = (Column("source"), *(Column(name, right=True) for name in ("new", "changed", "known", "seconds")))
        say_table((*columns, Column("result")), [_row(one) for one in shown], wrap=True)
        say("")
    if len(shown) < len(results):
        quiet = sum(one.quiet for one in results)
        rest = len(results) - len(shown) - quiet
        more = f", and {rest} more had something" if rest else ""
        say(f"{counted(quiet, 'source')} had nothing new{more}")
    failed = sum(result.failed for result in results)
    new = counted(sum(result.new for result in results), "new entry", "new entries")
    changed = sum(result.changed for result in results)
    say(f"{counted(len(results), 'source')}, {failed} failed{unreached(results)}; {new}, {changed} changed")


def _row(result: SourceResult) -> list[Cell]:
    """What one source gave."""
    counts = [str(result.new), str(result.changed), str(result.unchanged)]
    if result.missed:
        counts = ["", "", ""]
    if result.failed:
        outcome = Cell(f"{result.state.failure_kind}: {result.state.error}", "red")
    else:
        same = not (result.new or result.changed or result.unchanged)
        word = [] if same and result.notes else ["not modified" if same else "ok"]
        outcome = Cell("; ".join([*word, *result.notes[:3]]))
    return [*map(Cell, (result.source.id, *counts, f"{result.seconds:.1f}")), outcome]


def show_failures(failures: Sequence[OutputFailure]) -> int:
    """Say on standard error what could not be published; returns the exit status."""
    for failure in failures[:LONG_TABLE]:
        complain(f"error: {failure}")
    if len(failures) > LONG_TABLE:
        complain(f"error: {counted(len(failures) - LONG_TABLE, 'other')} could not be published either")
    return BROKEN if failures else 0


def show_written(report: Report, data: Path, *, whole: bool) -> None:
    """Say what was written, and what became of files that were there.

    Args:
        whole: nothing went wrong, so that all that was not written is as it should be.
    """
    for note in report.notes:
        complain(f"note: {note}")
    posts = data / "posts"
    if report.adopted:
        have = f"{counted(len(report.adopted), 'file')} below {posts} {'has' if len(report.adopted) == 1 else 'have'}"
        complain(f"note: {have} the bytes of posts; taken over")
    if report.avoided:
        one = len(report.avoided) == 1
        complain(
            f"note: {counted(len(report.avoided), 'file')} below {posts} {'is' if one else 'are'} not of this database "
            f"and {'stays as it is; its post has another name' if one else 'stay as they are; their posts have others'}"
        )
    if report.files:
        removed = f", removed {len(report.removed)}" if report.removed else ""
        written = f"{counted(len(report.posts), 'post')} and {counted(len(report.feeds), 'feed file')}"
        say(f"Wrote {written} below {data}{removed}.")
    elif whole:
        say(NOTHING_TO_WRITE)
