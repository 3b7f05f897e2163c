"""Rules in feeds.yaml: where they stand, what the book is made of, and what changes its digest."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from aggregator.config import Config, load
from aggregator.config.editing import check_edit, set_urls
from aggregator.config.ruling import MAX_LIST, ListFiles
from aggregator.errors import ConfigError
from aggregator.models import Sight
from aggregator.rules import RULES
from aggregator.rules.book import NO_RULES
from aggregator.service.reload import differences
from tests.store_samples import NOW, entry

TEXT = """\
categories: {news: {title: News, rules: [{tag: [of-category]}]}, b: B}
rules:
  - tag: [of-site]
  - drop: {title: [sponsored, 广告, "/a|b/i"]}
    when: words > 2000
sources:
  - {id: a, feed: https://a.example/, category: news, rules: [{tag: [of-source]}, {hold: true}]}
  - {id: b, feed: https://b.example/, categories: [b, news], review: true}
outputs:
  x: {where: 'true', rules: [{tag: [of-output]}]}
"""


def _load(text: str, path: Path = Path("feeds.yaml")) -> Config:
    return load(path, {}, text=text)


def test_each_rule_knows_where_it_stands() -> None:
    rules = _load(TEXT).rules
    told = [(one.place, one.number, one.line, one.name, one.text) for one in rules.site]
    assert told == [
        ("site", 1, 3, "tag", "tag: [of-site]"),
        ("site", 2, 4, "drop", 'drop: {title: [sponsored, 广告, "/a|b/i"]}, when: "words > 2000"'),
    ]
    assert [(one.place, one.number) for one in rules.sources["a"]] == [("source a", 1), ("source a", 2)]
    assert [one.place for one in rules.categories["news"]] == ["category news"]
    (output,) = rules.outputs
    assert [(one.place, one.line) for one in output.rules] == [("output x", 10)]
    assert rules.also_in == {"b": ("news",)}
    assert rules.review == {"b"}


def test_the_book_applies_them_in_their_order() -> None:
    book = _load(TEXT).rule_book
    one = replace(entry("a", "1"), tags=())
    of_a = book.judge(one, Sight("a", "news", NOW))
    assert of_a.entry.tags == ("of-site", "of-category", "of-source")
    assert of_a.verdict == "held"
    of_b = book.judge(one, Sight("b", "b", NOW))
    assert of_b.entry.tags == ("of-site",)
    assert of_b.verdict == "held"


def test_without_rules_the_book_is_trivial_and_needs_no_library() -> None:
    config = _load("sources: [{feed: https://a.example/}]")
    assert config.rule_book.is_trivial
    assert config.rule_book.digest == NO_RULES
    code = (
        "import sys\nfrom pathlib import Path\nfrom aggregator.config import load\n"
        "load(Path('feeds.yaml'), {}, text='{duplicates: url, sources: [{feed: https://a.example/}]}')\n"
        "print(sorted({'cel', 're2', 'aggregator.rules'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "changed",
    [
        TEXT.replace("of-site", "other"),
        TEXT.replace("of-category", "other"),
        TEXT.replace("of-source", "other"),
        TEXT.replace("2000", "2001"),
        TEXT.replace("/a|b/i", "/a|b/"),
        TEXT.replace(", review: true", ""),
        TEXT.replace("[b, news]", "[b]"),
    ],
)
def test_the_digest_covers_what_a_judgement_depends_on(changed: str) -> None:
    assert _load(changed).rule_book.digest != _load(TEXT).rule_book.digest


@pytest.mark.parametrize(
    "same",
    [
        "# a remark\n" + TEXT,
        TEXT.replace("of-output", "other"),
        TEXT.replace("title: News", "title: The news"),
        TEXT.replace("'true'", "'words > 1'"),
        # Where items are joined is a definition of its own.
        "duplicates: url\n" + TEXT,
    ],
)
def test_the_digest_does_not_cover_outputs_titles_and_places(same: str) -> None:
    assert _load(same).rule_book.digest == _load(TEXT).rule_book.digest


def test_words_from_a_file_are_part_of_the_rule(tmp_path: Path) -> None:
    path, words = tmp_path / "feeds.yaml", tmp_path / "words.txt"
    text = (
        "rules: [{drop: {title: {file: words.txt}}}]\noutputs: {x: {rules: [{keep: {file: words.txt}}]}}\nsources: []"
    )
    words.write_text("# noise\nsponsored\n\n广告\n", encoding="utf-8")
    before = _load(text, path)
    assert before.rules.site[0].settings.title.given == ("sponsored", "广告")
    assert [one[:2] for one in before.provenance.references] == [("file", "words.txt")]
    words.write_text("sponsored\n", encoding="utf-8")
    after = _load(text, path)
    assert after.provenance != before.provenance
    assert after.rule_book.digest != before.rule_book.digest
    assert after.outputs["x"].definition != before.outputs["x"].definition


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "there is no file `words.txt`"),
        (b"\xff", "is not UTF-8"),
        (b"x" * (MAX_LIST + 1), "is larger than 1 MB"),
        (b"# nothing\n", "`words.txt` has no words"),
        (b"good\n/(x/\n", "`words.txt`, line 2: `/(x/` is not a regular expression"),
    ],
)
def test_a_file_that_is_no_list_of_words(tmp_path: Path, data: bytes | None, message: str) -> None:
    if data is not None:
        (tmp_path / "words.txt").write_bytes(data)
    with pytest.raises(ConfigError, match=message.replace("(", r"\(")) as caught:
        _load("rules: [{drop: {title: {file: words.txt}}}]\nsources: []", tmp_path / "feeds.yaml")
    assert [(one.line, one.column, one.path) for one in caught.value.problems] == [(1, 24, "rules[0].drop.title")]


def test_a_file_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("a\n", encoding="utf-8")
    files = ListFiles(tmp_path)
    assert files.read("words.txt") is files.read("words.txt")
    with pytest.raises(ValueError, match="there is no file"):
        files.read(".")


@pytest.mark.parametrize("name", RULES)
def test_the_example_of_each_rule_is_accepted(name: str, tmp_path: Path) -> None:
    rule = yaml.safe_load(RULES[name].EXAMPLE)
    assert list(rule) == [name]
    text = yaml.safe_dump({"categories": {"releases": "R", "weekly": "W"}, "rules": [rule], "sources": []})
    assert [one.name for one in _load(text, tmp_path / "feeds.yaml").rules.site] == [name]


@pytest.mark.parametrize("name", RULES)
def test_an_output_has_only_rules_that_it_may_have(name: str, tmp_path: Path) -> None:
    rule = yaml.safe_load(RULES[name].EXAMPLE)
    text = yaml.safe_dump(
        {"outputs": {"x": {"rules": [rule]}}, "sources": [], "categories": {"releases": "R", "weekly": "W"}}
    )
    try:
        _load(text, tmp_path / "feeds.yaml")
        accepted = True
    except ConfigError as error:
        assert "cannot be a rule of an output" in str(error)
        accepted = False
    assert accepted == RULES[name].IN_OUTPUTS


def test_an_edit_beside_rules_is_accepted_and_one_of_a_rule_is_a_change() -> None:
    config = _load(TEXT)
    after, refused = set_urls(TEXT, {0: "https://new.example/"})
    assert refused == {}
    check_edit(config, after, {}, urls={0: "https://new.example/"})
    assert differences(config, _load(TEXT)) == "no effective change"
    assert differences(config, _load(TEXT.replace("of-site", "other"))) == "other sections: rules"
    assert differences(config, _load(TEXT.replace("of-source", "other"))) == "changed a"
    assert differences(config, _load(TEXT.replace("of-output", "other"))) == "other sections: outputs"


_TEXTS = st.sampled_from(["", "rust", "/(x/", "5/day", "${x}", "${env:A}"])
_LEAVES = _TEXTS | st.none() | st.booleans() | st.integers(-1, 9)
_KEYS = st.sampled_from([*RULES, "when", "where", "rules", "any", "in", "file", "x", "digest"])
_ANY = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3),
    max_leaves=8,
)
_PLACES = ("rules", "outputs", "duplicates", "prefer", "duplicate_key", "categories")


@given(
    st.dictionaries(st.sampled_from(_PLACES), _ANY | st.lists(_ANY, max_size=2) | st.fixed_dictionaries({"x": _ANY})),
    st.dictionaries(st.sampled_from(["for", "rules", "categories", "category", "review", "name"]), _ANY, max_size=3),
)
def test_any_value_is_read_or_refused_with_its_place(top: dict[str, Any], of_source: dict[str, Any]) -> None:
    text = yaml.safe_dump({**top, "sources": [{"feed": "https://a.example/", **of_source}]}, allow_unicode=True)
    try:
        config = _load(text)
    except ConfigError as error:
        assert all(problem.line for problem in error.problems)
    else:
        config.rule_book.judge(entry("a", "1"), Sight("a-example", "x", NOW))
