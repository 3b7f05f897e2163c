"""What of a list is added to feeds.yaml: what is missing there and right, and everything else is named."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aggregator.config import Config
from aggregator.errors import ConfigError
from aggregator.subscriptions.merging import Merged
from aggregator.subscriptions.namespace import URI
from tests.subscriptions.documents import feed, merged, opml

BEFORE = """\
# mine
fetch: {interval: 2h}
categories:
  news: Nachrichten
  c: C
sources:
  # the first
  - name: One
    category: news
    feed: https://example.org/1   # its address

  - name: Two
    feed: http://www.Example.org:80/2/
"""
OURS = f' xmlns:agg="{URI}"'


def own(number: int, settings: dict[str, Any] | None = None, **attributes: str) -> str:
    """An outline of our own export."""
    written = json.dumps(settings or {}).replace("&", "&amp;").replace('"', "&quot;")
    return feed(number, **{"agg:source": written, **attributes})


def folder(title: str, *inner: str, **attributes: str) -> str:
    more = "".join(f" {name.replace('__', ':')}='{value}'" for name, value in attributes.items())
    return f'<outline text="{title}"{more}>{"".join(inner)}</outline>'


def listed(outlines: str, before: str | None = BEFORE, **options: Any) -> tuple[Merged, Config]:
    return merged(opml(outlines, attributes=OURS), before, {"TOKEN": "s3cr3t"}, **options)


def categories(config: Config) -> dict[str, tuple[str, ...]]:
    return {one.url: (one.category, *one.also_in) for one in config.sources}


def why(made: Merged) -> list[tuple[str, str]]:
    return [(one.of, one.why) for one in made.left_out]


# -- what is missing, and where it goes ------------------------------------------------------------------------------


def test_sources_follow_those_of_their_category_and_nothing_else_changes() -> None:
    made, config = listed(folder("Nachrichten", feed(3)) + feed(4))
    assert (
        made.text
        == BEFORE.replace(
            "# its address\n",
            "# its address\n\n  - name: Feed 3\n    category: news\n    feed: https://example.org/3\n",
        )
        + "\n  - name: Feed 4\n    feed: https://example.org/4\n"
    )
    assert [one.id for one in config.sources] == ["one", "feed-3", "two", "feed-4"]
    assert [(one.line, one.id, one.address, one.categories) for one in made.added] == [
        (2, "feed-3", "https://example.org/3", ("news",)),
        (2, "feed-4", "https://example.org/4", ()),
    ]
    assert made.whole


def test_what_is_there_stays_as_it_is_and_is_named() -> None:
    outlines = (
        folder("Other", feed(1, title="Renamed"))
        + '<outline text="2" xmlUrl="https://example.org/2?utm_source=x#top"/>'
        + feed(3)
    )
    made, _ = listed(outlines)
    assert [(one.address, one.id) for one in made.there] == [
        ("https://example.org/1", "one"),
        ("https://example.org/2?utm_source=x#top", "two"),
    ]
    assert [one.id for one in made.added] == ["feed-3"]
    # Nobody needs the category of a source that was there.
    assert made.categories == {}
    made, _ = listed(feed(1))
    assert made.text is None
    assert made.whole


def test_the_second_time_nothing_changes() -> None:
    outlines = "".join(folder(name, *map(feed, range(10 * n, 10 * n + 9))) for n, name in enumerate("ABC"))
    first, _ = listed(outlines)
    second, _ = listed(outlines, first.text)
    assert second.text is None
    assert len(second.there) == 27


def test_duplicates_in_the_list_are_one_source_in_all_folders() -> None:
    outlines = folder("A", feed(3)) + folder("B", feed(3), feed(3)) + '<outline xmlUrl="http://example.org/3/"/>'
    made, config = listed(outlines)
    assert categories(config)["https://example.org/3"] == ("a", "b")
    assert [(one.address, one.first) for one in made.repeated] == [
        ("https://example.org/3", 2),
        ("https://example.org/3", 2),
        ("http://example.org/3/", 2),
    ]
    assert made.whole


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Nachrichten", "news"),
        ("NACHRICHTEN", "news"),
        ("news", "news"),
        ("News!", "news"),
        ("Uncategorized", "uncategorized"),
        ("New", "new"),
        ("新闻", "新闻"),
        ("All", "all-2"),
        ("con", "con-2"),
        ("!!!", "category"),
        ("😀", "category"),
        ("x" * 100, "x" * 64),
        ("💡" * 3 + "🀄a", "a"),
    ],
)
def test_a_folder_is_a_category(title: str, slug: str) -> None:
    made, config = listed(folder(title, feed(3)))
    assert categories(config)["https://example.org/3"] == (slug,)
    assert made.whole
    assert made.categories == ({} if slug in ("news", "uncategorized") else {slug: title})


def test_titles_that_give_the_same_slug_are_different_categories() -> None:
    outlines = (
        folder("C", feed(3))
        + folder("C++", feed(4))
        + folder("c#", feed(5))
        + folder("D!", feed(6))
        + folder("D?", feed(7))
    )
    made, config = listed(outlines, "sources: []")
    assert [categories(config)[f"https://example.org/{n}"][0] for n in range(3, 8)] == ["c", "c-2", "c-3", "d", "d-2"]
    assert made.categories == {"c": "C", "c-2": "C++", "c-3": "c#", "d": "D!", "d-2": "D?"}
    # The names are found again.
    again, _ = listed(outlines, made.text)
    assert again.text is None


def test_one_category_for_all() -> None:
    outlines = folder("A", feed(3)) + folder("News", own(4, {"categories": ["x", "y"]}), agg__category="x")
    made, config = listed(outlines, category="Reading list")
    assert (
        categories(config)["https://example.org/3"] == categories(config)["https://example.org/4"] == ("reading-list",)
    )
    assert made.categories == {"reading-list": "Reading list"}
    _, config = listed(outlines, category="news")
    assert categories(config)["https://example.org/3"] == ("news",)


def test_names_and_ids_are_those_of_the_list_or_made_from_it() -> None:
    outlines = '<outline text="One" xmlUrl="https://other.example/"/><outline xmlUrl="https://bare.example/feed"/>'
    made, config = listed(outlines)
    assert [(one.id, one.name) for one in made.added] == [("one-2", "One"), ("bare-example-feed", None)]
    # The id of the one that was there is the same.
    assert config.sources[0].id == "one"


@pytest.mark.parametrize(
    "before", [None, "", "\n# mine\n", "# mine\nsources:\n", "categories: {a: A}\n", "sources: []\n"]
)
def test_a_file_without_sources_gets_some(before: str | None) -> None:
    made, config = listed(folder("B", feed(3)), before)
    assert categories(config) == {"https://example.org/3": ("b",)}
    assert ("# mine" in (made.text or "")) is ("# mine" in (before or ""))
    assert made.whole


def test_nothing_to_add_makes_no_file() -> None:
    made, _ = listed('<outline text="x" xmlUrl="ftp://x"/>', None)
    assert made.text is None
    assert not made.whole


def test_a_file_that_only_a_person_can_edit_is_left_alone() -> None:
    with pytest.raises(ConfigError, match="edit it by hand"):
        listed(feed(3), "x-s: &s [{feed: https://a.example/}]\nsources: *s\n")


# -- what is wrong ---------------------------------------------------------------------------------------------------


def test_a_setting_that_is_wrong_is_left_out_and_the_source_stays() -> None:
    outlines = (
        own(3, {"interval": "often", "paused": "yes", "odd": 1})
        + own(4, {"interval": "3h"})
        + own(5, {"category": "x", "rules": [{"drop": 1}]})
    )
    made, config = listed(outlines)
    assert [one.url[-1] for one in config.sources] == ["1", "/", "3", "4", "5"]
    assert sorted({(of, text.partition(":")[0]) for of, text in why(made)}) == [
        ("Feed 3", "`interval`"),
        ("Feed 3", "`odd`"),
        ("Feed 3", "`paused`"),
        ("Feed 5", "`rules`"),
    ]
    assert any(text.startswith("`interval`: must be a duration") for _, text in why(made))
    assert not made.whole


def test_a_source_that_is_wrong_is_left_out_and_the_others_stay() -> None:
    outlines = (
        own(3, {"scrape": {"url": "https://s.example/", "items": "a["}})
        + own(4, {"scrape": {"url": "https://s.example/"}})
        + own(5, {"feed": ["x"]})
        + own(6, {"feed": "https://x.example/${env:NOT_SET}"})
        + own(7)
    )
    made, config = listed(outlines, trust=True)
    assert [one.url for one in config.sources][2:] == ["https://example.org/7"]
    assert [(one.what, one.line) for one in made.refused] == [
        ("Feed 3", 2),
        ("Feed 4", 2),
        ("Feed 5", 2),
        ("Feed 6", 2),
    ]
    assert "the environment has no variable `NOT_SET`" in made.refused[3].why


def test_categories_that_are_not_there_are_left_out() -> None:
    made, config = listed(own(3, {"categories": ["nowhere"]}))
    assert categories(config)["https://example.org/3"] == ("nowhere",)
    assert made.categories == {} or made.categories == {"nowhere": "nowhere"}


def test_an_id_that_is_taken_is_left_out() -> None:
    made, config = listed(own(3, {"id": "one"}) + own(4, {"id": "mine"}))
    assert [one.id for one in config.sources] == ["one", "two", "feed-3", "mine"]
    assert why(made) == [("Feed 3", "`id`: `one` is the id of another source")]


# -- what strangers may not say --------------------------------------------------------------------------------------

RISKY = {
    "allow_private_addresses": True,
    "proxy": "http://proxy.example:3128",
    "tls": {"verify": False, "until": "2099-01-01"},
    "auth": {"bearer": "${env:TOKEN}"},
    "headers": {"X-Key": "${file:/etc/passwd}"},
    "rules": [{"command": ["./x"]}],
}


@pytest.mark.parametrize("key", RISKY)
def test_a_risky_setting_needs_trust(key: str) -> None:
    made, config = listed(own(3, {key: RISKY[key], "interval": "3h"}))
    assert config.sources[2] == listed(own(3, {"interval": "3h"}))[1].sources[2]
    ((of, text),) = why(made)
    assert of == "Feed 3"
    assert text.startswith(f"`{key}`: it ")
    assert "--trust" in text


@pytest.mark.parametrize("key", [key for key in RISKY if key != "headers"])
def test_what_the_operator_trusts_is_taken_over(key: str) -> None:
    made, config = listed(own(3, {key: RISKY[key]}), trust=True)
    assert made.whole
    assert config.sources[2] != listed(own(3))[1].sources[2]
    assert "s3cr3t" not in (made.text or "")


@pytest.mark.parametrize(
    "settings",
    [
        {"feed": "https://evil.example/?t=${env:TOKEN}"},
        {"scrape": {"url": "https://evil.example/${env:TOKEN}", "items": "a"}},
        {"scrape": {"url": "https://evil.example/", "items": "${file:secrets}"}},
    ],
)
def test_an_address_with_a_reference_needs_trust(settings: dict[str, Any]) -> None:
    made, config = listed(own(3, settings))
    assert len(config.sources) == 2
    assert "--trust" in made.refused[0].why


def test_references_of_other_programs_are_text() -> None:
    outlines = '<outline text="${env:TOKEN}" xmlUrl="https://evil.example/?t=${env:TOKEN}"/>' + folder(
        "${env:TOKEN}", feed(4)
    )
    for trust in (False, True):
        made, config = listed(outlines, trust=trust)
        assert "s3cr3t" not in repr(config)
        assert config.sources[2].url == "https://evil.example/?t=${env:TOKEN}"
        assert config.sources[2].name == "${env:TOKEN}"
        assert config.categories["env-token"].title == "${env:TOKEN}"
        assert made.whole


def whole(settings: dict[str, Any], outlines: str, before: str | None = None, **options: Any) -> tuple[Merged, Config]:
    written = json.dumps(settings).replace("&", "&amp;").replace('"', "&quot;")
    data = opml(outlines, attributes=f'{OURS} agg:settings="{written}"')
    return merged(data, before, {"TOKEN": "s3cr3t"}, **options)


def test_settings_of_the_whole_file_are_for_a_new_one() -> None:
    settings = {
        "site": {"title": "T ${x}"},
        "fetch": {"interval": "3h", "proxy": "http://p.example:1"},
        "feeds": {"limit": 0},
    }
    made, config = whole({**settings, "site": {"title": "Theirs"}}, own(3))
    assert config.site.title == "Theirs"
    assert config.fetch.proxy is None
    assert config.feeds.limit == 100
    assert [of for of, _ in why(made)] == ["the whole file", "feeds"]
    made, config = whole(settings, own(3), BEFORE)
    assert (config.site.title, config.sources[2].interval) == ("Aggregated feeds", config.sources[0].interval)
    assert "`site`, `fetch`, `feeds`" in made.notes[0]
    assert made.whole


def test_settings_of_a_category_are_for_a_new_one() -> None:
    outlines = folder(
        "X",
        own(3),
        agg__category="x",
        agg__settings='{"limit": 7, "interval": "3h", "rules": [{"drop": {"title": ["a"]}}]}',
    )
    made, config = listed(outlines)
    assert made.whole
    assert config.categories["x"].limit == 7
    assert config.rules.categories.keys() == {"x"}
    outlines = folder("X", own(4), agg__category="x", agg__settings='{"limit": 8}')
    again, config = listed(outlines, made.text)
    assert config.categories["x"].limit == 7
    assert again.whole


@pytest.mark.parametrize(
    "settings",
    ['{"limit": 0}', '{"title": ["x"]}', '{"rules": [{"python": "a:b"}]}', '{"description": "${env:TOKEN}"}'],
)
def test_settings_of_a_category_that_cannot_be_had_are_named(settings: str) -> None:
    made, config = listed(folder("X", own(3), agg__category="x", agg__settings=settings))
    assert config.categories["x"].title == "X"
    assert config.categories["x"].limit == 100
    assert [of for of, _ in why(made)] == ["category x"]


def test_a_source_that_another_program_has_moved() -> None:
    outlines = (
        folder("A", agg__category="a")
        + folder("B", own(3, {"categories": ["a", "c"]}), agg__category="b")
        + folder("New", own(4, {"categories": ["a"]}))
    )
    _, config = listed(outlines)
    assert categories(config)["https://example.org/3"] == ("b", "a", "c")
    assert categories(config)["https://example.org/4"] == ("new", "a")


def test_sources_of_our_own_with_one_address_stay_apart() -> None:
    outlines = own(3, {"name": "A"}) + own(3, {"name": "B"})
    made, config = listed(outlines)
    assert [one.id for one in made.added] == ["a", "b"]
    again, _ = listed(own(3, {"name": "B"}) + own(3, {"name": "Z"}) + own(3, {"name": "Y"}), made.text)
    # One of them was renamed.
    assert [one.id for one in again.there] == ["b", "a"]
    assert [one.id for one in again.added] == ["y"]
    assert len(config.sources) == 4


def test_many_sources_of_which_many_are_wrong() -> None:
    outlines = "".join(own(n, {"interval": "often"} if n % 2 else {"feed": 1}) for n in range(3, 1003))
    made, config = listed(outlines)
    assert len(made.added) == 500
    assert len(made.refused) == 500
    assert len(made.left_out) == 500
    assert len(config.sources) == 502
