"""`opml import` and `opml export`: lists of subscriptions of other programs, and of our own."""

from __future__ import annotations

import os
import sys
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aggregator.cli.console import (
    LONG_TABLE,
    Cell,
    Column,
    complain,
    say,
    say_document,
    say_json,
    say_table,
)
from aggregator.cli.edits import write_new
from aggregator.cli.options import (
    DEFAULT_CONFIG,
    DEFAULT_DATA,
    ConfigOption,
    DataOption,
    load_config,
    load_to_add,
    located,
    read_store,
    utc_now,
)
from aggregator.errors import FetchError
from aggregator.values.terminal import counted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aggregator.config import Config
    from aggregator.subscriptions.merging import Merged

#: Lines with the same reason that are printed; the others are counted.
_FEW = 3
_STDIN = "-"


def import_list(
    file: Annotated[str, typer.Argument(help="An OPML file, its http(s) address, or - for standard input.")],
    config: ConfigOption = DEFAULT_CONFIG,
    category: Annotated[
        str | None,
        typer.Option(
            "--category", help="Slug or title of the category of all sources; otherwise folders are categories."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", "-n", help="Say what would be added, and write nothing.")
    ] = False,
    trust: Annotated[
        bool,
        typer.Option(
            "--trust",
            help="The list is my own: also take over references to secrets, proxies, private addresses, steps.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object for programs.")] = False,
) -> None:
    """Add the feeds of an OPML file to feeds.yaml; comments and all else in it stay.

    Folders become categories. What is in feeds.yaml already stays as it is.
    Pages without a feed are named, not added. Nothing is fetched but a list
    at an address.

    Exit status: 0 all of it is there now, 1 some of it is not, 2 it is no
    OPML, or feeds.yaml is wrong.
    """
    raise typer.Exit(run_import(file, config, category=category, dry_run=dry_run, trust=trust, as_json=as_json))


def run_import(
    file: str,
    path: Path,
    *,
    category: str | None = None,
    dry_run: bool = False,
    trust: bool = False,
    as_json: bool = False,
) -> int:
    """Import a list and print what came of it; returns the exit status.

    Args:
        file: a path, an http(s) address, or ``-``.
        path: feeds.yaml.
    """
    from aggregator.subscriptions.merging import merge
    from aggregator.subscriptions.reading import NotSubscriptions, read

    before, loaded = _configuration(path)
    data, content_type = _document(file, loaded)
    try:
        found = read(data, content_type)
    except NotSubscriptions as error:
        complain(f"error: {file}: {error}")
        return 2
    made = merge(found, path, before, loaded, os.environ, category=category, trust=trust)
    if made.text is not None and not dry_run:
        _write(path, before, made.text)
    written = made.text is not None and not dry_run
    if as_json:
        say_json(_as_json(made, path, written=written), indent=2)
    else:
        _show(made, file, path, written=written)
    return 0 if made.whole else 1


def export(config: ConfigOption = DEFAULT_CONFIG, data: DataOption = DEFAULT_DATA) -> None:
    """Print the sources of feeds.yaml as OPML, with all their settings.

    Other programs read names, addresses and folders; `aggregator opml import`
    makes the same feeds.yaml of it. Passwords and tokens that are written
    out in feeds.yaml are left out, and named on standard error; references
    to secrets stay references.
    """
    from aggregator.config.editing import read_text
    from aggregator.subscriptions.writing import write

    loaded = load_config(config)
    with read_store(located(loaded, data)) as store:
        metadata = store.feed_metadata() if store else {}
    made = write(read_text(config), loaded, metadata)
    say_document(made.data)
    for one in made.omitted:
        complain(f"{config}: {f'{one.of}: ' if one.of else ''}left out {one.what}")
    raise typer.Exit(1 if made.left_out_sources else 0)


def _configuration(path: Path) -> tuple[str | None, Config | None]:
    """Return the text of feeds.yaml and its configuration; None where there is none."""
    from aggregator.config.editing import read_text
    from aggregator.subscriptions.merging import is_blank

    if not path.exists():
        return None, None
    text = read_text(path)
    if is_blank(text):
        return text, None
    text, _, loaded = load_to_add(path)
    return text, loaded


def _document(file: str, config: Config | None) -> tuple[bytes, str]:
    """Return a document, and the Content-Type with which it came."""
    from aggregator.subscriptions.reading import MAX_BYTES

    if file.startswith(("http://", "https://")):
        return _fetched(file, config)
    try:
        if file == _STDIN:
            return sys.stdin.buffer.read(MAX_BYTES + 1), ""
        with Path(file).open("rb") as opened:
            return opened.read(MAX_BYTES + 1), ""
    except OSError as error:
        complain(f"error: {file} cannot be read: {error.strerror or error}")
        raise typer.Exit(2) from None


def _fetched(url: str, config: Config | None) -> tuple[bytes, str]:
    import asyncio

    from aggregator.config import load
    from aggregator.subscriptions.fetching import fetch

    used = config or load(DEFAULT_CONFIG, os.environ, text="sources: []")
    try:
        got = asyncio.run(fetch(url, used, utc_now))
    except FetchError as error:
        complain(f"error: {error}")
        raise typer.Exit(1) from None
    return got.body, got.content_type


def _write(path: Path, before: str | None, text: str) -> None:
    from aggregator.config.editing import replace_file

    if before is None:
        write_new(path, text)
    else:
        replace_file(path, before, text)


def _as_json(made: Merged, path: Path, *, written: bool) -> dict[str, Any]:
    names = ("added", "there", "repeated", "pages", "refused", "left_out")
    return {
        "config": str(path),
        "written": written,
        "categories": made.categories,
        **{name: [asdict(one) for one in getattr(made, name)] for name in names},
        "remarks": [*made.remarks, *made.notes],
    }


def _show(made: Merged, file: str, path: Path, *, written: bool) -> None:
    """Print what came of a list: what was added, what else is in it, and the totals."""
    if 0 < len(made.added) <= LONG_TABLE:
        columns = (Column("source"), Column("category", spare=1), Column("address"))
        rows = [[Cell(one.id), Cell(", ".join(one.categories)), Cell(one.address)] for one in made.added]
        say_table(columns, rows)
        say("")
    _some(f"{file}:{one.line}: {one.address} is there already, as {one.id}" for one in made.there)
    _some(f"{file}:{one.line}: {one.address} is the same as on line {one.first}" for one in made.repeated)
    _some(f"{file}:{one.line}: a page; to look for its feed: aggregator add {one.address}" for one in made.pages)
    for note in made.notes:
        say(f"{file}: {note}")
    for remark in made.remarks:
        complain(f"{file}: {remark}")
    groups: dict[str, list[str]] = defaultdict(list)
    for left in made.left_out:
        groups[left.why].append(f"{file}:{left.line}: {left.of}: left out {left.why}")
    for lines in groups.values():
        _some(lines, few=_FEW, print_line=complain, more="with the same")
    _some((f"{file}:{one.line}: {one.what}: {one.why}" for one in made.refused), print_line=complain)
    say(_totals(made, path, written=written))


def _some(lines: Iterable[str], *, few: int = LONG_TABLE, print_line: Any = say, more: str = "") -> None:
    """Print lines, the first ones if they are many."""
    found = list(lines)
    for line in found[:few]:
        print_line(line)
    if len(found) > few:
        print_line(f"… and {len(found) - few} more {more}".rstrip())


def _totals(made: Merged, path: Path, *, written: bool) -> str:
    new = f" in {counted(len(made.categories), 'new category', 'new categories')}" if made.categories else ""
    what = f"{counted(len(made.added), 'source')}{new}"
    counts = (
        (len(made.there), "there already"),
        (len(made.repeated), "repeated"),
        (len(made.pages), "without a feed"),
        (len(made.refused), "not taken"),
    )
    others = ", ".join(f"{count} {name}" for count, name in counts if count)
    begin = f"Added {what} to {path}" if written else f"{path} was not changed"
    if not written and made.text is not None:
        begin = f"Would add {what} to {path}"
    end = ". To fetch them: aggregator update" if written and made.added else "."
    return f"{begin}{f'; {others}' if others else ''}{end}"
