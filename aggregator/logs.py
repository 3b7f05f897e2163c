"""Log records with fixed keys: plain lines for people, JSON lines for programs.

In: results and events. Out: records of the standard library's `logging`, on standard error. `KEYS` and `ACTIONS` list
what is in a JSON line; docs/logging.md is made from them.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TextIO

from aggregator.terminal import as_json, counted, printable, printable_lines

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

    from aggregator.pipeline.run import SourceResult

#: The keys of a JSON line. Each is left out where it has no value.
KEYS = {
    "time": "when, ISO 8601 in UTC",
    "level": "`debug`, `info`, `warning` or `error`",
    "action": "what was done, see below",
    "message": "the same for people",
    "source": "id of the source",
    "host": "host of the source, or of the request",
    "status": "of `fetch`: `ok`, `unchanged`, `failed`, or `unreached` where the network of this machine was down; "
    "of `hook`: `ok` or `failed`; of `news`: `worse` or `better`",
    "kind": "class of the failure, see below",
    "error": "why it failed",
    "elapsed": "seconds",
    "entries": "new and changed entries",
    "new": "new entries",
    "changed": "changed entries",
    "known": "entries that were stored already and did not change",
    "posts": "posts written",
    "feeds": "feed files written",
    "removed": "entries removed",
    "traceback": "where in the program an unexpected error happened",
}

#: The values of `action`.
ACTIONS = {
    "start": "the daemon starts",
    "request": "one request was answered or failed (only with `--verbose`)",
    "fetch": "one source was updated or failed; with `--verbose`, further notes and when it is due again",
    "publish": "files were written, or could not be",
    "retention": "entries were removed because of `retention:`",
    "cycle": "a cycle ended, or could not do a step",
    "hook": "a hook was called",
    "news": "what got worse or better (only with `--quiet`)",
    "reload": "`feeds.yaml` changed and was loaded, or could not be",
    "migrate": "the database was migrated without a copy, because there was no room for one",
    "clock": "the clock of the machine was set",
    "stop": "the daemon stops",
    "error": "anything else, such as an unexpected error or a warning of a library",
}

#: Notes of a source in its line.
MOST_NOTES = 3
#: What a quiet run leaves to the news: the failures of sources and of files, each of which is told once.
_LEFT_TO_NEWS = frozenset({"fetch", "publish"})
_LEAVES_TO_NEWS = frozenset({"aggregator.pipeline.run", "aggregator.cycle"})

#: Everything of this program logs below this name.
ROOT = logging.getLogger("aggregator")


class LogFormat(StrEnum):
    """How log lines look."""

    text = "text"
    json = "json"


class Volume(StrEnum):
    """How much is logged."""

    #: What got worse or better, and what nobody else tells.
    quiet = "quiet"
    normal = "normal"
    #: Each request, too.
    verbose = "verbose"


def configure(
    form: LogFormat, hide: Callable[[str], str], *, stamped: bool = True, volume: Volume = Volume.normal
) -> None:
    """Send the program's records to standard error, from level info on.

    Args:
        hide: takes secrets out of a text.
        stamped: begin plain lines with the time.
    """
    formatter = _JsonLines(hide) if form is LogFormat.json else _PlainLines(hide, stamped)
    handler, others = _Lines(sys.stderr), _Lines(sys.stderr)
    for one in (handler, others):
        one.setFormatter(formatter)
    ROOT.handlers[:] = [handler]
    if volume is Volume.quiet:
        handler.addFilter(_is_heard)
    # What libraries complain of leaves the program the same way.
    others.setLevel(logging.CRITICAL if volume is Volume.quiet else logging.WARNING)
    logging.lastResort = others
    ROOT.setLevel(logging.DEBUG if volume is Volume.verbose else logging.INFO)
    ROOT.propagate = False


def _is_heard(record: logging.LogRecord) -> bool:
    """Whether a quiet run logs a record."""
    action = getattr(record, "fields", {}).get("action")
    if action == "news":
        return True
    return record.levelno >= logging.WARNING and not (action in _LEFT_TO_NEWS or record.name in _LEAVES_TO_NEWS)


def tell(message: str, *, action: str, level: int = logging.INFO, **fields: object) -> None:
    """Log one event; `action` is one of `ACTIONS`, `fields` are further `KEYS`, None for those that have no value."""
    known = {name: value for name, value in fields.items() if value is not None}
    ROOT.log(level, "%s", message, extra={"fields": {"action": action, **known}})


def tell_result(result: SourceResult) -> None:
    """Log what one source gave."""
    state = result.state
    new, changed, known = result.new, result.changed, result.unchanged
    same = not (new or changed or known)
    counts = {} if result.missed else {"entries": new + changed, "new": new, "changed": changed, "known": known}
    tell(
        f"{result.source.id}: {describe(result)} ({result.seconds:.1f} s)",
        action="fetch",
        level=logging.WARNING if result.failed else logging.INFO,
        source=result.source.id,
        host=result.source.host,
        status=_word(result, same),
        kind=state.failure_kind,
        error=state.error,
        elapsed=round(result.seconds, 3),
        **counts,
    )
    if ROOT.isEnabledFor(logging.DEBUG):
        due = f"{state.next_due_at:%Y-%m-%d %H:%M:%S} UTC" if state.next_due_at else "at once"
        for detail in (*result.notes[MOST_NOTES:], f"due {due}{f': {state.due_why}' if state.due_why else ''}"):
            tell(f"{result.source.id}: {detail}", action="fetch", level=logging.DEBUG, source=result.source.id)


def _word(result: SourceResult, same: bool) -> str:
    if result.failed:
        return "failed"
    return "unreached" if result.unreached else "unchanged" if same else "ok"


def describe(result: SourceResult) -> str:
    """One line that says what a source gave."""
    if result.failed:
        return f"failed: {result.state.failure_kind}: {result.state.error}"
    parts = [f"{result.new} new", f"{result.changed} changed", f"{result.unchanged} known"]
    if not (result.new or result.changed or result.unchanged):
        # A note says more: that the source was not even asked, for one.
        parts = [] if result.notes else ["not modified"]
    return ", ".join([*parts, *result.notes[:MOST_NOTES]])


def unreached(results: Sequence[SourceResult]) -> str:
    """What to add to the account of a cycle where the network here was down; "" where it was not."""
    count = sum(result.unreached for result in results)
    return f", {count} not reached: the network here seems to be down" if count else ""


def told_renewal(done: int, total: int) -> None:
    """Log that stored entries were brought to today's rules, once all are."""
    if done == total:
        were = f"{counted(total, 'stored entry', 'stored entries')} {'was' if total == 1 else 'were'}"
        tell(f"{were} cleaned again by the rules of today", action="publish")


