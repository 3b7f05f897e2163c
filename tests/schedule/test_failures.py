"""Waits after failures, sources that are gone, and outages of our own network."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.models import FailureKind
from aggregator.schedule import FailureStreak, Gone, network_down, said_gone
from aggregator.schedule.plan import BACKOFFS, STATUS_BACKOFFS, outage_wait

DAY = timedelta(days=1)
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
KINDS: tuple[FailureKind, ...] = get_args(FailureKind)


def test_every_kind_has_its_waits() -> None:
    assert set(BACKOFFS) == set(KINDS)


@given(st.sampled_from(KINDS), st.integers(1, 10**9), st.none() | st.sampled_from(sorted(STATUS_BACKOFFS)))
def test_waits_grow_up_to_a_day_and_not_beyond(kind: FailureKind, in_a_row: int, status: int | None) -> None:
    wait = FailureStreak(kind, in_a_row, status).backoff()
    assert timedelta(minutes=10) <= wait <= DAY
    assert FailureStreak(kind, in_a_row + 1, status).backoff() >= wait


def test_waits_double() -> None:
    waits = [FailureStreak("timeout", number).backoff() for number in range(1, 5)]
    assert waits == [timedelta(minutes=minutes) for minutes in (10, 20, 40, 80)]


def test_what_passes_by_itself_is_tried_sooner_than_what_somebody_has_to_repair() -> None:
    assert FailureStreak("timeout", 1).backoff() < FailureStreak("not_a_feed", 1).backoff()
    assert FailureStreak("http_status", 1, 502).backoff() < FailureStreak("http_status", 1, 404).backoff()
    assert FailureStreak("http_status", 9, 502).backoff() < FailureStreak("http_status", 9, 404).backoff()


def test_a_status_counts_only_where_it_is_the_failure() -> None:
    assert FailureStreak("unparsable", 1, 503).backoff() == FailureStreak("unparsable", 1).backoff()
    assert FailureStreak("http_status", 1, 418).backoff() == BACKOFFS["http_status"].first


def test_gone_takes_three_different_days() -> None:
    gone = Gone()
    for now in (NOON, NOON + timedelta(hours=3), NOON + timedelta(hours=11)):
        gone = said_gone(gone, now)
    assert (gone.days, gone.confirmed) == (1, False)
    gone = said_gone(gone, NOON + DAY)
    assert not gone.confirmed
    assert said_gone(gone, NOON + 5 * DAY).confirmed


def test_a_clock_that_is_set_back_does_not_count_a_day_twice() -> None:
    gone = said_gone(said_gone(Gone(), NOON + DAY), NOON)
    assert gone.days == 1


@pytest.mark.parametrize(
    ("cycle", "down"),
    [
        ([("a", "dns"), ("b", "connect"), ("c", "timeout"), ("c", "tls")], True),
        ([("a", "dns"), ("b", "dns")], False),
        ([("a", "dns"), ("a", "dns"), ("a", "dns"), ("b", "dns")], False),
        ([("a", "dns"), ("b", "dns"), ("c", "dns"), ("d", None)], False),
        ([("a", "dns"), ("b", "dns"), ("c", "dns"), ("d", "http_status")], False),
        ([], False),
    ],
)
def test_our_network_is_down_only_if_no_host_answered(cycle: list[tuple[str, FailureKind | None]], down: bool) -> None:
    assert network_down(cycle) is down


@pytest.mark.parametrize(
    ("cycle", "down"),
    [
        ([("a", "dns"), ("b", "dns")], True),
        ([("a", "dns"), ("a", "dns")], False),
        ([("a", "dns"), ("b", "connect")], False),
        ([("a", "http_status"), ("b", "http_status")], False),
        ([("a", "dns"), ("b", None)], False),
        ([("a", "dns"), ("b", "connect"), ("c", "timeout")], True),
    ],
)
def test_two_hosts_are_enough_where_nothing_has_worked_of_late(
    cycle: list[tuple[str, FailureKind | None]], down: bool
) -> None:
    assert network_down(cycle, silent=True) is down


def test_an_outage_is_looked_at_soon_and_then_less_often() -> None:
    waits = [outage_wait(number) for number in range(1, 40)]
    assert waits[0] == timedelta(minutes=2)
    assert waits == sorted(waits)
    assert waits[-1] == timedelta(hours=1)
