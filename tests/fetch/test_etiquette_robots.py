"""robots.txt: asked for once and for pages only, and obeyed."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.fetch.politeness import MAX_ROBOTS, product_token, read_rules
from aggregator.models import Access, Fetched
from tests.etiquette import FEED, failed, failure, fetch, fetcher, request, serve, together
from tests.origin import Origin, Response, Seen

PAGE = "http://example.org/page"
FORBIDDEN = b"User-agent: *\nDisallow: /page\n"


def robots(origin: Origin, text: bytes | str, status: int = 200, **headers: str) -> None:
    """Serve these rules, and pages."""
    serve(origin, "/robots.txt", text.encode() if isinstance(text, str) else text, status, **headers)
    serve(origin, "/page")
    serve(origin, "/other")


def allows(text: str, path: str = "/page") -> bool:
    return bool(read_rules(text.encode(), "aggregator").can_fetch(f"http://example.org{path}", "aggregator"))


async def test_a_forbidden_page_is_not_asked_for(origin: Origin) -> None:
    robots(origin, FORBIDDEN)
    error = await failure(origin, PAGE, robots=True)
    assert error.kind == "robots"
    assert "robots.txt" in str(error)
    assert PAGE in str(error)
    assert [seen.path for seen in origin.requests] == ["/robots.txt"]


async def test_other_pages_are(origin: Origin) -> None:
    robots(origin, FORBIDDEN)
    assert isinstance(await fetch(origin, "http://example.org/other", robots=True), Fetched)


async def test_feeds_are_fetched_without_asking(origin: Origin) -> None:
    robots(origin, FORBIDDEN)
    assert isinstance(await fetch(origin, PAGE), Fetched)
    assert [seen.path for seen in origin.requests] == ["/page"]


async def test_rules_are_asked_for_once_per_origin(origin: Origin) -> None:
    robots(origin, "")
    async with fetcher(origin) as one:
        urls = [f"http://{host}/page" for host in ("example.org", "www.example.org")] * 3
        results = await together(one, *urls, robots=True)
        results += await together(one, *urls, robots=True)
    assert all(isinstance(result, Fetched) for result in results)
    assert sorted(seen.headers["host"] for seen in origin.asked("/robots.txt")) == ["example.org", "www.example.org"]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
async def test_without_rules_everything_may_be_read(origin: Origin, status: int) -> None:
    robots(origin, FORBIDDEN, status)
    assert isinstance(await fetch(origin, PAGE, robots=True), Fetched)


@pytest.mark.parametrize("status", [500, 503])
async def test_rules_that_cannot_be_had_forbid_everything_for_now(origin: Origin, status: int) -> None:
    robots(origin, b"", status)
    error = await failure(origin, PAGE, robots=True)
    assert (error.kind, error.status) == ("http_status", status)
    assert "robots.txt" in str(error)
    assert not origin.asked("/page")


async def test_so_does_a_broken_connection(origin: Origin) -> None:
    robots(origin, b"")
    origin.handle("/robots.txt", Response(raw=lambda handler: handler.connection.close()))
    assert (await failure(origin, PAGE, robots=True)).kind == "connect"
    assert not origin.asked("/page")


async def test_rules_may_lie_elsewhere(origin: Origin) -> None:
    robots(origin, b"", 301, Location="http://www.example.com/rules")
    serve(origin, "/rules", FORBIDDEN)
    assert (await failure(origin, PAGE, robots=True)).kind == "robots"


async def test_rules_that_are_too_many_redirects_away_are_none(origin: Origin) -> None:
    robots(origin, b"", 301, Location="/robots.txt")
    assert isinstance(await fetch(origin, PAGE, robots=True), Fetched)


async def test_the_rules_of_where_a_redirect_leads_count(origin: Origin) -> None:
    def rules(seen: Seen) -> Response:
        return Response(FORBIDDEN if seen.headers["host"] == "example.com" else b"")

    robots(origin, b"")
    origin.handle("/robots.txt", rules)
    serve(origin, "/old", b"", 302, Location="http://example.com/page")
    assert (await failure(origin, "http://example.org/old", robots=True)).kind == "robots"
    assert not origin.asked("/page")


async def test_long_rules_are_read_as_far_as_the_limit(origin: Origin) -> None:
    robots(origin, FORBIDDEN + b"# x\n" * (MAX_ROBOTS // 4) + b"User-agent: *\nDisallow: /other\n")
    async with fetcher(origin) as one:
        assert (await failed(one, PAGE, robots=True)).kind == "robots"
        assert isinstance(await one.fetch(request("http://example.org/other", robots=True)), Fetched)


async def test_rules_are_asked_for_without_credentials_under_the_same_name(origin: Origin) -> None:
    robots(origin, "User-agent: other\nDisallow: /")
    access = Access(authorization="Bearer x", cookies=(("a", "b"),), headers=(("X", "y"),), user_agent="Other/2 (x)")
    assert (await failure(origin, PAGE, robots=True, access=access)).kind == "robots"
    (seen,) = origin.requests
    assert seen.headers["user-agent"] == "Other/2 (x)"
    assert {"authorization", "cookie", "x"}.isdisjoint(seen.headers)


async def test_crawl_delay_lies_between_two_requests(origin: Origin) -> None:
    robots(origin, "User-agent: *\nCrawl-delay: 0.2\n")
    async with fetcher(origin) as one:
        started = time.monotonic()
        await together(one, PAGE, "http://example.org/other", robots=True)
    assert time.monotonic() - started >= 0.4


@pytest.mark.parametrize("delay", ["nan", "-1", "soon", "", "0"])
async def test_a_crawl_delay_that_is_none_delays_nothing(origin: Origin, delay: str) -> None:
    robots(origin, f"User-agent: *\nCrawl-delay: {delay}\n")
    assert isinstance(await fetch(origin, PAGE, robots=True), Fetched)


@pytest.mark.parametrize(
    ("rules", "allowed"),
    [
        ("User-agent: aggregator\nDisallow: /", False),
        ("User-agent: AGGREGATOR/9.9\nDisallow: /", False),
        ("User-agent: agg\nDisallow: /", True),
        ("User-agent: aggregator-news\nDisallow: /", True),
        ("User-agent: other\nDisallow: /", True),
        ("User-agent: other\nUser-agent: aggregator\nDisallow: /", False),
        ("User-agent: *\nDisallow: /\nUser-agent: aggregator\nAllow: /", True),
        ("User-agent: *\nDisallow: /\nAllow: /page", True),
        ("User-agent: *\nDisallow: /*.html$", True),
        ("User-agent: *\r\nDisallow: /p*e\r\n", False),
        ("User-agent: *\nDisallow:", True),
        ("\ufeffUser-agent: *\nDisallow: /", False),
        ("<html>not found</html>", True),
        ("", True),
    ],
)
def test_rules_are_for_our_name_or_for_all(rules: str, allowed: bool) -> None:
    assert allows(rules) is allowed


def test_many_agents_and_rules_do_not_take_long() -> None:
    """Protego alone needs minutes for these."""
    agents = "".join(f"User-agent: bot{number}\n" for number in range(12_000))
    text = agents + "Disallow: /x\n" * 12_000
    started = time.thread_time()
    assert allows(text)
    assert time.thread_time() - started < 10


@given(st.text(max_size=300), st.text(max_size=20))
def test_any_rules_can_be_read(text: str, agent: str) -> None:
    rules = read_rules(text.encode("utf-8", "replace"), product_token(agent))
    assert rules.can_fetch("http://example.org/page", product_token(agent)) in (True, False)


async def test_the_body_of_rules_is_not_confused_with_a_page(origin: Origin) -> None:
    robots(origin, FEED)
    assert isinstance(await fetch(origin, PAGE, robots=True), Fetched)
