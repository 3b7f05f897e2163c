"""What is remembered of the items of a source, and what tells that its site was rebuilt."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.sources.drift import FEWEST_EMPTY, FEWEST_FILLED, Filling, Memory

RULES = "0123456789abcdef" * 4
DATE = "scrape.date"
NOTE = "`date` was always filled and is empty in the last {}; look at `scrape.date`"


def items(*filled: bool, name: str = DATE) -> list[dict[str, bool]]:
    return [{name: one} for one in filled]


def notes_of(*documents: Sequence[bool]) -> list[tuple[str, ...]]:
    """The notes after each document, whose items have a date or not."""
    memory, notes = Memory.load(None, RULES), []
    for document in documents:
        memory, said = memory.observe(items(*document))
        memory = Memory.load(memory.dump(), RULES)
        notes.append(said)
    return notes


def test_zero_items_are_told_with_those_of_last_time() -> None:
    memory = Memory.load(None, RULES)
    what = "`div.card` (scrape.items)"
    advice = "look at the page and correct the selector"
    assert memory.zero(what) == f"0 items matched `div.card` (scrape.items); {advice}"
    known = Memory.load(memory.with_items(25).dump(), RULES)
    assert known.zero(what) == f"0 of 25 items matched `div.card` (scrape.items); {advice}"
    # The rules were corrected, but not well enough.
    assert Memory.load(known.dump(), "f" * 64).zero(what).startswith("0 of 25 items")


def test_a_field_that_was_always_filled_and_no_longer_is_is_a_note_until_it_is_filled_again() -> None:
    full, empty = [True] * 25, [False] * 25
    note = (NOTE.format("25 items"),)
    assert notes_of(full, empty, empty, full, full) == [(), note, note, (), ()]
    # It counts again from then on.
    assert notes_of(full, empty, full, empty) == [(), note, (), note]


@pytest.mark.parametrize(
    "documents",
    [
        # Never filled; sometimes empty; too few were filled; too few are empty.
        [[False] * 25, [False] * 25],
        [[True] * 24 + [False], [True] * 25, [False] * 25],
        [[True] * (FEWEST_FILLED - 1), [False] * 25],
        [[True] * 25, [False] * (FEWEST_EMPTY - 1)],
        # An item without one, then filled again: it is not always filled.
        [[True] * 25, [False], [True] * 25, [False] * 25],
        # Not all of a document.
        [[True] * 25, [False] * 20 + [True]],
    ],
)
def test_other_fields_are_no_note(documents: list[list[bool]]) -> None:
    assert not any(notes_of(*documents))


def test_documents_of_one_item_add_up() -> None:
    documents = [[True]] * 10 + [[False]] * 4
    *_, second, third, fourth = notes_of(*documents)
    assert (second, third, fourth) == ((), (NOTE.format("3 items"),), (NOTE.format("4 items"),))


def test_fields_of_lists_and_articles_are_apart() -> None:
    memory, _ = Memory.load(None, RULES).observe([{DATE: True, "scrape.author": True}] * 12)
    memory, notes = memory.observe([{"article.author": True}] * 2)
    assert notes == ()
    memory, notes = memory.observe([{DATE: True, "scrape.author": False}] * 12)
    assert notes == ("`author` was always filled and is empty in the last 12 items; look at `scrape.author`",)
    assert set(memory.fields) == {DATE, "scrape.author", "article.author"}


def test_other_rules_start_again() -> None:
    memory, _ = Memory.load(None, RULES).observe(items(*[True] * 25))
    other = Memory.load(memory.dump(), "f" * 64)
    assert other.fields == {}
    assert other.observe(items(*[False] * 25))[1] == ()


def test_what_is_stored_is_short() -> None:
    memory, _ = Memory.load(None, RULES).with_items(25).observe(items(*[True] * 25))
    assert memory.dump() == (
        '{"v":1,"rules":"0123456789abcdef","items":25,"left":false,"fields":{"scrape.date":[25,0,true]}}'
    )
    whole = {f"{number:060}": Filling(10**6, 10**6) for number in range(40)}
    largest = Memory(RULES[:16], 10**6, True, whole)
    assert Memory.load(largest.dump(), RULES) == largest
    # There is no more room.
    assert largest.observe(items(True))[0] == largest


_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-5, 2 * 10**6), st.floats(), st.text(max_size=5)),
    lambda inside: st.one_of(
        st.lists(inside, max_size=4),
        st.dictionaries(st.sampled_from(["v", "rules", "items", "fields", DATE]), inside, max_size=5),
    ),
)


@given(st.one_of(st.none(), st.text(), _JSON.map(json.dumps), st.just("[" * 3000)))
def test_anything_unreadable_is_nothing(text: str | None) -> None:
    memory = Memory.load(text, RULES)
    assert Memory.load(memory.dump(), RULES) == memory
    memory.observe(items(True, False))


@given(st.lists(st.lists(st.booleans(), min_size=1, max_size=8), max_size=12))
def test_a_note_needs_what_it_says(documents: list[list[bool]]) -> None:
    """Told again from the whole history: what a person would conclude who has seen every item."""
    expected, streak, always, gap = [], 0, True, 0
    for document in documents:
        if not any(document) and streak:
            gap += len(document)
        else:
            ended = always and streak >= FEWEST_FILLED and gap >= FEWEST_EMPTY
            if all(document) and ended:
                streak, always = 0, True
            elif gap or not all(document):
                always = False
            streak, gap = streak + sum(document), 0
        expected.append(bool(always and streak >= FEWEST_FILLED and gap >= FEWEST_EMPTY))
    assert [bool(notes) for notes in notes_of(*documents)] == expected


@given(st.integers(FEWEST_FILLED, 40), st.integers(1, 5), st.integers(FEWEST_EMPTY, 40), st.integers(1, 5))
def test_a_rebuilt_site_is_noticed_whatever_came_before(size: int, before: int, after: int, repeats: int) -> None:
    said = notes_of(*[[True] * size] * before, *[[False] * after] * repeats)
    assert [len(one) for one in said] == [0] * before + [1] * repeats
