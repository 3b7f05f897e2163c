"""What a document says about when to come back is kept, and remembered while the document stays the same."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from aggregator.store import Store, open_store
from tests.origin import Origin, Response, Seen
from tests.store_samples import HOUR, NOW
from tests.support import Site, item, rss
from tests.worlds import World

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
SY = 'xmlns:sy="http://purl.org/rss/1.0/modules/syndication/"'
PERIOD = f"<sy:updatePeriod {SY}>daily</sy:updatePeriod><sy:updateFrequency {SY}>4</sy:updateFrequency>"
SOON = timedelta(minutes=15)


@pytest.fixture
def store(site: Site) -> Iterator[Store]:
    opened = open_store(site.data / "x.db")
    yield opened
    opened.close()


def world(site: Site, store: Store, origin: Origin, said: str, begin: str = "", **more: object) -> World:
    """A source with an interval of ten minutes, whose channel says this."""
    body = begin + rss([item(1)]).replace("<description>d", f"{said}<description>d")

    def answer(seen: Seen) -> Response:
        same = seen.headers.get("if-none-match") == '"1"'
        return Response(b"" if same else body.encode(), 304 if same else 200, {"ETag": '"1"'})

    return World(site, store, {"one": {"feed": origin.handle("/one", answer), "interval": "10m", **more}})


@pytest.mark.parametrize(
    ("said", "wait", "why"),
    [
        ("<ttl>180</ttl>", 3 * HOUR, "(ttl)"),
        (PERIOD, 6 * HOUR, "(sy:updatePeriod)"),
        ("<ttl>1000000</ttl>", 24 * HOUR, "longest wait"),
    ],
)
@pytest.mark.parametrize("begin", ["", "junk "])
async def test_a_feed_says_how_long_it_may_be_kept(
    said: str, wait: timedelta, why: str, begin: str, site: Site, origin: Origin, store: Store
) -> None:
    one = world(site, store, origin, said, begin)
    await one.cycle()
    assert one.wait() == wait
    assert why in (one.state().due_why or "")
    await one.cycle(one.due())
    assert [seen.status for seen in origin.asked("/one")] == [200, 304]
    assert one.wait() == wait


@pytest.mark.parametrize("said", ["", "<ttl>0</ttl>", "<ttl>-60</ttl>", "<ttl>soon</ttl>", "<ttl>5</ttl>"])
async def test_what_asks_for_nothing_more_delays_nothing(said: str, site: Site, origin: Origin, store: Store) -> None:
    one = world(site, store, origin, said)
    await one.cycle()
    assert one.wait() <= SOON


async def test_skipped_hours_are_not_asked_in(site: Site, origin: Origin, store: Store) -> None:
    skipped = {(NOW.hour + ahead) % 24 for ahead in range(3)}
    hours = "".join(f"<hour>{hour}</hour>" for hour in sorted(skipped))
    one = world(site, store, origin, f"<skipHours>{hours}</skipHours>")
    await one.cycle()
    opening = NOW.replace(minute=0, second=0) + 3 * HOUR
    assert opening <= one.due() <= opening + timedelta(minutes=10)
    assert "the feed skips" in (one.state().due_why or "")


@pytest.mark.parametrize(("longest", "kept"), [("72h", True), ("5h", False)])
async def test_skipped_days_are_not_asked_in_as_far_as_max_goes(
    longest: str, kept: bool, site: Site, origin: Origin, store: Store
) -> None:
    skipped = "".join(f"<day>{DAYS[(NOW.weekday() + ahead) % 7]}</day>" for ahead in range(2))
    interval = {"every": "10m", "max": longest}
    one = world(site, store, origin, f"<skipDays>{skipped}</skipDays>", interval=interval)
    await one.cycle()
    end = NOW.replace(hour=0, minute=0, second=0) + 48 * HOUR
    first = end if kept else NOW + 5 * HOUR
    assert first <= one.due() <= first + timedelta(minutes=10)


async def test_all_hours_skipped_is_nonsense(site: Site, origin: Origin, store: Store) -> None:
    hours = "".join(f"<hour>{hour}</hour>" for hour in range(24))
    one = world(site, store, origin, f"<skipHours>{hours}</skipHours>")
    await one.cycle()
    assert one.wait() <= SOON
