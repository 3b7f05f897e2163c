"""Entries that are inserted into `sources` and `categories` of feeds.yaml, written like those that are there. Pure.

In: the text, and plain values. Out: edits of the text. A list or mapping keeps its style: with or without brackets,
with or without blank lines between its entries, with its indentation. A section that is missing or empty is begun.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import yaml

from aggregator.config.layout import (
    COMMENT,
    FLOW_SPACE,
    Edit,
    NotEditable,
    SourceList,
    after_colon,
    entry_end,
    entry_start,
    line_at,
    line_before,
    line_break_of,
    line_start,
    require_own,
    source_list,
)
from aggregator.config.settings import source_kinds
from aggregator.config.tree import LOADER
from aggregator.config.writing import WIDTH, in_brackets, lines

_NULLS = ("", "~", "null", "Null", "NULL")
_INDENT = 2
#: The end of the document (YAML 1.2.2, section 9.1.2).
_END = re.compile(r"^\.\.\.(?=\s|\Z)", re.MULTILINE)
#: Entries that are looked at for the style of a list: the last ones.
_LOOKED_AT = 50


class Document:
    """A feeds.yaml and its sections.

    Args:
        text: the file, without a byte order mark.

    Raises:
        NotEditable: it is not YAML, or no mapping.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        try:
            root: Any = yaml.compose(text, Loader=LOADER)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            raise NotEditable("it is not YAML", mark.line + 1 if mark else 1) from None
        if isinstance(root, yaml.ScalarNode) and root.value in _NULLS and not root.style:
            root = None
        if root is not None and not isinstance(root, yaml.MappingNode):
            raise NotEditable("the file has no keys such as `sources:`", root.start_mark.line + 1)
        self._pairs: list[tuple[Any, Any]] = [] if root is None else root.value
        self._flow = bool(root is not None and root.flow_style)
        self._column = 0 if root is None or self._flow else root.start_mark.column
        self._start = 0 if root is None else root.start_mark.index
        self._break = line_break_of(text)

    def section(self, name: str) -> tuple[Any, Any] | None:
        """Return the nodes of a key at the top level and of its value; None: it is not there."""
        return next((pair for pair in self._pairs if pair[0].value == name), None)

    @cached_property
    def sources(self) -> SourceList | None:
        """The list `sources`; None: it is missing, or has no value.

        Raises:
            NotEditable: it comes from an alias, or others may use it.
        """
        pair = self.section("sources")
        if pair is None or self._is_null(*pair):
            return None
        if not isinstance(pair[1], yaml.SequenceNode):
            raise NotEditable("`sources` is not a list", pair[0].start_mark.line + 1)
        return source_list(self.text, *pair)

    def category_edits(self, titles: Mapping[str, object]) -> list[Edit]:
        """Return the edits that add the categories that are missing.

        Args:
            titles: their titles or settings, by slug.
        """
        pair = self.section("categories")
        there = pair is not None and isinstance(pair[1], yaml.MappingNode)
        known = {key.value for key, _ in pair[1].value} if pair is not None and there else set()
        missing = {slug: title for slug, title in titles.items() if slug not in known}
        if not missing:
            return []
        if pair is None:
            return self._new_section("categories", missing, before="sources")
        require_own(self.text, *pair)
        if not there and not self._is_null(*pair):
            raise NotEditable("`categories` is not a mapping", pair[0].start_mark.line + 1)
        if not there or not pair[1].value:
            return self._first_of(*pair, missing)
        if pair[1].flow_style:
            texts = [in_brackets({slug: one}, _quotes(pair[1]))[1:-1] for slug, one in missing.items()]
            return self._in_brackets(pair[1].start_mark.index, self._last_span(pair[1].value), texts)
        key, value = pair[1].value[-1]
        # The node of an alias is elsewhere.
        last = value if value.start_mark.index > key.start_mark.index else key
        end = entry_end(self.text, last, key.start_mark.column)
        return [(end, end, self._lines_at(end, lines(missing, key.start_mark.column), key.start_mark.column))]

    def source_edits(self, entries: Sequence[Mapping[str, object]], categories: Sequence[str | None]) -> list[Edit]:
        """Return the edits that add sources, each after the last one of its category, else at the end.

        Args:
            entries: their keys and values.
            categories: the slug of the first category of each.
        """
        pair, found = self.section("sources"), self.sources
        if pair is None:
            return self._new_section("sources", list(entries))
        if found is None or not found.items:
            return self._first_of(*pair, list(entries)) if entries or found is None else []
        edits: list[Edit] = []
        for place, numbers in self._placed(found, categories).items():
            chosen = [_ordered(entries[number], found.items[place]) for number in numbers]
            edits += self._after(found, place, chosen)
        return edits

    # -- where and how ---------------------------------------------------------------------------------------------

    def _is_null(self, key: Any, node: Any) -> bool:
        require_own(self.text, key, node)
        return isinstance(node, yaml.ScalarNode) and not node.style and node.value in _NULLS

    def _placed(self, found: SourceList, categories: Sequence[str | None]) -> dict[int, list[int]]:
        """Return the numbers of new sources by the index of the source that they follow."""
        last: dict[str | None, int] = {}
        end = -1
        for index, item in enumerate(found.items):
            if found.start <= item.start_mark.index < found.end:
                end = index
                last[_category(item)] = index
        if end < 0:
            raise NotEditable("all sources come from aliases", self.text.count("\n", 0, found.start) + 1)
        placed: dict[int, list[int]] = {}
        for number, category in enumerate(categories):
            placed.setdefault(last.get(category, end), []).append(number)
        return placed

    def _after(self, found: SourceList, place: int, entries: Sequence[Mapping[str, object]]) -> list[Edit]:
        """Return the edits that insert sources after the one at `place`."""
        item = found.items[place]
        if found.flow:
            style = _quotes(item)
            spans = (item.start_mark.index, item.end_mark.index)
            return self._in_brackets(found.start, spans, [in_brackets(entry, style) for entry in entries])
        end = entry_end(self.text, item, found.column)
        key = item.value[0][0].start_mark
        beside = not item.flow_style and key.line == self._line_of_dash(item, found)
        offset = key.column - found.column if beside else _INDENT
        spaced = self._is_spaced(found)
        written: list[str] = []
        for entry in entries:
            short = f"- {in_brackets(entry, _quotes(item))}"
            compact = item.flow_style and found.column + len(short) <= WIDTH
            written += [*([""] if spaced else []), *([short] if compact else _dashed(entry, found.column, offset))]
        return [(end, end, self._lines_at(end, written, found.column))]

    def _line_of_dash(self, item: Any, found: SourceList) -> int:
        """Return the number of the line with the dash of a source, from 0; -1: the dash stands alone."""
        start = line_start(self.text, item.start_mark.index)
        dashed = self.text.startswith(" " * found.column + "-", start)
        return int(item.start_mark.line) if dashed and self.text[item.start_mark.index] not in "&!" else -1

    def _is_spaced(self, found: SourceList) -> bool:
        """Whether there are blank lines between the sources; with one source, whether it has several lines."""
        written = [item for item in found.items if found.start <= item.start_mark.index < found.end]
        if len(written) == 1:
            item = written[0]
            end = entry_end(self.text, item, found.column)
            return len(self.text[item.start_mark.index : end].splitlines()) > 1
        starts = [entry_start(self.text, item, found) for item in written[1:][-_LOOKED_AT:]]
        blank = sum(not line_before(self.text, start)[1].strip() for start in starts)
        return 2 * blank > len(starts)

    def _lines_at(self, position: int, written: Sequence[str], column: int) -> str:
        """Return lines as they are inserted at the start of a line, or after a last line without a line break."""
        before = "" if not position or self.text[position - 1] in "\r\n" else self._break
        return before + "".join(f"{' ' * column}{line}".rstrip(" ") + self._break for line in written)

    def _first_of(self, key: Any, node: Any, values: _Values) -> list[Edit]:
        """Return the edits that give a section without entries its first ones."""
        colon, start, end = after_colon(self.text, key), node.start_mark.index, node.end_mark.index
        if not values:
            return [(colon, end, " []")]
        brackets = isinstance(node, yaml.CollectionNode)
        if self._flow or (brackets and self.text[start + 1 : end - 1].strip()):
            inner = in_brackets(values, _quotes(self._pairs[0][0]))[1:-1]
            if brackets:
                return [(start + 1, start + 1, inner)]
            opening, closing = "{}" if isinstance(values, Mapping) else "[]"
            return [(colon, end, f" {opening}{inner}{closing}")]
        begin, (after, rest) = line_start(self.text, start), line_at(self.text, end)
        removed = (colon, end)
        if begin > colon:
            alone = not self.text[begin:start].strip() and not rest.strip()
            removed = (begin, after) if alone else (start, end)
        position, commented = self._after_comments(after)
        written = [*([""] if commented else []), *self._section_lines(values)]
        return [(*removed, ""), (position, position, self._lines_at(position, written, self._column + _INDENT))]

    def _after_comments(self, position: int) -> tuple[int, bool]:
        """Return the position after the comments of a section, and whether there are any."""
        end = position
        while position < len(self.text):
            position, line = line_at(self.text, position)
            bare = line.lstrip(" ")
            if bare.startswith("#") and len(line) - len(bare) > self._column:
                end = position
            elif bare.strip():
                break
        commented = end > 0 and line_before(self.text, end)[1].lstrip().startswith("#")
        return end, commented

    def _new_section(self, name: str, values: _Values, before: str = "") -> list[Edit]:
        """Return the edits that add a section.

        Args:
            before: the section that it precedes, if that is there; otherwise it is the last one.
        """
        follower = self.section(before)
        if self._flow:
            style = _quotes(self._pairs[0][0]) if self._pairs else None
            pair = in_brackets({name: values}, style)[1:-1]
            if follower is not None:
                start = follower[0].start_mark.index
                return [(start, start, f"{pair}, ")]
            return self._in_brackets(self._start, self._last_span(self._pairs), [pair])
        written = [f"{name}:", *(f"{' ' * _INDENT}{line}".rstrip() for line in self._section_lines(values))]
        if not values:
            written = [f"{name}: []"]
        if follower is not None:
            position = self._above(follower[0])
            return [(position, position, self._lines_at(position, [*written, ""], self._column))]
        position = found.start() if (found := _END.search(self.text)) else len(self.text)
        above = line_before(self.text, position)[1] if self.text[:position].endswith(("\r", "\n")) else self.text[-1:]
        blank = [""] if above.strip() else []
        return [(position, position, self._lines_at(position, [*blank, *written], self._column))]

    def _above(self, key: Any) -> int:
        """Return the start of the line of a key, or of its comments; those at the top belong to the whole file."""
        line = start = line_start(self.text, key.start_mark.index)
        while start and (before := line_before(self.text, start))[1].lstrip().startswith("#"):
            start = before[0]
        return start if start and not line_before(self.text, start)[1].startswith("---") else line

    def _section_lines(self, values: _Values) -> list[str]:
        column = self._column + _INDENT
        if isinstance(values, Mapping):
            return lines(values, column)
        written = [_dashed(entry, column, _INDENT) for entry in values]
        if all(len(one) == 1 for one in written):
            return [line for one in written for line in one]
        return [line for number, one in enumerate(written) for line in ([""] if number else []) + one]

    def _last_span(self, pairs: Sequence[tuple[Any, Any]]) -> tuple[int, int] | None:
        """Return the span of the last pair between brackets; None: there is none."""
        if not pairs:
            return None
        (key, value) = pairs[-1]
        if value.start_mark.index < key.end_mark.index:
            raise NotEditable(f"`{key.value}` comes from an alias", key.start_mark.line + 1)
        return key.start_mark.index, value.end_mark.index

    def _in_brackets(self, opening: int, last: tuple[int, int] | None, texts: Sequence[str]) -> list[Edit]:
        """Return the edits that insert texts between brackets.

        Args:
            opening: position of the opening bracket.
            last: start and end of what they follow; None: the brackets are empty.
        """
        if last is None:
            return [(opening + 1, opening + 1, ", ".join(texts))]
        start, end = last
        begin = line_start(self.text, start)
        if begin <= opening or self.text[begin:start].strip():
            return [(end, end, "".join(f", {text}" for text in texts))]
        separator = self._break + self.text[begin:start]
        comma = FLOW_SPACE.match(self.text, end)
        after = comma.end() + 1 if comma and self.text.startswith(",", comma.end()) else end
        rest = COMMENT.match(self.text, after)
        if rest is None or self.text[rest.end() : rest.end() + 1] not in ("\r", "\n"):
            return [(end, end, "".join(f",{separator}{text}" for text in texts))]
        inserted = ",".join(f"{separator}{text}" for text in texts)
        position = rest.end()
        if after > end:
            return [(position, position, f"{inserted},")]
        return [(end, end, ","), (position, position, inserted)]


