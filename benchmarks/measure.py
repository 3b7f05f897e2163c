"""What an experiment is, and how it is measured: every run in a fresh process, the sides taking turns.

In: `Experiment`. Out: `Results`: samples by run, with the load of the machine meanwhile.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import statistics
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Basis = Literal["wall", "cpu", "peak"]
"""Wall seconds, CPU seconds (user and system, children included), or peak memory in bytes."""

#: Seconds between two looks at the memory of a task.
_LOOK = 0.05


class Failed(Exception):
    """A task could not be run; the message says why."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What one run of one task took."""

    wall: float
    #: User and system seconds, children included.
    cpu: float
    #: The part of `cpu` that was used by child processes.
    children: float
    #: Bytes of resident memory at the worst moment, all processes of the task added up.
    peak: int
    #: How much was done: entries, bodies, answers, files, as the task counts.
    done: int
    notes: Mapping[str, Any] = field(default_factory=dict)

    def per_unit(self, basis: Basis, units: int) -> float:
        """Time for one unit; memory is not divided."""
        return float(self.peak) if basis == "peak" else getattr(self, basis) / units


@dataclass(frozen=True, slots=True)
class Run:
    """One side of an experiment."""

    label: str
    #: Name of the task (`benchmarks.tasks`).
    task: str
    #: Its arguments, or what makes them ready for a round, counted from 0.
    arguments: Mapping[str, Any] | Callable[[int], Mapping[str, Any]]
    #: Into how many units (feeds, entries, sources) the time is divided.
    units: int = 1
    #: What the task has to return; another number means that the side did something else.
    expects: int | None = None
    #: A module or a command without which the run is left out.
    needs: str | None = None
    #: What to add to the notes after each round, e.g. what the origin has answered.
    after: Callable[[], Mapping[str, Any]] = dict
    #: Whether it is the product's; its failure ends the benchmark, that of a peer is noted.
    ours: bool = False


@dataclass(frozen=True, slots=True)
class Further:
    """What one unit more costs: the difference of two runs of different sizes, divided by that of their units."""

    label: str
    #: Labels of the runs.
    larger: str
    smaller: str


@dataclass(frozen=True, slots=True)
class Target:
    """What the measure `over` : `under` has to reach; without `under`, the absolute measure of `over`.

    Both are labels of runs or of their differences; with several, those that are hardest to satisfy count.
    """

    text: str
    over: tuple[str, ...]
    under: tuple[str, ...]
    basis: Basis
    limit: float
    sense: Literal["at least", "at most"]


@dataclass(frozen=True, slots=True)
class Experiment:
    """One table: its sides, ours first, and what has to be reached."""

    name: str
    title: str
    #: How it is measured, in a few sentences.
    how: str
    #: What one unit is, e.g. ``feed``.
    unit: str
    runs: tuple[Run, ...]
    targets: tuple[Target, ...] = ()
    further: tuple[Further, ...] = ()


@dataclass(slots=True)
class Results:
    """What was measured of one experiment."""

    experiment: Experiment
    samples: dict[str, list[Sample]]
    #: Label of a run -> why it was left out.
    missing: dict[str, str]
    #: Load average of the last minute before and after.
    load: tuple[float, float] = (0.0, 0.0)

    def values(self, label: str, basis: Basis) -> list[float]:
        """The measure per unit of one run or of one difference, by round."""
        for further in self.experiment.further:
            if further.label == label:
                return self._differences(further, basis)
        units = self._units(label)
        return [sample.per_unit(basis, units) for sample in self.samples.get(label, [])]

    def ratios(self, over: str, under: str, basis: Basis) -> list[float]:
        """`over` : `under`, round by round; empty if either is missing."""
        pairs = zip(self.values(over, basis), self.values(under, basis), strict=False)
        return [above / below for above, below in pairs if below]

    def _units(self, label: str) -> int:
        return next(run.units for run in self.experiment.runs if run.label == label)

    def _differences(self, further: Further, basis: Basis) -> list[float]:
        larger, smaller = (self.samples.get(label, []) for label in (further.larger, further.smaller))
        units = self._units(further.larger) - self._units(further.smaller)
        pairs = zip(larger, smaller, strict=False)
        return [(above.per_unit(basis, 1) - below.per_unit(basis, 1)) / units for above, below in pairs]


