from __future__ import annotations

import pytest

from tests.fetch_support import document, failure, unchanged
from tests.origin import Origin, Response

FEED = b"<rss/>"


def redirect(origin: Origin, path: str, location: str, status: int = 302) -> str:
    return origin.handle(path, Response(b"moved", status, {"Location": location}))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_followed(origin: Origin, status: int) -> None:
    url = redirect(origin, "/old", "/new?x=1#part", status)
    origin.route("/new", FEED)
    fetched = await document(url)
    assert (fetched.requested_url, fetched.url) == (url, origin.url + "/new?x=1")
    assert [seen.method for seen in origin.requests] == ["GET", "GET"]
    assert "referer" not in origin.requests[1].headers


async def test_a_location_keeps_its_escapes_and_may_hold_utf8(origin: Origin) -> None:
    url = redirect(origin, "/old", "/a%2Fb/新?q=a%20b+c".encode().decode("latin-1"))
    origin.route("/a%2Fb/%E6%96%B0", FEED)
    await document(url)
    assert origin.requests[1].path == "/a%2Fb/%E6%96%B0?q=a%20b+c"


async def test_validators_go_along(origin: Origin) -> None:
    url = redirect(origin, "/old", "/new")
    origin.route("/new", FEED, conditional=True)
    fetched = await document(url)
    assert (await unchanged(url, etag=fetched.etag)).url == origin.url + "/new"


async def test_ten_redirects_are_followed_and_no_more(origin: Origin) -> None:
    for number in range(11):
        redirect(origin, f"/{number}", f"/{number + 1}")
    origin.route("/11", FEED)
    assert (await document(origin.url + "/1")).body == FEED
    error = await failure(origin.url + "/0")
    assert error.kind == "redirect"
    assert "more than 10" in str(error)
    assert len(origin.asked("/11")) == 1


async def test_a_circle_is_noticed_at_once(origin: Origin) -> None:
    redirect(origin, "/a", "/b")
    redirect(origin, "/b", "/a")
    redirect(origin, "/self", "")
    for path, asked in (("/a", 2), ("/self", 1)):
        origin.requests.clear()
        error = await failure(origin.url + path)
        assert error.kind == "redirect"
        assert "circle" in str(error)
        assert len(origin.requests) == asked


@pytest.mark.parametrize(
    "location",
    [
        "ftp://127.0.0.1/feed",
        "file:///etc/passwd",
        "data:text/xml,<rss/>",
        "javascript:alert(1)",
        "/a\x01b",
        "http://exa$mple.org/",
        "http://[::1",
        "http://１２７.0.0.1/".encode().decode("latin-1"),
        "http://127.0.0.1:99999/",
        "http://" + "a" * 8000,
        "/" + "a" * 8180,
    ],
)
async def test_redirects_to_what_cannot_be_fetched_are_refused(origin: Origin, location: str) -> None:
    error = await failure(redirect(origin, "/old", location))
    assert error.kind == "refused"
    assert len(origin.requests) == 1


async def test_a_redirect_without_a_location_is_an_error(origin: Origin) -> None:
    error = await failure(origin.handle("/old", Response(b"", 301)))
    assert (error.kind, error.status) == ("http_status", 301)


async def test_every_hop_is_checked_anew(origin: Origin) -> None:
    """What is allowed to be asked first may still not lead elsewhere inside the network."""
    allowed = ("127.0.0.1/32",)
    origin.route("/feed", FEED)
    for host in ("127.0.0.2", "0.1.2.3", "[::1]", "[::ffff:127.0.0.2]", "2130706434", "10.0.0.1"):
        redirect(origin, "/middle", f"http://{host}:{origin.port}/feed")
        error = await failure(redirect(origin, "/first", "/middle"), allow_private=allowed)
        assert error.kind == "refused", host
        assert host.strip("[]") in str(error)
    assert not origin.asked("/feed")
    redirect(origin, "/middle", f"http://[::ffff:127.0.0.1]:{origin.port}/feed")
    assert (await document(origin.url + "/first", allow_private=allowed)).body == FEED


async def test_credentials_go_to_their_own_origin_only(origin: Origin, other: Origin) -> None:
    redirect(origin, "/first", "/second")
    redirect(origin, "/second", other.url + "/third")
    redirect(other, "/third", origin.url + "/last")
    origin.route("/last", FEED)
    fetched = await document(origin.url.replace("//", "//me:se%20cret@") + "/first")
    assert fetched.url == origin.url + "/last"
    basic = "Basic bWU6c2UgY3JldA=="
    assert [seen.headers.get("authorization") for seen in origin.requests] == [basic, basic, basic]
    assert "authorization" not in other.requests[0].headers
    assert "secret" not in str(await failure(origin.url.replace("//", "//me:secret@") + "/missing"))
