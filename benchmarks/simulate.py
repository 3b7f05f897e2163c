"""How soon posts are found, and what that costs: `make simulate`.

Runs the decisions of `aggregator.schedule` against a virtual clock and writes the tables and plots of
`docs/scheduling.md`. It ends with status 1 when a claim of that page does not hold.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import process_time

from aggregator.models import Auto
from benchmarks.scheduling import report
from benchmarks.scheduling.delay import Run, run
from benchmarks.scheduling.fleet import SPACING, live, members
from benchmarks.scheduling.policies import POLICIES
from benchmarks.scheduling.replay import replays
from benchmarks.scheduling.world import HOUR, Timeline, synthetic

DOCS = Path(__file__).resolve().parent.parent / "docs"
_FIXED = tuple(hours * HOUR for hours in (2, 3, 4, 6, 8, 12))
#: The numbers of each policy, wide enough to reach every one of the fixed intervals' requests.
_SYNTHETIC: dict[str, tuple[float, ...]] = {
    "auto": (90, 250, 700, 2000, 5000, 12000),
    "fixed interval": _FIXED,
    "entry frequency": (1, 2.5, 6, 14),
    "moving average": (1.2, 0.6, 0.25, 0.09),
    "moving average, synchronized": (2.4, 1.2, 0.5, 0.2),
}
_REPLAYED: dict[str, tuple[float, ...]] = {
    "auto": (9, 30, 100, 300, 600),
    "fixed interval": _FIXED,
    "entry frequency": (10, 25, 60, 200, 600),
    "moving average": (0.1, 0.04, 0.015, 0.005),
    "moving average, synchronized": (0.15, 0.06, 0.03, 0.012),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run everything, write the page, say whether what it claims holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sources", type=int, default=100_000, help="sources that run all at once")
    parser.add_argument("--sample", type=int, default=5_000, help="sources for the comparison of the delays")
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--docs", type=Path, default=DOCS, help="folder of scheduling.md")
    options = parser.parse_args(arguments)
    began = process_time()
    _say(f"{options.sample} synthetic sources, {options.days} days, one policy after the other")
    synthetic_runs = _compare([synthetic(index, options.days) for index in range(options.sample)], _SYNTHETIC)
    feeds = replays()
    _say(f"{len(feeds)} real feeds")
    real_runs = _compare(feeds, _REPLAYED)
    _say(f"{options.sources} sources at once, {options.days} days")
    account = live(members(options.sources, options.days), options.days, Auto())
    results = report.Results(
        synthetic=synthetic_runs,
        synthetic_days=options.sample * options.days,
        sample=options.sample,
        real=real_runs,
        real_days=sum(feed.stop - feed.start for feed in feeds) / 86_400,
        feeds=len(feeds),
        account=account,
        sources=options.sources,
        days=options.days,
        spacing=SPACING,
        seconds=process_time() - began,
    )
    report.write(results, options.docs)
    broken = report.broken_claims(results)
    for claim in broken:
        _say(f"does not hold: {claim}")
    return 1 if broken else 0


def _compare(world: Sequence[Timeline], numbers: Mapping[str, Sequence[float]]) -> dict[str, list[Run]]:
    runs: dict[str, list[Run]] = {}
    for name, some in numbers.items():
        _say(f"  {name}")
        runs[name] = [run(world, POLICIES[name], number) for number in some]
    return runs


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
