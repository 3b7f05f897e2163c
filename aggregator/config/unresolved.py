"""feeds.yaml as it is written: references are not replaced, and templated sources are written out. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from aggregator.config.across import source_nodes
from aggregator.config.problems import Path, Problems
from aggregator.config.settings import ANCHORS, RENAMED, source_kinds
from aggregator.config.templates import FOR, Open, Templates, is_open
from aggregator.config.tree import MapNode, parse_yaml


def read_unresolved(text: str) -> MapNode:
    """Return the tree of a file that `load` accepts, without what only holds anchors.

    Keys have their names of today, and there is one source for each of `Config.sources`, in their order.
    """
    problems = Problems("")
    tree = parse_yaml(text.removeprefix("\ufeff"), problems, _open)
    Templates(lambda value, path: value, problems).write_out(tree, opened=True)
    for key in [key for key in tree if key.startswith(ANCHORS)]:
        tree.remove(key)
    for _, node in source_nodes(tree):
        for old, new in RENAMED.items():
            if old in node:
                node.rename(old, new)
    return tree


def address_of(settings: Any) -> tuple[str, str]:
    """Return the kind and the address of a source, as it is written; both are "" where it has none."""
    for name, kind in source_kinds().items():
        value = settings.get(name)
        if isinstance(value, dict) and kind.ADDRESS_KEY is not None:
            value = value.get(kind.ADDRESS_KEY)
        if isinstance(value, str):
            return name, value
    return "", ""


def texts_in(value: object) -> Iterator[str]:
    """Iterate over all texts in a value, keys aside."""
    pending = [value]
    while pending:
        one = pending.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, Mapping):
            pending += one.values()
        elif isinstance(one, list):
            pending += one


def _open(value: str, path: Path) -> str:
    inside_for = path[:1] == ("sources",) and path[2:3] == (FOR,)
    return Open(value) if is_open(value) and not inside_for else value
