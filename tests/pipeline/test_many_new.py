"""A first cycle over many sources: other processes help to read, and what comes of it is the same."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from aggregator.config import load
from aggregator.models import Entry
from aggregator.pipeline import engine
from aggregator.pipeline.due import choose
from aggregator.pipeline.run import update_due
from aggregator.store import open_store
from tests.origin import Origin
from tests.store_samples import NOW, publish
from tests.support import Site, item, rss

SOURCES, ENTRIES = 12, 60


def new_folder(path: Path) -> Path:
    path.mkdir()
    return path


async def first_cycle(folder: Path, origin: Origin) -> tuple[dict[str, tuple[int, str | None]], list[Entry]]:
    """What each source gave, and all that is stored."""
    site = Site(folder)
    feeds = {f"s{number}": origin.url + f"/{number}" for number in range(SOURCES)}
    site.configure(*({"id": name, "feed": url} for name, url in feeds.items()))
    config = load(site.config, {})
    with closing(open_store(folder / "x.db")) as store:
        store.sync_sources(config.sources)
        results = await update_due(config, store, choose(config, store, NOW), clock=lambda: NOW)
        publish(store)
        entries = sorted((found.entry for found in store.newest(None, 10_000)), key=lambda entry: entry.key)
        return {one.source.id: (one.new, one.state.error) for one in results}, entries


@pytest.mark.slow
async def test_documents_of_many_new_sources_are_read_by_other_processes_as_well(
    tmp_path: Path, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(SOURCES):
        items = [item(k, title=f"T {k}", description="<p>words</p>" * 30) for k in range(number, number + ENTRIES)]
        origin.route(f"/{number}", rss(items))
    # Two that no process of its own helps with: one for the tolerant reader, and one that is no feed.
    origin.route("/3", "<channel>" + "<item><title>One</title><description>words</description></item>" * 300)
    origin.route("/4", "<html><body>" + "<p>words</p>" * 2000)
    alone = await first_cycle(new_folder(tmp_path / "alone"), origin)
    monkeypatch.setattr(engine, "MANY_NEW", SOURCES)
    helped = await first_cycle(new_folder(tmp_path / "helped"), origin)
    assert helped == alone
    assert [helped[0][f"s{number}"][0] for number in range(3)] == [ENTRIES] * 3
    assert helped[0]["s3"][0] > 0
    assert "not a feed" in (helped[0]["s4"][1] or "") or "page" in (helped[0]["s4"][1] or "")
