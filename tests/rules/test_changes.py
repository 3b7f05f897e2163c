"""The rules that change tags and titles, and those that say where an entry belongs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from aggregator.models import Decision
from aggregator.normalize.text import MAX_TAGS, MAX_TITLE
from tests.rule_samples import judge, make_entry, settings_of
from tests.thoroughness import examples


def test_tags() -> None:
    assert judge("[tag: long]").entry.tags == ("release", "Rust", "long")
    assert judge("[tag: [long, RUST, ' read  later ']]").entry.tags == ("release", "Rust", "long", "read later")
    entry = make_entry()
    assert judge("[tag: rust]", entry).entry is entry
    full = make_entry(tags=tuple(map(str, range(MAX_TAGS))))
    assert judge("[tag: one more]", full).entry is full


def test_tags_are_removed() -> None:
    assert judge("[untag: rust]").entry.tags == ("release",)
    assert judge("[untag: ['/^r/i']]").entry.tags == ()
    entry = make_entry()
    assert judge("[untag: [rus, lease]]", entry).entry is entry


@examples(40)
@given(st.lists(st.sampled_from(["a", "A", "rust", "Ｒust", "new tag"]), min_size=1, max_size=4))
def test_tagging_twice_is_tagging_once(tags: list[str]) -> None:
    rule = f"tag: {tags}"
    once = judge(f"[{rule}]").entry
    assert judge(f"[{rule}, {rule}]").entry == once
    assert judge(f"[{rule}]", once).entry is once
    assert judge(f"[{rule}, untag: {tags}, untag: {tags}]").entry.tags == judge(f"[{rule}, untag: {tags}]").entry.tags


@pytest.mark.parametrize("value", [[], "", [""], [3], None, "x" * 101, {"a": "b"}])
def test_what_is_no_tag(value: object) -> None:
    with pytest.raises(ValidationError, match="tag"):
        settings_of("tag", value)


@pytest.mark.parametrize(
    ("template", "title"),
    [
        ("[{source}] {title}", "[hn] Rust 1.90 is out"),
        ("{date} {author}: {title} ({host}, {category}, {language})",
         "2026-03-01 Ada: Rust 1.90 is out (blog.example.org, news, en)"),
        ("{{{title}}}", "{Rust 1.90 is out}"),
        ("News", "News"),
        ("{title}", "Rust 1.90 is out"),
    ],
)  # fmt: skip
def test_titles(template: str, title: str) -> None:
    assert judge(f"[title: '{template}']").entry.title == title


def test_what_a_field_says_is_no_template() -> None:
    assert judge("[title: '{source}: {title}']", make_entry(title="{source} {x}")).entry.title == "hn: {source} {x}"


def test_a_title_is_never_empty_and_never_too_long() -> None:
    assert judge("[title: '{author}']", make_entry(authors=())).entry.title == "Rust 1.90 is out"
    assert len(judge("[title: '{title} {title}']", make_entry(title="x" * MAX_TITLE)).entry.title) <= MAX_TITLE


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("{titel}", "did you mean `{title}`?"),
        ("{quux}", "use `{title}`"),
        ("{title", "a brace is open or closed alone"),
        ("title}", "a brace is open or closed alone"),
        ("{title!r}", "is not known here"),
        ("{title:>10}", "is not known here"),
        ("{title.x}", "is not known here"),
        ("{}", "is not known here"),
        ("", "is empty"),
        (3, "must be text"),
    ],
)
def test_what_is_no_template(value: object, reason: str) -> None:
    with pytest.raises(ValidationError) as error:
        settings_of("title", value)
    assert reason in str(error.value)


def test_another_category() -> None:
    assert judge("[category: releases]").category == "releases"
    assert judge("[category: news]").category is None
    assert judge("[category: releases, category: news]").category is None
    assert judge("[category: releases, {tag: moved, when: 'category == \"releases\"'}]").entry.tags[-1] == "moved"


def test_the_category_that_a_person_chose_stays() -> None:
    ruling = judge(
        "[category: releases, {tag: seen, when: 'category == \"other\"'}]", decision=Decision("published", "other")
    )
    assert (ruling.category, ruling.entry.tags[-1]) == ("other", "seen")
    assert judge("[category: releases]", decision=Decision("published")).category == "releases"


def test_further_categories() -> None:
    places = judge("[also_in: weekly, also_in: [releases, weekly, news]]").placements
    # The first category is none of the further ones.
    assert [(place.output, place.entry) for place in places] == [("weekly", None), ("releases", None)]


@pytest.mark.parametrize("value", ["All", "a b", [], ["x", "a/b"], None])
def test_what_is_no_slug(value: object) -> None:
    with pytest.raises(ValidationError):
        settings_of("also_in", value)
