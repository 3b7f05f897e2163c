"""A deadline by the clock for one process after the other: who is not done in time is killed."""

from __future__ import annotations

import subprocess
import threading
import time


class Deadline:
    """Kills a process that is not done in time, which ends every wait for its pipes.

    One thread for all calls: starting a timer for each would cost as much as a small call does.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._process: subprocess.Popen[bytes] | None = None
        self._moment = 0.0
        self._expired = False
        #: Moment (monotonic) at which the thread looks again by itself; 0: it waits to be told.
        self._looks_at = 0.0
        self._thread: threading.Thread | None = None

    def begin(self, process: subprocess.Popen[bytes], seconds: float) -> None:
        """Give a process so many seconds from now."""
        with self._changed:
            self._process, self._moment, self._expired = process, time.monotonic() + seconds, False
            if self._thread is None:
                thread = threading.Thread(target=self._watch, name="aggregator-deadline", daemon=True)
                thread.start()
                self._thread = thread
            elif not 0 < self._looks_at <= self._moment:
                self._changed.notify()

    def end(self) -> bool:
        """The process is done; whether it was killed before."""
        with self._changed:
            self._process = None
            return self._expired

    def close(self) -> None:
        """End the thread; `begin` starts another."""
        with self._changed:
            thread, self._thread = self._thread, None
            self._changed.notify()
        if thread is not None:
            thread.join()

    def _watch(self) -> None:
        with self._changed:
            while self._thread is threading.current_thread():
                if self._process is not None and time.monotonic() >= self._moment:
                    self._process.kill()
                    self._process, self._expired = None, True
                waits = self._process is not None
                self._looks_at = self._moment if waits else 0.0
                self._changed.wait(self._moment - time.monotonic() if waits else None)
