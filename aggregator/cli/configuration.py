"""Commands for feeds.yaml: `init`, `check` and `schema`; and `fix`, `remove`, `pause` and `resume`, which edit it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aggregator.cli.console import complain, say, say_json
from aggregator.cli.edits import edit_file, index_of, say_new_ids, write_new
from aggregator.cli.items import JsonOption
from aggregator.cli.options import (
    DEFAULT_CONFIG,
    DEFAULT_DATA,
    ConfigOption,
    DataOption,
    WaitOption,
    load_config,
    located,
    locked,
    opened_store,
    read_store,
    require_sources,
    utc_now,
)
from aggregator.errors import AggregatorError
from aggregator.values.terminal import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aggregator.config import Config
    from aggregator.models import Source
    from aggregator.proposals import Proposal


def init(
    config: ConfigOption = DEFAULT_CONFIG,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
) -> None:
    """Write a commented feeds.yaml, and the JSON Schema with which editors check it."""
    from aggregator.config import TEMPLATE

    if config.exists() and not force:
        complain(f"error: {config} exists already; edit it, or overwrite it with --force")
        raise typer.Exit(2)
    schema = write_new(config, TEMPLATE, replace=force)
    say(f"Wrote {config} and {schema}.")
    say("Add sources: aggregator add URL. Then: aggregator check, and: aggregator update")


def check(
    config: ConfigOption = DEFAULT_CONFIG,
    data: DataOption = DEFAULT_DATA,
    fixtures: Annotated[
        bool,
        typer.Option("--fixtures", help="Also read again what `aggregator capture` kept, and show what differs."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Check feeds.yaml and list all mistakes with line and column.

    Where the data folder holds posts already, also say what keeps them from
    being written: another preset, or a folder that is gone.

    Exit status: 0 fine, 1 with --fixtures: something is not as expected, 2
    feeds.yaml has mistakes.
    """
    from aggregator.cli.fixtures import check_all, checked_json, say_checked

    loaded = load_config(config)
    notes = [*map(str, loaded.notes), *_notes_on_data(loaded, data)]
    sources, categories = len(loaded.sources), len(loaded.categories)
    if not as_json:
        for note in notes:
            say(f"note: {note}")
        fine = f"{counted(sources, 'source')} in {counted(categories, 'category', 'categories')}"
        say(f"{config}: fine, {fine}")
    found = check_all(loaded) if fixtures else []
    if as_json:
        whole = {"config": str(config), "sources": sources, "categories": categories, "notes": notes}
        say_json(whole | ({"fixtures": [checked_json(one) for one in found]} if fixtures else {}), indent=2)
    elif fixtures:
        say_checked(loaded, found)
    raise typer.Exit(0 if all(one.fine for one in found) else 1)


def _notes_on_data(config: Config, data: Path) -> list[str]:
    """Return notes on the posts in the data folder, which is only read."""
    path = located(config, data)
    if isinstance(path, str) or not path.is_file():
        # The file is checked without any network.
        return []
    from aggregator.publish.postfolders import folder_notes
    from aggregator.store.database import is_current

    try:
        if not is_current(path):
            return []
        with read_store(path) as store:
            return folder_notes(store, config, data) if store else []
    except AggregatorError as error:
        return [f"{data} was not looked at: {error}"]


def schema() -> None:
    """Print the JSON Schema of feeds.yaml, for editors and other tools."""
    from aggregator.config import schema_text

    say(schema_text(), end="")


def fix(
    config: ConfigOption = DEFAULT_CONFIG,
    data: DataOption = DEFAULT_DATA,
    apply: Annotated[bool, typer.Option("--apply", help="Write the edits to the file.")] = False,
    gone: Annotated[
        bool, typer.Option("--gone", help="Also remove sources that answered on three days that they are gone (410).")
    ] = False,
) -> None:
    """Show the edits of feeds.yaml that the sources require, as a diff; --apply makes them.

    A feed that has moved permanently (301, 308), and has been at its new
    address for a week, gets that address. A page that was configured in
    place of a feed gets the address of the feed that it names; the command
    fetches such pages. Comments, quotes and everything else stay unchanged.

    Exit status: 0 nothing is left to do, 1 something is: a diff without
    --apply, a source that is gone without --gone, or an edit that has to be
    made by hand.
    """
    from aggregator.config.editing import check_edit, read_text, replace_file
    from aggregator.proposals import apply_proposals

    loaded = load_config(config)
    before = read_text(config)
    found, held = _proposals(loaded, data)
    after, proposals = apply_proposals(before, found, gone=gone)
    left = bool(held) or (not (apply and all(_makes(one, gone) for one in proposals)) and bool(proposals))
    for one in proposals:
        say(_describe(one, config, gone))
    if after != before:
        made = [one for one in proposals if _makes(one, gone)]
        urls = {one.index: one.url for one in made if one.url is not None}
        removed = [one.index for one in made if one.url is None]
        new = check_edit(loaded, after, os.environ, urls=urls, removed=removed)
        kept = [source for index, source in enumerate(loaded.sources) if index not in removed]
        say_new_ids(kept, new.sources, "address")
        say(_diff(before, after, config), end="")
    for source in held:
        say(f"{config}:{source.line}: {source.id} is no feed; its host does not want requests now: try again later")
    if not proposals:
        say("Nothing else to fix." if held else "Nothing to fix.")
    elif apply and after != before:
        replace_file(config, before, after)
        say(f"Changed {config}; a running daemon reloads it. To undo the change, reverse the diff above.")
    elif after != before:
        say("Nothing was changed; --apply makes these edits.")
    raise typer.Exit(1 if left else 0)


