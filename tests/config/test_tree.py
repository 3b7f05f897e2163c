"""YAML with places."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from aggregator.config.problems import Path, Problems
from aggregator.config.tree import MAX_DEPTH, MapNode, find_place, parse_yaml
from aggregator.errors import ConfigError


def _build(text: str) -> MapNode:
    problems = Problems("feeds.yaml")
    tree = parse_yaml(text, problems, lambda value, path: value)
    problems.raise_any()
    return tree


def _value(scalar: str) -> Any:
    return _build(f"a: {scalar}")["a"]


@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("Yes", "Yes"),
        ("12:30", "12:30"),
        ("2022-06-29", "2022-06-29"),
        ("1_000", "1_000"),
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("-3", -3),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("'null'", "null"),
        ('"1"', "1"),
        ("!!str 1", "1"),
        ("! 1", "1"),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("-.5", -0.5),
        (".inf", math.inf),
        ("-.INF", -math.inf),
        ("9" * 30, float("9" * 30)),
        ("9" * 5000, "9" * 5000),
        ("|\n  x", "x"),
        ("1.2.3.4", "1.2.3.4"),
    ],
)
def test_scalars_follow_the_core_schema(scalar: str, value: object) -> None:
    found = _value(scalar)
    assert found == value
    assert type(found) is type(value)


def test_nan() -> None:
    assert math.isnan(_value(".nan"))


def test_keys_are_text() -> None:
    assert list(_build("1: a\nno: b\n2022-06-29: c\nnull: d")) == ["1", "no", "2022-06-29", "null"]


@pytest.mark.parametrize(
    ("path", "key", "place"),
    [
        ((), False, (1, 1)),
        (("a",), True, (1, 1)),
        (("a",), False, (2, 3)),
        (("a", 0), False, (2, 5)),
        (("a", 0, "b"), True, (2, 5)),
        (("a", 0, "b"), False, (2, 8)),
        (("a", 0, "missing"), False, (2, 5)),
        (("a", 1), False, (3, 5)),
        (("中", "文"), False, (4, 8)),
        (("a", 7), False, (2, 3)),
    ],
)
def test_places(path: Path, key: bool, place: tuple[int, int]) -> None:
    tree = _build("a:\n  - b: c\n  - d\n中: {文: e}\n")
    assert find_place(tree, path, key=key) == place


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("", None, None, "the file is empty"),
        ("# only a comment", None, None, "the file is empty"),
        ("---\n", 2, 1, "the file is empty"),
        ("- a", 1, 1, "must contain keys"),
        ("just text", 1, 1, "must contain keys"),
        ("a: b: c", 1, 5, "there is a second `: ` on this line"),
        ("a:\n\tb: c", 2, 1, "a tab is used for indentation"),
        ("a:\n  b: c\n\td: e", 3, 1, "a tab is used for indentation"),
        ("a: [b\n", 1, 4, "the `[` that opens at 1:4 is not closed before line 2"),
        ('a: "b', 1, 4, "the quote that opens at 1:4 is not closed"),
        ("a: b\n---\nc: d", 2, 1, "a second document begins here"),
        ("a: *b", 1, 4, "`*b` refers to no anchor above"),
        ("a: &b [*b]", 1, 8, "`*b` refers to no anchor above"),
        ("a: {{ b }}", 1, 5, "a key must be plain text"),
        ("? [a]\n: b", 1, 3, "a key must be plain text"),
        ("a: &b c\n*b : d", 2, 1, "an alias cannot be a key"),
        ("a: @b", 1, 4, "not YAML"),
        ("%YAML 3.0\n---\na: b", 1, 1, "not YAML"),
        ("a: !!python/object:x {}", 1, 4, "the tag `tag:yaml.org,2002:python/object:x` has no meaning here"),
        ("a: !own b", 1, 4, "the tag `!own` has no meaning here"),
        ("a: 1\nb: 2\na: 3", 3, 1, "the key `a` is here twice, first on line 1"),
    ],
)
def test_what_cannot_be_read_has_a_place(text: str, line: int | None, column: int | None, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        _build(text)
    problem = caught.value.problems[0]
    assert message in problem.message
    assert (problem.line, problem.column) == (line, column)


def test_aliases_work() -> None:
    tree = _build("a: &x {b: [1, 2]}\nc: *x\nd: [*x, &y 5, *y]")
    assert tree["c"] == {"b": [1, 2]}
    assert tree["d"] == [{"b": [1, 2]}, 5, 5]


def test_an_alias_bomb_is_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    with pytest.raises(ConfigError, match="the aliases make the file too large"):
        _build("\n".join(lines))


def test_a_tower_of_aliases_is_refused() -> None:
    lines = ["a0: &a0 [x]", *(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, MAX_DEPTH + 5))]
    with pytest.raises(ConfigError, match="the aliases make the file too large"):
        _build("\n".join(lines))


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
def test_deep_nesting_is_refused(opening: str) -> None:
    with pytest.raises(ConfigError):
        _build("a:\n " + opening * 100_000)


#: Numbers of YAML 1.2 (section 10.3.2). PyYAML knows those of YAML 1.1 and leaves some of these strings unquoted.
_NUMBER = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|0o[0-7]+|0x[0-9a-fA-F]+")
_PLAIN = st.recursive(
    st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])).filter(
        lambda text: not _NUMBER.fullmatch(text)
    )
    | st.integers(-(10**9), 10**9)
    | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc中", min_size=1), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text("abc中", min_size=1), _PLAIN, min_size=1, max_size=5))
def test_what_a_yaml_writer_writes_is_read_back(value: dict[str, Any]) -> None:
    assert _build(yaml.safe_dump(value, allow_unicode=True)) == value