_Values = Mapping[str, object] | list[Mapping[str, object]]


def _dashed(entry: Mapping[str, object], column: int, offset: int) -> list[str]:
    """Return the lines of one entry of a list in block style.

    Args:
        column: column of its dash, from 0.
        offset: columns from the dash to its keys.
    """
    first, *rest = lines(entry, column + offset)
    return [f"-{' ' * (offset - 1)}{first}", *(f"{' ' * offset}{line}" for line in rest)]


def _ordered(entry: Mapping[str, object], item: Any) -> Mapping[str, object]:
    """Return the keys of a source with the address first, if another source has it first."""
    kinds = source_kinds()
    if not item.value or item.value[0][0].value not in kinds:
        return entry
    return {key: entry[key] for key in sorted(entry, key=lambda key: key not in kinds)}


def _quotes(node: Any) -> str | None:
    """Return the quotes of a key, or of the first key of a mapping."""
    if isinstance(node, yaml.MappingNode):
        return _quotes(node.value[0][0]) if node.value else None
    return '"' if node.style == '"' else None


def _category(item: Any) -> str | None:
    """Return the slug of the first category that a source names."""
    if not isinstance(item, yaml.MappingNode):
        return None
    for key, value in item.value:
        if key.value == "categories" and isinstance(value, yaml.SequenceNode) and value.value:
            value = value.value[0]
        elif key.value != "category":
            continue
        return value.value if isinstance(value, yaml.ScalarNode) else None
    return None
