"""Experiments with what is stored already: publishing, and starting with nothing to do."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from aggregator.publish.posts.presets import PRESETS
from benchmarks.measure import Experiment, Run, Target, call
from benchmarks.origin import Server
from benchmarks.places import new_folder, write_config
from benchmarks.sizes import Sizes
from benchmarks.workload import Workload


@contextmanager
def publish(sizes: Sizes) -> Iterator[Experiment | None]:
    """One new entry in one of many categories."""
    sources = sizes.categories * sizes.members
    folder = new_folder()
    config = str(folder / "feeds.yaml")
    write_config(folder / "feeds.yaml", [f"https://s{n}.example.org/feed" for n in range(sources)], sizes.categories)
    origin = str(folder / "data")
    fill = {"config": config, "data": origin, "entries": sizes.stored, "body": sizes.stored_body}
    call("fill", fill)

    def one(data: str) -> Callable[[int], Mapping[str, Any]]:
        return lambda number: {"config": config, "data": data, "number": number}

    runs = []
    for times in sizes.times:
        data = str(folder / f"times-{times}")
        call("multiply", {"origin": origin, "data": data, "times": times})
        label = f"aggregator, {sources * sizes.stored * times:,} stored items"
        runs.append(Run(label, "publish", one(data), ours=True))
    least, most = runs[0].label, runs[-1].label
    yield Experiment(
        "publish",
        f"Publish: one changed category of {sizes.categories}",
        "One new item is stored; then the publishing alone is measured: its post, the feeds of its category and of "
        "all, and finding out that nothing else is to be done.",
        "call",
        tuple(runs),
        (
            Target(
                f"CPU within 1.5 times, with {sizes.times[-1]} times as many items",
                (most,),
                (least,),
                "cpu",
                1.5,
                "at most",
            ),
            Target("wall time within 1.5 times, likewise", (most,), (least,), "wall", 1.5, "at most"),
        ),
    )


@contextmanager
def render(sizes: Sizes) -> Iterator[Experiment | None]:
    """Every category has changed."""
    load = sizes.render
    folder = new_folder()
    paths = {"config": str(folder / "feeds.yaml"), "data": str(folder / "data")}
    write_config(folder / "feeds.yaml", [f"https://s{n}.example.org/feed" for n in range(load.sources)], load.sources)
    call("fill", {**paths, "entries": load.entries, "body": load.body})
    given = {"load": asdict(load)}
    alone, whole, bare = "aggregator, rendering alone", "aggregator, publishing", "lxml and json alone"

    def one(number: int) -> Mapping[str, Any]:
        return {**paths, "number": number, "changed": load.sources}

    yield Experiment(
        "render",
        f"Render: {load.sources} changed categories of {load.entries} items with {load.body:,} bytes of HTML",
        "The feeds of all categories in three formats. Rendering alone has its items in memory and writes no file; "
        "publishing is all that follows when each category has one new item: reading the store, a post for each new "
        "item, rendering, comparing, writing. lxml builds and serializes the same documents, byte for byte; those in "
        "JSON are left to json.dumps.",
        "category",
        (
            Run(alone, "render", given, load.sources, ours=True),
            Run(whole, "publish", one, load.sources, ours=True),
            Run(bare, "floor_render", given, load.sources),
        ),
        (Target("CPU within 2.5 times of lxml and json alone", (alone, whole), (bare,), "cpu", 2.5, "at most"),),
    )


@contextmanager
def posts(sizes: Sizes) -> Iterator[Experiment | None]:
    """One post of each item, in the form of each preset."""
    load = sizes.posts
    given = {"load": asdict(load)}
    labels = {preset: f"aggregator, {preset}" for preset in PRESETS}
    html = tuple(labels[name] for name, preset in PRESETS.items() if preset.body != "markdown" and name != "hexo")
    yield Experiment(
        "posts",
        f"Posts: {load.sources * load.entries:,} items with {load.body:,} bytes of HTML",
        "Posts are rendered in the form of each preset, items in memory; no file is written.",
        "post",
        tuple(
            Run(label, "posts", {**given, "preset": preset}, load.sources * load.entries, ours=True)
            for preset, label in labels.items()
        ),
        (
            Target(
                "CPU of every preset with HTML within 5 times of Hexo's", html, (labels["hexo"],), "cpu", 5, "at most"
            ),
        ),
    )


@contextmanager
def startup(sizes: Sizes) -> Iterator[Experiment | None]:
    """What it costs to start."""
    program = [sys.executable, "-m", "aggregator"]
    helped, idle = "aggregator --help", "aggregator update, nothing due"
    many = f"{idle}, {sizes.idle} sources"
    place = new_folder()
    with Server(Workload(sizes.idle, 1, 100)) as server:

        def update(count: int) -> dict[str, Any]:
            folder = place / str(count)
            folder.mkdir()
            write_config(folder / "feeds.yaml", server.feeds[:count])
            arguments = ["--config", str(folder / "feeds.yaml"), "--data", str(folder / "data")]
            call("cycle", {"config": arguments[1], "data": arguments[3]})
            return {"arguments": [*program, "update", *arguments]}

        yield Experiment(
            "startup",
            "Start-up",
            "The whole command as a person calls it, imports included, after a call that is not measured.",
            "call",
            (
                Run(helped, "command", {"arguments": [*program, "--help"]}, ours=True),
                Run(idle, "command", update(10 if sizes.idle > 10 else 1), ours=True),
                Run(many, "command", update(sizes.idle), ours=True),
                Run("python, nothing imported", "command", {"arguments": [sys.executable, "-c", "pass"]}),
            ),
            (
                Target("`--help` under a quarter of a second of CPU", (helped,), (), "cpu", 0.25, "at most"),
                Target("`update` with nothing due under half a second of CPU", (idle,), (), "cpu", 0.5, "at most"),
            ),
        )


@contextmanager
def idle(sizes: Sizes) -> Iterator[Experiment | None]:
    """What a run of cron costs that has nothing to do."""
    place = new_folder()

    def runs(count: int) -> Iterator[Run]:
        folder = place / str(count)
        folder.mkdir()
        write_config(folder / "feeds.yaml", [f"https://s{n}.example.org/feed" for n in range(count)])
        paths = {"config": str(folder / "feeds.yaml"), "data": str(folder / "data")}
        call("rest", paths)
        arguments = [sys.executable, "-m", "aggregator", "update", "--config", paths["config"], "--data", paths["data"]]
        # The first writes empty feeds, the second finds nothing to do.
        call("command", {"arguments": arguments, "warm": 1})

        def without(number: int) -> Mapping[str, Any]:
            # It is there again afterwards.
            (folder / "data" / ".idle").unlink()
            return {"arguments": arguments, "warm": 0}

        label = f"aggregator, {count:,} sources"
        yield Run(f"{label}, with a ticket", "command", {"arguments": arguments, "warm": 1}, ours=True)
        yield Run(f"{label}, without a ticket", "command", without, ours=True)

    sides = [run for count in (sizes.idle, sizes.idle_most) for run in runs(count)]
    few, _, many, _ = (one.label for one in sides)
    yield Experiment(
        "idle",
        "Nothing to do",
        "The whole command as cron calls it, imports included: after a run that left a ticket because it found nothing "
        "to do, and where that ticket was taken away, so that the configuration and the store have to be read.",
        "call",
        (*sides, Run("python, nothing imported", "command", {"arguments": [sys.executable, "-c", "pass"]})),
        (
            Target(f"{sizes.idle:,} sources under 0.35 s of CPU", (few,), (), "cpu", 0.35, "at most"),
            Target(f"{sizes.idle_most:,} sources under 5 s", (many,), (), "wall", 5.0, "at most"),
        ),
    )
