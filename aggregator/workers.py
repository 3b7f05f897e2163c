"""The model of concurrency: what runs where, and what bounds it.

    event loop    the network, and everything that only waits
    StoreThread   everything that uses the store, one job after the other: documents, outcomes, publications
    Worker        another process, for what may have to be stopped: the tolerant reader, scraped pages

One thread beside the loop is enough, because threads share an interpreter, and it needs no locks: a document that is
large or slow, a locked database and a slow disk delay no fetch, and the store has one user at a time.

A `Worker` limits the CPU time of each call, its memory, and, loosely, its wall time. Regular expressions and C code
cannot be interrupted from inside; a process can. It starts with the first call, serves the calls that follow, and
inherits no file or socket but its two pipes. It ends with its parent: at the end of its input, or by its own timer.
`anyio.to_process` does not do this: it gives a new process 20 seconds to start, hides why one ended, runs the parent's
main module in it, and has no limits.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pickle
import signal
import struct
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from aggregator.errors import AggregatorError, WorkerError

#: Wall time for each second of CPU time: on a busy machine, a process may get a fortieth of a core.
_BUSY = 40
#: Wall time in seconds until a new process is ready.
_START_SECONDS = 600.0
#: The least CPU time of a call in seconds: a timer of no seconds would never end it.
_LEAST = 0.25
#: Seconds that a process has to exit by itself.
_END_SECONDS = 2.0
#: Size in bytes from which an answer is unpickled beside the event loop.
_LARGE = 500_000
#: The signal that ends a process at its limit of CPU time; 0 where there is none.
_PROF: int = getattr(signal, "SIGPROF", 0)
_LENGTH = struct.Struct("!Q")

P = ParamSpec("P")
T = TypeVar("T")


class StoreThread(contextlib.AbstractContextManager["StoreThread"]):
    """The thread of everything that uses the store; as a context manager, it is closed at the end."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, "aggregator-store")

    def __exit__(self, *error: object) -> None:
        self.close()

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function in the thread, after those that came before; a caller that is cancelled does not wait."""
        return await asyncio.wrap_future(self._executor.submit(function, *args, **kwargs))

    def close(self) -> None:
        """Wait for the function that runs, and end the thread."""
        self._executor.shutdown()


class Worker:
    """A process that runs one call at a time; callers wait for each other.

    Args:
        seconds: CPU time of one call (on systems without such a timer: `_BUSY` times as much wall time).
        memory_mb: address space of the process in MiB, where the system can limit it; None: no limit.
        environ: its environment; None: that of this process.
    """

    def __init__(self, *, seconds: float, memory_mb: int | None, environ: Mapping[str, str] | None = None) -> None:
        self._environ = environ
        self._seconds = seconds
        self._memory_mb = memory_mb
        self._lock = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        #: Calls that run or wait to run.
        self.calls = 0

    async def run(self, function: Callable[..., T], *args: object, seconds: float | None = None) -> tuple[T, float]:
        """Run a module-level function in the process; a caller that is cancelled ends the process.

        Args:
            function: it, its arguments and its result can be pickled.
            seconds: CPU time of this call, where it is less than usual.

        Returns:
            Its result, and the CPU time that it took.

        Raises:
            AggregatorError: the one that the function raised.
            WorkerError: ``limit`` if it took too much time or memory, or ended its process; ``internal`` for any other
                exception, which is a mistake in this program. `seconds` is the CPU time that it took.
        """
        limit = self._seconds if seconds is None else max(_LEAST, min(seconds, self._seconds))
        request = pickle.dumps((limit, function, args), pickle.HIGHEST_PROTOCOL)
        self.calls += 1
        try:
            async with self._lock:
                try:
                    kind, value, spent = await self._call(request, limit)
                except BaseException:
                    # Its answer to this call must not be taken for the answer to the next.
                    await self._end(kill=True)
                    raise
                if kind == "memory":
                    await self._end()
        finally:
            self.calls -= 1
        if kind == "result":
            return value, spent
        if kind == "error":
            cls, arguments, attributes = value
            # Pickle alone cannot restore it: the class may not accept its own `args`.
            error: AggregatorError = cls.__new__(cls, *arguments)
            error.__dict__.update(attributes)
            raise error
        if kind == "memory":
            raise WorkerError(f"it took more memory than {self._memory_mb} MB", kind="limit", seconds=spent)
        raise WorkerError(f"a mistake in this program: {value}", kind="internal", seconds=spent)

    async def close(self) -> None:
        """End the process, if there is one. A later call starts a new one."""
        async with self._lock:
            await self._end()

    async def _call(self, request: bytes, limit: float) -> tuple[str, Any, float]:
        process = await self._ready()
        try:
            async with asyncio.timeout(limit * _BUSY):
                assert process.stdin is not None
                process.stdin.writelines((_LENGTH.pack(len(request)), request))
                await process.stdin.drain()
                answer: tuple[str, Any, float] = await _receive(process)
                return answer
        except TimeoutError:
            message = f"it did not end within {limit * _BUSY:g} s; is this machine very busy?"
            raise WorkerError(message, kind="limit", seconds=limit) from None
        except (OSError, EOFError):
            code = await self._end()
            late = f"it took longer than {limit:g} s of computing"
            message = late if code == -_PROF else f"its process ended by itself (exit status {code})"
            raise WorkerError(message, kind="limit", seconds=limit) from None

    async def _ready(self) -> asyncio.subprocess.Process:
        if self._process is not None and self._process.returncode is None:
            return self._process
        await self._end()
        try:
            process = self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "aggregator.workers", str(self._memory_mb or 0)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env={
                    **(os.environ if self._environ is None else self._environ),
                    "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
                },
            )
            async with asyncio.timeout(_START_SECONDS):
                await _receive(process)
        except (OSError, EOFError, TimeoutError) as error:
            why = error if self._process is None else f"exit status {await self._end()}"
            raise WorkerError(f"its process could not start ({why})", kind="internal") from None
        return process

    async def _end(self, *, kill: bool = False) -> int | None:
        """End the process, release its pipes and return its exit status."""
        process, self._process = self._process, None
        if process is None:
            return None
        if process.stdin is not None:
            process.stdin.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0 if kill else _END_SECONDS):
                return await process.wait()
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        return await process.wait()


async def _receive(process: asyncio.subprocess.Process) -> Any:
    """Return the next value; raises EOFError at the end, also in the middle of a value."""
    assert process.stdout is not None
    length = _LENGTH.unpack(await process.stdout.readexactly(_LENGTH.size))[0]
    data = await process.stdout.readexactly(length)
    # It comes from this program, over a pipe.
    return await asyncio.to_thread(pickle.loads, data) if length > _LARGE else pickle.loads(data)  # noqa: S301


def _serve(memory_mb: int) -> None:
    """Answer one call after the other until the input ends: the main function of the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends this process
    source, sink = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    # What a function prints must not come between the answers.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    if _PROF:
        # Ignored signals are inherited.
        signal.signal(_PROF, signal.SIG_DFL)
    if memory_mb and sys.platform != "win32":
        import resource

        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_AS, (memory_mb * 2**20, memory_mb * 2**20))
    data = pickle.dumps("ready")
    with contextlib.suppress(BrokenPipeError):
        while True:
            sink.write(_LENGTH.pack(len(data)) + data)
            sink.flush()
            header = source.read(_LENGTH.size)
            if len(header) < _LENGTH.size:
                return
            data = _answer(source.read(_LENGTH.unpack(header)[0]))


def _answer(request: bytes) -> bytes:
    """Make one call, and return its outcome, pickled."""
    started = time.process_time()
    try:
        seconds, function, args = pickle.loads(request)  # noqa: S301 - it comes from this program, over a pipe
        _set_timers(seconds)
        answer = "result", function(*args), time.process_time() - started
        _set_timers(0)
        return pickle.dumps(answer, pickle.HIGHEST_PROTOCOL)
    except MemoryError:
        outcome: tuple[str, Any] = "memory", None
    except AggregatorError as error:
        outcome = "error", (type(error), error.args, error.__dict__)
    except Exception as error:
        outcome = "mistake", f"{type(error).__name__}: {error}"
    _set_timers(0)
    return pickle.dumps((*outcome, time.process_time() - started))


def _set_timers(seconds: float) -> None:
    """End this process after this much CPU time; 0: stop the timers.

    The signals have no handler: their default action ends a function that never returns to the interpreter.
    """
    if _PROF:
        signal.setitimer(signal.ITIMER_PROF, seconds)
        # If the parent is gone, nothing else ends a function that only waits.
        signal.setitimer(signal.ITIMER_REAL, seconds and seconds * _BUSY + 1)


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
