"""Requests with a body: what goes out, what redirects make of them, and what they have in common with all others."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from typing import Any

import pytest

from aggregator.fetch import Fetcher
from aggregator.models import Access, Fetched, NotModified
from tests import etiquette
from tests.fetch_support import SETTINGS, bomb, document, failure, outcome, request, unchanged
from tests.origin import Origin, Response, Seen

BODY = b'{"channel":"news","page":1}'
ANSWER = b'{"data":{"list":[]}}'
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def got(origin: Origin) -> list[bytes]:
    """The bodies that came to /api, which answers."""
    bodies: list[bytes] = []

    def answer(seen: Seen, body: bytes) -> Response:
        bodies.append(body)
        return Response(ANSWER, 200, JSON)

    origin.posts["/api"] = answer
    return bodies


def moved(status: int, location: str) -> Callable[[Seen, bytes], Response]:
    return lambda seen, body: Response(b"moved", status, {"Location": location})


async def test_a_body_makes_a_post_request(origin: Origin, got: list[bytes]) -> None:
    fetched = await document(origin.url + "/api?q=1", content=BODY)
    assert (fetched.body, fetched.content_type, got) == (ANSWER, "application/json", [BODY])
    (seen,) = origin.requests
    assert (seen.method, seen.path) == ("POST", "/api?q=1")
    assert seen.headers == {
        "host": f"127.0.0.1:{origin.port}",
        "user-agent": "aggregator/test (+https://example.org/)",
        "accept": "application/rss+xml, */*;q=0.1",
        "accept-encoding": "gzip, deflate, br, zstd",
        "content-type": "application/json",
        "content-length": str(len(BODY)),
    }


async def test_an_empty_body_is_a_body(origin: Origin, got: list[bytes]) -> None:
    await document(origin.url + "/api", content=b"", content_type="application/x-www-form-urlencoded")
    assert (origin.requests[0].method, got) == ("POST", [b""])
    assert origin.requests[0].headers["content-length"] == "0"


async def test_the_media_type_of_the_source_counts(origin: Origin, got: list[bytes]) -> None:
    access = Access(headers=(("content-type", "application/graphql"), ("X-Key", "k")))
    await document(origin.url + "/api", content=BODY, access=access)
    headers = origin.requests[0].headers
    assert (headers["content-type"], headers["x-key"]) == ("application/graphql", "k")


async def test_a_post_is_never_conditional_and_the_same_bytes_are_unchanged(origin: Origin, got: list[bytes]) -> None:
    digest = hashlib.sha256(ANSWER).hexdigest()
    same = await unchanged(
        origin.url + "/api", content=BODY, etag='"v1"', last_modified="yesterday", body_hash=digest, delta=True
    )
    assert same.whole
    sent = origin.requests[0].headers
    assert {"if-none-match", "if-modified-since", "a-im"} & sent.keys() == set()
    assert isinstance(await outcome(origin.url + "/api", content=BODY, body_hash="another"), Fetched)


async def test_304_to_a_post_is_an_error(origin: Origin) -> None:
    origin.posts["/api"] = lambda seen, body: Response(b"", 304)
    error = await failure(origin.url + "/api", content=BODY, etag='"v1"')
    assert (error.kind, error.status) == ("http_status", 304)


@pytest.mark.parametrize("status", [301, 302, 303])
async def test_after_some_redirects_a_get_follows(origin: Origin, status: int) -> None:
    """RFC 9110, sections 15.4.2 to 15.4.4; what answers a GET is another document, so that nothing has moved."""
    origin.posts["/api"] = moved(status, "/result")
    origin.route("/result", ANSWER, headers={"ETag": '"v1"'})
    access = Access(headers=(("Content-Type", "application/json"), ("X-Key", "k")))
    fetched = await document(origin.url + "/api", content=BODY, access=access, etag='"v1"')
    assert (fetched.body, fetched.moved_to) == (ANSWER, None)
    last = origin.requests[-1]
    assert (last.method, last.headers["x-key"]) == ("GET", "k")
    assert {"content-type", "content-length", "if-none-match"} & last.headers.keys() == set()


async def test_an_address_may_send_a_post_back_to_itself(origin: Origin) -> None:
    """Post, redirect, get: the address is the same, the request is not."""
    origin.posts["/api"] = moved(303, "/api")
    origin.route("/api", ANSWER)
    assert (await document(origin.url + "/api", content=BODY)).body == ANSWER
    origin.handle("/api", Response(b"", 302, {"Location": "/api"}))
    assert "circle" in str(await failure(origin.url + "/api", content=BODY))


@pytest.mark.parametrize(("status", "moved_to"), [(307, None), (308, "/api")])
async def test_other_redirects_repeat_the_body(
    origin: Origin, got: list[bytes], status: int, moved_to: str | None
) -> None:
    origin.posts["/old"] = moved(status, "/api")
    fetched = await document(origin.url + "/old", content=BODY)
    assert [seen.method for seen in origin.requests] == ["POST", "POST"]
    assert got == [BODY]
    assert fetched.moved_to == (moved_to and origin.url + moved_to)


@pytest.mark.parametrize("status", [307, 308])
async def test_a_body_goes_to_no_other_origin(origin: Origin, other: Origin, status: int) -> None:
    origin.posts["/old"] = moved(status, other.url + "/api")
    error = await failure(origin.url + "/old", content=BODY)
    assert error.kind == "redirect"
    assert "set this as the address of the source" in str(error)
    assert other.url in str(error)
    assert not other.requests


async def test_another_origin_gets_a_get_without_the_headers_of_the_source(origin: Origin, other: Origin) -> None:
    origin.posts["/old"] = moved(302, other.url + "/api")
    other.route("/api", ANSWER)
    access = Access(headers=(("X-Key", "secret"),), authorization="Bearer secret", cookies=(("s", "secret"),))
    assert (await document(origin.url + "/old", content=BODY, access=access)).body == ANSWER
    (seen,) = other.requests
    assert seen.method == "GET"
    assert "secret" not in str(seen.headers)


async def test_posts_wait_for_robots_and_are_counted(origin: Origin) -> None:
    etiquette.serve(origin, "/robots.txt", b"User-agent: *\nDisallow: /private/\n")
    for path in ("/private/api", "/api"):
        origin.posts[path] = lambda seen, body: Response(ANSWER, 200, JSON)
    async with etiquette.fetcher(origin) as one:
        refused = await etiquette.failed(one, "http://example.org/private/api", content=BODY, robots=True)
        await one.fetch(etiquette.request("http://example.org/api", content=BODY, robots=True))
        (traffic,) = one.traffic
    assert refused.kind == "robots"
    assert [(seen.method, seen.path) for seen in origin.requests] == [("GET", "/robots.txt"), ("POST", "/api")]
    assert (traffic.host, traffic.requests) == ("example.org", 2)


async def test_a_post_is_turned_away_while_its_host_waits(origin: Origin) -> None:
    origin.posts["/api"] = lambda seen, body: Response(b"", 429, {"Retry-After": "60"})
    async with etiquette.fetcher(origin) as one:
        assert (await etiquette.failed(one, "http://example.org/api", content=BODY)).status == 429
        assert (await etiquette.failed(one, "http://example.org/api", content=BODY)).held
    assert len(origin.requests) == 1


async def test_a_proxy_gets_the_body(origin: Origin) -> None:
    bodies = []

    def answer(seen: Seen, body: bytes) -> Response:
        bodies.append(body)
        return Response(ANSWER, 200, JSON)

    origin.posts["http://example.org/api"] = answer
    async with etiquette.fetcher(origin, proxy=origin.url) as one:
        fetched = await one.fetch(etiquette.request("http://example.org/api", content=BODY))
    assert isinstance(fetched, Fetched)
    assert (fetched.body, bodies) == (ANSWER, [BODY])


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
async def test_answers_to_posts_are_bounded(origin: Origin, coding: str) -> None:
    origin.posts["/api"] = lambda seen, body: Response(bomb(coding), 200, {"Content-Encoding": coding})
    assert (await failure(origin.url + "/api", content=BODY)).kind == "too_large"


async def test_private_addresses_get_no_body(origin: Origin, got: list[bytes]) -> None:
    assert (await failure(origin.url + "/api", content=BODY, allow_private=False)).kind == "refused"
    assert not origin.requests


async def test_the_log_names_the_method(origin: Origin, got: list[bytes], caplog: pytest.LogCaptureFixture) -> None:
    origin.posts["/old"] = moved(303, "/result")
    origin.route("/result", ANSWER)
    with caplog.at_level(logging.DEBUG, "aggregator.fetch.client"):
        await document(origin.url + "/old", content=BODY)
    logged = [record.getMessage().partition(" (")[0] for record in caplog.records]
    assert logged == [
        f"POST {origin.url}/old: redirected to {origin.url}/result",
        f"GET {origin.url}/result: 200, {len(ANSWER)} bytes",
    ]


async def test_posts_and_gets_share_connections(origin: Origin, got: list[bytes]) -> None:
    ports: list[Any] = []

    def port(handler: Any) -> None:
        ports.append(handler.client_address[1])
        handler.close_connection = False
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    origin.handle("/raw", Response(raw=port))
    origin.posts["/raw"] = lambda seen, body: Response(raw=port)
    async with Fetcher(SETTINGS) as fetcher:
        for content in (None, BODY, BODY, None):
            assert not isinstance(await fetcher.fetch(request(origin.url + "/raw", content=content)), NotModified)
    assert len(set(ports)) == 1
