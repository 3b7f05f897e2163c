from __future__ import annotations

import asyncio
import hashlib
import subprocess
import sys
import threading
from dataclasses import replace

import pytest

from aggregator.fetch import Fetcher, FetchSettings
from aggregator.models import Fetched, Freshness
from tests.daemons import PATIENCE
from tests.fetch_support import SETTINGS, document, failure, request, unchanged
from tests.origin import Origin, Response, Seen

FEED = b"<rss version='2.0'><channel/></rss>"


async def test_a_document_comes_with_what_is_needed_to_read_and_to_repeat_it(origin: Origin) -> None:
    headers = {"ETag": '"v1"', "Last-Modified": "Tue, 01 Jul 2025 00:00:00 GMT"}
    url = origin.route("/feed", FEED, content_type="application/rss+xml; charset=utf-8", headers=headers)
    fetched = await document(url)
    assert fetched.freshness.date
    assert replace(fetched, freshness=Freshness()) == Fetched(
        requested_url=url,
        url=url,
        status=200,
        content_type="application/rss+xml; charset=utf-8",
        body=FEED,
        etag='"v1"',
        last_modified="Tue, 01 Jul 2025 00:00:00 GMT",
        body_hash=hashlib.sha256(FEED).hexdigest(),
    )


async def test_a_request_says_who_asks_for_what_and_nothing_else(origin: Origin) -> None:
    url = origin.route("/feed", FEED, headers={"Set-Cookie": "tracker=1; Path=/"})
    async with Fetcher(SETTINGS) as fetcher:
        await fetcher.fetch(request(url))
        await fetcher.fetch(request(url))
    first, second = origin.asked("/feed")
    assert first.method == "GET"
    assert first.headers == {
        "host": f"127.0.0.1:{origin.port}",
        "user-agent": "aggregator/test (+https://example.org/)",
        "accept": "application/rss+xml, */*;q=0.1",
        "accept-encoding": "gzip, deflate, br, zstd",
    }
    assert second.headers == first.headers


