"""Edits of feeds.yaml that change nothing else: every byte outside of the edit stays the same.

`set_urls`, `remove_source` and `set_paused` edit a text that `load` accepts; `additions` has more edits. The parser
only gives the positions, and nothing is written again except the value in question. `check_edit` then loads the edited
text and compares it with the configuration before, and `replace_file` replaces the file as a whole.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aggregator.config.configuration import UNCATEGORIZED, Config
from aggregator.config.layout import (
    COMMENT,
    FLOW_SPACE,
    NotEditable,
    SourceList,
    address_node,
    apply_edits,
    entry_end,
    entry_start,
    line_at,
    line_before,
    line_break_of,
    line_start,
    parse_sources,
    split_mark,
)
from aggregator.config.load import load
from aggregator.config.problems import Problems
from aggregator.config.tree import parse_yaml
from aggregator.config.writing import scalar
from aggregator.errors import AggregatorError
from aggregator.models import Auto, Retention, Source

if TYPE_CHECKING:
    from aggregator.config.additions import NewSource


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
    mark, body = split_mark(text)
    items = parse_sources(body).items
    refused: dict[int, NotEditable] = {}
    edits = []
    for index, url in urls.items():
        try:
            node = _editable(body, items[index])
        except NotEditable as error:
            refused[index] = error
        else:
            written = scalar(url.replace("${", "$${"), flow=True, style=node.style)
            edits.append((node.start_mark.index, node.end_mark.index, written))
    return mark + apply_edits(body, edits), refused


def remove_source(text: str, index: int) -> str:
    """Remove the source at `index` from `sources`, with its own comments.

    These are the comments at the ends of its lines, those inside it, and those above it without a blank line between.

    Raises:
        NotEditable: it is not written in the list itself.
    """
    mark, body = split_mark(text)
    found = parse_sources(body)
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
    mark, body = split_mark(text)
    item = parse_sources(body).items[index]
    found = next((place for place, (key, _) in enumerate(item.value) if key.value == "paused"), None)
    if found is not None:
        key, value = item.value[found]
        start, end = value.start_mark.index, value.end_mark.index
        if not key.end_mark.index <= start or body[start] in "&!":
            raise NotEditable("`paused` is given by an alias, or has an anchor or a tag", key.start_mark.line + 1)
        if paused:
            return mark + body[:start] + "true" + body[end:]
        start, end = pair_span(body, item, found)
        return mark + body[:start] + body[end:]
    if not paused:
        raise NotEditable("`paused` comes from an alias, which others may use", item.start_mark.line + 1)
    first = item.value[0][0].start_mark
    after = ", " if item.flow_style else line_break_of(body) + " " * first.column
    return mark + body[: first.index] + "paused: true" + after + body[first.index :]


def pair_span(text: str, item: Any, place: int) -> tuple[int, int]:
    """From a key of a source to the next key, with the comment at the end of its line."""
    (key, value), pairs = item.value[place], item.value
    start, end = key.start_mark.index, value.end_mark.index
    if item.flow_style:
        if place + 1 < len(pairs):
            return start, pairs[place + 1][0].start_mark.index
        return (pairs[place - 1][1].end_mark.index if place else start), end
    after = line_at(text, end)[0]
    if place:
        return line_start(text, start), after
    # The first key follows the dash; the next one, or a comment, takes its place.
    return start, after + len(text[after:]) - len(text[after:].lstrip(" "))


def _editable(text: str, item: Any) -> Any:
    """Return the node of the address of a source, if it can be replaced without changing anything else.

    Raises:
        NotEditable: it cannot.
    """
    node = address_node(item)
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


def _block_span(text: str, found: SourceList, index: int) -> tuple[int, int]:
    """Return the span from the comments above an entry to the end of its last line."""
    item = found.items[index]
    start = entry_start(text, item, found)
    end = entry_end(text, item, found.column)
    blank_above = start > 0 and not line_before(text, start)[1].strip()
    while blank_above and end < len(text) and not (line := line_at(text, end))[1].strip():
        end = line[0]
    return start, end


def _flow_span(text: str, found: SourceList, index: int) -> tuple[int, int]:
    """Return the span of an entry between brackets with the comma after it; before it for the last one."""
    item = found.items[index]
    start, end = item.start_mark.index, item.end_mark.index
    comma = FLOW_SPACE.match(text, end)
    if comma and text.startswith(",", comma.end()):
        end = comma.end() + 1
        line = line_start(text, start)
        rest = COMMENT.match(text, end)
        if rest and not text[line:start].strip() and text[rest.end() : rest.end() + 1] in ("\r", "\n"):
            return line, line_at(text, end)[0]
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
    values: Mapping[int, Mapping[str, str | None]] | None = None,
    added: Sequence[NewSource] = (),
) -> Config:
    """Load an edited text, and check that it differs from the configuration as intended.

    Args:
        config: the configuration before the edit.
        text: the edited text.
        environ: the environment variables for references.
        urls: the new addresses of sources, by index.
        removed: the indexes of the sources that were removed.
        paused: whether sources are paused now, by index, for those where that changed.
        values: the new values of `name` and `category`, by index and key; None: the key is there no more.
        added: the sources that were added. Categories may be new where these or `values` name them.

    Returns:
        The configuration after the edit.

    Raises:
        ConfigError: the text is not valid any more, for example because an alias refers to what was removed.
        AggregatorError: something else has changed as well.
    """
    new = load(config.path, environ, text=text)
    moved, resting, valued = urls or {}, paused or {}, values or {}
    expected = {
        index: _with_values(
            replace(source, url=moved.get(index, source.url), paused=resting.get(index, source.paused)),
            valued.get(index, {}),
        )
        for index, source in enumerate(config.sources)
        if index not in removed
    }
    sections = ("database", "site", "posts", "feeds", "fetch", "hooks", "rsshub", "after_publish", "outputs")
    others = _others(new.sources, expected, {index for index, one in valued.items() if "category" in one})
    same = (
        all(getattr(config, name) == getattr(new, name) for name in sections)
        and _same_categories(config, new)
        and _same_rules(config, new)
        and others is not None
        and _are_written(text, {new.entries[index] for index in others}, added)
    )
    if not same:
        raise AggregatorError(f"the edit would change more of {config.path} than it should; edit it by hand")
    return new


def _with_values(source: Source, values: Mapping[str, str | None]) -> Source:
    """Return a source with another name or category; what comes from the category is left open."""
    if "name" in values:
        source = replace(source, name=values["name"])
    if "category" in values:
        slug = values["category"] or UNCATEGORIZED
        source = replace(source, category=slug, also_in=tuple(one for one in source.also_in if one != slug))
    return source


def _others(sources: Sequence[Source], expected: Mapping[int, Source], inherit: Collection[int]) -> list[int] | None:
    """Return the indexes of the sources that are not expected; None: one that is expected is missing or differs.

    Args:
        expected: in the order of the file.
        inherit: the keys of those with another category, of which they have settings.
    """
    left = iter(expected.items())
    index, wanted = next(left, (0, None))
    others = []
    for place, source in enumerate(sources):
        inherits = index in inherit
        if wanted is not None and _comparable(source, inherits) == _comparable(wanted, inherits):
            index, wanted = next(left, (0, None))
        else:
            others.append(place)
    return others if wanted is None else None


def _same_categories(config: Config, new: Config) -> bool:
    """Whether the categories that were there are the same; those that a source uses may be new."""
    used = {slug for source in new.sources for slug in (source.category, *source.also_in)}
    before = {slug: replace(one, interval=None) for slug, one in config.categories.items() if not one.implicit}
    after = {slug: replace(one, interval=None) for slug, one in new.categories.items() if not one.implicit}
    joined = all(new.duplicates.get(slug) == one for slug, one in config.duplicates.items())
    return joined and before.items() <= after.items() and after.keys() - before.keys() <= used


def _same_rules(config: Config, new: Config) -> bool:
    """Whether the rules are the same, those of new categories aside."""
    ours = {slug: one for slug, one in new.rules.categories.items() if slug in config.categories}
    return config.rules == replace(new.rules, categories=ours)


def _are_written(text: str, entries: Collection[int], added: Sequence[NewSource]) -> bool:
    """Whether these entries of `sources` are those that were to be added."""
    if not entries and not added:
        return True
    tree = parse_yaml(split_mark(text)[1], Problems(""), lambda value, _: value)
    written = (compared(tree["sources"][entry]) for entry in entries)
    return Counter(written) == Counter(compared(one.written) for one in added)


def compared(settings: Mapping[str, Any]) -> str:
    """Return the settings of a source as a text to compare; without the id, which an edit may have given."""
    return json.dumps({key: value for key, value in settings.items() if key != "id"}, sort_keys=True)


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


def _comparable(source: Source, inherits: bool) -> Source:
    """Return a source without what an edit elsewhere may change: its line, and values made from the address.

    Args:
        inherits: also without what may come from the settings of its category.
    """
    if inherits:
        source = replace(source, interval=Auto(), retention=Retention())
    return replace(
        source, line=0, id=source.id if source.explicit_id else "", public_url=None, fallback_name="", phase=""
    )
