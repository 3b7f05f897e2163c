"""Content codings decoded in bounded memory: raw chunks of a body go in, the decoded body comes out.

One call of a decoder returns about `STEP` bytes at most, and they are counted before the next call. So a body that
expands a million times costs the limit and a small constant.
Codings: gzip, deflate, br, zstd (RFC 9110, section 8.4.1; RFC 7932; RFC 8878). Nothing here reads from the network.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Protocol

import brotli  # type: ignore[import-untyped]

from aggregator.errors import FetchError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

#: Bytes that a decoder returns at a time; brotli may return half as much again.
STEP = 64 * 1024
#: Codings on top of each other that are decoded at most.
MAX_CODINGS = 2
#: Members of a gzip body or frames of a zstd body: each costs a new decoder, however little it holds.
MAX_MEMBERS = 2000

_GZIP_MAGIC = b"\x1f\x8b"
_ZSTD_MAGIC = b"\x28\xb5"
#: RFC 9659: the window of a zstd content coding has 8 MB (2**23) at most.
_ZSTD_WINDOW_LOG = 23
_ERRORS = (zlib.error, brotli.error, zstd.ZstdError)


class Body:
    """Collects the raw chunks of one body, and decodes them.

    A body that starts like gzip is always unpacked, because ``.gz`` files are often served without saying so; one that
    is announced as gzip or zstd and does not start like it is taken as it is. A coding with an unknown name counts as
    none, as in browsers: servers send ``utf-8`` and the like there.

    Args:
        content_encoding: the Content-Encoding header, or "".
        limit: bytes that may come, counted before, between and after the codings.
        url: address for the error messages.

    Raises:
        FetchError: ``refused`` for too many codings; from the methods ``too_large``, ``unparsable`` for damaged data,
            ``connect`` for data that ends too early.
    """

    def __init__(self, content_encoding: str, *, limit: int, url: str) -> None:
        names = [name for part in content_encoding.split(",") if (name := part.strip().lower()) in _STARTS]
        if len(names) > MAX_CODINGS:
            raise FetchError(
                f"the body has {len(names)} content codings on top of each other; {MAX_CODINGS} are undone at most",
                kind="refused",
                url=url,
            )
        self._codings = [_Coding(name, limit) for name in (*reversed(names), "gzip")]
        self._sizes = [0] * (len(self._codings) + 1)
        self._limit = limit
        self._url = url
        self._plain = BytesIO()

    def feed(self, data: bytes) -> None:
        """Take the next raw piece."""
        try:
            self._push(data, 0)
        except _ERRORS as error:
            raise self._damaged(error) from error

    def so_far(self) -> bytes:
        """Return the plain body as far as it was fed before it went over the limit."""
        return self._plain.getvalue()

    def finish(self) -> bytes:
        """Return the whole plain body once all raw pieces are there."""
        try:
            for level, coding in enumerate(self._codings, start=1):
                for piece in coding.finish():
                    self._push(piece, level)
        except _ERRORS as error:
            raise self._damaged(error) from error
        if not all(coding.complete for coding in self._codings):
            raise FetchError("the compressed body ended early", kind="connect", url=self._url)
        return self._plain.getvalue()

    def _push(self, data: bytes, level: int) -> None:
        self._sizes[level] += len(data)
        if self._sizes[level] > self._limit:
            raise too_large(self._limit, self._url)
        if level == len(self._codings):
            self._plain.write(data)
            return
        for piece in self._codings[level].feed(data):
            self._push(piece, level + 1)

    def _damaged(self, error: Exception) -> FetchError:
        return FetchError(f"the compressed body is damaged: {error}", kind="unparsable", url=self._url)


def too_large(limit: int, url: str) -> FetchError:
    """Return the error for a body over the limit (in bytes)."""
    return FetchError(
        f"the body is larger than the limit of {limit:,} bytes; raise max_body to read it", kind="too_large", url=url
    )


class _Stream(Protocol):
    """One compressed stream: a gzip member, a zstd frame."""

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """Give what comes of `data`, in pieces of bounded size, until it is used up or the stream has ended."""

    @property
    def ended(self) -> bool: ...

    @property
    def unused(self) -> bytes:
        """What followed the end of the stream."""


class _Zlib:
    def __init__(self, wbits: int) -> None:
        self._inner = zlib.decompressobj(wbits)

    def pieces(self, data: bytes) -> Iterator[bytes]:
        while True:
            piece = self._inner.decompress(data, STEP)
            yield piece
            data = self._inner.unconsumed_tail
            # A full piece may have left output inside, even where all input is used up.
            if self._inner.eof or (not data and len(piece) < STEP):
                return

    @property
    def ended(self) -> bool:
        return self._inner.eof

    @property
    def unused(self) -> bytes:
        return self._inner.unused_data


class _Zstd:
    def __init__(self, limit: int) -> None:
        # A frame may ask for a window as large as its content; no more than what may come out is given.
        window_log = min(max(_ZSTD_WINDOW_LOG, limit.bit_length()), 30)
        self._inner = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: window_log})

    def pieces(self, data: bytes) -> Iterator[bytes]:
        yield self._inner.decompress(data, STEP)
        while not self._inner.eof and not self._inner.needs_input:
            yield self._inner.decompress(b"", STEP)

    @property
    def ended(self) -> bool:
        return self._inner.eof

    @property
    def unused(self) -> bytes:
        return self._inner.unused_data


class _Brotli:
    unused = b""

    def __init__(self) -> None:
        self._inner = brotli.Decompressor()

    def pieces(self, data: bytes) -> Iterator[bytes]:
        # `can_accept_more_data` is true while output waits inside; only an empty piece says that none is left.
        while (piece := self._inner.process(data, output_buffer_limit=STEP)) and not self.ended:
            yield piece
            data = b""
        yield piece

    @property
    def ended(self) -> bool:
        return bool(self._inner.is_finished())


def _start_gzip(head: bytes, _first: bool, _limit: int) -> _Stream | None:
    return _Zlib(wbits=31) if head[:2] == _GZIP_MAGIC else None


def _start_deflate(head: bytes, first: bool, _limit: int) -> _Stream | None:
    if not first:
        return None
    # RFC 1950, section 2.2: method 8, and a multiple of 31. Some servers send the bare stream of RFC 1951 instead.
    wrapped = head[0] & 0x0F == 8 and int.from_bytes(head[:2], "big") % 31 == 0
    return _Zlib(wbits=15 if wrapped else -15)


def _start_zstd(head: bytes, _first: bool, limit: int) -> _Stream | None:
    skippable = head[0] & 0xF0 == 0x50 and head[1:2] == b"\x2a"
    return _Zstd(limit) if skippable or head[:2] == _ZSTD_MAGIC else None


def _start_brotli(_head: bytes, first: bool, _limit: int) -> _Stream | None:
    return _Brotli() if first else None


_Start = Callable[[bytes, bool, int], _Stream | None]
_STARTS: dict[str, _Start] = {
    "gzip": _start_gzip,
    "x-gzip": _start_gzip,
    "deflate": _start_deflate,
    "br": _start_brotli,
    "zstd": _start_zstd,
}


class _Coding:
    """Undoes one coding: one stream after the other, and what is no stream.

    What does not start like a stream of the coding is passed on where it comes first, and dropped where it comes after
    a stream, as gzip(1) does with padding and trailing garbage.
    """

    def __init__(self, name: str, limit: int) -> None:
        self._start = _STARTS[name]
        self._limit = limit
        #: Up to one byte that is too little to tell what starts here.
        self._head = b""
        self._members = 0
        self._stream: _Stream | None = None
        self._over = False

    @property
    def complete(self) -> bool:
        return self._stream is None

    def feed(self, data: bytes) -> Iterator[bytes]:
        while not self._over:
            if self._stream is None:
                data = self._head + data
                if self._members:
                    data = data.lstrip(b"\0")
                self._head = data if len(data) < 2 else b""
                if self._head or not data:
                    return
                self._open(data)
                continue
            yield from self._stream.pieces(data)
            if not self._stream.ended:
                return
            data, self._stream = self._stream.unused, None
        if not self._members:
            yield data

    def finish(self) -> Iterator[bytes]:
        """Give what a body of a single byte comes to; nothing may be fed after it."""
        data, self._head = self._head, b""
        if data:
            self._open(data)
            yield from self.feed(data)

    def _open(self, head: bytes) -> None:
        if self._members == MAX_MEMBERS:
            raise zlib.error(f"it is made of more than {MAX_MEMBERS} compressed streams")
        self._stream = self._start(head, self._members == 0, self._limit)
        if self._stream is None:
            self._over = True
        else:
            self._members += 1
