"""Publications to subscribe to: the program run over the demo, a slice of the corpus, and nasty items.

Each has one more source, which an update changes: one item is new then, and one has another text.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import yaml

from aggregator.demo import demo_config, serve
from aggregator.models import Item as Published
from aggregator.store import open_store
from generators import nasty
from generators.readers.base import Format
from generators.readers.origin import Origin

FILES: dict[Format, str] = {"rss": "rss.xml", "atom": "atom.xml", "json": "feed.json"}
#: Where the source is that an update changes.
_LIVE = "/live.xml"
_ADDRESS = "https://live.example"
#: How many items it has at first, and which of them changes.
_FIRST, _CHANGING = 3, 1
_ALL = 1_000_000


@dataclass(frozen=True)
class Update:
    """Ids of the items that an update changed."""

    new: str
    changed: str


@dataclass
class Publication:
    """One data folder whose feeds are served.

    Both origins run as long as the context that made this.
    """

    folder: Path
    sources: Origin
    origin: Origin
    #: How many updates there were.
    updates: int = 0

    @property
    def public(self) -> Path:
        """The folder of the feeds."""
        return self.folder / "data" / "public"

    def slugs(self) -> list[str]:
        """The names of the categories that have feeds, `all` with them."""
        return sorted(path.parent.name for path in self.public.glob("*/feed.json"))

    def feeds(self, formats: tuple[Format, ...]) -> dict[str, str]:
        """Names (slug and format) and addresses of all feeds in some formats."""
        return {
            f"{slug}.{form}": f"{self.origin.url}/{slug}/{FILES[form]}" for slug in self.slugs() for form in formats
        }

    def items(self, slug: str) -> list[Published]:
        """What is in the feeds of a category, from the store and not from a feed."""
        store = open_store(self.folder / "data" / "aggregator.db")
        try:
            return store.newest(None if slug == "all" else slug, _ALL)
        finally:
            store.close()

    def changes(self) -> set[str]:
        """The feeds that an update changes: those of one category, and of all."""
        return {slug for slug in self.slugs() if _id(_CHANGING) in {item.id for item in self.items(slug)}}

    def update(self) -> Update:
        """Publish with one new and one changed item."""
        self.updates += 1
        self.sources.documents[_LIVE] = ("application/rss+xml", _live(self.updates))
        self.run()
        return Update(_id(_FIRST + self.updates - 1), _id(_CHANGING))

    def run(self) -> None:
        """Run the program once.

        Raises:
            RuntimeError: it failed; that some sources cannot be read is no failure.
        """
        place = ["-c", str(self.folder / "feeds.yaml"), "-d", str(self.folder / "data")]
        done = subprocess.run(
            [sys.executable, "-m", "aggregator", "update", "--all", *place],
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        if done.returncode not in (0, 1):
            raise RuntimeError(f"the program ended with {done.returncode}:\n{done.stderr[-2000:]}")


@contextmanager
def demo(folder: Path, limit: int = 5000) -> Iterator[Publication]:
    """Publish the demo; `limit` items are in a feed, the others in its archive."""
    with serve() as address:
        config = yaml.safe_load(demo_config(address))
        with _published(folder, config, next(iter(config["categories"])), {}, limit) as publication:
            yield publication


@contextmanager
def nasty_set(folder: Path, limit: int = 5000) -> Iterator[Publication]:
    """Publish the items that try to mean something; `limit` as for `demo`."""
    documents = {f"/{n}": ("application/rss+xml", text.encode()) for n, (_, text) in enumerate(nasty.feeds())}
    with _published(
        folder, {"categories": {"hostile": "Hostile", "quiet": "Quiet"}}, "quiet", documents
    ) as publication:
        yield publication


@contextmanager
def real_slice(folder: Path, corpus: Path, every: int = 12) -> Iterator[Publication]:
    """Publish every twelfth feed of a folder of real ones, but none of the large ones."""
    files = [path for path in sorted(corpus.iterdir()) if path.suffix in {".xml", ".rss", ".atom", ".rdf", ".json"}]
    chosen = [path for path in files if path.stat().st_size < 200_000 and path.name != "manifest.json"][::every]
    types = {".json": "application/feed+json"}
    documents = {
        f"/{number}{path.suffix}": (types.get(path.suffix, "application/xml"), path.read_bytes())
        for number, path in enumerate(chosen)
    }
    with _published(folder, {"categories": {"real": "Real"}}, "real", documents) as publication:
        yield publication


@contextmanager
def _published(
    folder: Path, config: dict[str, Any], live: str, documents: dict[str, tuple[str, bytes]], limit: int = 5000
) -> Iterator[Publication]:
    """Configure, run once, and serve.

    Args:
        folder: an empty one.
        config: the sections of feeds.yaml that are not the same for all.
        live: the category of the source that changes.
        documents: sources of the first category, by their paths.
        limit: items of each feed.
    """
    with ExitStack() as stack:
        sources = stack.enter_context(Origin())
        origin = stack.enter_context(Origin(folder / "data" / "public"))
        publication = Publication(folder, sources, origin)
        sources.documents.update({**documents, _LIVE: ("application/rss+xml", _live(0))})
        first = next(iter(config["categories"]))
        feeds = [
            {"id": f"f{number}", "category": first, "feed": sources.url + path} for number, path in enumerate(documents)
        ]
        own = {"id": "live", "category": live, "feed": sources.url + _LIVE}
        whole = {
            **config,
            "site": {**config.get("site", {"title": "Site"}), "url": f"{origin.url}/"},
            "feeds": {"limit": limit},
            "fetch": {"allow_private_addresses": ["127.0.0.0/8"]},
            "sources": [*config.get("sources", ()), *feeds, own],
        }
        (folder / "feeds.yaml").write_text(yaml.safe_dump(whole, allow_unicode=True), encoding="utf-8")
        publication.run()
        yield publication


def _live(updates: int) -> bytes:
    """The source after some updates: each added one item, and all changed the same."""
    items = [
        _item(number, f"As it is after {updates}" if number == _CHANGING else "Same")
        for number in range(_FIRST + updates)
    ]
    return (
        '<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel><title>Live</title>'
        f"<link>{_ADDRESS}/</link><description>d</description>{''.join(items)}</channel></rss>"
    ).encode()


def _item(number: int, text: str) -> str:
    date = format_datetime(datetime(2026, 1, 1, 10, tzinfo=UTC) + timedelta(days=number))
    return (
        f"<item><title>Item {number}</title><link>{_ADDRESS}/{number}</link>"
        f"<guid isPermaLink='false'>{_id(number)}</guid><pubDate>{date}</pubDate>"
        f"<description>&lt;p&gt;{text}&lt;/p&gt;</description></item>"
    )


def _id(number: int) -> str:
    return f"{_ADDRESS}/id/{number}"
