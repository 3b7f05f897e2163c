"""Sources with one address: the origin is asked once in a cycle, and each of them has the document."""

from __future__ import annotations

import asyncio
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from aggregator.config import load
from aggregator.errors import FetchError
from aggregator.models import FeedState, Fetched, NotModified, Request, Source
from aggregator.pipeline.due import TURN, Share, choose
from aggregator.pipeline.run import SourceResult, update_due
from aggregator.pipeline.together import Group, groups_of
from aggregator.sources import feed as feed_kind
from aggregator.store import open_store
from tests.origin import Origin, Response, Seen
from tests.store_samples import NOW
from tests.support import Site, item, rss

pytestmark = pytest.mark.usefixtures("workers_inside")

PAGE = "<html><body><a href='/one'>One</a></body></html>"


def counted(origin: Origin, path: str = "/feed") -> list[int]:
    """The statuses of the answers to requests for the feed."""
    return [seen.status for seen in origin.asked(path)]


def entries(site: Site) -> dict[str, int]:
    return {name: row["entries"] for name, row in site.status().items()}


def test_one_request_serves_all_and_the_validators_that_all_have_are_sent(site: Site, origin: Origin) -> None:
    feed = origin.route("/feed", rss([item(1), item(2)]), conditional=True)
    site.configure({"id": "a", "feed": feed}, {"id": "b", "feed": feed, "interval": "6h"}, {"id": "c", "feed": feed})
    assert site.run("update").status == 0
    assert counted(origin) == [200]
    assert entries(site) == {"a": 2, "b": 2, "c": 2}
    assert site.run("update", "--all").stdout.count("not modified") >= 1
    assert counted(origin) == [200, 304]


def test_a_new_source_has_the_whole_document_although_the_other_has_validators(site: Site, origin: Origin) -> None:
    feed = origin.route("/feed", rss([item(1)]), conditional=True)
    site.configure({"id": "a", "feed": feed})
    site.run("update")
    site.configure({"id": "a", "feed": feed}, {"id": "b", "feed": feed})
    done = site.run("update", "--all")
    assert done.status == 0, done.stderr
    assert counted(origin) == [200, 200]
    assert entries(site) == {"a": 1, "b": 1}
    site.run("update", "--all")
    assert counted(origin) == [200, 200, 304]


def test_a_failure_is_one_of_each(site: Site, origin: Origin) -> None:
    feed = origin.handle("/feed", Response(b"", 500))
    site.configure({"id": "a", "feed": feed}, {"id": "b", "feed": feed})
    assert site.run("update").status == 1
    assert counted(origin) == [500]
    assert {name: (row["failures"], row["failure_kind"]) for name, row in site.status().items()} == {
        "a": (1, "http_status"),
        "b": (1, "http_status"),
    }


@pytest.mark.parametrize(
    "other",
    [
        {"headers": {"X-Token": "b"}},
        {"max_body": "1MB"},
        {"timeout": "5s"},
        {"user_agent": "b/1"},
    ],
)
def test_another_request_is_another_request(site: Site, origin: Origin, other: dict[str, object]) -> None:
    feed = origin.route("/feed", rss([item(1)]))
    site.configure({"id": "a", "feed": feed}, {"id": "b", "feed": feed, **other})
    site.run("update")
    assert counted(origin) == [200, 200]


def test_a_feed_and_a_page_at_one_address_are_asked_for_on_their_own(site: Site, origin: Origin) -> None:
    page = origin.route("/feed", PAGE, content_type="text/html")
    site.configure({"id": "a", "feed": page}, {"id": "b", "scrape": {"url": page, "items": "a"}})
    site.run("update")
    assert counted(origin) == [200, 200]
    assert entries(site)["b"] == 1


