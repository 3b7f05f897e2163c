"""What servers and feeds ask for, as they write it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.models import Freshness, Syndication
from aggregator.schedule import FeedHints, ServerHints, feed_hints, server_hints
from aggregator.schedule.hints import LONGEST

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
DATE = "Fri, 01 May 2026 12:00:00 GMT"
HOUR = timedelta(hours=1)


def said(headers: dict[str, str]) -> Freshness:
    return Freshness(**{name.replace("-", "_"): value for name, value in headers.items()})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("120", timedelta(minutes=2)),
        (" 120 ", timedelta(minutes=2)),
        ("3600.0", HOUR),
        ("Fri, 01 May 2026 13:00:00 GMT", HOUR),
        ("Friday, 01-May-26 13:00:00 GMT", HOUR),
        ("Fri May  1 13:00:00 2026", HOUR),
        ("99999999999", LONGEST),
        ("Fri, 01 May 2099 13:00:00 GMT", LONGEST),
        ("0", None),
        ("-5", None),
        ("soon", None),
        ("", None),
        ("Fri, 01 May 2020 13:00:00 GMT", None),
        ("Fri, 99 May 2026 13:00:00 GMT", None),
        ("9" * 5000, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str, expected: timedelta | None) -> None:
    assert server_hints(Freshness(retry_after=value), NOW).retry_after == expected


def test_dates_are_relative_to_the_servers_own_clock() -> None:
    headers = {"date": "Fri, 01 May 2020 12:00:00 GMT", "retry-after": "Fri, 01 May 2020 13:00:00 GMT"}
    assert server_hints(said(headers), NOW).retry_after == HOUR
    headers = {"date": "Fri, 01 May 2020 12:00:00 GMT", "expires": "Fri, 01 May 2020 14:00:00 GMT"}
    assert server_hints(said(headers), NOW).fresh_for == 2 * HOUR


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"cache-control": "max-age=3600"}, HOUR),
        ({"cache-control": "public, Max-Age = 3600, immutable"}, HOUR),
        ({"cache-control": 'max-age="3600"'}, HOUR),
        ({"cache-control": "max-age=3600", "age": "600"}, timedelta(minutes=50)),
        ({"cache-control": "max-age=3600", "age": "4000"}, None),
        ({"cache-control": "max-age=3600", "age": "nonsense"}, HOUR),
        ({"cache-control": "max-age=3600, max-age=7200"}, HOUR),
        ({"cache-control": "max-age=999999999999"}, LONGEST),
        ({"cache-control": "max-age=0", "expires": "Fri, 01 May 2026 13:00:00 GMT"}, None),
        ({"cache-control": "max-age=never", "expires": "Fri, 01 May 2026 13:00:00 GMT"}, None),
        ({"cache-control": "no-cache, max-age=3600"}, None),
        ({"cache-control": "max-age=3600, no-store"}, None),
        ({"cache-control": 'no-cache="set-cookie, x", max-age=3600'}, HOUR),
        ({"cache-control": 'private="max-age=9", max-age=3600'}, HOUR),
        ({"cache-control": "s-maxage=3600"}, None),
        ({"cache-control": "x-max-age=3600"}, None),
        ({"expires": "Fri, 01 May 2026 13:00:00 GMT", "date": DATE}, HOUR),
        ({"expires": "Fri, 01 May 2026 13:00:00 GMT", "cache-control": "public"}, HOUR),
        ({"expires": "Fri, 01 May 2026 13:00:00 GMT", "cache-control": "no-cache"}, None),
        ({"expires": "0"}, None),
        ({"expires": "-1"}, None),
        ({"expires": "Thu, 01 Jan 1970 00:00:00 GMT"}, None),
        ({}, None),
    ],
)
def test_freshness_is_that_of_a_private_cache(headers: dict[str, str], expected: timedelta | None) -> None:
    assert server_hints(said(headers), NOW).fresh_for == expected


@pytest.mark.parametrize("missing", [True, False])
def test_missing_validators_are_told_whatever_else_is_said(missing: bool) -> None:
    assert server_hints(Freshness(), NOW, no_validator=missing).no_validator is missing
    assert server_hints(Freshness(age="1"), NOW, no_validator=missing).no_validator is missing


@pytest.mark.parametrize(
    ("ttl", "expected"),
    [("60", HOUR), (" 60\n", HOUR), ("90.5", timedelta(minutes=90)), ("0", None), ("-60", None), ("1h", None)],
)
def test_ttl_is_in_minutes(ttl: str, expected: timedelta | None) -> None:
    assert feed_hints(Syndication(ttl=ttl)).ttl == expected


def test_skipped_hours_and_days_are_read() -> None:
    hints = feed_hints(
        Syndication(skip_hours=("0", " 7 ", "24", "25", "-1", "x"), skip_days=("Saturday", "sun", "Caturday", ""))
    )
    assert hints.skip_hours == {0, 7}
    assert hints.skip_days == {5, 6}


def test_a_feed_that_skips_everything_skips_nothing() -> None:
    days = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
    hints = feed_hints(Syndication(skip_hours=tuple(str(hour) for hour in range(24)), skip_days=days))
    assert hints == FeedHints()
    assert len(feed_hints(Syndication(skip_days=days[1:])).skip_days) == 6


@pytest.mark.parametrize(
    ("period", "frequency", "expected"),
    [
        ("hourly", "1", HOUR),
        ("hourly", None, HOUR),
        (" Daily ", "4", timedelta(hours=6)),
        (None, "2", timedelta(hours=12)),
        ("weekly", "0", timedelta(days=7)),
        ("weekly", "-3", timedelta(days=7)),
        ("yearly", "1", LONGEST),
        ("hourly", "999999999999", timedelta(seconds=1)),
        ("fortnightly", "1", None),
        (None, None, None),
    ],
)
def test_update_period_is_divided_by_its_frequency(
    period: str | None, frequency: str | None, expected: timedelta | None
) -> None:
    assert feed_hints(Syndication(update_period=period, update_frequency=frequency)).update_every == expected


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("2026-05-01T14:00+02:00", NOW),
        ("2026-05-01T12:00:00.5Z", NOW),
        ("2026-05-01T12:00", NOW),
        ("yesterday", None),
        ("0001-01-01T00:00+14:00", None),
        ("9" * 100, None),
    ],
)
def test_update_base_is_a_w3c_date(base: str, expected: datetime | None) -> None:
    assert feed_hints(Syndication(update_base=base)).update_base == expected


HEADERS = st.sampled_from(["date", "expires", "age", "cache-control", "retry-after"])
VALUES = st.text(max_size=80) | st.sampled_from(
    [DATE, "max-age=60", "no-cache", "10", 'a="', "Mon, 1 Jan 0001 0:0:0 -2400"]
)


@given(st.dictionaries(HEADERS, VALUES))
def test_no_header_is_an_error_or_unbounded(headers: dict[str, str]) -> None:
    hints = server_hints(said(headers), NOW)
    for duration in (hints.retry_after, hints.fresh_for):
        assert duration is None or timedelta(0) < duration <= LONGEST


TEXTS = st.none() | st.text(max_size=70) | st.sampled_from(["hourly", "5", "2026-05-01T12:00Z", "1e9"])


@given(TEXTS, st.lists(st.text(max_size=8) | st.integers(0, 30).map(str)), TEXTS, TEXTS, TEXTS)
def test_what_a_feed_said_survives_the_store(
    ttl: str | None, hours: list[str], period: str | None, frequency: str | None, base: str | None
) -> None:
    hints = feed_hints(Syndication(ttl, tuple(hours), ("Sunday",), period, frequency, base))
    assert FeedHints.load(hints.dump()) == hints


@given(st.none() | st.text())
def test_any_stored_text_can_be_loaded(text: str | None) -> None:
    assert isinstance(FeedHints.load(text), FeedHints)


def test_nothing_said_is_stored_as_nothing() -> None:
    assert FeedHints().dump() == ""
    assert FeedHints.load("") == FeedHints.load(None) == FeedHints()
    assert server_hints(Freshness(), NOW) == ServerHints()


def test_a_long_header_takes_no_time() -> None:
    assert server_hints(Freshness(cache_control='a="' * 300_000), NOW).fresh_for is None
    assert server_hints(Freshness(cache_control="a" * 1_000_000), NOW).fresh_for is None
