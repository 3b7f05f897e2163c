"""Run a pure function in a process of its own, that can be ended when it takes too long or too much memory.

In: the name of a function, and one payload per call. Out: what the function returned, or a `ParseError`. Regular
expressions and C code cannot be interrupted from inside; a process can. It is started at the first call, is used for
all that follow, and inherits no file or socket but its two pipes. It ends with its parent: at the end of its input, or
by its own alarm while it computes.

What is limited is the time that the process computes: on a busy machine an honest document waits long for its turn. A
limit by the clock stands far behind, for a process that neither computes nor ends.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import pickle
import signal
import struct
import subprocess
import sys
import threading
import time
from typing import IO, Any

from aggregator.deadline import Deadline
from aggregator.errors import AggregatorError, ParseError

#: Limits for what reads or cleans a document from outside: no honest one comes near them.
SECONDS = 30.0
MEMORY_MB = 1024

#: Seconds by the clock for each second of computing: on a machine so busy, a process gets a twentieth of a core.
_BUSY = 20
#: Seconds by the clock that a new process may take until it has imported the function.
_START_SECONDS = 600.0
#: The least that a call may compute: a timer of no seconds would never end it.
_LEAST = 0.01
#: Seconds that a process may take to end by itself.
_END_SECONDS = 2.0
#: The signal that ends a process which has computed for too long; 0 where there is none.
_PROF: int = getattr(signal, "SIGPROF", 0)
_LENGTH = struct.Struct("!Q")
#: Bytes of a pipe, where the system lets one choose: a document goes through at once, not in dozens of pieces.
_PIPE_SIZE = 2**20


class Isolated:
    """One function in one process; calls from several threads wait for each other.

    Args:
        function_path: ``package.module:function``; it takes one argument, and argument and result can be pickled.
        seconds: time that one call may compute (on systems without such a timer: `_BUSY` times as long by the clock);
            a process that takes longer is ended, and the next call starts another.
        memory_mb: address space of the process in MiB, where the system can limit it; None: no limit.
    """

    def __init__(self, function_path: str, *, seconds: float, memory_mb: int | None) -> None:
        self._function_path = function_path
        self._seconds = seconds
        self._memory_mb = memory_mb
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False
        self._deadline = Deadline()
        #: Seconds that the last call computed; for callers in one thread.
        self.spent = 0.0

    def start(self) -> None:
        """Start the process now, so that the first call need not wait for it; a failure is left to that call."""
        with self._lock, contextlib.suppress(ParseError):
            self._ready_process()

    @property
    def running(self) -> bool:
        """Whether its process has been started, and not ended by us since."""
        return self._process is not None

    def call(self, payload: object, *, seconds: float | None = None) -> Any:
        """Run the function on `payload`.

        Args:
            seconds: time that this call may compute, where that is less than usual.

        Raises:
            AggregatorError: the one that the function raised.
            ParseError: ``unparsable`` if it took too long, too much memory, or its process with it; ``internal`` for
                any other exception, which is a mistake in this program.
        """
        limit = self._seconds if seconds is None else max(_LEAST, min(seconds, self._seconds))
        with self._lock:
            self.spent = 0.0
            process = self._ready_process()
            try:
                self._deadline.begin(process, limit * _BUSY)
                self.spent = limit
                _send(process.stdin, (limit, payload))
                *answer, self.spent = _receive(process.stdout)
            except (OSError, EOFError):
                expired = self._deadline.end()
                code = self._end()
                if code == -_PROF:
                    message = f"it took longer than {limit:g} s of computing to read"
                    raise ParseError(message, kind="unparsable") from None
                if expired:
                    message = f"it was not read within {limit * _BUSY:g} s; is this machine very busy?"
                    raise ParseError(message, kind="unparsable") from None
                message = f"the process that read it ended by itself (exit status {code})"
                raise ParseError(message, kind="unparsable") from None
            except BaseException:
                # What it answers to this call must not be taken for the answer to the next.
                self._deadline.end()
                self._end()
                raise
            if self._deadline.end() or answer[0] == "memory":
                self._end()
        return self._result(*answer)

    def stop(self) -> None:
        """End the process at once, also in the middle of a call; that call, and all that wait or come later, fail."""
        self._stopped = True
        process = self._process
        if process is not None:
            process.kill()

    def close(self) -> None:
        """End the process, if there is one. A later call starts another."""
        with self._lock:
            self._end()
            self._deadline.close()

    def _result(self, kind: str, value: Any) -> Any:
        match kind:
            case "result":
                return value
            case "error":
                raise _revive(*value)
            case "memory":
                raise ParseError(f"it took more memory than {self._memory_mb} MB to read", kind="unparsable")
        raise ParseError(f"a mistake in this program: {value}", kind="internal")

    def _ready_process(self) -> subprocess.Popen[bytes]:
        if self._stopped:
            raise ParseError("it was not read, because the program ends", kind="internal")
        if self._process is not None and self._process.poll() is None:
            return self._process
        self._end()
        arguments = [self._function_path, str(self._memory_mb or 0)]
        try:
            process = self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "aggregator.isolate", *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            )
            self._deadline.begin(process, _START_SECONDS)
            _enlarge(process.stdin, process.stdout)
            _receive(process.stdout)
        except (OSError, EOFError) as error:
            why = error if self._process is None else f"exit status {self._end()}"
            raise ParseError(f"the process that reads feeds could not start ({why})", kind="internal") from None
        except BaseException:
            self._end()
            raise
        finally:
            self._deadline.end()
        if self._stopped:
            process.kill()
        return process

    def _end(self) -> int | None:
        """End the process and release its pipes; its exit status."""
        process, self._process = self._process, None
        if process is None:
            return None
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        try:
            return process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()


def _enlarge(*pipes: IO[bytes] | None) -> None:
    """Make pipes hold a document, where the system lets us: Linux does so for a user's first pipes only."""
    if sys.platform == "linux":
        import fcntl

        with contextlib.suppress(OSError):
            for pipe in filter(None, pipes):
                fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_SIZE)


