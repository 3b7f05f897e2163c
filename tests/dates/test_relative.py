"""Dates as lists of news give them, relative to now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.dates.relative import parse_relative

#: 29 June 2022, eight in the evening in Shanghai.
NOW = datetime(2022, 6, 29, 12, 0, 30, 999, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("刚刚", "2022-06-29T12:00:30"),
        ("just now", "2022-06-29T12:00:30"),
        ("3分钟前", "2022-06-29T11:57:30"),
        ("3 小时前", "2022-06-29T09:00:30"),
        ("半小时前", "2022-06-29T11:30:30"),
        ("半个小时前", "2022-06-29T11:30:30"),
        ("2天前", "2022-06-27T12:00:30"),
        ("1个月前", "2022-05-30T12:00:30"),
        ("3時間前", "2022-06-29T09:00:30"),
        ("5 minutes ago", "2022-06-29T11:55:30"),
        ("An hour ago", "2022-06-29T11:00:30"),
        ("5m ago", "2022-06-29T11:55:30"),
        ("about 2 hours ago", "2022-06-29T10:00:30"),
        ("今天 08:00", "2022-06-29T00:00:00"),
        ("昨天 14:42", "2022-06-28T06:42:00"),
        ("昨天 下午2:42", "2022-06-28T06:42:00"),
        ("前天", "2022-06-26T16:00:00"),
        ("yesterday", "2022-06-27T16:00:00"),
        ("Yesterday at 2:42 PM", "2022-06-28T06:42:00"),
        ("06-29 14:42", "2022-06-29T06:42:00"),
        ("06-30 00:10", "2022-06-29T16:10:00"),
        ("07-02 10:00", "2021-07-02T02:00:00"),
        ("12月31日 星期五 下午3:00", "2021-12-31T07:00:00"),
        ("02-29", "2020-02-28T16:00:00"),
    ],
)
def test_relative_dates(text: str, expected: str) -> None:
    found = parse_relative(text, NOW, timezone="Asia/Shanghai")
    assert found == datetime.fromisoformat(expected).replace(tzinfo=UTC)


def test_days_are_counted_in_the_zone_of_the_page() -> None:
    late = datetime(2022, 6, 29, 17, 0, tzinfo=UTC)
    assert parse_relative("今天 01:00", late, timezone="Asia/Shanghai") == late
    assert parse_relative("today 01:00", late) == datetime(2022, 6, 29, 1, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["", "前", "ago", "999999年前", "02-30", "13-01", "昨天 25:00", "3.5", "2022-06-29", "x" * 9999]
)
def test_everything_else_is_none(text: str) -> None:
    assert parse_relative(text, NOW) is None


@given(
    st.text(alphabet="0123456789分钟小时天前昨今 :-/月日ago", max_size=20) | st.text(max_size=60),
    st.datetimes(datetime(1971, 1, 1), datetime(9000, 1, 1)),
)
def test_no_text_raises(text: str, now: datetime) -> None:
    found = parse_relative(text, now.replace(tzinfo=UTC), timezone="Asia/Shanghai")
    assert found is None or (found.utcoffset() == timedelta(0) and not found.microsecond)
