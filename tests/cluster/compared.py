"""One process and many workers over the same feeds: the files that they publish, and what the origin saw of them.

`python -m tests.cluster.compared --sources 3000 --hosts 300 --workers 2 4` is the long form; a test runs a short one.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from pytest import MonkeyPatch

from tests.cluster_worker import AllNames
from tests.clusters import ITEMS, ask, settled, worker
from tests.daemons import wait_until
from tests.origin import Origin, Response, Seen
from tests.postgres import new_database
from tests.support import Site, item, rss

#: Requests to one domain at a time.
_PER_HOST = 2
#: Every so many sources there is one with an item like one in the others: their posts want one path.
_ALIKE = 50
_ALIKE_TITLE = "The same title"


@dataclass
class World:
    """Feeds on many hosts, two of a registrable domain; the origin counts what each domain is asked at once."""

    origin: Origin
    sources: int
    hosts: int
    #: Seconds that an answer takes.
    seconds: float = 0.02
    most: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._running: defaultdict[str, int] = defaultdict(int)
        self._lock = threading.Lock()
        for number in range(self.sources):
            self.origin.handle(f"/feed{number}", partial(self._answer, self._feed(number)))

    def configure(self, site: Site) -> None:
        """Write the feeds.yaml of a site; every source in one of five categories."""
        site.folder.mkdir(parents=True, exist_ok=True)
        named = {f"c{number}": f"Category {number}" for number in range(5)}
        made: list[dict[str, Any]] = []
        for number in range(self.sources):
            host = number % self.hosts
            address = f"http://h{host}.d{host // 2}.example/feed{number}"
            made.append({"id": f"s{number:04d}", "feed": address, "category": f"c{number % 5}"})
        site.configure(*made, categories=named)

    def _feed(self, number: int) -> bytes:
        items = [item(number * ITEMS + one) for one in range(ITEMS)]
        if number % _ALIKE == 0:
            items[0] = {**items[0], "title": _ALIKE_TITLE, "pubDate": "Thu, 01 Jan 2026 10:00:00 GMT"}
        return rss(items, title=f"Feed {number}").encode()

    def _answer(self, body: bytes, seen: Seen) -> Response:
        domain = ".".join(seen.headers["host"].partition(":")[0].split(".")[-2:])
        with self._lock:
            self._running[domain] += 1
            self.most[domain] = max(self.most[domain], self._running[domain])
        time.sleep(self.seconds)
        with self._lock:
            self._running[domain] -= 1
        return Response(body)


def alone(world: World, site: Site) -> None:
    """Let one process update and publish everything."""
    world.configure(site)
    with MonkeyPatch.context() as patch:
        patch.setattr("aggregator.fetch.transport._SystemResolver", lambda threads: AllNames(world.origin.port))
        done = site.run("update")
    assert done.status == 0, done.stderr


@contextmanager
def together(world: World, site: Site, count: int) -> Iterator[str]:
    """Let workers, the first of which publishes, do the same; give the address of the database, then stop them."""
    world.configure(site)
    with ExitStack() as stack:
        uri = stack.enter_context(new_database())
        running = [
            stack.enter_context(
                worker(site, world.origin, uri, *(["publish"] if number == 0 else []), name=f"worker{number}")
            )
            for number in range(count)
        ]
        wait_until(lambda: all(one.said("working, with configuration") for one in running), "the workers", seconds=300)
        wait_until(lambda: settled(uri), "publication", seconds=1800)
        yield uri
        assert [one.end() for one in running] == [0] * count


def compare(world: World, first: Site, second: Site) -> int:
    """Compare the files of both; return how many there are.

    Raises:
        AssertionError: they differ in more than in which of several posts with one path got which suffix, and in which
            page of an archive holds which items: both follow the order in which entries were stored.
    """
    for read in (_posts, _public, _archived):
        one, other = read(first), read(second)
        assert one.keys() == other.keys(), sorted(one.keys() ^ other.keys())[:5]
        differing = [name for name in one if one[name] != other[name]]
        assert not differing, differing[:5]
    return len(first.posts()) + len(first.public())


def check_manners(world: World, uri: str) -> None:
    """No domain was asked by more requests at once than it may, and no source twice."""
    most = max(world.most.values())
    assert most <= _PER_HOST, f"{most} requests at once"
    asked = Counter(seen.path for seen in world.origin.pages())
    assert asked == Counter(f"/feed{number}" for number in range(world.sources)), asked.most_common(3)
    shares = [row[0] for row in ask(uri, "SELECT sources FROM cluster_workers")]
    assert sum(shares) == world.sources, shares


def _posts(site: Site) -> dict[str, Any]:
    """All posts by path; of those that want one path, which of them has a suffix does not count."""
    made: dict[str, Any] = {}
    several: defaultdict[str, list[bytes]] = defaultdict(list)
    for name, text in site.posts().items():
        if _ALIKE_TITLE.encode() in text:
            several[name.partition("/")[0]].append(text)
        else:
            made[name] = text
    return {**made, **{name: sorted(texts) for name, texts in several.items()}}


def _public(site: Site) -> dict[str, Any]:
    """All published files but the pages of archives, without the numbers of the pages to which they lead."""
    files = {name: text for name, text in site.public().items() if "/archive/" not in name}
    return {name: re.sub(rb"/archive/[0-9]+/", b"/archive/", text) for name, text in files.items()}


def _archived(site: Site) -> dict[str, Any]:
    """The items of the pages of each archive, by their ids, and of the feed that leads to them."""
    made: defaultdict[str, set[str]] = defaultdict(set)
    for name, text in site.public().items():
        if name.endswith("/feed.json"):
            made[name.partition("/")[0]].update(one["id"] for one in json.loads(text)["items"])
    return dict(made)


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare one process with several numbers of workers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sources", type=int, default=3000)
    parser.add_argument("--hosts", type=int, default=300)
    parser.add_argument("--workers", type=int, nargs="+", default=[2, 4])
    options = parser.parse_args(arguments)
    origin = Origin()
    with tempfile.TemporaryDirectory(prefix="compared-") as folder:
        world = World(origin, options.sources, options.hosts)
        first = Site(Path(folder) / "alone")
        alone(world, first)
        for count in options.workers:
            origin.requests.clear()
            world.most.clear()
            site = Site(Path(folder) / f"with-{count}")
            began = time.monotonic()
            with together(world, site, count) as uri:
                check_manners(world, uri)
            files = compare(world, first, site)
            took = time.monotonic() - began
            sys.stdout.write(f"{count} workers: {files} files are the same, at most {max(world.most.values())} ")
            sys.stdout.write(f"requests of a domain at once, no source twice ({took:.0f} s)\n")
    origin.close()


if __name__ == "__main__":
    main()
