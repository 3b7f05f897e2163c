"""A preview shows what an update stores, and changes nothing."""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from aggregator.config import Config, load
from aggregator.cycle import Cycle
from aggregator.demo import demo_config, serve
from aggregator.inspection import condition
from aggregator.judging import stored_rulings
from aggregator.models import Decision, HostTraffic, Source
from aggregator.pipeline.due import choose
from aggregator.preview import Preview, feed_source, preview
from aggregator.store import StoredRuling, open_store
from aggregator.workers import StoreThread
from tests import DATA
from tests.origin import Origin
from tests.scraping import article_page, html, list_page
from tests.support import Site, item, read_tree, rss

pytestmark = pytest.mark.usefixtures("workers_inside")

NOW = datetime(2026, 4, 20, 12, 0, tzinfo=UTC)
DEMO = ("factory", "library", "weekly", "notes", "trails", "tea")
#: Rules of every place, and outputs, for the sources of the demo.
RULES = """
rules:
  - tag: [read]
  - drop: [Ice, 构建]
  - {title: "{title} ({source})", when: 'source == "notes"'}
  - {category: leisure, when: 'source == "library"'}
  - {also_in: [programming], when: 'source == "trails"'}
  - {hold: true, when: 'title.contains("Water")'}
  - {draft: true, when: 'source == "weekly" && words > 100'}
  - excerpt: 80
outputs:
  long: {where: "words > 40", rules: [{prefix: "From {source}"}]}
  few: {where: 'source == "nobody"'}
duplicates: url
posts:
  - {preset: hugo, folder: hugo, categories: [leisure]}
  - {preset: hexo, folder: posts, footer: true}
"""


def _source(config: Config, name: str) -> Source:
    return next(one for one in config.sources if one.id == name)


def _see(config: Config, name: str, data: Path | None = None, now: datetime = NOW, **more: Any) -> Preview:
    return asyncio.run(preview(config, _source(config, name), clock=lambda: now, data=data, posts=True, **more))


def _update(config: Config, data: Path, name: str, now: datetime = NOW) -> list[StoredRuling]:
    """Update one source as a cycle does it, and return its items, newest first."""

    async def run() -> None:
        with StoreThread() as thread:
            chosen = choose(config, store, now, only=[name])
            await Cycle(store, data, thread, config=lambda: config, clock=lambda: now).run(chosen)

    with closing(open_store(data / "aggregator.db")) as store:
        store.sync_sources(config.sources)
        asyncio.run(run())
        found = list(stored_rulings(store, name))
    return sorted(found, key=lambda one: (one.stored.entry.published_at, one.stored.pk), reverse=True)


def _shows_what_is_stored(seen: Preview, stored: list[StoredRuling], data: Path) -> None:
    """Check that a preview has the items and posts of a data folder that has nothing else."""
    assert [one.stored.stored.entry for one in seen.items] == [one.stored.entry for one in stored]
    assert [one.stored.stored.id for one in seen.items] == [one.stored.id for one in stored]
    assert [one.stored.ruling for one in seen.items] == [one.ruling for one in stored]
    assert [one.condition for one in seen.items] == [condition(one) for one in stored]
    assert [[member.placement for member in one.stored.memberships] for one in seen.items] == [
        [member.placement for member in one.memberships] for one in stored
    ]
    written = {name: text for name, text in read_tree(data).items() if name.endswith(".md")}
    shown = {one.post.name: one.post.data for one in seen.items if one.post}
    assert shown.items() <= written.items()
    # An item may have a post in several folders, and one of them is shown.
    assert {name.rpartition("/")[2] for name in written} - {"_index.md"} == {name.rpartition("/")[2] for name in shown}


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Config]:
    """The configuration of the demo."""
    with serve() as origin:
        path = tmp_path / "feeds.yaml"
        path.write_text(demo_config(origin), encoding="utf-8")
        yield load(path, {})


def _configured(site: Site, *sources: Mapping[str, Any], **sections: Any) -> Config:
    site.configure(*sources, **sections)
    return load(site.config, {})


# -- the same as an update ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", DEMO)
def test_it_shows_what_an_update_stores(demo: Config, tmp_path: Path, name: str) -> None:
    seen = _see(demo, name)
    stored = _update(demo, tmp_path / "data", name)
    assert stored
    assert not seen.result.missed
    _shows_what_is_stored(seen, stored, tmp_path / "data")


