"""Commands that edit feeds.yaml: `fix`, `remove`, `pause` and `resume`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aggregator.cli.console import complain, say
from aggregator.cli.options import (
    DEFAULT_CONFIG,
    DEFAULT_DATA,
    ConfigOption,
    DataOption,
    WaitOption,
    load_config,
    locked,
    opened_store,
    read_store,
    utc_now,
)
from aggregator.errors import ConfigError, Problem
from aggregator.values.terminal import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from aggregator.config import Config
    from aggregator.fix import Proposal
    from aggregator.models import Source


def fix(
    config: ConfigOption = DEFAULT_CONFIG,
    data: DataOption = DEFAULT_DATA,
    apply: Annotated[bool, typer.Option("--apply", help="Write the edits to the file.")] = False,
    gone: Annotated[
        bool, typer.Option("--gone", help="Also take out sources that said on three days that they are gone (410).")
    ] = False,
) -> None:
    """Show the edits of feeds.yaml that the sources call for, as a diff, and make them with --apply.

    A feed that has moved for good (301, 308), and has been at its new
    address for a week, gets that address. A page that was given in place
    of a feed gets the address of the feed that it names; such pages are
    asked for it. Comments, quotes and everything else stay as they are.

    Exit status: 0 nothing is left to do, 1 something is: a diff without
    --apply, a source that is gone without --gone, or what has to be done by
    hand and why.
    """
    from aggregator.config.editing import check_edit, read_text, replace_file
    from aggregator.fix import edited

    loaded = load_config(config)
    before = read_text(config)
    found, held = _proposals(loaded, data)
    after, proposals = edited(before, found, gone=gone)
    left = bool(held) or (not (apply and all(_makes(one, gone) for one in proposals)) and bool(proposals))
    for one in proposals:
        say(_told(one, config, gone))
    if after != before:
        made = [one for one in proposals if _makes(one, gone)]
        urls = {one.index: one.url for one in made if one.url is not None}
        removed = [one.index for one in made if one.url is None]
        new = check_edit(loaded, after, os.environ, urls=urls, removed=removed)
        kept = [source for index, source in enumerate(loaded.sources) if index not in removed]
        for old, now in zip(kept, new.sources, strict=True):
            if old.id != now.id:
                say(f"the id {old.id}, made from the address, becomes {now.id}; its entries stay with it")
        say(_diff(before, after, config), end="")
    for source in held:
        say(f"{config}:{source.line}: {source.id} is no feed; its host wants to be left alone now: ask it later")
    if not proposals:
        say("Nothing else to fix." if held else "Nothing to fix.")
    elif apply and after != before:
        replace_file(config, before, after)
        say(f"Changed {config}; a daemon reads it by itself. To undo it, reverse the diff above.")
    elif after != before:
        say("Nothing was changed; --apply makes these edits.")
    raise typer.Exit(1 if left else 0)


def remove(
    source: Annotated[str, typer.Argument(help="Id of the source, as `aggregator status` shows it.")],
    config: ConfigOption = DEFAULT_CONFIG,
    data: DataOption = DEFAULT_DATA,
    purge: Annotated[
        bool, typer.Option("--purge", help="Also delete its entries, its post files and all that is stored of it.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="With --purge: do not ask.")] = False,
    wait: WaitOption = False,
) -> None:
    """Take a source out of feeds.yaml, with its own comments; everything else in the file stays as it is.

    Its entries leave the feeds at the next publication, its posts stay.

    With --purge all that is stored of it goes, at once, and so do its
    posts; that works, too, for a source that was taken out before. It needs
    the data folder for itself: stop the daemon before.

    Exit status: 0 done, 1 nobody agreed, 2 there is no such source, or the
    file is written so that only a person can take it out, 3 the data folder
    is in use, 4 something could not be written.
    """
    loaded = load_config(config)
    ids = [one.id for one in loaded.sources]
    if not purge:
        known_source(source, ids, config, "; what is stored of sources that were taken out goes with --purge")
        _take_out(loaded, source)
        say(f"Took {source} out of {config}; its entries leave the feeds at the next publication.")
        return
    known_source(source, [*ids, *_stored(data)], config)
    _confirm(source, yes)
    with locked(data, wait=wait):
        status = _purge(_take_out(loaded, source) if source in ids else loaded, data, source)
    raise typer.Exit(status)


def pause(
    source: Annotated[str, typer.Argument(help="Id of the source, as `aggregator status` shows it.")],
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Ask a source no more for now: puts `paused: true` into feeds.yaml.

    Its entries and posts stay published. `aggregator update --source ID`
    asks it all the same. Everything else in the file stays as it is.
    """
    if _set_paused(config, source, True):
        say(f"Paused {source} in {config}; its entries stay published. To end that: aggregator resume {source}")
    else:
        say(f"{source} is paused already.")


