"""`rules` in feeds.yaml: the models of a rule, what only the tree can say of it, and the book of all rules.

In: the tree, and the checked settings. Out: problems with their places, and `RuleLists`, which makes the book when it
is asked for. What a rule is comes from the registry `aggregator.rules.RULES`, which is imported where a file has rules
or outputs: its expressions need libraries that take long to import.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ConfigDict, Field, create_model

from aggregator.config.fields import Maybe, Section
from aggregator.config.problems import Path as KeyPath
from aggregator.config.problems import Problems, show
from aggregator.config.tree import ListNode, MapNode

if TYPE_CHECKING:
    from aggregator.models import Duplicates, Source
    from aggregator.rules.book import OutputRules, RuleBook, RuleSetting
    from aggregator.rules.kind import Rule

RULES = "rules"
_NEED_REGISTRY = (RULES, "duplicate_key")
MAX_LIST = 10**6
"""Bytes in a file with a list of words at most."""
#: Characters of a rule as it is shown at most.
_SHOWN = 200


class RuleSettings(Section):
    """One rule: exactly one of the keys that name what it does, and perhaps `when`."""

    # Only the models that are made from it check anything.
    model_config = ConfigDict(defer_build=True)

    when: Any = Field(default=None, description="An expression: the rule is applied to the items for which it holds.")


RULES_FIELD: Any = Field(default=(), description="What is done with items: a list of rules, applied in this order.")


def rule_kinds() -> Mapping[str, Rule]:
    """Return the rules by their keys."""
    from aggregator.rules import RULES as REGISTRY

    return REGISTRY


def rule_model(kinds: Iterable[tuple[str, Rule]]) -> type[RuleSettings]:
    """Return the model of one rule, with the keys of all registered ones."""
    from aggregator.rules.expressions import When

    maybe: Any = Maybe
    fields: dict[str, Any] = {
        name: (maybe[kind.SETTINGS], Field(default=None, description=kind.DESCRIPTION)) for name, kind in kinds
    }
    fields["when"] = (maybe[When], RuleSettings.model_fields["when"])
    return create_model("RuleSettings", __base__=RuleSettings, __doc__=RuleSettings.__doc__, **fields)


def uses_rules(tree: MapNode) -> bool:
    """Whether a file has rules, outputs or expressions, so that the registry of rules is needed to check it."""
    if "outputs" in tree:
        return True
    categories, sources = tree.get("categories"), tree.get("sources")
    inner = (
        *(categories.values() if isinstance(categories, MapNode) else ()),
        *(sources if isinstance(sources, ListNode) else ()),
    )
    return any(key in node for node in (tree, *inner) if isinstance(node, MapNode) for key in _NEED_REGISTRY)


# -- checks of the tree ------------------------------------------------------------------------------------------------


def rule_lists(tree: MapNode) -> Iterator[tuple[KeyPath, ListNode]]:
    """Iterate over all lists of rules, with their paths."""
    holders: list[tuple[KeyPath, Any]] = [((), tree)]
    for section in ("categories", "outputs"):
        found = tree.get(section)
        if isinstance(found, MapNode):
            holders += [((section, slug), node) for slug, node in found.items()]
    entries = tree.get("sources")
    if isinstance(entries, ListNode):
        holders += [(("sources", index), node) for index, node in enumerate(entries)]
    for path, node in holders:
        if isinstance(node, MapNode) and isinstance(rules := node.get(RULES), ListNode):
            yield (*path, RULES), rules


def check_rules(tree: MapNode, mistake_in_category: Callable[[str], str], problems: Problems) -> None:
    """Report rules without a name or with two, those that an output may not have, and categories that are not there.

    Args:
        mistake_in_category: returns what is wrong with the slug of a category, "" if nothing is.
    """
    outputs = tree.get("outputs")
    for path, rules in rule_lists(tree):
        for number, node in enumerate(rules):
            if isinstance(node, MapNode):
                _check_names(node, (*path, number), rules.value_places[number], problems)
                _check_targets(node, (*path, number), outputs, mistake_in_category, problems)


def _check_names(node: MapNode, path: KeyPath, place: tuple[int, int], problems: Problems) -> None:
    kinds = rule_kinds()
    given = [key for key in node if key in kinds]
    # A key that is not known is reported as such.
    if not given and set(node) <= {"when"}:
        problems.add("names no rule; write one such as `- drop: {title: [sponsored]}`", place, path)
    for extra in given[1:]:
        message = f"has both `{given[0]}` and `{extra}`; write two rules, each with its own `- `"
        problems.add(message, node.key_places[extra], (*path, extra))
    if path[0] == "outputs":
        for name in given:
            if not kinds[name].IN_OUTPUTS:
                able = ", ".join(f"`{one}`" for one, kind in kinds.items() if kind.IN_OUTPUTS)
                message = f"`{name}` cannot be a rule of an output, which has no say in that; it can have {able}"
                problems.add(message, node.key_places[name], (*path, name))


def _check_targets(
    node: MapNode, path: KeyPath, outputs: Any, mistake_in_category: Callable[[str], str], problems: Problems
) -> None:
    slugs = outputs if isinstance(outputs, MapNode) else ()
    for key in ("category", "also_in"):
        if key not in node:
            continue
        several = node[key] if isinstance(node[key], ListNode) else None
        for number, slug in enumerate(several if several is not None else [node[key]]):
            inner = (*path, key) if several is None else (*path, key, number)
            place = node.value_places[key] if several is None else several.value_places[number]
            if not isinstance(slug, str) or (key == "also_in" and slug in slugs):
                continue
            if message := mistake_in_category(slug):
                if slug in slugs:
                    message = f"{show(slug)} is an output, not a category; write `also_in: {slug}`"
                elif key == "also_in":
                    message = message.replace("there is no category", "there is no category and no output", 1)
                problems.add(message, place, inner)


class ListFiles:
    """The files with lists of words that rules name.

    Args:
        folder: where relative paths begin.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lines: dict[str, list[str]] = {}
        self._found: dict[str, str] = {}

    @property
    def found(self) -> tuple[tuple[str, str, str], ...]:
        """``file``, name and digest of each file that was read."""
        return tuple(("file", name, digest) for name, digest in self._found.items())

    def read(self, name: str) -> list[str]:
        """Return the lines of a file.

        Raises:
            ValueError: it cannot be read.
        """
        if name not in self._lines:
            self._lines[name] = self._read(name)
        return self._lines[name]

    def _read(self, name: str) -> list[str]:
        try:
            path = self._folder / name
            if not path.is_file():
                raise ValueError(f"there is no file {show(name)} (relative to {self._folder})")
            with path.open("rb") as file:
                data = file.read(MAX_LIST + 1)
        except OSError as error:
            raise ValueError(f"the file {show(name)} cannot be read: {error.strerror or error}") from None
        if len(data) > MAX_LIST:
            raise ValueError(f"the file {show(name)} is larger than {MAX_LIST // 10**6} MB; is it the right one?")
        self._found[name] = hashlib.sha256(data).hexdigest()
        try:
            return data.decode("utf-8-sig").splitlines()
        except UnicodeDecodeError:
            raise ValueError(f"the file {show(name)} is not UTF-8") from None


