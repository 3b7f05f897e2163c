"""Errors in the syntax of YAML: an error of the parser -> the mistake in the file, and its place.

The parser reports where it could not continue; the mistake is often further up. In: the error and the text. Out: a
sentence and its place. Pure; the meaning of the keys is not known here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import yaml

from aggregator.config.advice import character_name, invisible_character
from aggregator.config.problems import Place


class SyntaxMistake(NamedTuple):
    """What is wrong, and where."""

    message: str
    place: Place | None


_WORD = r"[A-Za-z_][\w-]{0,60}"
_ENTRY = re.compile(rf"\s*(?:- +)?{_WORD}:(?:\s|$)|\s*- ")
#: `feed:https://…`, and not `https://…`.
_JOINED_VALUE = re.compile(rf"(\s*(?:- +)?)({_WORD}):(?!//)([^\s:].*)")
_JOINED_DASH = re.compile(rf"(\s*)-({_WORD}):(?:\s|$)")
_WIDE_COLON = re.compile(rf"(\s*(?:- +)?{_WORD})\uff1a")
_EQUALS = re.compile(rf"(\s*(?:- +)?)({_WORD})\s*=")
_COMMENTS = re.compile(r"\ufeff?(?:\s*(?:[#;][^\n]*)?\n)*\s*")
_INI = re.compile(r"\[[^\[\]\n]{1,200}\][ \t]*\n[^\n:]{1,200}=")
#: Conflict markers of version control.
_MERGE = ("<" * 7, "=" * 7, ">" * 7)
_CONFLICT = "the file contains the conflict markers of a merge (`<<<<<<<`); keep one version"
#: How many lines above an error are searched for its cause.
_LOOK_BACK = 2
_CLOSERS = {"[": "]", "{": "}"}
_NO_COMMAS = ("，", ";", "；", "、")
_QUOTES = "\"'"


def swallowed(event: Any, lines: Sequence[str], indent: int) -> SyntaxMistake | None:
    """Find out whether a quoted text contains what follows it, because its closing quote is missing.

    Args:
        event: the parser's event for the quoted text.
        lines: all lines of the file.
        indent: column, from 0, of the innermost mapping or list in block style around it. The lines of a quoted text
            are indented deeper (YAML 1.2.2, section 7.3), which the parser does not check.
    """
    first, last = event.start_mark.line, event.end_mark.line
    for line in lines[first + 1 : last + 1]:
        if len(line) - len(line.lstrip()) <= indent and _ENTRY.match(line):
            return _open_quote((first + 1, event.start_mark.column + 1), f" before line {last + 1}")
    return None


def other_format(text: str) -> str:
    """Give advice, ``; …``, for a file that is in another format than YAML; empty where none is recognized."""
    text = _COMMENTS.sub("", text, count=1)
    if text.startswith("<" * 7):
        return f"; {_CONFLICT}"
    if match := _WIDE_COLON.match(text):
        return f"; there is {character_name(chr(0xFF1A))} after `{match[1].strip()}`; write `:` and a space"
    if _INI.match(text):
        return "; this is INI or TOML; write each of its addresses as `- feed: https://…` below `sources:`"
    if text.startswith("<"):
        is_list = "<opml" in text[:1000].lower()
        return f"; this is XML or HTML{'; import it: aggregator opml import' if is_list else ''}"
    if text.startswith(("http://", "https://")):
        return "; write each address as `- feed: https://…` below `sources:`"
    if text.startswith("//"):
        return "; a comment begins with `#`"
    return ""


def _open_quote(place: Place, until: str) -> SyntaxMistake:
    return SyntaxMistake(
        f"the quote that opens at {place[0]}:{place[1]} is not closed{until}; close it at the end of its text", place
    )


def diagnose(error: yaml.YAMLError, lines: Sequence[str], brackets: Sequence[Place]) -> SyntaxMistake:
    """Find the mistake behind an error of the parser.

    Args:
        error: the error.
        lines: all lines of the file.
        brackets: the places of the open brackets, the innermost last.
    """
    if not isinstance(error, yaml.MarkedYAMLError):
        return SyntaxMistake(" ".join(str(error).split()), None)
    mark = error.problem_mark or error.context_mark
    if mark is None:
        return SyntaxMistake(str(error.problem or error.context), None)
    place = _place(mark)
    said = error.problem or str(error.context)
    began = _place(error.context_mark) if error.context_mark else place
    found = (
        _conflict(lines, place)
        or _blank(lines, place)
        or _by_words(said, error.context or "", lines, place, began, brackets)
    )
    return found or SyntaxMistake(f"{said}; check the indentation and the quotes", place)


def _by_words(
    said: str, context: str, lines: Sequence[str], place: Place, began: Place, brackets: Sequence[Place]
) -> SyntaxMistake | None:
    """Find the mistake by the words of libyaml and PyYAML."""
    if "cannot start any token" in said or "mapping keys are not allowed" in said:
        return _reserved(lines, place)
    if "alphabetic or numeric character" in said or "expected comment or line break" in said:
        return _after_quote(lines, began) or _reserved(lines, began)
    if "quoted scalar" in context:
        if "unexpected end of stream" in said or "document indicator" in said:
            return _open_quote(began, "")
        return SyntaxMistake(
            "`\\` begins an escape sequence inside double quotes; put the value in single quotes", place
        )
    if "mapping values are not allowed" in said:
        if _line(lines, place[0] - 1).startswith("//"):
            return SyntaxMistake("`//` does not begin a comment; write `#`", (place[0] - 1, 1))
        return _joined(lines, place[0]) or _second_colon(lines, place)
    if "could not find expected ':'" in said:
        return _joined(lines, began[0]) or SyntaxMistake("this line has no `:` after its key", began)
    if "block sequence entries are not allowed" in said:
        return SyntaxMistake(
            "a list entry (`- `) cannot begin here; put it on its own line, or the value in quotes", place
        )
    if "expected ',' or" in said or "expected node content" in said:
        return _in_brackets(lines, place, brackets)
    if "expected key" in said or "expected '-' indicator" in said:
        return _after_quote(lines, place) or _joined(lines, place[0], back=0) or _misplaced(said, place, began)
    return None


def _conflict(lines: Sequence[str], place: Place) -> SyntaxMistake | None:
    """Find conflict markers, at the error or above it."""
    number = next((at for at, line in enumerate(lines[: place[0]], 1) if line.startswith(_MERGE)), None)
    return SyntaxMistake(_CONFLICT, (number, 1)) if number else None


def _blank(lines: Sequence[str], place: Place) -> SyntaxMistake | None:
    """Find tabs and unusual spaces in an indentation, at the error or shortly above it."""
    line = _line(lines, place[0])
    if "\t" in line[: len(line) - len(line.lstrip())][: place[1]]:
        return SyntaxMistake("a tab is used for indentation; use spaces", place)
    for number in range(place[0], max(place[0] - _LOOK_BACK - 1, 0), -1):
        line = _line(lines, number)
        if one := invisible_character(line[: len(line) - len(line.lstrip())]):
            return SyntaxMistake(
                f"there is {character_name(one)} in the indentation; use ordinary spaces", (number, line.index(one) + 1)
            )
    return None


def _reserved(lines: Sequence[str], place: Place) -> SyntaxMistake | None:
    """Report a value that begins with a reserved character."""
    one = _line(lines, place[0])[place[1] - 1 : place[1]]
    if one == "\t":
        return SyntaxMistake("a tab is used for indentation; use spaces", place)
    one = "a backtick" if one == "`" else f"`{one}`"
    return SyntaxMistake(f"this begins with {one}, which has a special meaning in YAML; put it in quotes", place)


def _joined(lines: Sequence[str], number: int, back: int = _LOOK_BACK) -> SyntaxMistake | None:
    """Find a missing space after `:` or `-`, on a line or shortly above it; the nearest counts."""
    for at in range(number, max(number - back - 1, 0), -1):
        line = _line(lines, at)
        if match := _JOINED_DASH.match(line):
            return SyntaxMistake(f"a space is missing after `-`; write `- {match[2]}:`", (at, len(match[1]) + 1))
        if match := _JOINED_VALUE.match(line):
            place = (at, len(match[1]) + 1)
            if one := invisible_character(match[3][:1]):
                return SyntaxMistake(
                    f"there is {character_name(one)} after `{match[2]}:`; use an ordinary space", place
                )
            return SyntaxMistake(f"a space is missing after `{match[2]}:`", place)
        if match := _WIDE_COLON.match(line):
            return SyntaxMistake(
                f"there is {character_name(chr(0xFF1A))} here; write `:` and a space", (at, len(match[1]) + 1)
            )
        if match := _EQUALS.match(line):
            return SyntaxMistake(
                f"there is `=` after `{match[2]}`; write `{match[2]}: ` and the value", (at, len(match[1]) + 1)
            )
    return None


def _second_colon(lines: Sequence[str], place: Place) -> SyntaxMistake:
    before = _line(lines, place[0])[: place[1] - 1]
    if re.search(r":\s", before):
        return SyntaxMistake("there is a second `: ` on this line; put the value in quotes", place)
    indent = len(before) - len(before.lstrip())
    message = "this line is indented deeper than the one above, which already has a value; align the two"
    return SyntaxMistake(message, (place[0], indent + 1))


def _after_quote(lines: Sequence[str], place: Place) -> SyntaxMistake | None:
    """Find text after a closing quote or bracket."""
    line = _line(lines, place[0])
    before, after = line[: place[1] - 1].rstrip(), line[place[1] - 1 :]
    last = before[-1:]
    if not after.strip() or not before.strip():
        return None
    if last in _QUOTES:
        inside = "''" if last == "'" else '\\"'
        return SyntaxMistake(
            f"the value continues after its closing `{last}`; write `{inside}` for one inside, or use the other quotes",
            place,
        )
    if after[0] in "]}":
        return SyntaxMistake(f"this `{after[0]}` closes nothing; remove it", place)
    if last in "]}":
        return SyntaxMistake(f"the value continues after its closing `{last}`; put all of it in quotes", place)
    return None


def _misplaced(said: str, place: Place, began: Place) -> SyntaxMistake:
    if "'-'" in said and place[1] == began[1]:
        text = "a list entry (`- `) is expected here; indent this line like the keys of the entry above"
        return SyntaxMistake(text, place)
    text = f"this line begins at column {place[1]}, unlike every line above; align it with one of them"
    return SyntaxMistake(text, place)


def _in_brackets(lines: Sequence[str], place: Place, brackets: Sequence[Place]) -> SyntaxMistake | None:
    if not brackets:
        return _reserved(lines, place)
    opened = brackets[-1]
    for number in range(opened[0], min(place[0], len(lines)) + 1):
        line = _line(lines, number)
        begin = opened[1] if number == opened[0] else 0
        if column := _comment(line, begin, place[1] if number == place[0] else len(line)):
            return SyntaxMistake("`#` begins a comment here; put the value in quotes", (number, column))
    bracket = _line(lines, opened[0])[opened[1] - 1 : opened[1]]
    line = _line(lines, place[0])
    one, before = line[place[1] - 1 : place[1]], line[: place[1] - 1]
    if one and one in "[{" and before[-1:].strip():
        return SyntaxMistake(f"there is `{one}` inside a value between brackets; put the value in quotes", place)
    if one and one in "]}" and one != _CLOSERS.get(bracket):
        return SyntaxMistake(f"the `{bracket}` that opens at {opened[0]}:{opened[1]} is closed by `{one}`", place)
    if place[0] == opened[0]:
        if wrong := next((mark for mark in _NO_COMMAS if mark in before[opened[1] :]), None):
            column = line.index(wrong, opened[1]) + 1
            return SyntaxMistake(f"`{wrong}` does not separate values; write `,` and a space", (place[0], column))
        if re.match(rf"{_WORD}:\s", line[place[1] - 1 :]):
            return SyntaxMistake("a comma is missing before this", place)
        return _after_quote(lines, place) or SyntaxMistake("a comma is missing, or the value must be in quotes", place)
    text = f"the `{bracket}` that opens at {opened[0]}:{opened[1]} is not closed before line {place[0]}"
    return SyntaxMistake(f"{text}, or a comma is missing", opened)


def _comment(line: str, begin: int, end: int) -> int:
    """Return the column, from 1, of a comment that may have been meant as a value; 0 if there is none."""
    quote = ""
    for index in range(begin, end):
        one = line[index]
        if quote:
            quote = "" if one == quote else quote
        elif one in _QUOTES and line[index - 1 : index] in ("", " ", "[", "{", ","):
            quote = one
        elif one == "#" and line[index - 1 : index] in ("", " ", "\t", ",", "[", "{"):
            # A comment on its own line, or one with a space after `#`, was meant as a comment.
            meant = line[:index].strip() and line[index + 1 : index + 2] not in ("", " ", "#")
            return index + 1 if meant else 0
    return 0


def _line(lines: Sequence[str], number: int) -> str:
    return lines[number - 1] if 0 < number <= len(lines) else ""


def _place(mark: Any) -> Place:
    return mark.line + 1, mark.column + 1
