"""Read well-formed Atom 1.0 (RFC 4287) and Atom 0.3.

In: a tree whose root is ``feed``. Out: the `ParsedFeed` that the tolerant reader would make, much faster. Raises
`Unsure` where that is not certain.
"""

from __future__ import annotations

from lxml import etree

from aggregator.models import OriginalFeed, ParsedFeed, RawEntry, Text
from aggregator.parse.builder import EntryBuilder
from aggregator.parse.document import MAX_ENTRIES, address, empty_note, guid, permalink, visible_text, without_empty
from aggregator.parse.elements import (
    KEPT_OF_FORMAT,
    SHARED,
    Handler,
    add_author,
    add_category,
    add_enclosure,
    add_link,
    keep,
    person,
    set_comments,
    set_created,
    set_description,
    set_guid,
    set_published,
    set_updated,
    unsure,
)
from aggregator.parse.xmltree import (
    ATOM,
    ATOM_03,
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

_TEXT = frozenset({"", "text", "text/plain", "plain"})
_HTML = frozenset({"html", "text/html"})
_XHTML = frozenset({"xhtml", "application/xhtml+xml"})


def text_construct(read: ElementReader, element: etree._Element) -> Text | None:
    """Read a text construct (RFC 4287, section 3.1) or content (4.1.3); None where it is empty or not text."""
    kind = (element.get("type") or "").partition(";")[0].strip().lower()
    if element.get("mode") not in (None, "xml", "escaped"):
        raise Unsure("content that is encoded")
    if kind in _XHTML:
        return read.markup(element)
    if len(element) and kind in _TEXT:
        return read.markup(element)
    if kind in _HTML:
        return read.text(element, "html")
    if kind in _TEXT or (kind.startswith("text/") and not len(element)):
        return read.text(element, "text")
    raise Unsure(f"content of type {kind}")


def _set_id(entry: EntryBuilder, element: etree._Element) -> None:
    # Some feeds give no link but an id that is an address.
    entry.guid = text_content(element)
    entry.permalink = permalink(entry.guid, entry.read.base(element))


def _set_rss_guid(entry: EntryBuilder, element: etree._Element) -> None:
    if not entry.guid:
        set_guid(entry, element)


def _set_title(entry: EntryBuilder, element: etree._Element) -> None:
    if entry.title is None:
        entry.title = text_construct(entry.read, element)
        if (tag := element.get(XML_LANG)) is not None:
            entry.title_language = found_tag(tag)


def _set_summary(entry: EntryBuilder, element: etree._Element) -> None:
    if entry.summary is not None:
        raise Unsure("two summaries")
    entry.summary = text_construct(entry.read, element)


def _add_content(entry: EntryBuilder, element: etree._Element) -> None:
    if where := element.get("src"):
        # Content that is not in the document (section 4.1.3.2).
        entry.content_url = entry.content_url or entry.read.address(element, where)
        entry.add_content(element, None)
    else:
        entry.add_content(element, text_construct(entry.read, element))


def set_source(entry: EntryBuilder, element: etree._Element) -> None:
    """Take the feed that an entry comes from; its authors count where the entry has none (section 4.2.1).

    This reads the element of RSS, too, which has an address as attribute and a title as text. The last one counts.
    """
    entry.source_authors.clear()
    feed, own = EntryBuilder(entry.read), element.tag.rpartition("source")[0]
    for child in element:
        if child.tag == own + "id":
            feed.guid = text_content(child)
        elif child.tag == own + "title":
            _set_title(feed, child)
        elif child.tag == own + "link":
            add_link(feed, child)
        elif child.tag == own + "author" and (name := person(child)):
            entry.source_authors.append(name)
    entry.original_feed = OriginalFeed(
        title=(" ".join(text_content(element).split()) if not len(element) else visible_text(feed.title)) or "",
        id=guid(feed.guid),
        url=feed.link("self") or address(element.get("url"), entry.read.url),
        home_url=feed.link("alternate"),
    )


_CORE: dict[str, Handler] = {
    "id": _set_id,
    "title": _set_title,
    "summary": _set_summary,
    "content": _add_content,
    "link": add_link,
    "author": add_author,
    "category": add_category,
    "published": set_published,
    "issued": set_published,
    "updated": set_updated,
    "modified": set_updated,
    "created": set_created,
    "source": set_source,
    "entry": unsure,
    **dict.fromkeys(KEPT_OF_FORMAT, keep),
}
#: Elements of RSS, which hand-made feeds mix in.
_RSS: dict[str, Handler] = {
    "guid": _set_rss_guid,
    "description": set_description,
    "pubDate": set_published,
    "pubdate": set_published,
    "lastBuildDate": set_updated,
    "enclosure": add_enclosure,
    "comments": set_comments,
}
_TABLES: dict[str, dict[str, Handler]] = {
    own: {
        **_RSS,
        **{own + name: handler for name, handler in {**_RSS, **_CORE}.items()},
        **SHARED,
        **dict.fromkeys(KEPT_OF_FORMAT, keep),
        ATOM + "source": set_source,
        XHTML + "div": unsure,
    }
    for own in (ATOM, ATOM_03, "")
}
_HINTS = {own: hint_names(own) for own in _TABLES}


def read(root: etree._Element, reader: ElementReader, repairs: tuple[str, ...] = ()) -> ParsedFeed:
    """Read a feed.

    Raises:
        Unsure: the tolerant reader has to read it.
    """
    check_namespaces(root)
    own = root.tag.removesuffix("feed")
    if own not in _TABLES or own + "feed" != root.tag:
        raise Unsure(f"root element {root.tag}")
    # A repair puts a second document, written behind the first, inside the first.
    found = [*root.findall(own + "entry"), *root.findall(f"{own}feed/{own}entry")]
    if not found and has_entries(root):
        raise Unsure("entries with an unusual name")
    if len(found) > MAX_ENTRIES:
        raise Unsure("very many entries")
    feed, hints, names, table = EntryBuilder(reader), SyndicationHints(), _HINTS[own], _TABLES[own]
    for child in root:
        tag = child.tag
        if tag == own + "title":
            _set_title(feed, child)
        elif tag == own + "author":
            add_author(feed, child)
        elif tag == own + "link":
            add_link(feed, child)
        elif (name := names.get(tag)) is not None:
            hints.read(name, child)
        elif table.get(tag) is keep:
            feed.kept.append(child)
    inherited = tuple(dict.fromkeys(feed.authors))
    entries = [_entry(one, reader, table, inherited) for one in found]
    return ParsedFeed(
        version={ATOM: "atom10", ATOM_03: "atom03"}.get(own, "atom"),
        reader="lxml",
        entries=without_empty(entries),
        title=visible_text(feed.title),
        home_url=feed.link("alternate"),
        language=found_tag(root.get(XML_LANG)),
        repairs=repairs + empty_note(entries),
        syndication=hints.finish(),
        extras=feed.general() if feed.kept else None,
    )


def _entry(
    element: etree._Element, reader: ElementReader, table: dict[str, Handler], inherited: tuple[str, ...]
) -> RawEntry:
    entry = EntryBuilder(reader)
    if len(element.attrib):
        entry.language = found_tag(element.get(XML_LANG))
    for child in element:
        if (handler := table.get(child.tag)) is not None:
            handler(entry, child)
    return entry.finish(inherited)