def measure(experiment: Experiment, rounds: int, tell: Callable[[str], None]) -> Results:
    """Run all sides in turn, `rounds` times.

    Raises:
        Failed: a run of ours failed.
    """
    results = Results(experiment, {}, {})
    before = os.getloadavg()[0]
    for number in range(rounds):
        for run in experiment.runs:
            reason = _absent(run)
            if reason is None and run.label not in results.missing:
                tell(f"{experiment.name}: round {number + 1} of {rounds}: {run.label}")
                try:
                    sample = execute(run, number)
                except Failed as error:
                    if run.ours:
                        raise
                    reason = str(error)
                else:
                    results.samples.setdefault(run.label, []).append(sample)
            if reason is not None:
                results.missing[run.label] = reason
                results.samples.pop(run.label, None)
    results.load = before, os.getloadavg()[0]
    return results


def profile(experiment: Experiment, tell: Callable[[str], None]) -> str:
    """The profiles of our runs, one after the other."""
    parts = []
    for run in experiment.runs:
        if run.ours:
            tell(f"{experiment.name}: profile of {run.label}")
            report = call(run.task, _arguments(run, 0), "--profile")
            parts.append(f"== {experiment.name}: {run.label}; in child processes: {report['children']:.3f} s\n")
            parts.append(report["profile"])
    return "\n".join(parts)


def execute(run: Run, number: int) -> Sample:
    """One run in one round.

    Raises:
        Failed: the task ended badly, or did not do what is expected of it.
    """
    report = call(run.task, _arguments(run, number))
    if run.expects is not None and report["done"] != run.expects:
        raise Failed(f"{run.label}: did {report['done']} instead of {run.expects}")
    return Sample(**{**report, "notes": {**report["notes"], **run.after()}})


def call(task: str, arguments: Mapping[str, Any], *options: str) -> dict[str, Any]:
    """Run a task in a fresh process and return its report.

    Raises:
        Failed: it ended badly; the message is the last line it wrote.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.tasks", task, *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    memory = _Memory(process.pid)
    with memory:
        out, error = process.communicate(json.dumps(dict(arguments)))
    if process.returncode:
        raise Failed(f"{task}: {(error.strip().splitlines() or [f'exit status {process.returncode}'])[-1]}")
    report: dict[str, Any] = json.loads(out.strip().splitlines()[-1])
    report["peak"] = max(report["peak"], memory.peak)
    return report


def spread(values: list[float]) -> tuple[float, float, float]:
    """Median, least and greatest."""
    return statistics.median(values), min(values), max(values)


def _arguments(run: Run, number: int) -> Mapping[str, Any]:
    return run.arguments(number) if callable(run.arguments) else run.arguments


def _absent(run: Run) -> str | None:
    if run.needs is None or importlib.util.find_spec(run.needs) or shutil.which(run.needs):
        return None
    return f"{run.needs} is not installed"


class _Memory:
    """Looks at the resident memory of a process and all its descendants while the block runs; 0 without /proc."""

    def __init__(self, pid: int) -> None:
        self.peak = 0
        self._pid = pid
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> _Memory:
        self._thread.start()
        return self

    def __exit__(self, *reason: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(_LOOK):
            self.peak = max(self.peak, _resident(self._pid))


def _resident(pid: int) -> int:
    """Bytes of the process and its descendants; pages that they share are counted in each."""
    total = 0
    with suppress(OSError, ValueError, IndexError):
        folder = Path("/proc") / str(pid)
        total += int((folder / "statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
        for thread in (folder / "task").iterdir():
            total += sum(_resident(int(child)) for child in (thread / "children").read_text(encoding="ascii").split())
    return total
