"""The command of `after_publish`: called once after a publication that changed files, such as a site generator's build.

In: the files that publications changed. Out: a command that has them on standard input. It never runs twice at once and
starts at most once a minute; what is published in between is given to the next call. The changed files are recorded in
the store until a call with them succeeds, so that neither a crash, a restart nor a command that fails loses one.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from aggregator.commands import run_command
from aggregator.config import Config, redact
from aggregator.log import log_event
from aggregator.publish.outputs import without_private_paths
from aggregator.publish.report import OutputFailure
from aggregator.values.terminal import counted, printable

if TYPE_CHECKING:
    from aggregator.publish.report import Report
    from aggregator.store import Store
    from aggregator.workers import StoreThread

#: Time from one start of the command to the next, and the longest one after failures.
PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=1)
#: Seconds after which it is killed.
SECONDS = 600.0
#: Name of the fingerprint that holds the record.
RECORD = "after_publish"
_FILES = ("given", "since")


@dataclass(frozen=True, slots=True)
class Changes:
    """Changed files: names relative to the data folder, each with whether the file is there."""

    files: Mapping[str, bool]

    @property
    def written(self) -> list[str]:
        """The names of files that were written."""
        return [name for name, there in self.files.items() if there]

    @property
    def removed(self) -> list[str]:
        """The names of files that were removed."""
        return [name for name, there in self.files.items() if not there]

    def followed_by(self, written: Iterable[str], removed: Iterable[str]) -> Changes:
        """Return them with later ones; the last change of a file counts."""
        return Changes({**self.files, **dict.fromkeys(removed, False), **dict.fromkeys(written, True)})


@dataclass(frozen=True, slots=True)
class Pending:
    """What the store records; no call has succeeded with these files yet."""

    #: Files that a call was given that has not ended, or has failed.
    given: Changes = Changes({})
    #: Files that were changed since.
    since: Changes = Changes({})
    #: When the command was started last, and its digest.
    at: datetime | None = None
    command: str = ""
    #: How often in a row it has failed.
    failures: int = 0
    #: Why it failed last; "": it did not.
    error: str = ""

    @property
    def all(self) -> Changes:
        """All files."""
        return self.given.followed_by(self.since.written, self.since.removed)

    def of(self, command: Sequence[str]) -> Pending:
        """Return this for a command: what another one has failed at says nothing about it."""
        digest = hashlib.sha256(json.dumps(command).encode()).hexdigest()
        return self if digest == self.command else replace(self, command=digest, failures=0, error="")

    def wait(self, now: datetime) -> timedelta:
        """Return the time until the command may start."""
        passed = timedelta(0) if self.at is None else now - self.at
        # A time in the future was written by a clock that has been set back since.
        if self.at is None or passed < timedelta(0):
            return timedelta(0)
        pause = min(PAUSE * (1 << min(self.failures, 10)), LONGEST_PAUSE)
        return max(pause - passed, timedelta(0))


def pending(store: Store) -> Pending:
    """Return what is recorded; a damaged record counts as none."""
    try:
        value = json.loads(store.fingerprints().get(RECORD) or "{}")
        given, since = (Changes({str(name): bool(there) for name, there in value[key].items()}) for key in _FILES)
        at = None if value["at"] is None else datetime.fromisoformat(value["at"])
        return Pending(
            given,
            since,
            at if at is None or at.tzinfo else None,
            str(value["command"]),
            int(value["failures"]),
            str(value["error"]),
        )
    except (ValueError, TypeError, AttributeError, KeyError):
        return Pending()


def record_changes(store: Store, config: Config, report: Report, removed: Iterable[str] = ()) -> None:
    """Record the files that a publication changed, if there is a command for them.

    Args:
        removed: files that were deleted before, relative to the data folder.
    """
    written, gone = [*report.posts, *report.feeds], [*removed, *report.removed]
    if config.after_publish and (written or gone):
        with store.alone():
            waiting = pending(store)
            _record(store, replace(waiting, since=waiting.since.followed_by(written, gone)))


class AfterPublish:
    """Runs the command; one object for all cycles of a process.

    Args:
        data: the data folder.
        thread: the thread that uses the store.
        clock: the current time, aware and in UTC.
        seconds: after which the command is killed.
        stop: set when the process is about to end; then no minute is waited for, and the next process calls.
    """

    def __init__(
        self,
        data: Path,
        thread: StoreThread,
        config: Callable[[], Config],
        clock: Callable[[], datetime],
        *,
        seconds: float = SECONDS,
        stop: asyncio.Event | None = None,
    ) -> None:
        self._seconds = seconds
        self._stop = stop or asyncio.Event()
        self._data = data
        self._thread = thread
        self._config = config
        self._clock = clock
        self._running = False
        #: Whether somebody called while the command ran.
        self._again = False

    async def run(self, store: Store) -> OutputFailure | None:
        """Run the command with all files that are pending, until none is; return why it failed, or None.

        A call while another one runs returns at once: that one takes its files, too. After a failure, a call that comes
        before the next try is due returns that failure at once.
        """
        if self._running:
            self._again = True
            return None
        self._running = True
        try:
            while True:
                self._again = False
                failure = await self._step(store)
                if failure is not None or not self._again:
                    return failure
        finally:
            self._running = False

    async def _step(self, store: Store) -> OutputFailure | None:
        """Run the command once, if files are pending, or wait until it may run."""
        if not (command := self._config().after_publish):
            return None
        waiting = (await self._thread.run(pending, store)).of(command)
        if not waiting.all.files:
            return None
        wait = waiting.wait(self._clock())
        name = redact(command[0], self._config().secrets)
        if wait and waiting.failures:
            return _failure(name, waiting.error)
        if wait:
            text = f"{name} is called in {wait.seconds + 1} s, as it was called less than a minute ago"
            log_event(text, action="command")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), wait.total_seconds())
            # The configuration may have changed meanwhile.
            self._again = not self._stop.is_set()
            return None
        changes = await self._thread.run(_begin, store, command, self._clock())
        facts = {"written": changes.written, "removed": changes.removed}
        given = json.dumps(facts, ensure_ascii=False).encode()
        environ = {"AGGREGATOR_DATA": str(self._data.resolve())}
        ran = await run_command(command, given, environ, self._seconds)
        error = ran.failure or ""
        if ran.failure and (last := ran.stderr.decode(errors="replace").strip().rpartition("\n")[2]):
            last = without_private_paths(redact(printable(last), self._config().secrets))
            error = f"{error}: {last}"
        await self._thread.run(_end, store, error)
        log_event(
            f"called {name} with {counted(len(changes.files), 'changed file')}{f', but {error}' if error else ''}",
            action="command",
            level=logging.WARNING if error else logging.INFO,
            status="failed" if error else "ok",
            error=error or None,
        )
        if error:
            return _failure(name, error)
        # What was published while it ran.
        self._again = True
        return None


def _failure(name: str, error: str) -> OutputFailure:
    return OutputFailure(f"after_publish: {name}", error, "a later cycle calls it again with the same files")


def _begin(store: Store, command: Sequence[str], now: datetime) -> Changes:
    """Record that the command starts, and return the files for it."""
    with store.alone():
        waiting = pending(store).of(command)
        _record(store, replace(waiting, given=waiting.all, since=Changes({}), at=now))
    return waiting.all


def _end(store: Store, error: str) -> None:
    """Record how it ended; the files of a call that succeeded are done."""
    with store.alone():
        waiting = pending(store)
        if error:
            _record(store, replace(waiting, failures=waiting.failures + 1, error=error))
        else:
            _record(store, replace(waiting, given=Changes({}), failures=0, error=""))


def _record(store: Store, waiting: Pending) -> None:
    value = {
        **{key: getattr(waiting, key).files for key in _FILES},
        "at": waiting.at and waiting.at.isoformat(),
        "command": waiting.command,
        "failures": waiting.failures,
        "error": waiting.error,
    }
    store.record_fingerprints({RECORD: json.dumps(value, ensure_ascii=False)})
