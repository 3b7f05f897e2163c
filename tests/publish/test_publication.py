"""What is published follows the configuration: names, categories, formats, removed sources, lost files."""

from __future__ import annotations

import json

import pytest
from lxml import etree

from tests.origin import Origin
from tests.support import Site, item, rss


def _titles(site: Site, slug: str) -> list[str]:
    return [one["title"] for one in json.loads(site.public()[f"{slug}/feed.json"])["items"]]


def test_removed_source_leaves_the_feeds_but_not_the_posts(site: Site, origin: Origin) -> None:
    one = {"id": "one", "feed": origin.route("/one", rss([item(1)]))}
    two = {"id": "two", "feed": origin.route("/two", rss([item(2)]))}
    site.configure(one, two)
    site.run("update")
    site.configure(one)
    site.run("update")
    assert _titles(site, "news") == ["Item 1"] == _titles(site, "all")
    assert sorted(site.posts()) == ["news/Item-1.md", "news/Item-2.md"]
    site.configure(one, two)
    site.run("update")
    assert _titles(site, "news") == ["Item 2", "Item 1"]


def test_renamed_source_renders_its_posts_anew_in_place(site: Site, origin: Origin) -> None:
    feed = origin.route("/one", rss([item(1)]))
    site.configure({"id": "one", "name": "Before", "feed": feed})
    site.run("update")
    site.configure({"id": "one", "name": "After", "feed": feed})
    site.run("update")
    assert b"author: After" in site.posts()["news/Item-1.md"]
    assert len(origin.asked("/one")) == 1


def test_title_of_a_feed_is_masked_until_it_is_the_name_in_the_configuration(site: Site, origin: Origin) -> None:
    feed = origin.route("/one", rss([item(1)], title="&lt;img src=x onerror=alert(1)&gt;"))
    site.configure({"id": "one", "feed": feed})
    site.run("update")
    (masked,) = site.posts().values()
    assert b" - _img src=x onerror=alert(1)_\n" in masked
    assert b"author: _img src=x onerror=alert(1)_\n" in masked
    site.configure({"id": "one", "name": "<b>Chosen</b>", "feed": feed})
    site.run("update")
    (chosen,) = site.posts().values()
    assert b"author: <b>Chosen</b>\n" in chosen


def test_derived_id_that_changes_keeps_the_entries(site: Site, origin: Origin) -> None:
    feed = origin.route("/one", rss([item(1)]))
    site.configure({"name": "Before", "feed": feed})
    site.run("update")
    site.configure({"name": "After", "feed": feed})
    site.run("update")
    assert site.status()["after"]["entries"] == 1
    assert list(site.posts()) == ["news/Item-1.md"]


def test_new_post_settings_reach_the_posts_that_exist(site: Site, origin: Origin) -> None:
    picture = item(1, description="&lt;img src='http://example.org/a.png'&gt;")
    feed = origin.route("/one", rss([picture]))
    site.configure({"id": "one", "feed": feed})
    site.run("update")
    site.configure({"id": "one", "feed": feed}, posts={"image_proxy": "https://proxy.example/?"})
    site.run("update")
    assert b"headimg: 'https://proxy.example/?http://example.org/a.png'" in site.posts()["news/Item-1.md"]


def test_category_that_is_gone_takes_its_feeds_along(site: Site, origin: Origin) -> None:
    feed = origin.route("/one", rss([item(1)]))
    site.configure({"id": "one", "category": "old", "feed": feed}, categories={"old": "Old", "news": "News"})
    site.run("update")
    assert "old/rss.xml" in site.public()
    site.configure({"id": "one", "category": "news", "feed": feed})
    site.run("update")
    assert not any(name.startswith("old/") for name in site.public())
    assert _titles(site, "news") == ["Item 1"]
    assert list(site.posts()) == ["old/Item-1.md"]


