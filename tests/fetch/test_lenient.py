"""What browsers take and a strict reader of HTTP would refuse: heads, addresses of redirects, cookies of a chain."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aggregator.errors import FetchError
from aggregator.fetch import Fetcher
from aggregator.fetch.addresses import parse
from aggregator.fetch.transport import tidy
from aggregator.models import Access
from tests.fetch.test_hostile import OK, raw, says
from tests.fetch.test_redirects import FEED, redirect
from tests.fetch_support import SETTINGS, document, failure, outcome, request
from tests.origin import Origin, Response, Seen

CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n6\r\n<rss/>\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    "answer",
    [
        OK
        + b"Content-Security-Policy: "
        + b"default-src https://cdn.example/ " * 500
        + b"\r\nContent-Length: 6\r\n\r\n<rss/>",
        OK + b"Link: " + b"x" * 60_000 + b"\r\nContent-Length: 6\r\n\r\n<rss/>",
        OK + b"no colon here\r\nContent-Length: 6\r\n\r\n<rss/>",
        OK + b"no colon here\r\n and its next line\r\nContent-Length: 6\r\n\r\n<rss/>",
        OK + b": no name\r\nContent-Length: 6\r\n\r\n<rss/>",
        OK + b"two words: 1\r\nContent-Length: 6\r\n\r\n<rss/>",
        OK + b"<!-- PHP notice -->\r\nContent-Length: 6\r\n\r\n<rss/>",
        OK + b"Content-Length: 6\r\nContent-Length: 6\r\n\r\n<rss/>",
        OK + b"Content-Length: 999\r\n" + CHUNKED,
        OK + b"content-length: 1\r\n" + CHUNKED,
        OK.replace(b"\r\n", b"\n") + b"no colon\nContent-Length: 6\n\n<rss/>",
        b"HTTP/1.1 103 Early Hints\r\nno colon\r\n\r\n" + OK + b"no colon\r\nContent-Length: 6\r\n\r\n<rss/>",
    ],
)
async def test_heads_are_read_as_browsers_do(origin: Origin, answer: bytes) -> None:
    assert (await document(raw(origin, says(answer)))).body == FEED


async def test_a_head_may_come_byte_by_byte(origin: Origin) -> None:
    def send(handler: object) -> None:
        for byte in OK + b"no colon\r\nContent-Length: 6\r\n\r\n<rss/>":
            handler.wfile.write(bytes([byte]))  # type: ignore[attr-defined]
            handler.wfile.flush()  # type: ignore[attr-defined]

    assert (await document(raw(origin, send))).body == FEED


async def test_a_connection_is_used_again_after_a_head_that_was_put_right(origin: Origin) -> None:
    """What is left of one answer must not be taken for the next."""
    answers = iter([b"no colon\r\nContent-Length: 6\r\n\r\n<one/>", b"Content-Length: 6\r\n\r\n<two/>"])

    def answer(seen: Seen) -> Response:
        def send(handler: object) -> None:
            handler.close_connection = False  # type: ignore[attr-defined]
            handler.wfile.write(OK + next(answers))  # type: ignore[attr-defined]

        return Response(raw=send)

    origin.handle("/feed", answer)
    async with Fetcher(SETTINGS) as fetcher:
        bodies = [(await fetcher.fetch(request(origin.url + "/feed"))).body for _ in range(2)]  # type: ignore[union-attr]
    assert bodies == [b"<one/>", b"<two/>"]


@pytest.mark.parametrize("size", [70_000, 10_000_000])
async def test_a_line_of_a_head_is_still_bounded(origin: Origin, size: int) -> None:
    assert (await failure(raw(origin, says(OK + b"X: " + b"x" * size + b"\r\n\r\n")))).kind == "connect"


_LINES = st.sampled_from(
    [
        *[b"A: 1\r\n", b"B:2\n", b" folded\r\n", b"no colon\r\n", b"bad name: x\r\n", b":\r\n", b"\x00: 1\n"],
        *[b"Content-Length: 6\r\n", b"content-length:7\r\n", b"Transfer-Encoding: chunked\r\n", b"X: \xff\xfe\r\n"],
    ]
)


@given(st.lists(_LINES, max_size=8))
@example([b"Transfer-Encoding: gzip\r\n", b"Content-Length: 6\r\n"])
def test_a_head_that_was_put_right_is_right(lines: list[bytes]) -> None:
    head = b"HTTP/1.1 200 OK\r\n" + b"".join(lines) + b"\r\n"
    once = tidy(head)
    assert tidy(once) == once
    assert once.startswith(b"HTTP/1.1 200 OK\r\n")
    assert once.endswith(b"\n\r\n")
    kept = once.splitlines(keepends=True)
    assert all(line in head for line in kept)
    assert not any(line.startswith((b"no colon", b"bad name", b":")) for line in kept)
    if b"chunked" in once:
        assert b"length" not in once.lower()
    good = [line for line in lines if re.match(rb"[A-Za-z-]+:", line) and b"ength" not in line]
    assert [line for line in kept if line in good] == good


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("/my feed.xml", "/my%20feed.xml"),
        ("/my feed.xml?q=a b", "/my%20feed.xml?q=a%20b"),
        (" /feed.xml ", "/feed.xml"),
        ("\\sub\\feed.xml", "/sub/feed.xml"),
        ("/feed.xml?path=a\\b", "/feed.xml?path=a%5Cb"),
        ("/fe\ted.xml", "/feed.xml"),
    ],
)
async def test_a_location_is_read_as_browsers_do(origin: Origin, location: str, path: str) -> None:
    """WHATWG URL, section 4.4; RFC 9110, section 10.2.2."""
    origin.route(path, FEED)
    fetched = await document(redirect(origin, "/old", location))
    assert fetched.url == origin.url + path
    assert origin.requests[1].path == path


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("feed://other.example/x", "http://other.example/x"),
        ("feed:https://other.example/x", "https://other.example/x"),
        ("FEED:http://other.example/x", "http://other.example/x"),
        ("https:\\\\other.example\\x", "https://other.example/x"),
        ("\\\\other.example\\x", "https://other.example/x"),
        ("https://other.example/a\\b#c\\d", "https://other.example/a/b"),
    ],
)
def test_addresses_of_redirects_are_understood(location: str, url: str) -> None:
    assert parse("https://example.org/feed").join(location).url == url


@pytest.mark.parametrize(
    "location", ["feed:javascript:alert(1)", "feed:file:///etc/passwd", "http://exa mple.org/", "/a\x00b"]
)
def test_a_lenient_address_is_still_checked(location: str) -> None:
    with pytest.raises(FetchError) as caught:
        parse("https://example.org/feed").join(location)
    assert caught.value.kind == "refused"


async def test_a_backslash_hides_no_private_address(origin: Origin) -> None:
    """Browsers go to the host before the backslash, and so does the check."""
    origin.route("/@example.org/", FEED)
    location = f"//127.0.0.2:{origin.port}\\@example.org/"
    error = await failure(redirect(origin, "/old", location), allow_private=("127.0.0.1/32",))
    assert error.kind == "refused"
    assert len(origin.requests) == 1


def _gate(origin: Origin, path: str, cookie: str) -> str:
    """A page that sets a cookie and sends back to itself until the cookie comes."""

    def answer(seen: Seen) -> Response:
        if cookie.partition(";")[0] in seen.headers.get("cookie", ""):
            return Response(FEED)
        return Response(b"", 302, {"Location": path, "Set-Cookie": cookie})

    return origin.handle(path, answer)


async def test_a_site_that_wants_its_cookie_back_gets_it(origin: Origin) -> None:
    assert (await document(_gate(origin, "/feed", "seen=1; Path=/; HttpOnly"))).body == FEED
    assert [seen.headers.get("cookie") for seen in origin.requests] == [None, "seen=1"]


async def test_a_site_that_sets_new_cookies_for_ever_is_left(origin: Origin) -> None:
    count = iter(range(1000))

    def answer(seen: Seen) -> Response:
        return Response(b"", 302, {"Location": "/feed", "Set-Cookie": f"n={next(count)}; Path=/"})

    error = await failure(origin.handle("/feed", answer))
    assert (error.kind, len(origin.requests)) == ("redirect", 11)


async def test_cookies_of_a_chain_go_to_the_origin_that_set_them_only(origin: Origin, other: Origin) -> None:
    """Other ports, paths and secure cookies over http get none; a cookie may be taken back on the way."""
    cookie = "a=1; Path=/; Domain=127.0.0.1"
    origin.handle("/one", Response(b"", 302, {"Location": other.url + "/two", "Set-Cookie": cookie}))
    other.handle("/two", Response(b"", 302, {"Location": origin.url + "/x/three", "Set-Cookie": "b=2; Path=/"}))
    origin.handle("/x/three", Response(b"", 302, {"Location": "/four", "Set-Cookie": "c=3; Path=/x"}))
    origin.handle("/four", Response(b"", 302, {"Location": "/five", "Set-Cookie": "d=4; Path=/; Secure"}))
    origin.handle("/five", Response(b"", 302, {"Location": "/six", "Set-Cookie": "a=; Path=/; Max-Age=0"}))
    origin.route("/six", FEED)
    await document(origin.url + "/one")
    sent = [seen.headers.get("cookie") for seen in origin.requests]
    assert sent == [None, "a=1", "a=1", "a=1", None]
    assert [seen.headers.get("cookie") for seen in other.requests] == [None]


async def test_cookies_end_with_the_chain(origin: Origin) -> None:
    url = _gate(origin, "/feed", "seen=1; Path=/")
    async with Fetcher(SETTINGS) as fetcher:
        await fetcher.fetch(request(url))
        await fetcher.fetch(request(url))
        await fetcher.fetch(request(origin.route("/other", FEED)))
    assert [seen.headers.get("cookie") for seen in origin.requests] == [None, "seen=1", None, "seen=1", None]


async def test_cookies_of_the_source_stay_with_those_of_the_way(origin: Origin) -> None:
    url = _gate(origin, "/feed", "seen=1; Path=/")
    await outcome(url, access=Access(cookies=(("session", "abc"), ("seen", "0"))))
    assert [seen.headers.get("cookie") for seen in origin.requests] == ["session=abc; seen=0", "session=abc; seen=1"]


async def test_the_user_info_of_a_redirect_is_not_sent_for_the_source(origin: Origin, other: Origin) -> None:
    """Else a stranger who may redirect could sign the source in as somebody else."""
    location = origin.url.replace("//", "//stranger:x@") + "/last"
    origin.handle("/first", Response(b"", 302, {"Location": other.url + "/middle"}))
    other.handle("/middle", Response(b"", 302, {"Location": location}))
    origin.route("/last", FEED)
    await document(origin.url + "/first", access=Access(authorization="Bearer mine"))
    assert [seen.headers["authorization"] for seen in origin.requests] == ["Bearer mine"] * 2
    origin.requests.clear()
    await document(origin.url.replace("//", "//me:secret@") + "/first")
    assert [seen.headers["authorization"] for seen in origin.requests] == ["Basic bWU6c2VjcmV0"] * 2
