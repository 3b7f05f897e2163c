"""What the tests of `aggregator.fetch` share: short ways to one fetch, and name look-ups that stay on this machine."""

from __future__ import annotations

import socket
import sys
import zlib
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import brotli  # type: ignore[import-untyped]
import pytest

from aggregator.errors import FetchError
from aggregator.fetch import Fetcher, FetchSettings
from aggregator.models import Fetched, NotModified, Request

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

SETTINGS = FetchSettings(user_agent="aggregator/test (+https://example.org/)", concurrency=8)

_LOOK_UP = socket.getaddrinfo


def request(url: str, **changes: Any) -> Request:
    """A request to loopback with generous limits."""
    settings: dict[str, Any] = {
        "timeout": timedelta(seconds=30),
        "max_body": 1_000_000,
        "allow_private": True,
        "accept": "application/rss+xml, */*;q=0.1",
    }
    return Request(url=url, **(settings | changes))


async def outcome(url: str, **changes: Any) -> Fetched | NotModified:
    """What a fetcher of its own gives for one request."""
    async with Fetcher(SETTINGS) as fetcher:
        return await fetcher.fetch(request(url, **changes))


async def document(url: str, **changes: Any) -> Fetched:
    """The document at `url`."""
    result = await outcome(url, **changes)
    assert isinstance(result, Fetched)
    return result


async def unchanged(url: str, **changes: Any) -> NotModified:
    """The news that the document at `url` has not changed."""
    result = await outcome(url, **changes)
    assert isinstance(result, NotModified)
    return result


async def failure(url: str, **changes: Any) -> FetchError:
    """The error that fetching `url` ends with."""
    with pytest.raises(FetchError) as caught:
        await outcome(url, **changes)
    return caught.value


def resolve(monkeypatch: pytest.MonkeyPatch, names: Mapping[str, Sequence[str]]) -> None:
    """Let names resolve to these addresses, and every other one to nothing, without asking the network."""

    def look_up(host: str, port: int, *args: Any, **options: Any) -> list[Any]:
        found: list[Any] = []
        for address in names.get(host, ()):
            found += _LOOK_UP(address, port, 0, socket.SOCK_STREAM, 0, socket.AI_NUMERICHOST)
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return found

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


def bomb(announced: str) -> bytes:
    """A hundred megabytes of zeros in one coding."""
    zeros = bytes(1_000_000)
    if announced == "gzip":
        gzipper = zlib.compressobj(9, wbits=31)
        return b"".join(gzipper.compress(zeros) for _ in range(100)) + gzipper.flush()
    if announced == "br":
        squeezer = brotli.Compressor(quality=1, lgwin=22)
        return b"".join(squeezer.process(zeros) for _ in range(100)) + bytes(squeezer.finish())
    packer = zstd.ZstdCompressor(level=1)
    return b"".join(packer.compress(zeros) for _ in range(100)) + packer.flush()
