"""The model of large clusters, and the page that is made of it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.cluster.model import HOUR, PLANNED, Costs, Load, most_of_domain, most_sources, needs, share, waits
from benchmarks.cluster.report import costs_of, measured, text_of
from tests import ROOT

COSTS = Costs(0.002, 0.010, 0.001, 0.004, 0.0001, 0.002)


def test_what_is_needed_grows_with_the_looks() -> None:
    one, ten = needs(Load(100_000, HOUR), COSTS), needs(Load(1_000_000, HOUR), COSTS)
    assert round(ten.looks / one.looks) == 10
    assert round(ten.cores / one.cores) == 10
    assert needs(Load(1_000_000, 10 * HOUR), COSTS) == one
    # 27.8 looks a second, of which each tenth takes 10 ms: a twelfth of a core, with room for peaks.
    assert one.workers == 1
    assert 0 < one.writing < ten.writing < 1


def test_the_most_sources_keep_writers_busy_for_the_planned_share() -> None:
    most = most_sources(HOUR, 0.1, COSTS)
    assert abs(needs(Load(int(most), HOUR, 0.1), COSTS).writing - PLANNED) < 1e-3


@given(st.integers(1, 200), st.floats(0.01, 5), st.integers(1, 4), st.floats(0, 5))
def test_a_domain_is_asked_as_its_limits_allow(sources: int, request: float, slots: int, delay: float) -> None:
    found = waits(sources, 600.0, request, slots, delay)
    assert len(found) == sources
    assert found == sorted(found)
    assert found[0] == 0
    # All that come at once would wait longest.
    assert found[-1] <= sources * max(delay, request) + 1e-6
    assert share(found, 0.5) <= share(found, 0.99) <= found[-1]


def test_below_the_limit_of_a_domain_waits_are_short() -> None:
    most = most_of_domain(HOUR, 0.3, 2, 1.0)
    assert most == HOUR
    assert share(waits(int(most / 10), HOUR, 0.3, 2, 1.0), 0.99) < 2
    assert share(waits(int(most * 2), HOUR, 0.3, 2, 1.0), 0.5) > 600


def test_the_page_tells_of_the_run_that_was_measured() -> None:
    turns = measured()
    assert turns[0].sources >= 20_000
    page = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
    assert text_of(turns, costs_of(turns)) in page
