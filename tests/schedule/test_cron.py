"""Cron expressions: which are taken, and when they come round."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from aggregator.schedule import check_cron
from aggregator.schedule.plan import next_times

FRIDAY = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


def test_weekdays_are_counted_as_cron_does() -> None:
    sunday = datetime(2026, 5, 3, 6, 0, tzinfo=UTC)
    for expression in ("0 6 * * 0", "0 6 * * 7", "0 6 * * sun"):
        assert next_times(expression, "UTC", FRIDAY)[0] == sunday


def test_a_time_is_that_of_the_zone_all_year() -> None:
    winter, _ = next_times("0 6 * * *", "Europe/Berlin", datetime(2026, 1, 10, 12, tzinfo=UTC))
    summer, _ = next_times("0 6 * * *", "Europe/Berlin", datetime(2026, 7, 10, 12, tzinfo=UTC))
    assert (winter.hour, summer.hour) == (5, 4)


@pytest.mark.parametrize(
    ("now", "times"),
    [
        # The clock goes from 2:00 to 3:00 on 29 March 2026: 2:30 does not exist, but the day is not left out.
        (datetime(2026, 3, 28, 12, tzinfo=UTC), ["2026-03-29T01:00", "2026-03-30T00:30"]),
        # It goes from 3:00 to 2:00 on 25 October 2026: 2:30 comes twice, but counts once.
        (datetime(2026, 10, 24, 12, tzinfo=UTC), ["2026-10-25T00:30", "2026-10-26T01:30"]),
    ],
)
def test_each_day_has_one_time_when_the_clock_changes(now: datetime, times: list[str]) -> None:
    found = next_times("30 2 * * *", "Europe/Berlin", now)
    assert [time.isoformat()[:16] for time in found] == times


@pytest.mark.parametrize("expression", ["0 6 * * *", "*/5 * * * *", "0 9-17 * * mon-fri", "0 0 29 2 *", "0 0 L * *"])
def test_what_cron_takes_is_taken(expression: str) -> None:
    check_cron(expression, "Asia/Shanghai")


@pytest.mark.parametrize(
    ("expression", "zone", "message"),
    [
        ("0 6 * *", "UTC", "five fields"),
        ("0 0 6 * * *", "UTC", "five fields"),
        ("61 * * * *", "UTC", "minute"),
        ("*/0 * * * *", "UTC", "not a cron expression"),
        ("0 0 30 2 *", "UTC", "the third field, the day of the month, is 1 to 31"),
        ("a b c d e", "UTC", "not a cron expression"),
        ("@daily", "UTC", "five fields"),
        ("0 6 * * *" + " " * 300, "UTC", "five fields"),
        ("0 6 * * *", "Mars/Olympus", "not a time zone"),
        ("0 6 * * *", "../etc/passwd", "not a time zone"),
        ("0 6 * * *", "", "not a time zone"),
    ],
)
def test_anything_else_is_an_error_that_says_what_to_write(expression: str, zone: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_cron(expression, zone)
