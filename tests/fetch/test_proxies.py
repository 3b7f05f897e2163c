"""The proxy that all sources share: named in the settings, or by the environment where the settings say so."""

from __future__ import annotations

import pytest

from aggregator.errors import FetchError
from aggregator.fetch.addresses import parse
from aggregator.fetch.trip import choice
from aggregator.models import Access, Fetched
from aggregator.values.urls import ENVIRONMENT
from tests.etiquette import FEED, fetcher, request, serve
from tests.origin import Origin, Response
from tests.support import Site, item, rss

NAMES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*NAMES, "REQUEST_METHOD"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


async def _fetch(origin: Origin, url: str, proxy: str | None, **changes: object) -> None:
    async with fetcher(origin, proxy=proxy) as one:
        assert isinstance(await one.fetch(request(url, **changes)), Fetched)


async def test_a_proxy_for_all_is_asked_in_place_of_every_site(origin: Origin) -> None:
    """A proxy sees the whole address (RFC 9112, section 3.2.2); so do those of robots.txt and of redirects."""
    origin.handle("http://example.org/robots.txt", Response(b"", 404))
    origin.handle("http://example.org/old", Response(b"", 302, {"Location": "http://example.net/feed"}))
    origin.handle("http://example.net/robots.txt", Response(b"", 404))
    origin.handle("http://example.net/feed", Response(FEED))
    await _fetch(origin, "http://example.org/old", origin.url.replace("//", "//me:pass@"), robots=True)
    assert {seen.path.partition("://")[1] for seen in origin.requests} == {"://"}
    assert len(origin.requests) == 4
    assert {seen.headers["proxy-authorization"] for seen in origin.requests} == {"Basic bWU6cGFzcw=="}


async def test_the_proxy_of_a_source_comes_before_that_of_all(origin: Origin) -> None:
    origin.handle("http://example.org/feed", Response(FEED))
    await _fetch(origin, "http://example.org/feed", "http://127.0.0.1:1", access=Access(proxy=origin.url))


async def test_the_environment_counts_only_where_the_settings_say_so(
    origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(origin)
    origin.handle("http://example.org/feed", Response(FEED))
    monkeypatch.setenv("http_proxy", origin.url)
    await _fetch(origin, "http://example.org/feed", None)
    assert origin.requests[-1].path == "/feed"
    await _fetch(origin, "http://example.org/feed", ENVIRONMENT)
    assert origin.requests[-1].path == "http://example.org/feed"
    monkeypatch.setenv("no_proxy", "example.org")
    await _fetch(origin, "http://example.org/feed", ENVIRONMENT)
    assert origin.requests[-1].path == "/feed"


async def test_the_guard_judges_what_goes_through_a_proxy_of_the_environment(
    origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", origin.url)
    async with fetcher(origin, proxy=ENVIRONMENT) as one:
        for host in ("127.0.0.1", "10.0.0.1", "2130706433", "localhost", "[::1]"):
            with pytest.raises(FetchError) as caught:
                await one.fetch(request(f"http://{host}/feed", allow_private=False))
            assert caught.value.kind == "refused"
    assert not origin.requests


@pytest.mark.parametrize(
    ("environment", "url", "proxy"),
    [
        ({}, "http://example.org/", None),
        ({"http_proxy": "http://p:1"}, "http://example.org/", "http://p:1"),
        ({"HTTP_PROXY": "p:1"}, "http://example.org/", "http://p:1"),
        ({"http_proxy": "http://p:1"}, "https://example.org/", None),
        ({"HTTPS_PROXY": "http://q:2"}, "https://example.org/", "http://q:2"),
        ({"ALL_PROXY": "http://all:3"}, "https://example.org/", "http://all:3"),
        ({"ALL_PROXY": "http://all:3", "NO_PROXY": "*"}, "https://example.org/", None),
        ({"HTTPS_PROXY": "q:2", "NO_PROXY": "other.example, .example.org"}, "https://www.example.org/", None),
        ({"HTTPS_PROXY": "q:2", "NO_PROXY": "ample.org"}, "https://example.org/", "http://q:2"),
        ({"HTTP_PROXY": "p:1", "REQUEST_METHOD": "GET"}, "http://example.org/", None),
        ({"HTTP_PROXY": ""}, "http://example.org/", None),
    ],
)
def test_the_proxy_that_the_environment_names(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], url: str, proxy: str | None
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert choice(ENVIRONMENT)(parse(url)) == proxy


def test_a_proxy_of_the_environment_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://p:1")
    with pytest.raises(FetchError) as caught:
        choice(ENVIRONMENT)(parse("https://example.org/"))
    assert str(caught.value) == (
        "HTTPS_PROXY or ALL_PROXY names a proxy of the scheme 'socks5'; only HTTP proxies can be used (https://example.org/)"
    )


def test_fetch_proxy_is_a_setting_and_its_password_a_secret(
    site: Site, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROXY_PASSWORD", "swordfish")
    origin.handle("http://example.org/feed", Response(rss([item(1)]).encode()))
    proxy = origin.url.replace("//", "//me:${env:PROXY_PASSWORD}@")
    site.configure({"feed": "http://example.org/feed"}, fetch={"proxy": proxy})
    done = site.run("update")
    assert done.status == 0, done.stdout
    assert origin.requests[0].headers["proxy-authorization"] == "Basic bWU6c3dvcmRmaXNo"
    site.configure({"feed": "http://example.org/feed"}, fetch={"proxy": "http://me:${env:PROXY_PASSWORD}@127.0.0.1:1"})
    done = site.run("update", "--all")
    assert "no connection to the proxy" in done.stdout
    assert "swordfish" not in done.stdout + done.stderr + str(site.status())


@pytest.mark.parametrize("proxy", ["socks5://p:1", "p:3128", "Environment", 3128])
def test_a_wrong_proxy_is_an_error_with_its_place(site: Site, proxy: object) -> None:
    site.configure({"feed": "http://example.org/feed"}, fetch={"proxy": proxy})
    done = site.run("status")
    assert done.status == 2
    assert "fetch.proxy" in done.stderr
