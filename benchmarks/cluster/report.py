"""The part of `docs/cluster.md` that says what workers cost: `python -m benchmarks.cluster.report`.

In: `costs.json` of a real run (`benchmarks.cluster.run`). Out: its table, the model of larger clusters on its costs,
and the plots.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.cluster.model import HOUR, PLANNED, Costs, Load, most_of_domain, most_sources, needs, share, waits
from benchmarks.cluster.run import COSTS, Turn
from benchmarks.scheduling.plots import chart

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"
_BEGIN, _END = "<!-- costs: made by `python -m benchmarks.cluster.report`, do not edit -->", "<!-- end of the costs -->"
_INTERVALS = {"a look each 15 min": HOUR / 4, "a look each hour": HOUR, "a look each 4 hours": 4 * HOUR}
_SIZES = (10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000)
#: The domain of the plot: seconds that a request takes, and what `fetch` says.
_REQUEST = 0.3
_DOMAINS = {
    "per_host 2": (2, 0.0),
    "per_host 1": (1, 0.0),
    "host_delay 1s": (2, 1.0),
    "host_delay 5s": (2, 5.0),
}
_OF_A_DOMAIN = (10, 30, 100, 300, 600, 1000, 3000, 6000, 10_000)


def main() -> int:
    """Write the page and the plots."""
    turns = measured()
    costs = costs_of(turns)
    page = DOCS / "cluster.md"
    before, _, rest = page.read_text(encoding="utf-8").partition(_BEGIN)
    after = rest.partition(_END)[2]
    page.write_text(f"{before}{_BEGIN}\n\n{text_of(turns, costs)}\n{_END}{after}", encoding="utf-8")
    for name, plot in _plots(costs).items():
        (DOCS / name).write_text(plot, encoding="utf-8")
    return 0


def measured() -> list[Turn]:
    """Return the turns of the real run that the page tells of."""
    return [Turn(**one) for one in json.loads(COSTS.read_text(encoding="utf-8"))]


def costs_of(turns: Sequence[Turn]) -> Costs:
    """Return the costs of one look, from the turns of 304s and of one new entry each."""
    same, new = turns[1], turns[2]

    def each(name: str) -> tuple[float, float]:
        return getattr(same, name) / same.sources, getattr(new, name) / new.sources

    worker, database = each("workers"), each("database")
    lock = same.writing * same.seconds / same.sources, new.writing * new.seconds / new.sources
    return Costs(*worker, *database, *lock)


def text_of(turns: Sequence[Turn], costs: Costs) -> str:
    """Return the part of the page."""
    load = Load(1_000_000, HOUR)
    million = needs(load, costs)
    limit = most_sources(HOUR, load.fresh, costs)
    rows = [
        ("turn", "looks a second", "CPU of a worker", "CPU of the database", "somebody writes", "memory of a worker"),
        *(
            (
                turn.name,
                f"{turn.sources / turn.seconds:.0f}",
                f"{turn.workers / turn.sources * 1000:.2f} ms a look",
                f"{turn.database / turn.sources * 1000:.2f} ms a look",
                f"{turn.writing:.0%} of the time",
                f"{turn.memory / 1e6:.0f} MB",
            )
            for turn in turns
        ),
    ]
    needed = [
        ("sources", "interval", "looks a second", "workers", "cores of the database", "somebody writes"),
        *(_needed(Load(size, interval), costs) for interval in _INTERVALS.values() for size in (100_000, 1_000_000)),
    ]
    return f"""\
A real run: {turns[0].sources:,} sources, four of a domain, on two workers, with PostgreSQL, the workers and the
origin of all feeds on one machine of two cores. In the first turn everything is new; then all answer 304; then each
has one new entry. The machine was never idle besides (load average 4 to 6). Compare the rows with each other; another
machine has other times. The queue has been made cheaper since (`jobs` in [performance](performance.md)), so these costs
are rather too high.

{_table(rows)}

The last published file came {_after(turns)} after the last stored outcome.

