"""Where cycles take place: an origin, a folder, and the sides that work there."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.measure import Run, call
from benchmarks.origin import Server
from benchmarks.workload import Pages, Workload

#: Fetches at once: the product's default, given to the peers as well.
CONCURRENCY = 32

#: Categories over which sources are spread.
CATEGORIES = 20


@dataclass(frozen=True)
class Place:
    """An origin, and a folder with a feeds.yaml that names all its feeds."""

    load: Workload | Pages
    server: Server
    folder: Path

    @property
    def cycle(self) -> dict[str, str]:
        """The arguments of the task `cycle` on the data that are there."""
        return self._cycle("data")

    def _cycle(self, data: str, config: str = "feeds.yaml") -> dict[str, str]:
        return {"config": str(self.folder / config), "data": str(self.folder / data)}

    def ours(
        self,
        label: str,
        *,
        new: bool = False,
        move: bool = False,
        expects: int | None = None,
        config: str = "feeds.yaml",
        data: str = "data",
        more: Callable[[], Mapping[str, Any]] = dict,
    ) -> Run:
        """Our cycle.

        Args:
            new: each time into another data folder.
            move: the origin goes to the next cycle before it.
            more: called right before each run for further arguments of the task.
        """

        def ready(number: int) -> Mapping[str, Any]:
            if move:
                self.server.go_to(number + 1)
            self.server.seen()
            return {**self._cycle(f"{config}-{data}-{number}" if new else data, config), **more()}

        return Run(label, "cycle", ready, self.load.sources, expects, after=self.answers, ours=True)

    def peer(self, label: str, task: str, needs: str, *, new: bool = False, **arguments: Any) -> Run:
        """A peer that keeps feeds in a folder. New: another one each time; else it did one cycle before."""
        name = "".join(filter(str.isalnum, label))

        def ready(number: int) -> Mapping[str, Any]:
            folder = self.folder / (f"{name}-{number}" if new else name)
            folder.mkdir(exist_ok=not new)
            given = {**arguments, "folder": str(folder), "urls": self.server.feeds}
            if not new and number == 0:
                call(task, given)
            self.server.seen()
            return given

        items = self.load.sources * self.load.entries
        return Run(label, task, ready, self.load.sources, items, needs, self.answers)

    def bare(self, label: str) -> Run:
        """aiohttp alone: our requests of a cycle of 304s, as many at a time."""
        requests = {"urls": self.server.feeds, "etags": self.server.etags(), "headers": self.headers()}
        return Run(label, "aiohttp", {**requests, "concurrency": CONCURRENCY}, self.load.sources, self.load.sources)

    def answers(self) -> Mapping[str, Any]:
        """What the origin was asked for, as a note."""
        return {"answered": self.server.seen()[0]}

    def headers(self) -> dict[str, str]:
        """The headers that our own requests carry, but for those that differ from feed to feed."""
        self.server.seen()
        call("fetch", {"urls": self.server.feeds[:1], "etags": [None], "concurrency": 1})
        _, sent = self.server.seen()
        return {name: value for name, value in sent.items() if name.lower() not in ("host", "if-none-match")}


@dataclass(frozen=True, slots=True)
class Added:
    """Parts of a feeds.yaml, in YAML as it stands below their keys."""

    rules: str = ""
    outputs: str = ""
    #: Rules of categories and sources, by their numbers.
    of_categories: Mapping[int, str] = field(default_factory=dict)
    of_sources: Mapping[int, str] = field(default_factory=dict)


@contextmanager
def place(load: Workload) -> Iterator[Place]:
    """A place for a workload; its origin is gone after the block."""
    folder = new_folder()
    with Server(load) as server:
        write_config(folder / "feeds.yaml", server.feeds)
        yield Place(load, server, folder)


@contextmanager
def scraped(load: Pages) -> Iterator[Place]:
    """The same with sites that have no feeds."""
    folder = new_folder()
    with Server(load) as server:
        write_config(folder / "feeds.yaml", server.lists, address=_SCRAPED)
        yield Place(load, server, folder)


#: How a site of `Pages` is read, with its address as the first line.
_SCRAPED = """\
    scrape:
      url: {}
      items: ".list h2 > a"
      article:
        body: "#article"
        title: h1
        author: .author
        date: time
        remove: [.share, .ad]"""


def write_config(
    path: Path,
    urls: Sequence[str],
    categories: int = CATEGORIES,
    added: Added | None = None,
    *,
    address: str = "    feed: {}",
) -> None:
    """A feeds.yaml as people write it, with a source for each address, spread over the categories."""
    added = added or Added()
    lines = ["site:", "  title: Benchmark", "  url: https://feeds.example.org/"]
    lines += ["fetch:", "  allow_private_addresses: [127.0.0.0/8]", f"  concurrency: {CONCURRENCY}", "categories:"]
    for number in range(categories):
        if rules := added.of_categories.get(number):
            lines += [f"  c{number}:", f"    title: Category {number}", "    rules:", *_indented(rules, 6)]
        else:
            lines.append(f"  c{number}: Category {number}")
    lines += ["rules:", *_indented(added.rules, 2)] if added.rules else []
    lines += ["outputs:", *_indented(added.outputs, 2)] if added.outputs else []
    lines.append("sources:")
    for number, url in enumerate(urls):
        lines += [f"  - name: Source {number}", f"    category: c{number % categories}", address.format(url)]
        if rules := added.of_sources.get(number):
            lines += ["    rules:", *_indented(rules, 6)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _indented(text: str, spaces: int) -> list[str]:
    return [" " * spaces + line for line in text.strip().splitlines()]


def new_folder() -> Path:
    """An empty folder, which stays until this process ends.

    For five minutes after files were deleted, ext4 takes twenty times as long to create one: what is cleaned up between
    two rounds would be measured in the second.
    """
    folder = Path(tempfile.mkdtemp(prefix="benchmark-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
