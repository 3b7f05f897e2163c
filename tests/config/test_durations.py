"""Durations and sizes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.config.durations import parse_duration, parse_size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("20m", 1200),
        ("1h", 3600),
        ("1h30m", 5400),
        ("2d", 172_800),
        ("1w", 604_800),
        ("1w1d1h1m1s", 694_861),
        ("1.5h", 5400),
        ("366d", 31_622_400),
    ],
)
def test_durations(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("value", [20, 20.5, "20"])
def test_a_bare_number_tells_to_add_a_unit(value: object) -> None:
    with pytest.raises(ValueError, match=f"`{value}` has no unit; write `{value}s`"):
        parse_duration(value)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "h",
        "1x",
        "1h 30m",
        "-1h",
        "1h1h",
        "30m1h",
        "0s",
        "0.1s",
        "367d",
        "９s",
        "1e3s",
        "1" * 50 + "s",
        None,
        True,
        [],
        {},
    ],
)
def test_what_is_no_duration(value: object) -> None:
    with pytest.raises(ValueError, match=r"must be|must name|no unit|is no duration; write `1h30m`"):
        parse_duration(value)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1B", 1),
        ("500kB", 500_000),
        ("500KB", 500_000),
        ("15MB", 15_000_000),
        ("15 MB", 15_000_000),
        ("1MiB", 1_048_576),
        ("1.5MB", 1_500_000),
        ("1GB", 1_000_000_000),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("value", [15, "15"])
def test_a_bare_size_tells_to_add_a_unit(value: object) -> None:
    with pytest.raises(ValueError, match="`15` has no unit; write `15B`, `15kB` or `15MB`"):
        parse_size(value)


@pytest.mark.parametrize("value", ["", "MB", "0B", "2GB", "-1MB", "1mb", "1 k B", None, False, [], "1" * 50 + "B"])
def test_what_is_no_size(value: object) -> None:
    with pytest.raises(ValueError, match=r"must be|is no size; write `1MB`"):
        parse_size(value)


@given(st.text() | st.integers() | st.floats() | st.none() | st.booleans())
def test_any_value_is_read_or_refused(value: object) -> None:
    for parse in (parse_duration, parse_size):
        try:
            assert parse(value)
        except ValueError as error:
            assert str(error)


@given(st.integers(1, 31_622_400))
def test_every_number_of_seconds_can_be_written(seconds: int) -> None:
    assert parse_duration(f"{seconds}s").total_seconds() == seconds
