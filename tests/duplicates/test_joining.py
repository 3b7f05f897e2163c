from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.duplicates.joining import SPAN, join
from aggregator.duplicates.levels import Levels
from aggregator.duplicates.titles import title_forms
from aggregator.models import ALL, Candidate, Duplicates, Group
from tests.store_samples import NOW

ON = Levels({ALL: Duplicates("url")})
ADDRESS = "example.org/a"
DAY = timedelta(days=1)


def one(pk: int, source: str, title: str = "A title", days: float = 0, **more: Any) -> Candidate:
    return Candidate(pk, source, "news", title, NOW + days * DAY, True)._replace(**more)


def test_the_first_one_leads() -> None:
    assert join(ADDRESS, [one(3, "c"), one(1, "a"), one(2, "b")], ON) == [Group(1, (2, 3))]


def test_an_entry_alone_is_no_group() -> None:
    assert join(ADDRESS, [one(1, "a")], ON) == []


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("A title", "a  TITLE"),
        ("“A title”", '"A title"'),
        ("Ａ title – more", "A title - more"),
        ("A long title", "A long title - Example News"),
        ("A long title | example.org", "A long title"),
        ("标题", "标题。".rstrip("。")),
    ],
)
def test_titles_that_agree(first: str, second: str) -> None:
    for pair in ((first, second), (second, first)):
        assert join(ADDRESS, [one(1, "a", pair[0]), one(2, "b", pair[1])], ON)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Version 1.1", "Version 1.2"),
        ("Changelog - version 1.1", "Changelog - version 1.2"),
        ("Changelog", "Changelog - version 1.2"),
        ("Changelog - Example fixes", "Changelog - Example texts"),
        ("A long title - Other News", "A long title"),
        ("C++", "C"),
    ],
)
def test_titles_that_do_not_agree(first: str, second: str) -> None:
    for pair in ((first, second), (second, first)):
        assert join(ADDRESS, [one(1, "a", pair[0]), one(2, "b", pair[1])], ON) == []


def test_names_of_sites_are_taken_off() -> None:
    assert title_forms("Big things happen | Politics | BBC News", "bbc.co.uk")[1:] == ("big things happen | politics",)
    assert title_forms("Big things happen - The Verge", "theverge.com")[1:] == ("big things happen",)
    assert title_forms("Big things happen - News", "news.example.org")[1:] == ()


def test_dates_agree_within_thirty_days() -> None:
    assert join(ADDRESS, [one(1, "a"), one(2, "b", days=30)], ON) == [Group(1, (2,))]
    assert join(ADDRESS, [one(1, "a"), one(2, "b", days=30.1)], ON) == []
    # Each agrees with the one before, but the last not with the first.
    assert join(ADDRESS, [one(1, "a"), one(2, "b", days=20), one(3, "c", days=40)], ON) == [Group(1, (2,))]


def test_entries_of_one_source_are_never_joined() -> None:
    assert join(ADDRESS, [one(1, "a"), one(2, "a", days=1)], ON) == []


def test_a_series_under_one_title_is_joined_by_its_dates_alone() -> None:
    first, second = [one(1, "a"), one(2, "a", days=1)], [one(3, "b", days=1), one(4, "b")]
    assert join(ADDRESS, [*first, *second], ON) == [Group(1, (4,)), Group(2, (3,))]
    assert join(ADDRESS, [*first, one(3, "b", days=0.5)], ON) == []
    assert join(ADDRESS, [*first, one(3, "b", days=1, dated=False)], ON) == []
    assert join(ADDRESS, [one(1, "a"), one(2, "a"), one(3, "b")], ON) == []


def test_who_is_not_published_does_not_lead() -> None:
    assert join(ADDRESS, [one(1, "a", published=False), one(2, "b"), one(3, "c")], ON) == [Group(2, (3,))]


def test_pairs_that_are_kept_apart() -> None:
    entries = [one(1, "a"), one(2, "b"), one(3, "c")]
    assert join(ADDRESS, entries, ON, {(1, 3)}) == [Group(1, (2,))]
    assert join(ADDRESS, entries, ON, {(1, 2), (2, 3)}) == [Group(1, (3,))]


def test_a_preferred_copy_is_shown() -> None:
    prefer = Levels({ALL: Duplicates("url", ("c", "b"))})
    assert join(ADDRESS, [one(1, "a"), one(2, "b"), one(3, "c")], prefer) == [Group(1, (2, 3), shown=3)]
    assert join(ADDRESS, [one(1, "a"), one(2, "b")], prefer) == [Group(1, (2,), shown=2)]
    assert join(ADDRESS, [one(1, "c"), one(2, "b")], prefer) == [Group(1, (2,))]


def test_keys_need_no_title() -> None:
    assert join("=key", [one(1, "a", "A"), one(2, "b", "B", days=30)], ON) == [Group(1, (2,))]
    assert join("=key", [one(1, "a", "A"), one(2, "b", "B", days=31)], ON) == []


