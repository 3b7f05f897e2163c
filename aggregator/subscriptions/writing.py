"""feeds.yaml -> an OPML document with all that it says of its sources, but for secrets.

In: the text of feeds.yaml, its configuration, and what the feeds call themselves. Out: `Written`: the document, and
what was left out of it. References to secrets stay references, secrets that are written out are left out. Pure: the
same file gives the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lxml.etree import Element, SubElement, _Element, tostring

from aggregator.config import Config
from aggregator.config.access import is_harmless
from aggregator.config.secrets import contains_secret, has_reference, literal, mask, without_written_password
from aggregator.config.settings import source_kinds
from aggregator.config.unresolved import address_of, read_unresolved, texts_in
from aggregator.models import Source
from aggregator.subscriptions import namespace
from aggregator.values.markup import xml_text
from aggregator.values.urls import clean_url

if TYPE_CHECKING:
    from aggregator.store import FeedMetadata

#: Sections that are about this machine, or are in the document in another form.
_NOT_WRITTEN = frozenset({"database", "posts", "hooks", "after_publish", "categories", "sources"})
_AUTH = "auth"
#: The beginning of an address; other texts may have its signs, such as expressions.
_WEB = re.compile(r"\s*(?:feed:)?(?:https?|feed|socks[45]h?)://", re.IGNORECASE)
#: In place of a value of which nothing is left.
_NOTHING = object()


@dataclass(frozen=True, slots=True)
class Omitted:
    """A secret that is written out in feeds.yaml, and was left out with the setting that has it."""

    #: What the setting is of: the id of a source, ``category SLUG``, or "" for the whole file.
    of: str
    #: What was left out, for people.
    what: str


@dataclass(slots=True)
class Written:
    """An OPML document."""

    data: bytes = b""
    omitted: list[Omitted] = field(default_factory=list)
    #: Ids of sources that have a secret in their address, so that nothing is left of them.
    left_out_sources: list[str] = field(default_factory=list)


def write(text: str, config: Config, metadata: Mapping[str, FeedMetadata]) -> Written:
    """Write a document.

    Args:
        text: of feeds.yaml, and `config` its configuration.
        metadata: what feeds say of themselves, by the id of the source.
    """
    return _Writer(text, config, metadata).write()


class _Writer:
    """The state of one export; see `write`."""

    def __init__(self, text: str, config: Config, metadata: Mapping[str, FeedMetadata]) -> None:
        self._config, self._metadata = config, metadata
        self._tree = read_unresolved(text)
        texts = "\n".join(texts_in(self._tree))
        #: Most files have no secret in a place where none is expected.
        self._secrets = config.secrets if contains_secret(texts, config.secrets) else frozenset[str]()
        self._made = Written()

    def write(self) -> Written:
        """Write the document."""
        opml = Element("opml", version="2.0", nsmap={namespace.PREFIX: namespace.URI})
        sections = {name: one for name, one in self._tree.items() if name not in _NOT_WRITTEN and one is not None}
        _set(opml, namespace.SETTINGS, self._without_secrets(sections, ""))
        head = SubElement(opml, "head")
        SubElement(head, "title").text = xml_text(mask(self._config.site.title, self._config.secrets))
        SubElement(head, "docs").text = "http://opml.org/spec2.opml"
        self._add_all(SubElement(opml, "body"))
        self._made.data = bytes(tostring(opml, encoding="UTF-8", xml_declaration=True, pretty_print=True))
        return self._made

    def _add_all(self, body: _Element) -> None:
        named = self._tree.get("categories") or {}
        folders = {slug: self._folder(body, slug, settings) for slug, settings in named.items()}
        for source, settings in zip(self._config.sources, self._tree.get("sources") or (), strict=True):
            kept = self._without_secrets(settings, source.id)
            if address_of(kept)[0]:
                self._add(folders.get(source.category, body), source, kept)
            else:
                self._made.left_out_sources.append(source.id)

    def _folder(self, body: _Element, slug: str, settings: Any) -> _Element:
        folder = _outline(body, mask(self._config.categories[slug].title, self._config.secrets))
        folder.set(namespace.attribute(namespace.CATEGORY), slug)
        kept = self._without_secrets({"title": settings} if isinstance(settings, str) else settings, f"category {slug}")
        if kept.get("title", slug) == namespace.name_in(folder.get("text", "")):
            kept.pop("title", None)
        if kept:
            _set(folder, namespace.SETTINGS, kept)
        return folder

    def _add(self, parent: _Element, source: Source, settings: dict[str, Any]) -> None:
        metadata = self._metadata.get(source.id)
        name = source.name or (metadata.title if metadata else None) or source.fallback_name
        outline = _outline(parent, mask(name, self._config.secrets))
        kind, address = address_of(settings)
        home = clean_url(metadata.home_url if metadata else None)
        url = None if has_reference(address) else clean_url(source.public_url)
        if kind == "feed" and url is not None:
            outline.set("type", "rss")
            outline.set("xmlUrl", url)
            if home is not None:
                outline.set("htmlUrl", home)
            if literal(url) == address:
                del settings["feed"]
        elif (link := url or home) is not None:
            outline.set("type", "link")
            outline.set("url", link)
        settings.pop("category", None)
        # The text of an outline is a name unless it is said that there is none.
        if settings.setdefault("name", None) == namespace.name_in(outline.get("text", "")):
            del settings["name"]
        _set(outline, namespace.SOURCE, settings)

    # -- secrets -------------------------------------------------------------------------------------------------------

    def _without_secrets(self, settings: Mapping[str, Any], of: str) -> dict[str, Any]:
        """Return settings without the secrets that are written out in them, which are noted."""
        kept: dict[str, Any] = {}
        for key, value in settings.items():
            part, lost = self._part((key,), value)
            self._made.omitted += [Omitted(of, what) for what in lost]
            if part is not _NOTHING:
                kept[key] = part
        return kept

    def _part(self, path: tuple[str, ...], value: Any) -> tuple[Any, list[str]]:
        """Return a value without its secrets, or `_NOTHING`, and what was left out."""
        if path[-1] == _AUTH:
            return (_NOTHING, [_shown(path)]) if _signs_in(value) else (value, [])
        if isinstance(value, Mapping):
            parts = {key: self._part((*path, key), one) for key, one in value.items()}
            kept = {key: part for key, (part, _) in parts.items() if part is not _NOTHING}
            return kept if kept or not value else _NOTHING, [one for _, lost in parts.values() for one in lost]
        if isinstance(value, list):
            items = [self._part(path, one) for one in value]
            # A list in which an entry is missing says something else.
            whole = all(part is not _NOTHING for part, _ in items)
            lost = list(dict.fromkeys(one for _, some in items for one in some))
            return [part for part, _ in items] if whole else _NOTHING, lost
        if not isinstance(value, str):
            return value, []
        bare = without_written_password(value) if _WEB.match(value) else value
        if self._holds_secret(path, bare) or (bare != value and not _is_address(path)):
            return _NOTHING, [_shown(path)]
        return bare, [] if bare == value else [f"the user name and the password in `{'.'.join(path)}`"]

    def _holds_secret(self, path: tuple[str, ...], text: str) -> bool:
        """Whether a text is a secret as it is written, or has one in it."""
        if contains_secret(text, self._secrets):
            return True
        if has_reference(text) or len(path) < 2:
            return False
        if path[-2] == "headers":
            return not is_harmless(path[-1])
        return path[-2] == "cookies" or (path[-1] == "key" and "rsshub" in path)


def _signs_in(settings: Any) -> bool:
    """Whether the settings of `auth` have a password or a token that is written out."""
    secret = {key: value for key, value in _leaves(settings) if key != "user"}
    return not all(has_reference(value) for value in secret.values())


def _leaves(settings: Any) -> Iterator[tuple[str, str]]:
    for key, value in settings.items() if isinstance(settings, Mapping) else ():
        if isinstance(value, str):
            yield key, value
        yield from _leaves(value)


def _is_address(path: tuple[str, ...]) -> bool:
    """Whether a path is that of the address of a source, or of an instance of RSSHub."""
    if "rsshub" in path:
        return path[-1] in ("url", "instances")
    kind = source_kinds().get(path[0])
    return kind is not None and path[1:] in ((), (kind.ADDRESS_KEY,))


def _shown(path: tuple[str, ...]) -> str:
    return f"`{'.'.join(path)}`, which is a secret or has one in it"


def _set(element: _Element, name: str, settings: Mapping[str, Any]) -> None:
    element.set(namespace.attribute(name), namespace.dumps(settings))


def _outline(parent: _Element, text: str) -> _Element:
    text = xml_text(text)
    return SubElement(parent, "outline", text=text, title=text)
