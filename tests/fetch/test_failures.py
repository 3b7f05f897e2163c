from __future__ import annotations

import errno
import socket
import ssl

import aiohttp
import httpx
import pytest

from aggregator.fetch.addresses import AddressRefused, parse
from aggregator.fetch.answer import explain
from tests.fetch_support import failure

TARGET = parse("https://me:secret@example.org/feed")


def caused(error: Exception, *causes: Exception) -> Exception:
    """An error with a chain of causes, the innermost last."""
    outer = error
    for cause in causes:
        outer.__cause__ = cause
        outer = cause
    return error


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        (caused(httpx.ConnectError("x"), AddressRefused("10.0.0.1")), "refused", "example.org resolves to 10.0.0.1"),
        (caused(OSError("x"), socket.gaierror(-3, "Temporary failure")), "dns", "Temporary failure"),
        (caused(OSError("x"), ssl.SSLCertVerificationError("self-signed")), "tls", "self-signed"),
        (ssl.SSLError("handshake failure"), "tls", "handshake failure"),
        (httpx.ReadError("Connection lost"), "connect", "Connection lost"),
        (aiohttp.ServerDisconnectedError(), "connect", "closed the connection without an answer"),
        (caused(httpx.ReadError("x"), aiohttp.ClientPayloadError("y")), "connect", "ended early"),
        (OSError(errno.EMFILE, "Too many open files"), "connect", "Too many open files"),
        (ConnectionResetError(), "connect", "ConnectionResetError"),
        (KeyError("surprise"), "internal", "KeyError: 'surprise'"),
    ],
)
def test_every_error_has_a_kind_and_words(error: Exception, kind: str, says: str) -> None:
    explained = explain(error, TARGET)
    assert explained.kind == kind
    assert says in str(explained)
    assert "secret" not in str(explained)
    assert explained.url == "https://example.org/feed"


async def test_a_mistake_of_the_caller_is_an_outcome_as_well() -> None:
    error = await failure("http://127.0.0.1/feed", allow_private=("no network",))
    assert error.kind == "internal"
    assert "no network" in str(error)
