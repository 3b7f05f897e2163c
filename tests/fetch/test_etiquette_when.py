"""When a source is asked again: never sooner than server and feed want, and not later than that without need."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from itertools import pairwise
from typing import Any

import pytest

from aggregator.schedule import NEVER
from aggregator.store import Store, open_store
from tests.origin import Origin, Response, Seen
from tests.store_samples import HOUR, NOW
from tests.support import Site, item, rss
from tests.worlds import World

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
BODY = rss([item(1)])
#: At an interval of ten minutes a source comes to its own place after 5 to 15.
OFTEN = "10m"
SOON = 15 * MINUTE


@pytest.fixture
def store(site: Site) -> Iterator[Store]:
    opened = open_store(site.data / "x.db")
    yield opened
    opened.close()


def often(feed: str, **more: Any) -> dict[str, dict[str, Any]]:
    return {"one": {"feed": feed, "interval": OFTEN, **more}}


async def wait_after(origin: Origin, site: Site, store: Store, answer: Response, **more: Any) -> timedelta:
    """How long a source waits after this answer."""
    world = World(site, store, often(origin.handle("/one", answer), **more))
    await world.cycle()
    return world.wait()


def document(status: int = 200, **headers: str) -> Response:
    sent = {"ETag": '"1"'} | {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(BODY.encode() if status == 200 else b"", status, sent)


async def test_a_fresh_answer_is_not_asked_for_again(site: Site, origin: Origin, store: Store) -> None:
    world = World(site, store, often(origin.handle("/one", document(Cache_Control="max-age=7200"))))
    await world.cycle()
    assert world.wait() == 2 * HOUR
    assert world.state().due_why == "the server says that its answer stays good until then"
    assert await world.cycle(NOW + 2 * HOUR - timedelta(seconds=1)) == []
    assert len(await world.cycle(NOW + 2 * HOUR)) == 1
    assert len(origin.asked("/one")) == 2


async def test_a_304_says_how_long_it_is_fresh(site: Site, origin: Origin, store: Store) -> None:
    def answer(seen: Seen) -> Response:
        asked = "if-none-match" in seen.headers
        return document(304, Cache_Control="max-age=10800") if asked else document()

    world = World(site, store, often(origin.handle("/one", answer)))
    await world.cycle()
    assert world.wait() <= SOON
    await world.cycle(world.due())
    assert world.wait() == 3 * HOUR


@pytest.mark.parametrize("status", [404, 500])
async def test_so_does_an_error(status: int, site: Site, origin: Origin, store: Store) -> None:
    assert await wait_after(origin, site, store, document(status, Cache_Control="max-age=43200")) == 12 * HOUR


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Cache_Control": "max-age=60"},
        {"Cache_Control": "no-cache, max-age=7200"},
        {"Cache_Control": "max-age=7200", "Age": "7190"},
        {"Expires": "0"},
        {"Retry_After": "5"},
        {"Retry_After": "soon"},
    ],
)
async def test_what_asks_for_nothing_delays_nothing(
    headers: dict[str, str], site: Site, origin: Origin, store: Store
) -> None:
    assert 5 * MINUTE <= await wait_after(origin, site, store, document(200, **headers)) <= SOON


async def test_expires_counts_from_the_servers_own_date(site: Site, origin: Origin, store: Store) -> None:
    head = (
        "HTTP/1.1 200 OK\r\nETag: x\r\nDate: Sat, 01 Jan 2000 00:00:00 GMT\r\n"
        f"Expires: Sat, 01 Jan 2000 05:00:00 GMT\r\nContent-Length: {len(BODY.encode())}\r\n\r\n"
    )

    def send(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write((head + BODY).encode())

    answer = Response(raw=send)
    assert await wait_after(origin, site, store, answer) == 5 * HOUR


async def test_no_answer_hides_a_source_for_longer_than_max(site: Site, origin: Origin, store: Store) -> None:
    answer = document(Cache_Control="max-age=2000000")
    assert await wait_after(origin, site, store, answer) == DAY


async def test_max_can_be_set(site: Site, origin: Origin, store: Store) -> None:
    answer = document(Cache_Control="max-age=2000000")
    wait = await wait_after(origin, site, store, answer, interval={"every": OFTEN, "max": "3h"})
    assert wait == 3 * HOUR


@pytest.mark.parametrize("status", [200, 404, 500, 503])
async def test_retry_after_is_kept_whatever_the_status(status: int, site: Site, origin: Origin, store: Store) -> None:
    wait = await wait_after(origin, site, store, document(status, Retry_After=str(3 * 86_400)))
    assert wait == 3 * DAY


async def test_a_server_without_validators_is_asked_once_an_hour(site: Site, origin: Origin, store: Store) -> None:
    assert await wait_after(origin, site, store, Response(BODY.encode())) == HOUR


async def test_unless_the_configuration_allows_it(site: Site, origin: Origin, store: Store) -> None:
    assert await wait_after(origin, site, store, Response(BODY.encode()), poll_without_validators=True) <= SOON


async def test_the_same_bytes_without_validators_are_asked_for_once_an_hour_too(
    site: Site, origin: Origin, store: Store
) -> None:
    world = World(site, store, often(origin.route("/one", BODY)))
    await world.cycle()
    await world.cycle(world.due())
    assert (world.wait(), len(origin.asked("/one"))) == (HOUR, 2)


@pytest.mark.parametrize("header", ["ETag", "Last-Modified"])
async def test_one_validator_is_enough(header: str, site: Site, origin: Origin, store: Store) -> None:
    answer = Response(BODY.encode(), 200, {header: "Mon, 06 May 2024 00:00:00 GMT"})
    assert await wait_after(origin, site, store, answer) <= SOON


async def test_failures_wait_longer_each_time_and_one_success_ends_it(site: Site, origin: Origin, store: Store) -> None:
    world = World(site, store, often(origin.handle("/one", document(500))))
    waits: list[timedelta] = []
    for _ in range(9):
        await world.cycle(world.due() if waits else NOW)
        waits.append(world.wait())
    assert all(1.6 * sooner <= later <= 2.4 * sooner for sooner, later in pairwise(waits[:6]))
    assert 15 * MINUTE <= waits[0] <= 17 * MINUTE
    assert 12 * HOUR <= waits[-1] <= 14 * HOUR
    assert (world.state().failures, world.state().due_why) == (9, "failed 9 times in a row (http_status 500)")
    origin.handle("/one", document())
    await world.cycle(world.due())
    assert (world.state().failures, world.state().due_why) == (0, "every 10m")
    assert world.wait() <= SOON


async def test_a_source_that_says_on_three_days_that_it_is_gone_is_asked_no_more(
    site: Site, origin: Origin, store: Store
) -> None:
    world = World(site, store, often(origin.handle("/one", document(410))))
    for day in range(3):
        assert world.state().gone_days == day
        await world.cycle(world.due() if day else NOW)
    assert world.due() == NEVER
    assert NOW + 2 * DAY <= world.now < NOW + 3 * DAY
    assert world.state().due_why == "gone: the server said so (410) on 3 different days"
    assert await world.cycle(NOW + 1000 * DAY) == []
    assert len(origin.asked("/one")) == 3


async def test_a_success_between_takes_it_back(site: Site, origin: Origin, store: Store) -> None:
    world = World(site, store, often(origin.handle("/one", document(410))))
    await world.cycle()
    await world.cycle(world.due())
    origin.handle("/one", document())
    await world.cycle(world.due())
    assert (world.state().gone_days, world.state().gone_last, world.state().failures) == (0, None, 0)
    origin.handle("/one", document(410))
    await world.cycle(world.due())
    assert (world.state().gone_days, world.wait() <= DAY) == (1, True)


async def test_other_failures_never_end_it(site: Site, origin: Origin, store: Store) -> None:
    world = World(site, store, often(origin.handle("/one", document(404))))
    for _ in range(12):
        await world.cycle(world.due() if world.state().failures else NOW)
    assert world.wait() <= DAY


async def test_a_gone_source_is_shown_as_such(site: Site, origin: Origin) -> None:
    with_database = open_store(site.data / "aggregator.db")
    world = World(site, with_database, often(origin.handle("/one", document(410))))
    for day in range(3):
        await world.cycle(world.due() if day else NOW)
    with_database.close()
    row = site.status()["one"]
    assert (row["state"], row["next_due_at"], row["due_why"][:5]) == ("gone", None, "gone:")
    assert "gone" in site.run("status", "--failing").stdout


async def test_a_cron_expression_names_the_times(site: Site, origin: Origin, store: Store) -> None:
    feed = origin.handle("/one", document(Cache_Control="max-age=7200"))
    world = World(
        site,
        store,
        {"one": {"feed": feed, "category": "news"}},
        categories={"news": {"title": "News", "interval": "0 7 * * *"}},
        site={"url": "https://feeds.example.org/", "timezone": "Europe/Berlin"},
    )
    await world.cycle(datetime(2024, 5, 6, 4, 30, tzinfo=UTC))
    assert datetime(2024, 5, 7, 5, tzinfo=UTC) <= world.due() <= datetime(2024, 5, 7, 5, 5, tzinfo=UTC)
    await world.cycle(world.due())
    assert datetime(2024, 5, 8, 5, tzinfo=UTC) <= world.due() <= datetime(2024, 5, 8, 5, 5, tzinfo=UTC)


async def test_auto_comes_back_soon_to_a_lively_source_and_later_to_a_silent_one(
    site: Site, origin: Origin, store: Store
) -> None:
    stamps = [NOW - 2 * HOUR * number for number in range(1, 60)]
    lively = [item(n, pubDate=stamp.strftime("%a, %d %b %Y %H:%M:%S GMT")) for n, stamp in enumerate(stamps)]
    silent = [item(1, pubDate="Fri, 01 Jan 2010 10:00:00 GMT")]
    sources = {
        name: {"feed": origin.handle(f"/{name}", Response(rss(items).encode(), 200, {"ETag": "1"}))}
        for name, items in (("lively", lively), ("silent", silent))
    }
    world = World(site, store, sources, fetch={"allow_private_addresses": True, "interval": "auto"})
    await world.cycle()
    # After the first look, which may bring many sources at once, they are spread over all of the wait.
    assert 15 * MINUTE <= world.wait("lively") <= 2 * HOUR
    await world.cycle(max(world.due("lively"), world.due("silent")))
    assert 15 * MINUTE <= world.wait("lively") <= 2 * HOUR < world.wait("silent") <= DAY
    assert "posts a week" in (world.state("lively").due_why or "")


async def test_sources_with_the_same_interval_do_not_start_together(site: Site, origin: Origin, store: Store) -> None:
    feed = origin.handle("/one", document())
    world = World(site, store, {f"s{number}": {"feed": f"{feed}?{number}"} for number in range(40)})
    await world.cycle()
    assert len({world.due(f"s{number}") for number in range(40)}) > 30
    assert max(world.wait(f"s{number}") for number in range(40)) > 80 * MINUTE
