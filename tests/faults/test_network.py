"""Servers that misbehave on the wire: the source fails with the cause in words, no other notices, and it recovers."""

from __future__ import annotations

import gzip
import socket
import struct
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

import pytest

from tests.origin import Origin, Response
from tests.support import Site, item, rss

BODY = rss([item(n) for n in range(1, 9)]).encode()
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\n"
Raw = Callable[[BaseHTTPRequestHandler], None]


def _sends(data: bytes) -> Raw:
    """Send these bytes and end the connection in good order."""
    return lambda handler: void(handler.wfile.write(data))


def _resets(data: bytes) -> Raw:
    """Send these bytes and reset the connection."""

    def run(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(data)
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # The files made of the socket would keep it open.
        handler.connection.shutdown(socket.SHUT_RD)
        handler.rfile.close()
        handler.connection.close()

    return run


def _falls_silent(data: bytes) -> Raw:
    """Send these bytes and then nothing, for as long as the other side stays."""

    def run(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(data)
        handler.connection.settimeout(60)
        handler.connection.recv(1)

    return run


def void(_: object) -> None:
    """Drop a value."""


_PACKED = gzip.compress(BODY)
FAULTS: dict[str, tuple[Raw, str]] = {
    "closed at once": (_sends(b""), "connect"),
    "reset mid-body": (_resets(HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY[:300]), "connect"),
    "half-open": (_falls_silent(b""), "timeout"),
    "half-open mid-body": (_falls_silent(HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY[:300]), "timeout"),
    "cut off": (_sends(HEAD + b"Content-Length: %d\r\n\r\n" % (len(BODY) + 9) + BODY), "connect"),
    "truncated gzip": (
        _sends(HEAD + b"Content-Encoding: gzip\r\nContent-Length: 90\r\n\r\n" + _PACKED[:90]),
        "connect",
    ),
    "no chunk end": (_sends(HEAD + b"Transfer-Encoding: chunked\r\n\r\nffff\r\n" + BODY), "connect"),
    "bad chunk": (_sends(HEAD + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n" + BODY), "connect"),
    "no http": (_sends(b"SSH-2.0-OpenSSH_9.6\r\n"), "connect"),
    "wrong length": (_sends(HEAD + b"Content-Length: minus one\r\n\r\n" + BODY), "connect"),
}


def _source(name: str, origin: Origin) -> dict[str, str]:
    """A source with this fault; only where it is silence that is waited for, the wait is short."""
    raw, kind = FAULTS[name]
    id = name.replace(" ", "-")
    return {
        "id": id,
        "feed": origin.handle(f"/{id}", Response(raw=raw)),
        "timeout": "2s" if kind == "timeout" else "1m",
    }


@pytest.mark.parametrize("name", FAULTS)
def test_fault_costs_one_source_one_cycle(name: str, site: Site, origin: Origin) -> None:
    bad = {**_source(name, origin), "id": "bad"}
    good = {"id": "good", "feed": origin.route("/good", rss([item(20)]))}
    site.configure(bad, good)
    done = site.run("update")
    assert done.status == 1
    rows = site.status()
    assert rows["good"]["state"] == "ok"
    assert rows["bad"]["state"] == "failing"
    assert rows["bad"]["failure_kind"] in ("connect", "timeout"), rows["bad"]
    assert len(rows["bad"]["error"]) > 20
    assert rows["bad"]["entries"] == 0
    origin.route(bad["feed"].removeprefix(origin.url), BODY)
    site.configure({**bad, "timeout": "1m"}, good)
    assert site.run("update", "--all").status == 0
    after = site.status()["bad"]
    assert (after["state"], after["entries"], after["error"]) == ("ok", 8, None)


def test_kinds_tell_silence_from_refusal(site: Site, origin: Origin) -> None:
    site.configure(*(_source(name, origin) for name in FAULTS))
    site.run("update")
    found = {name.replace(" ", "-"): kind for name, (_, kind) in FAULTS.items()}
    assert {name: row["failure_kind"] for name, row in site.status().items()} == found


def test_tls_where_there_is_none(site: Site, origin: Origin) -> None:
    site.configure({"id": "bad", "feed": origin.url.replace("http:", "https:") + "/x"})
    site.run("update")
    row = site.status()["bad"]
    assert row["failure_kind"] == "tls", row
