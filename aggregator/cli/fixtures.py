"""`capture`, and what `check --fixtures` does: sources kept as files, and what comes of them now."""

from __future__ import annotations

import difflib
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aggregator.cli.console import complain, hide, say, say_json
from aggregator.cli.items import JsonOption
from aggregator.cli.options import (
    DEFAULT_CONFIG,
    DEFAULT_DATA,
    ConfigOption,
    DataOption,
    load_config,
    require_sources,
    utc_now,
)
from aggregator.log import LogFormat, configure_logging
from aggregator.values.terminal import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from aggregator.config import Config
    from aggregator.fixtures import Captured, Checked
    from aggregator.models import Fetched, NotModified, Request
    from aggregator.pipeline.together import Send
    from aggregator.snapshots import Change, Difference, Item

#: Items that are named, and lines of each difference.
_NAMED = 5
_LINES = 6
#: Characters of one line of a difference, and how many of them before the first one that differs.
_LONG = 74
_BEFORE = 20
#: Characters of a text that are compared line by line.
_COMPARED = 100_000
#: Where the HTML of an item is broken into lines.
_BLOCKS = re.compile(r"(?=<(?:p|div|h[1-6]|ul|ol|li|figure|img|table|tr|blockquote|pre)\b)")
#: Fixtures that are read at the same time.
_AT_ONCE = 2


