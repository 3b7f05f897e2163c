"""Rendering can be done elsewhere: batches travel, feeds are started first, and only a few are under way at once."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aggregator.config import Config, load
from aggregator.publish import postfiles
from aggregator.publish import site as publishing
from aggregator.publish.batches import FeedBatch, Made, PostBatch
from aggregator.publish.site import Report, publish
from aggregator.store import Store, open_store
from tests.store_samples import entry, update
from tests.support import Site

SOURCES = 5
ENTRIES = 7


class Elsewhere:
    """A runner that does nothing before it is asked, and then with copies that went through a pipe."""

    def __init__(self) -> None:
        #: Function and length of each batch that was started or, with None, ended.
        self.events: list[tuple[str, int | None]] = []

    def __call__(self, function: Callable[[Any], tuple[Made, ...]], batch: Any) -> Callable[[], Any]:
        sent = pickle.dumps((function, batch))
        self.events.append((function.__name__, len(batch)))

        def result() -> Any:
            self.events.append((function.__name__, None))
            called, given = pickle.loads(sent)  # noqa: S301 - our own bytes
            return pickle.loads(pickle.dumps(called(given)))  # noqa: S301

        return result

    def most(self, name: str) -> int:
        """The most batches of a function that were under way at once."""
        steps = [-1 if length is None else 1 for function, length in self.events if function == name]
        return max(sum(steps[:end]) for end in range(len(steps) + 1))


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


def test_outputs_are_the_same_wherever_they_are_rendered(
    site: Site, config: Config, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = _outputs(site, publish(store, config, site.data))
    assert len(here) == SOURCES * ENTRIES + 3 * (SOURCES + 1) + 1
    for name in here:
        (site.data / name).unlink()
    monkeypatch.setattr(postfiles, "BATCH", 4)
    monkeypatch.setattr(publishing, "_ITEMS", 2 * 3 * ENTRIES)
    run = Elsewhere()
    counted: list[int] = []
    report = publish(store, config, site.data, everything=True, progress=counted.append, run=run)
    assert _outputs(site, report) == here
    assert counted == [4, 8, 12, 16, 20, 24, 28, 32, 35]
    feed = ("render_feed_batch", 3 * ENTRIES)
    assert run.events[:4] == [feed, feed, ("render_post_batch", 4), ("render_post_batch", 4)]
    assert run.events[4] == ("render_post_batch", None)
    assert (run.most("render_feed_batch"), run.most("render_post_batch")) == (2, 2)
    assert sum(length or 0 for name, length in run.events if name == "render_post_batch") == SOURCES * ENTRIES


def test_a_feed_larger_than_the_bound_is_rendered_nevertheless(
    site: Site, config: Config, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "_ITEMS", 1)
    run = Elsewhere()
    report = publish(store, config, site.data, run=run)
    assert run.most("render_feed_batch") == 1
    assert len(report.feeds) == 3 * (SOURCES + 1) + 1
    assert len(json.loads(site.public()["all/feed.json"])["items"]) == SOURCES * ENTRIES


def test_nothing_is_rendered_where_nothing_is_new(site: Site, config: Config, store: Store) -> None:
    publish(store, config, site.data)
    before, recorded = site.stamps(), store.fingerprints()
    run = Elsewhere()
    assert publish(store, config, site.data, run=run) == Report()
    assert (run.events, site.stamps(), store.fingerprints()) == ([], before, recorded)
    for lost in ("c1/atom.xml", "opml.xml"):
        (site.data / "public" / lost).unlink()
        assert publish(store, config, site.data).feeds == [f"public/{lost}"]
        assert store.fingerprints() == recorded


def test_crash_leaves_no_fingerprint_of_settings_whose_outputs_are_being_replaced(
    site: Site, config: Config, store: Store
) -> None:
    publish(store, config, site.data)
    whole = site.public()
    others = replace(config, site=config.site.model_copy(update={"title": "Another title"}))

    def interrupted(number: int) -> None:
        raise KeyboardInterrupt

    store.touch(["s4"])
    with pytest.raises(KeyboardInterrupt):
        publish(store, others, site.data, progress=interrupted)
    (site.data / "public" / "c1" / "rss.xml").write_bytes(b"of the other settings")
    publish(store, config, site.data)
    assert site.public() == whole


@pytest.mark.parametrize("at_start", [True, False])
def test_rendering_that_fails_elsewhere_is_done_here(
    site: Site, config: Config, store: Store, monkeypatch: pytest.MonkeyPatch, at_start: bool
) -> None:
    monkeypatch.setattr(postfiles, "BATCH", 10)

    def run(function: Callable[[Any], tuple[Made, ...]], batch: PostBatch | FeedBatch) -> Callable[[], Any]:
        def result() -> Any:
            raise RuntimeError("no more")

        return result() if at_start else result

    report = publish(store, config, site.data, run=run)
    assert report.failures == []
    assert (len(report.posts), len(report.feeds)) == (SOURCES * ENTRIES, 3 * (SOURCES + 1) + 1)
    assert store.pending(99) == []


def test_list_of_subscriptions_follows_what_feeds_tell_of_themselves(site: Site, config: Config, store: Store) -> None:
    publish(store, config, site.data)
    path: Path = site.data / "public" / "opml.xml"
    assert b"Told" not in path.read_bytes()
    store.apply(update("s1", title="Told", home_url="https://s1.example/"))
    assert "public/opml.xml" in publish(store, config, site.data).feeds
    assert b"Told" in (whole := path.read_bytes())
    path.unlink()
    assert publish(store, config, site.data).feeds == ["public/opml.xml"]
    path.write_bytes(b"edited")
    assert publish(store, config, site.data, everything=True).feeds == ["public/opml.xml"]
    assert path.read_bytes() == whole
