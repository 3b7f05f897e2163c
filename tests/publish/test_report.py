"""What fails alone is left out and told; everything else is made or stored, in its order."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.errors import RowError, StoreError
from aggregator.publish.report import sift, store_each

NUMBERS = st.lists(st.integers(0, 20), unique=True)


@given(things=NUMBERS, bad=st.sets(st.integers(0, 20)))
def test_all_but_the_bad_ones_are_made_together(things: list[int], bad: set[int]) -> None:
    def function(some: Sequence[int]) -> list[int]:
        if bad.intersection(some):
            raise ValueError("bad")
        return [2 * one for one in some]

    failed: list[int] = []
    made, good = sift(function, things, lambda thing, error: failed.append(thing))
    assert good == [one for one in things if one not in bad]
    assert made == [2 * one for one in good]
    assert failed == [one for one in things if one in bad]


@pytest.mark.parametrize("lengths", [(0, 1, 2), (2,)])
def test_what_no_thing_is_to_blame_for_is_raised(lengths: tuple[int, ...]) -> None:
    def function(some: Sequence[int]) -> None:
        if len(some) in lengths:
            raise ValueError("whatever there is")

    with pytest.raises(ValueError, match="whatever there is"):
        sift(function, [1, 2], lambda thing, error: None)


def test_store_that_fails_is_no_failure_of_a_thing() -> None:
    def function(some: Sequence[int]) -> None:
        raise StoreError("the disk is full")

    with pytest.raises(StoreError, match="full"):
        sift(function, [1, 2], lambda thing, error: None)
    with pytest.raises(StoreError, match="full"):
        store_each(function, [1, 2], lambda thing, error: None)


@given(rows=NUMBERS, bad=st.sets(st.integers(0, 20)))
def test_all_rows_but_the_refused_ones_are_stored(rows: list[int], bad: set[int]) -> None:
    stored: list[int] = []

    def write(some: Sequence[int]) -> None:
        if bad.intersection(some):
            raise RowError("refused")
        stored.extend(some)

    refused: list[int] = []
    store_each(write, rows, lambda row, error: refused.append(row))
    assert stored == [one for one in rows if one not in bad]
    assert refused == [one for one in rows if one in bad]
