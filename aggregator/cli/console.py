"""How commands talk to people: tables and a progress bar on a terminal, plain lines in a log, JSON for programs.

Whatever a command prints goes through here: secrets are hidden, and nothing is left that a terminal would obey.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from aggregator.logs import LogFormat, describe, tell_result, told_renewal
from aggregator.terminal import as_json, printable, printable_lines

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from aggregator.update import Result

#: Width of tables where there is no terminal to ask.
LOG_WIDTH = 160


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
    typer.echo(printable_lines(hide(text)) + end, nl=False)


def complain(text: str) -> None:
    """Print text on standard error."""
    typer.echo(printable_lines(hide(text)), err=True)


def say_json(value: object, *, indent: int | None = None) -> None:
    """Print a value as JSON on standard output."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    ascii_only = not encoding.lower().replace("-", "").startswith("utf")
    typer.echo(as_json(value, hide, indent=indent, ascii_only=ascii_only))


def output() -> Console:
    """Standard output; wide and without colour where it is not a terminal."""
    return _console(stderr=False)


def plain(text: str, style: str = "") -> Text:
    """Text from outside for a table: no markup of ours, no control characters, no secrets, also where it is cut."""
    from rich.text import Text

    return Text(printable(hide(text)), style=style)


@contextmanager
def progress(total: int, form: LogFormat) -> Iterator[tuple[Callable[[Result], None], Callable[[int, int], None]]]:
    """Yield what shows how far a cycle has come: bars on a terminal, lines otherwise.

    One function is to be called for each finished source, the other as that of `renewal`.
    """
    console = _console(stderr=True)
    if form is LogFormat.json or not console.is_terminal:
        yield tell_result, told_renewal
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        sources = bars.add_task("sources", total=total)
        entries = bars.add_task("cleaning stored entries", total=None, visible=False)

        def advance(result: Result) -> None:
            if result.failed:
                bars.console.print(plain(f"{result.source.id}: {describe(result)}", "red"))
            bars.advance(sources)

        def renew(done: int, of: int) -> None:
            bars.update(entries, completed=done, total=of, visible=True)

        yield advance, renew


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
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else LOG_WIDTH
    return Console(stderr=stderr, width=width, soft_wrap=False, highlight=False)
