"""Which items outputs show at a time: caps, mixes, ages, delays and rates."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from aggregator.publish.publication import Report
from tests.publish.output_world import DAY, HOUR, OUTPUT, World, configured

MINUTE = timedelta(minutes=1)


def test_per_source_caps_each_source(world: World) -> None:
    world.configure(per_source=2, limit=3)
    world.add(*"abcd")
    world.add("e", source=1, published=world.now - HOUR)
    world.add("f", source=2, published=world.now - 2 * HOUR)
    assert world.published() == ["a", "b", "e"]


def test_a_fair_mix_keeps_the_weekly_blog_in(world: World) -> None:
    world.configure(mix="fair", limit=5)
    for hour in range(50):
        world.add(f"busy {hour}", published=world.now - hour * MINUTE)
    world.add("weekly", source=1, published=world.now - 6 * DAY)
    world.add("monthly", "monthly 2", source=2, published=world.now - 20 * DAY)
    assert world.published() == ["busy 0", "busy 1", "weekly", "monthly", "monthly 2"]
    # Then newest first: the busy source gets what the others leave.
    world.configure(mix="fair", limit=4, per_source=1)
    assert world.published() == ["busy 0", "weekly", "monthly"]


def test_max_age_lets_items_go_when_they_are_old(world: World) -> None:
    world.configure(max_age="2d")
    world.add("old", published=world.now - 2 * DAY - HOUR)
    world.add("a", published=world.now - DAY)
    world.add("b")
    assert world.published() == ["b", "a"]
    assert world.publish() == Report(next_at=world.now + DAY)
    assert world.published(DAY) == ["b"]
    assert world.publish() == Report(next_at=world.now + DAY)
    assert world.published(DAY) == []
    assert world.publish() == Report()


def test_a_delay_counts_from_when_an_item_is_first_seen(world: World) -> None:
    world.configure(delay="2h")
    world.add("a", published=world.now - DAY)
    assert world.published() == []
    assert world.publish().next_at == world.now + 2 * HOUR
    world.now += HOUR
    world.add("b")
    assert world.published(HOUR) == ["a"]
    assert world.published(HOUR) == ["b", "a"]
    assert world.publish() == Report()


def test_a_rate_lets_items_out_little_by_little(world: World) -> None:
    world.configure(rate="2/day", limit=4)
    world.add("first", published=world.now - DAY)
    # A feed begins with what is there.
    assert world.published() == ["first"]
    world.now += HOUR
    start = world.now
    for number in range(5):
        world.add(f"n{number}", published=start + number * MINUTE, seen=start + number * MINUTE)
    assert world.published(HOUR) == ["n4", "n3", "first"]
    assert world.publish() == Report(next_at=world.now + DAY)
    assert world.published(HOUR) == ["n4", "n3", "first"]
    assert world.published(DAY) == ["n4", "n3", "n2", "n1"]
    assert world.published(DAY) == ["n4", "n3", "n2", "n1"]
    assert world.publish().next_at is None


def test_a_rate_and_a_delay_go_together(world: World) -> None:
    world.configure(rate="1/day", delay="2h")
    world.add("first", seen=world.now - DAY)
    assert world.published() == ["first"]
    world.add("a")
    world.now += MINUTE
    world.add("b")
    assert world.published() == ["first"]
    assert world.publish().next_at == world.now - MINUTE + 2 * HOUR
    assert world.published(3 * HOUR) == ["b", "first"]
    assert world.published(DAY) == ["b", "a", "first"]


def test_an_interrupted_publication_neither_loses_nor_repeats_what_came_out(world: World) -> None:
    world.configure(rate="1/day")
    world.add("first")
    world.publish()
    world.now += HOUR
    world.add("a")
    # As if the run had ended after items came out, and before the feed was written.
    members = world.store.members
    waiting = members.waiting(OUTPUT, 9, world.now - DAY, world.now, None)
    members.release(OUTPUT, [member.pk for member in waiting], world.now)
    world.add("b")
    assert world.published() == ["a", "first"]
    assert world.published(DAY) == ["b", "a", "first"]


def test_settings_that_depend_on_time_no_more_are_as_if_they_never_were(world: World) -> None:
    world.configure(rate="1/day")
    world.add("first")
    world.publish()
    world.now += HOUR
    world.add("a", "b")
    assert len(world.published()) == 2
    world.configure(delay="1m")
    assert sorted(world.published(HOUR)) == ["a", "b", "first"]
    world.configure()
    assert sorted(world.published()) == ["a", "b", "first"]


def test_a_rate_begins_anew_where_the_output_was_gone_or_had_none(world: World) -> None:
    world.configure(rate="1/day")
    world.add("a", output=None)
    world.config = configured(world.site, rate="1/day")
    # Members are made again.
    world.store.drop_output(OUTPUT)
    assert world.published() == ["a"]
    world.configure()
    world.now += HOUR
    world.add("b", "c")
    assert world.published() == ["b", "c", "a"]
    world.configure(rate="1/day")
    assert world.published() == ["b", "c", "a"]
    world.config = configured(world.site, outputs={})
    world.publish()
    world.config = configured(world.site, rate="1/day")
    assert world.published() == ["b", "c", "a"]


@pytest.mark.parametrize(
    ("settings", "titles"),
    [({"where": 'title.startsWith("b")'}, ["b1", "b2"]), ({"limit": 4}, ["a4", "a1", "a2", "a3"])],
)
def test_an_output_with_a_rate_that_has_more_room_shows_what_was_there_at_its_beginning(
    world: World, settings: dict[str, Any], titles: list[str]
) -> None:
    before: dict[str, Any] = {"rate": "1/day", "where": 'title.startsWith("a")', "limit": 2}
    world.configure(**before)
    world.add("a1", "a2", "a3", "b1", "b2", output=None)
    world.store.drop_output(OUTPUT)
    assert world.published() == ["a1", "a2"]
    world.now += HOUR
    world.add("a4", published=world.now)
    assert world.published() == ["a4", "a1"]
    world.config = configured(world.site, **{**before, **settings})
    assert world.published() == titles
    assert world.publish() == Report()


def test_an_output_with_a_rate_begins_with_what_it_would_show_without(world: World) -> None:
    world.configure(rate="1/day", limit=3, mix="fair")
    world.add(*"abcd")
    world.add("z", source=1, published=world.now - DAY)
    assert world.published() == ["a", "b", "z"]
