"""The next look: intervals, jitter, failures, outages and stops. What servers and feeds ask for has its own module."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.models import Auto, Cron, Every
from aggregator.schedule import NEVER, FailureStreak, Gone, after_outage, after_stop, next_due, observe
from aggregator.schedule.plan import span

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
KEYS = [f"source-{number}" for number in range(1000)]


@pytest.mark.parametrize("period", [10 * MINUTE, HOUR, 6 * HOUR, DAY, 7 * DAY])
def test_a_fixed_interval_keeps_its_distance(period: timedelta) -> None:
    for key in KEYS[:50]:
        one = next_due(key, NOW, Every(period)).at
        assert timedelta(0) < one - NOW <= max(1.5 * period if period < DAY else period, period)
        # Each look ends a little after it was due.
        two = next_due(key, one + timedelta(seconds=20), Every(period)).at
        assert two - one == period


def test_sources_with_one_interval_spread_over_it() -> None:
    minutes = [next_due(key, NOW, Every(HOUR)).at.minute for key in KEYS]
    tenths = [sum(1 for minute in minutes if minute // 6 == tenth) for tenth in range(10)]
    assert min(tenths) > 60
    assert max(tenths) < 140


def test_a_late_look_does_not_move_a_source_from_its_place() -> None:
    due = next_due("a", NOW, Every(HOUR)).at
    assert (next_due("a", due + 20 * MINUTE, Every(HOUR)).at - due) == HOUR
    assert (next_due("a", due + 40 * MINUTE, Every(HOUR)).at - due) == 2 * HOUR
    assert (next_due("a", due + 10 * DAY, Every(HOUR)).at - due) % HOUR == timedelta(0)


def test_cron_is_kept_to_the_minute_or_five() -> None:
    offsets = set()
    for key in KEYS[:100]:
        due = next_due(key, NOW, Cron("0 6 * * *", "Europe/Berlin"))
        offsets.add(due.at - datetime(2026, 5, 2, 4, 0, tzinfo=UTC))
        assert "0 6 * * *" in due.why
    assert timedelta(0) <= min(offsets)
    assert max(offsets) < 5 * MINUTE
    assert len(offsets) > 50


def test_cron_a_minute_apart_stays_a_minute_apart() -> None:
    for key in KEYS[:50]:
        assert next_due(key, NOW, Cron("* * * * *")).at - NOW < 67 * timedelta(seconds=1)


def test_a_cron_time_of_next_month_is_not_cut_to_a_day() -> None:
    assert next_due("a", NOW, Cron("0 0 1 * *")).at - datetime(2026, 6, 1, tzinfo=UTC) < 5 * MINUTE


def test_auto_stays_within_its_bounds_and_says_what_it_knows() -> None:
    busy = observe(None, [NOW - number * MINUTE for number in range(300)], NOW)
    quiet = observe(None, [], NOW - 300 * DAY)
    for key in KEYS[:100]:
        assert next_due(key, NOW, Auto(), rhythm=busy).at - NOW == 15 * MINUTE
        assert 0.9 * DAY <= next_due(key, NOW, Auto(), rhythm=quiet).at - NOW <= DAY
        assert next_due(key, NOW, Auto(max=3 * HOUR), rhythm=quiet).at - NOW <= 3 * HOUR
        assert DAY < next_due(key, NOW, Auto(max=7 * DAY), rhythm=quiet).at - NOW <= 7 * DAY
    assert "posts a week" in next_due("a", NOW, Auto(), rhythm=busy).why


def test_auto_without_a_rhythm_does_something_sensible() -> None:
    assert HOUR < next_due("a", NOW, Auto()).at - NOW < DAY


def test_many_new_sources_spread_over_the_whole_wait() -> None:
    quiet = observe(None, [], NOW - 300 * DAY)
    waits = [next_due(key, NOW, Auto(), rhythm=quiet, first=True).at - NOW for key in KEYS]
    assert sum(1 for wait in waits if wait < 12 * HOUR) > 400
    assert max(waits) <= DAY
    assert min(waits) >= 15 * MINUTE


@pytest.mark.parametrize(("least", "most", "patience"), [(0, 1, 1), (2, 1, 1), (1, 1, 0), (-1, 1, 1)])
def test_bounds_that_cannot_be_are_refused(least: int, most: int, patience: int) -> None:
    with pytest.raises(ValueError, match="more than"):
        Auto(least * HOUR, most * HOUR, patience * HOUR)


def test_failures_wait_longer_and_longer_and_recover_at_once() -> None:
    waits = [
        next_due("a", NOW, Every(5 * MINUTE), failure=FailureStreak("timeout", number)).at - NOW
        for number in (1, 4, 50)
    ]
    assert 10 * MINUTE <= waits[0] <= 11 * MINUTE
    assert 80 * MINUTE <= waits[1] <= 88 * MINUTE
    assert 6 * HOUR <= waits[2] <= 6.6 * HOUR
    assert next_due("a", NOW, Every(5 * MINUTE)).at - NOW <= 7.5 * MINUTE


def test_the_wait_after_a_failure_is_not_shorter_than_the_interval_nor_longer_than_max() -> None:
    patient = next_due("a", NOW, Every(12 * HOUR), failure=FailureStreak("timeout", 1))
    assert patient.at == next_due("a", NOW, Every(12 * HOUR)).at
    long = next_due("a", NOW, Every(HOUR, max=3 * HOUR), failure=FailureStreak("too_large", 9))
    assert long.at - NOW == 3 * HOUR
    weekly = next_due("a", NOW, Every(7 * DAY), failure=FailureStreak("too_large", 9))
    assert weekly.at == next_due("a", NOW, Every(7 * DAY)).at


def test_why_names_the_failure() -> None:
    due = next_due("a", NOW, Every(HOUR), failure=FailureStreak("http_status", 3, 502))
    assert due.why == "failed 3 times in a row (http_status 502)"
    assert "once (dns)" in next_due("a", NOW, Every(12 * HOUR), failure=FailureStreak("dns", 1)).why


def test_a_source_that_is_gone_is_not_asked_again() -> None:
    gone = FailureStreak("http_status", 3, 410, Gone(3))
    assert next_due("a", NOW, Every(HOUR), failure=gone).at == NEVER
    almost = FailureStreak("http_status", 2, 410, Gone(2))
    assert DAY - HOUR < next_due("a", NOW, Every(HOUR), failure=almost).at - NOW <= DAY


def test_an_outage_is_followed_by_one_retry_soon_not_all_at_once() -> None:
    dues = {after_outage(key, NOW, 1).at - NOW for key in KEYS}
    assert min(dues) >= 2 * MINUTE
    assert max(dues) < 4 * MINUTE
    assert len(dues) > 100
    assert after_outage("a", NOW, 10**9).at - NOW <= 2 * HOUR


def test_after_a_stop_sources_start_one_after_the_other() -> None:
    few = [after_stop(key, NOW, 10) - NOW for key in KEYS]
    many = [after_stop(key, NOW, 100_000) - NOW for key in KEYS]
    assert max(few) <= timedelta(seconds=10)
    assert 50 * MINUTE < max(many) <= HOUR
    assert len(set(many)) > 800


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (59, "59s"), (60, "1m"), (5400, "1h 30m"), (3601, "1h 1s"), (90_061, "1d 1h")]
)
def test_durations_are_written_for_people(seconds: int, text: str) -> None:
    assert span(seconds) == text


@given(
    st.text(max_size=20),
    st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)),
    st.integers(1, 10**7),
    st.none() | st.integers(1, 10**6),
)
def test_the_next_look_is_always_ahead_and_always_the_same(
    key: str, moment: datetime, seconds: int, failures: int | None
) -> None:
    now = moment.replace(microsecond=0, tzinfo=UTC)
    failure = FailureStreak("internal", failures) if failures else None
    for interval in (Every(timedelta(seconds=seconds)), Auto(timedelta(seconds=60)), Cron("7 */3 * * *")):
        due = next_due(key, now, interval, failure=failure)
        assert due == next_due(key, now, interval, failure=failure)
        assert due.at > now
        assert due.at.microsecond == 0
        # What is put off to the longest wait is put off to the next time of the cron expression after it.
        longest = DAY + 4 * HOUR if isinstance(interval, Cron) else max(DAY, timedelta(seconds=seconds))
        assert due.at - now <= longest
        assert 0 < len(due.why) < 200
