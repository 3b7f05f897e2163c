"""Periods of digests: by the clock of a zone, without gaps, also where the clock is changed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.models import Digest
from aggregator.publish.digests import period_of

DAILY = Digest("daily", 8 * 60, "Europe/Berlin")
#: Zones that change their clocks by an hour, by half an hour, at midnight, or left out a whole day.
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Pacific/Apia")
DIGESTS = st.builds(
    Digest, st.sampled_from(["daily", "weekly"]), st.integers(0, 24 * 60 - 1), st.sampled_from(ZONES), st.integers(0, 6)
)
MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))


@pytest.mark.parametrize(
    ("day", "start", "end", "hours"),
    [
        (date(2024, 3, 30), "2024-03-29T07:00", "2024-03-30T07:00", 24),
        # Summer time begins and ends in the night before.
        (date(2024, 3, 31), "2024-03-30T07:00", "2024-03-31T06:00", 23),
        (date(2024, 10, 27), "2024-10-26T06:00", "2024-10-27T07:00", 25),
    ],
)
def test_days_with_a_changed_clock_are_shorter_or_longer(day: date, start: str, end: str, hours: int) -> None:
    first, last = (datetime.fromisoformat(f"{one}+00:00") for one in (start, end))
    found = period_of(DAILY, first)
    assert (found.start, found.end, found.last, found.name) == (first, last, day, str(day))
    assert found.end - found.start == timedelta(hours=hours)
    assert period_of(DAILY, last - timedelta(seconds=1)) == found
    assert period_of(DAILY, last).start == last


def test_a_day_that_ends_at_midnight_has_the_name_of_that_day() -> None:
    found = period_of(Digest("daily", 0, "UTC"), datetime(2024, 5, 6, 23, 59, tzinfo=UTC))
    assert (found.name, found.end) == ("2024-05-06", datetime(2024, 5, 7, tzinfo=UTC))


def test_a_time_that_the_clock_skips_or_has_twice_comes_once() -> None:
    digest = Digest("daily", 2 * 60 + 30, "Europe/Berlin")
    assert period_of(digest, datetime(2024, 3, 31, 1, 0, tzinfo=UTC)).end == datetime(2024, 3, 31, 1, 30, tzinfo=UTC)
    assert period_of(digest, datetime(2024, 10, 27, 0, 0, tzinfo=UTC)).end == datetime(2024, 10, 27, 0, 30, tzinfo=UTC)
    assert period_of(digest, datetime(2024, 10, 27, 1, 0, tzinfo=UTC)).last == date(2024, 10, 28)


@given(DIGESTS, MOMENTS)
def test_periods_follow_each_other_and_have_names_of_their_own(digest: Digest, moment: datetime) -> None:
    found = period_of(digest, moment)
    assert found.start <= moment < found.end
    assert period_of(digest, found.start) == found
    after = period_of(digest, found.end)
    assert after.start == found.end
    assert after.last > found.last
    most = timedelta(days=1 if digest.every == "daily" else 7, hours=25)
    assert timedelta(0) < found.end - found.start <= most
