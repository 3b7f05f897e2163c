from __future__ import annotations

import gzip
import socket
import struct
from collections.abc import Callable
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from threading import Event

import pytest

from aggregator.fetch import Fetcher
from aggregator.models import Fetched
from tests.fetch_support import SETTINGS, bomb, document, failure, request
from tests.origin import Origin, Response

SHORT = timedelta(seconds=0.4)
OK = b"HTTP/1.1 200 OK\r\n"


def raw(origin: Origin, send: Callable[[BaseHTTPRequestHandler], None]) -> str:
    return origin.handle("/feed", Response(raw=send))


def says(data: bytes) -> Callable[[BaseHTTPRequestHandler], None]:
    return lambda handler: void(handler.wfile.write(data))


def void(_: object) -> None:
    """Forget a result."""


def drips(start: bytes, drop: bytes) -> Callable[[BaseHTTPRequestHandler], None]:
    """Send something, and then a drop now and then for as long as somebody listens."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(start)
        for _ in range(400):
            handler.wfile.write(drop)
            Event().wait(0.02)

    return send


@pytest.mark.parametrize(
    ("start", "drop"),
    [
        (b"HTTP/1.1 200 ", b"O"),
        (OK + b"X: ", b"x"),
        (OK + b"Content-Length: 100000\r\n\r\n", b"x"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (OK + b"Content-Encoding: gzip\r\n\r\n\x1f\x8b\x08\x08\0\0\0\0\0\xff", b"endless file name"),
        (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    ],
    ids=["status line", "header", "body", "chunks", "nothing decoded", "early hints"],
)
async def test_one_deadline_holds_for_everything(origin: Origin, start: bytes, drop: bytes) -> None:
    error = await failure(raw(origin, drips(start, drop)), timeout=SHORT)
    assert error.kind == "timeout"
    assert "0.4 seconds" in str(error)


async def test_the_deadline_spans_redirects(origin: Origin) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        Event().wait(0.15)
        step = int(handler.path.rpartition("=")[2])
        handler.wfile.write(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: /feed?=%d\r\n\r\n" % (step + 1))

    assert (await failure(raw(origin, answer) + "?=0", timeout=SHORT)).kind == "timeout"


async def test_a_server_that_accepts_and_says_nothing_costs_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        for scheme in ("http", "https"):
            assert (await failure(f"{scheme}://127.0.0.1:{port}/", timeout=SHORT)).kind == "timeout"


async def test_an_endless_body_is_read_up_to_the_limit_only(origin: Origin) -> None:
    sent = 0

    def send(handler: BaseHTTPRequestHandler) -> None:
        nonlocal sent
        handler.wfile.write(OK + b"\r\n")
        for _ in range(2000):
            sent += handler.wfile.write(bytes(100_000))

    error = await failure(raw(origin, send), max_body=500_000)
    assert error.kind == "too_large"
    assert "500,000 bytes" in str(error)
    assert "max_body" in str(error)
    assert sent < 100_000_000


async def test_an_announced_length_over_the_limit_is_not_read(origin: Origin) -> None:
    url = raw(origin, says(OK + b"Content-Length: 1001\r\n\r\n"))
    assert (await failure(url, max_body=1000)).kind == "too_large"


async def test_a_body_of_exactly_the_limit_is_read(origin: Origin) -> None:
    url = origin.route("/feed", b"x" * 1000)
    assert len((await document(url, max_body=1000)).body) == 1000
    assert (await failure(url, max_body=999)).kind == "too_large"


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
async def test_a_bomb_does_not_go_off(origin: Origin, coding: str) -> None:
    url = origin.route("/feed", bomb(coding), headers={"Content-Encoding": coding})
    assert (await failure(url)).kind == "too_large"


async def test_codings_are_undone(origin: Origin) -> None:
    url = origin.route("/feed", gzip.compress(b"<rss/>"), headers={"Content-Encoding": "gzip"})
    assert (await document(url)).body == b"<rss/>"
    url = origin.route("/feed.xml.gz", gzip.compress(b"<rss/>"), content_type="application/gzip")
    assert (await document(url)).body == b"<rss/>"
    url = origin.route("/plain", b"<rss/>", headers={"Content-Encoding": "gzip"})
    assert (await document(url)).body == b"<rss/>"


async def test_a_compressed_body_cut_short_is_an_error(origin: Origin) -> None:
    url = origin.route("/feed", gzip.compress(b"<rss/>" * 100)[:-9], headers={"Content-Encoding": "gzip"})
    error = await failure(url)
    assert error.kind == "connect"
    assert "ended early" in str(error)


@pytest.mark.parametrize(
    "answer",
    [
        OK + b"Content-Length: 100\r\n\r\n<rss/>",
        OK + b"Transfer-Encoding: chunked\r\n\r\n6\r\n<rss/>\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n64\r\n<rss/>",
    ],
)
async def test_a_body_cut_short_is_an_error(origin: Origin, answer: bytes) -> None:
    error = await failure(raw(origin, says(answer)))
    assert error.kind == "connect"
    assert "ended early" in str(error)


async def test_a_connection_reset_within_the_body_is_an_error(origin: Origin) -> None:
    def send(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(OK + b"Content-Length: 100000\r\n\r\n<rss/>")
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.connection.close()

    assert (await failure(raw(origin, send))).kind == "connect"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\x00\x01\x02\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        OK + b"Content-Length: -1\r\n\r\n",
        OK + b"Content-Length: 6\r\nContent-Length: 7\r\n\r\n<rss/>",
        OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n<rss/>\r\n0\r\n\r\n",
        OK + b"X: " + b"x" * 100_000 + b"\r\n\r\n",
        OK + b"X: 1\r\n" * 5000 + b"\r\n",
        b"HTTP/1.1 200 " + b"x" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    ],
)
async def test_what_is_not_http_is_an_error_of_ours(origin: Origin, answer: bytes) -> None:
    error = await failure(raw(origin, says(answer)))
    assert error.kind in {"connect", "http_status"}
    assert len(str(error)) < 500


async def test_a_broken_answer_spoils_no_later_fetch(origin: Origin) -> None:
    """What a server sends too much must not be taken for the answer to the next request."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = False
        handler.wfile.write(OK + b"Content-Length: 6\r\n\r\n<rss/>" + OK + b"Content-Length: 6\r\n\r\n<bad/>")

    url = raw(origin, send)
    origin.route("/other", b"<good/>")
    async with Fetcher(SETTINGS) as fetcher:
        first = await fetcher.fetch(request(url))
        second = await fetcher.fetch(request(origin.url + "/other"))
    assert isinstance(first, Fetched)
    assert isinstance(second, Fetched)
    assert (first.body, second.body) == (b"<rss/>", b"<good/>")
