"""Extensions for feedgen 1.0: the items of a feed, and what feedgen gets wrong.

In: prepared items. Out: elements added to those that feedgen made.

feedgen makes the feed itself: its head, its namespaces, its bytes. The items are all made here: it writes every link of
an Atom entry without `rel`, `type` and `length`, knows neither id nor links of an Atom `source`, has no `dc:creator`
and no Media RSS, sets the locale of the process for every date of an item, and keeps and checks a copy of each value
before it writes it. The classes are not derived from feedgen's bases, which are empty: an extension is whatever has the
methods that feedgen calls.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from datetime import UTC, datetime

from lxml.etree import SubElement, _Element

from aggregator.models import Enclosure
from aggregator.publish.prepare import Publisher, Shown
from aggregator.publish.values import rfc822, synopsis

ATOM = "http://www.w3.org/2005/Atom"
CONTENT = "http://purl.org/rss/1.0/modules/content/"
DC = "http://purl.org/dc/elements/1.1/"
MEDIA = "http://search.yahoo.com/mrss/"
#: No source in an Atom feed has changed before.
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CREATOR = f"{{{DC}}}creator"
_ENCODED = f"{{{CONTENT}}}encoded"
_UPDATED = f"{{{ATOM}}}updated"
_CONTENT = f"{{{MEDIA}}}content"
_THUMBNAIL = f"{{{MEDIA}}}thumbnail"
_XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"


class RssItems:
    """Namespaces and items of an RSS feed, and the date that feedgen writes without leading zeros in its year.

    Args:
        items: the items, in order.
        updated: date of the last change.
        language: of the feed; an item that has another one says so.
    """

    def __init__(self, items: Sequence[Shown], updated: datetime, language: str | None) -> None:
        self._items = items
        self._updated = updated
        self._language = language

    def extend_ns(self) -> dict[str, str]:
        return {"dc": DC, "media": MEDIA}

    def extend_rss(self, rss: _Element) -> _Element:
        channel = rss[0]
        built = channel.find("lastBuildDate")
        if built is not None:
            built.text = rfc822(self._updated)
        for item in self._items:
            element = SubElement(channel, "item")
            self._describe(element, item)
            self._trace(element, item)
            _add_language(element, item.language, self._language)
        return rss

    @staticmethod
    def _describe(element: _Element, item: Shown) -> None:
        """What the item is about; the synopsis goes before the body (RSS Best Practices Profile)."""
        _text(element, "title", item.title)
        if item.url is not None:
            _text(element, "link", item.url)
        # Without words for a synopsis the title stands in; of an entry without any text it would be read as one.
        if item.summary or item.html:
            words = item.summary or html.escape(synopsis(item.html) or item.title, quote=False)
            _text(element, "description", words)
        if item.html:
            _text(element, _ENCODED, item.html)

    @staticmethod
    def _trace(element: _Element, item: Shown) -> None:
        """What it is called, where it is from, and what comes with it."""
        permanent = "true" if item.id == item.url else "false"
        _add(element, "guid", item.id, isPermaLink=permanent)
        for tag in item.tags:
            _text(element, "category", tag)
        if item.comments_url is not None:
            _text(element, "comments", item.comments_url)
        # An item may have one enclosure only (RSS Best Practices Profile).
        for first in item.enclosures[:1]:
            _add(element, "enclosure", url=first.url, length=str(first.length or 0), type=first.type)
        # Without an address there is no such element.
        if item.source.url is not None:
            _add(element, "source", item.source.name, url=item.source.url)
        for author in item.authors:
            _text(element, _CREATOR, author)
        _text(element, "pubDate", rfc822(item.published_at))
        _text(element, _UPDATED, item.updated_at.isoformat())
        for enclosure in item.enclosures[1:]:
            _add(element, _CONTENT, **_media(enclosure))
        _add_thumbnail(element, item.image)


class AtomEntries:
    """Namespaces and entries of an Atom feed.

    feedgen's Atom elements are in no namespace; a literal `xmlns` attribute on the root puts them into Atom's, and
    ours with them.

    Args:
        items: the items, in order.
        language: of the feed; an item that has another one says so.
    """

    def __init__(self, items: Sequence[Shown], language: str | None) -> None:
        self._items = items
        self._language = language

    def extend_ns(self) -> dict[str, str]:
        return {"media": MEDIA}

    def extend_atom(self, feed: _Element) -> _Element:
        for item in self._items:
            element = SubElement(feed, "entry")
            _text(element, "id", item.id)
            _text(element, "title", item.title)
            _text(element, "updated", item.updated_at.isoformat())
            for author in item.authors:
                _text(SubElement(element, "author"), "name", author)
            # An entry without a link must have one, if empty (RFC 4287, section 4.1.2).
            if item.html or item.summary or item.url is None:
                _add(element, "content", item.html or item.summary or None, type="html")
            if item.html and item.summary:
                _add(element, "summary", item.summary, type="html")
            for tag in item.tags:
                _add(element, "category", term=tag)
            _text(element, "published", item.published_at.isoformat())
            _add_links(element, item)
            _add_thumbnail(element, item.image)
            _add_source(element, item.source, item.updated_at)
            _add_language(element, item.language, self._language)
        return feed


def _add_links(element: _Element, item: Shown) -> None:
    if item.url is not None:
        _add(element, "link", href=item.url, rel="alternate", type="text/html")
    if item.comments_url is not None:
        # RFC 4685, section 4.
        _add(element, "link", href=item.comments_url, rel="replies", type="text/html")
    for enclosure in item.enclosures:
        link = _add(element, "link", href=enclosure.url, rel="enclosure", type=enclosure.type)
        if enclosure.length is not None:
            link.set("length", str(enclosure.length))
        if enclosure.title is not None:
            link.set("title", enclosure.title)


def _add_source(element: _Element, publisher: Publisher, updated: datetime) -> None:
    """RFC 4287, section 4.2.11; with the date of the entry, so that a change of another one is none of this."""
    source = SubElement(element, "source")
    _text(source, "id", publisher.id)
    _text(source, "title", publisher.name)
    _text(source, "updated", updated.isoformat())
    if publisher.url is not None:
        _add(source, "link", href=publisher.url, rel="self")
    if publisher.home_url is not None:
        _add(source, "link", href=publisher.home_url, rel="alternate", type="text/html")


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
        _add(element, _THUMBNAIL, url=image)


def _add_language(element: _Element, own: str | None, general: str | None) -> None:
    if own is not None and own.lower() != (general or "").lower():
        element.set(_XML_LANG, own)


def _add(parent: _Element, tag: str, text: str | None = None, /, **attributes: str) -> _Element:
    element = SubElement(parent, tag)
    # One by one they cost less than all at once.
    for name, value in attributes.items():
        element.set(name, value)
    element.text = text
    return element


def _text(parent: _Element, tag: str, text: str) -> None:
    SubElement(parent, tag).text = text
