"""Experiments with whole cycles: all new, nothing new, a little new, and ten times as many sources."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from benchmarks.measure import Experiment, Further, Run, Target, call
from benchmarks.places import CATEGORIES, CONCURRENCY, place
from benchmarks.sizes import Sizes
from benchmarks.stages import OURS

_HOW = (
    "Ours is all of `aggregator update --all` but the imports: reading feeds.yaml, opening the store, the cycle, "
    "publishing, what it prints. "
)


@contextmanager
def cold(sizes: Sizes) -> Iterator[Experiment | None]:
    """The first cycle: everything is new."""
    load = sizes.cold
    reader, reader_one = f"reader, {CONCURRENCY} workers", "reader, 1 worker"
    sfeed, sfeed_more = "sfeed_update, 8 jobs", f"sfeed_update, {CONCURRENCY} jobs"
    jobs, floor = (sfeed, sfeed_more), "straight-line program"
    with place(load) as here:
        straight = {"headers": here.headers(), "concurrency": CONCURRENCY, "categories": CATEGORIES}
        yield Experiment(
            "cold",
            f"Cold cycle: {load.sources:,} sources x {load.entries} items, all new",
            _HOW + "It stores the entries and writes a post for each, and the feeds of 20 categories. reader stores "
            "the entries in its database; sfeed_update writes one file of lines for each feed. The straight-line "
            "program stores entries and writes posts and feeds with our libraries, and does nothing else.",
            "source",
            (
                here.ours(OURS, new=True, expects=load.sources * load.entries),
                here.peer(reader, "reader", "reader", new=True, workers=CONCURRENCY),
                here.peer(reader_one, "reader", "reader", new=True, workers=1),
                here.peer(sfeed, "sfeed", "sfeed_update", new=True, jobs=8, etags=False),
                here.peer(sfeed_more, "sfeed", "sfeed_update", new=True, jobs=CONCURRENCY, etags=False),
                here.peer(floor, "floor", "aiohttp", new=True, **straight),
            ),
            (
                Target("CPU at least 4 times less than `reader`", (reader, reader_one), (OURS,), "cpu", 4, "at least"),
                Target("CPU at least 1.8 times less than `sfeed_update`", jobs, (OURS,), "cpu", 1.8, "at least"),
                Target("wall time no more than `sfeed_update`", jobs, (OURS,), "wall", 1, "at least"),
                Target("CPU within 2 times of a straight-line program", (OURS,), (floor,), "cpu", 2, "at most"),
            ),
        )


@contextmanager
def unchanged(sizes: Sizes) -> Iterator[Experiment | None]:
    """A cycle in which no feed has changed."""
    load = sizes.unchanged
    bare, reader = "aiohttp alone", f"reader, {CONCURRENCY} workers"
    sfeed, etags = "sfeed_update, 8 jobs", f"sfeed_update, {CONCURRENCY} jobs, ETags"
    with place(load) as here:
        call("cycle", here.cycle)
        yield Experiment(
            "unchanged",
            f"Cycle of 304s: {load.sources:,} sources",
            _HOW + "aiohttp sends the same requests with the same headers, as many at a time, and does nothing else. "
            "sfeed_update asks unconditionally by default; with the ETags of its README, curl ends with an empty file.",
            "source",
            (
                here.ours(OURS, expects=load.sources * load.entries),
                here.bare(bare),
                here.peer(reader, "reader", "reader", workers=CONCURRENCY),
                here.peer(sfeed, "sfeed", "sfeed_update", jobs=8, etags=False),
                here.peer(etags, "sfeed", "sfeed_update", jobs=CONCURRENCY, etags=True),
            ),
            (
                Target("within 4 times of a bare aiohttp loop", (OURS,), (bare,), "wall", 4, "at most"),
                Target("at least 10 times as fast as `sfeed_update`", (sfeed, etags), (OURS,), "wall", 10, "at least"),
            ),
        )


@contextmanager
def warm(sizes: Sizes) -> Iterator[Experiment | None]:
    """A cycle in which every feed has a little that is new."""
    load, n = sizes.warm, sizes.warm.sources
    alone, bare = "request and parse alone", "aiohttp and parse alone"
    with place(load) as here:
        call("cycle", here.cycle)
        common = {"urls": here.server.feeds, "etags": [None] * n, "concurrency": CONCURRENCY}
        yield Experiment(
            "warm",
            f"Warm cycle: {n:,} sources x {load.entries} items, {load.fresh:.0%} of them new",
            _HOW + "Held against our own two stages alone, request and parse, of the same documents in one process: "
            "what is more is finding the known items, cleaning and storing the new ones, and publishing.",
            "source",
            (
                here.ours(OURS, move=True),
                Run(alone, "fetch", {**common, "read": True}, n, n, ours=True),
                Run(bare, "fetch_bare", {**common, "headers": here.headers()}, n, n, ours=True),
            ),
            (Target("CPU within 2 times of (request + parse) alone", (OURS,), (alone,), "cpu", 2, "at most"),),
        )


@contextmanager
def growth(sizes: Sizes) -> Iterator[Experiment | None]:
    """Ten times as many sources."""
    with ExitStack() as stack:
        ours, bare = [], []
        for load in (sizes.many, sizes.few):
            here = stack.enter_context(place(load))
            call("cycle", here.cycle)
            label = f"{load.sources:,} sources"
            ours.append(here.ours(f"{OURS}, {label}", expects=load.sources * load.entries))
            bare.append(here.bare(f"aiohttp alone, {label}"))
        many, few, bare_many, bare_few = (run.label for run in (*ours, *bare))
        more, bare_more = f"{OURS}, a further source", "aiohttp alone, a further source"
        text = f"CPU per source within 1.3 times of that at {sizes.few.sources:,}"
        yield Experiment(
            "growth",
            f"{sizes.many.sources:,} sources: one cycle of 304s",
            _HOW + "The peak is that of the whole program at its worst moment. A further source is what the larger "
            "cycle costs more, divided by what it has more; aiohttp sends the same requests and does nothing else.",
            "source",
            (*ours, *bare),
            (
                Target("peak under 250 MB", (many,), (), "peak", 250e6, "at most"),
                Target(text, (many,), (few,), "cpu", 1.3, "at most"),
                Target(
                    "a further 304: CPU within 2.5 times of aiohttp alone", (more,), (bare_more,), "cpu", 2.5, "at most"
                ),
            ),
            (Further(more, many, few), Further(bare_more, bare_many, bare_few)),
        )
