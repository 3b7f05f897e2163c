"""The elements that RSS and Atom share: Dublin Core, Media RSS, iTunes, comments, and their own.

In: child elements of an item or entry, one by one. Out: an `EntryBuilder` that knows what they say. Each element has
one small function, found by its qualified name in a table; other elements are ignored.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from lxml import etree

from aggregator.models import Text
from aggregator.parse.builder import EntryBuilder
from aggregator.parse.document import (
    MAX_ENCLOSURES,
    looks_like_html,
    permalink,
    relation,
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
    Unsure,
    text_content,
)
from aggregator.values.languages import found_tag

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
