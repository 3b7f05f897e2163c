"""JSON-LD in a page: what it says of an article (schema.org), in the forms that sites write it; pure.

In: the texts of the scripts of type ``application/ld+json``. Out: the node of the article, and texts of its properties.
Sites put one document in a script or a list of them, wrap them in `@graph`, name other nodes by `@id`, and give one
value where the vocabulary has an object. Nothing is fetched: a `@context` is not looked at.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

#: Scripts of a page that are read, characters of each, and nodes of all.
MAX_SCRIPTS = 20
MAX_SCRIPT = 500_000
MAX_NODES = 500
#: Levels of wrapping around a node.
_DEPTH = 4
#: Values of one property that are looked at.
_VALUES = 100
_MAX_TEXT = 500

#: Types of pages that are an article, and of those that have one on them; schema.org has many that end like the first.
_ARTICLE = re.compile(
    r"(?:.*(?:Article|Posting|Review|Report)|Recipe|HowTo|VideoObject|PodcastEpisode|Event|CreativeWork|Statement)\Z"
)
_PAGE = re.compile(r".*(?:Page|ItemPage)\Z")
_AROUND = re.compile(
    r"\A\s*(?:<!--|//\s*<!\[CDATA\[|<!\[CDATA\[|/\*\s*<!\[CDATA\[\s*\*/)|(?:-->|//\s*\]\]>|\]\]>|/\*\s*\]\]>\s*\*/|;)\s*\Z"
)
#: Where a node may be wrapped.
_WRAPPERS = ("@graph", "mainEntity", "mainEntityOfPage")

Node = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class LinkedData:
    """All nodes of a page."""

    nodes: tuple[Node, ...] = ()
    #: Those with an `@id`, by it.
    by_id: Mapping[str, Node] = field(default_factory=dict)

    @classmethod
    def of(cls, scripts: Iterable[str]) -> LinkedData:
        """Read scripts; one that cannot be read is left out."""
        nodes: list[Node] = []
        for number, script in enumerate(scripts):
            if number == MAX_SCRIPTS or len(nodes) >= MAX_NODES:
                break
            nodes.extend(_nodes(_read(script), _DEPTH))
        nodes = nodes[:MAX_NODES]
        by_id: dict[str, Node] = {}
        for node in nodes:
            name = node.get("@id")
            if isinstance(name, str) and len(node) > len(by_id.get(name, ())):
                by_id[name] = node
        return cls(tuple(nodes), by_id)

    def article(self, urls: Sequence[str]) -> Node | None:
        """Return the node of the article of this page; of several the one that names the page, else the first.

        Args:
            urls: the addresses of the page.
        """
        articles = [node for node in self.nodes if _is(node, _ARTICLE)]
        pages = [node for node in self.nodes if _is(node, _PAGE)]
        for some in (articles, pages):
            for node in some:
                if any(_bare(url) in map(_bare, self._addresses(node)) for url in urls):
                    return node
        # Where a page has several articles, and none is its own, it is a list.
        return articles[0] if len(articles) == 1 else pages[0] if pages and not articles else None

    def of_type(self, name: str) -> Node | None:
        """Return the first node of a type, or None."""
        return next((node for node in self.nodes if name in _types(node)), None)

    def text(self, node: Node | None, *names: str) -> str:
        """Return the first text of the first of some properties that has one; "" where none has."""
        return next(iter(self.texts(node, *names)), "")

    def texts(self, node: Node | None, *names: str) -> list[str]:
        """Return the texts of the first of some properties that has any; of an object it is its name."""
        for name in names:
            values = _list(node.get(name)) if node is not None else []
            if found := [text for value in values if (text := self._text(value))]:
                return list(dict.fromkeys(found))
        return []

    def addresses(self, node: Node | None, name: str) -> list[str]:
        """Return the addresses in a property, of objects their `url`, as they stand."""
        found = []
        for value in _list(node.get(name)) if node is not None else []:
            one = self._resolved(value)
            if isinstance(one, dict):
                one = next((one[key] for key in ("url", "contentUrl", "@id") if isinstance(one.get(key), str)), None)
            if isinstance(one, str) and one.strip():
                found.append(one.strip())
        return found

    def _addresses(self, node: Node) -> list[str]:
        return [one for name in ("url", "@id", "mainEntityOfPage") for one in self.addresses(node, name)]

    def _text(self, value: object) -> str:
        value = self._resolved(value)
        if isinstance(value, dict):
            value = next((value[key] for key in ("name", "@value", "headline") if value.get(key)), "")
            if isinstance(value, list):
                value = value[0] if value else ""
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            return ""
        # Templates escape texts in scripts as they do in elements.
        return " ".join(html.unescape(str(value)[:_MAX_TEXT]).split())

    def _resolved(self, value: object) -> object:
        """Return the node that is meant where only its `@id` stands."""
        if isinstance(value, dict) and isinstance(name := value.get("@id"), str) and len(value) <= 2:
            return self.by_id.get(name, value)
        return value


def _read(script: str) -> object:
    if len(script) > MAX_SCRIPT:
        return None
    text = script
    while (bare := _AROUND.sub("", text)) != text:
        text = bare
    try:
        # Texts of several lines are written as they are by many templates.
        return json.loads(text.strip(), strict=False)
    except (ValueError, RecursionError):
        return None


def _nodes(value: object, depth: int) -> Iterator[Node]:
    """Yield the nodes of a document, those that others wrap after them."""
    if isinstance(value, list):
        for one in value[:MAX_NODES]:
            yield from _nodes(one, depth - 1) if depth else ()
    elif isinstance(value, dict):
        if "@type" in value:
            yield value
        for name in _WRAPPERS if depth else ():
            if isinstance(value.get(name), list | dict):
                yield from _nodes(value[name], depth - 1)


def _types(node: Node) -> list[str]:
    return [one.rpartition("/")[2] for one in _list(node.get("@type")) if isinstance(one, str)]


def _is(node: Node, pattern: re.Pattern[str]) -> bool:
    return any(pattern.match(one[:100]) for one in _types(node))


def _list(value: object) -> list[Any]:
    return value[:_VALUES] if isinstance(value, list) else [] if value is None else [value]


def _bare(url: str) -> str:
    """Return what two writings of an address have in common."""
    return url.partition("#")[0].partition("://")[2].removeprefix("www.").rstrip("/") or url