def test_a_page_that_is_read_in_two_ways_comes_once_and_its_articles_for_each(site: Site, origin: Origin) -> None:
    page = origin.route("/feed", PAGE, content_type="text/html")
    origin.route("/one", "<html><body><p>Text</p></body></html>", content_type="text/html")
    rules = {"url": page, "items": "a", "article": {"body": "p"}}
    site.configure({"id": "a", "scrape": rules}, {"id": "b", "scrape": {**rules, "article": {"body": "body"}}})
    assert site.run("update").status == 0
    assert (len(counted(origin)), len(counted(origin, "/one"))) == (1, 2)
    assert entries(site) == {"a": 1, "b": 1}


def test_a_part_of_a_feed_is_asked_for_only_with_the_state_that_all_have(site: Site, origin: Origin) -> None:
    """226 has only what is new since the ETag: a source that has an older one, or none, would lose entries."""

    def answer(seen: Seen) -> Response:
        if seen.headers.get("if-none-match") == '"1"' and "feed" in seen.headers.get("a-im", ""):
            return Response(rss([item(2)]).encode(), 226, {"ETag": '"2"', "IM": "feed"})
        return Response(rss([item(1)]).encode(), 200, {"ETag": '"1"'})

    feed = origin.handle("/feed", answer)
    site.configure({"id": "a", "feed": feed}, {"id": "b", "feed": feed})
    site.run("update")
    site.run("update", "--all")
    assert counted(origin) == [200, 226]
    assert entries(site) == {"a": 2, "b": 2}
    site.configure({"id": "a", "feed": feed}, {"id": "b", "feed": feed}, {"id": "c", "feed": feed})
    site.run("update", "--all")
    assert counted(origin) == [200, 226, 200]
    assert entries(site)["c"] == 1


def test_a_paused_one_is_left_out(site: Site, origin: Origin) -> None:
    feed = origin.route("/feed", rss([item(1)]))
    site.configure({"id": "a", "feed": feed}, {"id": "b", "feed": feed, "paused": True})
    site.run("update")
    assert counted(origin) == [200]
    assert entries(site) == {"a": 1, "b": 0}


def test_a_host_that_wants_to_be_left_alone_is_asked_once(site: Site, origin: Origin) -> None:
    feed = origin.handle("/feed", Response(b"", 429, {"Retry-After": "3600"}))
    site.configure({"id": "a", "feed": feed}, {"id": "b", "feed": feed})
    site.run("update")
    assert counted(origin) == [429]
    assert {row["failures"] for row in site.status().values()} == {1}


def _sources(site: Site, *urls: str, **fetch: object) -> tuple[Source, ...]:
    site.configure(
        *({"id": f"s{n}", "feed": url} for n, url in enumerate(urls)),
        fetch={"allow_private_addresses": ["127.0.0.0/8"], **fetch},
    )
    return load(site.config, {}).sources


def test_they_are_due_together_and_come_one_after_the_other(site: Site, tmp_path: Path) -> None:
    urls = ["https://a.example/x", "https://a.example/y", "https://b.example/z", "https://a.example/x"]
    sources = _sources(site, *urls)
    assert [source.phase for source in sources] == ["", "", "", "s0"]
    config = load(site.config, {})
    with closing(open_store(tmp_path / "x.db")) as store:
        store.sync_sources(config.sources)
        assert [source.id for source, _ in choose(config, store, NOW)] == ["s0", "s3", "s2", "s1"]
        narrow = TURN / 120
        assert {source.id for source, _ in choose(config, store, NOW, turn=narrow)} == {"s0", "s3", "s2"}


async def test_a_cycle_that_is_stopped_leaves_the_others_as_they_were(
    site: Site, origin: Origin, tmp_path: Path
) -> None:
    feed = origin.route("/feed", rss([item(1)]))
    _sources(site, feed, feed, concurrency=1)
    config, done = load(site.config, {}), list[SourceResult]()
    with closing(open_store(tmp_path / "x.db")) as store:
        store.sync_sources(config.sources)
        chosen = choose(config, store, NOW)
        await update_due(config, store, chosen, clock=lambda: NOW, on_result=done.append, stopping=lambda: bool(done))
        assert [one.source.id for one in done] == ["s0"]
        assert store.states()["s1"].last_attempt_at is None


