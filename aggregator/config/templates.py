"""Templated sources: one entry of ``sources`` with ``for`` -> a source for each combination of its values.

In: the tree of feeds.yaml, in which texts with ``${name}`` are still `Open`. Out: the same tree with all sources
written out, and the entry that each of them comes from. Values of variables take no part in references: those
(``${env:NAME}``) are replaced afterwards, in the same text.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from aggregator.config.fields import quotes_hint
from aggregator.config.problems import Path, Place, Problems, show
from aggregator.config.tree import ListNode, MapNode

FOR = "for"
"""The key of a source that makes a template of it."""
MAX_MADE = 1000
"""Sources that one entry makes at most."""
MAX_ALL = 10_000
"""Sources that all entries with `for` make at most."""
_MAX_TEXTS = 1_000_000
_MAX_VALUE = 200

NAME_PATTERN = "^[a-z][a-z0-9_]{0,30}$"
_NAME = re.compile(NAME_PATTERN.strip("^$"))
#: A variable; `$${` is a literal `${`.
_USE = re.compile(r"\$(?P<escaped>\$\{)|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]{0,60})\}")
_REFERENCES = frozenset({"env", "file"})

Resolve = Callable[[str, Path], str]


class Open(str):
    """A text in which variables are still to be replaced."""

    __slots__ = ()


def is_open(text: str) -> bool:
    """Whether a text has what can be a variable of `for`."""
    return "${" in text and any(match["name"] for match in _USE.finditer(text))


class Templates:
    """Writes out the sources of a tree.

    Args:
        resolve: replaces the references in a text; raises ValueError.
    """

    def __init__(self, resolve: Resolve, problems: Problems) -> None:
        self._resolve = resolve
        self._problems = problems
        self._made = 0
        self._texts = 0

    def write_out(self, tree: MapNode, *, opened: bool) -> tuple[tuple[int, ...], frozenset[int]]:
        """Replace the entries with `for` by their sources, and resolve the texts that are still open.

        Args:
            opened: whether there are such texts.

        Returns:
            For each source the index of its entry in the file, and the indexes of the entries with `for`.

        Raises:
            ConfigError: they would be too many.
        """
        found = tree.get("sources")
        entries: list[Any] = found if isinstance(found, ListNode) else []
        templates = {index for index, node in enumerate(entries) if isinstance(node, MapNode) and FOR in node}
        written = tuple(range(len(entries)))
        if templates:
            written = self._expand(tree, templates)
        if opened:
            for key in [key for key in tree if not key.startswith("x-")]:
                tree[key] = self._close(tree[key], (key,), tree, key)
        return written, frozenset(templates)

    def _expand(self, tree: MapNode, templates: set[int]) -> tuple[int, ...]:
        entries: ListNode = tree["sources"]
        made, written = ListNode(entries.place), []
        for index, (node, place) in enumerate(zip(entries, entries.value_places, strict=True)):
            for source in self._sources(node, index) if index in templates else (node,):
                made.append(source)
                made.value_places.append(place)
                written.append(index)
        tree["sources"] = made
        return tuple(written)

    def _sources(self, node: MapNode, index: int) -> Iterator[MapNode]:
        """Yield the sources of one entry; none if its `for` is wrong, as what would follow from that is no use."""
        variables = self._variables(node, index)
        if variables is None:
            return
        count = math.prod(map(len, variables.values()))
        texts = list(_open_texts(node))
        used = {match["name"] for text in texts for match in _USE.finditer(text)}
        self._made += count
        self._texts += count * len(texts)
        place, path = node.key_places[FOR], ("sources", index, FOR)
        if count > MAX_MADE or self._made > MAX_ALL or self._texts > _MAX_TEXTS:
            most = f"{MAX_MADE:,} sources" if count > MAX_MADE else f"{MAX_ALL:,} sources with those of others"
            raise self._problems.fatal(f"makes {count:,} sources; it can make at most {most}", place, path)
        if unused := [name for name in variables if name not in used]:
            message = f"`{unused[0]}` is not used; write `${{{unused[0]}}}` in the address, or remove it"
            self._problems.add(message, node[FOR].key_places[unused[0]], (*path, unused[0]))
            return
        for values in itertools.product(*variables.values()):
            yield self._filled(node, ("sources", index), dict(zip(variables, values, strict=True)))

    def _variables(self, node: MapNode, index: int) -> dict[str, list[str]] | None:
        """Return the checked values of `for`, or None where something is wrong, which is reported."""
        given, path = node[FOR], ("sources", index, FOR)
        if not isinstance(given, MapNode) or not given:
            message = "must be a mapping of a name to a list of values, such as `for: {lang: [en, de]}`"
            self._problems.add(message, node.value_places[FOR], path)
            return None
        wrong = False
        for name, values in given.items():
            message = _mistake_in_name(name)
            if message:
                self._problems.add(message, given.key_places[name], (*path, name))
            elif not isinstance(values, ListNode) or not values:
                message = f"must be a list of values, such as `{name}: [en, de]`"
                self._problems.add(message, given.value_places[name], (*path, name))
            else:
                message = self._mistake_in_values(values, given, (*path, name))
            wrong = wrong or bool(message)
        return None if wrong else {name: [str(value) for value in values] for name, values in given.items()}

    def _mistake_in_values(self, values: ListNode, given: MapNode, path: Path) -> str:
        first: set[str] = set()
        for number, (value, place) in enumerate(zip(values, values.value_places, strict=True)):
            message = _mistake_in_value(value)
            if not message and str(value) in first:
                message = f"{show(value)} is here twice; keep one of them"
            if message:
                self._problems.add(message, place, (*path, number))
                return message
            first.add(str(value))
        return ""

    def _filled(self, node: Any, path: Path, variables: Mapping[str, str]) -> Any:
        """Return a part of an entry with the variables in it replaced; the same object if it has none."""
        if isinstance(node, ListNode):
            if not any(_open_texts(node)):
                return node
            listed = ListNode(node.place)
            for number, (value, place) in enumerate(zip(node, node.value_places, strict=True)):
                inner = (*path, number)
                listed.append(
                    self._text(value, place, inner, variables)[0]
                    if isinstance(value, Open)
                    else self._filled(value, inner, variables)
                )
                listed.value_places.append(place)
            return listed
        if not isinstance(node, MapNode) or (len(path) > 2 and not any(_open_texts(node))):
            return node
        made = MapNode(node.place)
        made.key_places, made.value_places = dict(node.key_places), dict(node.value_places)
        made.written = dict(node.written)
        for key, value in node.items():
            if isinstance(value, Open):
                made[key], written = self._text(value, node.value_places[key], (*path, key), variables)
                made.written.pop(key, None)
                if written != made[key]:
                    made.written[key] = written
            else:
                made[key] = self._filled(value, (*path, key), variables)
        if len(path) == 2:
            made.remove(FOR)
        return made

    def _text(self, text: str, place: Place, path: Path, variables: Mapping[str, str]) -> tuple[str, str]:
        """Return a text with variables and references replaced, and with the variables alone."""
        unknown: list[str] = []

        def value(match: re.Match[str]) -> str:
            name = match["name"]
            if name is None:
                return match[0]
            if name not in variables:
                unknown.append(name)
            return variables.get(name, match[0])

        filled = _USE.sub(value, text)
        if variables and unknown:
            near = self._problems.near(unknown[0], list(variables))
            names = ", ".join(f"`${{{name}}}`" for name in variables)
            hint = f"did you mean `${{{near}}}`?" if near else f"write {names}, or `$${{` for a literal `${{`"
            self._problems.add(f"`${{{unknown[0]}}}` is not a variable of `for`; {hint}", place, path)
            return str(text), str(text)
        try:
            return self._resolve(filled, path), filled
        except ValueError as error:
            self._problems.add(str(error), place, path)
            return str(text), str(text)

    def _close(self, node: Any, path: Path, holder: Any, step: str | int) -> Any:
        """Resolve what is still open outside of templates: there it is no variable, and reported as such."""
        if isinstance(node, Open):
            place = holder.value_places[step]
            resolved, _ = self._text(node, place, path, {})
            return resolved
        if isinstance(node, MapNode):
            for key, value in node.items():
                node[key] = self._close(value, (*path, key), node, key)
        elif isinstance(node, ListNode):
            for number, value in enumerate(node):
                node[number] = self._close(value, (*path, number), node, number)
        return node


def _mistake_in_name(name: str) -> str:
    if name in _REFERENCES:
        return f"`{name}` cannot be a variable: `${{{name}:…}}` is a reference; choose another name"
    if not _NAME.fullmatch(name):
        return f"{show(name)} cannot be a variable: use up to 31 lower-case letters, digits and `_`"
    return ""


def _mistake_in_value(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return f"must be text or a whole number, not {_shown(value)}{quotes_hint(value)}"
    if "${" in str(value) or isinstance(value, Open):
        return "must be plain: references are replaced where the variable is used"
    if not str(value).strip() or len(str(value)) > _MAX_VALUE:
        return f"must have 1 to {_MAX_VALUE} characters"
    return ""


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return "a mapping"
    return "a list" if isinstance(value, list) else show(value)


def _open_texts(node: Any) -> Iterator[str]:
    """Iterate over the open texts of a part of the tree."""
    pending = [node]
    while pending:
        one = pending.pop()
        if isinstance(one, Open):
            yield one
        elif isinstance(one, dict):
            pending += one.values()
        elif isinstance(one, list):
            pending += one
