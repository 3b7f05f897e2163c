"""One cycle, whatever happens to one source or one step of it: all others come out, and the next cycle mends it."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from aggregator import cycle as cycles
from aggregator.config import Config, load
from aggregator.cycle import PUBLISH_AFTER, Cycle, Summary
from aggregator.errors import RowError, StoreError
from aggregator.normalize import entry
from aggregator.pipeline import decide, ingest, recognition
from aggregator.pipeline.due import USUAL, Share, choose
from aggregator.publish.publication import publish
from aggregator.service.health import read_heartbeat
from aggregator.store import open_store
from aggregator.store.sqlstore import SqlStore
from aggregator.workers import StoreThread
from tests.daemons import PATIENCE, wait_until
from tests.origin import Origin, Response
from tests.store_samples import NOW
from tests.support import Site, item, rss


async def run(site: Site, *, share: Share = USUAL, publish_after: timedelta = PUBLISH_AFTER) -> Summary:
    """One cycle over all sources."""
    config: Config = load(site.config, {})
    with closing(open_store(site.data / "aggregator.db")) as store, StoreThread() as thread:
        store.sync_sources(config.sources)
        chosen = choose(config, store, NOW, everything=True)
        cycle = Cycle(store, site.data, thread, config=lambda: config, clock=lambda: NOW, publish_after=publish_after)
        return await cycle.run(chosen, share=share)


async def seen(condition: Callable[[], object]) -> None:
    """Wait for what will come true."""
    await asyncio.to_thread(wait_until, condition)


@contextmanager
def held(origin: Origin, path: str, body: str) -> Iterator[tuple[str, threading.Event]]:
    """A document that comes once the event is set; its address and the event."""
    answer = threading.Event()

    def hold(handler: BaseHTTPRequestHandler) -> None:
        answer.wait(PATIENCE)
        data = body.encode()
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(data), data))

    try:
        yield origin.handle(path, Response(raw=hold)), answer
    finally:
        answer.set()


@asynccontextmanager
async def under_way(site: Site) -> AsyncIterator[asyncio.Task[Summary]]:
    """A cycle that publishes as soon as anything is stored; cancelled where it does not come to its end."""
    task = asyncio.create_task(run(site, publish_after=timedelta(0)))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_what_is_stored_is_published_while_another_source_hangs(site: Site, origin: Origin) -> None:
    with held(origin, "/slow", rss([item(2)])) as (slow, answer):
        one = origin.route("/one", rss([item(1)]))
        site.configure({"id": "slow", "feed": slow, "timeout": "1h"}, {"id": "one", "feed": one})
        async with under_way(site) as cycle:
            await seen(lambda: "news/Item-1.md" in site.posts() and "news/rss.xml" in site.public())
            await seen(lambda: b"https://example.org/1" in site.public().get("all/atom.xml", b""))
            assert not cycle.done()
            answer.set()
            summary = await cycle
    assert sorted(site.posts()) == ["news/Item-1.md", "news/Item-2.md"]
    assert summary.written.posts == ["posts/news/Item-1.md", "posts/news/Item-2.md"]
    assert len(summary.written.feeds) == len(set(summary.written.feeds)) == 9
    assert (len(summary.results), summary.troubles) == (2, [])


async def test_publishing_meanwhile_that_fails_is_made_good_at_the_end(
    site: Site, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = threading.Event()

    def fail_once(*args: Any, **named: Any) -> Any:
        if tried.is_set():
            return publish(*args, **named)
        tried.set()
        raise StoreError("not now")

    monkeypatch.setattr(cycles, "publish", fail_once)
    with held(origin, "/slow", rss([item(2)])) as (slow, answer):
        one = origin.route("/one", rss([item(1)]))
        site.configure({"id": "slow", "feed": slow, "timeout": "1h"}, {"id": "one", "feed": one})
        async with under_way(site) as cycle:
            await seen(tried.is_set)
            answer.set()
            summary = await cycle
    assert (sorted(site.posts()), summary.troubles) == (["news/Item-1.md", "news/Item-2.md"], [])


async def test_what_is_kept_no_longer_is_not_published_meanwhile_either(site: Site, origin: Origin) -> None:
    with held(origin, "/slow", rss([item(n) for n in (9, 8, 7)])) as (slow, answer):
        one = origin.route("/one", rss([item(n) for n in (3, 2, 1)]))
        sources = {"id": "slow", "feed": slow, "timeout": "1h"}, {"id": "one", "feed": one}
        site.configure(*sources, retention={"count": 1})
        async with under_way(site) as cycle:
            await seen(lambda: site.posts() and site.public())
            assert list(site.posts()) == ["news/Item-3.md"]
            answer.set()
            summary = await cycle
    assert (sorted(site.posts()), summary.removed) == (["news/Item-3.md", "news/Item-9.md"], 4)


async def test_site_that_wants_to_be_asked_slowly_costs_its_own_source_only(site: Site, origin: Origin) -> None:
    origin.route("/robots.txt", "User-agent: *\nCrawl-delay: 60\n", content_type="text/plain")
    links = "".join(f'<h3><a href="/{n}.html">{n}</a></h3>' for n in range(20))
    page = origin.route("/list", links, content_type="text/html")
    with closing(other := Origin()):
        one = other.route("/one", rss([item(1)]))
        site.configure(
            {"id": "slow", "scrape": {"url": page, "items": "h3 > a", "article": {"body": "p"}}, "timeout": "5s"},
            {"id": "one", "feed": one},
        )
        summary = await run(site, share=Share(time=timedelta(0)))
    assert list(site.posts()) == ["news/Item-1.md"]
    slow = next(result for result in summary.results if result.source.id == "slow")
    assert (slow.failed, slow.state.failures, slow.state.next_due_at) == (False, 0, None)
    assert "it may take 5 s at once, waits for its host included" in slow.notes[0]
    assert summary.troubles == []


def listed(origin: Origin, count: int, words: int) -> dict[str, Any]:
    """A scraped source with so many articles."""
    links = "".join(f'<h3><a href="/{n}.html">Article {n}</a></h3>' for n in range(count))
    for number in range(count):
        text = f"<html><body><p>{number} {'word ' * words}</p></body></html>"
        origin.route(f"/{number}.html", text, content_type="text/html")
    page = origin.route("/list", links, content_type="text/html", conditional=True)
    return {"id": "pages", "scrape": {"url": page, "items": "h3 > a", "article": {"body": "p"}}}


async def test_articles_that_are_too_much_for_one_cycle_come_with_the_next_ones(site: Site, origin: Origin) -> None:
    site.configure(listed(origin, 12, words=2000), {"id": "one", "feed": origin.route("/one", rss([item(1)]))})
    share = Share(bytes=20_000)
    notes = [note for result in (await run(site, share=share)).results for note in result.notes]
    assert ["articles are left for the next time" in note for note in notes] == [True]
    assert 1 < len(site.posts()) < 13
    for _ in range(6):
        await run(site, share=share)
    assert len(site.posts()) == 13
    assert [len(origin.asked(f"/{number}.html")) for number in range(12)] == [1] * 12
    assert [seen.status for seen in origin.asked("/list")][:2] == [200, 200], "a 304 would have hidden the rest"


async def test_pages_that_take_long_to_read_cost_their_own_source_only(site: Site, origin: Origin) -> None:
    site.configure(listed(origin, 3, words=5), {"id": "one", "feed": origin.route("/one", rss([item(1)]))})
    summary = await run(site, share=Share(seconds=1e-9))
    assert list(site.posts()) == ["news/Item-1.md"]
    assert [result.failed for result in summary.results] == [False, False]
    (note,) = [note for result in summary.results for note in result.notes]
    assert note == "3 articles are left for the next time: this time its pages took too long to read for more"
    await run(site)
    assert len(site.posts()) == 4


@pytest.mark.slow
async def test_page_that_takes_too_much_memory_is_read_elsewhere(site: Site, origin: Origin) -> None:
    # Beside one of these characters, each letter takes four bytes, and a reader has the text several times.
    text = "<h3><a href=/1>x</a></h3><p>\U0001f600" + "x" * 40_000_000
    page = origin.route("/list", text, content_type="text/html; charset=utf-8")
    site.configure(
        {"id": "greedy", "scrape": {"url": page, "items": "h3 > a"}, "max_body": "50MB"},
        {"id": "one", "feed": origin.route("/one", rss([item(1)]))},
    )
    summary = await run(site)
    greedy = next(result for result in summary.results if result.source.id == "greedy")
    assert (greedy.state.failure_kind, greedy.state.error) == (
        "unparsable",
        f"it could not be read: it took more memory than 600 MB ({page}); the page is kept in pages/greedy.http",
    )
    assert list(site.posts()) == ["news/Item-1.md"]


def _fail_for_bad(
    module: Any, name: str, is_bad: Callable[..., bool], error: Exception | None = None
) -> Callable[[pytest.MonkeyPatch], None]:
    """Lets a function of the pipeline fail for one source."""

    def inject(monkeypatch: pytest.MonkeyPatch) -> None:
        function = getattr(module, name)

        def failing(*args: Any, **named: Any) -> Any:
            if is_bad(*args, **named):
                raise error or ZeroDivisionError(name)
            return function(*args, **named)

        monkeypatch.setattr(module, name, failing)

    return inject


READ = _fail_for_bad(ingest, "parse_plain", lambda fetched: fetched.url.endswith("/bad"))
IDENTIFY = _fail_for_bad(recognition, "identify", lambda entries, *_: entries[0].url.endswith("/2"))
NORMALIZE = _fail_for_bad(entry, "normalize", lambda one, *, source_id, **_: source_id == "bad")
UNKNOWN = RowError("such a key")
LOOK_UP = _fail_for_bad(SqlStore, "recognize", lambda store, source_id, keys: source_id == "bad", UNKNOWN)
DECIDE = _fail_for_bad(decide, "succeeded", lambda received, *_: received.source.id == "bad")
DECIDE_FAILED = _fail_for_bad(decide, "failed", lambda source, *args: source.id == "bad")


@pytest.mark.parametrize(
    "faults",
    [[READ], [IDENTIFY], [LOOK_UP], [NORMALIZE], [DECIDE], [DECIDE, DECIDE_FAILED]],
    ids=["read", "identify", "look up", "normalize", "decide", "decide twice"],
)
async def test_mistake_met_by_one_source_is_its_own(
    site: Site, origin: Origin, faults: list[Callable[[pytest.MonkeyPatch], None]]
) -> None:
    site.configure(
        {"id": "bad", "feed": origin.route("/bad", rss([item(2)]), conditional=True)},
        {"id": "good", "feed": origin.route("/good", rss([item(1)]))},
    )
    with pytest.MonkeyPatch.context() as monkeypatch:
        for inject in faults:
            inject(monkeypatch)
        summary = await run(site)
    assert list(site.posts()) == ["news/Item-1.md"]
    assert {one.source.id: one.state.failure_kind for one in summary.results} == {"bad": "internal", "good": None}
    assert summary.troubles == []
    await run(site)
    assert sorted(site.posts()) == ["news/Item-1.md", "news/Item-2.md"]


@contextmanager
def refusing(site: Site, what: str) -> Iterator[None]:
    """The database refuses some rows meanwhile."""
    with closing(sqlite3.connect(site.data / "aggregator.db", isolation_level=None)) as other:
        other.execute(f"CREATE TRIGGER halt BEFORE {what} BEGIN SELECT RAISE(ABORT, 'refused'); END")
    yield
    with closing(sqlite3.connect(site.data / "aggregator.db", isolation_level=None)) as other:
        other.execute("DROP TRIGGER halt")


async def test_entries_that_cannot_be_stored_are_the_failure_of_their_source(site: Site, origin: Origin) -> None:
    site.configure(
        {"id": "bad", "feed": origin.route("/bad", rss([item(2)]), conditional=True)},
        {"id": "good", "feed": origin.route("/good", rss([item(1)]))},
    )
    open_store(site.data / "aggregator.db").close()
    with refusing(site, "INSERT ON entries WHEN NEW.title = 'Item 2'"):
        summary = await run(site)
    assert list(site.posts()) == ["news/Item-1.md"]
    bad = next(result for result in summary.results if result.source.id == "bad")
    assert (bad.state.failures, bad.state.failure_kind) == (1, "internal")
    assert "it cannot be stored" in str(bad.state.error)
    await run(site)
    assert sorted(site.posts()) == ["news/Item-1.md", "news/Item-2.md"]


async def test_outcome_that_cannot_be_stored_is_told_and_keeps_no_other_back(site: Site, origin: Origin) -> None:
    site.configure(
        {"id": "bad", "feed": origin.url + "/nowhere"},
        {"id": "other", "feed": origin.url + "/nowhere-else"},
        {"id": "good", "feed": origin.route("/good", rss([item(1)]))},
    )
    await run(site)
    with refusing(site, "UPDATE ON sources WHEN NEW.id = 'bad'"):
        summary = await run(site)
    assert ["what came of source bad was not stored" in str(trouble) for trouble in summary.troubles] == [True]
    assert {name: row["failures"] for name, row in site.status().items()} == {"bad": 1, "other": 2, "good": 0}


@pytest.mark.parametrize("step", ["retain", "publish", "write_heartbeat"])
async def test_step_that_fails_keeps_the_others_from_nothing(
    site: Site, origin: Origin, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    told = site.folder / "told"
    site.configure(
        {"id": "good", "feed": origin.route("/good", rss([item(1)]))},
        {"id": "bad", "feed": origin.url + "/nowhere"},
        hooks={"after": 1, "on_problem": ["touch", str(told)]},
    )

    def fail(*args: Any, **named: Any) -> None:
        raise ZeroDivisionError(step)

    with monkeypatch.context() as patched:
        patched.setattr(cycles, step, fail)
        summary = await run(site)
    assert [str(trouble) for trouble in summary.troubles] == [f"unexpected error: ZeroDivisionError: {step}"]
    assert bool(site.posts()) is (step != "publish")
    assert told.exists()
    assert read_heartbeat(site.data) is None
    await run(site)
    assert list(site.posts()) == ["news/Item-1.md"]
    assert read_heartbeat(site.data) == NOW


async def test_listener_that_fails_costs_nothing(site: Site, origin: Origin) -> None:
    site.configure(*({"id": f"s{n}", "feed": origin.route(f"/{n}", rss([item(n)]))} for n in (1, 2)))
    config = load(site.config, {})

    def fail(result: object) -> None:
        raise BrokenPipeError("nobody listens")

    with closing(open_store(site.data / "aggregator.db")) as store, StoreThread() as thread:
        store.sync_sources(config.sources)
        cycle = Cycle(store, site.data, thread, config=lambda: config, clock=lambda: NOW)
        summary = await cycle.run(choose(config, store, NOW), on_result=fail)
    assert (len(summary.results), len(summary.troubles), len(site.posts())) == (2, 1, 2)
