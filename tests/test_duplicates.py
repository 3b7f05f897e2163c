"""The same item from two sources, over whole cycles: from the documents of a real origin to the files."""

from __future__ import annotations

import json
import re
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from aggregator.config import load
from aggregator.duplicates.levels import Levels
from aggregator.store import open_store
from tests import ROOT
from tests.origin import Origin
from tests.support import Site, item, rss

PAGE = (ROOT / "docs" / "duplicates.md").read_text(encoding="utf-8")
OTHER = {
    "link": "http://www.example.org/1?utm_source=b",
    "guid": "b1",
    "description": "&lt;p&gt;Longer text.&lt;/p&gt;",
}
#: The link without its tracking parameters.
LINK = "http://www.example.org/1"


@pytest.fixture
def two(site: Site, origin: Origin) -> Site:
    """A site with two sources, which have one item in common."""
    origin.route("/a", rss([item(1), item(2)]))
    origin.route("/b", rss([item(1, **OTHER), item(3)]))
    configure(site, origin, duplicates="url")
    return site


def configure(site: Site, origin: Origin, **sections: Any) -> None:
    sources = [{"id": name, "name": name.upper(), "feed": f"{origin.url}/{name}"} for name in "ab"]
    site.configure(*sources, posts={"preset": "markdown"}, **sections)


def update(site: Site, *sources: str) -> None:
    """Fetch sources one after the other, so that it is known which of them comes first."""
    for source in sources or ("a", "b"):
        done = site.run("update", "--source", source)
        assert done.status == 0, done


def rulings(site: Site) -> list[tuple[str, str, str | None]]:
    """Key, verdict and address of each stored entry."""
    with closing(open_store(site.data / "aggregator.db")) as store:
        return [(one.stored.entry.key, one.ruling.verdict, one.ruling.address) for one in store.rulings_after(0, 100)]


def publish(site: Site) -> None:
    done = site.run("publish")
    assert done.status == 0, done


def shown(site: Site, slug: str = "all") -> list[dict[str, Any]]:
    """The items of a feed, by title."""
    items: list[dict[str, Any]] = json.loads(site.public()[f"{slug}/feed.json"])["items"]
    return sorted(items, key=lambda item: str(item["title"]))


def titles(site: Site, slug: str = "all") -> list[str]:
    return [item["title"] for item in shown(site, slug)]


def outputs(site: Site) -> dict[str, bytes]:
    return {**site.posts(), **site.public()}


def test_it_comes_out_once_and_names_the_other_source(two: Site) -> None:
    update(two)
    assert titles(two) == ["Item 1", "Item 2", "Item 3"]
    assert shown(two)[0]["url"] == "https://example.org/1"
    assert shown(two)[0]["_origin"]["also_at"] == [{"title": "B", "url": LINK}]
    assert len(two.posts()) == 3
    before = two.stamps()
    update(two)
    assert two.stamps() == before


def test_a_copy_that_comes_later_makes_nothing_new(two: Site, origin: Origin) -> None:
    update(two, "a")
    ids, posts = {one["title"]: one["id"] for one in shown(two)}, set(two.posts())
    update(two, "b")
    assert {one["title"]: one["id"] for one in shown(two)}.items() >= ids.items()
    assert set(two.posts()) >= posts
    assert titles(two) == ["Item 1", "Item 2", "Item 3"]


def test_it_is_the_same_as_if_it_had_been_on_from_the_start(two: Site, origin: Origin, tmp_path: Path) -> None:
    rules = [{"drop": {"title": ["Item 2"]}}]
    configure(two, origin, duplicates="url", rules=rules)
    update(two)
    wanted = outputs(two)
    later = Site(tmp_path / "later")
    later.folder.mkdir()
    configure(later, origin, rules=rules)
    update(later)
    assert titles(later) == ["Item 1", "Item 1", "Item 3"]
    configure(later, origin, duplicates="url", rules=rules)
    publish(later)
    assert outputs(later) == wanted
    assert rulings(later) == rulings(two)
    assert [ruling[1] for ruling in rulings(two)] == ["dropped", "published", "published", "copy"]
    configure(later, origin, rules=rules)
    publish(later)
    assert titles(later) == ["Item 1", "Item 1", "Item 3"]
    assert len(later.posts()) == 3


