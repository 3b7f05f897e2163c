"""How commands talk to people: tables and a progress bar on a terminal, plain lines in a log."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from aggregator.update import Result

#: Width of tables where there is no terminal to ask.
LOG_WIDTH = 160


def output() -> Console:
    """Standard output; wide and without colour where it is not a terminal."""
    return _console(stderr=False)


def printable(text: str) -> str:
    """Text from outside without control characters, which a terminal would obey."""
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)


def plain(text: str, style: str = "") -> Text:
    """Text from outside as it is: no markup of ours, no control characters."""
    return Text(printable(text), style=style)


def describe(result: Result) -> str:
    """One line that says what a source gave."""
    if result.failed:
        return f"failed: {result.state.failure_kind}: {result.state.error}"
    parts = [f"{result.new} new", f"{result.changed} changed", f"{result.unchanged} known"]
    if not (result.new or result.changed or result.unchanged):
        parts = ["not modified"]
    return ", ".join([*parts, *result.notes[:3]])


@contextmanager
def progress(total: int, describe_result: Callable[[Result], str]) -> Iterator[Callable[[Result], None]]:
    """Yield a function to call for each finished source: it moves a bar on a terminal, prints a line otherwise."""
    console = _console(stderr=True)
    if not console.is_terminal:

        def line(result: Result) -> None:
            text = f"{result.source.id}: {describe_result(result)} ({result.seconds:.1f} s)"
            sys.stderr.write(printable(text) + "\n")

        yield line
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        task = bars.add_task("sources", total=total)

        def advance(result: Result) -> None:
            if result.failed:
                bars.console.print(plain(f"{result.source.id}: {describe_result(result)}", "red"))
            bars.advance(task)

        yield advance


def _console(stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else LOG_WIDTH
    return Console(stderr=stderr, width=width, soft_wrap=False, highlight=False)
