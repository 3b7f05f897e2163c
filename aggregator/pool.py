"""The same pure function in several processes, so that more than one core does the work of one interpreter.

In: a batch of work. Out: what the function made of it, wherever it ran. A process costs its start and the way there and
back, so small batches, and the first ones of all, are done here; and so is every batch while all processes are busy.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sized
from typing import Generic, TypeVar

from aggregator.isolate import Isolated

#: A batch of fewer items is not worth the way to another process.
SMALLEST = 5
#: Items that are done here before the first process is started: as long as a start takes.
FIRST = 400
#: More cores than this have nothing to do: what is left for one interpreter takes as long by then.
_MOST = 3

In = TypeVar("In", bound=Sized)
Out = TypeVar("Out")


class Pool(Generic[In, Out]):
    """Runs batches of one function here and in processes of their own.

    It may be used from several threads; `threads` of them can be kept busy.

    Args:
        function: a pure function of a module; its argument and result can be pickled, and the length of the argument
            says how much work it is.
        seconds: time for one batch in a process.
        memory_mb: address space of each process in MiB.
        processes: how many besides this one; None: as many as there are cores beyond the first, within reason.
        first: items that are done here before the first process is started.
    """

    def __init__(
        self,
        function: Callable[[In], Out],
        *,
        seconds: float,
        memory_mb: int,
        processes: int | None = None,
        first: int = FIRST,
    ) -> None:
        path = f"{function.__module__}:{function.__name__}"
        count = min(_cores() - 1, _MOST) if processes is None else processes
        self.threads = count + 1
        self._function = function
        self._all = [Isolated(path, seconds=seconds, memory_mb=memory_mb) for _ in range(count)]
        self._free = deque(self._all)
        self._left = first

    def run(self, batch: In) -> Out:
        """Do one batch.

        Raises:
            ParseError: a process took too long or too much memory for it.
            AggregatorError: the one that the function raised.
        """
        size = len(batch)
        # Threads may count at once and lose some; nothing depends on the exact number.
        self._left -= size
        if size < SMALLEST or self._left > 0:
            return self._function(batch)
        try:
            process = self._free.popleft()
        except IndexError:
            return self._function(batch)
        try:
            result: Out = process.call(batch)
            return result
        finally:
            self._free.append(process)

    def close(self) -> None:
        """End the processes."""
        for process in self._all:
            process.close()


def _cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
