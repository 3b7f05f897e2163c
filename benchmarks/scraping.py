"""Experiments with sites that have no feed, and with lists of subscriptions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from benchmarks.measure import Experiment, Further, Run, Target, call
from benchmarks.places import CATEGORIES, CONCURRENCY, Place, new_folder, scraped, write_config
from benchmarks.sizes import Sizes
from benchmarks.stages import OURS

_HOW = (
    "Ours is all of `aggregator update --all` but the imports. Pages are read in another process, with limits of time "
    "and memory; its CPU time counts. The straight-line program does the same with aiohttp, BeautifulSoup, nh3 and "
    "sqlite3, and nothing else. A list is one page and "
)
_FLOOR = "straight-line program"


def _floor(here: Place, *, new: bool) -> Run:
    arguments = {"headers": {"User-Agent": "benchmark"}, "concurrency": CONCURRENCY, "categories": CATEGORIES}
    urls, load = here.server.lists, here.load

    def ready(number: int) -> Mapping[str, Any]:
        folder = here.folder / (f"floor-{number}" if new else "floor")
        folder.mkdir(exist_ok=True)
        given = {**arguments, "folder": str(folder), "urls": urls}
        if not new and number == 0:
            call("floor_pages", given)
        here.server.seen()
        return given

    return Run(_FLOOR, "floor_pages", ready, load.sources, load.sources * load.entries, "bs4", here.answers)


@contextmanager
def scrape(sizes: Sizes) -> Iterator[Experiment | None]:
    """The first cycle of sites without a feed: every article is new."""
    load = sizes.pages
    with scraped(load) as here:
        yield Experiment(
            "scrape",
            f"Scrape: {load.sources:,} lists of {load.entries} articles with {load.body:,} bytes of HTML, all new",
            f"{_HOW}{load.entries} articles; an article has a post, and is in the feeds of one of 20 categories.",
            "list",
            (here.ours(OURS, new=True, expects=load.sources * load.entries), _floor(here, new=True)),
            (Target("CPU within 2 times of a straight-line program", (OURS,), (_FLOOR,), "cpu", 2, "at most"),),
        )


@contextmanager
def rescrape(sizes: Sizes) -> Iterator[Experiment | None]:
    """A cycle in which the lists have come again, and no article is new."""
    load = sizes.pages
    with scraped(load) as here:
        call("cycle", here.cycle)
        yield Experiment(
            "rescrape",
            f"Scrape: {load.sources:,} lists of {load.entries} articles, none new",
            f"{_HOW}no article: the servers name no validators, and each list differs from the last one in a number "
            "beside the articles, so that it has to be read.",
            "list",
            (here.ours(OURS, move=True, expects=load.sources * load.entries), _floor(here, new=False)),
            (Target("CPU within 2 times of a straight-line program", (OURS,), (_FLOOR,), "cpu", 2, "at most"),),
        )


@contextmanager
def subscriptions(sizes: Sizes) -> Iterator[Experiment | None]:
    """A list of subscriptions is added to a feeds.yaml."""
    many, few = sizes.subscriptions, sizes.subscriptions_few
    folder = new_folder()
    write_config(folder / "before.yaml", [f"https://mine{n}.example.org/feed" for n in range(few)])
    for count in (many, few):
        (folder / f"{count}.opml").write_text(_opml(count), encoding="utf-8")

    def ready(task: str, count: int) -> Callable[[int], Mapping[str, Any]]:
        def made(number: int) -> Mapping[str, Any]:
            config = folder / f"{task}-{count}-{number}.yaml"
            config.write_bytes((folder / "before.yaml").read_bytes())
            return {"config": str(config), "file": str(folder / f"{count}.opml")}

        return made

    def run(label: str, task: str, count: int, needs: str | None = None) -> Run:
        return Run(f"{label}, {count:,} feeds", task, ready(task, count), count, count + few, needs, ours=needs is None)

    ours, ours_few = run(OURS, "subscribe", many), run(OURS, "subscribe", few)
    pyyaml, ruamel = (run(f"lxml and {name}", task, many, module) for name, task, module in _PEERS)
    there = f"{OURS}, {many:,} feeds that are there"
    again = Run(there, "subscribe", _again(folder, ours), many, many + few, ours=True)
    further = f"{OURS}, a further feed"
    linear = f"a further feed: CPU within 1.3 times of one of {few:,}"
    yield Experiment(
        "subscriptions",
        f"Subscriptions: {many:,} feeds of an OPML file into a feeds.yaml with {few:,}",
        "Ours is all of `aggregator opml import` but the imports: reading both files, folders to categories, looking "
        "for duplicates, adding each source after the last one of its category, checking the result, writing it. "
        "ruamel.yaml keeps comments as well, and PyYAML does not; both append the sources, and check nothing. A "
        "further feed is what the larger list costs more, divided by what it has more.",
        "feed",
        (ours, ours_few, again, pyyaml, ruamel),
        (
            Target(linear, (further,), (ours_few.label,), "cpu", 1.3, "at most"),
            Target("CPU no more than ruamel.yaml", (ours.label,), (ruamel.label,), "cpu", 1, "at most"),
            Target("CPU within 10 times of PyYAML", (ours.label,), (pyyaml.label,), "cpu", 10, "at most"),
        ),
        (Further(further, ours.label, ours_few.label),),
    )


_PEERS = (("PyYAML", "pyyaml_list", "yaml"), ("ruamel.yaml", "ruamel_list", "ruamel.yaml"))


def _again(folder: Path, first: Run) -> Callable[[int], Mapping[str, Any]]:
    """The same list a second time; the first time is not measured."""

    def made(number: int) -> Mapping[str, Any]:
        assert callable(first.arguments)
        given = dict(first.arguments(-1))
        if number == 0:
            call(first.task, given)
            (folder / "after.yaml").write_bytes(Path(given["config"]).read_bytes())
        config = folder / f"again-{number}.yaml"
        config.write_bytes((folder / "after.yaml").read_bytes())
        return {**given, "config": str(config)}

    return made


def _opml(count: int) -> str:
    """A list as other programs export it, in 40 folders."""
    folders: dict[int, list[str]] = {}
    for number in range(count):
        title = quoteattr(f"Feed {number} & friends: 频道")
        url = quoteattr(f"https://feed{number}.example.org/rss?a=1&b={number}")
        home = quoteattr(f"https://feed{number}.example.org/")
        outline = f'<outline type="rss" text={title} title={title} xmlUrl={url} htmlUrl={home}/>\n'
        folders.setdefault(number % 40, []).append(outline)
    groups = (f'<outline text="Folder {name}">\n{"".join(inner)}</outline>\n' for name, inner in folders.items())
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<opml version="2.0"><head><title>T</title></head><body>\n'
    return f"{head}{''.join(groups)}</body></opml>\n"
