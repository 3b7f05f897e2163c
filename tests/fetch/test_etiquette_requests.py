"""What is said when asking: who asks, for what, and to whom a source's own settings go."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from aggregator.models import Access, Every, FeedState, Fetched, NotModified
from aggregator.sources import KINDS
from aggregator.sources.kind import conditional_request
from tests import DATA
from tests.etiquette import AGENT, FEED, NOW, failure, fetch, fetcher, request, serve
from tests.origin import Origin, Response, Seen
from tests.scraping import fetch as pull
from tests.scraping import source

CERTIFICATE = DATA / "tls" / "loopback.pem"
ACCESS = Access(
    headers=(("X-Key", "abcdef"),), authorization="Bearer token-1", cookies=(("session", "s3cret"), ("b", "2"))
)
OWN = {"x-key": "abcdef", "authorization": "Bearer token-1", "cookie": "session=s3cret; b=2"}


@pytest.fixture
def tls_origin() -> Iterator[Origin]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    server = Origin(context)
    yield server
    server.close()


def own(seen: Seen) -> dict[str, str]:
    return {name: value for name, value in seen.headers.items() if name in OWN}


async def test_a_request_says_who_asks_and_keeps_to_itself_where_from(origin: Origin) -> None:
    serve(origin, Set_Cookie="tracker=1", Location="ignored")
    async with fetcher(origin) as one:
        await one.fetch(request("http://example.org/feed"))
        await one.fetch(request("http://example.org/feed"))
    for seen in origin.requests:
        assert seen.headers["user-agent"] == AGENT
        assert {"referer", "cookie", "from", "a-im", "authorization"}.isdisjoint(seen.headers)


async def test_the_settings_of_a_source_go_to_its_origin(origin: Origin) -> None:
    serve(origin)
    await fetch(origin, "http://example.org/feed", access=ACCESS)
    assert own(origin.requests[0]) == OWN
    assert origin.requests[0].headers["user-agent"] == AGENT


async def test_they_stay_behind_where_a_redirect_leaves_the_origin_and_are_there_again_on_return(
    origin: Origin,
) -> None:
    serve(origin, "/old", b"", 302, Location="http://example.com/middle")
    serve(origin, "/middle", b"", 302, Location="http://example.org/feed")
    serve(origin)
    await fetch(origin, "http://example.org/old", access=ACCESS)
    assert [own(seen) for seen in origin.requests] == [OWN, {}, OWN]


@pytest.mark.parametrize(
    "elsewhere", ["http://www.example.org/feed", "http://example.org.evil.example/feed", "http://example.org:8080/feed"]
)
async def test_another_host_or_port_is_another_origin(origin: Origin, elsewhere: str) -> None:
    serve(origin, "/old", b"", 302, Location=elsewhere)
    serve(origin)
    await fetch(origin, "http://example.org/old", access=ACCESS)
    assert own(origin.requests[1]) == {}


async def test_a_page_of_another_origin_gets_none_of_them(origin: Origin) -> None:
    serve(origin)
    for url, expected in (("http://example.org/feed", OWN), ("http://example.com/feed", {})):
        await fetch(origin, url, access=ACCESS, home="http://example.org/list")
        assert own(origin.requests[-1]) == expected


async def test_a_name_for_the_user_agent_goes_everywhere(origin: Origin) -> None:
    serve(origin, "/old", b"", 302, Location="http://example.com/feed")
    serve(origin)
    await fetch(origin, "http://example.org/old", access=Access(user_agent="Other/2"))
    assert [seen.headers["user-agent"] for seen in origin.requests] == ["Other/2", "Other/2"]


async def test_a_header_of_the_source_replaces_ours(origin: Origin) -> None:
    serve(origin)
    await fetch(origin, "http://example.org/feed", access=Access(headers=(("accept", "application/x-own"),)))
    assert origin.requests[0].headers["accept"] == "application/x-own"


async def test_only_new_entries_are_asked_for_where_there_is_something_to_compare(origin: Origin) -> None:
    serve(origin)
    for delta, etag, expected in ((True, None, None), (True, '"v0"', "feed"), (False, '"v0"', None)):
        await fetch(origin, "http://example.org/feed", delta=delta, etag=etag)
        assert origin.requests[-1].headers.get("a-im") == expected


async def test_feeds_ask_for_deltas_and_pages_do_not(origin: Origin) -> None:
    for kind, expected in (("feed", "feed"), ("scrape", None)):
        one = source(origin.route("/x", FEED), None) if kind == "feed" else source(origin.route("/x", FEED))
        state = FeedState(one.id, etag='"v0"', request_hash=KINDS[one.kind].request_hash(one))
        try:
            await pull(one, state)
        except Exception as error:
            assert "0 items matched" in str(error)
        assert origin.asked("/x")[-1].headers.get("a-im") == expected


def test_validators_are_dropped_with_the_address_or_the_settings_they_belong_to() -> None:
    before = source("https://example.org/feed", None)
    state = FeedState(
        "site", etag='"v1"', last_modified="x", body_hash="y", request_hash=KINDS["feed"].request_hash(before)
    )

    def sent(one: Any) -> tuple[str | None, str | None, str | None]:
        made = conditional_request(one, state, accept="*/*", request_hash=KINDS["feed"].request_hash(one))
        return made.etag, made.last_modified, made.body_hash

    assert sent(before) == ('"v1"', "x", "y")
    assert sent(replace(before, name="Other", interval=Every(timedelta(hours=9)), line=7)) == ('"v1"', "x", "y")
    for access in (
        Access(headers=(("X", "1"),)),
        Access(authorization="Bearer x"),
        Access(cookies=(("a", "b"),)),
        Access(proxy="http://proxy.example:3128"),
        Access(user_agent="Other/2"),
        Access(unverified_until=NOW.date()),
    ):
        assert sent(replace(before, access=access)) == (None, None, None)
    assert sent(replace(before, url="https://example.org/feed?x")) == (None, None, None)


async def test_a_certificate_is_not_checked_while_its_exception_lasts(tls_origin: Origin) -> None:
    tls_origin.route("/feed", FEED)
    url = "https://example.org/feed"
    assert (await failure(tls_origin, url)).kind == "tls"
    result = await fetch(tls_origin, url, access=Access(unverified_until=NOW.date()))
    assert isinstance(result, Fetched)
    error = await failure(tls_origin, url, access=Access(unverified_until=NOW.date() - timedelta(days=1)))
    assert error.kind == "tls"
    assert "2026-05-03" in str(error)
    assert len(tls_origin.requests) == 1


async def test_the_exception_is_for_the_origin_of_the_source_only(tls_origin: Origin) -> None:
    serve(tls_origin, "/old", b"", 302, Location="https://example.com/feed")
    tls_origin.route("/feed", FEED)
    error = await failure(tls_origin, "https://example.org/old", access=Access(unverified_until=NOW.date()))
    assert error.kind == "tls"
    assert not tls_origin.asked("/feed")


async def test_a_proxy_is_asked_in_place_of_the_site(origin: Origin) -> None:
    """A proxy sees the whole address (RFC 9112, section 3.2.2), and its password stays with it."""
    origin.handle("http://example.org/feed", Response(FEED))
    proxy = origin.url.replace("//", "//me:pass@")
    async with fetcher(origin) as one:
        result = await one.fetch(request("http://example.org/feed", access=Access(proxy=proxy), allow_private=False))
    assert isinstance(result, Fetched)
    assert origin.requests[0].headers["proxy-authorization"] == "Basic bWU6cGFzcw=="
    assert "authorization" not in origin.requests[0].headers


async def test_a_proxy_that_is_not_there_is_named(origin: Origin) -> None:
    error = await failure(origin, "http://example.org/feed", access=Access(proxy="http://127.0.0.1:1"))
    assert error.kind == "connect"
    assert "proxy" in str(error)


async def test_validators_are_sent_back_and_304_costs_no_body(origin: Origin) -> None:
    origin.route("/feed", FEED, conditional=True)
    first = await fetch(origin, "http://example.org/feed")
    again = await fetch(origin, "http://example.org/feed", etag=first.etag)
    assert isinstance(again, NotModified)
    assert origin.requests[1].headers["if-none-match"] == first.etag


async def test_the_same_bytes_are_not_read_twice(origin: Origin) -> None:
    serve(origin)
    body_hash = hashlib.sha256(FEED).hexdigest()
    assert isinstance(await fetch(origin, "http://example.org/feed", body_hash=body_hash), NotModified)


async def test_a_proxy_tunnels_to_secure_sites(origin: Origin) -> None:
    """Its password goes with CONNECT only; a refusal of the proxy is told as such."""
    error = await failure(origin, "https://example.org/feed", access=Access(proxy=origin.url.replace("//", "//me:x@")))
    assert error.kind == "connect"
    assert "the proxy refused to connect: 501" in str(error)
