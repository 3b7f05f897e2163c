"""JSON out of documents, callbacks and scripts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.errors import ParseError
from aggregator.parse.jsontext import MAX_DEPTH, load, read_document, read_script
from tests.thoroughness import examples

URL = "https://a.example/"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1}', {"a": 1}),
        (' \n[1, "two"] trailing', [1, "two"]),
        ("{}", {}),
        ("[]", []),
        ('{"a": NaN, "b": Infinity}', {"a": None, "b": None}),
        ('{"a": "tab\there"}', {"a": "tab\there"}),
        ('cb({"a": 1});', {"a": 1}),
        ('/**/ typeof cb === "function" && cb([{"a": 1}]);', [{"a": 1}]),
        ("jQuery111_222([[1, 2]])", [[1, 2]]),
        (")]}',\n[[1]]", [[1]]),
        ('while(1);{"a": 1}', {"a": 1}),
        ('for (;;);{"a": 1}', {"a": 1}),
        ('"{\\"a\\": 1}"', {"a": 1}),
        ('var a = {"b": undefined, "c": "undefined", "d": void 0};', {"b": None, "c": "undefined", "d": None}),
        ('x={"at": new Date("2026-01-01"), "n": new Date(5)}', {"at": "2026-01-01", "n": 5}),
    ],
)
def test_documents(text: str, value: object) -> None:
    assert read_document(text, URL) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('window.a={};window.b=[];window.c={"d": {"e": 1}};f({"g": 2})', {"d": {"e": 1}}),
        ('(function(){if(x[0]){return}window["k"]={"y": 1}})()', {"y": 1}),
        ('"use strict";{let a=1}b={"y":1}', {"y": 1}),
        ('a=JSON.parse(\'{"it\\\'s": "\\x3c\\u{1F600}\\\\n"}\')', {"it's": "<😀\n"}),
        ('a = JSON.parse( "[{\\"b\\": \\"\\\\u4e2d\\"}]" )', [{"b": "中"}]),
        ('a={"first": 1};b=JSON.parse("[[2]]")', {"first": 1}),
        ('self.__f=[["x", {"y": "</b>"}]]', [["x", {"y": "</b>"}]]),
    ],
)
def test_scripts(text: str, value: object) -> None:
    assert read_script(text, URL) == value


@pytest.mark.parametrize(
    "text",
    ["", "var a = 1", "{a: 1}", "f(a[0], 'b')", "JSON.parse('{')", '{"a": undefine}', "x={'a': 1}", '"{'],
)
def test_scripts_without_json(text: str) -> None:
    for read in (read_script, read_document):
        with pytest.raises(ParseError) as caught:
            read(text, URL)
        assert (caught.value.kind, caught.value.url) == ("unparsable", URL)


def test_depth_is_bounded() -> None:
    deep = "[" * MAX_DEPTH + "]" * MAX_DEPTH
    assert load(deep, URL)[1] == 2 * MAX_DEPTH
    for text in (f"[{deep}]", '{"a":' * (MAX_DEPTH + 1) + "1" + "}" * (MAX_DEPTH + 1)):
        with pytest.raises(ParseError, match="nested too deeply"):
            load(text, URL)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@examples(30)
@given(st.lists(_VALUES, min_size=1) | st.dictionaries(st.text(), _VALUES, min_size=1), st.booleans())
def test_what_json_wrote_is_read_back(value: Any, ascii_only: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    assert read_document(text, URL) == value
    quoted = json.dumps(text)
    assert read_document(quoted, URL) == value
    assert read_script(f"var a = JSON.parse({quoted});", URL) == value
    if isinstance(value, dict):
        assert read_script(f"(function(){{window.a={text};}})()", URL) == value


@given(st.text() | st.text("{}[]\"'\\:,aJSON.parse()x0u \n", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    for read in (read_script, read_document):
        try:
            read(text, URL)
        except ParseError as error:
            assert error.url == URL
