"""The rhythm that is learnt from a source's posts, and the wait that follows from it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.schedule import Rhythm, observe
from aggregator.schedule.rhythm import expected_wait, rate

#: A Monday.
START = datetime(2026, 1, 5, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
PATIENCE = timedelta(minutes=15)


def wait(rhythm: Rhythm, now: datetime, patience: timedelta = PATIENCE, longest: timedelta = DAY) -> float:
    """The wait in hours."""
    return expected_wait(rhythm, now, rate(rhythm, now), patience, longest) / 3600


def evenly(a_day: float, days: int = 28) -> tuple[Rhythm, datetime]:
    """A source that posts evenly, but not at the same hours of each day, watched for some days."""
    posts = [START + DAY * (number + 0.618 * number % 1) / a_day for number in range(int(days * a_day))]
    now = START + days * DAY
    return observe(None, posts, now), now


def office(days: int = 28) -> tuple[Rhythm, datetime]:
    """A source that posts four times a day from nine to ten, Monday to Friday."""
    posts = [
        START + day * DAY + timedelta(hours=9, minutes=minute)
        for day in range(days)
        if day % 7 < 5
        for minute in (5, 20, 35, 50)
    ]
    now = START + days * DAY
    return observe(None, posts, now), now


@pytest.mark.parametrize("a_day", [2, 8, 32])
def test_the_rate_of_an_even_source_is_found(a_day: int) -> None:
    rhythm, now = evenly(a_day)
    assert rate(rhythm, now) * 86_400 == pytest.approx(a_day, rel=0.15)


def test_four_times_the_posts_are_twice_the_requests() -> None:
    slow, now = evenly(4)
    fast, _ = evenly(16)
    assert wait(slow, now) / wait(fast, now) == pytest.approx(2, rel=0.15)


def test_four_times_the_patience_is_half_the_requests() -> None:
    rhythm, now = evenly(10)
    assert wait(rhythm, now, 4 * PATIENCE) / wait(rhythm, now) == pytest.approx(2, rel=0.15)


def test_looks_follow_the_busy_hours_and_days() -> None:
    rhythm, now = office()
    monday_morning = wait(rhythm, now + timedelta(hours=9))
    monday_evening = wait(rhythm, now + timedelta(hours=20))
    saturday_morning = wait(rhythm, now + 5 * DAY + timedelta(hours=9))
    assert monday_morning < 1
    # The night is slept through, to the next morning; on a Saturday there is less to wait for than on a Monday.
    assert monday_evening > 6 * monday_morning
    assert saturday_morning > 2 * monday_morning
    assert rhythm.busiest_hour() == 9


def test_no_hour_stands_out_where_none_does() -> None:
    rhythm, _ = evenly(24)
    assert rhythm.busiest_hour() is None
    assert observe(None, [START], START).busiest_hour() is None


def test_a_source_that_falls_silent_is_asked_less_and_less() -> None:
    rhythm, now = evenly(5)
    waits = [wait(rhythm, now + days * DAY, longest=30 * DAY) for days in (0, 7, 28, 84)]
    assert waits == sorted(waits)
    assert waits[-1] > 1.7 * waits[0]


def test_a_source_that_wakes_up_is_asked_more_at_once() -> None:
    rhythm, now = evenly(0.2)
    awake = observe(rhythm, [now + HOUR * number for number in range(6)], now + 6 * HOUR)
    assert wait(awake, now + 6 * HOUR) < wait(rhythm, now + 6 * HOUR) / 2


def test_a_source_without_posts_is_looked_at_about_every_half_day() -> None:
    assert 4 < wait(observe(None, [], START), START) <= 24
    assert wait(observe(None, [], START), START + 90 * DAY) == 24


def test_a_look_without_news_changes_nothing() -> None:
    rhythm, now = evenly(3)
    assert observe(rhythm, [], now + DAY) is rhythm


def test_dates_in_the_future_count_as_now() -> None:
    rhythm = observe(None, [START + 900 * DAY], START)
    assert rhythm.last == START
    assert rhythm.since == START


def test_a_clock_that_was_set_back_does_no_harm() -> None:
    rhythm, now = evenly(3)
    back = observe(rhythm, [now - 10 * DAY], now - 10 * DAY)
    assert back.at == rhythm.at
    assert 0 < wait(back, now - 10 * DAY) <= 24


def test_posts_of_long_ago_say_nothing() -> None:
    old = [START - 2000 * DAY + DAY * number for number in range(50)]
    assert observe(None, old, START) == observe(None, [], START)


def test_a_flood_of_old_posts_is_bounded() -> None:
    rhythm, now = evenly(1)
    flooded = observe(rhythm, [now] * 1_000_000, now)
    assert sum(flooded.days) <= sum(rhythm.days) + 500


POSTS = st.lists(st.integers(-400 * 86_400, 400 * 86_400), max_size=30)


@given(POSTS, POSTS, st.integers(-86_400, 400 * 86_400), st.integers(1, 10**7), st.integers(60, 10**6))
def test_the_wait_is_always_within_its_bounds(
    first: list[int], then: list[int], later: int, patience: int, longest: int
) -> None:
    rhythm = observe(None, [START + timedelta(seconds=post) for post in first], START)
    now = START + timedelta(seconds=later)
    rhythm = observe(rhythm, [START + timedelta(seconds=post) for post in then], now)
    found = expected_wait(rhythm, now, rate(rhythm, now), timedelta(seconds=patience), timedelta(seconds=longest))
    assert 0 < found <= longest
    more = expected_wait(rhythm, now, rate(rhythm, now), timedelta(seconds=2 * patience), timedelta(seconds=longest))
    assert more >= found


@given(POSTS, st.integers(0, 400 * 86_400))
def test_a_rhythm_survives_the_store(posts: list[int], later: int) -> None:
    now = START + timedelta(seconds=later)
    rhythm = observe(None, [START + timedelta(seconds=post) for post in posts], now)
    text = rhythm.dump()
    again = Rhythm.load(text)
    assert again is not None
    assert again.dump() == text
    assert len(text) < 400
    assert wait(again, now) == pytest.approx(wait(rhythm, now), rel=0.01)


@given(
    st.none()
    | st.text()
    | st.lists(st.sampled_from(["1", "-", "nan", "inf", "1e400", "-1", "x"]), max_size=40).map(" ".join)
)
def test_any_stored_text_is_a_rhythm_or_none(text: str | None) -> None:
    rhythm = Rhythm.load(text)
    assert rhythm is None or 0 < wait(rhythm, START) <= 24


def test_a_text_of_the_right_form_with_numbers_that_cannot_be_is_none() -> None:
    good = observe(None, [START], START + DAY).dump().split()
    assert Rhythm.load(" ".join(good)) is not None
    for place, bad in ((0, "9" * 30), (1, "0"), (3, "nan"), (3, "inf"), (4, "-1"), (34, "1e300"), (2, "x"), (0, "-")):
        assert Rhythm.load(" ".join([*good[:place], bad, *good[place + 1 :]])) is None
