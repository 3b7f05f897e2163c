"""How commands talk to people: tables and a progress bar on a terminal, plain lines in a log, JSON for programs.

Whatever a command prints goes through here: secrets are hidden, and nothing is left that a terminal would obey.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from aggregator.cli.table import Cell, Column, lines, unpainted
from aggregator.log import LogFormat, Volume, describe, tell_result, told_renewal
from aggregator.values.terminal import as_json, printable, printable_lines

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from aggregator.pipeline.run import SourceResult

#: Width of bars where there is no terminal to ask.
LOG_WIDTH = 160
#: Variables of the environment by which Rich takes for a terminal what is none.
_SAYING = frozenset({"FORCE_COLOR", "TTY_COMPATIBLE"})


class _Hidden:
    """What is never shown: the secrets of the configuration that the running command has read."""

    def __init__(self) -> None:
        self._secrets: frozenset[str] = frozenset()

    def keep(self, secrets: frozenset[str]) -> None:
        self._secrets = secrets

    def hide(self, text: str) -> str:
        """Take them out of a text."""
        if not self._secrets and "://" not in text:
            return text
        from aggregator.config import redact

        return redact(text, self._secrets)


_hidden = _Hidden()
hide = _hidden.hide


def hide_secrets(secrets: frozenset[str]) -> None:
    """From now on, show nothing of these; those of an earlier command are forgotten."""
    _hidden.keep(secrets)


def say(text: str, *, end: str = "\n") -> None:
    """Print text on standard output."""
    # The stream by name: else another one is made that writes UTF-8, whatever the locale can say.
    typer.echo(printable_lines(hide(text)) + end, nl=False, file=sys.stdout)


def complain(text: str) -> None:
    """Print text on standard error."""
    typer.echo(printable_lines(hide(text)), err=True)


def say_json(value: object, *, indent: int | None = None) -> None:
    """Print a value as JSON on standard output."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    ascii_only = not encoding.lower().replace("-", "").startswith("utf")
    typer.echo(as_json(value, hide, indent=indent, ascii_only=ascii_only))


def say_table(
    columns: Sequence[Column], rows: Sequence[Sequence[Cell]], *, wrap: bool = False, header: bool = True
) -> None:
    """Print a table on standard output: as wide as the terminal, or one line for each row where it is none.

    Args:
        wrap: what is too long in the last column goes on below, and is not cut.
        header: print the titles of the columns.
    """
    clean = [[Cell(printable(hide(cell.text)), cell.colour) for cell in row] for row in rows]
    terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size().columns if terminal else None
    coloured = terminal and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    laid = lines(columns, clean, width, wrap=wrap, paint=_painted if coloured else unpainted)
    typer.echo("\n".join(laid if header else [*laid][1:]), file=sys.stdout)


def _painted(cell: Cell, text: str) -> str:
    if not cell.colour:
        return text
    return typer.style(text, bold=True) if cell.colour == "bold" else typer.style(text, fg=cell.colour)


def plain(text: str, style: str = "") -> Text:
    """Text from outside for a table: no markup of ours, no control characters, no secrets, also where it is cut."""
    from rich.text import Text

    return Text(printable(hide(text)), style=style)


@contextmanager
def progress(
    total: int, form: LogFormat, volume: Volume = Volume.normal
) -> Iterator[tuple[Callable[[SourceResult], None], Callable[[int, int], None]]]:
    """Yield what shows how far a cycle has come: bars on a terminal, lines otherwise.

    One function is to be called for each finished source, the other as that of `renewal`.
    """
    console = _terminal() if form is not LogFormat.json and volume is Volume.normal else None
    if console is None:
        yield tell_result, told_renewal
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
def renewal(volume: Volume = Volume.normal) -> Iterator[Callable[[int, int], None]]:
    """Yield a function to call while stored entries are brought to today's rules: a bar on a terminal, else a line.

    It takes the number of those that are done, and of all. Where it is not called, nothing is shown.
    """
    console = _terminal() if volume is Volume.normal else None
    if console is None:
        yield told_renewal
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bars = Progress(*columns, console=console, transient=True)
    task = bars.add_task("cleaning stored entries", total=None)

    def advance(done: int, total: int) -> None:
        bars.start()
        bars.update(task, completed=done, total=total)

    try:
        yield advance
    finally:
        bars.stop()


def _terminal() -> Console | None:
    """Standard error where it is a terminal or is said to be one, else None."""
    if not sys.stderr.isatty() and _SAYING.isdisjoint(os.environ):
        # Most runs have none, and Rich takes long to import.
        return None
    from rich.console import Console

    console = Console(stderr=True, width=None if sys.stderr.isatty() else LOG_WIDTH, soft_wrap=False, highlight=False)
    return console if console.is_terminal else None
