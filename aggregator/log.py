"""Log records with fixed keys: plain lines for people, JSON lines for programs.

In: results and events. Out: records of the standard library's `logging`, on standard error. `KEYS` and `ACTIONS` list
the contents of a JSON line; docs/logging.md is made from them.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TextIO

from aggregator.values.terminal import as_json, counted, printable, printable_lines

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
    "of `hook`, `command` and `step`: `ok` or `failed`; of `news`: `worse` or `better`",
    "kind": "class of the failure, see below",
    "error": "why it failed",
    "elapsed": "seconds",
    "entries": "new and changed entries",
    "new": "new entries",
    "changed": "changed entries",
    "dropped": "new and changed entries that rules dropped",
    "held": "new and changed entries that wait for `aggregator review`",
    "known": "entries that were stored already and have not changed",
    "posts": "posts written",
    "feeds": "feed files written",
    "removed": "entries removed",
    "traceback": "where in the program an unexpected error happened",
}

#: The values of `action`.
ACTIONS = {
    "start": "the daemon starts",
    "request": "one request was answered or failed (only with `--verbose`)",
    "fetch": "one source was updated or failed; with `--verbose`, also further notes and when it is due again",
    "publish": "files were written, or could not be written",
    "retention": "expired entries were removed (`retention:`)",
    "cycle": "a cycle ended, or a step of it failed",
    "hook": "a hook was called",
    "command": "the command of `after_publish` was called",
    "step": "a step of a rule (`python`, `command`, `http`) ran",
    "news": "what got worse or better (only with `--quiet`)",
    "reload": "`feeds.yaml` changed and was reloaded, or could not be loaded",
    "migrate": "the database was migrated without a backup copy, because there was no room for one",
    "clock": "the clock of the machine was changed",
    "stop": "the daemon stops",
    "error": "anything else, such as an unexpected error or a warning of a library",
}

#: Maximum number of notes in the line of a source.
MAX_NOTES = 3
#: What a quiet run reports as news only, once each: failures of sources and of files. Actions, and names of loggers.
_NEWS_ACTIONS = frozenset({"fetch", "publish"})
_NEWS_LOGGERS = frozenset({"aggregator.pipeline.engine", "aggregator.cycle"})

#: The logger above all others of this program.
ROOT = logging.getLogger("aggregator")


class LogFormat(StrEnum):
    """The format of log lines."""

    text = "text"
    json = "json"


class Verbosity(StrEnum):
    """How much is logged."""

    #: What got worse or better, and warnings that are not part of that.
    quiet = "quiet"
    normal = "normal"
    #: Also each request.
    verbose = "verbose"


def configure_logging(
    log_format: LogFormat,
    hide: Callable[[str], str],
    *,
    stamped: bool = True,
    verbosity: Verbosity = Verbosity.normal,
) -> None:
    """Send the program's records to standard error, from level info on.

    Args:
        hide: removes secrets from a text.
        stamped: begin plain lines with the time.
    """
    formatter = _JsonLines(hide) if log_format is LogFormat.json else _PlainLines(hide, stamped)
    handler, others = _Lines(sys.stderr), _Lines(sys.stderr)
    for one in (handler, others):
        one.setFormatter(formatter)
    ROOT.handlers[:] = [handler]
    if verbosity is Verbosity.quiet:
        handler.addFilter(_is_logged_quietly)
    # Warnings of libraries take the same way out.
    others.setLevel(logging.CRITICAL if verbosity is Verbosity.quiet else logging.WARNING)
    logging.lastResort = others
    ROOT.setLevel(logging.DEBUG if verbosity is Verbosity.verbose else logging.INFO)
    ROOT.propagate = False


def _is_logged_quietly(record: logging.LogRecord) -> bool:
    """Return whether a quiet run logs a record."""
    action = getattr(record, "fields", {}).get("action")
    if action == "news":
        return True
    return record.levelno >= logging.WARNING and not (action in _NEWS_ACTIONS or record.name in _NEWS_LOGGERS)


def log_event(message: str, *, action: str, level: int = logging.INFO, **fields: object) -> None:
    """Log one event.

    Args:
        message: the text for people.
        action: one of `ACTIONS`.
        fields: values of further `KEYS`; those that are None are left out.
    """
    known = {name: value for name, value in fields.items() if value is not None}
    ROOT.log(level, "%s", message, extra={"fields": {"action": action, **known}})


def log_result(result: SourceResult) -> None:
    """Log the result of one source."""
    state = result.state
    new, changed, known = result.new, result.changed, result.unchanged
    same = not (new or changed or known or result.dropped or result.held)
    counts = {} if result.missed else {"entries": new + changed, "new": new, "changed": changed, "known": known}
    log_event(
        f"{result.source.id}: {describe(result)} ({result.seconds:.1f} s)",
        action="fetch",
        level=logging.WARNING if result.failed else logging.INFO,
        source=result.source.id,
        host=result.source.host,
        status=_status(result, same),
        kind=state.failure_kind,
        error=state.error,
        elapsed=round(result.seconds, 3),
        **counts,
        **withheld([result]),
    )
    if ROOT.isEnabledFor(logging.DEBUG):
        due = f"{state.next_due_at:%Y-%m-%d %H:%M:%S} UTC" if state.next_due_at else "at once"
        for detail in (*result.notes[MAX_NOTES:], f"due {due}{f': {state.due_why}' if state.due_why else ''}"):
            log_event(f"{result.source.id}: {detail}", action="fetch", level=logging.DEBUG, source=result.source.id)


def _status(result: SourceResult, same: bool) -> str:
    if result.failed:
        return "failed"
    return "unreached" if result.unreached else "unchanged" if same else "ok"


def describe(result: SourceResult) -> str:
    """Describe the result of a source in one line."""
    if result.failed:
        return f"failed: {result.state.failure_kind}: {result.state.error}"
    some = [f"{count} {key}" for key, count in withheld([result]).items()]
    parts = [f"{result.new} new", f"{result.changed} changed", f"{result.unchanged} known", *some]
    if not (result.new or result.changed or result.unchanged or some):
        # A note says more, for example that no request was sent.
        parts = [] if result.notes else ["not modified"]
    return ", ".join([*parts, *result.notes[:MAX_NOTES]])


def withheld(results: Sequence[SourceResult]) -> dict[str, int]:
    """Return how many new and changed entries do not come out, by the key; only those that are more than none."""
    counts = {"dropped": sum(one.dropped for one in results), "held": sum(one.held for one in results)}
    return {key: count for key, count in counts.items() if count}


def outage_suffix(results: Sequence[SourceResult]) -> str:
    """Return what the summary of a cycle adds if the network of this machine was down; "" if it was not."""
    count = sum(result.unreached for result in results)
    return f", {count} not reached: the network here seems to be down" if count else ""


def log_renewal(done: int, total: int) -> None:
    """Log that stored entries were cleaned by the current rules, once all are."""
    if done == total:
        were = f"{counted(total, 'stored entry', 'stored entries')} {'was' if total == 1 else 'were'}"
        log_event(f"{were} cleaned again by the current rules", action="publish")


class _Lines(logging.StreamHandler[TextIO]):
    """Writes the lines of one pass of the event loop in one piece; without a loop, each line at once.

    A cycle logs a line for every source, often many in one pass, and every write wakes the reader of a pipe. No line is
    lost: a loop makes one more pass before it ends, and all handlers are flushed at the end of the program.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._waiting: list[str] = []
        #: The loop that has a call of `flush` scheduled.
        self._asked: AbstractEventLoop | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Take a line; it is written in the next pass of the loop, or now if there is none."""
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
        """Write the waiting lines, from any thread."""
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
    """Return the event loop that runs in this thread; there is none if asyncio was never imported."""
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
    """The message, after the time if that is wanted, without control characters."""

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
