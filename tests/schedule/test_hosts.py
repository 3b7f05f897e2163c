"""Which of the waiting start, and when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import ceil

from hypothesis import given
from hypothesis import strategies as st

from aggregator.schedule import Start, admit

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SPACING = timedelta(seconds=20)


def test_one_host_is_asked_in_turn_and_others_at_once() -> None:
    waiting = [("a1", "a"), ("a2", "a"), ("b1", "b"), ("a3", "a"), ("a4", "a")]
    assert admit(waiting, NOW, MINUTE, SPACING) == [
        Start("a1", "a", NOW),
        Start("b1", "b", NOW),
        Start("a2", "a", NOW + SPACING),
        Start("a3", "a", NOW + 2 * SPACING),
    ]


@given(st.lists(st.tuples(st.uuids().map(str), st.sampled_from("abc")), max_size=40), st.integers(1, 90))
def test_the_limit_holds_and_the_oldest_go_first(waiting: list[tuple[str, str]], seconds: int) -> None:
    spacing = timedelta(seconds=seconds)
    starts = admit(waiting, NOW, MINUTE, spacing)
    for host in "abc":
        keys = [key for key, of in waiting if of == host]
        times = [start.at for start in starts if start.host == host]
        assert [start.key for start in starts if start.host == host] == keys[: max(ceil(MINUTE / spacing), 1)]
        assert all(later - sooner == spacing for sooner, later in pairwise(times))
        assert all(NOW <= time < NOW + MINUTE for time in times)
