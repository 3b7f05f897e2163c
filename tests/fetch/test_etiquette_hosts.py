"""How often hosts are asked: limits and delays by domain, Retry-After, and what is counted."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

import pytest

from aggregator.errors import FetchError
from aggregator.fetch.addresses import parse
from aggregator.fetch.politeness import domain_of, gate_of, host_of
from aggregator.models import Fetched, Freshness
from aggregator.schedule.hints import LONGEST, retry_after
from tests.etiquette import FEED, NOW, Crowd, failed, failure, fetcher, hosts, request, serve, together
from tests.origin import Origin, Response, Seen


@pytest.mark.parametrize(
    ("url", "domain", "host"),
    [
        ("https://blog.example.co.uk/x", "example.co.uk", "blog.example.co.uk"),
        ("https://Blog.Example.com./x", "example.com", "blog.example.com"),
        ("https://one.github.io/", "one.github.io", "one.github.io"),
        ("https://a.b.bücher.example/", "xn--bcher-kva.example", "a.b.xn--bcher-kva.example"),
        ("https://co.uk/", "co.uk", "co.uk"),
        ("http://192.0.2.7:8080/", "192.0.2.7:8080", "192.0.2.7:8080"),
        ("http://[2001:db8::1]/", "2001:db8::1:80", "2001:db8::1:80"),
        ("http://intranet/", "intranet:80", "intranet:80"),
        ("http://feeds.localhost:1200/", "feeds.localhost:1200", "feeds.localhost:1200"),
    ],
)
def test_limits_are_for_registrable_domains(url: str, domain: str, host: str) -> None:
    target = parse(url)
    assert (domain_of(target), host_of(target)) == (domain, host)
    assert gate_of(url) == (None if "localhost" in url else domain)


async def test_two_requests_at_once_go_to_a_domain_and_no_more(origin: Origin) -> None:
    crowd = Crowd(2)
    origin.handle("/feed", crowd)
    async with fetcher(origin) as one:
        results = await together(one, *(f"http://h{n}.example.org/feed" for n in range(6)))
    assert all(isinstance(result, Fetched) for result in results)
    assert crowd.most["all"] == 2


async def test_the_limit_can_be_set(origin: Origin) -> None:
    crowd = Crowd(2, seconds=0.5)
    origin.handle("/feed", crowd)
    async with fetcher(origin, per_host=1) as one:
        await together(one, *["http://example.org/feed"] * 3)
    assert crowd.most["all"] == 1


async def test_other_domains_do_not_wait(origin: Origin) -> None:
    """Six domains are asked at once, although each may have one request only."""
    crowd = Crowd(6)
    origin.handle("/feed", crowd)
    async with fetcher(origin, per_host=1) as one:
        await together(one, *(f"http://example{n}.org/feed" for n in range(6)))
    assert crowd.most["all"] == 6


async def test_neighbours_below_a_public_suffix_do_not_wait_for_each_other(origin: Origin) -> None:
    crowd = Crowd(2)
    origin.handle("/feed", crowd)
    async with fetcher(origin, per_host=1) as one:
        await together(one, "http://one.github.io/feed", "http://two.github.io/feed")
    assert crowd.most["all"] == 2


async def test_this_machine_is_not_spared(origin: Origin) -> None:
    crowd = Crowd(5)
    url = origin.handle("/feed", crowd)
    async with fetcher(origin, per_host=1, host_delay=timedelta(hours=1)) as one:
        await together(one, *[url] * 5)
    assert crowd.most["all"] == 5


async def test_a_delay_lies_between_two_requests_to_a_domain(origin: Origin) -> None:
    times: list[float] = []

    def answer(seen: Seen) -> Response:
        times.append(time.monotonic())
        return Response(FEED)

    origin.handle("/feed", answer)
    async with fetcher(origin, host_delay=timedelta(seconds=0.2)) as one:
        started = time.monotonic()
        await together(one, "http://a.example.org/feed", "http://b.example.org/feed", "http://example.org/feed")
    assert times[-1] - started >= 0.4


async def test_the_first_request_and_other_domains_are_not_delayed(origin: Origin) -> None:
    serve(origin)
    async with fetcher(origin, host_delay=timedelta(hours=1)) as one:
        results = await together(one, *(f"http://example{n}.org/feed" for n in range(4)))
    assert all(isinstance(result, Fetched) for result in results)


class Leaping(asyncio.SelectorEventLoop):
    """An event loop whose clock can be set forward."""

    ahead = 0.0

    def time(self) -> float:
        return super().time() + self.ahead


def test_waiting_for_a_turn_is_not_held_against_the_server(origin: Origin) -> None:
    serve(origin)
    hour = timedelta(hours=1)

    async def wait_an_hour(loop: Leaping) -> None:
        asked = request("http://example.org/feed", timeout=timedelta(minutes=1))
        async with fetcher(origin, host_delay=hour) as one:
            assert isinstance(await one.fetch(asked), Fetched)
            waiting = asyncio.create_task(one.fetch(asked))
            await asyncio.sleep(0)
            assert len(origin.requests) == 1
            loop.ahead += hour.total_seconds()
            assert isinstance(await waiting, Fetched)

    with asyncio.Runner(loop_factory=Leaping) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, Leaping)
        runner.run(wait_an_hour(loop))


async def test_a_redirect_passes_the_gate_of_where_it_leads(origin: Origin) -> None:
    crowd = Crowd(2, seconds=0.5)
    serve(origin, "/old", b"", 302, Location="http://example.com/feed")
    origin.handle("/feed", crowd)
    async with fetcher(origin, per_host=1) as one:
        await together(one, *(f"http://example{n}.org/old" for n in range(3)))
    assert crowd.most["example.com"] == 1


async def test_redirects_are_counted_across_hosts(origin: Origin) -> None:
    """Eleven hosts, each sending on to the next: ten redirects are followed, and no more."""
    for number in range(20):
        serve(origin, f"/{number}", b"", 302, Location=f"http://host{number + 1}.example/{number + 1}")
    error = await failure(origin, "http://host0.example/0")
    assert (error.kind, str(error).partition(" (")[0]) == ("redirect", "more than 10 redirects")
    assert hosts(origin) == [f"host{number}.example" for number in range(11)]


async def test_redirects_in_both_directions_do_not_lock_each_other_out(origin: Origin) -> None:
    def answer(seen: Seen) -> Response:
        other = "two.org" if seen.headers["host"] == "one.org" else "one.org"
        return Response(b"", 302, {"Location": f"http://{other}/feed"})

    origin.handle("/old", answer)
    serve(origin)
    async with fetcher(origin, per_host=1, concurrency=2) as one:
        results = await together(one, *["http://one.org/old", "http://two.org/old"] * 4)
    assert all(isinstance(result, Fetched) for result in results)


async def test_a_cancelled_fetch_gives_its_place_back(origin: Origin) -> None:
    serve(origin)
    async with fetcher(origin, per_host=1, host_delay=timedelta(hours=1)) as one:
        await one.fetch(request("http://example.org/feed"))
        waiting = asyncio.create_task(one.fetch(request("http://example.org/feed")))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert isinstance(await one.fetch(request("http://example.com/feed")), Fetched)
    assert hosts(origin) == ["example.org", "example.com"]


@pytest.mark.parametrize("status", [429, 503])
async def test_a_host_that_says_retry_after_is_left_alone(origin: Origin, status: int) -> None:
    serve(origin, "/busy", b"", status, Retry_After="120")
    serve(origin)
    async with fetcher(origin) as one:
        error = await failed(one, "http://www.example.org/busy")
        assert (error.status, error.held) == (status, False)
        assert error.retry_after == NOW + timedelta(seconds=120)
        assert "2026-05-04 12:02:00 UTC" in str(error)
        held = await failed(one, "http://www.example.org/feed")
        assert (held.kind, held.held, held.retry_after) == ("http_status", True, NOW + timedelta(seconds=120))
        assert "not asked" in str(held)
        assert one.waits == {"www.example.org": NOW + timedelta(seconds=120)}
        assert {(t.host, t.requests, t.held) for t in one.traffic} == {("www.example.org", 1, 1)}
    assert [seen.path for seen in origin.requests] == ["/busy"]


async def test_requests_that_wait_for_their_turn_are_held_back_too(origin: Origin) -> None:
    serve(origin, "/feed", b"", 429, Retry_After="60")
    async with fetcher(origin, per_host=1) as one:
        results = await together(one, *["http://example.org/feed"] * 5)
    assert [isinstance(one, FetchError) and one.held for one in results].count(True) == 4
    assert len(origin.requests) == 1


async def test_other_hosts_of_the_domain_are_asked_on(origin: Origin) -> None:
    serve(origin, "/busy", b"", 503, Retry_After="120")
    serve(origin)
    async with fetcher(origin) as one:
        await failed(one, "http://www.example.org/busy")
        assert isinstance(await one.fetch(request("http://blog.example.org/feed")), Fetched)


async def test_429_alone_stops_the_host_for_this_cycle_only(origin: Origin) -> None:
    serve(origin, "/busy", b"", 429)
    async with fetcher(origin) as one:
        await failed(one, "http://example.org/busy")
        held = await failed(one, "http://example.org/busy")
        assert held.held
        assert "in this cycle" in str(held)
        assert one.waits == {}
    assert len(origin.requests) == 1


@pytest.mark.parametrize(("status", "headers"), [(503, {}), (500, {"Retry-After": "60"}), (404, {"Retry-After": "9"})])
async def test_other_failures_stop_no_host(origin: Origin, status: int, headers: dict[str, str]) -> None:
    serve(origin, "/bad", b"", status, **headers)
    serve(origin)
    async with fetcher(origin) as one:
        error = await failed(one, "http://example.org/bad")
        assert (error.retry_after is not None) is bool(headers)
        assert isinstance(await one.fetch(request("http://example.org/feed")), Fetched)


async def test_a_wait_of_an_earlier_cycle_is_kept(origin: Origin) -> None:
    serve(origin)
    waits = {"example.org": NOW + timedelta(minutes=1), "example.com": NOW - timedelta(minutes=1)}
    async with fetcher(origin, waits=waits) as one:
        assert (await failed(one, "http://example.org/feed")).held
        assert isinstance(await one.fetch(request("http://example.com/feed")), Fetched)
    assert hosts(origin) == ["example.com"]


async def test_a_redirect_to_a_host_that_is_left_alone_is_not_followed(origin: Origin) -> None:
    serve(origin, "/old", b"", 302, Location="http://example.com/feed")
    async with fetcher(origin, waits={"example.com": NOW + timedelta(minutes=1)}) as one:
        assert (await failed(one, "http://example.org/old")).held
    assert hosts(origin) == ["example.org"]


@pytest.mark.parametrize(
    ("value", "date", "seconds"),
    [
        ("0", None, None),
        ("1", None, 1),
        (" 3600 ", None, 3600),
        ("99999999999999999999", None, LONGEST.total_seconds()),
        ("Mon, 04 May 2026 12:05:00 GMT", None, 300),
        ("Mon, 04 May 2026 12:05:00 GMT", "Mon, 04 May 2026 12:04:00 GMT", 60),
        ("Mon, 04 May 2026 11:00:00 GMT", None, None),
        ("Fri, 04 May 2029 12:00:00 GMT", None, LONGEST.total_seconds()),
        ("soon", None, None),
        ("-5", None, None),
        ("1.5", None, 1),
        ("Mon, 99 May 99999 12:00:00 GMT", None, None),
        (None, None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, date: str | None, seconds: float | None) -> None:
    until = retry_after(Freshness(retry_after=value, date=date), NOW)
    assert until == (None if seconds is None else NOW + timedelta(seconds=seconds))


async def test_what_goes_to_a_host_is_counted(origin: Origin) -> None:
    serve(origin, ETag='"v1"')
    serve(origin, "/same", b"", 304)
    serve(origin, "/old", b"", 301, Location="/feed")
    async with fetcher(origin) as one:
        await one.fetch(request("http://example.org/old"))
        await one.fetch(request("http://example.org/same", etag='"v1"'))
        await failed(one, "http://example.org/missing")
        (traffic,) = one.traffic
    assert (traffic.host, traffic.requests, traffic.documents, traffic.not_modified) == ("example.org", 4, 1, 1)
    assert (traffic.received, traffic.decoded, traffic.held) == (len(FEED), len(FEED), 0)


async def test_a_plain_failure_asks_for_no_wait(origin: Origin) -> None:
    serve(origin, "/bad", b"", 500)
    error = await failure(origin, "http://example.org/bad")
    assert (error.status, error.retry_after, error.held) == (500, None, False)