def credentials(document: Any) -> set[str]:
    """Return what rules send to sign in at services."""
    holders = (document, *document.categories.values(), *document.outputs.values(), *document.sources)
    values = (getattr(rule, name) for one in holders for rule in one.rules for name in rule.model_fields_set)
    found = [value.auth for value in values if getattr(value, "auth", None) is not None]
    passwords = {auth.basic.password for auth in found if auth.basic is not None}
    return passwords | {auth.header.partition(" ")[2] for auth in found}


# -- the book ----------------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class RuleLists:
    """All rules of a configuration, where they stand. Two are equal if site and categories have the same rules."""

    site: tuple[RuleSetting, ...] = ()
    #: By the slug of the category, and by the id of the source.
    categories: Mapping[str, tuple[RuleSetting, ...]] = field(default_factory=dict)
    sources: Mapping[str, tuple[RuleSetting, ...]] = field(default_factory=dict)
    outputs: tuple[OutputRules, ...] = ()
    also_in: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    review: frozenset[str] = frozenset()
    duplicates: Mapping[str, Duplicates] = field(default_factory=dict)

    @cached_property
    def is_trivial(self) -> bool:
        """Whether there are no rules but the default one; then entries can be judged without the book."""
        lists = (self.site, self.outputs, *self.categories.values(), *self.sources.values(), *self.also_in.values())
        return not (any(lists) or self.review or self._finds_duplicates)

    @property
    def _finds_duplicates(self) -> bool:
        return any(one.by != "off" for one in self.duplicates.values())

    @cached_property
    def book(self) -> RuleBook:
        """The book that judges entries."""
        from aggregator.rules.book import make_book

        addresses = None
        if self._finds_duplicates:
            from aggregator.duplicates.finding import Finder
            from aggregator.duplicates.levels import Levels

            addresses = Finder(Levels(self.duplicates))
        return make_book(
            site=self.site,
            categories=self.categories,
            sources=self.sources,
            outputs=self.outputs,
            also_in=self.also_in,
            review=self.review,
            addresses=addresses,
        )

    @cached_property
    def _common(self) -> str:
        if not self.site and not self.categories:
            return ""
        from aggregator.rules.book import make_book

        return make_book(site=self.site, categories=self.categories).digest

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RuleLists) and self._common == other._common

    __hash__ = None  # type: ignore[assignment]


