"""What surrounds every command: standard streams that cannot stop it, signals that end it in order, its exit status.

A reader that has gone away (`| head`), a full disk behind `>`, a closed stream or a locale that cannot say a name must
not keep anything from being stored and published. So what cannot be written is dropped, and is a matter of the exit
status alone.
"""

from __future__ import annotations

import errno
import io
import os
import select
import signal
import sys
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING, TextIO

from aggregator.cli.console import complain

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

#: Exit status of a run that a database, a disk or a mistake of the program kept from something.
BROKEN = 4


class Outlet(io.RawIOBase):
    """A standard stream whose writes always succeed.

    Args:
        raw: what it writes to.
    """

    def __init__(self, raw: io.RawIOBase) -> None:
        self._raw = raw
        #: Why something could not be written, None where all was, or where nobody wanted to read it.
        self.trouble: OSError | None = None

    def write(self, data: ReadableBuffer, /) -> int:
        """Write what can be written; the rest counts as written."""
        size = memoryview(data).nbytes
        try:
            written = self._raw.write(data)
            if written is None:
                # The other end made the stream non-blocking, for itself and so for us.
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
    """Make standard output and standard error streams that cannot fail; returns the outlet of the first."""
    _open_missing()
    sys.stdin = sys.stdin or open(os.devnull, encoding="utf-8")  # noqa: PTH123, SIM115 (as long as the program)
    sys.stderr, _ = _protected(sys.stderr)
    sys.stdout, outlet = _protected(sys.stdout)
    return outlet


def _open_missing() -> None:
    """Open the null device in the place of standard streams that are closed.

    Else the next file to be opened, the database or a post, would get the number of one, and what is written to that.
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
    # Without a buffer where Python was told so (-u).
    raw = stream.buffer if isinstance(stream.buffer, io.RawIOBase) else getattr(stream.buffer, "raw", None)
    if raw is None:
        return stream, None
    outlet = Outlet(raw)
    strict = stream.errors in ("strict", "surrogateescape")
    errors = "replace" if strict else stream.errors
    lines = stream.line_buffering or stream.write_through
    return io.TextIOWrapper(io.BufferedWriter(outlet), stream.encoding, errors, line_buffering=lines), outlet


def ended(status: int, output: Outlet | None) -> int:
    """The exit status of a run that ended with `status`, once all of its output is written, or could not be."""
    sys.stdout.flush()
    trouble = output.trouble if output else None
    if trouble is None or status not in (0, 1):
        return status
    complain(f"error: standard output cannot be written: {trouble.strerror}; all else was done")
    return BROKEN


class Interrupts:
    """Turns signals that would end the process where it stands into `KeyboardInterrupt`, as Ctrl-C does.

    So that nothing half done stays behind: temporary files are removed, and what servers have answered is stored. A
    second signal ends the process at once.
    """

    def __init__(self) -> None:
        self._number = int(signal.SIGINT)

    @property
    def status(self) -> int:
        """Exit status by the custom of shells."""
        return 128 + self._number

    def obey(self) -> None:
        """Begin; signals that the caller wants to be ignored stay so."""
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
        # The event loop has a handler of its own, which lets running tasks come to their end.
        handler(signal.SIGINT, frame)


interrupts = Interrupts()