### A model

From these costs follows what a larger cluster needs ([how](../benchmarks/cluster/model.py)): of every ten looks one
brings something new, a core is planned to be busy for {PLANNED:.0%} of the time, and looks come evenly, as [due
times do](scheduling.md).

{_table(needed)}

A million sources, each asked once an hour, are {million.looks:.0f} looks a second: {million.workers} workers and
{million.cores:.1f} cores for the database. What ends the growth is the lock of writers: at an hour between looks
they are busy for {PLANNED:.0%} of the time with {_round(limit)} sources. A database that answers more slowly, over
a network, makes each transaction longer and this number smaller in proportion. Not in the model: a slow disk, and
that every worker reads the whole `feeds.yaml` at its start and keeps it in memory.

![Workers that a number of sources needs](cluster-workers.svg)

![Cores of the database that a number of sources needs](cluster-database.svg)

![Share of the time in which somebody writes](cluster-writing.svg)

Leases limit what one domain can be asked, however many workers there are: with requests of {_REQUEST} s, `per_host`
2 lets {_round(most_of_domain(HOUR, _REQUEST, 2, 0.0))} looks an hour through, a `host_delay` of a second
{_round(most_of_domain(HOUR, _REQUEST, 2, 1.0))}. Below that, waits are short: the plot shows how long one look of a
hundred waits at least.

![Wait for the lease of a domain](cluster-leases.svg)
"""


def _after(turns: Iterable[Turn]) -> str:
    """Return how long publication took; nothing is published after a turn of 304s."""
    return " and ".join(f"{turn.published - turn.seconds:.1f} s ({turn.name})" for turn in turns if turn.name != "304")


def _needed(load: Load, costs: Costs) -> tuple[str, ...]:
    one = needs(load, costs)
    minutes = load.interval / 60
    interval = f"{minutes:.0f} min" if minutes < 60 else f"{minutes / 60:.0f} h"
    return (
        f"{load.sources:,}",
        interval,
        f"{one.looks:.0f}",
        f"{one.workers}",
        f"{one.cores:.1f}",
        f"{one.writing:.0%} of the time" if one.writing < 1 else "**not possible**",
    )


def _plots(costs: Costs) -> dict[str, str]:
    def lines(of: Any) -> dict[str, list[tuple[float, float]]]:
        return {
            name: [(size / 1000, of(needs(Load(size, interval), costs))) for size in _SIZES]
            for name, interval in _INTERVALS.items()
        }

    waiting = {
        name: [
            (float(size), max(0.01, share(waits(size, HOUR, _REQUEST, *limits), 0.99)))
            for size in _OF_A_DOMAIN
            if size < most_of_domain(HOUR, _REQUEST, *limits)
        ]
        for name, limits in _DOMAINS.items()
    }
    across = "thousand sources"
    return {
        "cluster-workers.svg": chart(
            "Workers that a number of sources needs",
            across,
            "workers",
            lines(lambda one: one.workers),
            logarithmic=True,
        ),
        "cluster-database.svg": chart(
            "Cores of the database", across, "cores", lines(lambda one: max(0.01, one.cores)), logarithmic=True
        ),
        "cluster-writing.svg": chart(
            "Share of the time in which somebody writes",
            across,
            "share (1: nothing more can be stored)",
            lines(lambda one: max(0.001, one.writing)),
            logarithmic=True,
        ),
        "cluster-leases.svg": chart(
            "Wait for the lease of a domain: 99 of 100 looks wait less",
            "sources of one domain, each asked once an hour",
            "seconds",
            waiting,
            logarithmic=True,
        ),
    }


def _round(value: float) -> str:
    digits = len(str(int(value))) - 2
    return f"{int(round(value, -digits)):,}"


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    head, *rest = rows
    return "\n".join([f"| {' | '.join(head)} |", "|" + "---|" * len(head), *(f"| {' | '.join(row)} |" for row in rest)])


if __name__ == "__main__":
    sys.exit(main())
