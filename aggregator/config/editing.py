"""Edits of feeds.yaml that change nothing else: every byte outside of the edit stays the same.

`set_urls`, `remove_source` and `set_paused` edit a text that `load` accepts; the parser only gives the positions, and
nothing is written again except the value in question. `check_edit` then loads the edited text and compares it with the
configuration before, and `replace_file` replaces the file as a whole.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from aggregator.config.configuration import Config
from aggregator.config.load import load
from aggregator.config.settings import source_kinds
from aggregator.config.tree import LOADER
from aggregator.errors import AggregatorError
from aggregator.models import Source

_BOM = "\ufeff"
#: Addresses that need no quotes, even between brackets; one that ends with `:` would be a key.
_PLAIN = re.compile(r"https?://(?:[^\s#,\[\]{}'\"`|<>\\:]|:(?=[^\s,\[\]{}]))+")
_COMMENT = re.compile(r"[ \t]*(?:#.*)?")
_REST = re.compile(r"[^\r\n]*")
_FLOW_SPACE = re.compile(r"(?:\s|#[^\r\n]*)*")


class NotEditable(ValueError):
    """The edit would change something else as well; the message says why.

    Args:
        why: the reason, as a clause.
        line: the line in the file, from 1.
    """

    def __init__(self, why: str, line: int) -> None:
        self.line = line
        super().__init__(f"line {line}: {why}; edit it by hand")


def entry_of(config: Config, index: int) -> int:
    """Return the index in `sources` of the file for a source at `index` of `config.sources`.

    Raises:
        NotEditable: its entry makes other sources as well.
    """
    entry = config.entries[index]
    if entry in config.templates:
        source = config.sources[index]
        raise NotEditable(f"the entry with `for` makes other sources as well as {source.id}", source.line)
    return entry


def set_urls(text: str, urls: Mapping[int, str]) -> tuple[str, dict[int, NotEditable]]:
    """Change the addresses of sources.

    Args:
        urls: the new addresses, by the index of the source in `sources`.

    Returns:
        The new text, and the reason for each source that keeps its address: the address contains references, or others
        share it.
    """
    mark, body = _split(text)
    items = _parse(body).items
    refused: dict[int, NotEditable] = {}
    edits: dict[tuple[int, int], str] = {}
    for index, url in urls.items():
        try:
            node = _editable(body, items[index])
        except NotEditable as error:
            refused[index] = error
        else:
            edits[node.start_mark.index, node.end_mark.index] = _scalar(url.replace("${", "$${"), node.style)
    for start, end in sorted(edits, reverse=True):
        body = body[:start] + edits[start, end] + body[end:]
    return mark + body, refused


def remove_source(text: str, index: int) -> str:
    """Remove the source at `index` from `sources`, with its own comments.

    These are the comments at the ends of its lines, those inside it, and those above it without a blank line between.

    Raises:
        NotEditable: it is not written in the list itself.
    """
    mark, body = _split(text)
    found = _parse(body)
    item = found.items[index]
    if not found.start <= item.start_mark.index < found.end:
        raise NotEditable("the source comes from an alias", item.start_mark.line + 1)
    if found.flow and len(found.items) == 1:
        return mark + body[: found.start] + "[]" + body[found.end :]
    start, end = (_flow_span if found.flow else _block_span)(body, found, index)
    body = body[:start] + body[end:]
    if len(found.items) == 1:
        body = body[: found.value] + " []" + body[found.value :]
    return mark + body


def set_paused(text: str, index: int, paused: bool) -> str:
    """Give the source at `index` the key `paused: true`, as its first one, or remove that key.

    Raises:
        NotEditable: it is paused by an alias, which others may use.
    """
    mark, body = _split(text)
    item = _parse(body).items[index]
    found = next((place for place, (key, _) in enumerate(item.value) if key.value == "paused"), None)
    if found is not None:
        key, value = item.value[found]
        start, end = value.start_mark.index, value.end_mark.index
        if not key.end_mark.index <= start or body[start] in "&!":
            raise NotEditable("`paused` is given by an alias, or has an anchor or a tag", key.start_mark.line + 1)
        if paused:
            return mark + body[:start] + "true" + body[end:]
        start, end = _pair_span(body, item, found)
        return mark + body[:start] + body[end:]
    if not paused:
        raise NotEditable("`paused` comes from an alias, which others may use", item.start_mark.line + 1)
    first = item.value[0][0].start_mark
    line_break = "\r\n" if "\r\n" in body else "\n"
    after = ", " if item.flow_style else line_break + " " * first.column
    return mark + body[: first.index] + "paused: true" + after + body[first.index :]


def _pair_span(text: str, item: Any, place: int) -> tuple[int, int]:
    """From a key of a source to the next key, with the comment at the end of its line."""
    (key, value), pairs = item.value[place], item.value
    start, end = key.start_mark.index, value.end_mark.index
    if item.flow_style:
        if place + 1 < len(pairs):
            return start, pairs[place + 1][0].start_mark.index
        return (pairs[place - 1][1].end_mark.index if place else start), end
    after = _line(text, end)[0]
    if place:
        return _line_start(text, start), after
    # The first key follows the dash; the next one, or a comment, takes its place.
    return start, after + len(text[after:]) - len(text[after:].lstrip(" "))


@dataclass(frozen=True, slots=True)
class _Sources:
    """The list `sources` and its positions in the text."""

    items: tuple[Any, ...]
    #: Position after the colon of its key.
    value: int
    start: int
    end: int
    #: Column of the dashes, from 0.
    column: int
    flow: bool


def _split(text: str) -> tuple[str, str]:
    """Return the byte order mark, or "", and the rest of the text."""
    return (_BOM, text[1:]) if text.startswith(_BOM) else ("", text)


def _parse(text: str) -> _Sources:
    root: Any = yaml.compose(text, Loader=LOADER)
    key, node = next(pair for pair in root.value if pair[0].value == "sources")
    if node.start_mark.index < key.end_mark.index or text[node.start_mark.index] in "&!":
        raise NotEditable("`sources` has an anchor, a tag or an alias", key.start_mark.line + 1)
    start, end = node.start_mark, node.end_mark
    value = text.index(":", key.end_mark.index) + 1
    return _Sources(tuple(node.value), value, start.index, end.index, start.column, bool(node.flow_style))


def _address(item: Any) -> Any:
    """Return the node of the address of a source."""
    values = {key.value: value for key, value in item.value}
    name, kind = next((name, kind) for name, kind in source_kinds().items() if name in values)
    value = values[name]
    if kind.ADDRESS_KEY is None or isinstance(value, yaml.ScalarNode):
        return value
    return next(inner for key, inner in value.value if key.value == kind.ADDRESS_KEY)


def _editable(text: str, item: Any) -> Any:
    """Return the node of the address of a source, if it can be replaced without changing anything else.

    Raises:
        NotEditable: it cannot.
    """
    node = _address(item)
    start, end = node.start_mark.index, node.end_mark.index
    line = node.start_mark.line + 1
    written = text[start:end]
    if not item.start_mark.index <= start < item.end_mark.index:
        raise NotEditable("the address comes from an alias, which others may use", line)
    if written[:1] in "&!":
        raise NotEditable("the address has an anchor or a tag, which others may use", line)
    if "${" in written:
        raise NotEditable("the address contains references (`${…}`)", line)
    if node.style in ("|", ">") or "\n" in written or "\r" in written:
        raise NotEditable("the address is written over several lines", line)
    return node


def _scalar(value: str, style: str | None) -> str:
    """Write an address in the quotes of the old one; in quotes in any case if it needs them."""
    if style == '"':
        return json.dumps(value, ensure_ascii=False)
    if not style and _PLAIN.fullmatch(value):
        return value
    return "'" + value.replace("'", "''") + "'"


def _last(node: Any) -> int:
    """Return the end of the last scalar in a node; the parser ends a block where the next node begins."""
    if isinstance(node, yaml.ScalarNode) or node.flow_style:
        return int(node.end_mark.index)
    parts = [part for one in node.value for part in (one if isinstance(one, tuple) else (one,))]
    # The nodes of aliases are elsewhere in the text.
    return max((_last(part) for part in parts if part.start_mark.index >= node.start_mark.index), default=0)


def _line(text: str, position: int) -> tuple[int, str]:
    """Return the start of the next line, and the text from `position` to the end of this one."""
    found = _REST.match(text, position)
    end = found.end() if found else position
    return min(end + (2 if text.startswith("\r\n", end) else 1), len(text)), text[position:end]


def _content(line: str) -> str:
    """Return the line without indentation, or "" where it is blank or a comment."""
    bare = line.strip()
    return "" if bare.startswith("#") else bare


def _line_start(text: str, position: int) -> int:
    return max(text.rfind("\n", 0, position), text.rfind("\r", 0, position)) + 1


def _line_before(text: str, start: int) -> tuple[int, str]:
    """Return the start of the line before the one at `start`, and its text."""
    end = start - (2 if text.startswith("\r\n", start - 2) else 1)
    before = _line_start(text, end)
    return before, text[before:end]


def _block_span(text: str, found: _Sources, index: int) -> tuple[int, int]:
    """Return the span from the comments above an entry to the end of its last line."""
    item = found.items[index]
    indentation = " " * found.column
    start = _line_start(text, item.start_mark.index)
    while not text.startswith(indentation + "-", start):
        if start <= found.start:
            raise NotEditable("the list does not begin on its own line", item.start_mark.line + 1)
        start = _line_before(text, start)[0]
    while start and (line := _line_before(text, start))[1].startswith(indentation + "#"):
        start = line[0]
    end = _end_of_block(text, item, found.column)
    blank_above = start > 0 and not _line_before(text, start)[1].strip()
    while blank_above and end < len(text) and not (line := _line(text, end))[1].strip():
        end = line[0]
    return start, end


def _end_of_block(text: str, item: Any, column: int) -> int:
    """Return the start of the line after an entry; comments that are indented deeper than its dash belong to it."""
    end = _last(item)
    position = item.end_mark.index
    if not text[_line_start(text, position) : position].strip():
        position = _line_start(text, position)
    # An alias at the end has no position of its own, but only comments can follow it before the next node.
    while position > end and not _content((line := _line_before(text, position))[1]):
        position = line[0]
    end = max(end, position)
    if text[end - 1] not in "\r\n":
        end = _line(text, end)[0]
    position = end
    while position < len(text):
        position, after = _line(text, position)
        bare = after.lstrip(" ")
        if bare.startswith("#") and len(after) - len(bare) > column:
            end = position
        elif bare:
            break
    return end


def _flow_span(text: str, found: _Sources, index: int) -> tuple[int, int]:
    """Return the span of an entry between brackets with the comma after it; before it for the last one."""
    item = found.items[index]
    start, end = item.start_mark.index, item.end_mark.index
    comma = _FLOW_SPACE.match(text, end)
    if comma and text.startswith(",", comma.end()):
        end = comma.end() + 1
        line = _line_start(text, start)
        rest = _COMMENT.match(text, end)
        if rest and not text[line:start].strip() and text[rest.end() : rest.end() + 1] in ("\r", "\n"):
            return line, _line(text, end)[0]
        return start, end + 1 if text.startswith(" ", end) else end
    before = found.items[index - 1].end_mark.index
    between = text[before:start]
    return (before if between.strip(" \t\r\n") == "," else start), end


def read_text(path: Path) -> str:
    """Read feeds.yaml without change: with its own line breaks, and with the byte order mark where it has one.

    Raises:
        AggregatorError: it cannot be read.
    """
    try:
        return path.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise AggregatorError(f"{path} cannot be read: {error}") from error


def check_edit(
    config: Config,
    text: str,
    environ: Mapping[str, str],
    *,
    urls: Mapping[int, str] | None = None,
    removed: Collection[int] = (),
    paused: Mapping[int, bool] | None = None,
) -> Config:
    """Load an edited text, and check that it differs from the configuration as intended.

    Args:
        config: the configuration before the edit.
        text: the edited text.
        environ: the environment variables for references.
        urls: the new addresses of sources, by index.
        removed: the indexes of the sources that were removed.
        paused: whether sources are paused now, by index, for those where that changed.

    Returns:
        The configuration after the edit.

    Raises:
        ConfigError: the text is not valid any more, for example because an alias refers to what was removed.
        AggregatorError: something else has changed as well.
    """
    new = load(config.path, environ, text=text)
    moved, resting = urls or {}, paused or {}
    expected = [
        replace(source, url=moved.get(index, source.url), paused=resting.get(index, source.paused))
        for index, source in enumerate(config.sources)
        if index not in removed
    ]
    sections = ("site", "posts", "feeds", "fetch", "hooks", "rsshub", "after_publish", "outputs", "duplicates", "rules")
    same = all(getattr(config, name) == getattr(new, name) for name in sections) and list(
        map(_comparable, new.sources)
    ) == list(map(_comparable, expected))
    if not same:
        raise AggregatorError(f"the edit would change more of {config.path} than it should; edit it by hand")
    return new


def replace_file(path: Path, before: str, after: str) -> None:
    """Replace the text `before` of a file by `after`, as a whole or not at all; owner and permissions stay.

    Raises:
        AggregatorError: the file no longer contains `before`, or it cannot be replaced.
    """
    target = path.resolve()
    temporary: Path | None = None
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
        temporary = Path(name)
        with os.fdopen(handle, "wb") as file:
            file.write(after.encode())
            file.flush()
            os.fsync(file.fileno())
        shutil.copymode(target, temporary)
        _copy_owner(target, temporary)
        if target.read_bytes() != before.encode():
            raise AggregatorError(f"{path} was changed in the meantime and is left as it is; try again")
        temporary.replace(target)
    except OSError as error:
        raise AggregatorError(f"{path} cannot be replaced: {error.strerror or error}; edit it by hand") from error
    finally:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def _copy_owner(source: Path, target: Path) -> None:
    if hasattr(os, "chown"):
        there = source.stat()
        with suppress(PermissionError):
            os.chown(target, there.st_uid, there.st_gid)


def _comparable(source: Source) -> Source:
    """Return a source without what an edit elsewhere may change: its line, and values made from the address."""
    return replace(
        source, line=0, id=source.id if source.explicit_id else "", public_url=None, fallback_name="", phase=""
    )
