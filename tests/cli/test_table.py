"""Tables: what fits is shown, names stay different, and nothing is cut where there is no terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.cli.console import MIN_NAME, Cell, Column, cell_width, layout, shortened
from aggregator.values.terminal import counted

COLUMNS = (Column("name"), Column("count", right=True, spare=1), Column("why", spare=2), Column("note", spare=3))
ROWS = [[Cell("one"), Cell("1"), Cell("every 1h"), Cell("a note of some length, which is long")]]


def laid(width: int | None, rows: list[list[Cell]] = ROWS, *, wrap: bool = False) -> list[str]:
    return list(layout(COLUMNS, rows, width, wrap=wrap))


def test_what_matters_least_goes_first() -> None:
    assert laid(None)[1] == "one       1  every 1h  a note of some length, which is long"
    assert laid(60)[1] == laid(None)[1]
    assert laid(45)[1] == "one       1  every 1h  a note of some length…"
    assert laid(30)[1] == "one       1  every 1h"
    assert laid(15)[1] == "one       1"
    assert laid(8)[1] == "one"


def wrapped(width: int, name: str, text: str) -> list[str]:
    return list(layout((Column(""), Column("")), [[Cell(name), Cell(text)]], width, wrap=True))[1:]


def test_long_text_goes_on_below_where_it_may() -> None:
    text = "some words of an error, more than fit"
    assert wrapped(32, "error", text) == ["error  some words of an error,", "       more than fit"]
    below = ["    some words of an error, more", "    than fit"]
    assert wrapped(32, "a-much-longer-name", text) == ["a-much-longer-name", *below]


def test_addresses_stay_whole_so_that_they_can_be_copied() -> None:
    address = f"(https://example.org/{'a' * 40})"
    assert wrapped(32, "error", f"not here {address}") == ["error  not here", f"       {address}"]


def test_names_are_cut_in_their_middle_and_stay_different() -> None:
    names = [f"planet-of-things-{kind}-posts-main-xml" for kind in ("old", "new", "odd")]
    assert shortened(names, 60) == names
    short = shortened(names, 24)
    assert len(set(short)) == 3
    assert all("…" in name and len(name) <= 24 for name in short)
    same_ends = ["a" * 40 + middle + "b" * 40 for middle in "xy"]
    assert shortened(same_ends, 20) == same_ends
    assert len(set(shortened(["abcdefghijklm", "abcdef…hijklm", "abcde…hijklm"], 12))) == 3


NAMES = st.lists(st.text(st.sampled_from("ab-…新"), max_size=30), unique=True, max_size=8)


@given(NAMES, st.integers(MIN_NAME, 40))
def test_cut_names_are_as_different_as_whole_ones(names: list[str], width: int) -> None:
    short = shortened(names, width)
    assert len(set(short)) == len(names)
    for before, after in zip(names, short, strict=True):
        assert after == before or cell_width(after) <= width


@given(
    st.lists(
        st.tuples(st.text(st.sampled_from("abc-新"), min_size=1, max_size=50), st.text(max_size=60)),
        unique_by=lambda row: row[0],
        min_size=1,
        max_size=5,
    ),
    st.integers(40, 200),
)
def test_no_row_is_wider_than_the_terminal(rows: list[tuple[str, str]], width: int) -> None:
    clean = [[Cell(name), Cell("12"), Cell("why"), Cell("".join(filter(str.isprintable, note)))] for name, note in rows]
    whole = tuple(name for name, _ in rows if cell_width(name) > MIN_NAME)
    for line in laid(width, clean):
        # Names that cannot be told apart otherwise are whole.
        assert cell_width(line) <= width or line.startswith(whole)


def test_letters_that_are_twice_as_wide_are_counted_so() -> None:
    made = list(layout((Column("a"), Column("b")), [[Cell("新闻"), Cell("x")], [Cell("abcd"), Cell("x")]], 80))
    assert made == ["a     b", "新闻  x", "abcd  x"]


@pytest.mark.parametrize(("count", "text"), [(0, "0 sources"), (1, "1 source"), (2, "2 sources")])
def test_plurals(count: int, text: str) -> None:
    assert counted(count, "source") == text


def test_irregular_plurals() -> None:
    assert [counted(count, "entry", "entries") for count in (1, 2)] == ["1 entry", "2 entries"]
