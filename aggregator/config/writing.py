"""Plain values -> YAML for feeds.yaml, as people write it: text without quotes where it needs none. Pure.

What is written reads back the same by `tree.parse_yaml`, and by other readers of YAML 1.1 and 1.2: words and numbers
that one of them would take for something else than text are in quotes.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import TypeGuard

WIDTH = 100
"""Columns that a mapping or list between brackets may have; a longer one is written over several lines."""

#: Text that begins with no character that has a meaning in YAML.
_PLAIN = re.compile(r"(?:\.[A-Za-z_]|[^\s\-?:,\[\]{}#&*!|>'\"%@`=~<.+\\]).*")
#: In plain text: a colon that ends a key, and the beginning of a comment.
_STRUCTURE = re.compile(r":(?:\s|\Z)|\s#")
#: What plain text between brackets cannot have, or is better read in quotes.
_BRACKETS = re.compile(r"[,\[\]{}'\"]")
#: Words of YAML 1.1 that are no text.
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", ".inf", ".nan"})
#: Numbers, dates and times in all of their forms.
_NUMBER = re.compile(r"[0-9][0-9a-fxob_.:,eE+\- tTzZ]*", re.IGNORECASE)
#: What text in single quotes cannot have: controls, line breaks of any kind, and what no document may contain.
_SPECIAL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")


def scalar(value: object, *, flow: bool, style: str | None = None) -> str:
    """Write one value: text, a number, a truth value, or null.

    Args:
        flow: it stands between brackets.
        style: the quotes of text, in any case; None or "": those that it needs.

    Raises:
        ValueError: YAML has no form for it.
    """
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        if not math.isfinite(value):
            raise ValueError(f"{value} is not a number that can be written")
        return repr(value)
    if not isinstance(value, str):
        raise ValueError(f"{type(value).__name__} is no value of feeds.yaml")
    if not style and _is_plain(value, flow):
        return value
    if style == '"' or _SPECIAL.search(value):
        return _SPECIAL.sub(_escaped, json.dumps(value, ensure_ascii=False))
    return "'" + value.replace("'", "''") + "'"


def in_brackets(value: object, style: str | None = None) -> str:
    """Write a value on one line, mappings and lists between brackets; `style` as for `scalar`."""
    if isinstance(value, Mapping):
        pairs = (f"{scalar(key, flow=True, style=style)}: {in_brackets(one, style)}" for key, one in value.items())
        return f"{{{', '.join(pairs)}}}"
    if is_list(value):
        return f"[{', '.join(in_brackets(one, style) for one in value)}]"
    return scalar(value, flow=True, style=style)


def lines(mapping: Mapping[str, object], column: int, *, nested: bool = False) -> list[str]:
    """Write a mapping in block style, one line after the other, without indentation of the first level.

    Args:
        column: the column at which it will stand, from 0.
        nested: it stands inside a section: short mappings in it are written between brackets.
    """
    written: list[str] = []
    for key, value in mapping.items():
        name = scalar(key, flow=False)
        if not (isinstance(value, Mapping) or is_list(value)):
            written.append(f"{name}: {scalar(value, flow=False)}")
            continue
        short = f"{name}: {in_brackets(value)}"
        open_section = isinstance(value, Mapping) and not nested
        if not value or (not open_section and column + len(short) <= WIDTH):
            written.append(short)
            continue
        inner = lines(value, column + 2, nested=True) if isinstance(value, Mapping) else _list_lines(value, column + 2)
        written += [f"{name}:", *(f"  {line}" for line in inner)]
    return written


def _list_lines(values: Sequence[object], column: int) -> list[str]:
    written: list[str] = []
    for value in values:
        short = in_brackets(value)
        if isinstance(value, Mapping) and value and column + 2 + len(short) > WIDTH:
            first, *rest = lines(value, column + 2, nested=True)
            written += [f"- {first}", *(f"  {line}" for line in rest)]
        else:
            written.append(f"- {short if isinstance(value, Mapping) or is_list(value) else scalar(value, flow=False)}")
    return written


def is_list(value: object) -> TypeGuard[Sequence[object]]:
    """Whether a value is written as a list."""
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _is_plain(text: str, flow: bool) -> bool:
    """Whether text can be written without quotes."""
    return (
        _PLAIN.fullmatch(text) is not None
        and not text[-1].isspace()
        and "\t" not in text
        and text.lower() not in _WORDS
        and _NUMBER.fullmatch(text) is None
        and _STRUCTURE.search(text) is None
        and not (flow and _BRACKETS.search(text))
        and _SPECIAL.search(text) is None
    )


def _escaped(match: re.Match[str]) -> str:
    """Escape a character in double quotes; what stands for no character becomes U+FFFD."""
    number = ord(match[0])
    if 0xD800 <= number <= 0xDFFF:
        return "\ufffd"
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"
