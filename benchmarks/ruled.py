"""Experiments with rules and outputs: what they cost a cycle, and publishing from many memberships."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.measure import Experiment, Run, Target, call
from benchmarks.places import Added, new_folder, place, write_config
from benchmarks.rulebook import RULED, many_outputs, write_lists
from benchmarks.sizes import Sizes


@contextmanager
def rules(sizes: Sizes) -> Iterator[Experiment | None]:
    """The first cycle with rules and outputs, and without."""
    load = sizes.cold
    plain, ruled = "aggregator", "aggregator, 50 rules and 20 outputs"
    with place(load) as here:
        write_lists(here.folder)
        write_config(here.folder / "ruled.yaml", here.server.feeds, added=RULED)
        yield Experiment(
            "rules",
            f"Rules: {load.sources:,} sources x {load.entries} items, all new",
            "The cold cycle, with 50 rules and 20 outputs and without: word lists, regular expressions, expressions, "
            "tags, replaced words, removed elements, excerpts of a few sources; 40 rules are for every item. The "
            "feeds of the outputs, in three formats, are part of it.",
            "source",
            (
                here.ours(ruled, new=True, config="ruled.yaml"),
                here.ours(plain, new=True, expects=load.sources * load.entries),
            ),
            (Target("CPU within 1.25 times of a cycle without", (ruled,), (plain,), "cpu", 1.25, "at most"),),
        )


@contextmanager
def outputs(sizes: Sizes) -> Iterator[Experiment | None]:
    """One new entry among few and many, with many outputs."""
    sources = sizes.categories * sizes.members
    folder = new_folder()
    config = folder / "feeds.yaml"
    added = Added(outputs=many_outputs(sizes.outputs, sizes.categories))
    write_config(config, [f"https://s{n}.example.org/feed" for n in range(sources)], sizes.categories, added)
    origin = str(folder / "data")
    call("fill", {"config": str(config), "data": origin, "entries": sizes.stored, "body": sizes.stored_body})

    def one(data: str) -> Callable[[int], Mapping[str, Any]]:
        return lambda number: {"config": str(config), "data": data, "number": number}

    runs = []
    for times in (sizes.times[0], sizes.times[-1]):
        data = folder / f"times-{times}"
        call("multiply", {"origin": origin, "data": str(data), "times": times})
        label = f"aggregator, {sources * sizes.stored * times:,} stored items"
        runs.append(Run(label, "publish", one(str(data)), ours=True))
    few, many = (run.label for run in runs)
    text = f"{sizes.times[-1]} times as many items"
    yield Experiment(
        "outputs",
        f"Outputs: one new item, {sizes.outputs} outputs",
        "One new item is stored; then the publishing alone is measured. It belongs to seven of the outputs, as each "
        "stored item does; half of them have `per_source`, `mix: fair`, `max_age` or `delay`. Two outputs have all "
        "items.",
        "call",
        tuple(runs),
        (
            Target(f"CPU within 1.3 times, with {text}", (many,), (few,), "cpu", 1.3, "at most"),
            Target("wall time within 1.3 times, likewise", (many,), (few,), "wall", 1.3, "at most"),
        ),
    )
    for times in (sizes.times[0], sizes.times[-1]):
        # One large file each; that it is gone makes no new one slower.
        Path(folder / f"times-{times}" / "aggregator.db").unlink()
