"""Categories as people name them, and names and categories of sources that change in feeds.yaml: no other byte does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.config import load
from aggregator.config.additions import Categories, NewSource, add_sources, set_value
from aggregator.config.editing import check_edit
from aggregator.config.layout import NotEditable
from tests.config.test_additions import FEEDS, NAMES, SLUGS, files, is_valid, keeps, plain
from tests.config.test_editing import TEXT
from tests.thoroughness import examples

# -- categories by name ------------------------------------------------------------------------------------------------


def categories(text: str = "") -> Categories:
    default = (
        'categories: {news: News, tech-news: Technik, world: {title: Die Welt}}\noutputs: {top: {where: "true"}}\n'
    )
    return Categories(load(FEEDS, {}, text=(text or default) + "sources: []\n"))


@pytest.mark.parametrize(
    ("named", "slug"),
    [("news", "news"), ("NEWS", "news"), ("technik", "tech-news"), ("Tech news", "tech-news"), ("die  welt ", "world")],
)
def test_a_category_is_found_by_slug_or_title(named: str, slug: str) -> None:
    found = categories()
    assert found.slug(named) == slug
    assert found.new == {}


@pytest.mark.parametrize(
    ("named", "slug"),
    [
        *(("Science & Art", "science-art"), ("新闻", "新闻"), ("all", "all-2"), ("CON", "con-2"), ("top", "top-2")),
        *(("!?", "category"), ("x" * 100, "x" * 64)),
    ],
)
def test_a_category_is_invented_where_none_is_found(named: str, slug: str) -> None:
    found = categories()
    assert (found.slug(named), found.slug(named)) == (slug, slug)
    assert found.new == {slug: named}
    source = NewSource({"feed": "https://new.example/", "category": slug})
    text = 'outputs: {top: {where: "true"}}\nsources: []\n'
    check_edit(load(FEEDS, {}, text=text), add_sources(text, [source], found.new), {}, added=[source])


def test_two_titles_with_one_slug_are_two_categories() -> None:
    found = categories()
    assert [found.slug(text) for text in ("C", "C!", "ＴＥＣＨ NEWS", "c")] == ["c", "c-2", "tech-news", "c"]
    assert [found.slug(text) for text in ("?", "!")] == ["category", "category-2"]
    assert found.slug("मराठी" * 20) is not None


@pytest.mark.parametrize("named", ["", " ", "uncategorized", "Uncategorized"])
def test_none_is_meant(named: str) -> None:
    assert categories().slug(named) is None
    assert categories("categories: {uncategorized: Rest}\n").slug("rest") == "uncategorized"


# -- names and categories of sources -----------------------------------------------------------------------------------


def valued(text: str, index: int, key: str, value: str | None, **titles: str) -> str:
    before = load(FEEDS, {}, text=text)
    after = set_value(text, index, key, value, titles)
    new = check_edit(before, after, {}, values={index: {key: value}})
    if key == "name":
        assert new.sources[index].name == value
    return after


@pytest.mark.parametrize("index", range(5))
def test_a_name_changes_and_nothing_else(index: int) -> None:
    for text in (TEXT, TEXT.replace("\n", "\r\n"), "\ufeff" + TEXT, TEXT.rstrip()):
        after = valued(text, index, "name", "It's new: ${x}")
        old = {0: "'A'", 1: '"B"', 3: "D"}.get(index)
        new = {1: '"It\'s new: $${x}"'}.get(index, "'It''s new: $${x}'")
        if old:
            head, tail = text.split(f"name: {old}")
            assert after == f"{head}name: {new}{tail}"
        else:
            assert keeps(text, after)
            assert len(after.splitlines()) == len(text.splitlines()) + 1


@pytest.mark.parametrize(
    ("written", "after"),
    [
        ("- feed: https://a/\n", "- category: news\n  feed: https://a/\n"),
        (
            "- id: a\n  name: A # n\n  feed: https://a/\n",
            "- id: a\n  name: A # n\n  category: news\n  feed: https://a/\n",
        ),
        ("- feed: https://a/\n  name: A\n", "- feed: https://a/\n  category: news\n  name: A\n"),
        ("- {feed: https://a/}\n", "- {category: news, feed: https://a/}\n"),
        (
            '- {"name": "A", "feed": "https://a/"}\n',
            '- {"name": "A", "category": "news", "feed": "https://a/"}\n',
        ),
        (
            "- category: 'tech' # c\n  feed: https://a/\n",
            "- category: 'news' # c\n  feed: https://a/\n",
        ),
        (
            "- categories: [tech, art]\n  feed: https://a/\n",
            "- categories: [news, art]\n  feed: https://a/\n",
        ),
        (
            "- categories: [tech, news, art]\n  feed: https://a/\n",
            "- categories: [news, art]\n  feed: https://a/\n",
        ),
        (
            "- categories: [news, art]\n  feed: https://a/\n",
            "- categories: [news, art]\n  feed: https://a/\n",
        ),
        (
            "- categories:\n  - tech # t\n  - art\n  feed: https://a/\n",
            "- categories:\n  - news # t\n  - art\n  feed: https://a/\n",
        ),
    ],
)
def test_a_source_gets_another_category(written: str, after: str) -> None:
    head = "categories: {news: {title: News, interval: 3h}, tech: Tech, art: Art}\nsources:\n"
    assert valued(head + written, 0, "category", "news") == head + after


def test_a_source_gets_a_new_category() -> None:
    text = "sources:\n- feed: https://a/\n"
    after = valued(text, 0, "category", "tech", tech="Tech: all", other="Other")
    assert after == "categories:\n  tech: 'Tech: all'\n\nsources:\n- category: tech\n  feed: https://a/\n"


@pytest.mark.parametrize(
    ("written", "key", "after"),
    [
        ("- name: A # n\n  feed: https://a/\n", "name", "- feed: https://a/\n"),
        ("- feed: https://a/\n  category: tech # c\n", "category", "- feed: https://a/\n"),
        ("- categories: [tech]\n  feed: https://a/\n", "category", "- feed: https://a/\n"),
        ("- {feed: https://a/, category: tech}\n", "category", "- {feed: https://a/}\n"),
        ("- feed: https://a/\n", "name", "- feed: https://a/\n"),
    ],
)
def test_a_value_goes(written: str, key: str, after: str) -> None:
    head = "categories: {tech: Tech}\nsources:\n"
    assert valued(head + written, 0, key, None) == head + after


@pytest.mark.parametrize(
    "text",
    [
        "sources:\n- name: &n A\n  feed: https://a/\n- feed: https://b/\n  name: *n\n",
        "sources:\n- feed: https://b/\n- name: !!str A\n  feed: https://a/\n",
        "sources:\n- feed: https://b/\n- name: >-\n    A\n    B\n  feed: https://a/\n",
        "x-a: &a {feed: https://a/}\nsources:\n- feed: https://b/\n- *a\n",
    ],
)
def test_a_value_that_others_share_is_left_to_people(text: str) -> None:
    for index in (0, 1):
        try:
            valued(text, index, "name", "New")
        except NotEditable:
            break
    else:
        raise AssertionError


# -- any file ----------------------------------------------------------------------------------------------------------


@examples(30)
@given(files().filter(is_valid), NAMES, SLUGS, st.integers(0, 3), st.booleans())
def test_any_source_takes_any_name_and_category(text: str, name: str, slug: str, pick: int, crlf: bool) -> None:
    text = add_sources(text.replace("\n", "\r\n") if crlf else text, [NewSource({"feed": "https://z.example/"})])
    config = load(FEEDS, {}, text=text)
    index = pick % len(config.sources)
    named = valued(text, index, "name", name.strip())
    assert keeps(text, named)
    moved = valued(named, index, "category", slug)
    data = plain(moved)
    assert (data["sources"][index]["name"], data["sources"][index]["category"]) == (plain_text(name), slug)
    assert slug in data["categories"]


def plain_text(name: str) -> str:
    return name.strip().replace("${", "$${")