async def test_proxies_and_passwords_of_the_environment_are_left_alone(
    origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    url = origin.route("/feed", FEED)
    assert (await document(url)).body == FEED


@pytest.mark.parametrize(
    "path",
    [
        "/a%2Fb%7ec%41/x?q=a%20b+c%2B&y=%e4%B8%AD&&z=1;2&sig=a%2f%3D=",
        "/a;b=c,d/!$&'()*+,;=:@?q=|[]{}^`'",
        "/%zz%?%",
        "/a//b/?x=//",
        "/%2e%2e/x",
        "/?",
    ],
)
async def test_what_goes_over_the_wire_is_what_the_address_says(origin: Origin, path: str) -> None:
    origin.route(path.partition("?")[0], FEED)
    await document(origin.url + path)
    assert [seen.path for seen in origin.requests] == [path.rstrip("?")]


async def test_characters_outside_ascii_are_encoded(origin: Origin) -> None:
    origin.route("/%E6%96%B0", FEED)
    fetched = await document(f"{origin.url}/新?q=科#part")
    assert [seen.path for seen in origin.requests] == ["/%E6%96%B0?q=%E7%A7%91"]
    assert fetched.url == f"{origin.url}/%E6%96%B0?q=%E7%A7%91"


@pytest.mark.parametrize("etag", ['"abc"', 'W/"a b"', "no-quotes", '"a","b"', '"caf\u00c3\u00a9"', '"gz-\\"'])
async def test_validators_go_back_byte_for_byte(origin: Origin, etag: str) -> None:
    last_modified = "Tuesday, 01-Jul-25 00:00:00 CEST"
    sent = {"ETag": etag, "Last-Modified": last_modified}

    def answer(seen: Seen) -> Response:
        return Response(b"", 304, {"ETag": '"new"'}) if "if-none-match" in seen.headers else Response(FEED, 200, sent)

    url = origin.handle("/feed", answer)
    first = await document(url)
    assert (first.etag, first.last_modified) == (etag, last_modified)
    second = await unchanged(url, etag=first.etag, last_modified=first.last_modified)
    assert (second.url, second.etag, second.last_modified) == (url, '"new"', None)
    headers = origin.requests[1].headers
    assert (headers["if-none-match"], headers["if-modified-since"]) == (etag, last_modified)


async def test_a_validator_that_cannot_go_back_unchanged_does_not_go_back(origin: Origin) -> None:
    url = origin.route("/feed", FEED, headers={"ETag": '"caf\u00e9"', "Last-Modified": "yesterday"})
    first = await document(url)
    assert first.etag == '"caf\u00e9"'
    again = await unchanged(url, etag=first.etag, last_modified=first.last_modified, body_hash=first.body_hash)
    assert again.etag == first.etag
    assert "if-none-match" not in origin.requests[1].headers
    assert origin.requests[1].headers["if-modified-since"] == "yesterday"


async def test_the_same_bytes_again_count_as_not_modified(origin: Origin) -> None:
    url = origin.route("/feed", FEED, headers={"ETag": '"v2"'})
    body_hash = hashlib.sha256(FEED).hexdigest()
    result = await unchanged(url, etag='"v1"', body_hash=body_hash)
    assert (result.etag, result.last_modified) == ('"v2"', None)
    origin.route("/feed", FEED + b" ")
    assert (await document(url, body_hash=body_hash)).body == FEED + b" "


async def test_304_without_having_been_asked_for_is_an_error(origin: Origin) -> None:
    url = origin.handle("/feed", Response(b"", 304))
    error = await failure(url)
    assert (error.kind, error.status) == ("http_status", 304)


@pytest.mark.parametrize("status", [300, 400, 401, 403, 404, 410, 429, 500, 503, 599])
async def test_a_status_that_is_no_success_is_an_error(origin: Origin, status: int) -> None:
    error = await failure(origin.route("/feed", b"<html/>", status=status))
    assert (error.kind, error.status) == ("http_status", status)
    assert f"answered {status}" in str(error)


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (404, "the server answered 404 Not Found; check whether its address has changed"),
        (410, "the server answered 410 Gone; look for its new address, or do without it"),
    ],
)
async def test_a_missing_document_comes_with_advice(origin: Origin, status: int, advice: str) -> None:
    error = await failure(origin.route("/feed", b"<html/>", status=status))
    assert str(error).startswith(advice)


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (403, {"cf-mitigated": "challenge"}),
        (503, {"CF-Mitigated": "Challenge"}),
        (202, {"x-amzn-waf-action": "challenge"}),
        (405, {"x-amzn-waf-action": "captcha"}),
        (429, {"x-vercel-mitigated": "challenge"}),
    ],
)
async def test_a_challenge_for_browsers_is_a_kind_of_its_own(
    origin: Origin, status: int, headers: dict[str, str]
) -> None:
    error = await failure(origin.route("/feed", b"<html>Just a moment</html>", status=status, headers=headers))
    assert (error.kind, error.status) == ("blocked", status)


@pytest.mark.parametrize("status", [200, 204])
async def test_an_empty_answer_is_no_feed(origin: Origin, status: int) -> None:
    error = await failure(origin.route("/feed", b"", status=status))
    assert error.kind == "not_a_feed"
    assert "empty" in str(error)


async def test_no_more_fetches_run_at_once_than_were_allowed(origin: Origin) -> None:
    lock = threading.Lock()
    running: list[int] = [0, 0]
    full = threading.Barrier(2)

    def answer(seen: Seen) -> Response:
        with lock:
            running[0] += 1
            running[1] = max(running)
        full.wait(PATIENCE)
        with lock:
            running[0] -= 1
        return Response(FEED)

    url = origin.handle("/feed", answer)
    async with Fetcher(FetchSettings("test", concurrency=2)) as fetcher:
        results = await asyncio.gather(*(fetcher.fetch(request(url)) for _ in range(8)))
    assert len(results) == 8
    assert running[1] == 2


async def test_a_fetch_can_be_cancelled(origin: Origin) -> None:
    arrived, leave = threading.Event(), threading.Event()

    def answer(seen: Seen) -> Response:
        arrived.set()
        leave.wait(PATIENCE)
        return Response(FEED)

    url = origin.handle("/feed", answer)
    async with Fetcher(SETTINGS) as fetcher:
        task = asyncio.create_task(fetcher.fetch(request(url)))
        assert await asyncio.to_thread(arrived.wait, PATIENCE)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        leave.set()
        origin.route("/other", FEED)
        assert isinstance(await fetcher.fetch(request(origin.url + "/other")), Fetched)


def test_the_command_line_starts_without_the_http_client() -> None:
    code = "import sys, aggregator.cli; sys.exit('aiohttp' in sys.modules or 'httpx' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