def _send(pipe: IO[bytes] | None, value: object) -> None:
    data = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    if pipe is None:
        raise EOFError
    pipe.write(_LENGTH.pack(len(data)))
    pipe.write(data)
    pipe.flush()


def _receive(pipe: IO[bytes] | None) -> Any:
    """The next value; EOFError at the end, also in the middle of one."""
    if pipe is None:
        raise EOFError
    header = pipe.read(_LENGTH.size)
    if len(header) < _LENGTH.size:
        raise EOFError
    length = _LENGTH.unpack(header)[0]
    data = pipe.read(length)
    if len(data) < length:
        raise EOFError
    return pickle.loads(data)  # noqa: S301 - it comes from this very program, over a pipe


def _revive(cls: type[AggregatorError], arguments: tuple[Any, ...], attributes: dict[str, Any]) -> AggregatorError:
    """The exception as it was: its class may not take its own `args`, so that pickle alone cannot bring it back."""
    error = cls.__new__(cls, *arguments)
    error.__dict__.update(attributes)
    return error


def _serve(function_path: str, memory_mb: int) -> None:
    """The other side: answer one call after the other until the input ends."""
    source, sink = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    # Whatever the function prints must not get between the answers.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends this process when it is done
    if _PROF:
        # What the parent ignores would be ignored here as well.
        signal.signal(_PROF, signal.SIG_DFL)
    module, _, name = function_path.partition(":")
    function = getattr(importlib.import_module(module), name)
    _limit_memory(memory_mb)
    _send(sink, "ready")
    started = time.process_time()
    try:
        while True:
            seconds, payload = _receive(source)
            started = time.process_time()
            _set_timers(seconds)
            answer = _answer(function, payload)
            _set_timers(0)
            _send(sink, (*answer, time.process_time() - started))
    except MemoryError:
        _send(sink, ("memory", None, time.process_time() - started))
    except (EOFError, BrokenPipeError):
        return


def _answer(function: Any, payload: object) -> tuple[str, Any]:
    try:
        return "result", function(payload)
    except MemoryError:
        raise
    except AggregatorError as error:
        return "error", (type(error), error.args, error.__dict__)
    except Exception as error:
        return "mistake", f"{type(error).__name__}: {error}"


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
    _serve(sys.argv[1], int(sys.argv[2]))
