"""The model of concurrency: what runs where, and what bounds it.

    event loop    the network, and whatever only waits
    StoreThread   whatever uses the store, one thing after the other: documents that are read, outcomes, publications
    Worker        another process, for what may have to be stopped: the tolerant reader, pages from strangers

One thread beside the loop is enough, because threads share an interpreter, and it needs no locks: a document that is
large or slow, a locked database and a slow disk hold no fetch up, and the store is used by one at a time.

A `Worker` bounds the CPU time of each call, its memory, and by far the time by the clock. Regular expressions and C
code cannot be interrupted from inside; a process can. It is started at the first call, is kept for those that follow,
and inherits no file or socket but its two pipes. It ends with its parent: at the end of its input, or by its own timer
while it computes. `anyio.to_process` does not hold that: it gives a new process 20 seconds by the clock to start, hides
why one ended, runs the parent's main module in it, and has no limits.
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
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypeVar

from aggregator.errors import AggregatorError, WorkerError

if TYPE_CHECKING:
    from collections.abc import Callable

#: Seconds by the clock for each second of computing: on a machine so busy, a process gets a fortieth of a core.
_BUSY = 40
#: Seconds by the clock that a new process may take until it is ready.
_START_SECONDS = 600.0
#: The least that a call may compute: a timer of no seconds would never end it, and the clock goes on beside it.
_LEAST = 0.25
#: Seconds that a process may take to end by itself.
_END_SECONDS = 2.0
#: Bytes of an answer that are read beside the event loop.
_LARGE = 500_000
#: The signal that ends a process which has computed for too long; 0 where there is none.
_PROF: int = getattr(signal, "SIGPROF", 0)
_LENGTH = struct.Struct("!Q")

P = ParamSpec("P")
T = TypeVar("T")


class StoreThread:
    """The thread of everything that uses the store; a context manager, which waits for its end."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, "aggregator-store")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function in the thread, after what came before; a caller that is cancelled does not wait for it."""
        future = self._executor.submit(function, *args, **kwargs)
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Wait for what runs, and end the thread."""
        self._executor.shutdown()


class Worker:
    """A process that runs one call at a time; callers wait for each other.

    Args:
        seconds: time that one call may compute (on systems without such a timer: `_BUSY` times as long by the clock).
        memory_mb: address space of the process in MiB, where the system can limit it; None: no limit.
    """

    def __init__(self, *, seconds: float, memory_mb: int | None) -> None:
        self._seconds = seconds
        self._memory_mb = memory_mb
        self._lock = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        #: Calls that run or wait.
        self.calls = 0

    async def run(self, function: Callable[..., T], *args: object, seconds: float | None = None) -> tuple[T, float]:
        """Run a function of a module in the process; a caller that is cancelled ends the process.

        Args:
            function: it, its arguments and its result can be pickled.
            seconds: time that this call may compute, where that is less than usual.

        Returns:
            Its result, and the seconds that it computed.

        Raises:
            AggregatorError: the one that the function raised.
            WorkerError: ``limit`` if it took too long, too much memory, or its process with it; ``internal`` for any
                other exception, which is a mistake in this program. `seconds` says what it computed.
        """
        limit = self._seconds if seconds is None else max(_LEAST, min(seconds, self._seconds))
        request = pickle.dumps((limit, function, args), pickle.HIGHEST_PROTOCOL)
        self.calls += 1
        try:
            async with self._lock:
                kind, value, spent = await self._call(request, limit)
                if kind == "memory":
                    await self._end()
        finally:
            self.calls -= 1
        match kind:
            case "result":
                return value, spent
            case "error":
                raise _revive(*value)
            case "memory":
                raise WorkerError(f"it took more memory than {self._memory_mb} MB", kind="limit", seconds=spent)
        raise WorkerError(f"a mistake in this program: {value}", kind="internal", seconds=spent)

    async def close(self) -> None:
        """End the process, if there is one. A later call starts another."""
        async with self._lock:
            await self._end()

    async def _call(self, request: bytes, limit: float) -> tuple[str, Any, float]:
        process = await self._ready()
        try:
            async with asyncio.timeout(limit * _BUSY):
                await _send(process, request)
                answer: tuple[str, Any, float] = await _receive(process)
                return answer
        except TimeoutError:
            await self._end(kill=True)
            message = f"it did not end within {limit * _BUSY:g} s; is this machine very busy?"
            raise WorkerError(message, kind="limit", seconds=limit) from None
        except (OSError, EOFError):
            code = await self._end()
            message = f"its process ended by itself (exit status {code})"
            if code == -_PROF:
                message = f"it took longer than {limit:g} s of computing"
            raise WorkerError(message, kind="limit", seconds=limit) from None
        except BaseException:
            # What it answers to this call must not be taken for the answer to the next.
            await self._end(kill=True)
            raise

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
                env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            )
            async with asyncio.timeout(_START_SECONDS):
                await _receive(process)
        except (OSError, EOFError, TimeoutError) as error:
            why = error if self._process is None else f"exit status {await self._end()}"
            raise WorkerError(f"its process could not start ({why})", kind="internal") from None
        except BaseException:
            await self._end(kill=True)
            raise
        return process

    async def _end(self, *, kill: bool = False) -> int | None:
        """End the process and release its pipes; its exit status."""
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


async def _send(process: asyncio.subprocess.Process, data: bytes) -> None:
    pipe = process.stdin
    if pipe is None:
        raise EOFError
    pipe.write(_LENGTH.pack(len(data)))
    pipe.write(data)
    await pipe.drain()


async def _receive(process: asyncio.subprocess.Process) -> Any:
    """The next value; EOFError at the end, also in the middle of one."""
    pipe = process.stdout
    if pipe is None:
        raise EOFError
    length = _LENGTH.unpack(await pipe.readexactly(_LENGTH.size))[0]
    data = await pipe.readexactly(length)
    # It comes from this very program, over a pipe.
    return await asyncio.to_thread(pickle.loads, data) if length > _LARGE else pickle.loads(data)  # noqa: S301


def _revive(cls: type[AggregatorError], arguments: tuple[Any, ...], attributes: dict[str, Any]) -> AggregatorError:
    """The exception as it was: its class may not take its own `args`, so that pickle alone cannot bring it back."""
    error = cls.__new__(cls, *arguments)
    error.__dict__.update(attributes)
    return error


def _serve(memory_mb: int) -> None:
    """The other side: answer one call after the other until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends this process when it is done
    source, sink = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    # Whatever the function prints must not get between the answers.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    if _PROF:
        # What the parent ignores would be ignored here as well.
        signal.signal(_PROF, signal.SIG_DFL)
    _limit_memory(memory_mb)
    data = pickle.dumps("ready")
    with contextlib.suppress(BrokenPipeError):
        while True:
            sink.write(_LENGTH.pack(len(data)) + data)
            sink.flush()
            header = source.read(_LENGTH.size)
            if len(header) < _LENGTH.size:
                return
            data = _perform(source.read(_LENGTH.unpack(header)[0]))


def _perform(request: bytes) -> bytes:
    """Do one call; its outcome, pickled."""
    started = time.process_time()
    try:
        seconds, function, args = pickle.loads(request)  # noqa: S301 - it comes from this very program, over a pipe
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


def _limit_memory(memory_mb: int) -> None:
    if memory_mb and sys.platform != "win32":
        import resource

        limit = memory_mb * 2**20
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _set_timers(seconds: float) -> None:
    """End this process once it has computed for so long; 0: do not.

    No handler is in the way: a signal's own action ends a function that never comes back to the interpreter.
    """
    if _PROF:
        signal.setitimer(signal.ITIMER_PROF, seconds)
        # If the parent is gone, nobody else ends a function that only waits.
        signal.setitimer(signal.ITIMER_REAL, seconds and seconds * _BUSY + 1)


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
