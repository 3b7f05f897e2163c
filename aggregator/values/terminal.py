"""What a terminal or a program may be shown: nothing that it would obey, and no secrets.

Texts and values go in, safe text comes out. Everything that leaves the program for people's eyes passes here, and only
here: log lines (`aggregator.log`) and what commands print (`aggregator.cli.console`). Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

#: What can be unprintable; the line breaks between the lines of JSON are meant.
_SUSPECT = re.compile(r"[^\n\x20-\x7e]")


def printable(text: str) -> str:
    """Text from outside on one line, without control characters, which a terminal would obey."""
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)


def printable_lines(text: str) -> str:
    """The same of a text of several lines: its line breaks and tabs stay."""
    return "".join(c if c.isprintable() or c in "\n\t" else " " for c in text)


def as_json(value: object, hide: Callable[[str], str], *, indent: int | None = None, ascii_only: bool = False) -> str:
    """A value as JSON in which no terminal finds anything to obey: whatever cannot be seen is escaped as ``\\uXXXX``.

    Args:
        hide: takes secrets out of a text; asked for every string of the value, before it is escaped.
        ascii_only: also escape what can be seen, for streams that cannot say it.
    """
    text = json.dumps(_hidden(value, hide), ensure_ascii=ascii_only, indent=indent)
    return _SUSPECT.sub(_escaped, text)


def _hidden(value: object, hide: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return hide(value)
    if isinstance(value, Mapping):
        return {key: _hidden(one, hide) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_hidden(one, hide) for one in value]
    return value if value is None or isinstance(value, int | float) else hide(str(value))


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    return character if character.isprintable() else json.dumps(character)[1:-1]


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """A number with its noun: ``1 source``, ``2 sources``."""
    return f"{count} {noun if count == 1 else plural or f'{noun}s'}"
