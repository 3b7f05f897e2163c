"""An entry while it is read.

In: what its elements say, one by one, from the functions in `elements`. Out: a `RawEntry`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lxml import etree

from aggregator.models import Enclosure, OriginalFeed, RawEntry, Text
from aggregator.parse.document import (
    MAX_AUTHORS,
    MAX_ENCLOSURES,
    MAX_TAGS,
    date_text,
    guid,
    seconds,
    shows_more,
    whole_number,
)
from aggregator.parse.xmltree import (
    MEDIA,
    XML_LANG,
    ElementReader,
    text_content,
)
from aggregator.values.languages import found_tag
from aggregator.values.media_types import found_type

if TYPE_CHECKING:
    from aggregator.models.extras import Extras
    from aggregator.parse.extras import Node

_HTML_TYPES = ("text/html", "application/xhtml+xml", "html", "xhtml", "")
_MEDIA_TITLES = frozenset(f"{media}title" for media in MEDIA)


class EntryBuilder:
    """Collects what an entry says; `finish` makes the `RawEntry`."""

    __slots__ = (
        "authors",
        "comments",
        "content_language",
        "content_url",
        "contents",
        "created",
        "duration",
        "enclosures",
        "guid",
        "image",
        "itunes_subtitle",
        "itunes_summary",
        "itunes_title",
        "kept",
        "language",
        "links",
        "media",
        "media_description",
        "media_title",
        "original",
        "original_feed",
        "original_file",
        "permalink",
        "published",
        "read",
        "source_authors",
        "summary",
        "tags",
        "thumbnails",
        "title",
        "title_language",
        "updated",
    )  # fmt: skip

    def __init__(self, read: ElementReader) -> None:
        self.read = read
        self.guid: str | None = None
        self.permalink: str | None = None
        #: The publisher's address of the entry and of its file, where the link is that of a service that counts clicks.
        self.original: str | None = None
        self.original_file: str | None = None
        #: The feed that it comes from.
        self.original_feed: OriginalFeed | None = None
        #: Address of content that is not in the document.
        self.content_url: str | None = None
        #: Relation, type and address of each link.
        self.links: list[tuple[str, str, str | None]] = []
        self.title: Text | None = None
        self.itunes_title: Text | None = None
        self.media_title: Text | None = None
        self.contents: list[Text] = []
        self.summary: Text | None = None
        self.itunes_summary: Text | None = None
        self.itunes_subtitle: Text | None = None
        self.media_description: Text | None = None
        self.published = self.updated = self.created = ""
        self.authors: list[str] = []
        self.source_authors: list[str] = []
        self.tags: list[str] = []
        self.enclosures: list[tuple[etree._Element, str]] = []
        self.media: list[etree._Element] = []
        self.thumbnails: list[tuple[etree._Element, str]] = []
        self.image: tuple[etree._Element, str] | None = None
        self.duration = ""
        self.comments: tuple[etree._Element, str] | None = None
        self.language: str | None = None
        self.title_language: str | None = None
        #: Language of the first content; "": it names none.
        self.content_language: str | None = None
        #: Elements for `read_extras`.
        self.kept: list[etree._Element] = []

    def add_content(self, element: etree._Element, text: Text | None) -> None:
        """Add a content, and its language for an entry that names none."""
        if self.content_language is None:
            self.content_language = found_tag(element.get(XML_LANG)) or ""
        if text is not None:
            self.contents.append(text)

    def link(self, rel: str) -> str | None:
        """Return the first address of a relation, pages before other types (RFC 4287, section 4.2.7)."""
        other = None
        for found, kind, target in self.links:
            if found == rel and target is not None:
                if kind in _HTML_TYPES:
                    return target
                other = other or target
        return other

    def finish(self, inherited: tuple[str, ...] = (), *, base: str | None = None, on_page: bool = False) -> RawEntry:
        """Make the entry.

        Args:
            inherited: its authors, if neither it nor the feed that it comes from names any.
            base: base of relative addresses where xml:base is not set; None: the address of the document.
            on_page: whether the page that it links to is the base.
        """
        linked = self.link("alternate") or self.permalink or self.content_url
        url = self.original or linked
        base = (url if on_page else None) or base
        content, summary = self._texts()
        return RawEntry(
            guid=guid(self.guid),
            url=url,
            title=self.title or self.itunes_title or self.media_title,
            content=content if base is None else self._based(content, base),
            summary=summary if base is None else self._based(summary, base),
            published=date_text(self.published) or (date_text(self.created) if self.created else None),
            updated=date_text(self.updated) if self.updated else None,
            authors=_once(self.authors or self.source_authors, MAX_AUTHORS) or inherited,
            tags=_once(self.tags, MAX_TAGS),
            enclosures=self._enclosures(base) if self.enclosures or self.media else (),
            image=self._image(base) if self.thumbnails or self.image or self.media else None,
            comments_url=(self.read.address(*self.comments, base) if self.comments else None) or self.link("replies"),
            language=self.language or self.content_language or self.title_language,
            former_url=linked if linked != url else None,
            original_feed=self.original_feed,
            extras=self.extras(base) if self.kept else None,
        )

    def extras(self, base: str | None) -> Extras | None:
        """Read the elements that were kept."""
        # Few entries have any, and this takes long to import.
        from aggregator.parse.extras import read_extras

        return read_extras(self._nodes(), base or self.read.url)

    def general(self) -> Extras | None:
        """Read the elements that were kept of a feed: those that hold for all its entries."""
        from aggregator.parse.extras import GENERAL, read_extras

        return read_extras([node for node in self._nodes() if node.name in GENERAL], self.read.url)

    def _nodes(self) -> list[Node]:
        from aggregator.parse.extras import MAX_NODES, node_of

        read = self.read

        def base(element: etree._Element) -> str | None:
            return read.base(element) if read.based else None

        return [node_of(one, base) for one in self.kept[:MAX_NODES]]

    def _texts(self) -> tuple[Text | None, Text | None]:
        """Choose the content and the summary."""
        contents = self.contents
        if len(contents) > 1:
            content: Text | None = max(contents, key=lambda text: (text.type == "html", len(text.value)))
        else:
            content = contents[0] if contents else None
        if self.summary is None:
            return content, self.itunes_summary or self.media_description or self.itunes_subtitle
        if content is None and self.itunes_summary is not None and shows_more(self.itunes_summary, self.summary):
            content = self.itunes_summary
        return content, self.summary

    def _based(self, text: Text | None, base: str) -> Text | None:
        """Give a text the base `base` if its base is the address of the document."""
        if text is None or text.base != self.read.url:
            return text
        return Text(text.value, text.type, base)

    def _enclosures(self, base: str | None) -> tuple[Enclosure, ...]:
        made: dict[str, Enclosure] = {}
        found = [*self.enclosures, *((one, one.get("url") or one.get("href") or "") for one in self.media)]
        original = self.original_file if len(self.enclosures) == 1 else None
        for element, where in found[: 4 * MAX_ENCLOSURES]:
            target = self.read.address(element, where, base)
            if original is not None and element is self.enclosures[0][0]:
                target = original
            if target is None:
                continue
            get = element.get
            file = Enclosure(
                url=target,
                type=found_type(get("type")),
                length=whole_number(get("length") or get("fileSize")),
                title=get("title") or _media_title(element),
                duration=seconds(get("duration") or (self.duration if not made else None)),
            )
            made[target] = completed(made[target], file) if target in made else file
        return tuple(made.values())[:MAX_ENCLOSURES]

    def _image(self, base: str | None) -> str | None:
        named = [*self.thumbnails, self.image] if self.image else self.thumbnails
        pictures = (
            (one, one.get("url") or "")
            for one in self.media
            if one.get("medium") == "image" or (one.get("type") or "").startswith("image/")
        )
        found = (self.read.address(element, where, base) for element, where in (*named, *pictures))
        return next((target for target in found if target is not None), None)


def completed(file: Enclosure, again: Enclosure) -> Enclosure:
    """Return a file with what another mention of it says in addition (`enclosure` and `media:content`)."""
    return Enclosure(
        file.url,
        file.type or again.type,
        file.length or again.length,
        file.title or again.title,
        again.duration if file.duration is None else file.duration,
    )


def _once(found: list[str], limit: int) -> tuple[str, ...]:
    """Return each text once, at most `limit` of them."""
    return tuple(found if len(found) < 2 else list(dict.fromkeys(found))[:limit])


def _media_title(element: etree._Element) -> str | None:
    """Return the title inside a file of Media RSS."""
    for child in element:
        if child.tag in _MEDIA_TITLES:
            return text_content(child) or None
    return None
