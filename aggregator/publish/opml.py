"""Configured sources, and the merged feeds -> lists of subscriptions in OPML 2.0 (opml.org/spec2.opml).

In: sources, categories, and what the feeds say about themselves; or the heads of the merged feeds. Out: one `Rendered`.
Pure: the same sources give the same bytes, without the time of the run.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from lxml.etree import Element, SubElement, _Element, tostring

from aggregator.models import Category, Rendered, Source
from aggregator.publish.feeds import Channel, Format
from aggregator.values.languages import valid_tag
from aggregator.values.markup import xml_text
from aggregator.values.urls import clean_url

if TYPE_CHECKING:
    from aggregator.store import FeedMetadata

FILE_NAME = "opml.xml"
"""The list of the sources."""

OWN_FILE_NAME = "feeds.opml"
"""The list of the merged feeds."""

MEDIA_TYPE = "text/x-opml"
#: The format that the list of the merged feeds names where there are several: who imports it subscribes once.
_PREFERRED: tuple[Format, ...] = ("atom", "rss", "json")


def render_opml(
    title: str,
    sources: Sequence[Source],
    categories: Mapping[str, Category],
    metadata: Mapping[str, FeedMetadata],
) -> Rendered:
    """Render the list.

    Args:
        title: title of the list.
        sources: the sources, in the order in which they are shown.
        categories: by slug, in the order in which they are shown; sources of an implicit one stand at the top level,
            after all groups.
        metadata: by source id, the titles and home pages that the feeds give themselves.

    Returns:
        The list, named `FILE_NAME`. Sources have ``type="rss"`` for any format of their feed, as OPML requires; pages
        without a feed have ``type="link"``. Addresses are URIs without passwords. An address that holds a secret is
        left out; the list then has the name of the source, and its home page as a link.
    """
    opml, body = _document(title)
    members: dict[str, list[Source]] = {slug: [] for slug in categories}
    for source in sources:
        members[source.category].append(source)
    for category in sorted(categories.values(), key=lambda category: category.implicit):
        group = body
        if not category.implicit and members[category.slug]:
            group = _outline(body, category.title)
        for source in members[category.slug]:
            _add_source(group, source, metadata.get(source.id))
    return _rendered(FILE_NAME, opml)


def render_own(title: str, feeds: Iterable[tuple[Channel, Collection[Format]]]) -> Rendered:
    """Render the list of the merged feeds, each once.

    Args:
        title: title of the list.
        feeds: the heads of the feeds with the formats that are published, in the order in which they are shown.
    """
    opml, body = _document(title)
    for channel, formats in feeds:
        form = next(form for form in _PREFERRED if form in formats)
        outline = _outline(body, channel.title)
        if channel.description:
            outline.set("description", xml_text(channel.description))
        outline.set("type", "rss")
        outline.set("xmlUrl", channel.url(form))
        outline.set("htmlUrl", channel.home())
        if language := valid_tag(channel.language):
            outline.set("language", language)
    return _rendered(OWN_FILE_NAME, opml)


def _document(title: str) -> tuple[_Element, _Element]:
    """Return a document with a head, and its body, which is empty."""
    opml = Element("opml", version="2.0")
    head = SubElement(opml, "head")
    SubElement(head, "title").text = xml_text(title)
    SubElement(head, "docs").text = "http://opml.org/spec2.opml"
    return opml, SubElement(opml, "body")


def _rendered(name: str, opml: _Element) -> Rendered:
    return Rendered(name, MEDIA_TYPE, tostring(opml, encoding="UTF-8", xml_declaration=True, pretty_print=True))


def _add_source(parent: _Element, source: Source, metadata: FeedMetadata | None) -> None:
    name = source.name or (metadata.title if metadata else None) or source.fallback_name
    outline = _outline(parent, name)
    home, own = clean_url(metadata.home_url if metadata else None), clean_url(source.public_url)
    if source.kind == "feed" and own is not None:
        outline.set("type", "rss")
        outline.set("xmlUrl", own)
        if home is not None:
            outline.set("htmlUrl", home)
    elif (link := own or home) is not None:
        outline.set("type", "link")
        outline.set("url", link)


def _outline(parent: _Element, text: str) -> _Element:
    text = xml_text(text)
    return SubElement(parent, "outline", text=text, title=text)