async def test_the_share_of_one_does_not_end_the_request_of_the_other(
    site: Site, origin: Origin, tmp_path: Path
) -> None:
    """One has used up its bytes before: it is postponed, and the next one asks."""
    feed = origin.route("/feed", rss([item(1)]))
    _sources(site, feed, feed)
    config = load(site.config, {})
    with closing(open_store(tmp_path / "x.db")) as store:
        store.sync_sources(config.sources)
        results = await update_due(config, store, choose(config, store, NOW), clock=lambda: NOW, share=Share(bytes=0))
        assert [one.notes for one in results] == [("not done: this time its documents were too large for more",)] * 2
    assert origin.pages() == []


async def test_where_the_one_that_asks_is_cancelled_the_next_one_asks(site: Site) -> None:
    one, other = _sources(site, "https://a.example/", "https://a.example/")
    chosen = [(source, FeedState(source.id)) for source in (one, other)]
    group = groups_of(chosen, NOW)[one.id]
    sent, begun, never = list[Request](), asyncio.Event(), asyncio.Event()

    async def send(request: Request) -> Fetched | NotModified:
        sent.append(request)
        begun.set()
        if len(sent) == 1:
            await never.wait()
        return Fetched(request.url, request.url, 200, "text/xml", b"x", body_hash="h")

    request = Request(one.url, timedelta(seconds=1), 1, False, "*/*")
    first = asyncio.create_task(group.fetch(one, request, send))
    await begun.wait()
    second = asyncio.create_task(group.fetch(other, request, send))
    first.cancel()
    assert isinstance(await second, Fetched)
    with pytest.raises(asyncio.CancelledError):
        await first
    assert len(sent) == 2


async def test_who_has_the_bytes_already_is_told_so_and_a_bug_is_nobody_elses(site: Site) -> None:
    one, other = _sources(site, "https://a.example/", "https://a.example/")
    hashed = feed_kind.request_hash(one)
    known = FeedState(one.id, etag='"1"', body_hash="h", request_hash=hashed)
    group = groups_of([(one, known), (other, FeedState(other.id))], NOW)[one.id]
    assert (group.asked(one).etag, group.asked(one).body_hash) == (None, None)
    answers: list[Exception | Fetched] = [
        RuntimeError(),
        Fetched(one.url, one.url, 200, "text/xml", b"x", etag='"2"', body_hash="h"),
    ]

    async def send(request: Request) -> Fetched | NotModified:
        found = answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    request = Request(one.url, timedelta(seconds=1), 1, False, "*/*")
    with pytest.raises(RuntimeError):
        await group.fetch(one, request, send)
    assert await group.fetch(one, request, send) == NotModified(one.url, '"2"', whole=True)
    assert isinstance(await group.fetch(other, request, send), Fetched)


async def test_every_one_of_a_group_has_the_error(site: Site) -> None:
    one, other = _sources(site, "https://a.example/", "https://a.example/")
    group: Group = groups_of([(source, FeedState(source.id)) for source in (one, other)], NOW)[one.id]
    asked = list[Request]()

    async def send(request: Request) -> Fetched | NotModified:
        asked.append(request)
        raise FetchError("no", kind="dns", url=request.url)

    request = Request(one.url, timedelta(seconds=1), 1, False, "*/*")
    for source in (one, other):
        with pytest.raises(FetchError, match="no"):
            await group.fetch(source, request, send)
    assert len(asked) == 1


def test_sources_that_moved_at_different_times_ask_at_different_addresses(site: Site) -> None:
    one, other = _sources(site, "https://a.example/", "https://a.example/")
    moved = FeedState(one.id, moved_to="https://b.example/", last_success_at=NOW)
    assert groups_of([(one, moved), (other, FeedState(other.id))], NOW) == {}


def test_many_sources_of_one_address_need_one_request(site: Site, origin: Origin) -> None:
    feed = origin.route("/feed", rss([item(1)]))
    site.configure(*({"id": f"s{n}", "feed": feed} for n in range(40)))
    assert site.run("update").status == 0
    assert counted(origin) == [200]
    assert set(entries(site).values()) == {1}