def with_digests(sources: tuple[Source, ...], rules: RuleLists) -> tuple[Source, ...]:
    """Return the sources, those with rules of their own with a digest of them."""
    if not rules.sources:
        return sources
    from aggregator.rules.book import make_book

    digests = {identity: make_book(site=own).digest for identity, own in rules.sources.items()}
    return tuple(replace(source, own_rules=digests.get(source.id, "")) for source in sources)


def rule_settings(
    settings: Sequence[RuleSettings], nodes: Any, place: str, hide: Callable[[str], str]
) -> tuple[RuleSetting, ...]:
    """Return the rules of one list.

    Args:
        settings: the list, checked.
        nodes: the same in the tree.
        place: what they are the rules of, as a `RuleSetting` has it.
        hide: takes the secrets out of a text.
    """
    if not settings:
        return ()
    from aggregator.rules.book import RuleSetting

    found = []
    for number, (one, node, (line, _)) in enumerate(zip(settings, nodes, nodes.value_places, strict=True), 1):
        name = next(key for key in node if key != "when")
        when = f", when: {_value(node['when'])}" if "when" in node else ""
        shown = hide(f"{name}: {_value(node[name])}{when}")
        found.append(RuleSetting(name, getattr(one, name), one.when, place, number, line, shown[:_SHOWN]))
    return tuple(found)


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_value(one)}' for key, one in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, str) and value.strip() == value and not set(value) & set("{}[],:#\"'&*!|>%@`\n"):
        return value
    return json.dumps(value, ensure_ascii=False)


def make_rule_lists(
    document: Any,
    tree: MapNode,
    sources: Sequence[Source],
    duplicates: Mapping[str, Duplicates],
    hide: Callable[[str], str],
) -> RuleLists:
    """Return all rules of a checked file.

    Args:
        document: the settings.
        sources: made from them.
        hide: takes the secrets out of a text.
    """
    also_in = {source.id: source.also_in for source in sources if source.also_in}
    review = frozenset(source.id for source in sources if source.review)
    if not uses_rules(tree):
        return RuleLists(also_in=also_in, review=review, duplicates=duplicates)
    from aggregator.rules.book import OutputRules

    def rules_of(settings: Any, node: Any, place: str) -> tuple[RuleSetting, ...]:
        return rule_settings(settings.rules, node.get(RULES), place, hide) if isinstance(node, MapNode) else ()

    categories = tree.get("categories") or {}
    return RuleLists(
        site=rules_of(document, tree, "site"),
        categories={
            slug: rules_of(one, categories[slug], f"category {slug}")
            for slug, one in document.categories.items()
            if one.rules
        },
        sources={
            source.id: rules_of(one, node, f"source {source.id}")
            for source, one, node in zip(sources, document.sources, tree["sources"], strict=True)
            if one.rules
        },
        outputs=tuple(
            OutputRules(slug, one.where, rules_of(one, tree["outputs"][slug], f"output {slug}"))
            for slug, one in document.outputs.items()
        ),
        also_in=also_in,
        review=review,
        duplicates=duplicates,
    )
