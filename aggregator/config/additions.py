"""Sources and categories that are added to feeds.yaml, and names and categories of sources that change.

Like `editing`: every byte outside of the edit stays the same, and what is added looks like what is there already.
`check_edit` compares the result with the configuration before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from aggregator.config import ids
from aggregator.config.configuration import UNCATEGORIZED, Config
from aggregator.config.editing import pair_span
from aggregator.config.insertion import Document
from aggregator.config.layout import Edit, NotEditable, address_node, apply_edits, line_break_of, split_mark
from aggregator.config.secrets import literal
from aggregator.config.writing import in_brackets, is_list, scalar


@dataclass(frozen=True, slots=True)
class NewSource:
    """A source that is to be added."""

    #: Its keys and values, as feeds.yaml has them.
    settings: Mapping[str, object]
    #: Whether `${…}` in its texts are references, which the operator wrote. Otherwise they are text, as in titles and
    #: addresses that come from documents.
    references: bool = False

    @property
    def written(self) -> dict[str, object]:
        """The settings as they stand in the file."""
        return {key: value if self.references else literal(value) for key, value in self.settings.items()}

    @property
    def slugs(self) -> tuple[str, ...]:
        """The slugs of its categories."""
        several = self.settings.get("categories")
        named = several if is_list(several) else [self.settings.get("category")]
        return tuple(slug for slug in named if isinstance(slug, str))


class Categories:
    """Finds the categories that people and other programs name by title or slug, and invents those that are missing.

    Args:
        config: the configuration to which sources are added.
    """

    def __init__(self, config: Config) -> None:
        self.new: dict[str, str] = {}
        """Titles of those that are missing, by slug."""
        self._slugs = {slug for slug, category in config.categories.items() if not category.implicit}
        self._outputs = set(config.outputs)
        self._titles: dict[str, str] = {}
        for slug, category in config.categories.items():
            if not category.implicit:
                self._titles.setdefault(ids.fold(category.title), slug)

    def slug(self, text: str) -> str | None:
        """Return the slug of a category by its slug or title; None: the text means that there is none."""
        text = " ".join(text.split())
        short = ids.slug(text)
        for name in (text, self._titles.get(ids.fold(text), ""), short):
            # Two titles that are new may give one slug.
            if name in self._slugs and (name not in self.new or ids.fold(self.new[name]) == ids.fold(text)):
                return name
        if short == UNCATEGORIZED or not text:
            return None
        return self._invent(short or "category", text)

    def named(self, slug: str, title: str) -> str:
        """Return the slug of a category that has this slug and title elsewhere; it keeps the slug where it can."""
        if slug in self._slugs:
            return slug
        return self._invent(slug, title)

    def _invent(self, base: str, title: str) -> str:
        slug = self._free(base)
        self._slugs.add(slug)
        self._titles.setdefault(ids.fold(title), slug)
        self.new[slug] = title
        return slug

    def _free(self, base: str) -> str:
        """Return a slug that nothing has, and that can be one."""
        while base and not _is_slug(base):
            # It is reserved, or has too many bytes.
            longer = f"{base}-2"
            base = longer if len(base) < ids.MAX_ID // 2 and _is_slug(longer) else base[: len(base) // 2].rstrip("-")
        slug, number = base or "category", 1
        while slug in self._slugs or slug in self._outputs:
            number += 1
            suffix = f"-{number}"
            slug = (base or "category")[: ids.MAX_ID - len(suffix)].rstrip("-") + suffix
        return slug


def _is_slug(text: str) -> bool:
    try:
        ids.category_slug(text)
    except ValueError:
        return False
    return True


def add_sources(
    text: str,
    entries: Sequence[NewSource],
    categories: Mapping[str, object] | None = None,
    *,
    give_ids: bool = True,
) -> str:
    """Add sources to feeds.yaml, each after the last one of its category, or at the end.

    Categories that are missing are added, too, and so is `sources` itself: without `entries`, a file without sources
    becomes one that `load` accepts.

    Args:
        text: the file; `load` accepts it, or would if it had `sources`.
        categories: titles or settings of the categories that may be missing, by slug; others have their slug as title.
        give_ids: a source whose derived id would be that of another one gets an `id`.

    Raises:
        NotEditable: `sources` or `categories` comes from an alias, or is written in another way that cannot be edited.
    """
    mark, body = split_mark(text)
    document = Document(body)
    titles = {slug: (categories or {}).get(slug, slug) for entry in entries for slug in entry.slugs}
    edits = document.category_edits({slug: literal(title) for slug, title in titles.items()})
    written = _with_ids(document, entries) if give_ids else [entry.written for entry in entries]
    edits += document.source_edits(written, [next(iter(one.slugs), None) for one in entries])
    return mark + apply_edits(body, edits)


def set_value(
    text: str, index: int, key: str, value: str | None, categories: Mapping[str, object] | None = None
) -> str:
    """Give the source at `index` of `sources` a name or a category, or remove it.

    A source with several `categories` gets another first one.

    Args:
        key: ``name`` or ``category``.
        value: the text, in which nothing is a reference; None: the key is removed.
        categories: titles or settings of categories that may be missing, by slug; others have their slug as title.

    Raises:
        NotEditable: the value is written in a way that cannot be edited, or comes from an alias.
    """
    mark, body = split_mark(text)
    document = Document(body)
    found = document.sources
    # `load` has accepted the file, and it has a source.
    assert found is not None
    item = found.items[index]
    if not found.start <= item.start_mark.index < found.end:
        raise NotEditable("the source comes from an alias", item.start_mark.line + 1)
    titles = {} if key == "name" or value is None else {value: literal((categories or {}).get(value, value))}
    written = None if value is None else literal(value)
    return mark + apply_edits(body, [*document.category_edits(titles), *_value_edits(body, item, key, written)])


def _with_ids(document: Document, entries: Sequence[NewSource]) -> list[dict[str, object]]:
    """Return the settings of new sources as they are written, with an id where they need one."""
    found = document.sources
    there = [] if found is None else [_named_node(item) for item in found.items if isinstance(item, yaml.MappingNode)]
    written = [entry.written for entry in entries]
    chosen = ids.apart([_named(one) for one in written], there)
    return [
        one if identity is None else {**{key: one[key] for key in one if key == "name"}, "id": identity, **one}
        for one, identity in zip(written, chosen, strict=True)
    ]


def _named(settings: Mapping[str, object]) -> ids.Named:
    from aggregator.config.settings import source_kinds

    kinds = source_kinds()
    kind = next((name for name in settings if name in kinds), "")
    value = settings.get(kind)
    address = value.get(kinds[kind].ADDRESS_KEY) if isinstance(value, Mapping) else value
    return ids.Named(_text(settings.get("id")), _text(settings.get("name")), _text(address) or "")


def _named_node(item: Any) -> ids.Named:
    values = {key.value: value.value for key, value in item.value if isinstance(value, yaml.ScalarNode)}
    try:
        address = address_node(item).value
    except StopIteration:
        address = ""
    return ids.Named(values.get("id"), values.get("name"), address if isinstance(address, str) else "")


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _value_edits(text: str, item: Any, key: str, value: str | None) -> Iterator[Edit]:
    """Iterate over the edits that give a source a value, or take it away."""
    names = [name.value for name, _ in item.value]
    if key == "category" and "categories" in names and value is not None:
        node = item.value[names.index("categories")][1]
        _require_plain(text, *item.value[names.index("categories")])
        yield from _first_category(text, node, value)
        return
    place = next((names.index(name) for name in (key, "categories") if name in names), None)
    if place is None and value is not None:
        yield _new_pair(text, item, names, key, value)
    elif place is not None and value is None:
        yield (*pair_span(text, item, place), "")
    elif place is not None and value is not None:
        _require_plain(text, *item.value[place])
        yield _replaced(text, item.value[place][1], value)


def _replaced(text: str, node: Any, value: str) -> Edit:
    """Return the edit that puts a text in place of another one, in its quotes."""
    start, end = node.start_mark.index, node.end_mark.index
    if len(text[start:end].splitlines()) > 1 or text[start] in "&!*":
        raise NotEditable("the value has several lines, an anchor or a tag", node.start_mark.line + 1)
    return start, end, scalar(value, flow=True, style=node.style)


def _require_plain(text: str, key: Any, node: Any) -> None:
    if node.start_mark.index < key.end_mark.index or text[node.start_mark.index] in "&!":
        raise NotEditable(f"`{key.value}` is given by an alias, or has an anchor or a tag", key.start_mark.line + 1)


def _first_category(text: str, node: Any, slug: str) -> Iterator[Edit]:
    """Iterate over the edits that make a category the first one of several."""
    slugs = [one.value for one in node.value]
    first, rest = node.value[0], slugs[1:]
    if slug == slugs[0]:
        return
    if slug not in rest:
        yield _replaced(text, first, slug)
        return
    start, end = node.start_mark.index, node.end_mark.index
    if not node.flow_style or "#" in text[start:end] or "*" in text[start:end]:
        raise NotEditable(f"`categories` names {slug} already", node.start_mark.line + 1)
    yield start, end, in_brackets([slug, *(one for one in rest if one != slug)])


def _new_pair(text: str, item: Any, names: Sequence[str], key: str, value: str) -> Edit:
    """Return the edit that adds a key: a name first or after the id, a category after both."""
    before = ("id",) if key == "name" else ("id", "name")
    place = max((names.index(name) + 1 for name in before if name in names), default=0)
    # What follows the last key may be a comment; the place before it has none.
    follower = item.value[min(place, len(names) - 1)][0]
    start = follower.start_mark
    style = '"' if follower.style == '"' else None
    after = ", " if item.flow_style else line_break_of(text) + " " * start.column
    written = f"{scalar(key, flow=True, style=style)}: {scalar(value, flow=bool(item.flow_style), style=style)}"
    return start.index, start.index, written + after
