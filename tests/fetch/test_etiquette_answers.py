"""What is made of an answer: unchanged, moved, gone, only a part; and what it says of when to come back."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from typing import Any

import pytest

from aggregator.models import Access, Fetched, Freshness, NotModified
from tests import DATA
from tests.etiquette import FEED, NOW, failure, fetch, fetcher, request, serve
from tests.origin import Origin
from tests.support import Site, item, rss

CERTIFICATE = DATA / "tls" / "loopback.pem"
SAID: dict[str, Any] = {
    "Cache-Control": "max-age=600",
    "Expires": "Mon, 04 May 2026 13:00:00 GMT",
    "Age": "7",
    "Retry-After": "9",
}


def chain(origin: Origin, *statuses: int) -> str:
    """Redirects with these statuses, one after the other, that end at /feed."""
    for number, status in enumerate(statuses):
        last = number == len(statuses) - 1
        serve(origin, f"/{number}", b"", status, Location="/feed" if last else f"/{number + 1}")
    return "http://example.org/0"


@pytest.mark.parametrize(
    ("statuses", "moved"),
    [
        ((301,), "/feed"),
        ((308,), "/feed"),
        ((301, 308, 301), "/feed"),
        ((302,), None),
        ((303,), None),
        ((307,), None),
        ((301, 302), "/1"),
        ((308, 301, 307, 301), "/2"),
        ((307, 301), None),
        ((), None),
    ],
)
async def test_a_move_for_good_is_told_up_to_where_it_is_for_now(
    origin: Origin, statuses: tuple[int, ...], moved: str | None
) -> None:
    serve(origin)
    url = chain(origin, *statuses) if statuses else "http://example.org/feed"
    fetched = await fetch(origin, url)
    assert fetched.moved_to == (f"http://example.org{moved}" if moved else None)


async def test_a_move_shows_in_a_304_as_well(origin: Origin) -> None:
    serve(origin, "/feed", b"", 304)
    result = await fetch(origin, chain(origin, 301), etag='"v1"')
    assert isinstance(result, NotModified)
    assert result.moved_to == "http://example.org/feed"


@pytest.fixture
def tls_origin() -> Iterator[Origin]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    server = Origin(context)
    yield server
    server.close()


async def test_a_way_out_of_https_is_told_and_not_remembered(origin: Origin, tls_origin: Origin) -> None:
    serve(origin)
    serve(tls_origin, "/old", b"", 301, Location=origin.url + "/feed")
    async with fetcher(origin) as one:
        made = request(tls_origin.url + "/old", access=Access(unverified_until=NOW.date()))
        fetched = await one.fetch(made)
    assert fetched.moved_to is None
    assert len(fetched.notes) == 1
    assert "from https to http" in fetched.notes[0]


async def test_a_way_into_https_is_remembered_and_nothing_to_tell(origin: Origin, tls_origin: Origin) -> None:
    serve(tls_origin)
    serve(origin, "/old", b"", 301, Location=tls_origin.url + "/feed")
    async with fetcher(origin) as one:
        made = request(origin.url + "/old", access=Access(unverified_until=NOW.date()), home=tls_origin.url)
        fetched = await one.fetch(made)
    assert (fetched.moved_to, fetched.notes) == (tls_origin.url + "/feed", ())


@pytest.mark.parametrize("status", [404, 410, 451])
async def test_gone_can_be_told_from_missing(origin: Origin, status: int) -> None:
    serve(origin, status=status)
    assert (await failure(origin, "http://example.org/feed")).status == status


@pytest.mark.parametrize("etag", ['"v1"', '""', 'W/"0"'])
async def test_a_200_is_a_new_document_whatever_its_validators_say(origin: Origin, etag: str) -> None:
    """RFC 9111, section 4.3.3: some servers give every document of the site one ETag."""
    serve(origin, body=FEED + b"<!-- another -->", ETag=etag, Last_Modified="yesterday")
    url = "http://example.org/feed"
    result = await fetch(origin, url, etag=etag, last_modified="yesterday", body_hash="another")
    assert isinstance(result, Fetched)
    assert (result.etag, result.body) == (etag, FEED + b"<!-- another -->")
    assert isinstance(await fetch(origin, url, etag=etag, body_hash=result.body_hash), NotModified)


async def test_another_etag_or_none_is_a_document(origin: Origin) -> None:
    serve(origin, ETag='"v2"')
    assert isinstance(await fetch(origin, "http://example.org/feed", etag='"v1"'), Fetched)
    serve(origin)
    assert isinstance(await fetch(origin, "http://example.org/feed", etag='"v1"'), Fetched)
    serve(origin, Last_Modified="yesterday")
    assert isinstance(await fetch(origin, "http://example.org/feed", last_modified="yesterday"), Fetched)


async def test_a_part_is_taken_where_it_was_asked_for(origin: Origin) -> None:
    serve(origin, status=226, ETag='"v2"', IM="feed")
    fetched = await fetch(origin, "http://example.org/feed", etag='"v1"', delta=True)
    assert isinstance(fetched, Fetched)
    assert (fetched.status, fetched.etag, fetched.body) == (226, '"v2"', FEED)


@pytest.mark.parametrize(("etag", "delta"), [(None, True), ('"v1"', False)])
async def test_a_part_that_nobody_asked_for_is_an_error(origin: Origin, etag: str | None, delta: bool) -> None:
    serve(origin, status=226)
    error = await failure(origin, "http://example.org/feed", etag=etag, delta=delta)
    assert (error.kind, error.status) == ("http_status", 226)


async def test_documents_and_304_and_errors_say_when_to_come_back(origin: Origin) -> None:
    expected = Freshness(cache_control="max-age=600", expires="Mon, 04 May 2026 13:00:00 GMT", age="7", retry_after="9")

    def said(found: Freshness) -> Freshness:
        assert found.date is not None
        return Freshness(found.cache_control, found.expires, None, found.age, found.retry_after)

    serve(origin, **SAID)
    assert said((await fetch(origin, "http://example.org/feed")).freshness) == expected
    serve(origin, status=304, **SAID)
    assert said((await fetch(origin, "http://example.org/feed", etag='"v1"')).freshness) == expected
    serve(origin, status=500, **SAID)
    assert said((await failure(origin, "http://example.org/feed")).freshness) == expected


async def test_several_cache_control_headers_are_one_list(origin: Origin) -> None:
    serve(origin, Cache_Control="public", cache_control="max-age=60")
    assert (await fetch(origin, "http://example.org/feed")).freshness.cache_control == "public,max-age=60"


def test_a_part_of_a_feed_deletes_nothing_and_keeps_the_validators(site: Site, origin: Origin) -> None:
    url = origin.route("/feed", rss([item(1), item(2)]), headers={"ETag": '"v1"'})
    site.configure({"id": "one", "feed": url})
    site.run("update")
    origin.route("/feed", rss([item(3)]), status=226, headers={"ETag": '"v2"', "IM": "feed"})
    assert "1 new entry" in site.run("update", "--all").stdout
    assert len(site.posts()) == 3
    site.run("update", "--all")
    assert [seen.headers.get("if-none-match") for seen in origin.asked("/feed")] == [None, '"v1"', '"v2"']
    assert [seen.headers.get("a-im") for seen in origin.asked("/feed")] == [None, "feed", "feed"]


def test_sources_of_a_host_that_is_left_alone_wait_with_a_word_on_it(site: Site, origin: Origin) -> None:
    busy = origin.route("/busy", b"", status=429, headers={"Retry-After": "7200"})
    other = origin.route("/other", rss([item(1)]))
    site.configure(
        {"id": "one", "feed": busy},
        {"id": "two", "feed": other},
        fetch={"allow_private_addresses": True, "concurrency": 1},
    )
    done = site.run("update")
    assert done.status == 1
    assert not origin.asked("/other")
    assert "two: not modified" not in done.stderr
    assert any(line.startswith("two: ") and "wants to be left alone" in line for line in done.stderr.splitlines())
    waiting = site.status()["two"]
    assert (waiting["state"], waiting["failures"]) == ("new", 0)
    assert waiting["next_due_at"] == site.status()["one"]["next_due_at"]
