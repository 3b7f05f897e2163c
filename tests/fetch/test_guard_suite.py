"""Every way to a private address is closed, through the whole client; those that are allowed are open."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler

import pytest
from aiohttp.abc import AbstractResolver

from aggregator.errors import FetchError
from aggregator.fetch import Fetcher, FetchSettings
from aggregator.models import Access, Fetched, Request
from tests.etiquette import FEED, NOW, Names, serve
from tests.origin import Origin, Response

#: The one private address that may be reached.
ONE = ("127.0.0.2/32",)


@pytest.fixture
def everywhere() -> Iterator[Origin]:
    """An origin that answers on every address of this machine."""
    server = Origin(host="")
    yield server
    server.close()


def request(url: str, allow: bool | tuple[str, ...] = False, access: Access | None = None) -> Request:
    return Request(url, timedelta(seconds=20), 10_000, allow, "*/*", access=access or Access())


def fetcher(resolver: AbstractResolver) -> Fetcher:
    return Fetcher(FetchSettings("test", concurrency=4), clock=lambda: NOW, resolver=resolver)


async def refused(
    origin: Origin,
    url: str,
    *answers: list[str],
    allow: bool | tuple[str, ...] = False,
    access: Access | None = None,
) -> FetchError:
    """The refusal that fetching `url` ends with, its host resolving to these addresses, one answer after the other."""
    host = url.split("/")[2].rpartition("@")[2].partition(":")[0]
    async with fetcher(Names(origin, {host: answers or [["127.0.0.1"]]})) as one:
        with pytest.raises(FetchError) as caught:
            await one.fetch(request(url, allow, access))
    assert caught.value.kind == "refused"
    return caught.value


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.1.2.3",
        "0.0.0.0",  # noqa: S104
        "10.0.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "172.20.0.1",
        "192.168.1.1",
        "192.0.0.192",
        "224.0.0.251",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::a00:1",
        "2002:7f00:1::1",
        "2001:0:7f00:1::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ],
)
async def test_a_name_that_leads_there(origin: Origin, address: str) -> None:
    serve(origin)
    error = await refused(origin, "http://feeds.example.org/feed", [address])
    assert f"feeds.example.org resolves to {address}" in str(error)
    assert not origin.requests


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/feed",
        "http://127.0.0.1:{port}/feed#@example.org",
        "http://example.org@127.0.0.1:{port}/feed",
        "http://example.org:80@127.0.0.1:{port}/feed",
        "http://[::ffff:127.0.0.1]:{port}/feed",
        "http://[0:0:0:0:0:ffff:7f00:1]:{port}/feed",
        "http://[::1%25lo]:{port}/feed",
        "http://127.0.0.1.:{port}/feed",
        "http://2130706433:{port}/feed",
        "http://0x7f000001:{port}/feed",
        "http://0x7f.0.0.0x1:{port}/feed",
        "http://0177.0.0.1:{port}/feed",
        "http://017700000001:{port}/feed",
        "http://127.1:{port}/feed",
        "http://127.0.1:{port}/feed",
        "http://0:{port}/feed",
        "http://１２７.0.0.1:{port}/feed",
        "http://127。0。0。1:{port}/feed",
        "http://①②⑦.0.0.1:{port}/feed",
        "http://127.0.0.1%2f.example.org:{port}/feed",
        "http://127.0.0.1\t:{port}/feed",
        "http://localhost:{port}/feed",
        "http://LocalHost.:{port}/feed",
        "//127.0.0.1:{port}/feed",
        "http:\\\\127.0.0.1:{port}\\feed",
    ],
)
async def test_an_address_in_disguise_behind_a_redirect(everywhere: Origin, url: str) -> None:
    """The first site may be reached; the second one listens, so a request to it would be seen."""
    serve(everywhere)
    serve(everywhere, "/old", b"", 302, Location=url.format(port=everywhere.port).encode().decode("latin-1"))
    error = await refused(everywhere, f"http://start.example:{everywhere.port}/old", ["127.0.0.2"], allow=ONE)
    # The refused address is what the message is about; where it was sent from is named at most beside it.
    assert "start.example" not in str(error).partition("redirected from")[0]
    assert [seen.path for seen in everywhere.requests] == ["/old"]


async def test_the_way_by_many_hops(everywhere: Origin) -> None:
    for number in range(9):
        serve(everywhere, f"/{number}", b"", 307, Location=f"/{number + 1}")
    serve(everywhere, "/9", b"", 307, Location=f"http://inner.example:{everywhere.port}/feed")
    serve(everywhere)
    await refused(everywhere, f"http://start.example:{everywhere.port}/0", ["127.0.0.2"], allow=ONE)
    assert not everywhere.asked("/feed")


@pytest.mark.parametrize("then", ["127.0.0.1", "::ffff:127.0.0.1", "10.0.0.1", "169.254.169.254"])
async def test_a_name_that_changes_its_mind(everywhere: Origin, then: str) -> None:
    """DNS rebinding: allowed at the first look, private at the second."""
    serve(everywhere, Connection="close")
    url = f"http://moving.example:{everywhere.port}/feed"
    names = Names(everywhere, {"moving.example": [["127.0.0.2"], [then]]})
    async with fetcher(names) as one:
        assert isinstance(await one.fetch(request(url, ONE)), Fetched)
    async with fetcher(names) as one:
        with pytest.raises(FetchError) as caught:
            await one.fetch(request(url, ONE))
    assert caught.value.kind == "refused"
    assert len(everywhere.requests) == 1


async def test_a_name_that_changes_its_mind_between_two_hops(everywhere: Origin, origin: Origin) -> None:
    serve(everywhere, "/old", b"", 302, Location=f"http://moving.example:{origin.port}/feed")
    serve(origin)
    await refused(everywhere, f"http://moving.example:{everywhere.port}/old", ["127.0.0.2"], ["127.0.0.1"], allow=ONE)
    assert not origin.requests


async def test_private_among_allowed_addresses_is_never_tried(everywhere: Origin) -> None:
    peers: list[str] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        peers.append(handler.connection.getsockname()[0])
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 6\r\n\r\n<rss/>")

    everywhere.handle("/feed", Response(raw=answer))
    names = Names(everywhere, {"both.example": [["127.0.0.1", "127.0.0.2"], ["127.0.0.2", "127.0.0.1", "::1"]]})
    async with fetcher(names) as one:
        for _ in range(2):
            await one.fetch(request(f"http://both.example:{everywhere.port}/feed", ONE))
    assert peers == ["127.0.0.2", "127.0.0.2"]


async def test_a_resolver_that_answers_with_another_name(origin: Origin) -> None:
    """What is no address is not connected to, whatever it would lead to."""
    async with fetcher(Names(origin, {"feeds.example.org": [["localhost"]]})) as one:
        with pytest.raises(FetchError):
            await one.fetch(request(f"http://feeds.example.org:{origin.port}/feed"))
    assert not origin.requests


async def test_the_rules_for_robots_open_no_way(everywhere: Origin) -> None:
    serve(everywhere, "/robots.txt", b"", 301, Location=f"http://127.0.0.1:{everywhere.port}/secret")
    serve(everywhere, "/secret")
    names = Names(everywhere, {"start.example": [["127.0.0.2"]]})
    async with fetcher(names) as one:
        made = replace(request(f"http://start.example:{everywhere.port}/page", ONE), robots=True)
        with pytest.raises(FetchError) as caught:
            await one.fetch(made)
    assert caught.value.kind == "refused"
    assert [seen.path for seen in everywhere.requests] == ["/robots.txt"]


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1.",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "localhost",
        "a.localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
    ],
)
async def test_a_proxy_is_not_sent_there(origin: Origin, host: str) -> None:
    serve(origin)
    await refused(origin, f"http://{host}/feed", access=Access(proxy=origin.url))
    assert not origin.requests


async def test_a_proxy_is_not_sent_there_by_a_redirect(origin: Origin) -> None:
    origin.handle("http://example.org/old", Response(b"", 302, {"Location": "http://127.0.0.1/feed"}))
    await refused(origin, "http://example.org/old", access=Access(proxy=origin.url))
    assert [seen.path for seen in origin.requests] == ["http://example.org/old"]


async def test_a_proxy_may_be_private_where_the_site_may_not(origin: Origin) -> None:
    origin.handle("http://example.org/feed", Response(FEED))
    serve(origin)
    async with fetcher(Names(origin)) as one:
        made = request("http://example.org/feed", access=Access(proxy=origin.url))
        assert isinstance(await one.fetch(made), Fetched)
        with pytest.raises(FetchError) as caught:
            await one.fetch(request(f"http://example.org:{origin.port}/feed"))
    assert caught.value.kind == "refused"


@pytest.mark.parametrize(
    ("address", "allow"),
    [
        ("127.0.0.1", True),
        ("127.0.0.1", ("127.0.0.0/8",)),
        ("127.0.0.1", ("10.0.0.0/8", "127.0.0.1/32")),
        ("127.0.0.2", ("127.0.0.2/32",)),
        ("::ffff:127.0.0.1", ("127.0.0.1/32",)),
    ],
)
async def test_what_is_allowed_is_reached(everywhere: Origin, address: str, allow: bool | tuple[str, ...]) -> None:
    serve(everywhere)
    async with fetcher(Names(everywhere, {"mine.example": [[address]]})) as one:
        assert isinstance(await one.fetch(request(f"http://mine.example:{everywhere.port}/feed", allow)), Fetched)
        literal = f"[{address}]" if ":" in address else address
        assert isinstance(await one.fetch(request(f"http://{literal}:{everywhere.port}/feed", allow)), Fetched)
