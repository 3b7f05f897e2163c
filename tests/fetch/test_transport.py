from __future__ import annotations

import asyncio
import gc
import socket
import ssl
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest

from aggregator.errors import FetchError
from aggregator.fetch import Fetcher, FetchSettings
from aggregator.models import Fetched
from tests import DATA
from tests.fetch_support import SETTINGS, document, failure, request, resolve
from tests.origin import Origin, Response

FEED = b"<rss/>"
LOOPBACK = ("127.0.0.1/32",)
CERTIFICATE = DATA / "tls" / "loopback.pem"


def secure() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


@pytest.fixture
def tls_origin() -> Iterator[Origin]:
    """An HTTPS origin whose certificate nobody trusts."""
    server = Origin(secure())
    yield server
    server.close()


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.2",
        "127.1",
        "127.0.1",
        "0x7f000001",
        "0x7f.0.0.1",
        "0x7f.1",
        "2130706433",
        "017700000001",
        "0177.0.0.1",
        "127.0.0.01",
        "127.0.0.1.",
        "0.0.0.0",  # noqa: S104
        "0",
        "[::1]",
        "[::]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b:1::7f00:1]",
        "[2002:7f00:1::]",
        "[fe80::1]",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "feeds.internal.example",
        "example.org@127.0.0.1",
        "example.org:80@127.0.0.1",
        "127.0.0.1%00.example.org",
        "%31%32%37.0.0.1",
        "１２７.0.0.1",
        "127。0。0。1",
        "①②⑦.0.0.1",
        "127.0.0.1\\@example.org",
        "127.0.0.1 .example.org",
        "10.0.0.1",
        "169.254.169.254",
        "192.168.0.1",
        "[fd00:ec2::254]",
    ],
)
async def test_private_addresses_are_refused_however_they_are_written(
    origin: Origin, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    numeric = {name: ["127.0.0.1"] for name in ("0x7f000001", "0x7f.0.0.1", "0x7f.1", "127.0.0.1.")}
    names = {name: ["127.0.0.1", "::1"] for name in ("localhost", "localhost.", "feeds.internal.example")}
    resolve(monkeypatch, numeric | names)
    origin.route("/feed", FEED)
    error = await failure(f"http://{host}:{origin.port}/feed", allow_private=False)
    assert error.kind == "refused"
    assert not origin.requests


async def test_a_refusal_says_what_resolved_to_what_and_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve(monkeypatch, {"feeds.example.org": ["10.1.2.3"]})
    message = str(await failure("http://feeds.example.org/x", allow_private=False))
    assert "feeds.example.org resolves to 10.1.2.3" in message
    assert "allow_private_addresses" in message
    message = str(await failure("http://[::1]/x", allow_private=LOOPBACK))
    assert message.startswith("::1 is not a public address")


async def test_listed_networks_are_reached_and_no_others(origin: Origin, monkeypatch: pytest.MonkeyPatch) -> None:
    resolve(monkeypatch, {"mine.example": ["127.0.0.1"], "theirs.example": ["127.0.0.2"], "bücher.example": []})
    origin.route("/feed", FEED)
    for host in ("127.0.0.1", "mine.example", "[::ffff:127.0.0.1]"):
        assert (await document(f"http://{host}:{origin.port}/feed", allow_private=LOOPBACK)).body == FEED
    assert (await failure(f"http://theirs.example:{origin.port}/feed", allow_private=LOOPBACK)).kind == "refused"


async def test_of_several_addresses_only_the_permitted_ones_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both answer, so a connection to the wrong one would be seen."""
    for addresses in (["127.0.0.2", "127.0.0.1"], ["127.0.0.1", "127.0.0.2"], ["::1", "127.0.0.2", "127.0.0.1"]):
        resolve(monkeypatch, {"both.example": addresses})
        peers: list[str] = []

        def answer(handler: BaseHTTPRequestHandler, peers: list[str] = peers) -> None:
            peers.append(handler.connection.getsockname()[0])
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<rss/>")

        origin = Origin(host="")
        try:
            origin.handle("/feed", Response(raw=answer))
            await document(f"http://both.example:{origin.port}/feed", allow_private=LOOPBACK)
        finally:
            origin.close()
        assert peers == ["127.0.0.1"]


async def test_a_name_is_looked_up_again_for_every_connection(origin: Origin, monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: the address that was checked is the address that is connected to, each time."""
    origin.routes["/feed"] = Response(FEED, 200, {"Connection": "close"})
    url = f"http://moving.example:{origin.port}/feed"
    resolve(monkeypatch, {"moving.example": ["127.0.0.1"]})
    assert (await document(url, allow_private=LOOPBACK)).body == FEED
    resolve(monkeypatch, {"moving.example": ["127.0.0.2"]})
    assert (await failure(url, allow_private=LOOPBACK)).kind == "refused"


async def test_a_pooled_connection_serves_its_own_policy_only(origin: Origin) -> None:
    ports: list[int] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = False
        ports.append(handler.client_address[1])
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<rss/>")

    url = origin.handle("/feed", Response(raw=answer))
    async with Fetcher(SETTINGS) as fetcher:
        for policy in (True, True, LOOPBACK, LOOPBACK):
            await fetcher.fetch(request(url, allow_private=policy))
        for refused in (False, ("10.0.0.0/8",), ()):
            with pytest.raises(FetchError) as caught:
                await fetcher.fetch(request(url, allow_private=refused))
            assert caught.value.kind == "refused"
        await fetcher.fetch(request(url, allow_private=True))
    assert len(ports) == 5
    assert ports[0] == ports[1] == ports[4] != ports[2] == ports[3]


async def test_names_that_do_not_resolve_are_a_kind_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve(monkeypatch, {})
    error = await failure("http://no-such-host.example/feed", allow_private=False)
    assert error.kind == "dns"
    assert "no-such-host.example could not be resolved" in str(error)


async def test_a_closed_port_is_no_connection() -> None:
    with socket.socket() as silent:
        # It is held, so that nobody else can listen there.
        silent.bind(("127.0.0.1", 0))
        error = await failure(f"http://127.0.0.1:{silent.getsockname()[1]}/feed")
    assert error.kind == "connect"
    assert "no connection: nothing listens on port" in str(error)


async def test_a_certificate_that_is_not_trusted_is_refused(tls_origin: Origin) -> None:
    error = await failure(tls_origin.route("/feed", FEED))
    assert error.kind == "tls"
    assert "certificate" in str(error)
    assert not tls_origin.requests


async def test_certificates_of_the_system_are_trusted(tls_origin: Origin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    url = tls_origin.route("/feed", FEED)
    assert (await document(url)).body == FEED
    resolve(monkeypatch, {"other.example": ["127.0.0.1"]})
    error = await failure(f"https://other.example:{tls_origin.port}/feed")
    assert error.kind == "tls"
    assert "other.example" in str(error)


async def test_plain_http_on_a_secure_address_is_a_tls_failure(origin: Origin) -> None:
    assert (await failure(origin.url.replace("http:", "https:") + "/feed")).kind == "tls"


async def test_a_redirect_may_change_the_scheme(
    origin: Origin, tls_origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    origin.handle("/old", Response(b"", 301, {"Location": tls_origin.url + "/new"}))
    tls_origin.handle("/new", Response(b"", 301, {"Location": origin.url + "/feed"}))
    origin.route("/feed", FEED)
    assert (await document(origin.url.replace("//", "//me:secret@") + "/old")).url == origin.url + "/feed"
    assert "authorization" not in tls_origin.requests[0].headers


async def test_idle_connections_do_not_pile_up(origin: Origin) -> None:
    """Hundreds of hosts in a short time must not use up the file descriptors."""
    origin.route("/feed", FEED)
    async with Fetcher(FetchSettings("test", concurrency=4)) as fetcher:
        for number in range(1, 221):
            # A policy of its own gives each request a connection pool of its own, as a host of its own would.
            policy = ("127.0.0.1/32", f"10.0.0.{number}/32")
            await fetcher.fetch(request(origin.url + "/feed", allow_private=policy))
        told = [seen.headers.get("connection") for seen in origin.requests]
    assert told[:100] == [None] * 100
    assert told[-50:] == ["close"] * 50


async def test_nothing_stays_open(origin: Origin) -> None:
    url = origin.route("/feed", FEED)
    async with Fetcher(SETTINGS) as fetcher:
        results = await asyncio.gather(*(fetcher.fetch(request(url)) for _ in range(20)))
        assert all(isinstance(result, Fetched) for result in results)
        with pytest.raises(FetchError):
            await fetcher.fetch(request(origin.url + "/missing"))
        assert connections_to(origin.port) > 0
    assert connections_to(origin.port) == 0


def connections_to(port: int) -> int:
    """Open sockets of this process that are connected to a port of loopback."""
    gc.collect()
    sockets = [thing for thing in gc.get_objects() if isinstance(thing, socket.socket) and thing.fileno() != -1]
    return sum(one.family == socket.AF_INET and is_connected_to(one, port) for one in sockets)


def is_connected_to(one: socket.socket, port: int) -> bool:
    try:
        return bool(one.getpeername() == ("127.0.0.1", port))
    except OSError:
        return False