def resume(
    source: Annotated[str, typer.Argument(help="Id of the source, as `aggregator status` shows it.")],
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Ask a paused source again: takes `paused: true` out of feeds.yaml.

    It is asked at the next update if it was due meanwhile. Everything else
    in the file stays as it is.
    """
    if _set_paused(config, source, False):
        say(f"Resumed {source} in {config}; it is asked at the next update if it is due.")
    else:
        say(f"{source} is not paused.")


def _proposals(config: Config, data: Path) -> tuple[list[Proposal], list[Source]]:
    """What would put the sources right, and those that could not be asked now."""
    from aggregator.fix import propose

    with read_store(data) as store:
        states = store.states() if store else {}
        waits = store.host_waits(utc_now()) if store else {}
    named: dict[str, str] = {}
    held: list[Source] = []
    if any(state.failure_kind == "not_a_feed" for state in states.values()):
        import asyncio

        from aggregator.alternates import find_feeds, pages

        named, held = asyncio.run(find_feeds(config, pages(config, states), waits, utc_now))
    return propose(config, states, named), held


def _makes(proposal: Proposal, gone: bool) -> bool:
    return proposal.obstacle is None and (gone or proposal.url is not None)


def _told(proposal: Proposal, config: Path, gone: bool) -> str:
    text = f"{config}:{proposal.source.line}: {proposal.source.id} {proposal.why}"
    if proposal.obstacle is not None:
        return f"{text}; not changed: {proposal.obstacle}"
    if proposal.url is None and not gone:
        return f"{text}; --gone takes it out"
    return text


def _diff(before: str, after: str, path: Path) -> str:
    """A unified diff, its lines with the line breaks they have."""
    import difflib

    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), str(path), str(path)
    )
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _stored(data: Path) -> Sequence[str]:
    with read_store(data) as store:
        return store.source_ids() if store else ()


def known_source(source: str, ids: Collection[str], config: Path, advice: str = "") -> None:
    """Raise ConfigError, with the ids that are nearest, where there is no such source."""
    import difflib

    if source not in ids:
        near = difflib.get_close_matches(source, ids, 3)
        hint = (
            f"; did you mean {' or '.join(map(repr, near))}?" if near else f"; `aggregator status` lists them{advice}"
        )
        raise ConfigError([Problem(f"there is no source {source!r}{hint}", str(config))])


def _confirm(source: str, yes: bool) -> None:
    if yes:
        return
    if sys.stdin is None or not sys.stdin.isatty():
        complain("error: --purge cannot be undone; say --yes where nobody can be asked")
        raise typer.Exit(2)
    if not typer.confirm(f"Delete all entries and posts of {source} for good?"):
        say("Nothing was done.")
        raise typer.Exit(1)


def _take_out(config: Config, source: str) -> Config:
    """Take a source out of the file, and return what the file says then."""
    from aggregator.config.editing import remove_source

    index = _index(config, source)
    return _edit(config, lambda text: remove_source(text, index), removed=[index])


def _set_paused(path: Path, source: str, paused: bool) -> bool:
    """Pause a source or let it go on, in the file; returns whether that was not so before."""
    from aggregator.config.editing import set_paused

    config = load_config(path)
    known_source(source, [one.id for one in config.sources], path)
    index = _index(config, source)
    if config.sources[index].paused is paused:
        return False
    _edit(config, lambda text: set_paused(text, index, paused), paused={index: paused})
    return True


def _index(config: Config, source: str) -> int:
    return next(index for index, one in enumerate(config.sources) if one.id == source)


def _edit(
    config: Config,
    edit: Callable[[str], str],
    *,
    removed: Collection[int] = (),
    paused: Mapping[int, bool] | None = None,
) -> Config:
    """Edit the file and return what it says then; see `check` for the last two arguments."""
    from aggregator.config.editing import NotEditable, check_edit, read_text, replace_file

    before = read_text(config.path)
    try:
        after = edit(before)
    except NotEditable as error:
        raise ConfigError([Problem(str(error), str(config.path))]) from None
    new = check_edit(config, after, os.environ, removed=removed, paused=paused)
    replace_file(config.path, before, after)
    return new


def _purge(config: Config, data: Path, source: str) -> int:
    from aggregator.cli.run import show_failures
    from aggregator.publish.publication import publish
    from aggregator.removal import purge

    with opened_store(data) as store:
        store.sync_sources(config.sources)
        removed = purge(store, data, source)
        report = publish(store, config, data)
    entries, files = counted(removed.entries, "entry", "entries"), counted(report.files, "file")
    say(f"Deleted {source} with {entries}; wrote or removed {files} below {data}.")
    return show_failures([*removed.failures, *report.failures])
