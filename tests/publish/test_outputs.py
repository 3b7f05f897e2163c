"""What outputs show, from the store to the files: selections by time and source, private paths, looks, archives."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from lxml import etree

from aggregator.models import ALL, Placement, Verdict
from aggregator.publish.publication import Report, next_time
from tests.origin import Origin
from tests.publish.output_world import DAY, HOUR, OUTPUT, World
from tests.support import Site, item, rss
from tests.validators import check_opml

MINUTE = timedelta(minutes=1)


# -- a plain output ----------------------------------------------------------------------------------------------------


def test_an_output_has_the_feeds_of_its_members_alone(world: World) -> None:
    world.add("a", "b")
    world.add("c", source=1, output=None)
    assert world.published() == ["a", "b"]
    world.check()
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


def test_a_category_in_the_place_of_an_output_has_no_page_with_its_members(site: Site, origin: Origin) -> None:
    source = {"id": "s", "feed": origin.route("/f", rss([item(number) for number in range(1, 6)]))}
    site.configure(source, feeds={"limit": 2}, outputs={"both": {"title": "Both", "where": "true"}})
    site.run("update")
    assert "both/archive/1/feed.json" in site.public()
    site.configure(source, feeds={"limit": 2}, categories={"news": "News", "both": "Both"})
    site.run("update")
    for name in ("both/feed.json", "both/archive/1/feed.json"):
        assert json.loads(site.public()[name])["items"] == []
    before = site.stamps()
    site.run("publish")
    assert site.stamps() == before


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
    world.check()


def test_what_one_output_changes_is_in_that_output_alone(world: World) -> None:
    world.configure(outputs={"one": {"where": "true"}, "two": {"where": "true"}})
    world.add("a", output="one", own={"title": "Other"})
    world.publish()
    assert (world.titles("one"), world.titles(ALL)) == (["Other"], ["a"])


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
    world.check()
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
