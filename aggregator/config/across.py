"""Checks of feeds.yaml across its sections: names in one place must be there in another. The tree in, problems out."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from aggregator.config import ids
from aggregator.config.advice import character_advice
from aggregator.config.configuration import UNCATEGORIZED
from aggregator.config.problems import Path, Place, Problems, show
from aggregator.config.settings import FileSettings
from aggregator.config.tree import ListNode, MapNode

#: What goes to the origin of a source alone.
_FOR_ONE_SERVER = ("headers", "auth", "cookies", "tls")


def source_nodes(tree: MapNode) -> list[tuple[int, MapNode]]:
    """Return the entries of `sources` that are mappings, each with its index."""
    entries = tree.get("sources")
    if not isinstance(entries, ListNode):
        return []
    return [(index, node) for index, node in enumerate(entries) if isinstance(node, MapNode)]


def joining_nodes(tree: MapNode) -> Iterator[tuple[Path, MapNode]]:
    """Iterate over the mappings that can have rules and what concerns duplicates, but for the sources."""
    yield (), tree
    for section in ("categories", "outputs"):
        found = tree.get(section)
        if isinstance(found, MapNode):
            yield from (((section, slug), node) for slug, node in found.items() if isinstance(node, MapNode))


def check_categories(tree: MapNode, problems: Problems) -> None:
    """Report categories of sources that are not there, each once."""
    for index, node in source_nodes(tree):
        if "category" in node and "categories" in node:
            message = "has both `category` and `categories`; keep one of them"
            problems.add(message, node.key_places["categories"], ("sources", index, "categories"))
    if _categories_reported(tree, problems):
        return
    users: dict[str, list[tuple[Place, Path]]] = {}
    for index, node in source_nodes(tree):
        for slug, place, path in _categories_of(node, ("sources", index), problems):
            users.setdefault(slug, []).append((place, path))
    known = CategoryNames(tree, problems)
    for slug, uses in users.items():
        if message := known.mistake(slug):
            place, path = uses[0]
            lines = list(dict.fromkeys(line for (line, _), _ in uses[1:] if line != place[0]))
            problems.add(f"{message}{also(lines)}", place, path)


class CategoryNames:
    """The slugs of the categories of a file."""

    def __init__(self, tree: MapNode, problems: Problems) -> None:
        self._problems = problems
        categories = tree.get("categories")
        self._known = categories if isinstance(categories, MapNode) else MapNode(tree.place)
        # Slugs that are not valid are reported already.
        self._folded = {ids.slug(slug) for slug in self._known}
        self._titles = {title.casefold(): slug for slug, title in self._known.items() if isinstance(title, str)}

    def mistake(self, slug: str) -> str:
        """Return what is wrong with a slug that names a category, and what to do; empty where there is one."""
        if slug in self._known or slug in self._folded:
            return ""
        odd = character_advice(slug)
        titled = self._titles.get(slug.casefold())
        hint = f"; that is a title, write its slug `{titled}`" if titled else self._problems.hint(slug, self._known)
        hint = f": {odd}" if odd else hint or "; add it to `categories`, or leave it out"
        return f"there is no category {show(slug)}{hint}"


def _categories_of(node: MapNode, path: Path, problems: Problems) -> Iterator[tuple[str, Place, Path]]:
    """Iterate over the categories that a source names, and report those that it names twice."""
    slug, several = node.get("category"), node.get("categories")
    if isinstance(slug, str):
        yield slug, node.value_places["category"], (*path, "category")
    elif isinstance(several, ListNode):
        seen: set[str] = set()
        for number, (one, place) in enumerate(zip(several, several.value_places, strict=True)):
            if isinstance(one, str) and one in seen:
                problems.add(f"{show(one)} is here twice; keep one of them", place, (*path, "categories", number))
            elif isinstance(one, str):
                seen.add(one)
                yield one, place, (*path, "categories", number)


def _categories_reported(tree: MapNode, problems: Problems) -> bool:
    """Whether `categories` as a whole is wrong, so that single categories cannot be checked."""
    if "categories" in tree:
        return not isinstance(tree["categories"], MapNode | None)
    return any(problems.near(key, list(FileSettings.model_fields)) == "categories" for key in tree)


def also(lines: Sequence[int]) -> str:
    """Return what a message says of further lines with the same problem."""
    if not lines:
        return ""
    shown = ", ".join(map(str, lines[:3])) + (f" and {len(lines) - 3} more" if len(lines) > 3 else "")
    return f" (also on line{'s' if len(lines) > 1 else ''} {shown})"


def check_outputs(tree: MapNode, problems: Problems) -> None:
    """Report outputs with the slug of a category: both have a folder of that name."""
    outputs, categories = tree.get("outputs"), tree.get("categories")
    if not isinstance(outputs, MapNode):
        return
    for slug in outputs:
        message = ""
        if isinstance(categories, MapNode) and slug in categories:
            line = categories.key_places[slug][0]
            message = f"{show(slug)} is the slug of a category, on line {line}; choose another one"
        elif slug == UNCATEGORIZED:
            message = f"{show(slug)} is the slug of the sources without a category; choose another one"
        if message:
            problems.add(message, outputs.key_places[slug], ("outputs", slug))


def check_duplicates(tree: MapNode, sources: Collection[str], problems: Problems) -> None:
    """Report ids in `prefer` that no source has, and what says nothing because duplicates are not looked for.

    Args:
        sources: the ids of all sources.
    """
    joined_everywhere = tree.get("duplicates") == "url"
    for path, node in joining_nodes(tree):
        inherits = path[:1] != ("outputs",) and joined_everywhere
        own = node.get("duplicates")
        for key in ("prefer", "duplicate_key"):
            if key in node and not (own == "url" or (own is None and inherits)):
                message = f"says nothing without `duplicates: url`; write that {'above' if not path else 'beside'} it"
                problems.add(message, node.key_places[key], (*path, key))
        listed = node.get("prefer")
        if isinstance(listed, ListNode):
            for number, (one, place) in enumerate(zip(listed, listed.value_places, strict=True)):
                if isinstance(one, str) and one not in sources:
                    message = f"there is no source with the id {show(one)}{problems.hint(one, sources)}"
                    problems.add(message, place, (*path, "prefer", number))


def check_instances(tree: MapNode, problems: Problems) -> None:
    """Report settings for the one server of a source where the source has none: they go to no instance of RSSHub."""
    for index, node in source_nodes(tree):
        for key in _FOR_ONE_SERVER if "rsshub" in node else ():
            if key in node:
                advice = "put user name and password into the address of the instance" if key == "auth" else "remove it"
                problems.add(f"is not for instances of RSSHub; {advice}", node.key_places[key], ("sources", index, key))