@pytest.mark.parametrize("name", DEMO)
def test_it_shows_what_an_update_stores_with_rules_and_outputs(demo: Config, tmp_path: Path, name: str) -> None:
    text = demo.path.read_text(encoding="utf-8") + RULES
    ruled = load(demo.path, {}, text=text)
    seen = _see(ruled, name)
    stored = _update(ruled, tmp_path / "data", name)
    assert any(step.what for one in seen.items for step in one.trace.steps)
    _shows_what_is_stored(seen, stored, tmp_path / "data")


def test_it_shows_what_an_update_stores_of_a_scraped_site(site: Site, origin: Origin) -> None:
    html(origin, "/a", article_page("<p>One</p>"))
    html(origin, "/b", article_page("<p>Two</p>", date="no date at all"))
    url = html(origin, "/list", list_page(("/a", "甲"), ("/b", "乙"), ("/gone", "丙")))
    article = {"body": "#articleC", "author": "div.source-name", "date": "div.time"}
    scrape = {"url": url, "items": "h3 > a", "encoding": "gbk", "article": article}
    config = _configured(site, {"id": "one", "scrape": scrape, "retention": {"count": 1}})
    seen = _see(config, "one")
    _shows_what_is_stored(seen, _update(config, site.data, "one"), site.data)
    assert [one.request.url.rpartition("/")[2] for one in seen.documents] == ["list", "a", "b", "gone"]
    assert seen.parsed is not None
    assert [len(seen.parsed.entries), len(seen.items), seen.removed] == [2, 1, 1]
    assert any("/gone" in note for note in seen.result.notes)


def test_a_source_that_is_reviewed_waits_unless_a_person_has_decided(site: Site, origin: Origin) -> None:
    url = origin.route("/one", rss([item(1), item(2), item(3)]))
    config = _configured(site, {"id": "one", "feed": url, "review": True})
    assert {one.condition for one in _see(config, "one", site.data).items} == {"held"}
    stored = _update(config, site.data, "one")
    with closing(open_store(site.data / "aggregator.db")) as store:
        store.decide(stored[0].stored.pk, Decision("published"), NOW)
        store.decide(stored[1].stored.pk, Decision("dropped"), NOW)
    assert [one.condition for one in _see(config, "one", site.data).items] == ["published", "dropped", "held"]
    assert [one.condition for one in _see(config, "one").items] == ["held"] * 3


def test_steps_do_not_run_and_their_kept_results_count(site: Site, origin: Origin, tmp_path: Path) -> None:
    url = origin.route("/one", rss([item(1), item(2)]))
    script = f"open({str(tmp_path / 'ran')!r}, 'a').write('x'); print('{{\"title\": \"made\"}}')"
    rules = [{"command": {"run": [sys.executable, "-c", script]}}]
    config = _configured(site, {"id": "one", "feed": url}, rules=rules)
    seen = _see(config, "one", site.data)
    assert [one.stored.ruling.entry.title for one in seen.items] == ["Item 2", "Item 1"]
    assert seen.unmade == 2
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("AGGREGATOR_ALLOW_STEPS", "command")
        _update(config, site.data, "one")
        assert (tmp_path / "ran").read_text() == "xx"
        seen = _see(config, "one", site.data)
        assert [one.stored.ruling.entry.title for one in seen.items] == ["made", "made"]
        assert [seen.unmade, _see(config, "one", site.data, repeatable=True).unmade] == [0, 2]
    assert (tmp_path / "ran").read_text() == "xx"


def test_neither_hooks_nor_the_command_run(site: Site, origin: Origin, tmp_path: Path) -> None:
    touch = [sys.executable, "-c", f"open({str(tmp_path / 'ran')!r}, 'w')"]
    sections = {"hooks": {"on_problem": touch, "after": 1}, "after_publish": touch}
    good = origin.route("/one", rss([item(1)]))
    config = _configured(site, {"id": "good", "feed": good}, {"id": "bad", "feed": origin.url + "/no"}, **sections)
    _see(config, "good", site.data)
    assert _see(config, "bad", site.data).result.failed
    assert sorted(path.name for path in tmp_path.iterdir()) == ["feeds.yaml"]


