"""The child's side: one task, in a fresh process, with what it took as JSON on the last line of standard output.

    echo '{"argument": ...}' | python -m benchmarks.tasks NAME [--profile]

A task prepares what it needs, works inside `with clock:`, and returns how much it did, so that speed can be held
against what was read. Only the block is measured: wall time, and the CPU time (user and system) of the process and of
its children that have ended.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from benchmarks.cluster.servers import cpu_of
from benchmarks.profiling import Profiler


class Clock:
    """Measures one `with` block; with a profiler, profiles it instead."""

    def __init__(self, profiler: Profiler | None = None) -> None:
        self.profiler = profiler
        #: How often the block does its work; the report is for once.
        self.passes = 1
        #: Further things to tell, by name.
        self.notes: dict[str, Any] = {}
        self.wall = 0.0
        self.own = 0.0
        self.children = 0.0
        #: A server whose CPU time is told besides: its process id, the name of the note, and units to divide it by.
        self.server: tuple[int, str, int] | None = None

    def __enter__(self) -> Clock:
        if self.server:
            self._server = cpu_of(self.server[0], descendants=True)
        self._start = time.perf_counter(), _cpu(resource.RUSAGE_SELF), _cpu(resource.RUSAGE_CHILDREN)
        if self.profiler:
            self.profiler.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.profiler:
            self.profiler.stop()
        if self.server:
            pid, name, units = self.server
            self.notes[name] = (cpu_of(pid, descendants=True) - self._server) / units
        wall, own, children = self._start
        self.wall = (time.perf_counter() - wall) / self.passes
        self.own = (_cpu(resource.RUSAGE_SELF) - own) / self.passes
        self.children = (_cpu(resource.RUSAGE_CHILDREN) - children) / self.passes

    def report(self, done: int) -> dict[str, Any]:
        """What `measure.Sample` is made of."""
        return {
            "wall": self.wall,
            "cpu": self.own + self.children,
            "children": self.children,
            "peak": _peak(),
            "done": done,
            "notes": self.notes,
        }


#: A task: takes the clock and the arguments, returns how much was done.
Task = Callable[..., int]


def tasks() -> dict[str, Task]:
    """Every task by its name."""
    from benchmarks import floor, floor_lists, floor_pages, jobs, leases, ours, ours_publish, peers, peers_cycle

    modules = (floor, floor_lists, floor_pages, jobs, leases, ours, ours_publish, peers, peers_cycle)
    return {name: task for module in modules for name, task in module.TASKS.items()}


def _cpu(who: int) -> float:
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


def _peak() -> int:
    """Peak resident memory of this process in bytes; 0 where the system does not tell.

    From /proc, because `ru_maxrss` of a child begins with that of its parent (getrusage(2), execve(2)).
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return 0
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def main(arguments: list[str]) -> None:
    """Run one task and report; what the task prints itself goes nowhere."""
    name, values = arguments[0], json.load(sys.stdin)
    clock = Clock(Profiler() if "--profile" in arguments else None)
    clock.server = values.pop("server", None)
    task = tasks()[name]
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, contextlib.redirect_stdout(nowhere):
        done = task(clock, **values)
    report = clock.report(done)
    if clock.profiler:
        report["profile"] = clock.profiler.text()
    sys.stdout.write(json.dumps(report) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
