"""Posts are rendered in batches and feeds category by category: what is out of date, and not all in memory at once."""

from __future__ import annotations

import json
import os
import weakref
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aggregator.config import Config, load
from aggregator.models import Item
from aggregator.publish import postfiles
from aggregator.publish.publication import Report, publish
from aggregator.store import Store, UnreadableRow, open_store
from tests.store_samples import NOW, entry, update
from tests.support import Site

SOURCES = 5
ENTRIES = 7


class Tracked(list[Item]):
    """Items that can be seen to leave the memory."""


class Watched:
    """A store that remembers what it was asked for, and how many answers were in memory at each question."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._answers: list[weakref.ref[Tracked]] = []
        #: The method, its limit, and the number of earlier answers that were still in memory.
        self.asked: list[tuple[str, int, int]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def _tracked(self, name: str, limit: int, items: list[Item]) -> Tracked:
        self.asked.append((name, limit, sum(answer() is not None for answer in self._answers)))
        tracked = Tracked(items)
        self._answers.append(weakref.ref(tracked))
        return tracked

    def pending(
        self, limit: int, after: Item | None = None, unreadable: list[UnreadableRow] | None = None
    ) -> list[Item]:
        return self._tracked("pending", limit, self._store.pending(limit, after, unreadable))

    def newest(self, category: str | None, limit: int, unreadable: list[UnreadableRow] | None = None) -> list[Item]:
        return self._tracked("newest", limit, self._store.newest(category, limit, unreadable))


@pytest.fixture
def config(site: Site) -> Config:
    """A source in each of some categories."""
    sources = [{"id": f"s{n}", "category": f"c{n}", "feed": f"https://s{n}.example/feed"} for n in range(SOURCES)]
    site.configure(*sources, categories={f"c{n}": f"Category {n}" for n in range(SOURCES)})
    return load(site.config, os.environ)


@pytest.fixture
def store(site: Site, config: Config) -> Iterator[Store]:
    """A store in which all sources have new entries."""
    with closing(open_store(site.data / "aggregator.db")) as opened:
        opened.sync_sources(config.sources)
        for source in config.sources:
            new = [entry(source.id, f"{source.id}-{n}", title=f"Title {n}") for n in range(ENTRIES)]
            opened.apply(update(source.id, *new))
        yield opened


def _outputs(site: Site, report: Report) -> dict[str, bytes]:
    every = {f"posts/{k}": v for k, v in site.posts().items()} | {f"public/{k}": v for k, v in site.public().items()}
    assert sorted(every) == sorted([*report.posts, *report.feeds])
    return every


def test_memory_holds_a_few_posts_or_the_items_of_one_category(
    site: Site, config: Config, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = _outputs(site, publish(store, config, site.data, now=NOW))
    assert len(whole) == SOURCES * ENTRIES + 3 * (SOURCES + 1) + len(("opml.xml", "feeds.opml", "_assets/feed.css"))
    for name in whole:
        (site.data / name).unlink()
    monkeypatch.setattr(postfiles, "BATCH", 4)
    watched: Any = Watched(store)
    counted: list[int] = []
    report = publish(watched, config, site.data, now=NOW, everything=True, restore=True, progress=counted.append)
    assert _outputs(site, report) == whole
    assert counted == [4, 8, 12, 16, 20, 24, 28, 32, 35]
    posts, feeds = watched.asked[: len(counted)], watched.asked[len(counted) :]
    assert posts == [("pending", 4, 0), *[("pending", 4, 1)] * (len(counted) - 1)]
    assert [(name, in_memory) for name, _, in_memory in feeds] == [("newest", 0)] * (SOURCES + 1)
    assert len(json.loads(whole["public/all/feed.json"])["items"]) == SOURCES * ENTRIES


def test_nothing_is_rendered_where_nothing_is_new(site: Site, config: Config, store: Store) -> None:
    publish(store, config, site.data, now=NOW)
    before, recorded = site.stamps(), store.fingerprints()
    watched: Any = Watched(store)
    assert publish(watched, config, site.data, now=NOW) == Report()
    assert [name for name, *_ in watched.asked] == ["pending"]
    assert (site.stamps(), store.fingerprints()) == (before, recorded)
    for lost in ("c1/atom.xml", "opml.xml", "feeds.opml", "_assets/feed.css"):
        (site.data / "public" / lost).unlink()
        assert publish(store, config, site.data, now=NOW).feeds == [f"public/{lost}"]
        assert store.fingerprints() == recorded


def test_crash_leaves_no_fingerprint_of_settings_whose_outputs_are_being_replaced(
    site: Site, config: Config, store: Store
) -> None:
    publish(store, config, site.data, now=NOW)
    whole = site.public()
    others = replace(config, site=config.site.model_copy(update={"title": "Another title"}))

    def interrupted(number: int) -> None:
        raise KeyboardInterrupt

    store.mark_pending(["s4"])
    with pytest.raises(KeyboardInterrupt):
        publish(store, others, site.data, now=NOW, progress=interrupted)
    (site.data / "public" / "c1" / "rss.xml").write_bytes(b"of the other settings")
    publish(store, config, site.data, now=NOW)
    assert site.public() == whole


def test_list_of_subscriptions_follows_what_feeds_tell_of_themselves(site: Site, config: Config, store: Store) -> None:
    publish(store, config, site.data, now=NOW)
    path: Path = site.data / "public" / "opml.xml"
    assert b"Told" not in path.read_bytes()
    store.apply(update("s1", title="Told", home_url="https://s1.example/"))
    assert "public/opml.xml" in publish(store, config, site.data, now=NOW).feeds
    assert b"Told" in (whole := path.read_bytes())
    path.unlink()
    assert publish(store, config, site.data, now=NOW).feeds == ["public/opml.xml"]
    path.write_bytes(b"edited")
    assert publish(store, config, site.data, now=NOW, everything=True).feeds == ["public/opml.xml"]
    assert path.read_bytes() == whole
