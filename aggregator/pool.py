"""Pure functions in several processes, so that more than one core does the work of one interpreter.

In: a function and a batch of work for it. Out: what the function made of it, wherever it ran. A process costs its start
and the way there and back, so small batches, and the first ones of all, are done here; and so is every batch while all
processes are busy. `Pool.run` does one batch for a thread that waits for it; `Pool.submit` is for one thread that has
something else to do until it needs the result.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Sized
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

from aggregator.errors import ParseError
from aggregator.isolate import MEMORY_MB, SECONDS, Isolated

#: A batch of fewer items is not worth the way to another process.
SMALLEST = 5
#: Items that are done here before the first process is started: as long as a start takes.
FIRST = 500
#: More cores than this have nothing to do: what is left for one interpreter takes as long by then.
_MOST = 3
#: Batches that a process has at once: one to work on, and the next.
_DEPTH = 2

In = TypeVar("In", bound=Sized)
Out = TypeVar("Out")


class Pool:
    """Runs batches of pure functions here and in processes of their own; a context manager, which ends them.

    It may be used from several threads. Functions are of modules, their arguments and results can be pickled, and the
    length of an argument says how much work it is.

    Args:
        processes: how many besides this one; None: as many as there are cores beyond the first, within reason.
        first: items that are done here before the first process is started.
    """

    def __init__(self, *, processes: int | None = None, first: int = FIRST) -> None:
        count = min(_cores() - 1, _MOST) if processes is None else processes
        #: Batches that each process has, the one that it works on included.
        self._loads = {Isolated(f"{__name__}:perform", seconds=SECONDS, memory_mb=MEMORY_MB): 0 for _ in range(count)}
        self._counting = threading.Lock()
        self._left = first
        #: Held by whoever computes in this process: threads that do so at the same time only hold each other up.
        self.turn = threading.Lock()
        #: Threads that `run` can keep busy: what waits for a process has the next batch ready for it.
        self.threads = _DEPTH * count + 2
        self._starters: list[threading.Thread] = []
        self._helpers: list[threading.Thread] = []
        #: What was submitted and is not begun yet.
        self._tasks: deque[_Task] = deque()
        self._news = threading.Condition()
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def expect(self, items: int) -> None:
        """Be told how much is to come: where it is enough, the processes are started meanwhile."""
        if items > self._left:
            self._left = 0
            for process in self._loads:
                starter = threading.Thread(target=process.start)
                starter.start()
                self._starters.append(starter)

    def is_worth(self, batch: Sized) -> bool:
        """Whether a batch may go to another process; each is to be asked for once."""
        size = len(batch)
        # Threads may count at once and lose some; nothing depends on the exact number.
        self._left -= size
        return size >= SMALLEST and self._left <= 0 and bool(self._loads)

    def run(self, function: Callable[[In], Out], batch: In) -> Out:
        """Do one batch in another process, or in turn here where all of them are busy; `turn` must not be held.

        Raises:
            ParseError: a process took too long or too much memory for it.
            AggregatorError: the one that the function raised.
        """
        try:
            return self._elsewhere(function, batch)
        except ParseError as error:
            if error.kind != "internal":
                raise
        # There is no process, or there is a mistake in the function, which shows itself best where it can be traced.
        with self.turn:
            return function(batch)

    def submit(self, function: Callable[[In], Out], batch: In, /) -> Callable[[], Out]:
        """Have a batch done in a process that is there already, or else here; return what gives the result.

        Whoever asks for a result that is not there yet does what was submitted and not begun meanwhile. What is not
        asked for may never be done. No process is started for it: the batches of one thread are soon done.
        """
        if len(batch) < SMALLEST or not any(process.running for process in self._loads):
            return partial(function, batch)
        task = _Task(function, batch)
        with self._news:
            if not self._helpers:
                self._helpers = [threading.Thread(target=self._help) for _ in self._loads]
                for helper in self._helpers:
                    helper.start()
            self._tasks.append(task)
            self._news.notify()
        return partial(self._result, task)

    def close(self) -> None:
        """End the processes."""
        with self._news:
            # What is left is done by whoever still asks for it.
            self._closed = True
            self._news.notify_all()
        for thread in (*self._starters, *self._helpers):
            thread.join()
        for process in self._loads:
            process.close()

    def _help(self) -> None:
        """Do tasks in processes, as they come, until the pool is closed."""
        while True:
            with self._news:
                self._news.wait_for(lambda: self._tasks or self._closed)
                if self._closed:
                    return
                task = self._tasks.popleft()
            # Not here, where there is no room for it: whoever waits for the result may hold `turn`, and does it then.
            task.do(self._elsewhere)
            with self._news:
                self._news.notify_all()

    def _result(self, task: _Task) -> Any:
        while True:
            with self._news:
                if not task.done and not self._tasks:
                    self._news.wait_for(lambda: task.done)
                if task.done:
                    break
                # The one that is wanted, else the one that would come last.
                mine = task if task in self._tasks else self._tasks[-1]
                self._tasks.remove(mine)
            mine.do(_here)
        if task.error is not None:
            # Perhaps it was the process and not the batch: it was killed, or had too little memory.
            task.do(_here)
        if task.error is not None:
            raise task.error
        return task.result

    def _elsewhere(self, function: Callable[[In], Out], batch: In) -> Out:
        """Do one batch in another process.

        Raises:
            ParseError: ``internal`` where there is none that could; else as of `run`.
            AggregatorError: the one that the function raised.
        """
        process = self._reserved()
        if process is None:
            raise ParseError("all processes are busy", kind="internal")
        try:
            result: Out = process.call((function, batch))
            return result
        finally:
            with self._counting:
                self._loads[process] -= 1

    def _reserved(self) -> Isolated | None:
        """The process that has least to do, if it can take one batch more."""
        with self._counting:
            process = min(self._loads, key=self._loads.__getitem__, default=None)
            if process is None or self._loads[process] >= _DEPTH:
                return None
            self._loads[process] += 1
            return process


class _Task:
    """One batch that was submitted."""

    def __init__(self, function: Callable[[Any], Any], batch: Sized) -> None:
        self._work = function, batch
        self.done = False
        self.result: Any = None
        self.error: Exception | None = None

    def do(self, run: Callable[[Callable[[Any], Any], Any], Any]) -> None:
        """Do it in the given way, and keep what comes of it."""
        try:
            self.result, self.error = run(*self._work), None
        except Exception as error:
            self.error = error
        self.done = True


def _here(function: Callable[[Any], Any], batch: Any) -> Any:
    return function(batch)


def perform(work: tuple[Callable[[Any], Any], Any]) -> Any:
    """What the processes do: one function on one batch."""
    function, batch = work
    return function(batch)


def _cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
