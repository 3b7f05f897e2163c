"""The output of commands: tables and progress bars on a terminal, plain lines in a log, JSON for programs.

Everything that a command prints goes through this module: it removes secrets and the control characters that a terminal
would obey.

A table is as wide as the terminal; without one, each row is a line of the length that it needs. If the width does not
suffice, columns are left out, the least important ones first; then names are cut in their middle, as long as they stay
different; and the text of the last column is cut at the end, or continued below its row.
"""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import typer

from aggregator.log import LogFormat, Verbosity, describe, log_renewal, log_result, outage_suffix, withheld
from aggregator.values.terminal import as_json, counted, printable, printable_lines

#: Maximum number of rows. If there are more sources, the table shows those that failed or had something new.
LONG_TABLE = 50

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from aggregator.pipeline.run import SourceResult

#: Width of bars if there is no terminal to ask.
LOG_WIDTH = 160
#: Environment variables that make Rich treat any stream as a terminal.
_TERMINAL_VARIABLES = frozenset({"FORCE_COLOR", "TTY_COMPATIBLE"})
#: Between two columns.
GAP = "  "
#: Minimum width of the last column; a narrower one is left out.
MIN_LAST = 20
#: The same if its texts are wrapped.
MIN_WRAPPED = 12
#: Indentation of lines below their row.
INDENT = 4
#: Minimum width of a name that is cut.
MIN_NAME = 12


class Cell(NamedTuple):
    """A text, and its colour on a terminal."""

    text: str
    colour: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table."""

    title: str
    right: bool = False
    #: Columns with the highest number are left out first if there is too little room; 0 stays.
    spare: int = 0


Row = Sequence[Cell]
Paint = Callable[[Cell, str], str]


class _Redaction:
    """Removes the secrets of the configuration that the running command has read."""

    def __init__(self) -> None:
        self._secrets: frozenset[str] = frozenset()

    def keep(self, secrets: frozenset[str]) -> None:
        self._secrets = secrets

    def hide(self, text: str) -> str:
        """Remove them from a text."""
        if not self._secrets and "://" not in text:
            return text
        from aggregator.config import redact

        return redact(text, self._secrets)


_redaction = _Redaction()
hide = _redaction.hide


def hide_secrets(secrets: frozenset[str]) -> None:
    """Remove these from all further output; those of an earlier command are forgotten."""
    _redaction.keep(secrets)


def say(text: str, *, end: str = "\n") -> None:
    """Print text on standard output."""
    # Without `file`, Typer makes another stream, which writes UTF-8 even if the locale has another encoding.
    typer.echo(printable_lines(hide(text)) + end, nl=False, file=sys.stdout)


def say_bytes(data: bytes) -> None:
    """Write bytes on standard output that is no terminal; the caller has removed secrets."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)


def complain(text: str) -> None:
    """Print text on standard error."""
    typer.echo(printable_lines(hide(text)), err=True)


def say_document(data: bytes) -> None:
    """Print a document on standard output as it is, whatever encoding that has; it holds no secrets and no controls."""
    sys.stdout.flush()
    typer.echo(data, nl=False)


