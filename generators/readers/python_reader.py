"""reader, a library for readers: RSS and Atom by feedparser, and JSON Feed."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from generators.readers.base import Item, Look, Program


def _version() -> str | None:
    return metadata.version("reader") if find_spec("reader") is not None else None


def _look(folder: Path, feeds: Mapping[str, str]) -> dict[str, Look]:
    from reader import EntryUpdateStatus, make_reader

    seen: dict[str, dict[str, list[str]]] = {url: {"new": [], "modified": []} for url in feeds.values()}

    def note(_: object, entry: object, status: EntryUpdateStatus) -> None:
        seen[entry.feed_url][status.value].append(entry.id)  # type: ignore[attr-defined]

    with closing(make_reader(str(folder / "reader.sqlite"))) as library:
        library.after_entry_update_hooks.append(note)
        for url in feeds.values():
            library.add_feed(url, exist_ok=True)
        for result in library.update_feeds_iter(scheduled=False):
            if isinstance(result.value, Exception):
                raise RuntimeError(f"{result.url}: {result.value}")
        return {
            name: Look(
                tuple(
                    Item(entry.id, entry.title or "", entry.link, entry.published or entry.updated)
                    for entry in library.get_entries(feed=url)
                ),
                tuple(seen[url]["new"]),
                tuple(seen[url]["modified"]),
            )
            for name, url in feeds.items()
        }


READER = Program("reader", _version, "PyPI's reader", ("rss", "atom", "json"), _look, guesses=True)
