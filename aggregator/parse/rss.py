"""Read well-formed RSS 0.90, 0.91, 0.92, 1.0 (RDF) and 2.0.

In: a tree whose root is ``rss`` or ``rdf:RDF``. Out: the `ParsedFeed` that the tolerant reader would make, much faster.
Raises `Unsure` where that is not certain.

Specifications: RSS 2.0 (rssboard.org/rss-specification), RSS 1.0 (web.resource.org/rss/1.0/spec).
"""

from __future__ import annotations

from lxml import etree

from aggregator.models import ParsedFeed, RawEntry, Syndication
from aggregator.parse.atom import set_source
from aggregator.parse.builder import EntryBuilder
from aggregator.parse.document import MAX_ENTRIES, address, empty_note, without_empty
from aggregator.parse.elements import (
    KEPT_OF_FORMAT,
    SHARED,
    Handler,
    add_author,
    add_category,
    add_content,
    add_enclosure,
    add_keywords,
    add_link,
    add_tag,
    keep,
    set_comments,
    set_created,
    set_description,
    set_guid,
    set_published,
    set_title,
    set_updated,
    unsure,
)
from aggregator.parse.xmltree import (
    ATOM,
    DC,
    XHTML,
    XML_LANG,
    ElementReader,
    SyndicationHints,
    Unsure,
    check_namespaces,
    has_entries,
    hint_names,
    text_content,
)
from aggregator.values.languages import found_tag

RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
RSS_10 = "{http://purl.org/rss/1.0/}"
RSS_090 = "{http://my.netscape.com/rdf/simple/0.9/}"
ATOM_LINK = ATOM + "link"
_VERSIONS = {"0.91": "rss091u", "0.92": "rss092", "0.93": "rss093", "0.94": "rss094"}


def _set_link(entry: EntryBuilder, element: etree._Element) -> None:
    if element.get("href") is not None:
        add_link(entry, element)
    else:
        entry.links.append(("alternate", "", entry.read.address(element, text_content(element))))


def _add_atom_content(entry: EntryBuilder, element: etree._Element) -> None:
    """Take Atom content (RFC 4287, section 4.1.3) that is certainly HTML."""
    if element.get("type") not in ("html", "text/html") or len(element) or element.get("src") or element.get("mode"):
        raise Unsure("content of a type that is not HTML")
    add_content(entry, element)


def _add_categories(entry: EntryBuilder, element: etree._Element) -> None:
    for child in element:
        add_tag(entry, child)


_CORE: dict[str, Handler] = {
    "title": set_title,
    "link": _set_link,
    "description": set_description,
    "guid": set_guid,
    "pubDate": set_published,
    "pubdate": set_published,
    "published": set_published,
    "lastBuildDate": set_updated,
    "lastbuilddate": set_updated,
    "updated": set_updated,
    "modified": set_updated,
    "created": set_created,
    "author": add_author,
    "category": add_category,
    "categories": _add_categories,
    "keywords": add_tag,
    "tags": add_keywords,
    "enclosure": add_enclosure,
    "comments": set_comments,
    "source": set_source,
    **dict.fromkeys(("content", "summary", "body", "fullitem", "abstract", "id", "item", "entry"), unsure),
    **dict.fromkeys(KEPT_OF_FORMAT, keep),
}
_ATOM_PARTS: dict[str, Handler] = {
    ATOM + "link": add_link,
    ATOM + "author": add_author,
    ATOM + "published": set_published,
    ATOM + "updated": set_updated,
    ATOM + "category": add_category,
    ATOM + "content": _add_atom_content,
    ATOM + "source": set_source,
    **{ATOM + name: unsure for name in ("summary", "id", "title")},
    **{ATOM + name: keep for name in KEPT_OF_FORMAT},
}
_UNCERTAIN: dict[str, Handler] = {XHTML + "body": unsure, XHTML + "div": unsure}
#: Handlers by qualified name for each namespace that the format's own elements may be in.
_TABLES: dict[str, dict[str, Handler]] = {
    own: {**_CORE, **{own + name: handler for name, handler in _CORE.items()}, **SHARED, **_ATOM_PARTS, **_UNCERTAIN}
    for own in ("", RSS_10, RSS_090)
}
_HINTS = {own: hint_names(own) for own in _TABLES}