def say_json(value: object, *, indent: int | None = None) -> None:
    """Print a value as JSON on standard output."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    ascii_only = not encoding.lower().replace("-", "").startswith("utf")
    typer.echo(as_json(value, hide, indent=indent, ascii_only=ascii_only))


def say_table(
    columns: Sequence[Column], rows: Sequence[Sequence[Cell]], *, wrap: bool = False, header: bool = True
) -> None:
    """Print a table on standard output, as wide as the terminal, or one line for each row without a terminal.

    Args:
        wrap: continue a text that is too long for the last column below its row instead of cutting it.
        header: print the titles of the columns.
    """
    clean = [[Cell(printable(hide(cell.text)), cell.colour) for cell in row] for row in rows]
    terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size().columns if terminal else None
    coloured = terminal and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    table = layout(columns, clean, width, wrap=wrap, paint=_painted if coloured else unpainted)
    typer.echo("\n".join(table if header else [*table][1:]), file=sys.stdout)


def _painted(cell: Cell, text: str) -> str:
    if not cell.colour:
        return text
    return typer.style(text, bold=True) if cell.colour == "bold" else typer.style(text, fg=cell.colour)


def unpainted(cell: Cell, text: str) -> str:
    """Return the text of a cell without colour."""
    return text


def layout(
    columns: Sequence[Column],
    rows: Sequence[Row],
    width: int | None,
    *,
    wrap: bool = False,
    paint: Paint = unpainted,
) -> Iterator[str]:
    """Lay out a table, with a header.

    Args:
        columns: the first one holds names, the last one texts of any length.
        width: of the terminal; None: cut and leave out nothing.
        wrap: continue a long last text on further lines instead of cutting it.
        paint: returns the text of a cell with its colour.
    """
    table = [[Cell(column.title, "bold") for column in columns], *rows]
    kept = list(range(len(columns)))
    widths = [max(cell_width(row[place].text) for row in table) for place in kept]
    widths[0] = max(widths[0], 1)
    if width is not None:
        last = min(MIN_WRAPPED if wrap else MIN_LAST, widths[-1]) + len(GAP)
        kept = _kept(columns, widths, width, last)
        names = [row[0].text for row in rows]
        room = width - sum(widths[place] + len(GAP) for place in kept[1:] if not _is_last(place, columns))
        room -= last if _is_last(kept[-1], columns) else 0
        short = shortened(names, max(room, MIN_NAME))
        table = [table[0], *([Cell(name, row[0].colour), *row[1:]] for name, row in zip(short, rows, strict=True))]
        # A name that is still too long widens its own row only.
        widths[0] = min(max(cell_width(row[0].text) for row in table), max(room, MIN_NAME))
    for row in table:
        yield from _row(columns, kept, widths, row, width, wrap, paint)


def shortened(names: Sequence[str], width: int) -> list[str]:
    """Cut names that are too long in their middle, unless two of them would look the same."""
    from collections import Counter

    long = [name for name in names if cell_width(name) > width]
    if not long:
        return list(names)
    taken = Counter(names)
    found: dict[str, str] = {}
    left = set(long)
    # Names differ mostly at their end or at their beginning: try both.
    for share in (4, 6, 2, 7, 1):
        tail = width * share // 8
        cut = {name: _cut(name, width - tail - 1, tail) for name in left}
        count = Counter(cut.values())
        for name, short in cut.items():
            if count[short] == 1 and short not in taken:
                found[name] = short
        taken.update(found.values())
        left -= found.keys()
    return [found.get(name, name) for name in names]


def _cut(name: str, head: int, tail: int) -> str:
    """Return the beginning and the end of a name; both numbers are widths on a terminal."""
    return f"{_first(name, head)}…{_first(name[::-1], tail)[::-1]}"


def _first(text: str, width: int) -> str:
    if text.isascii():
        return text[:width]
    taken, used = 0, 0
    for character in text:
        used += cell_width(character)
        if used > width:
            break
        taken += 1
    return text[:taken]


def cell_width(text: str) -> int:
    """Return the width of a text on a terminal: East Asian letters take two columns."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _is_last(place: int, columns: Sequence[Column]) -> bool:
    return place == len(columns) - 1


