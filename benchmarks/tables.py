"""Results as Markdown: a table of the sides, a table of the targets, and what there is to say of the machine."""

from __future__ import annotations

import os
import platform
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import Any

from benchmarks.measure import Basis, Failed, Results, Sample, Target, spread

BEGIN = "<!-- tables: made by `python -m benchmarks --write`, do not edit -->"
END = "<!-- end of the tables -->"

_COMPARED: tuple[Basis, ...] = ("wall", "cpu")


def machine() -> str:
    """One line about what it runs on."""
    return (
        f"{os.cpu_count()} cores ({_processor()}), Python {platform.python_version()}, {platform.system()}; "
        f"load average at the start {os.getloadavg()[0]:.2f}"
    )


def render(results: Results, rounds: int) -> str:
    """One experiment in Markdown."""
    experiment = results.experiment
    parts = [
        f"### {experiment.title}",
        experiment.how,
        _sides(results),
        *([_targets(results)] if experiment.targets else []),
        "\n".join(f"- {line}" for line in _remarks(results, rounds)),
    ]
    return "\n\n".join(parts) + "\n"


def judge(results: Results, target: Target) -> tuple[list[float], bool] | None:
    """The measured values by round and whether their median reaches the target; None if a side is missing."""
    if target.under:
        candidates = [results.ratios(*pair, target.basis) for pair in product(target.over, target.under)]
    else:
        candidates = [results.values(over, target.basis) for over in target.over]
    measured = [values for values in candidates if values]
    if not measured:
        return None
    hardest = max if target.sense == "at most" else min
    values = hardest(measured, key=statistics.median)
    middle = statistics.median(values)
    return values, middle <= target.limit if target.sense == "at most" else middle >= target.limit


def as_json(results: Results) -> dict[str, Any]:
    """Everything that was measured, for other programs."""
    experiment = results.experiment
    return {
        "name": experiment.name,
        "samples": {label: [asdict(one) for one in samples] for label, samples in results.samples.items()},
        "missing": results.missing,
        "load": results.load,
        "targets": [_judged(results, target) for target in experiment.targets],
    }


def write_into(path: Path, text: str) -> None:
    """Put the tables between the two marks of a document; what is around them stays.

    Raises:
        Failed: the document has no such marks.
    """
    before, begin, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise Failed(f"{path} has no lines {BEGIN!r} and {END!r} to put the tables between")
    path.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{after}", encoding="utf-8")


def _judged(results: Results, target: Target) -> dict[str, Any]:
    judged = judge(results, target)
    values, met = judged or ([], None)
    return {"target": target.text, "limit": target.limit, "sense": target.sense, "values": values, "met": met}


def _sides(results: Results) -> str:
    experiment = results.experiment
    first = experiment.runs[0].label
    unit = experiment.unit
    heads = ("", f"wall per {unit}", f"CPU per {unit}", "peak memory", "wall: times ours", "CPU: times ours")
    rows: list[tuple[str, ...]] = [heads]
    for label in (one.label for one in (*experiment.runs, *experiment.further)):
        if results.values(label, "wall"):
            ratios = ["1" if label == first else _ratio(results.ratios(label, first, basis)) for basis in _COMPARED]
            wall, cpu = (statistics.median(results.values(label, basis)) for basis in _COMPARED)
            # A difference of two runs is none in memory.
            peak = _bytes(statistics.median(results.values(label, "peak"))) if label in results.samples else "-"
            rows.append((label, _seconds(wall), _seconds(cpu), peak, *ratios))
    return _table(rows)


def _targets(results: Results) -> str:
    rows = [("target", "measured", "reached")]
    for target in results.experiment.targets:
        judged = judge(results, target)
        if judged is None:
            rows.append((target.text, "not measured", "-"))
            continue
        values, met = judged
        rows.append((target.text, _measured(target, values), "yes" if met else "**no**"))
    return _table(rows)


def _measured(target: Target, values: list[float]) -> str:
    if target.under:
        return _ratio(values)
    show = _bytes if target.basis == "peak" else _seconds
    middle, least, greatest = spread(values)
    return f"{show(middle)} ({show(least)} to {show(greatest)})"


def _remarks(results: Results, rounds: int) -> list[str]:
    before, after = results.load
    lines = [f"Rounds: {rounds}, the sides in turn; load average {before:.2f} before, {after:.2f} after."]
    for label, samples in results.samples.items():
        done = Counter(sample.done for sample in samples)
        said = [f"{label}: did {', '.join(map(str, done))}"]
        children = statistics.median(sample.children / sample.cpu if sample.cpu else 0.0 for sample in samples)
        if children > 0.01:
            said.append(f"{children:.0%} of its CPU time in child processes")
        said += [f"{name} {_noted(samples, name)}" for name in samples[-1].notes]
        lines.append("; ".join(said) + ".")
    lines += [f"{label}: left out, {why}." for label, why in results.missing.items()]
    return lines


def _noted(samples: Sequence[Sample], name: str) -> str:
    """A note: of seconds the median of all rounds, of anything else the last one."""
    values = [sample.notes[name] for sample in samples if name in sample.notes]
    return _seconds(statistics.median(values)) if isinstance(values[-1], float) else _plain(values[-1])


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{count} x {name}" for name, count in value.items()) or "none"
    return str(value)


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]

    def line(row: tuple[str, ...]) -> str:
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"

    return "\n".join([line(rows[0]), "|" + "|".join("-" * (width + 2) for width in widths) + "|", *map(line, rows[1:])])


def _ratio(values: list[float]) -> str:
    if not values:
        return "-"
    middle, least, greatest = spread(values)
    return f"{_number(middle)} ({_number(least)} to {_number(greatest)})"


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _seconds(value: float) -> str:
    if value >= 1:
        return f"{value:.2f} s"
    # A difference may be negative.
    return f"{value * 1e3:.3g} ms" if abs(value) >= 1e-3 else f"{value * 1e6:.3g} µs"


def _bytes(value: float) -> str:
    return f"{value / 1e6:.0f} MB"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())
