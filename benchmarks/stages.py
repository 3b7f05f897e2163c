"""Experiments with one stage each: parsing, normalizing, requesting."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from benchmarks.measure import Experiment, Run, Target
from benchmarks.places import CONCURRENCY, place
from benchmarks.sizes import Sizes

OURS = "aggregator"

#: Real feeds beside the checkout; the experiment with them is left out where they are missing.
CORPUS = Path(__file__).resolve().parent.parent.parent / "shared" / "corpus" / "real"


@contextmanager
def parse(sizes: Sizes) -> Iterator[Experiment | None]:
    """Made-up feeds, well-formed."""
    load, units = asdict(sizes.parse), sizes.parse.sources
    items = units * sizes.parse.entries
    fast = {"load": load, "passes": sizes.passes}
    defaults, plain = "feedparser", "feedparser, no sanitizing"
    yield Experiment(
        "parse",
        f"Parse: {units} feeds of {sizes.parse.entries} items with {sizes.parse.body} bytes of HTML",
        "Documents in memory, one after the other in one process; two thirds RSS 2.0, one third Atom, half in Chinese. "
        "lxml builds the tree and reads nothing from it; every other side finds all items with their fields.",
        "feed",
        (
            Run(OURS, "parse", fast, units, items, ours=True),
            Run(defaults, "feedparser", {"load": load, "plain": False}, units, items),
            Run(plain, "feedparser", {"load": load, "plain": True}, units, items),
            Run("fastfeedparser", "fastfeedparser", fast, units, items, needs="fastfeedparser"),
            Run("lxml alone", "lxml", fast, units),
        ),
        (
            Target("at least 25 times as fast as `feedparser.parse`", (defaults,), (OURS,), "cpu", 25, "at least"),
            Target("within 3.5 times of bare lxml parsing", (OURS,), ("lxml alone",), "cpu", 3.5, "at most"),
        ),
    )


@contextmanager
def corpus(sizes: Sizes) -> Iterator[Experiment | None]:
    """Real feeds, ill-formed ones and no feeds among them."""
    if not CORPUS.is_dir():
        yield None
        return
    files = [str(path) for path in sorted(CORPUS.iterdir()) if path.is_file()][: sizes.corpus]
    units = len(files)
    plain = "feedparser, no sanitizing"
    yield Experiment(
        "corpus",
        f"Parse: {units} real feeds",
        "As above, with documents as real servers sent them; a document that is no feed counts like any other, and so "
        "does every fallback of ours.",
        "feed",
        (
            Run(OURS, "parse", {"files": files}, units, ours=True),
            Run(plain, "feedparser", {"files": files, "plain": True}, units),
        ),
        (Target("at least 8 times as fast as feedparser without sanitizing", (plain,), (OURS,), "cpu", 8, "at least"),),
    )


@contextmanager
def normalize(sizes: Sizes) -> Iterator[Experiment | None]:
    """New items, one by one."""
    load = asdict(sizes.normalize)
    units = sizes.normalize.sources * sizes.normalize.entries
    fast = {"load": load, "passes": max(sizes.passes // 3, 1)}
    yield Experiment(
        "normalize",
        f"Normalize: {units} items with {sizes.normalize.body} bytes of HTML",
        "Ours identifies the item, sanitizes its HTML, makes links and images absolute, and cleans title, dates, "
        "authors and tags. nh3 only sanitizes; BeautifulSoup (on lxml) only reads the HTML and writes it again.",
        "item",
        (
            Run(OURS, "normalize", fast, units, units, ours=True),
            Run("nh3.clean alone", "nh3", fast, units, units),
            Run("BeautifulSoup alone", "soup", {"load": load}, units, units),
        ),
    )


@contextmanager
def request(sizes: Sizes) -> Iterator[Experiment | None]:
    """Conditional requests that are all answered with 304."""
    units = sizes.requests.sources
    with place(sizes.requests) as here:
        common = {"urls": here.server.feeds, "etags": here.server.etags(), "concurrency": CONCURRENCY}
        peers = {**common, "headers": here.headers()}
        yield Experiment(
            "request",
            f"Request: {units} answers of 304, {CONCURRENCY} at a time",
            "One origin on loopback, kept-alive connections, the same headers from all sides. Ours also checks every "
            "address, bounds time and size, and reads the outcome.",
            "request",
            (
                Run(OURS, "fetch", common, units, units, ours=True),
                Run("aiohttp alone", "aiohttp", peers, units, units),
                Run("httpx on aiohttp", "httpx", {**peers, "on_aiohttp": True}, units, units),
                Run("httpx", "httpx", {**peers, "on_aiohttp": False}, units, units),
            ),
        )
