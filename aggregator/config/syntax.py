"""Why a text is no YAML: the parser's errors -> what the author of the file did, and where.

A parser says where it could not go on; the slip is often further up. Pure: in goes the error with the text, out comes a
sentence and its place. It must not know what the keys of feeds.yaml mean.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import yaml

from aggregator.config.characters import named, unseen
from aggregator.config.problems import Place


class Slip(NamedTuple):
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
#: What version control leaves where two changes exclude each other.
_MERGE = ("<" * 7, "=" * 7, ">" * 7)
_CONFLICT = "two versions of the file were merged and the marks of that stand in it (`<<<<<<<`); keep one version"
#: Lines above an error that may have led to it.
_LOOK_BACK = 2
_CLOSERS = {"[": "]", "{": "}"}
_NO_COMMAS = ("，", ";", "；", "、")
_QUOTES = "\"'"


def swallowed(event: Any, lines: Sequence[str], indent: int) -> Slip | None:
    """Whether a quoted text has taken in what follows it, because its own closing quote is missing.

    Args:
        event: the parser's event for the text.
        lines: those of the whole text.
        indent: column, from 0, of the innermost mapping or list in block style around it. What continues a text
            stands deeper (YAML 1.2.2, section 7.3), which the parser does not mind.
    """
    first, last = event.start_mark.line, event.end_mark.line
    for line in lines[first + 1 : last + 1]:
        if len(line) - len(line.lstrip()) <= indent and _ENTRY.match(line):
            return _open_quote((first + 1, event.start_mark.column + 1), f" before line {last + 1}")
    return None


def no_yaml(text: str) -> str:
    """``; …`` for a text that is the whole of a file: something else than YAML."""
    text = _COMMENTS.sub("", text, count=1)
    if text.startswith("<" * 7):
        return f"; {_CONFLICT}"
    if match := _WIDE_COLON.match(text):
        return f"; {named(chr(0xFF1A))} stands after `{match[1].strip()}`; write `:` and a space"
    if _INI.match(text):
        return "; this is INI or TOML; write each of its addresses as `- feed: https://…` below `sources:`"
    if text.startswith("<"):
        return "; this is XML or HTML" + ("; write its addresses as sources" if "<opml" in text[:1000].lower() else "")
    if text.startswith(("http://", "https://")):
        return "; write each address as `- feed: https://…` below `sources:`"
    if text.startswith("//"):
        return "; a comment begins with `#`"
    return ""


def _open_quote(place: Place, until: str) -> Slip:
    return Slip(
        f"the quote that opens at {place[0]}:{place[1]} is not closed{until}; close it where its text ends", place
    )


def slip(error: yaml.YAMLError, lines: Sequence[str], brackets: Sequence[Place]) -> Slip:
    """What is wrong where the parser could not go on.

    Args:
        brackets: the places of those that are open, the innermost last.
    """
    if not isinstance(error, yaml.MarkedYAMLError):
        return Slip(" ".join(str(error).split()), None)
    mark = error.problem_mark or error.context_mark
    if mark is None:
        return Slip(str(error.problem or error.context), None)
    place = _place(mark)
    said = error.problem or str(error.context)
    began = _place(error.context_mark) if error.context_mark else place
    found = (
        _conflict(lines, place)
        or _blank(lines, place)
        or _by_words(said, error.context or "", lines, place, began, brackets)
    )
    return found or Slip(f"{said}; check the indentation and the quotes", place)


def _by_words(
    said: str, context: str, lines: Sequence[str], place: Place, began: Place, brackets: Sequence[Place]
) -> Slip | None:
    """By the words of libyaml and PyYAML."""
    if "cannot start any token" in said or "mapping keys are not allowed" in said:
        return _reserved(lines, place)
    if "alphabetic or numeric character" in said or "expected comment or line break" in said:
        return _after_quote(lines, began) or _reserved(lines, began)
    if "quoted scalar" in context:
        if "unexpected end of stream" in said or "document indicator" in said:
            return _open_quote(began, "")
        return Slip("`\\` begins an escape inside double quotes; put the value in single quotes", place)
    if "mapping values are not allowed" in said:
        if _line(lines, place[0] - 1).startswith("//"):
            return Slip("`//` begins no comment; write `#`", (place[0] - 1, 1))
        return _joined(lines, place[0]) or _second_colon(lines, place)
    if "could not find expected ':'" in said:
        return _joined(lines, began[0]) or Slip("this line has no `:` after its key", began)
    if "block sequence entries are not allowed" in said:
        return Slip("a `- ` stands where none can; put it on a line of its own, or the value in quotes", place)
    if "expected ',' or" in said or "expected node content" in said:
        return _in_brackets(lines, place, brackets)
    if "expected key" in said or "expected '-' indicator" in said:
        return _after_quote(lines, place) or _joined(lines, place[0], back=0) or _misplaced(said, place, began)
    return None


def _conflict(lines: Sequence[str], place: Place) -> Slip | None:
    """Marks of version control, where the parser stopped or above."""
    number = next((at for at, line in enumerate(lines[: place[0]], 1) if line.startswith(_MERGE)), None)
    return Slip(_CONFLICT, (number, 1)) if number else None


def _blank(lines: Sequence[str], place: Place) -> Slip | None:
    """Tabs and unusual spaces in an indentation, on a line or shortly above."""
    line = _line(lines, place[0])
    if "\t" in line[: len(line) - len(line.lstrip())][: place[1]]:
        return Slip("a tab is used for indentation; use spaces", place)
    for number in range(place[0], max(place[0] - _LOOK_BACK - 1, 0), -1):
        line = _line(lines, number)
        if one := unseen(line[: len(line) - len(line.lstrip())]):
            return Slip(f"{named(one)} stands in the indentation; use usual spaces", (number, line.index(one) + 1))
    return None


def _reserved(lines: Sequence[str], place: Place) -> Slip | None:
    """A value that begins with a character that YAML keeps for itself."""
    one = _line(lines, place[0])[place[1] - 1 : place[1]]
    if one == "\t":
        return Slip("a tab is used for indentation; use spaces", place)
    one = "a backtick" if one == "`" else f"`{one}`"
    return Slip(f"this begins with {one}, which has a meaning of its own in YAML; put it in quotes", place)


def _joined(lines: Sequence[str], number: int, back: int = _LOOK_BACK) -> Slip | None:
    """A space that is missing after `:` or `-`, on a line or shortly above; the nearest counts."""
    for at in range(number, max(number - back - 1, 0), -1):
        line = _line(lines, at)
        if match := _JOINED_DASH.match(line):
            return Slip(f"a space is missing after `-`; write `- {match[2]}:`", (at, len(match[1]) + 1))
        if match := _JOINED_VALUE.match(line):
            place = (at, len(match[1]) + 1)
            if one := unseen(match[3][:1]):
                return Slip(f"{named(one)} stands after `{match[2]}:`; use a usual space", place)
            return Slip(f"a space is missing after `{match[2]}:`", place)
        if match := _WIDE_COLON.match(line):
            return Slip(f"{named(chr(0xFF1A))} stands here; write `:` and a space", (at, len(match[1]) + 1))
        if match := _EQUALS.match(line):
            return Slip(f"`=` stands after `{match[2]}`; write `{match[2]}: ` and the value", (at, len(match[1]) + 1))
    return None


def _second_colon(lines: Sequence[str], place: Place) -> Slip:
    before = _line(lines, place[0])[: place[1] - 1]
    if re.search(r":\s", before):
        return Slip("a second `: ` stands on this line; put the value in quotes", place)
    indent = len(before) - len(before.lstrip())
    message = "this line is indented deeper than the one above, which has a value already; align the two"
    return Slip(message, (place[0], indent + 1))


def _after_quote(lines: Sequence[str], place: Place) -> Slip | None:
    """Text behind a closing quote or bracket."""
    line = _line(lines, place[0])
    before, after = line[: place[1] - 1].rstrip(), line[place[1] - 1 :]
    last = before[-1:]
    if not after.strip() or not before.strip():
        return None
    if last in _QUOTES:
        inside = "''" if last == "'" else '\\"'
        return Slip(
            f"the value goes on after its closing `{last}`; write `{inside}` for one inside, or use the other quotes",
            place,
        )
    if after[0] in "]}":
        return Slip(f"this `{after[0]}` closes nothing; take it away", place)
    if last in "]}":
        return Slip(f"the value goes on after its closing `{last}`; put all of it in quotes", place)
    return None


def _misplaced(said: str, place: Place, began: Place) -> Slip:
    if "'-'" in said and place[1] == began[1]:
        text = "a list entry (`- `) is expected here; indent this line like the keys of the entry above"
        return Slip(text, place)
    text = f"this line begins at column {place[1]}, where none of those above does; align it with one of them"
    return Slip(text, place)


def _in_brackets(lines: Sequence[str], place: Place, brackets: Sequence[Place]) -> Slip | None:
    if not brackets:
        return _reserved(lines, place)
    opened = brackets[-1]
    for number in range(opened[0], min(place[0], len(lines)) + 1):
        line = _line(lines, number)
        begin = opened[1] if number == opened[0] else 0
        if column := _comment(line, begin, place[1] if number == place[0] else len(line)):
            return Slip("`#` begins a comment here; put the value in quotes", (number, column))
    bracket = _line(lines, opened[0])[opened[1] - 1 : opened[1]]
    line = _line(lines, place[0])
    one, before = line[place[1] - 1 : place[1]], line[: place[1] - 1]
    if one and one in "[{" and before[-1:].strip():
        return Slip(f"a `{one}` inside of a value between brackets: put the value in quotes", place)
    if one and one in "]}" and one != _CLOSERS.get(bracket):
        return Slip(f"the `{bracket}` that opens at {opened[0]}:{opened[1]} is closed by `{one}`", place)
    if place[0] == opened[0]:
        if wrong := next((mark for mark in _NO_COMMAS if mark in before[opened[1] :]), None):
            column = line.index(wrong, opened[1]) + 1
            return Slip(f"`{wrong}` separates nothing; write `,` and a space", (place[0], column))
        if re.match(rf"{_WORD}:\s", line[place[1] - 1 :]):
            return Slip("a comma is missing before this", place)
        return _after_quote(lines, place) or Slip("a comma is missing, or the value must be in quotes", place)
    text = f"the `{bracket}` that opens at {opened[0]}:{opened[1]} is not closed before line {place[0]}"
    return Slip(f"{text}, or a comma is missing", opened)


def _comment(line: str, begin: int, end: int) -> int:
    """The column, from 1, at which a comment begins that may have been meant as a value; 0 if none does."""
    quote = ""
    for index in range(begin, end):
        one = line[index]
        if quote:
            quote = "" if one == quote else quote
        elif one in _QUOTES and line[index - 1 : index] in ("", " ", "[", "{", ","):
            quote = one
        elif one == "#" and line[index - 1 : index] in ("", " ", "\t", ",", "[", "{"):
            # A comment on a line of its own, or behind a space after a comma, was meant as one.
            meant = line[:index].strip() and line[index + 1 : index + 2] not in ("", " ", "#")
            return index + 1 if meant else 0
    return 0


def _line(lines: Sequence[str], number: int) -> str:
    return lines[number - 1] if 0 < number <= len(lines) else ""


def _place(mark: Any) -> Place:
    return mark.line + 1, mark.column + 1
