"""Commands of the operator: run without a shell, with a deadline, their output bounded.

Hooks, `after_publish` and the steps of rules run by `run_command`.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, cast

#: Bytes of a command's standard error that are kept, and seconds to wait for them after it has exited.
_STDERR = 4096
_STDOUT_FD = 1
_STDERR_FD = 2
_LINGER = 1.0


class Ran(NamedTuple):
    """How a command ended."""

    #: Why it failed; None: it did not.
    failure: str | None
    #: The end of its standard error, as bytes.
    stderr: bytes = b""


async def run_command(
    command: Sequence[str],
    given: bytes,
    environ: Mapping[str, str],
    seconds: float,
    *,
    base: Mapping[str, str] | None = None,
    folder: Path | None = None,
    output: bytearray | None = None,
    most: int = 0,
) -> Ran:
    """Run a command without a shell; when it takes too long, or this call is cancelled, all its processes are killed.

    Args:
        given: its standard input, which it need not read.
        environ: what is added to the environment.
        base: the environment to which it is added; None: that of this process.
        folder: where it runs; None: where this process does.
        output: what its standard output is added to; None: it is not read.
        most: bytes of it; a command that writes more is killed.
    """
    loop = asyncio.get_running_loop()
    try:
        transport, process = await loop.subprocess_exec(
            lambda: _Process(output, most),
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL if output is None else asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**(os.environ if base is None else base), **environ},
            cwd=folder,
            start_new_session=True,
        )
    except OSError as error:
        return Ran(f"it could not be started: {error.strerror or error}")
    given_to = cast("asyncio.WriteTransport", transport.get_pipe_transport(0))
    try:
        given_to.write(given)
        given_to.close()
        async with asyncio.timeout(seconds):
            await process.ended.wait()
    except TimeoutError:
        return Ran(f"it took longer than {seconds:g} s and was killed", bytes(process.tail))
    else:
        # What it started in the background may hold its pipes open.
        with suppress(TimeoutError):
            async with asyncio.timeout(_LINGER):
                await process.closed.wait()
        failure = _failure(transport.get_returncode())
        if process.excess:
            failure = f"it wrote more than {most:,} bytes"
        return Ran(failure, bytes(process.tail))
    finally:
        if transport.get_returncode() is None:
            _kill(transport.get_pid())
            await process.exited.wait()
        # Otherwise it would wait for a reader; one that is closed already must not be aborted.
        if given_to.get_write_buffer_size():
            given_to.abort()
        transport.close()


class _Process(asyncio.SubprocessProtocol):
    """Keeps a command's standard output and the end of its standard error, and notes its exit.

    `asyncio.subprocess.Process.wait` waits for the pipes, too, which processes in the background may hold open.

    Args:
        output: what standard output is added to; None: there is no pipe for it.
        most: bytes of it.
    """

    def __init__(self, output: bytearray | None, most: int) -> None:
        self._output = output
        self._most = most
        self._open = {_STDERR_FD} if output is None else {_STDOUT_FD, _STDERR_FD}
        self.tail = bytearray()
        #: Whether it writes too much.
        self.excess = False
        #: It has exited, or is to be killed because it writes too much.
        self.ended = asyncio.Event()
        self.exited = asyncio.Event()
        #: The pipes that are read are closed, or need not be read any more.
        self.closed = asyncio.Event()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd == _STDERR_FD:
            self.tail += data
            del self.tail[:-_STDERR]
        elif self._output is not None and not self.excess:
            self._output += data
            self.excess = len(self._output) > self._most
            if self.excess:
                self.ended.set()
                self.closed.set()

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        self._open.discard(fd)
        if not self._open:
            self.closed.set()

    def process_exited(self) -> None:
        self.exited.set()
        self.ended.set()


def _failure(status: int | None) -> str | None:
    """Return what the exit status of a command says; a negative one is the signal that ended it."""
    if status is not None and status < 0:
        return f"it was ended by signal {-status} ({signal.strsignal(-status)})"
    return f"it exited with status {status}" if status else None


def _kill(pid: int) -> None:
    """Kill a command and everything that it started."""
    with suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(pid, signal.SIGKILL)
        else:
            os.kill(pid, signal.SIGTERM)
