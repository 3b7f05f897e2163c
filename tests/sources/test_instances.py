"""Which of several servers is asked first."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from aggregator.models import InstanceState
from aggregator.sources.instances import FIRST_PAUSE, LONGEST_PAUSE, Instances
from tests.store_samples import NOW

A, B, C = "https://a.example/", "https://b.example/", "https://c.example/"


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> object:
        return self.now


def made(*known: InstanceState) -> tuple[Instances, Clock]:
    clock = Clock()
    return Instances({state.url: state for state in known}, lambda: clock.now), clock


def test_the_order_of_the_configuration_counts_among_those_that_work() -> None:
    instances, _ = made()
    assert instances.order([B, A, C]) == [B, A, C]


def test_one_that_failed_is_asked_last_until_its_pause_is_over() -> None:
    instances, clock = made()
    instances.failed(A)
    assert instances.order([A, B, C]) == [B, C, A]
    clock.now += FIRST_PAUSE
    assert instances.order([A, B, C]) == [A, B, C]


def test_those_that_failed_are_asked_by_the_ends_of_their_pauses() -> None:
    instances, _ = made(InstanceState(A, 3, NOW + timedelta(hours=2)), InstanceState(C, 1, NOW + timedelta(hours=1)))
    assert instances.order([A, B, C]) == [B, C, A]


def test_the_pause_doubles_with_each_failure_and_has_an_end() -> None:
    instances, clock = made()
    pauses = []
    for _ in range(12):
        instances.failed(A)
        (state,) = instances.changed
        assert state.until is not None
        pauses.append(state.until - clock.now)
        clock.now = state.until
    assert pauses[:3] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]
    assert pauses[-1] == LONGEST_PAUSE


def test_several_failures_at_once_count_once() -> None:
    instances, _ = made()
    for _ in range(5):
        instances.failed(A)
    assert [state.failures for state in instances.changed] == [1]


def test_one_that_works_again_is_as_good_as_ever() -> None:
    instances, _ = made(InstanceState(A, 3, NOW + timedelta(hours=2)))
    assert instances.changed == []
    instances.worked(A)
    assert instances.order([A, B]) == [A, B]
    assert instances.changed == [InstanceState(A)]


def test_nothing_is_remembered_of_one_that_always_works() -> None:
    instances, _ = made()
    instances.worked(A)
    assert instances.changed == []


def test_one_that_lacks_several_documents_in_a_row_has_failed() -> None:
    instances, _ = made()
    instances.doubted(A)
    assert instances.changed == []
    instances.worked(A)
    instances.doubted(A)
    assert instances.changed == []
    instances.doubted(A)
    assert [(state.url, state.failures) for state in instances.changed] == [(A, 1)]


def test_what_one_source_knows_counts_for_that_source() -> None:
    instances, _ = made()
    own = {A: instances.after_failure(InstanceState(A))}
    assert instances.order([A, B], own) == [B, A]
    assert instances.order([A, B]) == [A, B]


@given(st.lists(st.sampled_from(["failed", "worked", "doubted", "later"]), max_size=30), st.permutations([A, B, C]))
def test_whatever_happened_each_is_asked_once(events: list[str], urls: list[str]) -> None:
    instances, clock = made()
    for number, event in enumerate(events):
        if event == "later":
            clock.now += timedelta(minutes=7)
        else:
            getattr(instances, event)(urls[number % 3])
    assert sorted(instances.order(urls)) == sorted(urls)
    assert all(state.failures >= 0 for state in instances.changed)
