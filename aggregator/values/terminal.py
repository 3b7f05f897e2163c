"""Text that is safe to show on a terminal: no control sequences, no secrets.

Texts and values in, safe text out. All that people read passes here: log lines (`aggregator.log`) and what commands
print (`aggregator.cli.console`). Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

#: What may be unprintable; the line breaks between the lines of JSON are kept.
_SUSPECT = re.compile(r"[^\n\x20-\x7e]")


def printable(text: str) -> str:
    """Put a text from outside on one line, without control characters, which a terminal would execute."""
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)


def printable_lines(text: str) -> str:
    """Make a text of several lines printable: its line breaks and tabs stay."""
    return "".join(c if c.isprintable() or c in "\n\t" else " " for c in text)


def as_json(value: object, hide: Callable[[str], str], *, indent: int | None = None, ascii_only: bool = False) -> str:
    """Write a value as JSON that is safe on a terminal: what is not printable is escaped as ``\\uXXXX``.

    Args:
        hide: removes secrets from a text; it is called for every string of the value, before that is escaped.
        ascii_only: escape everything beyond ASCII, for streams that cannot encode it.
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


def iso(moment: datetime) -> str:
    """Return a time as JSON and tables show it: ISO 8601 in UTC.

    Args:
        moment: aware and in UTC.
    """
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """Write a number with its noun: ``1 source``, ``2 sources``."""
    return f"{count} {noun if count == 1 else plural or f'{noun}s'}"