def test_levels() -> None:
    entries = [one(1, "a"), one(2, "b", category="tech"), one(3, "c"), one(4, "d", category="tech")]
    on, off = Duplicates("url"), Duplicates()
    assert join(ADDRESS, entries, Levels({ALL: off, "news": on})) == [Group(1, (3,))]
    assert join(ADDRESS, entries, Levels({ALL: off, "news": on, "tech": on})) == [Group(1, (3,)), Group(2, (4,))]
    assert join(ADDRESS, entries, Levels({ALL: on, "tech": off})) == [Group(1, (3,))]
    assert join(ADDRESS, entries, Levels({ALL: on, "tech": on})) == [Group(1, (2, 3, 4))]
    assert join(ADDRESS, entries, Levels({})) == []


def test_thousands_of_entries_at_one_address() -> None:
    """All episodes of two copies of a podcast have the address of its page, and half of them one title."""
    entries = [one(2 * n, "a", "Daily" if n % 2 else f"Part {n}", days=n / 9) for n in range(4000)]
    entries += [one(2 * n + 1, "b", "Daily" if n % 2 else f"Part {n}", days=n / 9) for n in range(4000)]
    assert join(ADDRESS, entries, ON) == [Group(2 * n, (2 * n + 1,)) for n in range(4000)]


def test_the_definition_tells_settings_apart() -> None:
    on, off = Duplicates("url"), Duplicates()
    settings: list[dict[str, Duplicates]] = [
        {},
        {ALL: on},
        {ALL: Duplicates("url", ("a",))},
        {ALL: Duplicates("url", key="title")},
        {ALL: off, "news": on},
        {ALL: on, "news": off},
    ]
    assert len({Levels(one).definition for one in settings}) == len(settings)
    assert Levels({ALL: on, "news": on}).definition == Levels({ALL: on}).definition
    assert Levels({ALL: Duplicates(prefer=("a",)), "news": off}).definition == ""


TITLES = ("A longer title", "a longer TITLE", "A longer title - Example", "Another one", "Another one | Example News")
CANDIDATES = st.lists(
    st.builds(
        lambda source, category, title, days, dated, published: one(
            0, source, title, days, category=category, dated=dated, published=published
        ),
        st.sampled_from("abcd"),
        st.sampled_from(["news", "tech"]),
        st.sampled_from(TITLES),
        st.sampled_from([0, 0, 0.5, 1, 20, 35, 60]),
        st.booleans(),
        st.sampled_from([True, True, True, False]),
    ),
    max_size=9,
).map(lambda many: [one._replace(pk=number) for number, one in enumerate(many, start=1)])
LEVELS = st.dictionaries(
    st.sampled_from([ALL, "news", "tech"]),
    st.builds(Duplicates, st.sampled_from(["off", "url"]), st.sampled_from([(), ("c",), ("d", "b")])),
).map(Levels)
APART = st.frozensets(st.tuples(st.integers(1, 4), st.integers(5, 9)), max_size=3)


@given(CANDIDATES, LEVELS, APART, st.randoms(use_true_random=False))
def test_the_order_does_not_matter(
    entries: list[Candidate], levels: Levels, apart: frozenset[tuple[int, int]], chance: random.Random
) -> None:
    groups = join(ADDRESS, entries, levels, apart)
    shuffled = entries.copy()
    chance.shuffle(shuffled)
    assert join(ADDRESS, shuffled, levels, apart) == groups


@given(CANDIDATES, LEVELS, APART)
def test_groups_hold_what_agrees(entries: list[Candidate], levels: Levels, apart: frozenset[tuple[int, int]]) -> None:
    groups = join(ADDRESS, entries, levels, apart)
    by_pk = {one.pk: one for one in entries}
    members = [pk for group in groups for pk in (group.leader, *group.copies)]
    assert len(set(members)) == len(members)
    for group in groups:
        pks = (group.leader, *group.copies)
        found = [by_pk[pk] for pk in pks]
        assert list(pks) == sorted(pks)
        assert len({one.source for one in found}) == len(found) > 1
        assert len({levels.scope(one.category) for one in found}) == 1
        assert levels.scope(found[0].category) is not None
        assert all(one.published for one in found)
        dates = [one.published_at for one in found]
        assert max(dates) - min(dates) <= SPAN
        assert not any((one, other) in apart for one in pks for other in pks)
        assert group.shown is None or group.shown in group.copies


@given(CANDIDATES, LEVELS)
def test_joining_what_is_joined_changes_nothing(entries: list[Candidate], levels: Levels) -> None:
    """The members of one group alone make the same group."""
    for group in join(ADDRESS, entries, levels):
        alone = [one for one in entries if one.pk in (group.leader, *group.copies)]
        assert join(ADDRESS, alone, levels) == [group]


@given(CANDIDATES.filter(lambda entries: len(entries) > 1))
def test_agreement_is_symmetric(entries: list[Candidate]) -> None:
    first, second = entries[:2]
    swapped = [first._replace(pk=second.pk), second._replace(pk=first.pk)]
    assert bool(join(ADDRESS, [first, second], ON)) == bool(join(ADDRESS, swapped, ON))
