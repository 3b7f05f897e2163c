"""The process around every command: exit statuses, errors, standard streams that cannot fail, and signals.

A reader that has gone away (`| head`), a full disk behind `>`, a closed stream or a locale that cannot encode a name
must not keep anything from being stored and published. So output that cannot be written is dropped, and affects only
the exit status.
"""

from __future__ import annotations

import errno
import io
import os
import select
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NamedTuple, NoReturn, TextIO

import typer

from aggregator.cli.console import complain, hide_secrets
from aggregator.errors import AggregatorError, ConfigError, LockedError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

#: Exit status of a run in which a database, a disk or a bug of the program made something fail.
BROKEN = 4
#: Exit status of a worker whose program is older than the tables of the database.
SUPERSEDED = 5
#: Environment variable; if it is set, internal errors are shown with their traceback.
VERBOSE = "AGGREGATOR_VERBOSE"


class Status(NamedTuple):
    """The meaning of an exit status."""

    #: In a few words, for `--help`; "" if it is not listed there.
    short: str
    meaning: str
    advice: str


#: By number; `MEANING_OF_1` has the commands for which 1 means something else. The reference pages are made from these.
STATUSES = {
    "0": Status("fine", "all went well, or nothing was due", "nothing"),
    "1": Status(
        "some source failed",
        "some source failed; the others were updated and published",
        "`aggregator status --failing`",
    ),
    "2": Status(
        "configuration or usage error",
        "`feeds.yaml`, the environment or the call is wrong; nothing was done",
        "`aggregator check`",
    ),
    "3": Status(
        "the data folder is in use", "another process uses the data folder or the database", "wait, or stop it"
    ),
    "4": Status(
        "database, disk or internal error, or a file that could not be written",
        "database, disk or internal error, or a file that could not be written",
        "read the message on standard error",
    ),
    "5": Status(
        "",
        "`worker` only: a newer version of the program has changed the tables of the database",
        "install the newer version",
    ),
    "130, 143": Status("", "interrupted by Ctrl-C or SIGTERM; what was stored stays", "run it again"),
}

#: The commands that can exit with 1, and what it means for them.
MEANING_OF_1 = {
    "update": STATUSES["1"].short,
    "health": "a problem was found",
    "check": "with `--fixtures`: something is not as expected",
    "preview": "the source failed",
    "capture": "the source failed; nothing was changed",
    "add": "no source was added, and none was there",
    "fix": "something is left to do",
    "copy-database": "with `--skip-damaged`: rows were left out",
    "remove": "the question was not answered with yes; nothing was changed",
}

#: The commands that lock the data folder, so that they can exit with 3, and the exceptions.
CAN_BE_LOCKED_OUT = {
    "update": "; not with `--dry-run`",
    "publish": "",
    "run": "",
    "remove": "; only with `--purge`",
    "reset": "",
    "vacuum": "",
    "copy-database": "",
}


def status_summary() -> str:
    """Return all exit statuses in one sentence."""
    return ", ".join(f"{number} {status.short}" for number, status in STATUSES.items() if status.short)


class Outlet(io.RawIOBase):
    """A standard stream whose writes always succeed.

    Args:
        raw: what it writes to.
    """

    def __init__(self, raw: io.RawIOBase) -> None:
        self._raw = raw
        #: Why output could not be written; None if all of it was, or if the reader closed the pipe.
        self.trouble: OSError | None = None

    def write(self, data: ReadableBuffer, /) -> int:
        """Write what can be written, and count the rest as written."""
        size = memoryview(data).nbytes
        try:
            written = self._raw.write(data)
            if written is None:
                # Another process that shares the stream made it non-blocking.
                select.select([], [self._raw], [])
                return self._raw.write(data) or 0
        except OSError as error:
            if error.errno != errno.EPIPE:
                self.trouble = self.trouble or error
            return size
        return written

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._raw.fileno()

    def isatty(self) -> bool:
        return self._raw.isatty()


def protect_streams() -> Outlet | None:
    """Make standard output and standard error streams that cannot fail; return the outlet of the first."""
    _open_missing()
    sys.stdin = sys.stdin or open(os.devnull, encoding="utf-8")  # noqa: PTH123, SIM115 (as long as the program)
    sys.stderr, _ = _protected(sys.stderr)
    sys.stdout, outlet = _protected(sys.stdout)
    return outlet


