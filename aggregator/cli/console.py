"""How commands talk to people: tables and a progress bar on a terminal, plain lines in a log."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from aggregator.logs import LogFormat, describe, printable, tell_result, told_renewal

if TYPE_CHECKING:
    from aggregator.update import Result

#: Width of tables where there is no terminal to ask.
LOG_WIDTH = 160


def output() -> Console:
    """Standard output; wide and without colour where it is not a terminal."""
    return _console(stderr=False)


def plain(text: str, style: str = "") -> Text:
    """Text from outside as it is: no markup of ours, no control characters."""
    return Text(printable(text), style=style)


@contextmanager
def progress(total: int, form: LogFormat, hide: Callable[[str], str]) -> Iterator[Callable[[Result], None]]:
    """Yield a function to call for each finished source: it moves a bar on a terminal, logs a line otherwise.

    Args:
        hide: takes secrets out of a text.
    """
    console = _console(stderr=True)
    if form is LogFormat.json or not console.is_terminal:
        yield tell_result
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        task = bars.add_task("sources", total=total)

        def advance(result: Result) -> None:
            if result.failed:
                bars.console.print(plain(f"{result.source.id}: {hide(describe(result))}", "red"))
            bars.advance(task)

        yield advance


@contextmanager
def renewal() -> Iterator[Callable[[int, int], None]]:
    """Yield a function to call while stored entries are brought to today's rules: a bar on a terminal, else a line.

    It takes the number of those that are done, and of all. Where it is not called, nothing is shown.
    """
    console = _console(stderr=True)
    if not console.is_terminal:
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


def _console(stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else LOG_WIDTH
    return Console(stderr=stderr, width=width, soft_wrap=False, highlight=False)