def remove(
    source: Annotated[str, typer.Argument(help="Id of the source, as shown by `aggregator status`.")],
    config: ConfigOption = DEFAULT_CONFIG,
    data: DataOption = DEFAULT_DATA,
    purge: Annotated[
        bool, typer.Option("--purge", help="Also delete its entries, its posts and everything else that is stored.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="With --purge: do not ask for confirmation.")] = False,
    wait: WaitOption = False,
) -> None:
    """Remove a source from feeds.yaml, with its own comments; everything else in the file stays unchanged.

    Its entries leave the feeds at the next publication; its posts stay.

    --purge also deletes everything that is stored of it, and its posts, at
    once. This works for a source that was removed before, too. It needs
    exclusive use of the data folder: stop the daemon first.

    Exit status: 0 done, 1 the question was not answered with yes, 2 there is
    no such source, or the file is written in a way that only a person can
    edit, 3 the data folder is in use, 4 something could not be written.
    """
    loaded = load_config(config)
    if not purge:
        require_sources(loaded, [source], advice="; --purge deletes what is stored of a source that was removed before")
        _remove_from_file(loaded, source)
        say(f"Removed {source} from {config}; its entries leave the feeds at the next publication.")
        return
    place = located(loaded, data)
    require_sources(loaded, [source], stored=_stored(place))
    _confirm(source, yes)
    with locked(data, place, wait=wait):
        configured = any(one.id == source for one in loaded.sources)
        status = _purge(_remove_from_file(loaded, source) if configured else loaded, data, source)
    raise typer.Exit(status)


def pause(
    source: Annotated[str, typer.Argument(help="Id of the source, as shown by `aggregator status`.")],
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Stop fetching a source for now: add `paused: true` to feeds.yaml.

    Its entries and posts stay published. `aggregator update --source ID`
    still fetches it. Everything else in the file stays unchanged.
    """
    if _set_paused(config, source, True):
        say(f"Paused {source} in {config}; its entries stay published. To fetch it again: aggregator resume {source}")
    else:
        say(f"{source} is paused already.")


def resume(
    source: Annotated[str, typer.Argument(help="Id of the source, as shown by `aggregator status`.")],
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Fetch a paused source again: remove `paused: true` from feeds.yaml.

    The next update fetches it if it has become due meanwhile. Everything
    else in the file stays unchanged.
    """
    if _set_paused(config, source, False):
        say(f"Resumed {source} in {config}; the next update fetches it if it is due.")
    else:
        say(f"{source} is not paused.")


def _proposals(config: Config, data: Path) -> tuple[list[Proposal], list[Source]]:
    """Return the edits that the sources require, and the sources that could not be asked now."""
    from aggregator.proposals import propose

    with read_store(located(config, data)) as store:
        states = store.states() if store else {}
        waits = store.host_waits(utc_now()) if store else {}
    named: dict[str, str] = {}
    held: list[Source] = []
    if any(state.failure_kind == "not_a_feed" for state in states.values()):
        import asyncio

        from aggregator.proposals import find_feeds, pages

        named, held = asyncio.run(find_feeds(config, pages(config, states), waits, utc_now))
    return propose(config, states, named), held


def _makes(proposal: Proposal, gone: bool) -> bool:
    return proposal.obstacle is None and (gone or proposal.url is not None)


def _describe(proposal: Proposal, config: Path, gone: bool) -> str:
    """Return a proposal as one line, and why it is not made."""
    text = f"{config}:{proposal.source.line}: {proposal.source.id} {proposal.why}"
    if proposal.obstacle is not None:
        return f"{text}; not changed: {proposal.obstacle}"
    if proposal.url is None and not gone:
        return f"{text}; --gone removes it"
    return text


def _diff(before: str, after: str, path: Path) -> str:
    """Return a unified diff; lines keep their line breaks."""
    import difflib

    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), str(path), str(path)
    )
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _stored(place: Path | str) -> Sequence[str]:
    with read_store(place) as store:
        return store.source_ids() if store else ()


def _confirm(source: str, yes: bool) -> None:
    if yes:
        return
    if sys.stdin is None or not sys.stdin.isatty():
        complain("error: --purge cannot be undone; add --yes if no terminal is there to ask")
        raise typer.Exit(2)
    if not typer.confirm(f"Delete all entries and posts of {source} for good?"):
        say("Nothing was done.")
        raise typer.Exit(1)


def _remove_from_file(config: Config, source: str) -> Config:
    """Remove a source from the file, and return the new configuration."""
    from aggregator.config.editing import entry_of, remove_source

    index = index_of(config, source)
    return edit_file(config, lambda text: remove_source(text, entry_of(config, index)), removed=[index])


def _set_paused(path: Path, source: str, paused: bool) -> bool:
    """Pause or resume a source in the file; return whether that changed it."""
    from aggregator.config.editing import entry_of, set_paused

    config = load_config(path)
    require_sources(config, [source])
    index = index_of(config, source)
    if config.sources[index].paused is paused:
        return False
    edit_file(config, lambda text: set_paused(text, entry_of(config, index), paused), paused={index: paused})
    return True


def _purge(config: Config, data: Path, source: str) -> int:
    from aggregator.cli.update import call_after_publish, show_failures
    from aggregator.publish.publication import publish
    from aggregator.publish.report import Report
    from aggregator.retention import purge

    with opened_store(located(config, data)) as store:
        store.sync_sources(config.sources)
        removed = purge(store, data, source)
        report = publish(store, config, data, now=utc_now())
        failures = [*removed.failures, *report.failures]
        failures += call_after_publish(config, store, data, report, removed.posts)
    entries, files = counted(removed.entries, "entry", "entries"), counted(report.files, "file")
    say(f"Deleted {source} with {entries}; wrote or removed {files} below {data}.")
    for note in Report(kept=removed.kept).edits():
        complain(f"note: {note}")
    return show_failures(failures)