def test_duplicates_are_looked_for_within_the_source(site: Site, origin: Origin) -> None:
    same = [item(1), {**item(2), "link": "https://example.org/1?utm_source=x"}]
    one, other = origin.route("/one", rss(same)), origin.route("/other", rss(same[:1]))
    sources = {"id": "one", "feed": one}, {"id": "other", "feed": other}
    config = _configured(site, *sources, duplicates="url")
    _update(config, site.data, "one")
    assert [seen.condition for seen in _see(config, "other", site.data).items] == ["published"]


# -- beside the data folder --------------------------------------------------------------------------------------------


def _here(seen: Preview) -> dict[str, str | None]:
    return {one.stored.ruling.entry.title: one.here for one in seen.items}


def test_items_are_compared_with_the_data_folder(site: Site, origin: Origin) -> None:
    url = origin.route("/one", rss([item(1), item(2), item(3)]))
    config = _configured(site, {"id": "one", "feed": url})
    assert set(_here(_see(config, "one", site.data)).values()) == {"new"}
    assert set(_here(_see(config, "one")).values()) == {None}
    _update(config, site.data, "one")
    assert set(_here(_see(config, "one", site.data)).values()) == {"stored"}
    origin.route("/one", rss([item(1), item(2, title="Another"), item(3), item(4)]))
    seen = _see(config, "one", site.data)
    assert _here(seen) == {"Item 4": "new", "Item 3": "stored", "Another": "changed", "Item 1": "stored"}


def test_an_item_that_was_removed_does_not_count_as_new(site: Site, origin: Origin) -> None:
    url = origin.route("/one", rss([item(1), item(2)]))
    _update(_configured(site, {"id": "one", "feed": url, "retention": {"count": 1}}), site.data, "one")
    config = _configured(site, {"id": "one", "feed": url})
    assert _here(_see(config, "one", site.data)) == {"Item 2": "stored", "Item 1": "removed"}


def test_items_are_found_again_where_the_feed_has_changed_all_its_ids(site: Site, origin: Origin) -> None:
    url = origin.route("/one", rss([item(n) for n in range(1, 9)]))
    config = _configured(site, {"id": "one", "feed": url})
    _update(config, site.data, "one")
    for turn in (1, 2):
        origin.route("/one", rss([item(n, guid=f"urn:x:{turn}:{n}") for n in range(1, 10)]))
        seen = _see(config, "one", site.data)
        assert [title for title, here in _here(seen).items() if here != "stored"] == (["Item 9"] if turn == 1 else [])
        _update(config, site.data, "one", NOW + timedelta(days=turn))


def test_a_host_that_wants_to_be_left_alone_is(site: Site, origin: Origin) -> None:
    config = _configured(site, {"id": "one", "feed": origin.route("/one", rss([item(1)]))})
    with closing(open_store(site.data / "aggregator.db")) as store:
        host = f"127.0.0.1:{origin.port}"
        store.record_traffic(NOW, [HostTraffic(host)], {host: NOW + timedelta(hours=1)})
    for repeatable in (False, True):
        seen = _see(config, "one", site.data, repeatable=repeatable)
        assert "left alone" in str(seen.failure)
    assert origin.pages() == []


# -- failures ----------------------------------------------------------------------------------------------------------


def test_a_failure_is_a_result(site: Site, origin: Origin) -> None:
    page = origin.route("/page", "<html><title>No</title>", content_type="text/html")
    sources = {"id": "gone", "feed": origin.url + "/gone"}, {"id": "page", "feed": page}
    config = _configured(site, *sources, {"id": "dead", "feed": "http://127.0.0.1:9/"})
    kinds = {name: _see(config, name).result for name in ("gone", "page", "dead")}
    assert {name: one.state.failure_kind for name, one in kinds.items()} == {
        "gone": "http_status",
        "page": "not_a_feed",
        "dead": "connect",
    }
    assert all(one.failed for one in kinds.values())


def test_a_list_that_matches_nothing_fails_with_its_page_at_hand(site: Site, origin: Origin) -> None:
    url = html(origin, "/list", list_page(("/a", "甲")))
    config = _configured(site, {"id": "one", "scrape": {"url": url, "items": "div.nothing"}})
    seen = _see(config, "one", site.data)
    assert seen.result.state.failure_kind == "nothing_matched"
    # The temporary folder with its page is gone.
    assert "kept in" not in str(seen.result.state.error)
    assert [len(seen.documents), seen.parsed, seen.items] == [1, None, ()]
    assert not site.data.exists()