def test_a_crash_between_two_sources_loses_nothing(two: Site, origin: Origin) -> None:
    update(two)
    wanted = outputs(two)
    configure(two, origin, duplicates="url", prefer=["b"])
    levels = Levels(load(two.config, {}).duplicates)
    with closing(open_store(two.data / "aggregator.db")) as store:
        store.copies.restart(levels.definition)
        store.copies.replace_addresses(
            "a", dict.fromkeys((one.stored.pk for one in store.rulings_after(0, 9, "a")), None)
        )
    configure(two, origin, duplicates="url")
    publish(two)
    assert outputs(two) == wanted


def test_the_preferred_text_under_the_first_id(two: Site, origin: Origin) -> None:
    configure(two, origin, duplicates="url", prefer=["b"])
    update(two, "a")
    before, posts = shown(two)[0], set(two.posts())
    update(two, "b")
    after = shown(two)[0]
    assert (before["content_html"], after["content_html"]) == ("<p>Text of item 1.</p>", "<p>Longer text.</p>")
    assert (after["id"], after["url"], after["_origin"]["also_at"]) == (
        before["id"],
        LINK,
        [{"title": "A", "url": "https://example.org/1"}],
    )
    assert set(two.posts()) >= posts
    assert len(two.posts()) == 3
    # The next change of the preferred source is shown as well.
    origin.route("/b", rss([item(1, **{**OTHER, "description": "Even longer text."}), item(3)]))
    update(two, "b")
    assert shown(two)[0]["content_html"] == "Even longer text."


def test_rules_pass_the_lead_on(two: Site, origin: Origin) -> None:
    update(two)
    configure(two, origin, duplicates="url", rules=[{"drop": {"title": ["Item 1"]}, "when": 'source == "a"'}])
    assert two.run("replay", "--apply").status == 0
    publish(two)
    assert [one["url"] for one in shown(two)] == [LINK, "https://example.org/2", "https://example.org/3"]
    configure(two, origin, duplicates="url")
    assert two.run("replay", "--apply").status == 0
    publish(two)
    assert shown(two)[0]["url"] == "https://example.org/1"


def test_two_items_that_a_person_keeps_apart(two: Site) -> None:
    update(two)
    assert two.run("not-duplicate", "https://example.org/1", LINK).status == 0
    publish(two)
    assert titles(two) == ["Item 1", "Item 1", "Item 2", "Item 3"]


def test_a_key_of_ones_own(two: Site, origin: Origin) -> None:
    configure(two, origin, duplicates="url", duplicate_key='"same" + title.substring(0, 0) + string(words)')
    done = two.run("update", "--all")
    assert "duplicate_key" in done.stderr
    configure(two, origin, duplicates="url", duplicate_key="string(words)")
    update(two)
    # Items 1 and 2 of the first source have as many words; of Item 3 and those, no date says which it is.
    assert titles(two) == ["Item 1", "Item 1", "Item 2", "Item 3"]


def test_in_one_output_alone(two: Site, origin: Origin) -> None:
    configure(two, origin, outputs={"once": {"duplicates": "url", "limit": 2}, "many": {}})
    update(two)
    assert titles(two) == titles(two, "many") == ["Item 1", "Item 1", "Item 2", "Item 3"]
    assert titles(two, "once") == ["Item 2", "Item 3"]
    configure(two, origin, outputs={"once": {"duplicates": "url"}, "many": {}})
    publish(two)
    assert titles(two, "once") == ["Item 1", "Item 2", "Item 3"]
    assert shown(two, "once")[0]["_origin"]["also_at"] == [{"title": "B", "url": LINK}]
    assert two.run("not-duplicate", "https://example.org/1", LINK).status == 0
    publish(two)
    assert titles(two, "once") == ["Item 1", "Item 1", "Item 2", "Item 3"]


@pytest.mark.parametrize("example", re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))
def test_the_examples_of_the_documentation_load(example: str, tmp_path: Path) -> None:
    path = tmp_path / "feeds.yaml"
    sources = "sources:\n  - {feed: https://example.org/feed, category: news}\ncategories: {news: News}\n"
    path.write_text(example if "sources:" in example or "categories:" in example else example + sources)
    if "sources:" not in example:
        path.write_text(path.read_text() + "sources: []\n" * ("sources:" not in path.read_text()))
    config = load(path, {})
    assert Levels(config.duplicates).definition or any(output.duplicates for output in config.outputs.values())
