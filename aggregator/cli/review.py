"""`review` and `not-duplicate`: what a person decides on single items."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from aggregator.cli.console import complain, say, say_json, say_table
from aggregator.cli.items import COLUMNS, ItemRow, JsonOption, item_cells, item_row, require_one_of
from aggregator.cli.options import (
    DEFAULT_CONFIG,
    DEFAULT_DATA,
    ConfigOption,
    DataOption,
    found_items,
    load_config,
    located,
    opened_store,
    read_store,
    utc_now,
)
from aggregator.models import Decision
from aggregator.values.terminal import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from aggregator.config import Config
    from aggregator.store import Store, StoredRuling

#: Items that are read at once.
_BATCH = 100
#: Lines of a text that are shown in a review on a terminal.
_LINES = 6
_QUESTION = "[p]ublish, [d]rop, [c]ategory and publish, [s]kip, [q]uit"


def review(
    items: Annotated[
        list[str] | None,
        typer.Argument(help="Items to decide on, by number, id, address, post file, or words of the title."),
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    data: DataOption = DEFAULT_DATA,
    publish: Annotated[bool, typer.Option("--publish", help="Publish these items.")] = False,
    drop: Annotated[bool, typer.Option("--drop", help="Drop these items.")] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Forget what was decided; the rules decide again.")] = False,
    category: Annotated[str | None, typer.Option("--category", help="Publish these items in this category.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Decide on all items that wait.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Decide on items that a rule or `review: true` of a source holds back.

    Without arguments, it shows one item after the other on a terminal and asks;
    elsewhere, it lists them. Decisions are kept: they also hold for later
    versions of an item, and when rules change. The next publication carries
    them out. A running daemon need not be stopped.
    """
    loaded = load_config(config)
    chosen = [name for name, wanted in (("--publish", publish), ("--drop", drop), ("--undo", undo)) if wanted]
    if len(chosen) > 1 or (category is not None and (drop or undo)):
        _refuse("choose one of --publish, --drop and --undo; --category publishes")
    require_one_of("--category", category, loaded.categories)
    decides = bool(chosen) or category is not None
    if decides and bool(items) == everything:
        _refuse("name the items, or add --all for all that wait")
    if items and not decides:
        _refuse("add --publish, --drop, --category SLUG or --undo")
    if decides:
        decision = None if undo else Decision("dropped" if drop else "published", category)
        _decide(located(loaded, data), items or [], decision, everything=everything, as_json=as_json)
    elif not as_json and sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty():
        _ask(loaded, located(loaded, data))
    else:
        _list(located(loaded, data), as_json)


def not_duplicate(
    first: Annotated[str, typer.Argument(help="An item, by number, id, address, post file, or words of its title.")],
    second: Annotated[str, typer.Argument(help="Another item.")],
    config: ConfigOption = DEFAULT_CONFIG,
    data: DataOption = DEFAULT_DATA,
) -> None:
    """Say that two items are not the same, so that both are published.

    The next publication carries it out. A running daemon need not be stopped.
    """
    place = located(load_config(config), data)
    with found_items(place, [first, second]) as (_, found):
        pks = [one.stored.pk for one in found]
    if pks[0] == pks[1]:
        _refuse("both are the same item")
    with opened_store(place) as store:
        store.copies.keep_apart(*pks)
    say(f"{pks[0]} and {pks[1]} are no duplicates from now on; the next publication shows both.")


def _refuse(message: str) -> None:
    complain(f"error: {message}")
    raise typer.Exit(2)


def _held(store: Store) -> Iterator[StoredRuling]:
    last = 0
    while batch := store.held(_BATCH, last):
        yield from batch
        last = batch[-1].stored.pk


def _list(place: Path | str, as_json: bool) -> None:
    with read_store(place) as store:
        rows = [item_row(one) for one in _held(store)] if store else []
    if as_json:
        say_json([asdict(row) for row in rows], indent=2)
    elif rows:
        say_table(COLUMNS, [item_cells(row) for row in rows])
        say("")
        say(f"{counted(len(rows), 'item')} to review; decide with: aggregator review ITEM --publish, or --drop")
    else:
        say("Nothing waits for review.")


def _decide(
    place: Path | str, texts: Sequence[str], decision: Decision | None, *, everything: bool, as_json: bool
) -> None:
    if everything:
        with read_store(place) as store:
            found = list(_held(store)) if store else []
    else:
        with found_items(place, texts) as (_, found):
            pass
    with opened_store(place) as store:
        for one in found:
            store.decide(one.stored.pk, decision, utc_now())
    rows = [item_row(one) for one in found]
    if as_json:
        say_json([asdict(row) for row in rows], indent=2)
        return
    did = "Forgot what was decided on" if decision is None else _done(decision)
    say(f"{did} {counted(len(rows), 'item')}; the next publication carries it out.")


def _done(decision: Decision) -> str:
    if decision.verdict == "dropped":
        return "Dropped"
    return f"Published in {decision.category}:" if decision.category else "Published"


def _ask(config: Config, place: Path | str) -> None:
    """Show one item after the other, and ask."""
    with read_store(place) as store:
        waiting = [one.stored.pk for one in _held(store)] if store else []
    if not waiting:
        say("Nothing waits for review.")
        return
    done = 0
    with opened_store(place) as store:
        for number, pk in enumerate(waiting, 1):
            one = next((one for one in store.rulings_after(pk - 1, 1) if one.stored.pk == pk), None)
            if one is None or one.ruling.verdict != "held":
                continue
            say(f"\n{number} of {len(waiting)}")
            _show(item_row(one), one)
            answer = _answer(config)
            if isinstance(answer, str):
                break
            if answer is not None:
                store.decide(pk, answer, utc_now())
                done += 1
    say(f"\nDecided on {counted(done, 'item')} of {len(waiting)}; the next publication carries it out.")


def _show(row: ItemRow, one: StoredRuling) -> None:
    from aggregator.values.plaintext import plain_text

    say(row.title)
    say(f"{row.source}, {row.published_at}, {row.url or 'no address'}")
    words = plain_text(one.ruling.entry.html or one.ruling.entry.summary)
    say(words[: _LINES * 80] + ("…" if len(words) > _LINES * 80 else ""))


def _answer(config: Config) -> Decision | str | None:
    """Return the decision of a person, None to skip the item, or ``quit``."""
    while True:
        said = typer.prompt(_QUESTION, default="s", show_default=False).strip().lower()
        if said in ("p", "publish"):
            return Decision("published")
        if said in ("d", "drop"):
            return Decision("dropped")
        if said in ("s", "skip", ""):
            return None
        if said in ("q", "quit"):
            return "quit"
        if said in ("c", "category"):
            slug = typer.prompt(f"category ({', '.join(config.categories)})").strip()
            if slug in config.categories:
                return Decision("published", slug)
            say(f"there is no category {slug}")