def read(root: etree._Element, reader: ElementReader, repairs: tuple[str, ...] = ()) -> ParsedFeed:
    """Read a feed.

    Raises:
        Unsure: the tolerant reader has to read it.
    """
    check_namespaces(root)
    own, version = _kind(root)
    channel = root.find(own + "channel")
    if channel is None:
        raise Unsure("no channel")
    items = [*root.iter(own + "item")]
    if len(items) > MAX_ENTRIES:
        raise Unsure("very many items")
    if not items and has_entries(root):
        raise Unsure("items with an unusual name")
    table = _TABLES[own]
    holder, syndication = _channel(channel, own, reader)
    home = holder.link("alternate")
    entries = [_entry(item, reader, table, version, home) for item in items]
    return ParsedFeed(
        version=version,
        reader="lxml",
        entries=without_empty(entries),
        title=_title(channel, own),
        home_url=home,
        language=found_tag(text_content(found))
        if (found := channel.find(own + "language")) is not None or (found := channel.find("{*}language")) is not None
        else found_tag(root.get(XML_LANG)),
        repairs=repairs + empty_note(entries),
        syndication=syndication,
        extras=holder.general() if holder.kept else None,
    )


def _kind(root: etree._Element) -> tuple[str, str]:
    """Return the namespace of the format's own elements, and the version."""
    if root.tag == "rss":
        number = root.get("version") or ""
        return "", _VERSIONS.get(number, "rss20" if number.startswith("2") else "rss")
    if root.tag == RDF + "RDF":
        for own, version in ((RSS_10, "rss10"), (RSS_090, "rss090")):
            if root.find(own + "channel") is not None:
                return own, version
    raise Unsure(f"root element {root.tag}")


def _entry(
    item: etree._Element, reader: ElementReader, table: dict[str, Handler], version: str, home: str | None
) -> RawEntry:
    entry = EntryBuilder(reader)
    if len(item.attrib):
        entry.guid = item.get(RDF + "about")
        entry.language = found_tag(item.get(XML_LANG))
    for child in item:
        tag = child.tag
        if (handler := table.get(tag)) is not None or (
            tag[0] != "{" and (handler := table.get(tag.lower())) is not None
        ):
            handler(entry, child)
    if entry.permalink is None and entry.guid and version in ("rss10", "rss090"):
        entry.permalink = address(entry.guid)
    return entry.finish(base=home, on_page=True)


def _title(channel: etree._Element, own: str) -> str | None:
    found = next(
        (one for name in (own + "title", "title", DC + "title") if (one := channel.find(name)) is not None), None
    )
    if found is None:
        return None
    if "<" in (text := text_content(found)) or "&" in text:
        holder = EntryBuilder(ElementReader("", b""))
        set_title(holder, found)
        if holder.title is not None and holder.title.type == "html":
            raise Unsure("markup in the title")
    return " ".join(text.split()) or None


def _channel(channel: etree._Element, own: str, reader: ElementReader) -> tuple[EntryBuilder, Syndication | None]:
    """Read the links of a channel, and what holds for all its items."""
    holder, hints, names = EntryBuilder(reader), SyndicationHints(), _HINTS[own]
    links, table = (own + "link", "link"), _TABLES[own]
    for child in channel:
        tag = child.tag
        if tag in links:
            _set_link(holder, child)
        elif tag == ATOM_LINK:
            add_link(holder, child)
        elif (name := names.get(tag)) is not None:
            hints.read(name, child)
        elif table.get(tag) is keep:
            holder.kept.append(child)
    return holder, hints.finish()
