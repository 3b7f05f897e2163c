"""Our own attributes in an OPML document: their names, and their values, which are JSON.

An outline has a name, an address and a folder; all else that feeds.yaml says of a source, a category or the whole is in
these attributes, as it is written there. Other programs pass over them (opml.org/spec2.opml, "Extending OPML").
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from aggregator.config.secrets import literal
from aggregator.values.terminal import as_json, printable

URI = "urn:feed-republisher:opml"
"""The namespace; it never changes."""
PREFIX = "agg"

SETTINGS = "settings"
"""Of the root element: sections of feeds.yaml, by their names. Of a folder: the settings of its category."""
CATEGORY = "category"
"""Of a folder: the slug of its category, as it is."""
SOURCE = "source"
"""Of an outline: what else feeds.yaml says of the source; `name` is null where it has none."""

_MOST_LEVELS = 30
_MOST_DIGITS = 18


def attribute(name: str) -> str:
    """Return the name of one of the attributes as `outlines` has it, which is also lxml's."""
    return f"{{{URI}}}{name}"


def name_in(text: str) -> str:
    """Return the name of a source, as feeds.yaml has it, that the text of an outline of our own export stands for."""
    name: str = literal(" ".join(printable(text).split()))
    return name


def dumps(settings: Mapping[str, Any]) -> str:
    """Write settings as JSON that XML can hold and a terminal can show."""
    return as_json(settings, str)


def loads(text: str) -> dict[str, Any]:
    """Read settings.

    Raises:
        ValueError: it is not a JSON object of texts, numbers, truth values, lists and objects.
    """
    try:
        value = json.loads(text, parse_constant=_refuse, parse_int=_whole)
    except RecursionError:
        value = None
    if not isinstance(value, dict) or _levels(value) > _MOST_LEVELS:
        raise ValueError("not a JSON object")
    return value


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a value of settings")


def _whole(digits: str) -> int:
    if len(digits) > _MOST_DIGITS:
        raise ValueError("a number has too many digits")
    return int(digits)


def _levels(value: object) -> int:
    """Return how deep lists and objects are nested in each other."""
    depth, layer = 0, [value]
    while layer and depth <= _MOST_LEVELS:
        depth += 1
        layer = [inner for one in layer for inner in _parts(one)]
    return depth


def _parts(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
