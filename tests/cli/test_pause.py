"""`aggregator pause`, `resume` and `reset`: a source that is left alone for a while, and one that begins anew."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from filelock import FileLock

from aggregator.config import load
from aggregator.models import FeedState
from aggregator.pipeline.due import spread
from aggregator.store import open_store
from tests.origin import Origin, Response
from tests.support import Site, command, item, rss

HOUR = timedelta(hours=1)
TEXT = """\
# mine
site: {{title: Test, url: "https://feeds.example.org/"}}
fetch: {{allow_private_addresses: [127.0.0.0/8], interval: 1h}}
sources:
  # the first
  - id: one   # a name
    feed: {one}
  - {{feed: {two}, id: two}}
"""


@pytest.fixture
def written(site: Site, origin: Origin) -> str:
    """feeds.yaml with two sources, both updated once; returns its text."""
    urls = {
        name: origin.handle(f"/{name}", Response(rss([item(1)], title=name).encode(), 200, {"ETag": f'"{name}"'}))
        for name in ("one", "two")
    }
    text = TEXT.format(**urls)
    site.config.write_bytes(text.encode())
    assert site.run("update").status == 0
    return text


def paths(origin: Origin) -> list[str]:
    """What was asked for since the last call."""
    asked = [request.path for request in origin.requests if request.path != "/robots.txt"]
    origin.requests.clear()
    return sorted(asked)


def config_only(site: Site, *arguments: str) -> tuple[int, str, str]:
    done = command(*arguments, "--config", str(site.config))
    return done.status, done.stdout, done.stderr


def test_a_paused_source_is_not_asked_and_stays_published(site: Site, origin: Origin, written: str) -> None:
    before, posts, public = written, site.posts(), site.public()
    paths(origin)
    for name, old, new in (
        ("one", "- id: one   # a name", "- paused: true\n    id: one   # a name"),
        ("two", "- {feed:", "- {paused: true, feed:"),
    ):
        status, said, _ = config_only(site, "pause", name)
        assert status == 0
        assert (
            f"Paused {name} in {site.config}; its entries stay published. To fetch it again: aggregator resume {name}"
            in said
        )
        written = written.replace(old, new)
        assert site.config.read_text(encoding="utf-8") == written
    assert config_only(site, "pause", "one") == (0, "one is paused already.\n", "")

    done = site.run("update", "--all")
    assert (done.status, paths(origin)) == (0, [])
    assert "No source is due. Use --all" in done.stdout
    assert (site.posts(), site.public()) == (posts, public)
    assert {(row["state"], row["next_due_at"], row["due_why"]) for row in site.status().values()} == {
        ("paused", None, "`paused` in feeds.yaml")
    }
    assert "never" in site.run("status").stdout
    assert site.run("update", "--source", "one").status == 0
    assert paths(origin) == ["/one"]

    for name in ("one", "two"):
        assert config_only(site, "resume", name)[0] == 0
    assert site.config.read_text(encoding="utf-8") == before
    assert config_only(site, "resume", "one") == (0, "one is not paused.\n", "")
    assert site.run("update", "--all").status == 0
    assert paths(origin) == ["/one", "/two"]
    assert (site.posts(), site.public()) == (posts, public)


def test_paused_sources_trouble_no_monitor_and_are_not_overdue(site: Site, written: str) -> None:
    past = datetime.now(UTC).replace(microsecond=0) - 3 * HOUR
    with closing(open_store(site.data / "aggregator.db")) as store:
        store.save_states([FeedState("one", failures=5, failure_kind="dns", next_due_at=past)])
    assert site.run("health", "--max-failing", "10").status == 1
    config_only(site, "pause", "one")
    done = site.run("health", "--max-failing", "10", "--json")
    assert (done.status, json.loads(done.stdout)["sources"]) == (0, 1)
    assert site.run("status", "--failing", "--json").stdout.strip() == "[]"
    config = load(site.config, {})
    with closing(open_store(site.data / "aggregator.db")) as store:
        store.save_states([FeedState("two", next_due_at=past)])
        few = config.fetch.model_copy(update={"concurrency": 1})
        assert spread(replace(config, fetch=few), store, past + HOUR) == 0


@pytest.mark.parametrize("name", ["pause", "resume"])
def test_a_source_that_is_not_there_is_named(site: Site, written: str, name: str) -> None:
    status, _, said = config_only(site, name, "onee")
    assert status == 2
    assert "onee: there is no such source; did you mean 'one'" in said
    assert site.config.read_text(encoding="utf-8") == written


def test_a_reset_source_is_asked_at_once_and_whole(site: Site, origin: Origin, written: str) -> None:
    posts = site.stamps()
    with closing(open_store(site.data / "aggregator.db")) as store:
        state = store.states()["one"]
        assert state.etag == '"one"'
        later = state.last_success_at
        assert later is not None
        store.save_states(
            [
                FeedState(
                    "one",
                    etag=state.etag,
                    failures=3,
                    failure_kind="dns",
                    error="no",
                    gone_days=3,
                    last_success_at=later,
                    next_due_at=later + 100 * HOUR,
                    rhythm=state.rhythm,
                )
            ]
        )
    paths(origin)
    done = site.run("reset", "one")
    assert (done.status, done.stdout) == (0, "Reset one; the next update fetches its whole document.\n")
    row = site.status()["one"]
    assert (row["failures"], row["state"], row["next_due_at"], row["entries"]) == (0, "ok", None, 1)
    assert site.run("update").status == 0
    (asked,) = [request for request in origin.requests if request.path == "/one"]
    assert not {"if-none-match", "if-modified-since"} & {name.lower() for name in asked.headers}
    assert site.stamps() == posts
    assert site.status()["one"]["entries"] == 1


def test_a_reset_needs_the_folder_and_a_source(site: Site, written: str) -> None:
    assert site.run("reset", "three").status == 2
    with FileLock(site.data / ".lock"):
        assert site.run("reset", "one").status == 3
