"""What people are told of a source that fails: the whole message, as it stands in `status`."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
import trustme

from aggregator.errors import ParseError
from aggregator.models import Fetched
from aggregator.parse import parse
from tests.origin import Origin, Response
from tests.scraping import html
from tests.support import Site, item, rss

HERE = "127.0.0.1"


def _error(site: Site, **source: object) -> str:
    """The error of the one source after an update."""
    site.configure({"id": "one", **source})
    assert site.run("update").status == 1
    error: str = site.status()["one"]["error"]
    return error


@pytest.fixture
def nobody() -> Iterator[int]:
    """A port on which nothing listens; it is held, so that nobody else can."""
    with socket.socket() as silent:
        silent.bind((HERE, 0))
        yield silent.getsockname()[1]


@contextmanager
def _tls() -> Iterator[Origin]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert(HERE).configure_cert(context)
    with closing(Origin(context)) as secure:
        yield secure


def test_a_wanted_password(site: Site, origin: Origin) -> None:
    url = origin.route("/feed", "no", status=401)
    assert _error(site, feed=url) == f"the server answered 401 Unauthorized; set `auth` of the source ({url})"


def test_a_wrong_password(site: Site, origin: Origin) -> None:
    url = origin.route("/feed", "no", status=401)
    said = _error(site, feed=url, auth={"basic": {"user": "me", "password": "pa55word"}})
    assert said == f"the server answered 401 Unauthorized; it refuses the `auth` of the source ({url})"


def test_a_page_that_names_no_feed(site: Site, origin: Origin) -> None:
    url = origin.route("/", "<!doctype html><title>My page</title><p>Hello.</p>", content_type="text/html")
    assert _error(site, feed=url) == (
        'this is an HTML page ("My page"), not a feed; it names no feed: look for another address, or read the page '
        f"itself with `scrape` ({url})"
    )


def test_a_page_that_names_its_feed(site: Site, origin: Origin) -> None:
    link = '<link rel="alternate" type="application/rss+xml" href="/rss">'
    url = origin.route("/", f"<!doctype html><title>My page</title>{link}", content_type="text/html")
    assert _error(site, feed=url) == (
        f'this is an HTML page ("My page"), not a feed; it names a feed at {origin.url}/rss: use that address ({url})'
    )


def test_a_redirect_to_a_page_to_sign_in_at(site: Site, origin: Origin) -> None:
    page = "<!doctype html><title>Sign in</title><form><input name=p type='password'></form>"
    login = origin.route("/login", page, content_type="text/html")
    feed = origin.handle("/feed", lambda seen: Response(b"", 302, {"Location": "/login"}))
    assert _error(site, feed=feed) == (
        'this is an HTML page ("Sign in"), not a feed; it asks for a password: set `auth` or `cookies` of the source; '
        f"it was redirected from {feed} ({login})"
    )


@pytest.mark.parametrize("status", [403, 404, 500])
def test_a_redirect_to_what_is_not_there(status: int, site: Site, origin: Origin) -> None:
    there = origin.route("/there", "no", status=status)
    feed = origin.handle("/feed", lambda seen: Response(b"", 302, {"Location": "/there"}))
    said = _error(site, feed=feed.replace("//", "//me:pa55word@"))
    assert said.startswith(f"the server answered {status} ")
    assert said.endswith(f"; it was redirected from {feed} ({there})")


def test_a_redirect_to_where_nothing_listens(site: Site, origin: Origin, nobody: int) -> None:
    feed = origin.handle("/feed", lambda seen: Response(b"", 302, {"Location": f"http://{HERE}:{nobody}/there"}))
    assert _error(site, feed=feed) == (
        f"no connection: nothing listens on port {nobody} of {HERE}; it was redirected from {feed} "
        f"(http://{HERE}:{nobody}/there)"
    )


@pytest.mark.parametrize("host", [HERE, "localhost"])
def test_a_port_on_which_nothing_listens(host: str, site: Site, nobody: int) -> None:
    url = f"http://{host}:{nobody}/feed"
    assert _error(site, feed=url, allow_private_addresses=True) == (
        f"no connection: nothing listens on port {nobody} of {host} ({url})"
    )


def test_a_proxy_that_is_not_there(site: Site, origin: Origin, nobody: int) -> None:
    url = origin.route("/feed", rss([item(1)]))
    assert _error(site, feed=url, proxy=f"http://{HERE}:{nobody}") == (
        f"no connection to the proxy: nothing listens on port {nobody} of {HERE} ({url})"
    )


def test_http_where_tls_is_spoken(site: Site) -> None:
    with _tls() as secure:
        url = secure.url.replace("https", "http") + "/feed"
        said = _error(site, feed=url)
    # How the connection ends is for the systems of both sides to say.
    assert said.endswith(f"; perhaps it wants TLS: try https:// ({url})")


@contextmanager
def _ends_with(last: bytes, *, reset: bool = False) -> Iterator[str]:
    """The address of a server that reads each request, and ends the connection in its own way."""
    with socket.create_server((HERE, 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(10_000)
                    connection.sendall(last)
                    if reset:
                        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://{HERE}:{server.getsockname()[1]}/feed"
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.mark.parametrize(
    ("last", "reset", "told"),
    [
        (b"", False, "the server closed the connection without an answer"),
        (b"", True, "the connection failed: Connection reset by peer"),
        (b"\x15\x03\x01\x00\x02\x02\x46", False, "the server closed the connection without an answer"),
    ],
)
def test_the_ways_in_which_servers_of_tls_end_a_request_without_it(
    last: bytes, reset: bool, told: str, site: Site
) -> None:
    with _ends_with(last, reset=reset) as url:
        said = _error(site, feed=url)
    assert said.startswith(told)
    assert said.endswith(f"; perhaps it wants TLS: try https:// ({url})")


def test_a_server_of_tls_that_answers_in_http(site: Site, origin: Origin) -> None:
    url = origin.route("/feed", "The plain HTTP request was sent to HTTPS port", status=400)
    assert _error(site, feed=url) == (
        f"the server answered 400 Bad Request; perhaps port {origin.port} wants TLS: try https:// ({url})"
    )


def test_tls_where_http_is_spoken(site: Site, origin: Origin) -> None:
    url = origin.url.replace("http", "https") + "/feed"
    assert _error(site, feed=url) == (
        f"no secure connection to {HERE}: port {origin.port} does not speak TLS; try http:// ({url})"
    )


@pytest.mark.parametrize(
    "body", [b"\xff" * 1000, bytes(range(256)) * 4, b"\x93\x11\x00\x07" * 50, b"\xd8\x00\x9f\xf0\x07\xff"]
)
def test_binary_data(body: bytes, site: Site, origin: Origin) -> None:
    url = origin.route("/feed", body)
    assert _error(site, feed=url) == f"this is binary data (compressed, or an image?), not a feed ({url})"


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"RIFF\x10\x00\x00\x00WEBPVP8 ", "a WebP image or a recording (RIFF)"),
        (b"\xfd7zXZ\x00\x00", "compressed (xz)"),
        (b"7z\xbc\xaf\x27\x1c\x00", "a 7-Zip archive"),
        (b"\x7fELF\x02\x01", "a program"),
    ],
)
def test_known_binary_data(body: bytes, what: str, site: Site, origin: Origin) -> None:
    url = origin.route("/feed", body)
    assert _error(site, feed=url) == f"this is {what}, not a feed ({url})"


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("Свежие новости".encode("cp1251"), "text/plain; charset=windows-1251"),
        ("没有这个页面".encode("gbk"), "text/plain; charset=gbk"),
        ("Nichts für Sie".encode("latin-1"), "text/plain"),
        ("nothing here".encode("utf-16"), "text/plain"),
        (b"\x1b$B$3$s\x1b(B", "text/plain; charset=iso-2022-jp"),
    ],
)
def test_texts_are_not_taken_for_binary_data(body: bytes, content_type: str) -> None:
    url = "https://a.example/"
    with pytest.raises(ParseError, match="this is plain text, not a feed"):
        parse(Fetched(requested_url=url, url=url, status=200, content_type=content_type, body=body))


def test_a_date_that_is_none_is_told(site: Site, origin: Origin) -> None:
    for name in ("1", "2"):
        page = "<title>T</title><h1>T</h1><div class=by>By Ann Example</div><article>Some text.</article>"
        html(origin, f"/{name}.html", page)
    url = html(origin, "/list.html", "<a href='/1.html'>One</a> <a href='/2.html'>Two</a>")
    site.configure({"id": "one", "scrape": {"url": url, "items": "a", "article": {"body": "article", "date": ".by"}}})
    assert site.run("update").status == 0
    notes = site.status()["one"]["notes"]
    advice = "correct the selector `date` or `article.date`, or give its `format`"
    assert notes == [f"2 of 2 dates could not be read: `By Ann Example`; {advice}"]
