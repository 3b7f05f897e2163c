"""Scalars mean the same string to YAML 1.1 and YAML 1.2, and are quoted only where they have to be."""

from __future__ import annotations

from io import StringIO

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from aggregator.publish.posts import frontmatter

TRICKY = [
    "123", "0", "-1", "+1", "012", "0o14", "0x1F", "0b101", "1_000", "1.5", ".5", "5.", "1e3", "1E+3", "12e03",
    "-.5", ".", "..", "...", "1.2.3", ".inf", "-.Inf", ".NaN", "1:30", "190:20:30", "190:20:30.15", "y", "Y", "yes",
    "Yes", "YES", "n", "N", "no", "No", "NO", "on", "On", "ON", "off", "Off", "OFF", "true", "True", "TRUE", "false",
    "False", "FALSE", "null", "Null", "NULL", "~", "=", "<<", "2022-06-29", "2022-6-9", "2022-06-29T14:42:00Z",
    "2022-06-29T14:42:00.5+08:00", "-", "--", "---", "-x", "?", "?x", ":", ":x", "x:", "::", "a:b", "a#b", "#a", "#",
    ",", ",a", "[", "[]", "]", "{", "{}", "}", "&", "&a", "*", "*a", "!", "!a", "!!str", "|", "|a", ">", ">a", "'",
    "'a", '"', '"a', "%", "%a", "@", "@a", "`", "`a", "\\", "a\\", "a'b", 'a"b', "\t", "\r", "\x00", "\x07", "\x1b",
    "\x7f", "\x80", "\x85", "\x9f", "\xa0", "\u2028", "\u2029", "\ufeff", "\ufffe", "😀", "新闻", "1️⃣", "", " ", " a",
    "a ", "a: b", "a :b", "a #b", "a\t#b", "a:\tb", "a\tb", "a\nb", "- a", "? a", ": a", "--- a", "... a",
    "2022-06-29 14:42:00", "2022-06-29 14:42:00 +8", "%YAML 1.2", "a\x85b", "a\u2028b", "\ufeffa", "a\r\nb", "1 000",
]  # fmt: skip
HARMLESS = [
    "新闻", "a b", "a:b", "a#b", "-x", "?x", ":x", "--- a", "C#", "AT&T", "it's", 'say "so"', "100%", "1.2a", "v1.2",
    "+", "2022年", "yEs", "nO", "Nullable", "12 Monkeys", "0xyz", "a, b", "x=1", "😀", "\xa0", "\u3000", "e3", "1e",
    "2022-06",
]  # fmt: skip
ALPHABET = st.sampled_from("019_.:-+eExobyn~ \t\n#,[]{}&*!|>'\"%@`\\=<aT\x85\u2028\ufeff\x00\x7f新😀") | st.characters(
    codec="utf-8"
)


def _load_both(document: str) -> tuple[object, object]:
    return yaml.safe_load(document), YAML(typ="safe", pure=True).load(StringIO(document))


def _assert_string(scalar: str, text: str) -> None:
    listed = f"key: \n - {scalar}\nlast: {scalar}\n"
    wanted = {"key": [text], "last": text}
    assert _load_both(listed) == (wanted, wanted)


@pytest.mark.parametrize("text", TRICKY, ids=ascii)
def test_tricky_text_loads_as_itself(text: str) -> None:
    _assert_string(frontmatter.plain(text), text)
    _assert_string(frontmatter.single(text), text)
    _assert_string(frontmatter.double(text), text)


@given(st.text(ALPHABET, max_size=20))
def test_any_text_loads_as_itself(text: str) -> None:
    _assert_string(frontmatter.plain(text), text)
    _assert_string(frontmatter.single(text), text)


@pytest.mark.parametrize("text", HARMLESS)
def test_harmless_text_stays_plain(text: str) -> None:
    assert frontmatter.plain(text) == text


@given(st.text(ALPHABET, max_size=12))
def test_single_quotes_unless_an_escape_is_needed(text: str) -> None:
    scalar = frontmatter.single(text)
    assert "\n" not in scalar
    if text.isprintable():
        assert scalar == "'" + text.replace("'", "''") + "'"


def test_long_digits_take_linear_time() -> None:
    for text in ("1" * 200_000 + "x", "1:" * 100_000 + "x", "." * 200_000 + "x", ": " * 100_000 + "x"):
        assert frontmatter.plain(text).strip("'") == text
