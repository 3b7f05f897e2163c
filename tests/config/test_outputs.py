"""Outputs, several categories of a source, and what concerns duplicates: what the configuration makes of them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from aggregator.config import Config, load
from aggregator.config.outputs import clock, rate, weekday
from aggregator.models import ALL, Digest, Duplicates, Output, Rate

SOURCE = "sources: [{id: a, feed: 'https://a.example/'}]"


def _load(text: str) -> Config:
    return load(Path("feeds.yaml"), {}, text=text)


def test_an_output_has_the_defaults_of_the_file() -> None:
    config = _load(f"feeds: {{formats: [rss], limit: 7}}\noutputs: {{rust: {{}}}}\n{SOURCE}")
    (output,) = config.outputs.values()
    assert output == Output("rust", "rust", None, 7, output.definition, ("rss",))
    assert output.is_plain


def test_an_output_says_everything_itself() -> None:
    config = _load(
        "site: {timezone: Europe/Berlin}\n"
        "outputs:\n"
        "  rust:\n"
        "    {title: Rust, description: About Rust, where: 'title == \"x\"', limit: 50, per_source: 5, mix: fair,\n"
        "     max_age: 7d, delay: 2h, rate: 5/day, title_template: '[{source}] {title}', content: link,\n"
        "     formats: [atom, json], language: de, digest: weekly on friday at 18:30, private: true,\n"
        "     duplicates: url, prefer: [a], duplicate_key: title}\n" + SOURCE
    )
    output = config.outputs["rust"]
    assert output == Output(
        slug="rust",
        title="Rust",
        description="About Rust",
        limit=50,
        definition=output.definition,
        formats=("atom", "json"),
        per_source=5,
        mix="fair",
        max_age=timedelta(days=7),
        delay=timedelta(hours=2),
        rate=Rate(5, timedelta(days=1)),
        title_template="[{source}] {title}",
        content="link",
        language="de",
        digest=Digest("weekly", 18 * 60 + 30, "Europe/Berlin", 4),
        private=True,
        duplicates=True,
        prefer=("a",),
        duplicate_key="title",
    )


def test_the_definition_is_that_of_what_belongs_to_it() -> None:
    texts = [
        "{}",
        "{where: 'words > 1'}",
        "{where: 'words > 2'}",
        "{rules: [{tag: a}]}",
        "{rules: [{tag: b}]}",
        "{rules: [{tag: b, when: 'words > 1'}]}",
    ]
    made = [_load(f"outputs: {{x: {text}}}\n{SOURCE}").outputs["x"].definition for text in texts]
    assert len(set(made)) == len(texts)
    again = _load(f"outputs: {{x: {{title: Another, limit: 3, digest: daily}}}}\nrules: [{{tag: z}}]\n{SOURCE}")
    assert again.outputs["x"].definition == made[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("daily", Digest("daily", 0, "UTC")),
        ("Daily at 8:05", Digest("daily", 485, "UTC")),
        ("weekly", Digest("weekly", 0, "UTC", 0)),
        ("weekly on sun", Digest("weekly", 0, "UTC", 6)),
        ("weekly on tuesday at 23:59", Digest("weekly", 1439, "UTC", 1)),
        ("{every: daily, at: '08:00', timezone: Asia/Tokyo}", Digest("daily", 480, "Asia/Tokyo")),
        ("{every: weekly, weekday: thursday}", Digest("weekly", 0, "UTC", 3)),
    ],
)
def test_digests(text: str, expected: Digest) -> None:
    assert _load(f"outputs: {{x: {{digest: {text}}}}}\n{SOURCE}").outputs["x"].digest == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5/day", Rate(5, timedelta(days=1))),
        ("1 / hour", Rate(1, timedelta(hours=1))),
        ("20 per week", Rate(20, timedelta(days=7))),
        ("3/days", Rate(3, timedelta(days=1))),
        ("10/12h", Rate(10, timedelta(hours=12))),
    ],
)
def test_rates(text: str, expected: Rate) -> None:
    assert rate(text) == expected


@pytest.mark.parametrize("wrong", ["24:00", "8", "08:60", 800, None, "8:5"])
def test_what_is_no_time_of_day(wrong: object) -> None:
    with pytest.raises(ValueError, match="is not a time of day"):
        clock(wrong)


@pytest.mark.parametrize("wrong", ["t", "mo", "day", "", 1, "mondays"])
def test_what_is_no_day_of_the_week(wrong: object) -> None:
    with pytest.raises(ValueError, match="is not a day of the week"):
        weekday(wrong)


def test_the_first_of_several_categories_is_that_of_its_posts() -> None:
    config = _load(
        "categories: {a: A, b: B, c: C}\nsources:\n"
        "  - {id: one, feed: 'https://a.example/', categories: [b, a, c]}\n"
        "  - {id: two, feed: 'https://b.example/', category: a, review: true}\n"
        "  - {id: three, feed: 'https://c.example/', categories: [c]}\n"
    )
    assert [(one.category, one.also_in, one.review) for one in config.sources] == [
        ("b", ("a", "c"), False),
        ("a", (), True),
        ("c", (), False),
    ]


def test_the_interval_and_retention_are_those_of_the_first_category() -> None:
    config = _load(
        "categories: {a: {interval: 2h}, b: {interval: 3h, retention: {count: 3}}}\n"
        "sources: [{feed: 'https://a.example/', categories: [b, a]}]\n"
    )
    (source,) = config.sources
    assert (config.categories["b"].interval, source.retention.count) == (timedelta(hours=3), 3)


def test_duplicates_of_a_category_are_those_of_the_file_unless_it_says_so() -> None:
    config = _load(
        "duplicates: url\nprefer: [a]\n"
        "categories: {a: A, b: {duplicates: 'off'}, c: {prefer: []}, d: {duplicate_key: title}}\n" + SOURCE
    )
    assert config.duplicates == {
        ALL: Duplicates("url", ("a",)),
        "a": Duplicates("url", ("a",)),
        "b": Duplicates("off", ("a",)),
        "c": Duplicates("url"),
        "d": Duplicates("url", ("a",), "title"),
    }
    assert _load(SOURCE).duplicates == {ALL: Duplicates()}


def test_what_is_referred_to_in_titles_is_published_and_in_rules_is_secret(tmp_path: Path) -> None:
    path = tmp_path / "feeds.yaml"
    path.write_text(
        "outputs: {x: {title: '${env:TITLE}', rules: [{prefix: '${env:TEXT}'}]}}\n"
        "rules: [{http: {url: 'https://x.example/', auth: {basic: {user: me, password: open-sesame}}}}]\n" + SOURCE,
        encoding="utf-8",
    )
    config = load(path, {"TITLE": "A title", "TEXT": "a text"})
    assert config.outputs["x"].title == "A title"
    assert {"a text", "open-sesame"} < config.secrets
    assert "A title" not in config.secrets
    assert "open-sesame" not in config.rules.site[0].text