def _open_missing() -> None:
    """Open the null device in place of standard streams that are closed.

    Otherwise the next file to be opened, such as the database, would get the descriptor of one, and its output.
    """
    with suppress(OSError):
        while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
            os.set_inheritable(descriptor, True)
        os.close(descriptor)


def _protected(stream: TextIO | None) -> tuple[TextIO, Outlet | None]:
    if stream is None:
        return open(os.devnull, "w", encoding="utf-8"), None  # noqa: PTH123 (it lives as long as the program)
    if not isinstance(stream, io.TextIOWrapper):
        return stream, None
    stream.flush()
    # There is no buffer if Python runs with -u.
    raw = stream.buffer if isinstance(stream.buffer, io.RawIOBase) else getattr(stream.buffer, "raw", None)
    if raw is None:
        return stream, None
    outlet = Outlet(raw)
    strict = stream.errors in ("strict", "surrogateescape")
    errors = "replace" if strict else stream.errors
    lines = stream.line_buffering or stream.write_through
    return io.TextIOWrapper(io.BufferedWriter(outlet), stream.encoding, errors, line_buffering=lines), outlet


def final_status(status: int, output: Outlet | None) -> int:
    """Flush the output and return the exit status: `status`, or 4 if all went well but output could not be written."""
    sys.stdout.flush()
    trouble = output.trouble if output else None
    if trouble is None or status not in (0, 1):
        return status
    complain(f"error: standard output cannot be written: {trouble.strerror}; all else was done")
    return BROKEN


class Interrupts:
    """Turns signals that would kill the process into `KeyboardInterrupt`, as Ctrl-C does.

    So nothing half done is left: temporary files are removed, and what servers have answered is stored. A second signal
    kills the process at once.
    """

    def __init__(self) -> None:
        self._number = int(signal.SIGINT)

    @property
    def status(self) -> int:
        """The exit status of an interrupted process, as shells define it."""
        return 128 + self._number

    def install(self) -> None:
        """Install the handlers; signals that the parent process has set to be ignored stay ignored."""
        for name in ("SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) == signal.SIG_DFL:
                signal.signal(number, self._interrupt)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        self._number = number
        signal.signal(number, signal.SIG_DFL)
        handler = signal.getsignal(signal.SIGINT)
        if not callable(handler):
            raise KeyboardInterrupt
        # The event loop has a handler of its own, which lets running tasks end.
        handler(signal.SIGINT, frame)


interrupts = Interrupts()


class Tracebacks:
    """Whether the running command shows the traceback of an internal error."""

    wanted = False


tracebacks = Tracebacks()


@contextmanager
def report_errors() -> Iterator[None]:
    """Turn an exception that ends a command into a message and an exit status."""
    hide_secrets(frozenset())
    tracebacks.wanted = bool(os.environ.get(VERBOSE))
    try:
        yield
    except typer.Exit:
        raise
    except (KeyboardInterrupt, typer.Abort):
        complain("interrupted; the next run continues from here")
        raise typer.Exit(interrupts.status) from None
    except AggregatorError as error:
        _fail(error)
    except Exception as error:
        _fail_internally(error)


def _fail_internally(error: Exception) -> NoReturn:
    """Report a bug of this program and exit; with a traceback only if that is wanted."""
    import traceback

    verbose = tracebacks.wanted
    if verbose:
        complain("".join(traceback.format_exception(error)).rstrip())
    place = traceback.extract_tb(error.__traceback__)[-1]
    complain(
        f"error: a bug in this program: {type(error).__name__}: {error} "
        f"({Path(place.filename).name}:{place.lineno}). What was stored stays; run it again. If that does not help, "
        f"report it{'' if verbose else f', with the traceback that {VERBOSE}=1 in the environment shows'}"
    )
    raise typer.Exit(BROKEN)


def _fail(error: AggregatorError) -> NoReturn:
    """Print an error on standard error and exit with its status."""
    if isinstance(error, ConfigError):
        count = len(error.problems)
        for problem in error.problems:
            complain(str(problem))
        complain(f"{count} problem{'s' if count != 1 else ''} in the configuration; nothing was done")
        raise typer.Exit(2)
    complain(f"error: {error}")
    raise typer.Exit(3 if isinstance(error, LockedError) else BROKEN)
