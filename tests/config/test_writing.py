"""YAML that the program writes: it reads back the same here, by YAML 1.1 (PyYAML) and by YAML 1.2 (ruamel.yaml)."""

from __future__ import annotations

import math
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from aggregator.config.problems import Problems
from aggregator.config.tree import LOADER, parse_yaml
from aggregator.config.writing import WIDTH, in_brackets, lines, scalar
from tests.thoroughness import examples

TEXTS = st.text(max_size=20) | st.text("ab:#-?,[]{}'\"&*!|>%@`=~<.+\\ \t\n0123456789eE_x", max_size=12)
ODD = st.sampled_from(
    [
        *(
            "yes",
            "No",
            "on",
            "OFF",
            "y",
            "null",
            "~",
            "",
            "true",
            ".inf",
            ".NaN",
            "=",
            "<<",
            "---",
            "...",
            "- a",
            "? b",
        ),
        *(
            "1",
            "0x1f",
            "0o7",
            "1_000",
            "12:30",
            "12:30:45",
            "2026-01-02",
            "2026-01-02T03:04:05Z",
            "1e3",
            "+1",
            "-1",
            ".5",
        ),
        *(
            "a: b",
            "a #b",
            "a:",
            "#a",
            "https://example.org/?a=b#c",
            "36氪",
            "C#",
            "it's",
            'say "hi"',
            "\ufeff",
            "\x85",
            "\u2028",
        ),
        *(
            "a,b",
            "[a]",
            "{a}",
            "div.card",
            ".card",
            "//a[@href]",
            "$.data.list[*]",
            "@id",
            "\ud800",
            "\x7f",
            "a\nb",
            " a",
            "a ",
        ),
    ]
)
SCALARS = TEXTS | ODD | st.booleans() | st.none() | st.integers(-(10**15), 10**15)
KEYS = st.text("abcdefgh_-", min_size=1, max_size=8).filter(lambda key: key[0].isalpha())
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)


def fixed(value: Any) -> Any:
    """Surrogates stand for no character."""
    if isinstance(value, str):
        return "".join("\ufffd" if "\ud800" <= one <= "\udfff" else one for one in value)
    if isinstance(value, dict):
        return {fixed(key): fixed(one) for key, one in value.items()}
    return [fixed(one) for one in value] if isinstance(value, list) else value


def check(text: str, expected: dict[str, Any]) -> None:
    problems = Problems("feeds.yaml")
    assert parse_yaml(text, problems, lambda value, path: value) == expected
    problems.raise_any()
    assert yaml.load(text, Loader=LOADER) == expected
    assert YAML(typ="safe", pure=True).load(text) == expected


@examples(30)
@given(st.dictionaries(KEYS, VALUES, min_size=1, max_size=4))
def test_whatever_is_written_reads_back_the_same(values: dict[str, Any]) -> None:
    expected = fixed(values)
    check("\n".join(lines(values, 0)) + "\n", expected)
    check(in_brackets(values) + "\n", expected)
    check(in_brackets(values, '"') + "\n", expected)
    check("list:\n  - " + "\n    ".join(lines(values, 4)) + "\n", {"list": [expected]})


@given(TEXTS | ODD, st.sampled_from(["", None, "'", '"']))
def test_any_quotes_can_be_asked_for(text: str, style: str | None) -> None:
    for flow in (False, True):
        written = scalar(text, flow=flow, style=style)
        check(f"[{{a: {written}}}]"[1:-1] if flow else f"a: {written}\n", {"a": fixed(text)})


@pytest.mark.parametrize(
    "plain",
    [
        *(
            "少数派",
            "36氪",
            "it's",
            "Ars Technica",
            "C#",
            "https://example.org/feed?a=b&c=d#x",
            "div.card > a",
            ".card",
        ),
        *("$.data.list[*]", "//div[@class='a']/a", "a, b", "(a)", "Q&A: no space before this", "2026 in review"),
    ],
)
def test_ordinary_text_has_no_quotes(plain: str) -> None:
    expected = plain if ": " not in plain else f"'{plain}'"
    assert scalar(plain, flow=False) == expected


def test_a_source_looks_as_people_write_it() -> None:
    settings = {
        "name": "A site",
        "scrape": {
            "url": "https://example.org/",
            "items": "div.card",
            "date": {"select": ".meta", "regex": r"(\d+)", "timezone": "Asia/Shanghai"},
            "article": {"body": "#article", "remove": ["div." + "x" * 40, "div." + "y" * 40], "date": "time"},
        },
        "categories": ["a", "b"],
        "rules": [{"drop": {"title": ["x"]}}, {"replace": {"in": "title", "find": "x" * 60, "with": "y" * 60}}],
        "retention": {},
    }
    assert "\n".join(lines(settings, 4)) == "\n".join(
        [
            "name: A site",
            "scrape:",
            "  url: https://example.org/",
            "  items: div.card",
            r"  date: {select: .meta, regex: (\d+), timezone: Asia/Shanghai}",
            "  article:",
            "    body: '#article'",
            "    remove:",
            f"      - div.{'x' * 40}",
            f"      - div.{'y' * 40}",
            "    date: time",
            "categories: [a, b]",
            "rules:",
            "  - {drop: {title: [x]}}",
            "  - replace:",
            "      in: title",
            f"      find: {'x' * 60}",
            f"      with: {'y' * 60}",
            "retention: {}",
        ]
    )
    assert WIDTH == 100


@pytest.mark.parametrize("value", [math.inf, math.nan, object(), b"a"])
def test_what_yaml_has_no_form_for_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"value of feeds|can be written"):
        in_brackets({"a": value})
