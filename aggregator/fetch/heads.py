"""Heads of responses as browsers take them: bytes of a connection go in, heads that a strict parser reads come out.

llhttp, which aiohttp reads HTTP with, refuses a whole answer for a line without a colon and for a Content-Length beside
chunked. Browsers leave such a line out, and take the chunks (RFC 9112, section 6.3), so feeds with them exist.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler

#: Bytes of one line of a head, and of a whole head, that are read at most: a Content-Security-Policy has some 16 kB.
MAX_LINE = 64 * 1024
MAX_HEAD = 256 * 1024

_END = re.compile(rb"\n\r?\n")
_FIELD = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]++[ \t]*+:[^\n]*+\n"
#: A head in which every line is a field or goes on with one (obs-fold, RFC 9112, section 5.2).
_TIDY = re.compile(rb"[^\n]*+\n(?:" + _FIELD + rb"|[ \t][^\n]*+\n)*+\r?\n")
_LINE = re.compile(_FIELD)
_LENGTH = re.compile(rb"content-length[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE)
_CHUNKED = re.compile(rb"transfer-encoding[ \t]*:[^\n]*\bchunked\b", re.IGNORECASE)
_INTERIM = re.compile(rb"HTTP/1\.[01] 1[0-9][0-9]\b")


def tidy(head: bytes) -> bytes:
    """Return a head, blank line included, without the lines that browsers leave out; a good one comes back as it is."""
    lower = head.lower()
    framing = lower.count(b"content-length") + lower.count(b"transfer-encoding")
    if framing < 2 and _TIDY.fullmatch(head) is not None:
        return head
    first, *lines = head.splitlines(keepends=True)
    kept: list[bytes] = []
    lengths: set[bytes] = set()
    chunked = any(_CHUNKED.match(line) for line in lines)
    dropped = False
    for line in lines:
        if line[:1] in (b" ", b"\t"):
            # What goes on with a line that is left out is left out as well.
            kept += [] if dropped else [line]
            continue
        length = _LENGTH.match(line)
        dropped = line.strip() != b"" and _LINE.fullmatch(line) is None
        if length is not None:
            # The same length once more says nothing new; another one is for the parser to refuse.
            dropped = chunked or length[1].strip() in lengths
            lengths.add(length[1].strip())
        if not dropped:
            kept.append(line)
    return first + b"".join(kept)


class Connector(aiohttp.TCPConnector):
    """aiohttp's connector, whose connections read heads by `tidy`.

    aiohttp has no public place for this: `_factory` makes the protocol of each connection, also inside of tunnels.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        make: Callable[..., ResponseHandler] = _Connection
        self._factory = partial(make, loop=asyncio.get_running_loop())


class _Connection(ResponseHandler):
    """Holds the bytes of a head back until it is whole; a body passes as it comes."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        #: What is there of a head that is awaited; None: no head is awaited.
        self._head: bytearray | None = None

    def set_response_params(self, **settings: Any) -> None:
        self._head = bytearray()
        super().set_response_params(**settings)

    def data_received(self, data: bytes) -> None:
        while self._head is not None and data:
            seen = len(self._head)
            self._head += data
            end = _END.search(self._head, max(0, seen - 2))
            if end is None and len(self._head) <= MAX_HEAD:
                return
            whole = bytes(self._head)
            if end is None:
                # The parser has bounds of its own.
                self._head, data = None, whole
                break
            head, data = tidy(whole[: end.end()]), whole[end.end() :]
            # After "103 Early Hints" and the like, the head of the answer itself is still to come.
            self._head = bytearray() if _INTERIM.match(head) else None
            if self._head is not None:
                super().data_received(head)
            else:
                data = head + data
        if data or self._head is None:
            super().data_received(data)
