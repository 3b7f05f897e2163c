"""Commands that do the work: `update` and `publish`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aggregator.cli import idle
from aggregator.cli.console import complain, hide, say
from aggregator.cli.options import (
    DEFAULT_CONFIG,
    DEFAULT_DATA,
    ConfigOption,
    DataOption,
    LogFormatOption,
    WaitOption,
    copied_store,
    load_config,
    locked,
    opened_store,
    utc_now,
)
from aggregator.cli.process import BROKEN
from aggregator.errors import ConfigError, Problem
from aggregator.logs import LogFormat, configure, unreached

#: Rows at most; of more sources, those that failed or had something new are shown.
LONG_TABLE = 50
NOTHING_TO_WRITE = "Nothing to write: all files are up to date."

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aggregator.config import Config
    from aggregator.models import FeedState, Source
    from aggregator.publish.report import Failure, Report
    from aggregator.store import Store
    from aggregator.update import Result


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
    log_format: LogFormatOption = LogFormat.text,
    wait: WaitOption = False,
) -> None:
    """Run one cycle: pull the sources that are due, store what is new, publish what changed."""
    if not (everything or source or dry_run) and idle.repeat(config, data, wait=wait):
        return
    loaded = load_config(config)
    _known_sources(loaded, source or [])
    if dry_run:
        with copied_store(data) as copy:
            raise typer.Exit(show_cycle(loaded, copy, everything=everything, only=source or [], form=log_format))
    with locked(data, wait=wait):
        raise typer.Exit(run_cycle(loaded, data, everything=everything, only=source or [], form=log_format))


def publish(config: ConfigOption = DEFAULT_CONFIG, data: DataOption = DEFAULT_DATA, wait: WaitOption = False) -> None:
    """Render all posts and feeds from the store, and write those that differ from what is on disk."""
    loaded = load_config(config)
    with locked(data, wait=wait), opened_store(data) as store:
        from aggregator.cli.console import renewal
        from aggregator.publish.site import publish as publish_all

        store.sync_sources(loaded.sources)
        with renewal() as renewing:
            report = publish_all(store, loaded, data, everything=True, renewing=renewing)
    show_written(report, data)
    raise typer.Exit(show_failures(report.failures))


def _known_sources(config: Config, wanted: Sequence[str]) -> None:
    import difflib

    ids = [source.id for source in config.sources]
    problems = []
    for name in wanted:
        if name not in ids:
            near = difflib.get_close_matches(name, ids, 1)
            hint = f"; did you mean {near[0]!r}?" if near else "; `aggregator status` lists them"
            problems.append(Problem(f"--source {name}: there is no such source{hint}", str(config.path)))
    if problems:
        raise ConfigError(problems)


def run_cycle(
    config: Config, data: Path, *, everything: bool, only: Sequence[str], form: LogFormat = LogFormat.text
) -> int:
    """Run a cycle over the sources that are due and show what it gave; returns the exit status.

    Raises:
        AggregatorError: something else than a source failed; all else was done and shown.
    """
    from functools import partial

    from aggregator.cli.console import progress, renewal
    from aggregator.cycle import Cycle
    from aggregator.pool import Pool

    with opened_store(data) as store, Pool() as pool:
        chosen = _chosen(config, store, everything=everything, only=only, form=form)
        make = partial(Cycle, store, data, pool, config=lambda: config, clock=utc_now)
        if chosen:
            import asyncio

            with progress(len(chosen), form) as (on_result, on_renewed):
                summary = asyncio.run(make(on_renewed=on_renewed).run(chosen, on_result=on_result))
        else:
            nothing_due = _nothing_due(config, store)
            with renewal() as on_renewed:
                summary = make(on_renewed=on_renewed).finish()
        left = summary.failures or summary.troubles
        if prospect := None if left else idle.leave(config, store, utc_now()):
            foretold = [_nothing_due(config, store), NOTHING_TO_WRITE]
    if prospect:
        idle.remember(config, data, foretold, prospect)
    # Only now: what cannot be shown must not keep anything from being published, and who reads it may be slow.
    if chosen:
        _show(config, summary.results)
    else:
        say(nothing_due)
    if summary.removed:
        say(f"Removed {summary.removed} entries that are kept no longer.")
    show_written(summary.written, data)
    status = max(_status(summary.results), show_failures(summary.failures))
    for trouble in summary.troubles[:-1]:
        complain(f"error: {trouble}")
    if summary.troubles:
        raise summary.troubles[-1]
    return status


def show_cycle(config: Config, store: Store, *, everything: bool, only: Sequence[str], form: LogFormat) -> int:
    """Fetch and compare only, on a store that may be thrown away; returns the exit status."""
    chosen = _chosen(config, store, everything=everything, only=only, form=form)
    results: Sequence[Result] = ()
    if chosen:
        import asyncio

        from aggregator.cli.console import progress
        from aggregator.update import update_due

        with progress(len(chosen), form) as (on_result, _):
            results = asyncio.run(update_due(config, store, chosen, clock=utc_now, dry_run=True, on_result=on_result))
        _show(config, results)
    else:
        say(_nothing_due(config, store))
    say("Dry run: nothing was stored or written.")
    return _status(results)


def _status(results: Sequence[Result]) -> int:
    return 1 if any(result.missed for result in results) else 0


def _chosen(
    config: Config, store: Store, *, everything: bool, only: Sequence[str], form: LogFormat
) -> list[tuple[Source, FeedState]]:
    """The sources to update now, in the order in which they begin."""
    from aggregator.due import choose

    configure(form, hide, stamped=False)
    store.sync_sources(config.sources)
    return choose(config, store, utc_now(), everything=everything, only=only)


def _nothing_due(config: Config, store: Store) -> str:
    if not config.sources:
        return f"{config.path} names no sources; add some below `sources:`"
    asked = {source.id for source in config.sources if not source.paused}
    times = [state.next_due_at for state in store.states().values() if state.next_due_at and state.source_id in asked]
    when = f" The next one is due at {min(times):%Y-%m-%d %H:%M:%S} UTC." if times else ""
    return f"No source is due.{when} Use --all to update them anyway."


def _show(config: Config, results: Sequence[Result]) -> None:
    """The table of what each source gave; of a long one only the rows that say something."""
    from rich.table import Table

    from aggregator.cli.console import output, plain

    order = {source.id: number for number, source in enumerate(config.sources)}
    shown = sorted(results, key=lambda one: order[one.source.id])
    if len(shown) > LONG_TABLE:
        # Failures first of all; each source had its own line already.
        shown = sorted((one for one in shown if not one.quiet), key=lambda one: not one.failed)[:LONG_TABLE]
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("source", overflow="fold")
    for column in ("new", "changed", "known", "seconds"):
        table.add_column(column, justify="right")
    table.add_column("result", overflow="fold")
    for result in shown:
        counts = [str(result.new), str(result.changed), str(result.unchanged)]
        if result.missed:
            counts = ["", "", ""]
        if result.failed:
            outcome = plain(f"{result.state.failure_kind}: {result.state.error}", "red")
        else:
            same = not (result.new or result.changed or result.unchanged)
            word = [] if same and result.notes else ["not modified" if same else "ok"]
            outcome = plain("; ".join([*word, *result.notes[:3]]))
        table.add_row(plain(result.source.id), *counts, f"{result.seconds:.1f}", outcome)
    console = output()
    if shown:
        console.print(table)
    if len(shown) < len(results):
        quiet = sum(one.quiet for one in results)
        rest = len(results) - len(shown) - quiet
        console.print(f"{quiet} sources had nothing new" + (f", and {rest} more had something" if rest else ""))
    failed = sum(result.failed for result in results)
    new = sum(result.new for result in results)
    changed = sum(result.changed for result in results)
    trouble = f"{failed} failed{unreached(results)}"
    console.print(f"{len(results)} sources, {trouble}; {new} new entries, {changed} changed")


def show_failures(failures: Sequence[Failure]) -> int:
    """Say on standard error what could not be published; returns the exit status."""
    for failure in failures[:LONG_TABLE]:
        complain(f"error: {failure}")
    if len(failures) > LONG_TABLE:
        complain(f"error: {len(failures) - LONG_TABLE} others could not be published either")
    return BROKEN if failures else 0


def show_written(report: Report, data: Path) -> None:
    """Say what was written, and what became of files that were there."""
    for note in report.notes:
        complain(f"note: {note}")
    posts = data / "posts"
    if report.adopted:
        complain(f"note: {len(report.adopted)} files below {posts} have the bytes of posts; taken over")
    if report.avoided:
        complain(
            f"note: {len(report.avoided)} files below {posts} are not of this database and stay as they are; "
            "their posts have other names"
        )
    if report.files:
        removed = f", removed {len(report.removed)}" if report.removed else ""
        say(f"Wrote {len(report.posts)} posts and {len(report.feeds)} feed files below {data}{removed}.")
    elif not report.failures:
        say(NOTHING_TO_WRITE)
