"""JSONPath as feeds.yaml has it: RFC 9535, names and paths in short, and templates."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.sources.jsonpaths import MAX_FOUND, check, compiled, find, gives_one, place_of
from aggregator.values.jsonpaths import fill, is_template, path_of, places

#: RFC 9535, section 1.5, figure 1.
STORE: dict[str, Any] = {
    "store": {
        "book": [
            {"category": "reference", "author": "Nigel Rees", "title": "Sayings of the Century", "price": 8.95},
            {"category": "fiction", "author": "Evelyn Waugh", "title": "Sword of Honour", "price": 12.99},
            {
                "category": "fiction",
                "author": "H. Melville",
                "title": "Moby Dick",
                "isbn": "0-553-21311-3",
                "price": 8.99,
            },
            {
                "category": "fiction",
                "author": "J. R. R. Tolkien",
                "title": "Rings",
                "isbn": "0-395-19395-8",
                "price": 22.99,
            },
        ],
        "bicycle": {"color": "red", "price": 399},
    }
}
AUTHORS = ["Nigel Rees", "Evelyn Waugh", "H. Melville", "J. R. R. Tolkien"]


@pytest.mark.parametrize(
    ("selector", "found"),
    [
        ("$.store.book[*].author", AUTHORS),
        ("store.book[*].author", AUTHORS),
        ("@.store.book[*].author", AUTHORS),
        ("$..author", AUTHORS),
        ("..author", AUTHORS),
        ("$.store..price", [8.95, 12.99, 8.99, 22.99, 399]),
        ("$..book[2].author", ["H. Melville"]),
        ("$..book[2].publisher", []),
        ("$..book[-1].title", ["Rings"]),
        ("$..book[0,1].price", [8.95, 12.99]),
        ("$..book[:2].price", [8.95, 12.99]),
        ("$..book[?@.isbn].title", ["Moby Dick", "Rings"]),
        ("$..book[?@.price<10].title", ["Sayings of the Century", "Moby Dick"]),
        ("$..book[?search(@.author, 'e{1,2}s$')].title", ["Sayings of the Century"]),
        ("$..book[?match(@.isbn, '0-5[0-9-]+')].title", ["Moby Dick"]),
        ("$..book[?length(@.title) == 5].title", ["Rings"]),
        ("$['store']['bicycle']['color']", ["red"]),
        ("store", [STORE["store"]]),
        ("$", [STORE]),
        ("nothing", []),
        ("store.book.author", []),
    ],
)
def test_the_examples_of_the_standard(selector: str, found: list[object]) -> None:
    check(selector)
    assert find(selector, STORE) == found


@pytest.mark.parametrize(
    ("selector", "path"),
    [
        ("title", None),
        ("@type", None),
        ("@id", None),
        ("$t", None),
        ("og:title", None),
        ("two words", None),
        ("新闻", None),
        ("*", None),
        ("$", "$"),
        ("@", "$"),
        ("@.a", "$.a"),
        ("a.b", "$.a.b"),
        ("a[0]", "$.a[0]"),
        ("[0]", "$[0]"),
        (".a", "$.a"),
        ("..a", "$..a"),
    ],
)
def test_names_and_paths(selector: str, path: str | None) -> None:
    assert path_of(selector) == path
    check(selector)


@pytest.mark.parametrize("value", [None, 1, 1.5, True, "text", '{"title": 1}', [], {}])
def test_a_value_without_members_has_nothing_but_itself(value: object) -> None:
    """A text that looks like JSON is a text."""
    assert find("title", value) == find("$.title", value) == find("$..title", value) == []
    assert find("$", value) == [value]


_WRONG = """
$.a[
$.a.
$[01]
$.a b
$[?@.a
$[?nothing(@)]
$[?@.a==1e999999]
a.[0]
$[?match(@.a, '(')]
$[?@.a =~ /x/]
$.a | $.b
$[~]
^.a
$[?@.a in ['x']]
$[?#]
$[99999999999999999999]
"""


@pytest.mark.parametrize("selector", [*_WRONG.split("\n")[1:-1], "$[?" + "(" * 480])
def test_what_is_no_jsonpath_is_refused(selector: str) -> None:
    """Extensions of the library are none."""
    with pytest.raises(ValueError, match="is not a JSONPath: "):
        check(selector)


def test_regular_expressions_take_linear_time() -> None:
    value = ["a" * 5000 + "!"]
    assert find("$[?match(@, '(a|a)*b')]", value) == []
    assert find("$[?match(@, $[1])]", [*value, "(a+)+b"]) == []
    assert find("$[?search(@, $[1])]", ["x", "(["]) == []


def test_no_more_is_found_than_is_bounded() -> None:
    assert len(find("$[*]", list(range(MAX_FOUND + 5)))) == MAX_FOUND


@pytest.mark.parametrize(
    ("selector", "one"), [("a", True), ("a.b[0]", True), ("$", True), ("a[*]", False), ("$..a", False)]
)
def test_paths_of_one_value(selector: str, one: bool) -> None:
    assert gives_one(selector) == one


@pytest.mark.parametrize(
    ("selector", "value", "there"),
    [
        ("a", {"a": []}, True),
        ("a", {"a": None}, True),
        ("a", {"a": 0}, False),
        ("a[*]", {"a": []}, True),
        ("a.b[*]", {"a": {}}, False),
        ("a.b", {"a": {}}, False),
        ("$[*]", [], True),
        ("$[*]", "x", False),
    ],
)
def test_places_without_items(selector: str, value: object, there: bool) -> None:
    assert place_of(selector, value) == there


@pytest.mark.parametrize(
    ("text", "template"),
    [
        ("/p/{id}", True),
        ("{a.b}", True),
        ("x}", True),
        ("title", False),
        ("$[?match(@,'a{2}')]", False),
        ("$['{']", False),
    ],
)
def test_templates(text: str, template: bool) -> None:
    assert is_template(text) == template


@given(st.lists(st.tuples(st.text("ab/ ?", max_size=4), st.text("xy.$", min_size=1, max_size=4)), max_size=5))
def test_a_template_is_filled_in_order(parts: list[tuple[str, str]]) -> None:
    template = "".join(f"{before}{{{name}}}" for before, name in parts)
    assert places(template) == [name for _, name in parts]
    values = [f"{{{number}}}" for number, _ in enumerate(parts)]
    assert fill(template, values) == "".join(
        before + value for (before, _), value in zip(parts, values, strict=True)
    ), "values are put in as they are, braces included"


def test_compiled_paths_are_kept() -> None:
    assert compiled("$.a") is compiled("$.a")


def test_the_library_is_imported_where_a_path_is_used_only(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib, aggregator.config as c\n"
        "def load(text):\n"
        "    pathlib.Path('feeds.yaml').write_text(text)\n"
        "    c.load(pathlib.Path('feeds.yaml'), {})\n"
        "    return 'jsonpath' in sys.modules\n"
        "names = '{json: {url: \"https://a.example/\", items: items, link: url}}'\n"
        "print(load(f'sources: [{{feed: \"https://b.example/\"}}, {names}]'))\n"
        'print(load(f\'sources: [{names.replace("items, ", "a.items, ")}]\'))'
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stdout.split() == ["False", "True"]
