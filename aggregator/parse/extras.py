"""Read `Extras` from the elements of an entry or of a feed, in any vocabulary.

In: elements as `Node`s, which both readers of XML make: the strict one of lxml's (`node_of`), the tolerant one of the
events that feedparser gets (`NodeCollector`). Names and those of attributes are in lower case, with the usual prefixes.
Out: `Extras` as found; `aggregator.normalize.extras` cleans them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any

from lxml import etree

from aggregator.models import Text
from aggregator.models.extras import (
    MAX_MEMBERS,
    Alternate,
    Attribute,
    Chapters,
    Extras,
    MediaDetail,
    MediaSource,
    Person,
    Picture,
    PodcastLicense,
    RslElement,
    Soundbite,
    Term,
    Transcript,
)
from aggregator.parse.document import address, looks_like_html, relation, visible_text, whole_number
from aggregator.parse.xmltree import NAMESPACES
from aggregator.values.languages import found_tag
from aggregator.values.media_types import found_type

#: Elements of one entry that are read, and inside one of them; nested at most so deeply.
MAX_NODES = 300
MAX_DEPTH = 8
#: Names of elements that belong to RSS or Atom, and the usual names of others.
RIGHTS = frozenset({"rights", "copyright", "dc:rights", "dcterms:rights"})
LICENSES = frozenset({"creativecommons:license", "cc:license", "dcterms:license"})
ROBOTS = frozenset({"meta", "xhtml:meta"})
#: What holds for all entries of a feed, if it is said of the feed.
GENERAL = RIGHTS | LICENSES | ROBOTS | {"link", "podcast:license", "rsl:content", "rsl:license"}
#: What is read of an entry.
NAMES = GENERAL | {
    *("author", "contributor", "dc:contributor", "category", "media:category"),
    *("media:thumbnail", "media:group", "media:content"),
    *("itunes:season", "itunes:episode", "itunes:episodetype", "itunes:explicit", "itunes:title"),
    *("podcast:person", "podcast:transcript", "podcast:chapters", "podcast:alternateenclosure", "podcast:soundbite"),
    *("podcast:season", "podcast:episode"),
    *("slash:comments", "thr:total", "wfw:commentrss", "source:markdown"),
}
_XML = "{http://www.w3.org/XML/1998/namespace}"
_ATTRIBUTES = {"contactemail": "contactEmail", "contacturl": "contactUrl"}
_FEED_TYPES = ("application/atom+xml", "application/rss+xml", "application/feed+json")
_FALSE = frozenset({"no", "clean", "false"})
_TRUE = frozenset({"yes", "explicit", "true"})


class Node:
    """An element as both readers see it."""

    __slots__ = ("attributes", "base", "children", "name", "parts")

    def __init__(self, name: str, attributes: Mapping[str, str], base: str | None = None) -> None:
        self.name = name
        self.attributes = attributes
        #: The base of its addresses, where xml:base sets one.
        self.base = base
        #: Its text and that of the elements inside, in their order.
        self.parts: list[str] = []
        self.children: list[Node] = []

    @property
    def text(self) -> str:
        """Its text and that of the elements inside, without the white space around it."""
        return "".join(self.parts).strip()

    def get(self, name: str) -> str | None:
        """Return the value of an attribute without the white space around it, or None where that is nothing."""
        return (self.attributes.get(name) or "").strip() or None

    def child(self, *names: str) -> str | None:
        """Return the text of the first element of one of these names that has any."""
        return next((text for one in self.children if one.name in names and (text := one.text)), None)


def node_of(element: etree._Element, base: Callable[[etree._Element], str | None], depth: int = 0) -> Node:
    """Make a node of an element of lxml."""
    attributes = {_name(name): str(value) for name, value in element.attrib.items() if not str(name).startswith(_XML)}
    node = Node(_name(element.tag), attributes, base(element))
    node.parts = [str(text) for text in element.itertext()]
    if depth < MAX_DEPTH:
        node.children = [
            node_of(one, base, depth + 1) for one in islice(element, MAX_NODES) if isinstance(one.tag, str)
        ]
    return node


def _name(name: str | bytes) -> str:
    """Return a name in lower case with the usual prefix of its namespace."""
    namespace, _, local = str(name).rpartition("}")
    prefix = NAMESPACES.get(namespace[1:], "unknown:") if namespace else ""
    return (prefix + local).lower()


class NodeCollector:
    """Makes nodes of the events of a parser.

    Tags need not be balanced: an end tag without its start tag ends nothing.
    """

    def __init__(self) -> None:
        #: Names of the open elements, with those of which a node is made.
        self._open: list[tuple[str, Node | None]] = []
        #: The latter: a kept element of the entry, and what is open in it.
        self._nodes: list[Node] = []

    def start(self, name: str, attributes: Mapping[str, str], base: str | None, into: list[Node] | None) -> None:
        """Take a start tag.

        Args:
            into: where the nodes of the entry go, or those of the feed; None: there is neither.
        """
        siblings = None
        if self._nodes:
            siblings = self._nodes[-1].children if len(self._nodes) <= MAX_DEPTH else None
        elif self._open and self._open[-1][0] in _PARENTS and name in NAMES:
            siblings = into
        node = None
        if siblings is not None and len(siblings) < MAX_NODES:
            node = Node(name, {key: value for key, value in attributes.items() if not key.startswith("xml")}, base)
            siblings.append(node)
            self._nodes.append(node)
        self._open.append((name, node))

    def data(self, text: str) -> None:
        """Take text."""
        for node in self._nodes:
            node.parts.append(text)

    def end(self, name: str) -> None:
        """Take an end tag."""
        if any(one == name for one, _ in self._open[-100:]):
            ended = None
            while ended != name:
                ended, node = self._open.pop()
                if node is not None:
                    self._nodes.pop()


#: Elements whose children are read; those of RSS 1.0 are beside the channel.
_PARENTS = frozenset({"item", "entry", "channel", "feed"})


def read_extras(nodes: Iterable[Node], url: str) -> Extras | None:
    """Return what elements say; None: nothing that this module reads.

    Args:
        url: the base of addresses where xml:base sets none.
    """
    reader = _Reader(url)
    for node in nodes:
        if (read := _READERS.get(node.name)) is not None:
            read(reader, node)
    return Extras(**reader.found) if reader.found else None


class _Reader:
    """Collects the values of `Extras`; each name of an element has a method."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.found: dict[str, Any] = {}
        self.groups = 0

    def resolve(self, node: Node, value: str | None) -> str | None:
        return address(value, node.base or self.url) if value else None

    def add(self, name: str, value: Any) -> None:
        """Add a member to a list."""
        if value is not None and len(found := self.found.get(name, ())) < 4 * MAX_MEMBERS:
            self.found[name] = (*found, value)

    def set(self, name: str, value: Any) -> None:
        """Set a value, unless an earlier element has set it."""
        if value is not None:
            self.found.setdefault(name, value)

    # -- rights ----------------------------------------------------------------------------------------------------

    def rights(self, node: Node) -> None:
        self.set("rights", _plain(node))

    def license(self, node: Node) -> None:
        self.add("licenses", self.resolve(node, node.get("rdf:resource") or node.text))

    def link(self, node: Node) -> None:
        rel = relation(node.attributes.get("rel"))
        if rel == "license":
            self.add("licenses", self.resolve(node, node.get("href")))
        elif rel == "related":
            self.set("external_url", self.resolve(node, node.get("href")))
        elif rel == "replies":
            self.set("comments_count", whole_number(node.get("thr:count")))
            if (node.get("type") or "").lower() in _FEED_TYPES:
                self.set("comments_feed", self.resolve(node, node.get("href")))

    def podcast_license(self, node: Node) -> None:
        if name := node.text:
            self.set("podcast_license", PodcastLicense(name, self.resolve(node, node.get("url"))))

    def rsl(self, node: Node) -> None:
        self.add("rsl", _rsl(node))

    def robots(self, node: Node) -> None:
        if (node.get("name") or "").lower() == "robots" and "noindex" in (node.get("content") or "").lower():
            self.found["noindex"] = True

    # -- people and categories -------------------------------------------------------------------------------------

    def author(self, node: Node) -> None:
        if (person := self._person(node)) is not None and person.url:
            self.add("authors", person)

    def contributor(self, node: Node) -> None:
        self.add("contributors", self._person(node))

    def _person(self, node: Node) -> Person | None:
        name = (node.child("name") or node.child("email")) if node.children else node.text
        return Person(name, self.resolve(node, node.child("uri", "url"))) if name else None

    def podcast_person(self, node: Node) -> None:
        if name := node.text:
            url, image = self.resolve(node, node.get("href")), self.resolve(node, node.get("img"))
            self.add("people", Person(name, url, image, _folded(node.get("role")), _folded(node.get("group"))))

    def category(self, node: Node) -> None:
        label, scheme = node.get("label"), node.get("scheme") or node.get("domain")
        term = node.get("term") or node.text or label
        if term and (scheme or label):
            self.add("categories", Term(term, scheme, label if label != term else None))

    # -- files -----------------------------------------------------------------------------------------------------

    def thumbnail(self, node: Node) -> None:
        if url := self.resolve(node, node.get("url") or node.text):
            self.add("thumbnails", Picture(url, whole_number(node.get("width")), whole_number(node.get("height"))))

    def media(self, node: Node, group: int | None = None) -> None:
        if url := self.resolve(node, node.get("url")):
            detail = MediaDetail(
                url,
                group,
                node.get("medium"),
                whole_number(node.get("width")),
                whole_number(node.get("height")),
                _number(node.get("bitrate")),
                found_tag(node.get("lang")),
                node.get("isdefault") == "true",
            )
            if detail != MediaDetail(url):
                self.add("media", detail)
        self._inside(node)

    def group(self, node: Node) -> None:
        self.groups += 1
        files = [child for child in node.children if child.name == "media:content"]
        for child in files:
            self.media(child, self.groups if len(files) > 1 else None)
        self._inside(node)

    def _inside(self, node: Node) -> None:
        for child in node.children:
            if child.name == "media:thumbnail":
                self.thumbnail(child)
            elif child.name == "media:category":
                self.category(child)

    # -- podcasts --------------------------------------------------------------------------------------------------

    def transcript(self, node: Node) -> None:
        if url := self.resolve(node, node.get("url")):
            kind = found_type(node.get("type")) or None
            self.add("transcripts", Transcript(url, kind, found_tag(node.get("language")), node.get("rel")))

    def chapters(self, node: Node) -> None:
        if url := self.resolve(node, node.get("url")):
            self.set("chapters", Chapters(url, found_type(node.get("type")) or None))

    def alternate(self, node: Node) -> None:
        sources = [
            MediaSource(uri, found_type(one.get("contenttype")) or None)
            for one in node.children
            if one.name == "podcast:source" and (uri := self.resolve(one, one.get("uri")))
        ]
        if (kind := found_type(node.get("type"))) and sources:
            made = Alternate(
                kind,
                tuple(sources),
                whole_number(node.get("length")),
                _number(node.get("bitrate")),
                whole_number(node.get("height")),
                found_tag(node.get("lang")),
                node.get("title"),
                node.get("rel"),
                node.get("codecs"),
                node.get("default") == "true",
            )
            self.add("alternates", made)

    def soundbite(self, node: Node) -> None:
        start, duration = _number(node.get("starttime")), _number(node.get("duration"))
        if start is not None and duration is not None:
            self.add("soundbites", Soundbite(start, duration, node.text or None))

    def season(self, node: Node) -> None:
        self.set("season", whole_number(node.text))
        self.set("season_name", node.get("name"))

    def episode(self, node: Node) -> None:
        self.set("episode", _number(node.text))

    def podcast_episode(self, node: Node) -> None:
        # It may have decimals, which Apple's element may not.
        if (number := _number(node.text)) is not None:
            self.found["episode"] = number
        self.set("episode_name", node.get("display"))

    def episode_type(self, node: Node) -> None:
        self.set("episode_type", node.text.lower() or None)

    def explicit(self, node: Node) -> None:
        text = node.text.lower()
        self.set("explicit", True if text in _TRUE else False if text in _FALSE else None)

    def itunes_title(self, node: Node) -> None:
        self.set("itunes_title", _plain(node))

    # -- the rest --------------------------------------------------------------------------------------------------

    def comments_count(self, node: Node) -> None:
        self.set("comments_count", whole_number(node.text))

    def comments_feed(self, node: Node) -> None:
        self.set("comments_feed", self.resolve(node, node.text))

    def markdown(self, node: Node) -> None:
        self.set("markdown", node.text or None)