def _kept(columns: Sequence[Column], widths: list[int], width: int, last: int) -> list[int]:
    """Return the places of the columns that fit beside the names, which may take half of the width."""
    kept = list(range(len(columns)))
    names = min(widths[0], width // 2)

    def needed() -> int:
        size = names + sum(widths[place] + len(GAP) for place in kept[1:] if not _is_last(place, columns))
        return size + (last if _is_last(kept[-1], columns) else 0)

    for spare in sorted({column.spare for column in columns if column.spare}, reverse=True):
        if needed() <= width:
            break
        kept = [place for place in kept if columns[place].spare != spare]
    return kept


def _row(
    columns: Sequence[Column],
    kept: list[int],
    widths: list[int],
    row: Row,
    width: int | None,
    wrap: bool,
    paint: Paint,
) -> Iterator[str]:
    parts = []
    used = 0
    for place in kept[:-1]:
        cell = row[place]
        blank = " " * (widths[place] - cell_width(cell.text))
        shown = paint(cell, cell.text)
        parts.append(blank + shown if columns[place].right else shown + blank)
        used += max(widths[place], cell_width(cell.text)) + len(GAP)
    cell = row[kept[-1]]
    if not _is_last(kept[-1], columns) or width is None:
        blank = " " * (widths[kept[-1]] - cell_width(cell.text)) if columns[kept[-1]].right else ""
        yield GAP.join([*parts, blank + paint(cell, cell.text)]).rstrip()
        return
    room = max(width - used, MIN_WRAPPED)
    text, rest, indent = cell.text, list[str](), used
    if cell_width(text) > room and not wrap:
        text = f"{_first(text, room - 1)}…"
    elif cell_width(text) > room:
        # If less than half of the width is left, the text gets lines of its own.
        indent = used if room >= width // 2 else INDENT
        rest = _wrapped(text, width - indent)
        text = rest.pop(0) if indent == used else ""
    yield GAP.join([*parts, paint(cell, text) if text else ""]).rstrip()
    for line in rest:
        yield " " * indent + paint(cell, line)


def _wrapped(text: str, width: int) -> list[str]:
    """Wrap a text; addresses stay whole, so that they can be copied."""
    # If letters are twice as wide, half as many fit.
    room = width if text.isascii() else width // 2
    return textwrap.wrap(text, max(room, 1), break_long_words=False, break_on_hyphens=False)


def plain(text: str, style: str = "") -> Text:
    """Return text from outside for Rich: no markup, no control characters, no secrets."""
    from rich.text import Text

    return Text(printable(hide(text)), style=style)


@contextmanager
def progress(
    total: int, log_format: LogFormat, verbosity: Verbosity = Verbosity.normal
) -> Iterator[tuple[Callable[[SourceResult], None], Callable[[int, int], None]]]:
    """Yield functions that show the progress of a cycle: bars on a terminal, lines otherwise.

    Call the first one with the result of each source, the second one as that of `renewal`.
    """
    console = _terminal() if log_format is not LogFormat.json and verbosity is Verbosity.normal else None
    if console is None:
        yield log_result, log_renewal
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        sources = bars.add_task("sources", total=total)
        entries = bars.add_task("cleaning stored entries", total=None, visible=False)

        def advance(result: SourceResult) -> None:
            if result.failed:
                bars.console.print(plain(f"{result.source.id}: {describe(result)}", "red"))
            bars.advance(sources)

        def renew(done: int, of: int) -> None:
            bars.update(entries, completed=done, total=of, visible=True)

        yield advance, renew


@contextmanager
def renewal(verbosity: Verbosity = Verbosity.normal) -> Iterator[Callable[[int, int], None]]:
    """Yield a function that shows how far stored entries are cleaned by the current rules: in a bar, or else a line.

    It takes the number of entries done, and of all. As long as it is not called, nothing is shown.
    """
    console = _terminal() if verbosity is Verbosity.normal else None
    if console is None:
        yield log_renewal
        return
    with _bar(console, "cleaning stored entries") as advance:
        yield advance


@contextmanager
def counting(what: str) -> Iterator[Callable[[int, int], None]]:
    """Yield a function that shows on a terminal how far a command is: it takes what is done, and of how many."""
    console = _terminal()
    if console is None:
        yield lambda done, total: None
        return
    with _bar(console, what) as advance:
        yield advance


@contextmanager
def activity(what: str) -> Iterator[Callable[[str], None]]:
    """Yield a function that shows on a terminal what a command is about, in one line that goes at the end."""
    console = _terminal()
    if console is None or console.is_dumb_terminal:
        yield lambda detail: None
        return
    with console.status(plain(what), refresh_per_second=4) as line:
        yield lambda detail: line.update(plain(f"{what} {detail}"))


@contextmanager
def _bar(console: Console, what: str) -> Iterator[Callable[[int, int], None]]:
    """Yield a function that moves a bar, which is shown from its first call on."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bars = Progress(*columns, console=console, transient=True)
    task = bars.add_task(what, total=None)

    def advance(done: int, total: int) -> None:
        bars.start()
        bars.update(task, completed=done, total=total)

    try:
        yield advance
    finally:
        bars.stop()


def _terminal() -> Console | None:
    """Return standard error if it is a terminal or the environment says so, else None."""
    if not sys.stderr.isatty() and _TERMINAL_VARIABLES.isdisjoint(os.environ):
        # Most runs have none, and Rich is slow to import.
        return None
    from rich.console import Console

    console = Console(stderr=True, width=None if sys.stderr.isatty() else LOG_WIDTH, soft_wrap=False, highlight=False)
    return console if console.is_terminal else None


def show_results(ids: Sequence[str], results: Sequence[SourceResult]) -> None:
    """Show a table with the result of each source, or only its important rows if it is long; then the totals.

    Args:
        ids: of all sources, in the order of the table.
    """
    order = {name: number for number, name in enumerate(ids)}
    shown = sorted(results, key=lambda one: order[one.source.id])
    if len(shown) > LONG_TABLE:
        # Failures first; the log has a line for each source.
        shown = sorted((one for one in shown if not one.quiet), key=lambda one: not one.failed)[:LONG_TABLE]
    if shown:
        columns = (Column("source"), *(Column(name, right=True) for name in ("new", "changed", "known", "seconds")))
        say_table((*columns, Column("result")), [_result_row(one) for one in shown], wrap=True)
        say("")
    if len(shown) < len(results):
        quiet = sum(one.quiet for one in results)
        rest = len(results) - len(shown) - quiet
        more = f", and {rest} more had something" if rest else ""
        say(f"{counted(quiet, 'source')} had nothing new{more}")
    failed = sum(result.failed for result in results)
    new = counted(sum(result.new for result in results), "new entry", "new entries")
    changed = sum(result.changed for result in results)
    some = "".join(f", {count} {what}" for what, count in withheld(results).items())
    say(f"{counted(len(results), 'source')}, {failed} failed{outage_suffix(results)}; {new}, {changed} changed{some}")


def _result_row(result: SourceResult) -> list[Cell]:
    """Return the row of one source."""
    counts = [str(result.new), str(result.changed), str(result.unchanged)]
    if result.missed:
        counts = ["", "", ""]
    if result.failed:
        outcome = Cell(f"{result.state.failure_kind}: {result.state.error}", "red")
    else:
        some = [f"{count} {what}" for what, count in withheld([result]).items()]
        same = not (result.new or result.changed or result.unchanged or some)
        word = [] if same and result.notes else ["not modified" if same else ", ".join(["ok", *some])]
        outcome = Cell("; ".join([*word, *result.notes[:3]]))
    return [*map(Cell, (result.source.id, *counts, f"{result.seconds:.1f}")), outcome]
