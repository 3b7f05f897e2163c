"""Read the id of an entry back from the head of a post, whatever a person did to the rest of it.

In: the first bytes of a file. Out: an id, if the front matter has one. Pure. The form is found by how the file begins,
and the key is that of any preset: a folder may have had another one before.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from aggregator.publish.posts.presets import PRESETS, Preset

#: Maximum number of bytes of a head: far more than a front matter has.
MAX_HEAD = 64 * 1024

_YAML = re.compile(r"---[ \t]*\n(.*?\n)---[ \t]*(?:\n|\Z)", re.DOTALL)
_TOML = re.compile(r"\+\+\+[ \t]*\n(.*?\n)\+\+\+[ \t]*(?:\n|\Z)", re.DOTALL)
_META = re.compile(r"<meta\s[^<>]{0,4096}>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""\b(name|content)\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)


def id_keys(preset: Preset) -> frozenset[str]:
    """Return the keys at which posts of a preset, or of any preset that is built in, have the id of their entry."""
    return _known_keys() | {field.key for field in preset.fields if field.value == "id"}


def read_id(head: bytes, keys: frozenset[str]) -> str | None:
    """Return the id in the front matter of a post; None if there is none, or it cannot be read.

    Args:
        head: the beginning of the file.
        keys: as `id_keys` returns them.
    """
    text = head[:MAX_HEAD].decode(errors="replace").removeprefix("\ufeff").replace("\r\n", "\n").lstrip("\n")
    if match := _YAML.match(text):
        return _chosen(_yaml(match[1]), keys)
    if match := _TOML.match(text):
        return _chosen(_toml(match[1]), keys)
    for tag in _META.findall(text):
        found = {name.lower(): double or single for name, double, single in _ATTRIBUTE.findall(tag)}
        if found.get("name") in keys and found.get("content"):
            return html.unescape(found["content"])
    return None


@cache
def _known_keys() -> frozenset[str]:
    return frozenset(field.key for preset in PRESETS.values() for field in preset.fields if field.value == "id")


def _chosen(fields: object, keys: frozenset[str]) -> str | None:
    """Return the first text at one of the keys, which have a ``.`` between a mapping and its members."""
    for key in sorted(keys):
        value = fields
        for name in key.split("."):
            value = value.get(name) if isinstance(value, Mapping) else None
        if isinstance(value, str) and value:
            return value
    return None


def _yaml(text: str) -> object:
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return yaml.load(text, loader)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError):
        return None


def _toml(text: str) -> object:
    import tomllib

    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return None