def test_an_address_that_is_not_configured(site: Site, origin: Origin) -> None:
    url = origin.route("/one", rss([item(1)]))
    config = _configured(site, {"id": "127-0-0-1-one", "feed": "https://example.org/"})
    made = feed_source(config, url)
    assert made.id not in [one.id for one in config.sources]
    seen = asyncio.run(preview(config, made, clock=lambda: NOW, data=site.data, posts=True))
    assert [one.stored.ruling.entry.title for one in seen.items] == ["Item 1"]
    assert [one.here for one in seen.items] == ["new"]


# -- nothing is changed ------------------------------------------------------------------------------------------------


def _state(folder: Path) -> dict[str, tuple[Any, ...]]:
    """Everything about a folder and what is below it that can change."""
    found: dict[str, tuple[Any, ...]] = {}
    for path in (folder, *sorted(folder.rglob("*"))):
        status = path.lstat()
        digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        stamp = status.st_ino, status.st_mode, status.st_size, status.st_mtime_ns
        found[path.relative_to(folder).as_posix()] = (*stamp, digest)
    return found


@contextmanager
def _writer(data: Path) -> Iterator[None]:
    """Another process that has the database open and has written to it, as the daemon does."""
    code = (
        "import sys; from pathlib import Path; from aggregator.store import open_store\n"
        "store = open_store(Path(sys.argv[1]))\n"
        "store.record_fingerprints({'a': 'b'}); print(flush=True); sys.stdin.read()"
    )
    place = str(data / "aggregator.db")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code, place], **pipes) as process:  # type: ignore[call-overload]
        process.stdout.readline()
        yield
        process.stdin.close()


def _look(config: Config, data: Path) -> None:
    """Preview a source that works and one that fails, and compare with what is stored."""
    before = _state(data)
    assert {one.here for one in _see(config, "one", data).items} == {"stored", "new"}
    assert _see(config, "bad", data).result.failed
    assert _state(data) == before


@pytest.fixture
def filled(site: Site, origin: Origin) -> Config:
    """A configuration with a data folder."""
    url = origin.route("/one", rss([item(1)]))
    config = _configured(site, {"id": "one", "feed": url}, {"id": "bad", "feed": origin.url + "/gone"})
    assert site.run("update").status == 1
    origin.route("/one", rss([item(1), item(2)]))
    return config


def test_the_data_folder_stays_as_it_is(filled: Config, site: Site) -> None:
    _look(filled, site.data)


def test_the_data_folder_stays_as_it_is_beside_a_process_that_writes(filled: Config, site: Site) -> None:
    with _writer(site.data):
        assert (site.data / "aggregator.db-wal").stat().st_size
        _look(filled, site.data)


def test_the_data_folder_stays_as_it_is_after_a_process_was_killed(filled: Config, site: Site) -> None:
    with _writer(site.data):
        left = {path.name: path.read_bytes() for path in site.data.glob("aggregator.db*")}
    for name, data in left.items():
        (site.data / name).write_bytes(data)
    assert (site.data / "aggregator.db-wal").stat().st_size
    _look(filled, site.data)


def test_the_data_folder_may_be_read_only(filled: Config, site: Site) -> None:
    site.data.chmod(0o555)
    (site.data / "aggregator.db").chmod(0o444)
    try:
        _look(filled, site.data)
    finally:
        site.data.chmod(0o755)


def test_a_database_of_an_earlier_version_is_not_migrated(filled: Config, site: Site) -> None:
    (site.data / "aggregator.db").unlink()
    with closing(sqlite3.connect(site.data / "aggregator.db")) as database:
        database.executescript((DATA / "upgrade" / "aggregator.sql").read_text(encoding="utf-8"))
    before = _state(site.data)
    assert {one.here for one in _see(filled, "one", site.data).items} == {"new"}
    assert _state(site.data) == before


def test_no_data_folder_is_made(site: Site, origin: Origin) -> None:
    config = _configured(site, {"id": "one", "feed": origin.route("/one", rss([item(1)]))})
    _see(config, "one", site.data)
    assert [path.name for path in site.folder.iterdir()] == ["feeds.yaml"]


def test_no_temporary_folder_is_left(
    filled: Config, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))
    for name in ("one", "bad"):
        _see(filled, name, site.data)
    assert list(place.iterdir()) == []
