"""Where things stand in the text of feeds.yaml: lists and their entries, lines, and the comments that belong to them.

In: a text that is YAML. Out: positions in it. The edits of `editing` and `additions` are made by them. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from aggregator.config.settings import source_kinds
from aggregator.config.tree import LOADER

_BOM = "\ufeff"
COMMENT = re.compile(r"[ \t]*(?:#.*)?")
"""White space and a comment up to the end of a line."""
FLOW_SPACE = re.compile(r"(?:\s|#[^\r\n]*)*")
"""White space and comments between brackets."""
_REST = re.compile(r"[^\r\n]*")

Edit = tuple[int, int, str]
"""Start and end of what is replaced, and what takes its place."""


class NotEditable(ValueError):
    """The edit would change something else as well; the message says why.

    Args:
        why: the reason, as a clause.
        line: the line in the file, from 1.
    """

    def __init__(self, why: str, line: int) -> None:
        self.line = line
        super().__init__(f"line {line}: {why}; edit it by hand")


@dataclass(frozen=True, slots=True)
class SourceList:
    """The list `sources` and its positions in the text."""

    items: tuple[Any, ...]
    #: Position after the colon of its key.
    value: int
    start: int
    end: int
    #: Column of the dashes, from 0.
    column: int
    flow: bool


def split_mark(text: str) -> tuple[str, str]:
    """Return the byte order mark, or "", and the rest of the text."""
    return (_BOM, text[1:]) if text.startswith(_BOM) else ("", text)


def apply_edits(text: str, edits: Sequence[Edit]) -> str:
    """Make edits that do not overlap; those at one place in their order."""
    parts, position = [], 0
    for start, end, replacement in sorted(edits, key=lambda edit: edit[:2]):
        parts += [text[position:start], replacement]
        position = end
    return "".join([*parts, text[position:]])


def line_break_of(text: str) -> str:
    """Return the line break that a text uses."""
    return "\r\n" if "\r\n" in text else "\n"


def parse_sources(text: str) -> SourceList:
    """Find the list `sources`; see `source_list`."""
    root: Any = yaml.compose(text, Loader=LOADER)
    return source_list(text, *next(pair for pair in root.value if pair[0].value == "sources"))


def source_list(text: str, key: Any, node: Any) -> SourceList:
    """Return the positions of the list `sources`.

    Args:
        key: its key, and `node` its value.

    Raises:
        NotEditable: others may use it, or it is elsewhere.
    """
    require_own(text, key, node)
    start, end = node.start_mark, node.end_mark
    return SourceList(
        tuple(node.value), after_colon(text, key), start.index, end.index, start.column, bool(node.flow_style)
    )


def require_own(text: str, key: Any, node: Any) -> None:
    """Check that the value of a key can be edited.

    Raises:
        NotEditable: it has an anchor or a tag, or comes from an alias, so that others may use it.
    """
    start = node.start_mark.index
    if start < key.end_mark.index or text[start : start + 1] in ("&", "!"):
        raise NotEditable(f"`{key.value}` has an anchor, a tag or an alias", key.start_mark.line + 1)


def after_colon(text: str, key: Any) -> int:
    """Return the position after the colon of a key."""
    return text.index(":", key.end_mark.index) + 1


def address_node(item: Any) -> Any:
    """Return the node of the address of a source."""
    values = {key.value: value for key, value in item.value}
    name, kind = next((name, kind) for name, kind in source_kinds().items() if name in values)
    value = values[name]
    if kind.ADDRESS_KEY is None or isinstance(value, yaml.ScalarNode):
        return value
    return next(inner for key, inner in value.value if key.value == kind.ADDRESS_KEY)


def last_scalar(node: Any) -> int:
    """Return the end of the last scalar in a node; the parser ends a block where the next node begins."""
    if isinstance(node, yaml.ScalarNode) or node.flow_style:
        return int(node.end_mark.index)
    parts = [part for one in node.value for part in (one if isinstance(one, tuple) else (one,))]
    # The nodes of aliases are elsewhere in the text.
    return max((last_scalar(part) for part in parts if part.start_mark.index >= node.start_mark.index), default=0)


def line_at(text: str, position: int) -> tuple[int, str]:
    """Return the start of the next line, and the text from `position` to the end of this one."""
    found = _REST.match(text, position)
    end = found.end() if found else position
    return min(end + (2 if text.startswith("\r\n", end) else 1), len(text)), text[position:end]


def _content(line: str) -> str:
    """Return the line without indentation, or "" where it is blank or a comment."""
    bare = line.strip()
    return "" if bare.startswith("#") else bare


def line_start(text: str, position: int) -> int:
    """Return the start of the line with a position."""
    return max(text.rfind("\n", 0, position), text.rfind("\r", 0, position)) + 1


def line_before(text: str, start: int) -> tuple[int, str]:
    """Return the start of the line before the one at `start`, and its text."""
    end = start - (2 if text.startswith("\r\n", start - 2) else 1)
    before = line_start(text, end)
    return before, text[before:end]


def entry_start(text: str, item: Any, found: SourceList) -> int:
    """Return the start of the first line of an entry in block style, or of the comments directly above it.

    Raises:
        NotEditable: it does not begin on a line of its own.
    """
    indentation = " " * found.column
    start = line_start(text, item.start_mark.index)
    while not text.startswith(indentation + "-", start):
        if start <= found.start:
            raise NotEditable("the list does not begin on its own line", item.start_mark.line + 1)
        start = line_before(text, start)[0]
    while start and (line := line_before(text, start))[1].startswith(indentation + "#"):
        start = line[0]
    return start


def entry_end(text: str, item: Any, column: int) -> int:
    """Return the start of the line after an entry; comments that are indented deeper than its dash belong to it."""
    end = last_scalar(item)
    position = item.end_mark.index
    if not text[line_start(text, position) : position].strip():
        position = line_start(text, position)
    # An alias at the end has no position of its own, but only comments can follow it before the next node.
    while position > end and not _content((line := line_before(text, position))[1]):
        position = line[0]
    end = max(end, position)
    if text[end - 1] not in "\r\n":
        end = line_at(text, end)[0]
    position = end
    while position < len(text):
        position, after = line_at(text, position)
        bare = after.lstrip(" ")
        if bare.startswith("#") and len(after) - len(bare) > column:
            end = position
        elif bare:
            break
    return end
