"""Extensions for feedgen 1.0: what it lacks, and what it gets wrong.

In: prepared items. Out: elements added to those that feedgen made.

feedgen writes every link of an Atom entry without `rel`, `type` and `length`, knows neither id nor links of an Atom
`source`, has no `dc:creator` and no Media RSS, and sets the locale of the process for every date of an item. All of
that is left to these classes, and feedgen is never told of it. They are not derived from feedgen's bases, which are
empty: an extension is whatever has the methods that feedgen calls.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from email.utils import format_datetime
from typing import Protocol

from lxml.etree import SubElement, _Element

from aggregator.models import Enclosure, Item

ATOM = "http://www.w3.org/2005/Atom"
DC = "http://purl.org/dc/elements/1.1/"
MEDIA = "http://search.yahoo.com/mrss/"
_XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"


class EntryExtension(Protocol):
    """What feedgen and `aggregator.publish.feeds` ask of an extension for entries."""

    #: The item to show.
    item: Item
    #: Language of the feed; an item that has another one says so.
    language: str | None


def rfc822(moment: datetime) -> str:
    """A date as RSS 2.0 has it, with the zone as an offset; `moment` is in UTC."""
    return format_datetime(moment)


class RssChannel:
    """Namespaces, and the date that feedgen writes without leading zeros in its year."""

    def __init__(self) -> None:
        #: Date of the last change.
        self.updated: datetime

    def extend_ns(self) -> dict[str, str]:
        return {"dc": DC, "media": MEDIA}

    def extend_rss(self, rss: _Element) -> _Element:
        built = rss.find("channel/lastBuildDate")
        if built is not None:
            built.text = rfc822(self.updated)
        return rss


class RssItem:
    """Dates, authors, media and language of an RSS item."""

    def __init__(self) -> None:
        self.item: Item
        self.language: str | None = None

    def extend_rss(self, element: _Element) -> _Element:
        entry = self.item.entry
        for author in entry.authors:
            _add(element, f"{{{DC}}}creator", author)
        _add(element, "pubDate", rfc822(entry.published_at))
        _add(element, f"{{{ATOM}}}updated", entry.updated_at.isoformat())
        # An item may have one enclosure only (RSS Best Practices Profile); feedgen writes the first.
        for enclosure in entry.enclosures[1:]:
            _add(element, f"{{{MEDIA}}}content", **_media(enclosure))
        _add_thumbnail(element, entry.image)
        _add_language(element, entry.language, self.language)
        return element


class AtomFeed:
    """Namespaces of an Atom feed."""

    def extend_ns(self) -> dict[str, str]:
        return {"media": MEDIA}

    def extend_atom(self, feed: _Element) -> _Element:
        return feed


class AtomEntry:
    """Links, source, picture and language of an Atom entry.

    feedgen's Atom elements are in no namespace; a literal `xmlns` attribute on the root puts them into Atom's.
    """

    def __init__(self) -> None:
        self.item: Item
        self.language: str | None = None
        #: Newest change of the items of each source in this feed, by source id.
        self.updated: Mapping[str, datetime] = {}

    def extend_atom(self, element: _Element) -> _Element:
        entry = self.item.entry
        if entry.url is not None:
            _add(element, "link", href=entry.url, rel="alternate", type="text/html")
        if entry.comments_url is not None:
            # RFC 4685, section 4.
            _add(element, "link", href=entry.comments_url, rel="replies", type="text/html")
        for enclosure in entry.enclosures:
            link = _add(element, "link", href=enclosure.url, rel="enclosure", type=enclosure.type)
            if enclosure.length is not None:
                link.set("length", str(enclosure.length))
            if enclosure.title is not None:
                link.set("title", enclosure.title)
        _add_thumbnail(element, entry.image)
        self._add_source(element)
        _add_language(element, entry.language, self.language)
        return element

    def _add_source(self, element: _Element) -> None:
        """RFC 4287, section 4.2.11."""
        origin = self.item.origin
        source = SubElement(element, "source")
        _add(source, "id", origin.url)
        _add(source, "title", origin.name)
        _add(source, "updated", self.updated[origin.id].isoformat())
        _add(source, "link", href=origin.url, rel="self")
        if origin.home_url is not None:
            _add(source, "link", href=origin.home_url, rel="alternate", type="text/html")


def _media(enclosure: Enclosure) -> dict[str, str]:
    """Attributes of `media:content` (Media RSS 1.5.1)."""
    attributes = {"url": enclosure.url, "type": enclosure.type}
    if enclosure.length is not None:
        attributes["fileSize"] = str(enclosure.length)
    if enclosure.duration is not None:
        attributes["duration"] = str(enclosure.duration)
    return attributes


def _add_thumbnail(element: _Element, image: str | None) -> None:
    if image is not None:
        _add(element, f"{{{MEDIA}}}thumbnail", url=image)


def _add_language(element: _Element, own: str | None, general: str | None) -> None:
    if own is not None and own.lower() != (general or "").lower():
        element.set(_XML_LANG, own)


def _add(parent: _Element, tag: str, text: str | None = None, /, **attributes: str) -> _Element:
    element = SubElement(parent, tag, attributes)
    element.text = text
    return element