def test_formats_can_be_switched_off(site: Site, origin: Origin) -> None:
    feed = origin.route("/one", rss([item(1)]))
    site.configure({"id": "one", "feed": feed})
    site.run("update")
    site.configure({"id": "one", "feed": feed}, feeds={"formats": ["atom"]})
    site.run("update")
    assert set(site.public()) == {"all/atom.xml", "news/atom.xml", "opml.xml", "feeds.opml", "_assets/feed.css"}


def test_limit_cuts_a_feed_at_the_newest(site: Site, origin: Origin) -> None:
    feed = origin.route("/one", rss([item(n) for n in range(1, 6)]))
    site.configure({"id": "one", "feed": feed}, categories={"news": {"title": "News", "limit": 2}}, feeds={"limit": 3})
    site.run("update")
    assert _titles(site, "news") == ["Item 5", "Item 4"]
    assert _titles(site, "all") == ["Item 5", "Item 4", "Item 3"]


def test_publish_restores_lost_and_edited_files_by_request_and_nothing_else(site: Site, origin: Origin) -> None:
    site.configure({"id": "one", "feed": origin.route("/one", rss([item(1), item(2), item(3)]))})
    site.run("update")
    whole, stamps = {**site.posts(), **site.public()}, site.stamps()
    (site.data / "posts/news/Item-1.md").unlink()
    (site.data / "posts/news/Item-2.md").write_text("edited", encoding="utf-8")
    (site.data / "public/news/atom.xml").unlink()
    posts = site.posts()
    done = site.run("publish")
    assert done.status == 0
    # Posts belong to whoever edits and deletes them.
    assert site.posts() == posts
    assert site.public().items() <= whole.items()
    done = site.run("publish", "--overwrite-edits")
    assert done.status == 0
    assert {**site.posts(), **site.public()} == whole
    assert site.stamps()["posts/news/Item-3.md"] == stamps["posts/news/Item-3.md"]
    assert site.stamps()["public/all/rss.xml"] == stamps["public/all/rss.xml"]


def test_update_restores_a_lost_feed(site: Site, origin: Origin) -> None:
    site.configure({"id": "one", "feed": origin.route("/one", rss([item(1)]))})
    site.run("update")
    (site.data / "public/all/rss.xml").unlink()
    site.run("update")
    assert "all/rss.xml" in site.public()


@pytest.mark.parametrize("name", ["_assets/feed.css", "feeds.opml"])
def test_the_stylesheet_and_the_list_of_our_feeds_are_restored_even_where_they_were_edited(
    site: Site, origin: Origin, name: str
) -> None:
    site.configure({"id": "one", "feed": origin.route("/one", rss([item(1)]))})
    site.run("update")
    whole, stamps, path = site.public(), site.stamps(), site.data / "public" / name
    for spoil in (path.unlink, lambda: path.write_text("edited", encoding="utf-8")):
        spoil()
        site.run("update", "--all")
        assert site.public() == whole
    del stamps[f"public/{name}"]
    assert stamps.items() <= site.stamps().items()


def test_the_list_of_our_feeds_names_files_that_are_there(site: Site, origin: Origin) -> None:
    site.configure({"id": "one", "feed": origin.route("/one", rss([item(1)]))})
    site.run("update")
    outlines = etree.fromstring(site.public()["feeds.opml"]).findall("body/outline")
    addresses = [outline.get("xmlUrl", "") for outline in outlines]
    assert [outline.get("text") for outline in outlines] == ["News", "Test site"]
    assert {address.removeprefix("https://feeds.example.org/") for address in addresses} <= set(site.public())


def test_no_output_carries_the_time_of_the_run(site: Site, origin: Origin) -> None:
    site.configure({"id": "one", "feed": origin.route("/one", rss([item(1)]))})
    site.run("update")
    before = {**site.posts(), **site.public()}
    for folder in ("posts", "public"):
        for path in (site.data / folder).rglob("*"):
            if path.is_file():
                path.unlink()
    site.run("publish", "--restore")
    assert {**site.posts(), **site.public()} == before
