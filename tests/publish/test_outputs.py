"""What outputs show, from the store to the files: selections by time and source, private paths, looks, archives."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from lxml import etree

from aggregator.models import ALL, Placement, Verdict
from aggregator.publish.publication import Report, next_time
from tests.publish.output_world import DAY, HOUR, OUTPUT, World, configured, world_of
from tests.support import Site
from tests.validators import check_atom, check_jsonfeed, check_opml, check_rss

MINUTE = timedelta(minutes=1)


@pytest.fixture
def world(site: Site) -> Iterator[World]:
    with world_of(site) as made:
        yield made


def _checked(world: World, folder: str = OUTPUT) -> None:
    public = world.site.public()
    assert check_rss(public[f"{folder}/rss.xml"]) == []
    assert check_atom(public[f"{folder}/atom.xml"]) == []
    assert check_jsonfeed(public[f"{folder}/feed.json"]) == []


# -- a plain output ----------------------------------------------------------------------------------------------------


def test_an_output_has_the_feeds_of_its_members_alone(world: World) -> None:
    world.add("a", "b")
    world.add("c", source=1, output=None)
    assert world.published() == ["a", "b"]
    _checked(world)
    assert sorted(world.titles(ALL)) == ["a", "b", "c"]
    assert sorted(world.titles("news")) == ["a", "b", "c"]


def test_nothing_new_and_nothing_due_writes_nothing(world: World) -> None:
    world.add("a", "b")
    world.publish()
    assert world.publish() == Report()


def test_a_new_member_writes_the_feeds_that_show_it_alone(world: World) -> None:
    world.configure(outputs={"one": {"where": "true"}, "two": {"where": "true"}})
    world.add("a", output="one")
    world.publish()
    world.add("b", output="two")
    feeds = {name.split("/")[1] for name in world.publish().feeds}
    assert feeds == {"two", "news", ALL}


def test_older_members_of_a_plain_output_are_in_its_archive(world: World) -> None:
    world.configure(limit=2, title_template="[{source}] {title}")
    world.add(*"abcde")
    assert world.published() == ["[Source 0] a", "[Source 0] b"]
    page = json.loads(world.site.public()[f"{OUTPUT}/archive/1/feed.json"])
    assert [item["title"] for item in page["items"]] == [f"[Source 0] {key}" for key in "abcde"]
    feed = json.loads(world.site.public()[f"{OUTPUT}/feed.json"])
    assert feed["next_url"] == f"https://feeds.example.org/{OUTPUT}/archive/1/feed.json"


def test_an_output_that_is_not_plain_any_more_loses_its_archive(world: World) -> None:
    world.configure(limit=2)
    world.add(*"abcde")
    world.publish()
    world.configure(limit=2, max_age="7d")
    world.publish()
    assert [name for name in world.site.public() if name.startswith(f"{OUTPUT}/archive")] == []


def test_formats_and_language_are_those_of_the_output(world: World) -> None:
    world.configure(formats=["atom"], language="de")
    world.add("a")
    world.publish()
    assert [name for name in world.site.public() if name.startswith(OUTPUT)] == [f"{OUTPUT}/atom.xml"]
    root = etree.fromstring(world.site.public()[f"{OUTPUT}/atom.xml"])
    assert root.get("{http://www.w3.org/XML/1998/namespace}lang") == "de"
    world.configure(formats=["rss"])
    world.publish()
    assert [name for name in world.site.public() if name.startswith(OUTPUT)] == [f"{OUTPUT}/rss.xml"]


def test_an_output_that_is_gone_takes_its_feeds_and_archive_along(world: World) -> None:
    world.configure(limit=2)
    world.add(*"abcd")
    world.publish()
    world.configure(outputs={})
    report = world.publish()
    assert f"public/{OUTPUT}/rss.xml" in report.removed
    assert [name for name in world.site.public() if name.startswith(f"{OUTPUT}/")] == []
    assert world.publish() == Report()


def test_own_list_names_outputs_after_the_others(world: World) -> None:
    world.configure(outputs={"two": {"where": "true", "formats": ["json"]}, "one": {"where": "true", "title": "One"}})
    world.publish()
    listed = world.site.public()["feeds.opml"]
    assert check_opml(listed) == []
    addresses = [one.get("xmlUrl") for one in etree.fromstring(listed).iter("outline")]
    base = "https://feeds.example.org"
    assert addresses == [
        f"{base}/news/atom.xml",
        f"{base}/all/atom.xml",
        f"{base}/two/feed.json",
        f"{base}/one/atom.xml",
    ]


def test_a_member_that_changes_is_written_again(world: World) -> None:
    world.add("a", "b")
    world.publish()
    world.now += HOUR
    world.rule("a", placements=(Placement(OUTPUT),))
    assert f"public/{OUTPUT}/rss.xml" in world.publish().feeds
    assert world.items()[0]["content_html"] == f"<p>{world.now}</p>"
    world.now += HOUR
    # It leaves the output, and nothing else.
    world.rule("a")
    assert world.published() == ["b"]
    assert "a" in world.titles(ALL)


# -- what is not published -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("verdict", ["dropped", "held"])
def test_the_post_of_an_entry_that_is_published_no_more_is_withdrawn(world: World, verdict: Verdict) -> None:
    world.add("a", "b")
    world.publish()
    assert sorted(world.site.posts()) == ["news/a.md", "news/b.md"]
    world.rule("a", verdict=verdict)
    report = world.publish()
    assert report.removed == ["posts/news/a.md"]
    assert list(world.site.posts()) == ["news/b.md"]
    assert world.titles() == world.titles(ALL) == ["b"]
    assert world.publish() == Report()
    # It comes back where it was.
    world.now += HOUR
    world.rule("a", placements=(Placement(OUTPUT),))
    world.publish()
    assert sorted(world.site.posts()) == ["news/a.md", "news/b.md"]
    assert sorted(world.titles()) == ["a", "b"]


def test_a_withdrawn_post_that_a_person_has_edited_stays(world: World) -> None:
    world.add("a")
    world.publish()
    file = world.site.data / "posts" / "news" / "a.md"
    file.write_bytes(b"mine")
    world.rule("a", verdict="dropped")
    assert world.publish().kept == ["posts/news/a.md"]
    assert file.read_bytes() == b"mine"
    assert world.publish() == Report()


def test_a_draft_has_a_post_and_is_in_no_feed(world: World) -> None:
    world.add("a", "b")
    world.publish()
    world.rule("a", draft=True, placements=(Placement(OUTPUT),))
    world.publish()
    assert b"published: false\n" in world.site.posts()["news/a.md"]
    assert b"published:" not in world.site.posts()["news/b.md"]
    assert world.titles() == world.titles(ALL) == ["b"]


# -- how items look ----------------------------------------------------------------------------------------------------


def test_templates_of_titles_are_filled_in_one_pass(world: World) -> None:
    world.configure(title_template="{{x}} [{source}] {title} ({category}, {author}, {date})")
    world.add("{source} {0.x} {", authors=("Ann", "{title}"))
    assert world.published() == ["{x} [Source 0] {source} {0.x} { (News, Ann, {title}, 2024-05-06)"]
    # The others have the title as it is.
    assert world.titles(ALL) == ["{source} {0.x} {"]


@pytest.mark.parametrize(
    ("content", "html"),
    [("full", f"<p>{'word ' * 100}</p>"), ("excerpt", f"<p>{('word ' * 60).strip()}…</p>"), ("link", "")],
)
def test_content_is_what_the_output_shows_of_it(world: World, content: str, html: str) -> None:
    world.configure(content=content)
    world.add("a", html=f"<p>{'word ' * 100}</p>")
    world.publish()
    (item,) = world.items()
    assert item["content_html"] == html
    assert world.items(ALL)[0]["content_html"] == f"<p>{'word ' * 100}</p>"
    _checked(world)


def test_what_one_output_changes_is_in_that_output_alone(world: World) -> None:
    world.configure(outputs={"one": {"where": "true"}, "two": {"where": "true"}})
    world.add("a", output="one", own={"title": "Other"})
    world.publish()
    assert (world.titles("one"), world.titles(ALL)) == (["Other"], ["a"])


# -- selections --------------------------------------------------------------------------------------------------------


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


# -- digests -----------------------------------------------------------------------------------------------------------


def test_a_digest_has_the_headlines_of_its_day(world: World) -> None:
    world.configure(digest="daily at 08:00", title_template="{title}!")
    # NOW is 07:08 in UTC.
    world.add("a <b>", url=None)
    world.add("b", source=1, url="https://e.example/?a&b")
    assert world.published() == []
    assert world.publish().next_at == world.now.replace(hour=8, minute=0, second=0)
    assert world.published(HOUR) == ["Rust: 2024-05-06"]
    (item,) = world.items()
    assert item["content_html"] == (
        '<ul>\n<li>a &lt;b&gt;! (Source 0)</li>\n<li><a href="https://e.example/?a&amp;b">b!</a> (Source 1)</li>\n</ul>'
    )
    assert item["date_published"] == "2024-05-06T08:00:00+00:00"
    assert item["id"].startswith("urn:uuid:")
    _checked(world)
    before = world.site.public()
    # An empty day has no digest, and a later one does not change the first.
    world.add("c")
    assert world.publish().feeds == [
        f"public/{slug}/{name}" for slug in ("news", ALL) for name in ("rss.xml", "atom.xml", "feed.json")
    ]
    assert world.published(2 * DAY) == ["Rust: 2024-05-07", "Rust: 2024-05-06"]
    assert world.items()[1] == item
    assert before[f"{OUTPUT}/feed.json"] != world.site.public()[f"{OUTPUT}/feed.json"]
    assert world.publish().files == 0


def test_a_weekly_digest_names_its_days(world: World) -> None:
    world.configure(digest={"every": "weekly", "weekday": "wednesday", "at": "08:00", "timezone": "Europe/Berlin"})
    world.add("a")
    assert world.published(2 * DAY) == ["Rust: 2024-05-01 – 2024-05-08"]
    assert world.items()[0]["date_published"] == "2024-05-08T06:00:00+00:00"


def test_a_long_digest_says_how_many_more_there_were(world: World) -> None:
    world.configure(digest="daily at 08:00")
    world.add(*(f"t{number}" for number in range(205)))
    world.published(HOUR)
    html = world.items()[0]["content_html"]
    assert html.count("<li>") == 201
    assert html.endswith("<li>… (+5)</li>\n</ul>")
    world.configure(digest="daily at 08:00", per_source=3)
    world.publish()
    assert world.items()[0]["content_html"].count("<li>") == 3


# -- the next time -----------------------------------------------------------------------------------------------------


def test_the_next_time_is_that_of_the_first_output(world: World) -> None:
    timed = {"a": {"where": "true", "delay": "3h"}, "b": {"where": "true", "delay": "2h"}, "c": {"where": "true"}}
    world.configure(outputs=timed)
    world.add("x", output="a")
    world.add("y", output="b")
    assert world.publish().next_at == world.now + 2 * HOUR
    assert next_time(world.config, world.store.fingerprints()) == world.now + 2 * HOUR
    world.now += 2 * HOUR
    assert world.publish().next_at == world.now + HOUR
