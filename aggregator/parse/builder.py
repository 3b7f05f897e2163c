"""An entry while it is read, and the elements that RSS and Atom share: Dublin Core, Media RSS, iTunes, comments.

In: child elements of an item or entry, one by one. Out: a `RawEntry`. Each element has one small function, found by its
qualified name in a table; elements that are in no table are left alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from lxml import etree

from aggregator.models import Enclosure, RawEntry, Text
from aggregator.parse.document import MAX_AUTHORS, MAX_ENCLOSURES, MAX_TAGS, guid, language, size
from aggregator.parse.namespaces import CONTENTS, DCS, DCTERMS, ITUNES, MEDIA
from aggregator.parse.values import date, looks_like_html, media_type, seconds
from aggregator.parse.xmltree import Reader, Unsure, plain

_HTML_TYPES = ("text/html", "application/xhtml+xml", "html", "xhtml", "")


class Builder:
    """Collects what an entry says; `finish` makes the `RawEntry`."""

    __slots__ = (
        "authors", "comments", "contents", "created", "duration", "enclosures", "guid", "image", "itunes_summary",
        "language", "links", "media", "media_description", "media_title", "permalink", "published", "read", "summary",
        "tags", "thumbnails", "title", "updated",
    )  # fmt: skip

    def __init__(self, read: Reader) -> None:
        self.read = read
        self.guid: str | None = None
        self.permalink: str | None = None
        #: Relation, type and address of each link.
        self.links: list[tuple[str, str, str | None]] = []
        self.title: Text | None = None
        self.media_title: Text | None = None
        self.contents: list[Text] = []
        self.summary: Text | None = None
        self.itunes_summary: Text | None = None
        self.media_description: Text | None = None
        self.published = self.updated = self.created = ""
        self.authors: list[str] = []
        self.tags: list[str] = []
        self.enclosures: list[tuple[etree._Element, str]] = []
        self.media: list[etree._Element] = []
        self.thumbnails: list[str] = []
        self.image: str | None = None
        self.duration = ""
        self.comments: str | None = None
        self.language: str | None = None

    def link(self, rel: str) -> str | None:
        """The first address of a relation, pages before other types (RFC 4287, section 4.2.7)."""
        other = None
        for found, kind, target in self.links:
            if found == rel and target is not None:
                if kind in _HTML_TYPES:
                    return target
                other = other or target
        return other

    def finish(self, inherited: tuple[str, ...] = ()) -> RawEntry:
        """The entry, with `inherited` authors where it names none."""
        return RawEntry(
            guid=guid(self.guid),
            url=self.link("alternate") or self.permalink,
            title=self.title or self.media_title,
            content=max(self.contents, key=lambda text: (text.type == "html", len(text.value)), default=None),
            summary=self.summary or self.itunes_summary or self.media_description,
            published=date(self.published) or date(self.created),
            updated=date(self.updated),
            authors=tuple(dict.fromkeys(self.authors))[:MAX_AUTHORS] or inherited,
            tags=tuple(dict.fromkeys(self.tags))[:MAX_TAGS],
            enclosures=self._enclosures() if self.enclosures or self.media else (),
            image=self._image(),
            comments_url=self.comments or self.link("replies"),
            language=self.language,
        )

    def _enclosures(self) -> tuple[Enclosure, ...]:
        made: dict[str, Enclosure] = {}
        found = [*self.enclosures, *((one, one.get("url") or one.get("href") or "") for one in self.media)]
        for element, where in found[: 4 * MAX_ENCLOSURES]:
            target = self.read.address(element, where)
            if target is None or target in made:
                continue
            get = element.get
            made[target] = Enclosure(
                url=target,
                type=media_type(get("type")),
                length=size(get("length") or get("fileSize")),
                title=get("title") or _media_title(element),
                duration=seconds(get("duration") or (self.duration if not made else None)),
            )
        return tuple(made.values())[:MAX_ENCLOSURES]

    def _image(self) -> str | None:
        if self.thumbnails or self.image:
            return next(iter(self.thumbnails), None) or self.image
        for element in self.media:
            picture = element.get("medium") == "image" or (element.get("type") or "").startswith("image/")
            if picture and (target := self.read.address(element, element.get("url"))):
                return target
        return None


def _media_title(element: etree._Element) -> str | None:
    """The title that Media RSS has inside of a file."""
    for child in element:
        if MEDIA_HANDLERS.get(child.tag) is set_media_title:
            return plain(child) or None
    return None


Handler: TypeAlias = Callable[[Builder, etree._Element], None]


def set_title(entry: Builder, element: etree._Element) -> None:
    """RSS titles are text by the letter and markup by habit."""
    if entry.title is None:
        text = entry.read.text(element, "text")
        if text is not None and text.type == "text" and looks_like_html(text.value):
            text = Text(text.value, "html", text.base)
        entry.title = text


def set_description(entry: Builder, element: etree._Element) -> None:
    text = entry.read.text(element, "html")
    if entry.summary is not None and text is not None and not entry.contents:
        entry.contents.append(text)
    elif text is not None:
        entry.summary = text


def add_content(entry: Builder, element: etree._Element) -> None:
    if (text := entry.read.text(element, "html")) is not None:
        entry.contents.append(text)


def set_published(entry: Builder, element: etree._Element) -> None:
    entry.published = plain(element)


def set_updated(entry: Builder, element: etree._Element) -> None:
    entry.updated = plain(element)


def set_created(entry: Builder, element: etree._Element) -> None:
    entry.created = plain(element)


def add_author(entry: Builder, element: etree._Element) -> None:
    """A name as text, or a person construct (RFC 4287, section 3.2): its name, else its mail address."""
    if not len(element):
        name = (element.text or "").strip()
    else:
        parts = {child.tag.rpartition("}")[2]: plain(child) for child in element if isinstance(child.tag, str)}
        name = parts.get("name") or parts.get("email") or (element.text or "").strip()
    if name:
        entry.authors.append(name)


def add_tag(entry: Builder, element: etree._Element) -> None:
    # A label is meant for people, a term for programs (RFC 4287, section 4.2.2.3).
    name = (element.get("label") or element.get("term") or "").strip() or plain(element)
    if name:
        entry.tags.append(name)


def add_itunes_category(entry: Builder, element: etree._Element) -> None:
    if name := (element.get("text") or "").strip():
        entry.tags.append(name)
    for child in element:
        if child.tag == element.tag:
            add_itunes_category(entry, child)


def add_keywords(entry: Builder, element: etree._Element) -> None:
    entry.tags.extend(word for part in plain(element).split(",") if (word := part.strip()))


def set_language(entry: Builder, element: etree._Element) -> None:
    entry.language = language(plain(element))


def add_link(entry: Builder, element: etree._Element) -> None:
    """An Atom link, in Atom or in RSS (RFC 4287, section 4.2.7)."""
    rel = element.get("rel") or "alternate"
    href = element.get("href")
    if href is None:
        return
    if rel == "enclosure":
        entry.enclosures.append((element, href))
    entry.links.append((rel, (element.get("type") or "").lower(), entry.read.address(element, href)))


def set_comments(entry: Builder, element: etree._Element) -> None:
    entry.comments = entry.read.address(element, plain(element)) or entry.comments


def add_media(entry: Builder, element: etree._Element) -> None:
    entry.media.append(element)
    for child in element:
        # A title inside is that of the file, such as the name of a person (Media RSS 1.5.1, media:title).
        handler = MEDIA_HANDLERS.get(child.tag)
        if handler is not None and handler is not set_media_title:
            handler(entry, child)


def add_media_group(entry: Builder, element: etree._Element) -> None:
    for child in element:
        if (handler := MEDIA_HANDLERS.get(child.tag)) is not None:
            handler(entry, child)


def add_thumbnail(entry: Builder, element: etree._Element) -> None:
    if target := entry.read.address(element, element.get("url") or plain(element)):
        entry.thumbnails.append(target)


def set_media_title(entry: Builder, element: etree._Element) -> None:
    if entry.media_title is None:
        entry.media_title = entry.read.text(element, "text")


def set_media_description(entry: Builder, element: etree._Element) -> None:
    if entry.media_description is None:
        kind = "html" if element.get("type") == "html" else "text"
        entry.media_description = entry.read.text(element, kind)


def set_itunes_summary(entry: Builder, element: etree._Element) -> None:
    entry.itunes_summary = entry.read.text(element, "text")


def set_itunes_image(entry: Builder, element: etree._Element) -> None:
    entry.image = entry.read.address(element, element.get("href") or element.get("url")) or entry.image


def set_duration(entry: Builder, element: etree._Element) -> None:
    entry.duration = plain(element)


def unsure(entry: Builder, element: etree._Element) -> None:
    """An element that only the tolerant reader knows well."""
    raise Unsure(f"element {element.tag}")


MEDIA_HANDLERS: dict[str, Handler] = {
    media + name: handler
    for media in MEDIA
    for name, handler in (
        ("content", add_media),
        ("group", add_media_group),
        ("thumbnail", add_thumbnail),
        ("title", set_media_title),
        ("description", set_media_description),
        ("keywords", add_keywords),
        ("category", add_tag),
    )
}

SHARED: dict[str, Handler] = {
    **{
        dc + name: handler
        for dc in DCS
        for name, handler in (
            ("title", set_title),
            ("creator", add_author),
            ("author", add_author),
            ("date", set_updated),
            ("subject", add_tag),
            ("language", set_language),
            ("description", set_description),
        )
    },
    DCTERMS + "issued": set_published,
    DCTERMS + "modified": set_updated,
    DCTERMS + "created": set_created,
    **{content + "encoded": add_content for content in CONTENTS},
    **{
        itunes + name: handler
        for itunes in ITUNES
        for name, handler in (
            ("author", add_author),
            ("summary", set_itunes_summary),
            ("image", set_itunes_image),
            ("duration", set_duration),
            ("keywords", add_keywords),
            ("category", add_itunes_category),
        )
    },
    **MEDIA_HANDLERS,
}
