"""A file, or YAML text -> a tree of plain values with the place of every key and value.

Scalars are read by the core schema of YAML 1.2.2 (section 10.3), so that `no`, `on` and `12:30` stay text. Keys are
always text. The parser's events are read one by one, without recursion; the depth and the growth through aliases are
limited here. The meaning of the keys is not known here.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from pathlib import Path as FilePath
from typing import Any

import yaml

from aggregator.config.problems import Path, Place, Problems
from aggregator.config.syntax import diagnose, other_format, swallowed

LOADER: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

MAX_DEPTH = 40
"""Levels of nesting at most; feeds.yaml needs five."""
MAX_ALIASED = 100_000
"""Values that all aliases together may add to the document."""

_CONSTANTS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
#: Tags by which other programs insert environment variables.
_ENVIRONMENT_TAGS = frozenset({"!env", "!env_var", "!environ"})
#: Styles of quoted scalars.
_QUOTED = ("'", '"')
_DIGITS = frozenset("0123456789+-.")
# Longer numbers are not settings, and int() takes quadratic time on them.
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}|0o[0-7]{1,18}|0x[0-9a-fA-F]{1,15}")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]{1,40}|[0-9]{1,40}(?:\.[0-9]{0,40})?)(?:[eE][-+]?[0-9]{1,9})?")
_SPECIAL_FLOAT = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
# YAML 1.2.2, section 5.1: the characters that a document must not contain, and the byte order mark. The set of those
# that it may contain takes long to compile.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff\ufffe\uffff]")


class MapNode(dict[str, Any]):
    """A mapping; places are by key, and `written` has the texts from before references were replaced."""

    __slots__ = ("key_places", "place", "value_places", "written")

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place
        self.key_places: dict[str, Place] = {}
        self.value_places: dict[str, Place] = {}
        self.written: dict[str, str] = {}

    def rename(self, old: str, new: str) -> None:
        """Give the value of a key another key; its places stay."""
        for names in self._by_key():
            if old in names:
                names[new] = names.pop(old)

    def remove(self, key: str) -> None:
        """Remove a key with its value."""
        for names in self._by_key():
            names.pop(key, None)

    def _by_key(self) -> tuple[dict[str, Any], ...]:
        return self, self.key_places, self.value_places, self.written


class ListNode(list[Any]):
    """A list; `value_places` has the place of each entry."""

    __slots__ = ("place", "value_places")

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place
        self.value_places: list[Place] = []


def read_text(path: FilePath, problems: Problems, limit: int) -> tuple[str, bytes]:
    """Read a file that a person wrote: its text, and its bytes.

    Args:
        limit: bytes of a file at most.

    Raises:
        FileNotFoundError, IsADirectoryError: there is no such file.
        ConfigError: it cannot be read, is too large, is not UTF-8, or holds a character that YAML does not allow.
    """
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except (FileNotFoundError, IsADirectoryError):
        raise
    except (OSError, ValueError) as error:
        raise problems.fatal(f"cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if len(data) > limit:
        shown = f"{limit // 10**6} MB" if limit >= 10**6 else f"{limit // 1024} kB"
        raise problems.fatal(f"larger than {shown}; is it the right file?")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        place = (before.count(b"\n") + 1, len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1)
        raise problems.fatal("is not UTF-8 here; save the file as UTF-8", place) from None
    if (match := _UNPRINTABLE.search(text)) is not None:
        index = match.start()
        place = (text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index))
        raise problems.fatal(f"there is a control character (U+{ord(match[0]):04X}) here; remove it", place)
    return text, data


def find_place(tree: MapNode, path: Path, *, key: bool = False) -> Place:
    """Return the place of the value (or of the key) at `path`, or of the nearest mapping or list around it."""
    node: Any = tree
    place = tree.place
    for index, step in enumerate(path):
        last = index == len(path) - 1
        if isinstance(node, MapNode) and isinstance(step, str) and step in node:
            place = node.key_places[step] if key and last else node.value_places[step]
        elif isinstance(node, ListNode) and isinstance(step, int) and step < len(node):
            place = node.value_places[step]
        else:
            break
        node = node[step]
    return place


class _Frame:
    """A mapping or list that is not complete yet."""

    __slots__ = ("anchor", "flow", "height", "key", "key_place", "node", "size")

    def __init__(self, node: MapNode | ListNode, anchor: str | None, *, flow: bool) -> None:
        self.node = node
        #: Whether it is in brackets.
        self.flow = flow
        self.anchor = anchor
        self.key: str | None = None
        self.key_place: Place = node.place
        self.size = 1
        self.height = 1


def parse_yaml(text: str, problems: Problems, replace: Callable[[str, Path], str]) -> MapNode:
    """Read YAML text.

    Args:
        text: the document.
        problems: collects what is wrong without ending the reading: duplicate keys, tags, errors of `replace`.
        replace: called with each text that contains ``${``, and its path; returns the text to use, or raises
            ValueError.

    Raises:
        ConfigError: the text is not YAML, or not a single mapping.
    """
    builder = _Builder(text, problems, replace)
    try:
        for event in yaml.parse(text, Loader=LOADER):
            builder.take(event)
    except yaml.YAMLError as error:
        message, place = diagnose(error, builder.lines, builder.brackets)
        raise problems.fatal(f"not YAML: {message}", place) from None
    if builder.root is None:
        raise problems.fatal("the file is empty; it needs at least `sources:`, and `aggregator init` writes one")
    return builder.root


class _Builder:
    def __init__(self, text: str, problems: Problems, replace: Callable[[str, Path], str]) -> None:
        self.root: MapNode | None = None
        self._text = text
        self._problems = problems
        self._replace = replace
        self._stack: list[_Frame] = []
        #: For each anchor: its value, the number of values in it, and the levels in it.
        self._anchors: dict[str, tuple[Any, int, int]] = {}
        self._aliased = 0
        self._documents = 0

    def take(self, event: Any) -> None:
        """Process the next event of the parser."""
        kind = type(event)
        if kind is yaml.ScalarEvent:
            self._scalar(event)
        elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
            self._start(event, MapNode if kind is yaml.MappingStartEvent else ListNode)
        elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
            self._end()
        elif kind is yaml.AliasEvent:
            self._alias(event)
        elif kind is yaml.DocumentStartEvent:
            self._documents += 1
            if self._documents > 1:
                raise self._problems.fatal("a second document begins here; remove the `---`", _place(event))

    @functools.cached_property
    def lines(self) -> list[str]:
        """The lines of the text."""
        return self._text.splitlines()

    @property
    def brackets(self) -> list[Place]:
        """The places of the open brackets, the innermost last."""
        return [frame.node.place for frame in self._stack if frame.flow]

    def _start(self, event: Any, make: type[MapNode] | type[ListNode]) -> None:
        place = _place(event)
        self._check_tag(event, place)
        if len(self._stack) >= MAX_DEPTH:
            raise self._problems.fatal(f"nested more than {MAX_DEPTH} levels deep", place)
        if self._stack and isinstance(self._stack[-1].node, MapNode) and self._stack[-1].key is None:
            raise self._problems.fatal(
                "a key must be plain text; put a value that begins with `{` or `[` in quotes", place, self._path()
            )
        self._stack.append(_Frame(make(place), event.anchor, flow=event.flow_style))

    def _end(self) -> None:
        frame = self._stack.pop()
        if frame.anchor is not None:
            self._anchors[frame.anchor] = (frame.node, frame.size, frame.height)
        self._add(frame.node, frame.node.place, frame.size, frame.height)

    def _scalar(self, event: Any) -> None:
        place = _place(event)
        text: str = event.value
        if event.style in _QUOTED and event.end_mark.line > event.start_mark.line:
            self._check_closed(event)
        frame = self._stack[-1] if self._stack else None
        if frame is not None and frame.key is None and isinstance(frame.node, MapNode):
            self._key(frame, text, place)
            return
        self._check_tag(event, place)
        value: Any = _plain(text) if not event.style and event.tag is None else text
        if isinstance(value, str) and "${" in value:
            value = self._replaced(value, place)
        if event.anchor is not None:
            if value is None:
                message = (
                    f"`&{event.anchor[:60]}` is an anchor, and no value follows it; put it in quotes if it is the value"
                )
                self._problems.add(message, place, self._path())
            self._anchors[event.anchor] = (value, 1, 0)
        self._add(value, place, 1, 0)

    def _key(self, frame: _Frame, text: str, place: Place) -> None:
        if isinstance(frame.node, MapNode) and text in frame.node:
            line = frame.node.key_places[text][0]
            message = f"the key `{text[:60]}` is here twice, first on line {line}; keep one of them"
            if isinstance(frame.node[text], list | dict):
                message = f"the key `{text[:60]}` is here twice, first on line {line}; move what is below it there"
            self._problems.add(message, place, (*self._path(), text))
        frame.key = text
        frame.key_place = place

    def _replaced(self, text: str, place: Place) -> str:
        path = self._path()
        try:
            replaced = self._replace(text, path)
        except ValueError as error:
            self._problems.add(str(error), place, path)
            return text
        frame = self._stack[-1] if self._stack else None
        if frame is not None and isinstance(frame.node, MapNode) and frame.key is not None:
            frame.node.written[frame.key] = text
        return replaced

    def _alias(self, event: Any) -> None:
        place = _place(event)
        if event.anchor not in self._anchors:
            message = f"`*{event.anchor}` refers to no anchor above; put a value that begins with `*` in quotes"
            raise self._problems.fatal(message, place, self._path())
        value, size, height = self._anchors[event.anchor]
        if self._stack and isinstance(self._stack[-1].node, MapNode) and self._stack[-1].key is None:
            raise self._problems.fatal("an alias cannot be a key; write the key out", place, self._path())
        self._aliased += size
        if self._aliased > MAX_ALIASED or len(self._stack) + height > MAX_DEPTH:
            raise self._problems.fatal("the aliases make the file too large; write the values out", place, self._path())
        self._add(value, place, size, height)

    def _add(self, value: Any, place: Place, size: int, height: int) -> None:
        """Add a complete value to the mapping or list around it."""
        if not self._stack:
            if not isinstance(value, MapNode):
                message = "the file must contain keys such as `sources:`; `aggregator init` writes one to start from"
                listed = "" if isinstance(value, str) else "; a list of sources belongs below `sources:`"
                message += other_format(self._text) or listed
                # An empty document has one empty scalar.
                raise self._problems.fatal("the file is empty: " + message if value is None else message, place)
            self.root = value
            return
        frame = self._stack[-1]
        frame.size += size
        frame.height = max(frame.height, height + 1)
        if isinstance(frame.node, ListNode):
            frame.node.append(value)
            frame.node.value_places.append(place)
        elif frame.key is not None:
            frame.node[frame.key] = value
            frame.node.key_places[frame.key] = frame.key_place
            frame.node.value_places[frame.key] = place
            frame.key = None

    def _check_closed(self, event: Any) -> None:
        """Refuse a quoted text over several lines that lacks its closing quote."""
        indent = next((frame.node.place[1] - 1 for frame in reversed(self._stack) if not frame.flow), -1)
        if found := swallowed(event, self.lines, indent):
            raise self._problems.fatal(f"not YAML: {found.message}", found.place)

    def _check_tag(self, event: Any, place: Place) -> None:
        if event.tag not in (None, "!", "tag:yaml.org,2002:str"):
            message = f"the tag `{event.tag[:60]}` has no meaning here; remove it, or put the value in quotes"
            if event.tag.lower() in _ENVIRONMENT_TAGS:
                message = f"the tag `{event.tag[:60]}` has no meaning here; write `${{env:NAME}}` as the value"
            self._problems.add(message, place, self._path())

    def _path(self) -> Path:
        """Return the path of the next value."""
        steps = (len(frame.node) if isinstance(frame.node, ListNode) else frame.key for frame in self._stack)
        return tuple(step for step in steps if step is not None)


def _plain(text: str) -> Any:
    """Read an unquoted scalar by the core schema."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] not in _DIGITS:
        return text
    if _INTEGER.fullmatch(text):
        return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
    if _FLOAT.fullmatch(text):
        return float(text)
    if _SPECIAL_FLOAT.fullmatch(text):
        return float(text.replace(".", ""))
    return text


def _place(event: Any) -> Place:
    mark = event.start_mark
    return mark.line + 1, mark.column + 1
