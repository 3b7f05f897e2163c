"""The results of the simulation as tables, plots and claims that hold or do not."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from benchmarks.scheduling.delay import Run, at_looks
from benchmarks.scheduling.fleet import MINUTE, Account
from benchmarks.scheduling.plots import chart
from benchmarks.scheduling.world import DAY, HOUR

BEGIN = "<!-- results: made by `make simulate`, do not edit -->"
END = "<!-- end of the results -->"
FIXED = "fixed interval"
#: `auto` may need this share of a fixed interval's delay.
GOAL = 0.60
#: A source may wait for its turn on a crowded host, but not longer than this with its own wait.
_LONGEST_GAP = timedelta(hours=36)


@dataclass(frozen=True, slots=True)
class Results:
    """All that was measured."""

    synthetic: Mapping[str, Sequence[Run]]
    #: Sources times days, of the synthetic ones and of the real ones.
    synthetic_days: float
    sample: int
    real: Mapping[str, Sequence[Run]]
    real_days: float
    feeds: int
    account: Account
    sources: int
    days: int
    spacing: timedelta
    #: CPU time of everything.
    seconds: float


def ratios(runs: Mapping[str, Sequence[Run]]) -> list[tuple[Run, dict[str, tuple[float, float] | None]]]:
    """For each fixed interval, the delays of the other policies at as many looks, as shares of its own delay."""
    found = []
    for fixed in runs[FIXED]:
        others: dict[str, tuple[float, float] | None] = {}
        for name, some in runs.items():
            at = at_looks(some, fixed.looks)
            others[name] = (at[0] / fixed.delay, at[1] / fixed.by_source) if at else None
        found.append((fixed, {name: pair for name, pair in others.items() if name != FIXED}))
    return found


def broken_claims(results: Results) -> list[str]:
    """What does not hold of what the page says."""
    broken = []
    for world, runs in (("synthetic", results.synthetic), ("real", results.real)):
        for fixed, others in ratios(runs):
            ours = others["auto"]
            where = f"{world} sources, fixed interval of {fixed.number / HOUR:g} h"
            if ours is None or ours[0] > GOAL:
                broken.append(f"{where}: auto needs {GOAL:.0%} of its delay at most")
            elif any(other is None or other[0] <= ours[0] for name, other in others.items() if name != "auto"):
                broken.append(f"{where}: auto is better than all others")
    account = results.account
    if account.forgotten or account.longest > _LONGEST_GAP.total_seconds():
        broken.append("no source starves")
    if account.busiest_host > MINUTE / results.spacing:
        broken.append("no host is asked more often than its limit")
    if account.too_soon:
        broken.append("no source is asked sooner than it wants")
    return broken


def write(results: Results, docs: Path) -> None:
    """Put tables and plots into a folder that has a `scheduling.md` with the two marks."""
    page = docs / "scheduling.md"
    before, rest = page.read_text(encoding="utf-8").split(BEGIN)
    _, after = rest.split(END)
    page.write_text(f"{before}{BEGIN}\n\n{_tables(results)}\n{END}{after}", encoding="utf-8")
    for name, title, runs, days in (
        ("synthetic", f"{results.sample:,} synthetic sources", results.synthetic, results.synthetic_days),
        ("real", f"Posting times of {results.feeds} real feeds", results.real, results.real_days),
    ):
        lines = {policy: sorted((one.looks / days, one.delay / HOUR) for one in some) for policy, some in runs.items()}
        sheet = chart(title, "requests per source and day", "mean discovery delay, hours", lines, logarithmic=True)
        (docs / f"scheduling-{name}.svg").write_text(sheet, encoding="utf-8")
    minutes = results.account.per_minute
    hours = [(hour / 24, sum(minutes[hour * 60 + minute] for minute in range(60)) / 60) for hour in range(5 * 24)]
    sheet = chart(
        f"{results.sources:,} sources after a long stop",
        "days since the start",
        "requests per minute",
        {"mean of the hour": hours},
        logarithmic=False,
        dots=False,
    )
    (docs / "scheduling-fleet.svg").write_text(sheet, encoding="utf-8")


def _tables(results: Results) -> str:
    account = results.account
    rows = [
        ("polls", f"{account.looks:,}: {account.looks / results.sources / results.days:.2f} per source and day"),
        ("mean discovery delay", f"{account.waited / account.posts / HOUR:.2f} h over {account.posts:,} posts"),
        ("sources never polled", f"{account.forgotten}"),
        ("longest time between two polls of a source", f"{account.longest / HOUR:.1f} h"),
        ("polls sooner than server or feed wanted", f"{account.too_soon}"),
        (
            f"most requests to one host in a minute (limit {MINUTE / results.spacing:g})",
            f"{account.busiest_host}",
        ),
        (
            "largest host",
            f"{account.crowd:,} sources, {account.crowd_looks / account.crowd / results.days:.2f} polls each a day "
            f"of the {DAY / results.spacing.total_seconds() / account.crowd:.2f} that its limit allows",
        ),
    ]
    return "\n".join(
        [
            f"### Synthetic sources ({results.sample:,}, {results.days} days)",
            "",
            _delays(results.synthetic, results.synthetic_days),
            f"### Real posting times ({results.feeds} feeds, {results.real_days:,.0f} days together)",
            "",
            _delays(results.real, results.real_days),
            f"### All at once ({results.sources:,} sources, {results.days} days, `auto` as it is by default)",
            "",
            "| what | result |",
            "|---|---|",
            *(f"| {name} | {value} |" for name, value in rows),
            "",
            f"CPU time of it all: {results.seconds / 60:.0f} minutes on one core, Python {platform.python_version()}.",
            "",
        ]
    )


def _delays(runs: Mapping[str, Sequence[Run]], days: float) -> str:
    names = [name for name in runs if name != FIXED]
    lines = [
        f"| {FIXED} | requests per source and day | its delay | {' | '.join(names)} |",
        f"|---|---|---|{'---|' * len(names)}",
    ]
    for fixed, others in ratios(runs):
        cells = [f"{pair[0]:.2f} ({pair[1]:.2f})" if pair else "-" for pair in (others[name] for name in names)]
        lines.append(
            f"| {fixed.number / HOUR:g} h | {fixed.looks / days:.2f} | {fixed.delay / HOUR:.2f} h | "
            f"{' | '.join(cells)} |"
        )
    return "\n".join([*lines, ""])