_READERS: dict[str, Callable[[_Reader, Node], None]] = {
    **dict.fromkeys(RIGHTS, _Reader.rights),
    **dict.fromkeys(LICENSES, _Reader.license),
    **dict.fromkeys(ROBOTS, _Reader.robots),
    "link": _Reader.link,
    "podcast:license": _Reader.podcast_license,
    "rsl:content": _Reader.rsl,
    "rsl:license": _Reader.rsl,
    "author": _Reader.author,
    "contributor": _Reader.contributor,
    "dc:contributor": _Reader.contributor,
    "category": _Reader.category,
    "media:category": _Reader.category,
    "media:thumbnail": _Reader.thumbnail,
    "media:content": _Reader.media,
    "media:group": _Reader.group,
    "itunes:season": _Reader.season,
    "itunes:episode": _Reader.episode,
    "itunes:episodetype": _Reader.episode_type,
    "itunes:explicit": _Reader.explicit,
    "itunes:title": _Reader.itunes_title,
    "podcast:person": _Reader.podcast_person,
    "podcast:transcript": _Reader.transcript,
    "podcast:chapters": _Reader.chapters,
    "podcast:alternateenclosure": _Reader.alternate,
    "podcast:soundbite": _Reader.soundbite,
    "podcast:season": _Reader.season,
    "podcast:episode": _Reader.podcast_episode,
    "slash:comments": _Reader.comments_count,
    "thr:total": _Reader.comments_count,
    "wfw:commentrss": _Reader.comments_feed,
    "source:markdown": _Reader.markdown,
}


def _plain(node: Node) -> str | None:
    """Return what a text shows, which may be HTML."""
    text = node.text
    markup = "html" in (node.get("type") or "") or looks_like_html(text)
    return visible_text(Text(text, "html" if markup and not node.children else "text"))


def _folded(text: str | None) -> str | None:
    return text.lower() if text else None


def _number(text: str | None) -> float | None:
    """Read a number with or without decimals."""
    head, dot, tail = (text or "").strip().partition(".")
    digits = head + tail
    return float(f"{head}{dot}{tail}") if digits.isascii() and digits.isdigit() and len(digits) <= 16 else None


def _rsl(node: Node, depth: int = 0) -> RslElement | None:
    prefix, _, name = node.name.rpartition(":")
    if prefix != "rsl" or depth > MAX_DEPTH - 2:
        return None
    attributes = [Attribute(_ATTRIBUTES.get(name, name), value) for name, value in node.attributes.items()]
    children = [made for one in node.children if (made := _rsl(one, depth + 1)) is not None]
    return RslElement(
        name,
        tuple(sorted(attributes, key=lambda one: one.name)),
        None if children else node.text or None,
        tuple(children),
    )
