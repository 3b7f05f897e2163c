"""Patterns and what is put in the place of what they match: texts as they are, and regular expressions in linear time.

A text of a source may be made so that a search for all matches takes time of its length times their number, and so that
what is put in their place is endless. Both are bounded by counts, so that the outcome never depends on the machine.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from aggregator.config.problems import show
from aggregator.rules.matching import compile_regex, is_regex
from aggregator.rules.settings import written

MAX_PATTERN = 2000
"""Characters of a pattern at most."""
#: Characters of the result at most.
MAX_RESULT = 2_000_000
#: Characters that are searched for all matches together at most, each search counted to the end of the text.
MAX_SEARCHED = 200_000_000

_GROUP = re.compile(r"\\(?:([0-9])|g<([^<>]{0,100})>|(\\)|(.?))", re.DOTALL)

Piece = str | int
"""A part of what is put in: text, or the number of a group."""


class TooMuch(ValueError):
    """A text has too many matches, or would become too long."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A text that is searched for as it is, or a regular expression between slashes."""

    written: str
    #: The expression, compiled; None: it is a text.
    regex: Any = field(repr=False, compare=False)

    @property
    def groups(self) -> dict[str, int]:
        """The groups of the expression, by number and by name."""
        return {**{str(number): number for number in range(self.regex.groups + 1)}, **self.regex.groupindex}


def parse_pattern(value: object) -> Pattern:
    """Read a pattern: a text, or ``/regular expression/`` with flags behind it.

    Raises:
        ValueError: it is neither; the message completes "`key` …".
    """
    text = written(value, MAX_PATTERN)
    if not text:
        raise ValueError("is empty; write what is to be replaced")
    return Pattern(text, compile_regex(text) if is_regex(text) else None)


@lru_cache(maxsize=1024)
def parse_replacement(text: str, pattern: Pattern) -> tuple[Piece, ...]:
    r"""Read what is put in: for a regular expression, ``\1`` and ``\g<name>`` stand for groups, ``\\`` for a backslash.

    Raises:
        ValueError: it names a group that the expression does not have, or has another backslash.
    """
    if pattern.regex is None:
        return (text,) if text else ()
    groups = pattern.groups
    pieces: list[Piece] = []
    at = 0
    for match in _GROUP.finditer(text):
        pieces.append(text[at : match.start()])
        at = match.end()
        digit, name, backslash, other = match.groups()
        if backslash:
            pieces.append("\\")
        elif other is not None:
            raise ValueError(rf"has `\{other}`, which stands for nothing; write `\1` for a group, `\\` for a backslash")
        elif (group := groups.get(name if digit is None else digit)) is None:
            raise ValueError(f"names the group `{match[0]}`, which {show(pattern.written)} does not have")
        else:
            pieces.append(group)
    pieces.append(text[at:])
    return tuple(piece for piece in pieces if piece != "")


@dataclass(slots=True)
class Replacer:
    """Replaces in the texts of one entry, which share the limits."""

    pattern: Pattern
    pieces: Sequence[Piece]
    #: What may still be searched, and what may still be written.
    searchable: int = MAX_SEARCHED
    writable: int = MAX_RESULT

    def replace(self, text: str) -> str:
        """Return the text with every match replaced.

        Raises:
            TooMuch: a limit is reached.
        """
        if self.pattern.regex is None:
            found, put = self.pattern.written, "".join(map(str, self.pieces))
            self._write(len(text) + text.count(found) * (len(put) - len(found)))
            return text.replace(found, put)
        parts: list[str] = []
        at = 0
        for match in self.pattern.regex.finditer(text):
            self.searchable -= len(text) - match.start()
            if self.searchable < 0:
                raise TooMuch("has too many matches")
            put = "".join([match[piece] or "" if isinstance(piece, int) else piece for piece in self.pieces])
            self._write(match.start() - at + len(put))
            parts += [text[at : match.start()], put]
            at = match.end()
        if not parts:
            return text
        self._write(len(text) - at)
        return "".join((*parts, text[at:]))

    def _write(self, length: int) -> None:
        self.writable -= length
        if self.writable < 0:
            raise TooMuch(f"would have more than {MAX_RESULT:,} characters")