class _Lines(logging.StreamHandler[TextIO]):
    """Writes what one pass of the event loop tells in one piece; outside of it, each line at once.

    A cycle tells of every source, often of many in one pass, and whoever reads at the other end of a pipe is woken for
    every piece. Nothing stays behind: a loop goes round once more before it ends, and so do all handlers at the end
    of the program.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._waiting: list[str] = []
        #: The loop that has been asked to flush, and has not yet.
        self._asked: AbstractEventLoop | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Take a line; it is written when the loop has its next turn, or now."""
        self._record = record
        try:
            self._waiting.append(self.format(record) + self.terminator)
        except Exception:
            self.handleError(record)
        loop = _running_loop()
        if loop is None:
            self.flush()
        elif loop is not self._asked:
            self._asked = loop
            loop.call_soon(self.flush)

    def flush(self) -> None:
        """Write what waits, from any thread."""
        self.acquire()
        try:
            text, self._asked = "".join(self._waiting), None
            self._waiting.clear()
            if text:
                self.stream.write(text)
                super().flush()
        except Exception:
            self.handleError(self._record)
        finally:
            self.release()


def _running_loop() -> AbstractEventLoop | None:
    """The event loop that runs in this thread; where asyncio was not even imported, there is none."""
    try:
        return sys.modules["asyncio"].get_running_loop()  # type: ignore[no-any-return]
    except (KeyError, RuntimeError):
        return None


class _JsonLines(logging.Formatter):
    """One JSON object on each line."""

    def __init__(self, hide: Callable[[str], str]) -> None:
        super().__init__()
        self._hide = hide

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "action": "error",
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return as_json(line, self._hide)


class _PlainLines(logging.Formatter):
    """The message, after the time where that is wanted, without control characters for the terminal."""

    def __init__(self, hide: Callable[[str], str], stamped: bool) -> None:
        super().__init__()
        self._hide = hide
        self._stamped = stamped

    def format(self, record: logging.LogRecord) -> str:
        text = printable(self._hide(record.getMessage()))
        if record.levelno >= logging.ERROR:
            text = f"error: {text}"
        if self._stamped:
            text = f"{datetime.fromtimestamp(record.created, UTC):%Y-%m-%d %H:%M:%S}Z {text}"
        if record.exc_info:
            text = f"{text}\n{printable_lines(self._hide(self.formatException(record.exc_info)))}"
        return text
