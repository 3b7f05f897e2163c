from __future__ import annotations

import gzip
import sys
import tracemalloc
import zlib
from collections.abc import Callable

import brotli  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.errors import FetchError
from aggregator.fetch.decode import MAX_MEMBERS, Body
from tests.fetch_support import bomb

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

URL = "https://example.org/feed"
MB = 1_000_000


def deflated(data: bytes, wbits: int) -> bytes:
    packer = zlib.compressobj(wbits=wbits)
    return packer.compress(data) + packer.flush()


def br(data: bytes) -> bytes:
    # The default quality takes seconds for a large body.
    packed = brotli.compress(data, quality=5)
    assert isinstance(packed, bytes)
    return packed


CODINGS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "x-gzip": ("X-GZip", gzip.compress),
    "zlib": ("deflate", lambda data: deflated(data, 15)),
    "raw deflate": ("deflate", lambda data: deflated(data, -15)),
    "br": ("br", br),
    "zstd": ("zstd", zstd.compress),
}
coding = pytest.mark.parametrize(("announced", "pack"), CODINGS.values(), ids=list(CODINGS))


def decoded(raw: bytes, announced: str = "", *, step: int = 16_384, limit: int = 2 * MB) -> bytes:
    body = Body(announced, limit=limit, url=URL)
    for start in range(0, len(raw), step):
        body.feed(raw[start : start + step])
    return body.finish()


def kind(raw: bytes, announced: str = "", *, step: int = 16_384, limit: int = 2 * MB) -> str:
    with pytest.raises(FetchError) as caught:
        decoded(raw, announced, step=step, limit=limit)
    assert URL in str(caught.value)
    return caught.value.kind


@coding
@given(data=st.binary(min_size=1, max_size=300), step=st.integers(1, 64))
def test_a_body_comes_out_whatever_the_pieces_it_came_in(
    announced: str, pack: Callable[[bytes], bytes], data: bytes, step: int
) -> None:
    if data[:1] != b"\x1f":
        assert decoded(pack(data), announced, step=step) == data


@coding
def test_a_large_body_comes_out_whole(announced: str, pack: Callable[[bytes], bytes]) -> None:
    data = b"".join(b"%d," % number for number in range(200_000))
    assert decoded(pack(data), announced) == data


@coding
def test_the_limit_counts_decoded_bytes(announced: str, pack: Callable[[bytes], bytes]) -> None:
    data = bytes(200_000)
    assert decoded(pack(data), announced, limit=200_000) == data
    assert kind(pack(data), announced, limit=199_999) == "too_large"


@coding
def test_a_body_cut_short_is_an_error(announced: str, pack: Callable[[bytes], bytes]) -> None:
    packed = pack(bytes(range(256)) * 50)
    for length in (3, len(packed) // 2, len(packed) - 1):
        assert kind(packed[:length], announced) == "connect"


@coding
def test_a_damaged_body_is_an_error(announced: str, pack: Callable[[bytes], bytes]) -> None:
    packed = bytearray(pack(b"".join(b"%d," % (number * number) for number in range(3000))))
    for position in range(len(packed) // 4, len(packed) // 2):
        packed[position] ^= 0xA5
    assert kind(bytes(packed), announced) in {"unparsable", "connect"}


@given(st.binary(max_size=300), st.sampled_from(["gzip", "deflate", "br", "zstd", "gzip, br", "deflate, zstd", ""]))
def test_noise_gives_bytes_or_an_error_of_ours(raw: bytes, announced: str) -> None:
    try:
        decoded(raw, announced, limit=10_000)
    except FetchError as error:
        assert error.kind in {"unparsable", "connect", "too_large"}


@pytest.mark.parametrize("announced", ["gzip", "br", "zstd"])
def test_a_bomb_costs_the_limit_and_little_more(announced: str) -> None:
    raw = bomb(announced)
    assert len(raw) < MB // 4
    tracemalloc.start()
    try:
        assert kind(raw, announced, limit=MB) == "too_large"
        # The body itself, a growing buffer's spare room, and the piece at hand.
        assert tracemalloc.get_traced_memory()[1] < 2 * MB
    finally:
        tracemalloc.stop()


def test_a_bomb_that_never_gives_a_byte_is_stopped_between_the_codings() -> None:
    # RFC 1952, section 2.3: flag 8 announces a file name, which here never ends.
    inner = b"\x1f\x8b\x08\x08\0\0\0\0\0\xff" + b"a" * (2 * MB)
    assert kind(gzip.compress(inner), "gzip, gzip", limit=MB) == "too_large"


def test_a_frame_that_wants_a_large_window_is_refused() -> None:
    options = {int(zstd.CompressionParameter.window_log): 27, int(zstd.CompressionParameter.compression_level): 1}
    packer = zstd.ZstdCompressor(options=options)
    frame = packer.compress(b"<rss/>") + packer.flush()
    assert kind(frame, "zstd") == "unparsable"


def test_codings_are_undone_in_reverse_and_two_at_most() -> None:
    data = b"<rss/>"
    assert decoded(zstd.compress(br(data)), "br, zstd") == data
    assert decoded(gzip.compress(data), " identity , GZIP ") == data
    assert kind(data, "gzip, br, zstd") == "refused"


@pytest.mark.parametrize("announced", ["gzip", "x-gzip", "zstd", "", "identity", "utf-8", "none"])
@pytest.mark.parametrize("data", [b"<rss/>", b"x", b"\x1f", b"(\n"])
def test_a_plain_body_is_taken_whatever_was_announced(announced: str, data: bytes) -> None:
    for step in (1, 100):
        assert decoded(data, announced, step=step) == data


def test_an_empty_body_is_empty() -> None:
    for announced in ("", "gzip", "deflate", "br", "zstd"):
        assert decoded(b"", announced) == b""


def test_gzip_that_was_not_announced_is_unpacked() -> None:
    assert decoded(gzip.compress(b"<rss/>")) == b"<rss/>"
    assert decoded(gzip.compress(gzip.compress(b"<rss/>")), "gzip") == b"<rss/>"
    assert kind(gzip.compress(bytes(5000)), limit=4999) == "too_large"


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_members_and_frames_follow_each_other(step: int) -> None:
    assert decoded(gzip.compress(b"<rss>") + gzip.compress(b"</rss>"), "gzip", step=step) == b"<rss></rss>"
    assert decoded(zstd.compress(b"<rss>") + zstd.compress(b"</rss>"), "zstd", step=step) == b"<rss></rss>"
    skippable = b"\x5a\x2a\x4d\x18\x03\x00\x00\x00abc"
    assert decoded(skippable + zstd.compress(b"<rss/>"), "zstd", step=step) == b"<rss/>"


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_padding_and_garbage_after_the_last_member_are_dropped(step: int) -> None:
    for rest in (b"\0" * 600, b"garbage", b"\x1f", b"\0\0\x1f?"):
        assert decoded(gzip.compress(b"<rss/>") + rest, "gzip", step=step) == b"<rss/>"
        assert decoded(deflated(b"<rss/>", 15) + rest, "deflate", step=step) == b"<rss/>"


def test_too_many_members_are_refused() -> None:
    assert decoded(gzip.compress(b"x") * MAX_MEMBERS) == b"x" * MAX_MEMBERS
    assert kind(gzip.compress(b"x") * (MAX_MEMBERS + 1)) == "unparsable"
