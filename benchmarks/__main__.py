"""`python -m benchmarks`: measure, and print the tables (see README.md in this folder)."""

from __future__ import annotations

import argparse
import compileall
import json
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from benchmarks import cycles, databases, jobs, leases, ruled, scraping, sites, sizes, stages, tables
from benchmarks.measure import Experiment, Failed, measure, profile

#: Each experiment by its name, in the order of the tables.
EXPERIMENTS: dict[str, Callable[[sizes.Sizes], AbstractContextManager[Experiment | None]]] = {
    "parse": stages.parse,
    "corpus": stages.corpus,
    "normalize": stages.normalize,
    "request": stages.request,
    "jobs": jobs.jobs,
    "lease": leases.lease,
    "cold": cycles.cold,
    "unchanged": cycles.unchanged,
    "postgres-cold": databases.cold,
    "postgres-unchanged": databases.unchanged,
    "warm": cycles.warm,
    "rules": ruled.rules,
    "scrape": scraping.scrape,
    "rescrape": scraping.rescrape,
    "subscriptions": scraping.subscriptions,
    "publish": sites.publish,
    "outputs": ruled.outputs,
    "render": sites.render,
    "posts": sites.posts,
    "growth": cycles.growth,
    "startup": sites.startup,
    "idle": sites.idle,
}

PERFORMANCE = Path(__file__).resolve().parent.parent / "docs" / "performance.md"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the experiments that are asked for; the exit status is 1 if one of ours could not be run."""
    options = _parse(arguments)
    scale = sizes.TINY if options.tiny else sizes.FULL
    # As an installation does it; a checkout may be set up to compile every module at every start.
    compileall.compile_dir(PERFORMANCE.parent.parent / "aggregator", quiet=2)
    try:
        if options.profile:
            for name in options.profile:
                with EXPERIMENTS[name](scale) as experiment:
                    _say(profile(experiment, _tell) if experiment else f"{name}: its data is not there")
            return 0
        _measure(options, scale)
    except Failed as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


def _measure(options: argparse.Namespace, scale: sizes.Sizes) -> None:
    texts = [f"{tables.machine()}."]
    _say(texts[0] + "\n")
    measured: list[dict[str, Any]] = []
    for name in options.only or EXPERIMENTS:
        with EXPERIMENTS[name](scale) as experiment:
            if experiment is None:
                texts.append(f"### {name}\n\nLeft out: its data is not there.\n")
            else:
                results = measure(experiment, options.rounds, _tell)
                texts.append(tables.render(results, options.rounds))
                measured.append(tables.as_json(results))
        _say(texts[-1])
        if options.json:
            report = {"machine": texts[0], "experiments": measured}
            options.json.write_text(json.dumps(report, indent=1), encoding="utf-8")
    if options.write:
        tables.write_into(PERFORMANCE, "\n".join(texts))


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure against the peers.")
    names = list(EXPERIMENTS)
    parser.add_argument("--only", nargs="+", choices=names, metavar="NAME", help=f"some of: {', '.join(names)}")
    parser.add_argument("--profile", nargs="+", choices=names, metavar="NAME", help="profile our side instead")
    parser.add_argument("--rounds", type=int, help="rounds of each experiment (5; tiny: 1)")
    parser.add_argument("--tiny", action="store_true", help="sizes that only show that everything works")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all samples there")
    parser.add_argument("--write", action="store_true", help=f"put the tables into docs/{PERFORMANCE.name}")
    options = parser.parse_args(arguments)
    if options.rounds is None:
        options.rounds = 1 if options.tiny else 5
    return options


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _tell(text: str) -> None:
    """What goes on, for whoever waits; not part of the tables."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
