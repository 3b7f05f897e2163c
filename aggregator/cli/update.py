"""Commands that do the work: `update`, `publish`, and `demo`, which updates from bundled samples."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from aggregator import importing
from aggregator.cli import ticket
from aggregator.cli.console import LONG_TABLE, complain, hide, say, show_results
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
    copied_store,
    find_database,
    load_config,
    located,
    locked,
    nothing_configured,
    opened_store,
    require_sources,
    utc_now,
)
from aggregator.cli.process import BROKEN
from aggregator.errors import AggregatorError, ConfigError, LockedError
from aggregator.log import LogFormat, Verbosity, configure_logging
from aggregator.place import DATABASE
from aggregator.values.terminal import counted

NOTHING_TO_WRITE = "Nothing to write: all files are up to date."
#: First line of the configuration that the demo writes; only a folder that has it is cleared.
_DEMO_MARK = "# Written by `aggregator demo`; the folder is cleared at the next run."

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
        list[str] | None, typer.Option("--source", "-s", help="Update only this source, due or not; may be repeated.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Fetch and show what would be new; store and write nothing.")
    ] = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
    log_format: LogFormatOption = LogFormat.text,
    wait: WaitOption = False,
) -> None:
    """Run one cycle: fetch the sources that are due, store what is new, publish what changed."""
    verbosity = chosen_verbosity(quiet=quiet, verbose=verbose)
    if quiet and dry_run:
        complain("error: --quiet and --dry-run exclude each other")
        raise typer.Exit(2)
    try:
        if not (everything or source or dry_run or verbose) and _repeat_idle_run(config, data, wait=wait, quiet=quiet):
            return
        loaded = _load_config_quietly(config, data) if quiet else load_config(config)
        require_sources(loaded, source or [], option="--source ")
        options = CycleOptions(everything, source or [], log_format, verbosity)
        if dry_run:
            with copied_store(located(loaded, data)) as copy:
                raise typer.Exit(preview_cycle(loaded, copy, options))
        with locked(data, located(loaded, data), wait=wait, quiet=quiet):
            raise typer.Exit(run_cycle(loaded, data, options))
    except LockedError:
        if quiet:
            # A run that takes longer than the interval of cron is no problem; `health` notices one that never ends.
            raise typer.Exit(3) from None
        raise


def publish(
    config: ConfigOption = DEFAULT_CONFIG,
    data: DataOption = DEFAULT_DATA,
    change_preset: Annotated[
        bool,
        typer.Option(
            "--change-preset",
            help="Give folders of posts the presets that feeds.yaml names, where they have others: write all of their "
            "posts again, and delete the files whose names do not fit.",
        ),
    ] = False,
    restore: Annotated[
        bool, typer.Option("--restore", help="Write posts again whose files are missing, also those that you deleted.")
    ] = False,
    overwrite_edits: Annotated[
        bool,
        typer.Option(
            "--overwrite-edits", help="Replace posts that you edited, for good, and write those that are missing."
        ),
    ] = False,
    wait: WaitOption = False,
) -> None:
    """Render all posts and feeds from the store, and write those that differ from the files on disk.

    Feeds, lists and pages are restored if they were edited or deleted. Posts
    that you edited stay as they are, and posts that you deleted stay deleted,
    unless the options below say otherwise.
    """
    loaded = load_config(config)
    place = located(loaded, data)
    with locked(data, place, wait=wait), opened_store(place) as store:
        from aggregator.cli.console import renewal
        from aggregator.publish.publication import publish as publish_all

        store.sync_sources(loaded.sources)
        _record(store, loaded)
        with renewal() as renewing:
            report = publish_all(
                store,
                loaded,
                data,
                now=utc_now(),
                everything=True,
                change_presets=change_preset,
                restore=restore,
                overwrite_edits=overwrite_edits,
                renewing=renewing,
            )
        failures = [*report.failures, *call_after_publish(loaded, store, data, report)]
    show_written(report, data, whole=not report.failures)
    raise typer.Exit(show_failures(failures))


def call_after_publish(
    config: Config, store: Store, data: Path, report: Report, removed: Sequence[str] = ()
) -> list[OutputFailure]:
    """Call the command of `after_publish` for what a publication outside of a cycle changed; return its failure.

    Args:
        removed: files that were deleted before, relative to the data folder.
    """
    if not config.after_publish:
        return []
    import asyncio

    from aggregator.service.after_publish import AfterPublish, record_changes
    from aggregator.workers import StoreThread

    # The log says so if the command has to wait, or fails.
    configure_logging(LogFormat.text, hide, stamped=False)
    record_changes(store, config, report, removed)
    with StoreThread() as thread:
        failure = asyncio.run(AfterPublish(data, thread, lambda: config, utc_now).run(store))
    return [failure] if failure else []


def demo(data: DataOption = DEFAULT_DATA) -> None:
    """Update from bundled samples: start a small server on this machine, run one update, and list the results."""
    from aggregator.demo import demo_config, serve

    folder = data / "demo"
    _require_demo(folder)
    # Samples go to a file of their own, wherever the database is otherwise.
    with serve() as base_url, locked(folder, folder / DATABASE):
        _clear_demo(folder)
        config = folder / "feeds.yaml"
        config.write_text(f"{_DEMO_MARK}\n{demo_config(base_url)}", encoding="utf-8")
        say(f"Samples are served at {base_url}; one of the sources is broken on purpose.\n")
        run_cycle(replace(load_config(config), database=None), folder, CycleOptions(everything=True))
    posts = sorted((folder / "posts").rglob("*.md"))
    say("\nLook at:")
    for path, what in (
        (folder / "feeds.yaml", "the configuration of this run"),
        (posts[0] if posts else folder / "posts", f"one of {counted(len(posts), 'post')}"),
        (folder / "public" / "all" / "atom.xml", "all sources in one Atom feed"),
        (folder / "public" / "opml.xml", "the list of sources"),
    ):
        say(f"  {path}  ({what})")


def _require_demo(folder: Path) -> None:
    """Exit with a usage error if the folder exists and no demo made it."""
    config = folder / "feeds.yaml"
    if folder.exists() and not (config.is_file() and config.read_text(encoding="utf-8").startswith(_DEMO_MARK)):
        complain(f"error: {folder} was not made by a demo; move it away, or choose another folder with --data")
        raise typer.Exit(2)


def _clear_demo(folder: Path) -> None:
    """Remove what an earlier demo wrote, except for the lock, which is held, and feeds.yaml, which is replaced."""
    from aggregator.datafolder import LOCK_FILES

    for entry in folder.iterdir():
        if entry.name in (*LOCK_FILES, "feeds.yaml"):
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def _load_config_quietly(path: Path, data: Path) -> Config:
    """Read feeds.yaml; exit without a message if the last quiet run reported the same mistakes."""
    try:
        return load_config(path)
    except ConfigError as error:
        if _was_reported(path, data, str(error)):
            raise typer.Exit(2) from None
        raise


def _was_reported(path: Path, data: Path, mistakes: str) -> bool:
    """Return whether the last quiet run reported these mistakes; if not, record that this one does."""
    from aggregator.service.news import config_record

    try:
        place = find_database(path, data)
        if isinstance(place, Path) and not place.is_file():
            return False
        with locked(data, place), opened_store(place) as store:
            record = config_record(store.fingerprints(), mistakes)
            store.record_fingerprints(record)
    except AggregatorError:
        # Without a record, they are reported each time.
        return False
    return not record


class Prospect(NamedTuple):
    """A time in which there is nothing to do."""

    since: datetime
    #: None: without end.
    until: datetime | None
    #: When the next source is due; None: never.
    due: datetime | None
    #: Whether a quiet run has nothing to print in it.
    quiet: bool
    #: The files that a run writes again if they are missing.
    published: Sequence[str]


def _repeat_idle_run(config: Path, data: Path, *, wait: bool, quiet: bool) -> bool:
    """Say what the last run foretold, if nothing has changed since and there is nothing to do; return whether so.

    Raises:
        LockedError: another process holds the data folder.
        PublishError: the heartbeat cannot be written.
    """
    if ticket.recall(config, data, utc_now(), os.environ, quiet=quiet) is None:
        return False
    from aggregator.service.health import write_heartbeat

    # There are tickets for SQLite only.
    with locked(data, data / DATABASE, wait=wait, quiet=quiet):
        # Another process may have held the folder until now, and changed everything.
        now = utc_now()
        said = ticket.recall(config, data, now, os.environ, quiet=quiet)
        if said is None:
            return False
        try:
            write_heartbeat(data, now)
        finally:
            for line in () if quiet else said:
                say(line)
    return True


def _prospect(config: Config, store: Store, now: datetime, *, quiet: bool) -> Prospect | None:
    """Return when there is nothing to do after a run that did everything; None if work is left.

    Args:
        quiet: whether this run printed what got worse or better, so that a quiet one has nothing to print either.
    """
    from aggregator.publish.publication import next_time as next_output
    from aggregator.publish.publication import outputs
    from aggregator.retention import next_time
    from aggregator.service.after_publish import pending

    active = {source.id for source in config.sources if not source.paused}
    try:
        if not config.sources or store.pending_categories():
            return None
        if config.after_publish and pending(store).all.files:
            return None
        if any(state.source_id in active for state in store.due(now)):
            return None
        due = _next_due(config, store)
        removal = next_time(config, store)
        recorded = store.fingerprints()
    except AggregatorError:
        # The next run reports what is wrong.
        return None
    until = min((time for time in (due, removal, next_output(config, recorded)) if time is not None), default=None)
    return Prospect(now, until, due, quiet, outputs(config, recorded))


def _write_ticket(config: Config, data: Path, said: Sequence[str], prospect: Prospect) -> None:
    """Keep what the next run will say, once the database is closed.

    Whether a PostgreSQL database has changed since, perhaps from another machine, only the server knows, and to ask it
    takes as long as the ordinary way: for one there is no ticket.
    """
    if config.database is not None:
        return
    since, until, _, quiet, published = prospect
    environ, posts = os.environ, [one.folder for one in config.posts]
    ticket.remember(config.path, data, config.provenance, published, posts, said, since, until, environ, quiet=quiet)


@dataclass(frozen=True, slots=True)
class CycleOptions:
    """What a call of `update` asks for."""

    everything: bool = False
    #: Ids of the only sources to update; empty: all that are due.
    only: Sequence[str] = ()
    log_format: LogFormat = LogFormat.text
    verbosity: Verbosity = Verbosity.normal


def run_cycle(config: Config, data: Path, options: CycleOptions) -> int:
    """Run a cycle over the sources that are due and show the results; return the exit status.

    Raises:
        AggregatorError: something other than a source failed; everything else was done and shown.
    """
    with importing():
        from functools import partial

        from aggregator.cli.console import progress, renewal
        from aggregator.cycle import Cycle
        from aggregator.judging import rules_note
        from aggregator.service.news import news_logger
        from aggregator.workers import StoreThread

    quiet = options.verbosity is Verbosity.quiet
    with opened_store(located(config, data)) as store, StoreThread() as thread:
        chosen = _chosen(config, store, options)
        on_news = news_logger(config, store) if quiet else None
        make = partial(Cycle, store, data, thread, config=lambda: config, clock=utc_now, on_news=on_news)
        if chosen:
            import asyncio

            with progress(len(chosen), options.log_format, options.verbosity) as (on_result, on_renewed):
                summary = asyncio.run(make(on_renewed=on_renewed).run(chosen, on_result=on_result))
        else:
            nothing_due = _nothing_due(config, _next_due(config, store))
            with renewal(options.verbosity) as on_renewed:
                cycle = make(on_renewed=on_renewed)
                if config.after_publish:
                    import asyncio

                    summary = asyncio.run(cycle.run([]))
                else:
                    summary = cycle.finish()
        note = rules_note(store, config)
        left = summary.failures or summary.troubles or summary.written.lost
        if prospect := None if left else _prospect(config, store, utc_now(), quiet=quiet):
            foretold = [_nothing_due(config, prospect.due), *([note] if note else []), NOTHING_TO_WRITE]
    if prospect:
        _write_ticket(config, data, foretold, prospect)
    if quiet:
        return BROKEN if summary.failures or summary.troubles else _status(summary.results)
    # Last of all: output that cannot be written, or a slow reader, must not keep anything from being published.
    if chosen:
        show_results([source.id for source in config.sources], summary.results)
    else:
        say(nothing_due)
    if summary.removed:
        say(f"Removed {counted(summary.removed, 'expired entry', 'expired entries')}.")
    if note:
        say(note)
    show_written(summary.written, data, whole=not (summary.failures or summary.troubles))
    status = max(_status(summary.results), show_failures(summary.failures))
    for trouble in summary.troubles[:-1]:
        complain(f"error: {trouble}")
    if summary.troubles:
        raise summary.troubles[-1]
    return status


def preview_cycle(config: Config, store: Store, options: CycleOptions) -> int:
    """Fetch and compare only, on a copy of the store that is discarded; return the exit status."""
    chosen = _chosen(config, store, options)
    results: Sequence[SourceResult] = ()
    if chosen:
        with importing():
            import asyncio

            from aggregator.cli.console import progress
            from aggregator.pipeline.run import update_due

        with progress(len(chosen), options.log_format, options.verbosity) as (on_result, _):
            results = asyncio.run(update_due(config, store, chosen, clock=utc_now, dry_run=True, on_result=on_result))
        show_results([source.id for source in config.sources], results)
    else:
        say(_nothing_due(config, _next_due(config, store)))
    say("Dry run: nothing was stored or written.")
    return _status(results)


def _status(results: Sequence[SourceResult]) -> int:
    return 1 if any(result.missed for result in results) else 0


def _chosen(config: Config, store: Store, options: CycleOptions) -> list[tuple[Source, FeedState]]:
    """Return the sources to update now, in the order in which they begin."""
    from aggregator.pipeline.due import choose

    configure_logging(options.log_format, hide, stamped=False, verbosity=options.verbosity)
    store.sync_sources(config.sources)
    _record(store, config)
    return choose(config, store, utc_now(), everything=options.everything, only=options.only)


def _record(store: Store, config: Config) -> None:
    """Let workers know which configuration is in force."""
    if config.database:
        from aggregator.cluster.inforce import record

        record(store, config)


def _next_due(config: Config, store: Store) -> datetime | None:
    active = {source.id for source in config.sources if not source.paused}
    times = [state.next_due_at for state in store.states().values() if state.next_due_at and state.source_id in active]
    return min(times, default=None)


def _nothing_due(config: Config, due: datetime | None) -> str:
    if not config.sources:
        return nothing_configured(config)
    when = f" The next one is due at {due:%Y-%m-%d %H:%M:%S} UTC." if due else ""
    return f"No source is due.{when} Use --all to update them anyway."


def show_failures(failures: Sequence[OutputFailure]) -> int:
    """Report on standard error what could not be published; return the exit status."""
    for failure in failures[:LONG_TABLE]:
        complain(f"error: {failure}")
    if len(failures) > LONG_TABLE:
        complain(f"error: {counted(len(failures) - LONG_TABLE, 'other')} could not be published either")
    return BROKEN if failures else 0


def _around(data: Path, names: Sequence[str]) -> Path:
    """Return the folder of the data folder that holds all of these files, or the data folder."""
    folders = {name.partition("/")[0] for name in names}
    return data / folders.pop() if len(folders) == 1 else data


def show_written(report: Report, data: Path, *, whole: bool) -> None:
    """Say what was written, and what happened to files that existed before.

    Args:
        whole: nothing failed, so that every file that was not written is up to date.
    """
    for note in [*report.notes, *report.lost, *report.edits()]:
        complain(f"note: {note}")
    if report.adopted:
        place = _around(data, report.adopted)
        have = f"{counted(len(report.adopted), 'file')} below {place} {'has' if len(report.adopted) == 1 else 'have'}"
        complain(f"note: {have} the bytes of posts; adopted")
    if report.avoided:
        one = len(report.avoided) == 1
        other = "does not belong to this database and is left alone; its post has another name"
        others = "do not belong to this database and are left alone; their posts have other names"
        files = f"{counted(len(report.avoided), 'file')} below {_around(data, report.avoided)}"
        complain(f"note: {files} {other if one else others}")
    if report.files:
        removed = f", removed {len(report.removed)}" if report.removed else ""
        written = f"{counted(len(report.posts), 'post')} and {counted(len(report.feeds), 'feed file')}"
        say(f"Wrote {written} below {data}{removed}.")
    elif whole:
        say(NOTHING_TO_WRITE)
