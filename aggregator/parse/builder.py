"""An entry while it is read, and the elements that RSS and Atom share: Dublin Core, Media RSS, iTunes, comments.

In: child elements of an item or entry, one by one. Out: a `RawEntry`. Each element has one small function, found by its
qualified name in a table; other elements are ignored.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from lxml import etree

from aggregator.models import Enclosure, OriginalFeed, RawEntry, Text
from aggregator.parse.document import (
    MAX_AUTHORS,
    MAX_ENCLOSURES,
    MAX_TAGS,
    date_text,
    guid,
    looks_like_html,
    permalink,
    relation,
    seconds,
    shows_more,
    whole_number,
)
from aggregator.parse.xmltree import (
    CONTENTS,
    DCS,
    DCTERMS,
    ITUNES,
    MEDIA,
    ORIGINALS,
    VOCABULARIES,
    XHTML,
    XML_LANG,
    ElementReader,
    Unsure,
    text_content,
)
from aggregator.values.languages import found_tag
from aggregator.values.media_types import found_type

if TYPE_CHECKING:
    from aggregator.models.extras import Extras
    from aggregator.parse.extras import Node

_HTML_TYPES = ("text/html", "application/xhtml+xml", "html", "xhtml", "")


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
        if MEDIA_HANDLERS.get(child.tag) is set_media_title:
            return text_content(child) or None
    return None


Handler: TypeAlias = Callable[[EntryBuilder, etree._Element], None]


def keep(entry: EntryBuilder, element: etree._Element) -> None:
    """Keep an element for `read_extras`."""
    entry.kept.append(element)


def set_title(entry: EntryBuilder, element: etree._Element) -> None:
    if entry.title is None:
        entry.title = _title(entry, element)
        if (tag := element.get(XML_LANG)) is not None:
            entry.title_language = found_tag(tag)


def _title(entry: EntryBuilder, element: etree._Element) -> Text | None:
    """Read a title of RSS: plain text by its specification, often markup in practice."""
    text = entry.read.text(element, "text")
    if text is not None and text.type == "text" and looks_like_html(text.value):
        text = Text(text.value, "html", text.base)
    return text


def set_guid(entry: EntryBuilder, element: etree._Element) -> None:
    """Take the guid of RSS 2.0: an address unless it says otherwise."""
    entry.guid = text_content(element)
    names = {name.lower(): value for name, value in element.attrib.items()} if len(element.attrib) else {}
    is_address = names.get("ispermalink", "true") == "true"
    entry.permalink = permalink(entry.guid, entry.read.base(element)) if is_address else None


def add_enclosure(entry: EntryBuilder, element: etree._Element) -> None:
    entry.enclosures.append((element, element.get("url") or element.get("href") or ""))


def set_description(entry: EntryBuilder, element: etree._Element) -> None:
    text = entry.read.text(element, "html")
    if entry.summary is not None and text is not None and not entry.contents:
        entry.add_content(element, text)
    elif text is not None:
        entry.summary = text


def add_content(entry: EntryBuilder, element: etree._Element) -> None:
    entry.add_content(element, entry.read.text(element, "html"))


def set_published(entry: EntryBuilder, element: etree._Element) -> None:
    entry.published = text_content(element)


def set_updated(entry: EntryBuilder, element: etree._Element) -> None:
    entry.updated = text_content(element)


def set_created(entry: EntryBuilder, element: etree._Element) -> None:
    entry.created = text_content(element)


def add_author(entry: EntryBuilder, element: etree._Element) -> None:
    if name := person(element):
        entry.authors.append(name)
        if len(element) > 1:
            entry.kept.append(element)


def person(element: etree._Element) -> str:
    """Read a name as text, or a person construct (RFC 4287, section 3.2): its name, else its mail address."""
    if not len(element):
        name = (element.text or "").strip()
    else:
        parts = {child.tag.rpartition("}")[2]: text_content(child) for child in element if isinstance(child.tag, str)}
        name = parts.get("name") or parts.get("email") or (element.text or "").strip()
    return name


def add_category(entry: EntryBuilder, element: etree._Element) -> None:
    add_tag(entry, element)
    if element.get("scheme") or element.get("domain") or element.get("label"):
        entry.kept.append(element)


def add_tag(entry: EntryBuilder, element: etree._Element) -> None:
    # A label is for people, a term for programs (RFC 4287, section 4.2.2.3).
    name = (element.get("label") or element.get("term") or element.text or "").strip() or text_content(element)
    if name:
        entry.tags.append(name)


def add_itunes_category(entry: EntryBuilder, element: etree._Element) -> None:
    if name := (element.get("text") or "").strip():
        entry.tags.append(name)
    for child in element:
        if child.tag == element.tag:
            add_itunes_category(entry, child)


def add_keywords(entry: EntryBuilder, element: etree._Element) -> None:
    entry.tags.extend(word for part in text_content(element).split(",") if (word := part.strip()))


def set_language(entry: EntryBuilder, element: etree._Element) -> None:
    entry.language = found_tag(text_content(element))


def add_link(entry: EntryBuilder, element: etree._Element) -> None:
    """Add an Atom link, in Atom or in RSS (RFC 4287, section 4.2.7)."""
    rel = relation(element.get("rel"))
    # Some generators write the address as text, as in RSS.
    href = element.get("href") or (text_content(element) if rel == "alternate" else "")
    if not href:
        return
    if rel == "enclosure":
        entry.enclosures.append((element, href))
    elif rel in ("license", "replies", "related"):
        entry.kept.append(element)
    entry.links.append((rel, (element.get("type") or "").lower(), entry.read.address(element, href)))


def set_comments(entry: EntryBuilder, element: etree._Element) -> None:
    if where := text_content(element):
        entry.comments = (element, where)


def set_original(entry: EntryBuilder, element: etree._Element) -> None:
    entry.original = entry.read.address(element, text_content(element)) or entry.original


def set_original_file(entry: EntryBuilder, element: etree._Element) -> None:
    entry.original_file = entry.read.address(element, text_content(element)) or entry.original_file


def add_media(entry: EntryBuilder, element: etree._Element) -> None:
    entry.media.append(element)
    for child in element:
        # A title inside is that of the file, such as the name of a person (Media RSS 1.5.1, media:title).
        handler = MEDIA_HANDLERS.get(child.tag)
        if handler is not None and handler is not set_media_title:
            handler(entry, child)


def add_media_group(entry: EntryBuilder, element: etree._Element) -> None:
    for child in element:
        if (handler := MEDIA_HANDLERS.get(child.tag)) is not None:
            handler(entry, child)


def add_thumbnail(entry: EntryBuilder, element: etree._Element) -> None:
    if (where := element.get("url") or text_content(element)) and len(entry.thumbnails) < MAX_ENCLOSURES:
        entry.thumbnails.append((element, where))


def set_media_title(entry: EntryBuilder, element: etree._Element) -> None:
    if entry.media_title is None:
        entry.media_title = _title(entry, element)


def set_media_description(entry: EntryBuilder, element: etree._Element) -> None:
    if entry.media_description is None:
        entry.media_description = entry.read.text(element, "html")


# Apple's elements allowed links and simple HTML for years, and Media RSS has plain text and HTML; later stages find out
# what a text is.
def set_itunes_summary(entry: EntryBuilder, element: etree._Element) -> None:
    entry.itunes_summary = entry.itunes_summary or entry.read.text(element, "html")


def set_itunes_subtitle(entry: EntryBuilder, element: etree._Element) -> None:
    entry.itunes_subtitle = entry.itunes_subtitle or entry.read.text(element, "html")


def set_itunes_title(entry: EntryBuilder, element: etree._Element) -> None:
    entry.itunes_title = entry.itunes_title or _title(entry, element)


def set_itunes_image(entry: EntryBuilder, element: etree._Element) -> None:
    if where := element.get("href") or element.get("url"):
        entry.image = (element, where)


def set_duration(entry: EntryBuilder, element: etree._Element) -> None:
    entry.duration = text_content(element)


def _kept_too(handler: Handler) -> Handler:
    def handle(entry: EntryBuilder, element: etree._Element) -> None:
        entry.kept.append(element)
        handler(entry, element)

    return handle


def unsure(entry: EntryBuilder, element: etree._Element) -> None:
    """Refuse an element that only the tolerant reader knows well."""
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

#: Elements that `read_extras` alone reads, by the prefix of their vocabulary.
KEPT: dict[str, tuple[str, ...]] = {
    "podcast": (
        *("person", "transcript", "chapters", "alternateEnclosure", "soundbite", "season", "episode", "license"),
    ),
    "creativeCommons": ("license",),
    "cc": ("license",),
    "rsl": ("content", "license"),
    "slash": ("comments",),
    "thr": ("total",),
    "wfw": ("commentRss", "commentRSS"),
    "source": ("markdown",),
}
#: The same of the formats' own elements.
KEPT_OF_FORMAT = ("rights", "copyright", "contributor", "meta")

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
            ("title", _kept_too(set_itunes_title)),
            ("subtitle", set_itunes_subtitle),
            ("summary", set_itunes_summary),
            ("image", set_itunes_image),
            ("link", set_itunes_image),
            ("duration", set_duration),
            ("keywords", add_keywords),
            ("category", add_itunes_category),
        )
    },
    **MEDIA_HANDLERS,
    # Inside of each other, they are read with the outer one.
    **{
        media + name: _kept_too(MEDIA_HANDLERS[media + name])
        for media in MEDIA
        for name in ("content", "group", "thumbnail", "category")
    },
    **{itunes + name: keep for itunes in ITUNES for name in ("season", "episode", "episodeType", "explicit")},
    **{dc + name: keep for dc in (*DCS, DCTERMS) for name in ("rights", "contributor")},
    DCTERMS + "license": keep,
    XHTML + "meta": keep,
    **{
        f"{{{namespace}}}{name}": keep
        for prefix, names in KEPT.items()
        for namespace in VOCABULARIES[prefix]
        for name in names
    },
    **{original + "origLink": set_original for original in ORIGINALS},
    **{original + "origEnclosureLink": set_original_file for original in ORIGINALS},
}
