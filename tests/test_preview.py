"""A preview shows what an update stores, and changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from aggregator.config import Config, load
from aggregator.cycle import Cycle
from aggregator.demo import demo_config, serve
from aggregator.inspection import condition
from aggregator.judging import stored_rulings
from aggregator.pipeline.due import choose
from aggregator.preview import Preview, preview
from aggregator.store import StoredRuling, open_store
from aggregator.workers import StoreThread
from tests.support import read_tree

NOW = datetime(2026, 4, 20, 12, 0, tzinfo=UTC)


def _see(config: Config, name: str, data: Path | None = None) -> Preview:
    source = next(one for one in config.sources if one.id == name)
    return asyncio.run(preview(config, source, clock=lambda: NOW, data=data, posts=True))


def _update(config: Config, data: Path, name: str) -> list[StoredRuling]:
    """Update one source as a cycle does it, and return its items, newest first."""

    async def run() -> None:
        with StoreThread() as thread:
            chosen = choose(config, store, NOW, only=[name])
            await Cycle(store, data, thread, config=lambda: config, clock=lambda: NOW).run(chosen)

    store = open_store(data / "aggregator.db")
    try:
        store.sync_sources(config.sources)
        asyncio.run(run())
        found = list(stored_rulings(store, name))
    finally:
        store.close()
    return sorted(found, key=lambda one: (one.stored.entry.published_at, one.stored.pk), reverse=True)


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Config]:
    """The configuration of the demo."""
    with serve() as origin:
        path = tmp_path / "feeds.yaml"
        path.write_text(demo_config(origin), encoding="utf-8")
        yield load(path, {})


@pytest.mark.parametrize("name", ["factory", "library", "weekly", "notes", "trails", "tea"])
def test_a_preview_shows_what_update_stores(demo: Config, tmp_path: Path, name: str) -> None:
    seen = _see(demo, name)
    stored = _update(demo, tmp_path / "data", name)
    assert stored
    assert [one.stored.stored.entry for one in seen.items] == [one.stored.entry for one in stored]
    assert [one.stored.ruling for one in seen.items] == [one.ruling for one in stored]
    assert [one.condition for one in seen.items] == [condition(one) for one in stored]
    posts = read_tree(tmp_path / "data" / "posts")
    assert {one.post.name: one.post.data for one in seen.items if one.post} == {
        f"posts/{path}": text for path, text in posts.items()
    }
