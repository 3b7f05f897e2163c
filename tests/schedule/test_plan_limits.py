"""What servers and feeds ask for is done, and not overdone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.models import Auto, Cron, Every, Interval
from aggregator.schedule import FailureStreak, FeedHints, ServerHints, next_due, observe
from aggregator.schedule.hints import LONGEST

#: A Friday.
NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
OFTEN = Every(10 * MINUTE)
BUSY = observe(None, [NOW - number * MINUTE for number in range(300)], NOW)
INTERVALS = [OFTEN, Auto(), Every(HOUR), Every(12 * HOUR)]


@pytest.mark.parametrize("interval", INTERVALS)
@pytest.mark.parametrize(
    ("server", "feed", "word"),
    [
        (ServerHints(fresh_for=5 * HOUR), FeedHints(), "good until"),
        (ServerHints(), FeedHints(ttl=5 * HOUR), "ttl"),
        (ServerHints(), FeedHints(update_every=5 * HOUR), "updatePeriod"),
        (ServerHints(retry_after=5 * HOUR), FeedHints(), "Retry-After"),
    ],
)
def test_no_look_is_sooner_than_asked_for_nor_later_than_that_or_the_interval(
    interval: Interval, server: ServerHints, feed: FeedHints, word: str
) -> None:
    plain = next_due("a", NOW, interval, rhythm=BUSY)
    due = next_due("a", NOW, interval, rhythm=BUSY, server=server, feed=feed)
    assert due.at == max(plain.at, NOW + 5 * HOUR)
    assert (word in due.why) is (due.at != plain.at)


@pytest.mark.parametrize(
    ("server", "feed"),
    [
        (ServerHints(fresh_for=LONGEST), FeedHints()),
        (ServerHints(), FeedHints(ttl=LONGEST)),
        (ServerHints(), FeedHints(update_every=LONGEST)),
        (ServerHints(fresh_for=LONGEST), FeedHints(skip_days=frozenset(range(6)))),
    ],
)
def test_nothing_but_retry_after_hides_a_source_for_longer_than_max(server: ServerHints, feed: FeedHints) -> None:
    assert next_due("a", NOW, OFTEN, server=server, feed=feed).at == NOW + DAY
    assert next_due("a", NOW, Every(MINUTE, max=2 * HOUR), server=server, feed=feed).at == NOW + 2 * HOUR
    assert next_due("a", NOW, Auto(max=3 * DAY), rhythm=BUSY, server=server, feed=feed).at == NOW + 3 * DAY
    assert "longest wait" in next_due("a", NOW, OFTEN, server=server, feed=feed).why


@pytest.mark.parametrize("asked", [HOUR, DAY, 8 * DAY, LONGEST])
def test_retry_after_is_stronger_than_max(asked: timedelta) -> None:
    assert next_due("a", NOW, OFTEN, server=ServerHints(retry_after=asked)).at == NOW + asked


def test_retry_after_is_not_believed_for_longer_than_a_month() -> None:
    assert next_due("a", NOW, OFTEN, server=ServerHints(retry_after=400 * DAY)).at == NOW + LONGEST


def test_retry_after_holds_after_a_failure_and_shortens_nothing() -> None:
    failure = FailureStreak("http_status", 1, 503)
    assert next_due("a", NOW, OFTEN, failure=failure, server=ServerHints(retry_after=2 * HOUR)).at == NOW + 2 * HOUR
    plain = next_due("a", NOW, OFTEN, failure=failure)
    assert next_due("a", NOW, OFTEN, failure=failure, server=ServerHints(retry_after=MINUTE)) == plain


def test_errors_have_a_freshness_too() -> None:
    failure = FailureStreak("http_status", 1, 500)
    assert next_due("a", NOW, OFTEN, failure=failure, server=ServerHints(fresh_for=3 * HOUR)).at == NOW + 3 * HOUR


def test_a_server_without_validators_is_asked_once_an_hour_unless_the_configuration_allows_it() -> None:
    bare = ServerHints(no_validator=True)
    due = next_due("a", NOW, OFTEN, server=bare)
    assert due.at == NOW + HOUR
    assert "validator" in due.why
    assert next_due("a", NOW, OFTEN, server=bare, poll_without_validators=True) == next_due("a", NOW, OFTEN)
    assert next_due("a", NOW, Every(6 * HOUR), server=bare) == next_due("a", NOW, Every(6 * HOUR))
    # That setting does not override the other limits.
    hints = ServerHints(no_validator=True, fresh_for=2 * HOUR)
    assert next_due("a", NOW, OFTEN, server=hints, poll_without_validators=True).at == NOW + 2 * HOUR


def test_skipped_hours_are_skipped_and_no_others() -> None:
    feed = FeedHints(skip_hours=frozenset({12, 13, 14, 20}))
    due = next_due("a", NOW, OFTEN, feed=feed)
    assert datetime(2026, 5, 1, 15, 0, tzinfo=UTC) <= due.at < datetime(2026, 5, 1, 15, 10, tzinfo=UTC)
    assert "skips 14:00 GMT" in due.why
    later = NOW + 5 * HOUR
    assert next_due("a", later, OFTEN, feed=feed) == next_due("a", later, OFTEN)


def test_the_end_of_skipped_hours_is_not_a_stampede() -> None:
    feed = FeedHints(skip_hours=frozenset({12}))
    assert len({next_due(f"source-{number}", NOW, OFTEN, feed=feed).at for number in range(200)}) > 100


def test_skipped_days_are_skipped_and_no_others() -> None:
    feed = FeedHints(skip_days=frozenset({5}))
    saturday = NOW + 22 * HOUR
    due = next_due("a", saturday, OFTEN, feed=feed)
    assert timedelta(0) <= due.at - datetime(2026, 5, 3, tzinfo=UTC) < 10 * MINUTE
    assert "skips Saturday" in due.why
    assert next_due("a", NOW, OFTEN, feed=feed) == next_due("a", NOW, OFTEN)


def test_a_skipped_weekend_costs_one_look_a_day() -> None:
    feed = FeedHints(skip_days=frozenset({5, 6}))
    now, weekend = NOW, 0
    while now < NOW + 3 * DAY:
        now = next_due("a", now, OFTEN, feed=feed).at
        weekend += now.weekday() >= 5
    assert weekend <= 2


def test_updates_that_are_counted_from_a_base_are_looked_for_then() -> None:
    feed = FeedHints(update_every=6 * HOUR, update_base=datetime(2000, 1, 1, 1, 0, tzinfo=UTC))
    assert next_due("a", NOW, OFTEN, feed=feed).at == NOW + HOUR
    ahead = FeedHints(update_every=6 * HOUR, update_base=datetime(2030, 1, 1, 1, 0, tzinfo=UTC))
    assert next_due("a", NOW, OFTEN, feed=ahead).at == NOW + HOUR


@pytest.mark.parametrize(
    ("server", "at"),
    [
        (ServerHints(fresh_for=90 * MINUTE), datetime(2026, 5, 1, 14, 0, tzinfo=UTC)),
        (ServerHints(retry_after=DAY + 90 * MINUTE), datetime(2026, 5, 2, 14, 0, tzinfo=UTC)),
        (ServerHints(fresh_for=6 * HOUR), datetime(2026, 5, 2, 9, 0, tzinfo=UTC)),
        (ServerHints(), datetime(2026, 5, 1, 13, 0, tzinfo=UTC)),
    ],
)
def test_what_delays_a_cron_time_delays_it_to_another(server: ServerHints, at: datetime) -> None:
    due = next_due("a", NOW, Cron("0 9-17 * * *"), server=server)
    assert timedelta(0) <= due.at - at < 5 * MINUTE


DURATIONS = st.none() | st.timedeltas(timedelta(seconds=1), LONGEST)


@given(
    st.sampled_from([*INTERVALS, Cron("5 * * * *", "Asia/Kolkata")]),
    st.builds(ServerHints, DURATIONS, DURATIONS, st.booleans()),
    st.builds(
        FeedHints,
        DURATIONS,
        st.frozensets(st.integers(0, 23), max_size=23),
        st.frozensets(st.integers(0, 6), max_size=6),
        DURATIONS,
        st.none() | st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)).map(lambda when: when.replace(tzinfo=UTC)),
    ),
    st.none() | st.integers(1, 99),
)
def test_whatever_is_asked_for_both_ends_hold(
    interval: Interval, server: ServerHints, feed: FeedHints, failures: int | None
) -> None:
    failure = FailureStreak("connect", failures) if failures else None
    due = next_due("a", NOW, interval, rhythm=BUSY, server=server, feed=feed, failure=failure)
    retry = server.retry_after or timedelta(0)
    fresh = min(max(server.fresh_for or timedelta(0), feed.ttl or timedelta(0)), DAY)
    assert due.at >= NOW + max(retry, fresh)
    # A time of the cron expression, which comes every hour, can be up to an hour later.
    assert due.at <= NOW + max(retry, DAY) + (HOUR + 6 * MINUTE if isinstance(interval, Cron) else timedelta(seconds=1))