def capture(
    source: Annotated[str, typer.Argument(help="Id of the source, as shown by `aggregator status`.")],
    config: ConfigOption = DEFAULT_CONFIG,
    data: DataOption = DEFAULT_DATA,
    offline: Annotated[
        bool, typer.Option("--offline", help="Fetch nothing: expect what comes of the kept documents now.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Keep what a source answers, and the items made of it, in `fixtures/` beside feeds.yaml.

    `aggregator check --fixtures` then shows what an edit changes of them,
    without fetching anything. What was kept of the source before is
    replaced. The folder is meant to be shared: no secret enters it.

    Exit status: 0 kept, 1 the source failed; nothing was changed.
    """
    import asyncio

    from aggregator.fixtures import EXPECTED, capture_again, folder_of
    from aggregator.fixtures import capture as keep

    configure_logging(LogFormat.text, hide, stamped=False)
    loaded = load_config(config)
    require_sources(loaded, [source])
    chosen = next(one for one in loaded.sources if one.id == source)
    if offline and not (folder_of(loaded, source) / EXPECTED).is_file():
        complain(f"error: --offline: {folder_of(loaded, source)} does not exist yet; capture the source without it")
        raise typer.Exit(2)
    with watched(same) as through:
        again = capture_again(loaded, chosen) if offline else None
        done = asyncio.run(again or keep(loaded, chosen, clock=utc_now, data=data, through=through))
    if as_json:
        say_json(_captured_json(done), indent=2)
    else:
        _say_captured(done)
    raise typer.Exit(1 if done.fixture is None else 0)


def same(send: Send) -> Send:
    """Return what sends requests as it is."""
    return send


@contextmanager
def watched(through: Callable[[Send], Send]) -> Iterator[Callable[[Send], Send]]:
    """Yield what requests go through so that a terminal shows how many documents have come, and of how many.

    Args:
        through: what they go through besides.
    """
    from aggregator.cli.console import counting

    asked, done = 0, 0

    def counted_too(send: Send) -> Send:
        inner = through(send)

        async def fetch(request: Request) -> Fetched | NotModified:
            nonlocal asked, done
            asked += 1
            progress(done, asked)
            try:
                return await inner(request)
            finally:
                done += 1
                progress(done, asked)

        return fetch

    with counting("fetching") as progress:
        yield counted_too


def _say_captured(done: Captured) -> None:
    if done.fixture is None:
        complain(f"error: {done.seen.source.id}: {done.problem}; nothing was changed")
        return
    for note in done.seen.result.notes:
        say(f"note: {note}")
    documents = sum(one.document is not None for one in done.fixture.answers)
    if done.difference:
        say(f"note: without its secrets, other items come of it: {summary(done.difference)}")
    say(f"Kept {counted(documents, 'document')} and {counted(len(done.fixture.items), 'item')} in {done.folder}.")


def _captured_json(done: Captured) -> dict[str, Any]:
    return {
        "source": done.seen.source.id,
        "folder": str(done.folder),
        "problem": done.problem,
        "notes": list(done.seen.result.notes),
        "documents": 0 if done.fixture is None else sum(one.document is not None for one in done.fixture.answers),
        "items": 0 if done.fixture is None else len(done.fixture.items),
    }


# -- check -------------------------------------------------------------------------------------------------------------


def check_all(config: Config) -> list[Checked]:
    """Check all fixtures of a configuration, and return what was found, in the order of their names."""
    import asyncio

    from aggregator.fixtures import check, find, page_reader

    configure_logging(LogFormat.text, hide, stamped=False)

    async def all_of_them() -> list[Checked]:
        turn = asyncio.Semaphore(_AT_ONCE)

        async with page_reader() as pages:

            async def one(folder: Path) -> Checked:
                async with turn:
                    return await check(config, folder, pages)

            return await asyncio.gather(*map(one, find(config)))

    return asyncio.run(all_of_them())


def say_checked(config: Config, found: Sequence[Checked]) -> None:
    """Say what a check of fixtures found."""
    from aggregator.fixtures import FOLDER

    for one in found:
        if not one.fine:
            _say_one(one)
    wrong = sum(not one.fine for one in found)
    if not found:
        say(f"{config.path.parent / FOLDER} has no fixtures; `aggregator capture SOURCE` makes one")
    elif wrong:
        verb = "is" if wrong == 1 else "are"
        say(f"{counted(len(found), 'fixture')}, {wrong} {verb} not as expected; if that is right, the command")
        say("`aggregator capture SOURCE --offline` expects it from now on")
    else:
        count = sum(one.items for one in found)
        say(f"{counted(len(found), 'fixture')} with {counted(count, 'item')}: all as expected")


def _say_one(one: Checked) -> None:
    if one.problem is not None:
        say(f"{one.name}: {one.problem}")
    elif one.difference:
        say(f"{one.name}: {summary(one.difference)}, of {counted(one.items, 'item')}")
        say_difference(one.difference)
    else:
        say(f"{one.name}: the items are as expected, but it asks for more")
    for address in one.unanswered[:_NAMED]:
        say(f"  not captured: {address}")
    if len(one.unanswered) > _NAMED:
        say(f"  and {len(one.unanswered) - _NAMED} more that were not captured")


def checked_json(one: Checked) -> dict[str, Any]:
    """Return what a check of one fixture found, for programs."""
    return {
        "fixture": one.name,
        "source": one.source_id,
        "fine": one.fine,
        "items": one.items,
        "problem": one.problem,
        "not_captured": list(one.unanswered),
        **difference_json(one.difference),
    }


# -- differences -------------------------------------------------------------------------------------------------------


def summary(found: Difference) -> str:
    """Say in one clause how many items differ."""
    counts = ((len(found.missing), "missing"), (len(found.new), "new"), (len(found.changed), "changed"))
    return ", ".join(f"{count} {what}" for count, what in counts if count) or "nothing differs"


def difference_json(found: Difference) -> dict[str, Any]:
    """Return a difference for programs."""
    return {
        "missing": [_named_json(one) for one in found.missing],
        "new": [_named_json(one) for one in found.new],
        "changed": [
            {
                **_named_json(change.after),
                "fields": {name: {"before": old, "after": new} for name, (old, new) in change.fields.items()},
            }
            for change in found.changed
        ],
    }


def say_difference(found: Difference) -> None:
    """Print how two lists of items differ: field by field, with an example of each, and then what is missing or new."""
    fields = found.by_field()
    dates = {name: changes for name, changes in fields if name in ("published_at", "updated_at")}
    for name, changes in fields:
        if name == "updated_at" and changes == dates.get("published_at"):
            # Most items have the same date twice.
            continue
        say(f"  {name}{_where(changes)}:")
        for line in _compared(*changes[0].fields[name]):
            say(f"    {line}")
    for what, items in (("missing", found.missing), ("new", found.new)):
        for item in items[:_NAMED]:
            say(f"  {what}: {_name(item)}")
        if len(items) > _NAMED:
            say(f"  and {len(items) - _NAMED} more {what}")


def _where(changes: Sequence[Change]) -> str:
    first = _cut(str(_named_json(changes[0].after)["title"]), 0, _LONG - 20)
    return f" of {first}" if len(changes) == 1 else f" of {len(changes)} items, such as {first}"


def _name(item: Item) -> str:
    return ", ".join(str(text) for text in _named_json(item).values() if text)


def _named_json(item: Item) -> dict[str, Any]:
    from aggregator.snapshots import entry_of

    entry = entry_of(item)
    return {"title": entry.get("title"), "url": entry.get("url")}


def _compared(old: Any, new: Any) -> Iterator[str]:
    """Yield the lines that differ, marked with - and +."""
    before, after = _pieces(old), _pieces(new)
    marked = [
        line
        for line in difflib.unified_diff(before, after, n=0, lineterm="")
        if not line.startswith(("---", "+++", "@@"))
    ]
    pair = len(marked) == 2 and marked[0][0] != marked[1][0]
    start = _common(marked[0][1:], marked[1][1:]) if pair else 0
    for line in marked[:_LINES]:
        yield f"{line[0]} {_cut(line[1:], start)}"
    if len(marked) > _LINES:
        yield f"and {len(marked) - _LINES} more lines"


def _pieces(value: Any) -> list[str]:
    """Return a value as lines."""
    if isinstance(value, list):
        return [one["url"] if isinstance(one, dict) and "url" in one else str(one) for one in value] or ["(nothing)"]
    text = "" if value is None else str(value)
    lines = (line for part in _BLOCKS.split(text[:_COMPARED]) for line in part.splitlines())
    return [line for line in lines if line.strip()] or ["(nothing)"]


def _common(one: str, other: str) -> int:
    """Return how many characters two texts have in common at their beginning."""
    pairs = zip(one, other, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _cut(text: str, start: int, width: int = _LONG) -> str:
    """Return a part of a text that shows what comes at `start`, as wide as half a line of East Asian letters allows."""
    width = width if text.isascii() else width // 2
    begin = max(0, start - _BEFORE) if len(text) > width else 0
    part = text[begin : begin + width]
    return f"{'…' if begin else ''}{part}{'…' if begin + width < len(text) else ''}"
