"""Items -> merged feeds in RSS 2.0, Atom 1.0 and JSON Feed 1.1.

In: a `Channel` and items, newest first. Out: `Rendered` feeds. Pure: the bytes depend on the channel and the items,
never on the time of the run. All formats say the same: ids, titles, links, dates, authors, categories, bodies.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, cast

from feedgen.feed import FeedGenerator

from aggregator.models import Item, Rendered
from aggregator.publish import feedgen_ext as ext
from aggregator.publish.channel import FILE_NAMES, MEDIA_TYPES, Channel, Format
from aggregator.publish.jsonfeed import render_jsonfeed
from aggregator.publish.prepare import prepared
from aggregator.publish.values import language_tag, synopsis, xml_text

__all__ = ["FILE_NAMES", "RENDERERS", "Channel", "Format", "render_feeds"]

GENERATOR = "aggregator"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: Name under which feedgen keeps our extension.
_OURS = "ours"


def render_feeds(channel: Channel, items: Sequence[Item], formats: Iterable[Format]) -> tuple[Rendered, ...]:
    """Render the feeds of one category.

    Args:
        channel: the head of the feeds.
        items: the items in the order in which they are shown, each id once.
        formats: which feeds to render.

    Returns:
        One output for each format, in their order, named as in `FILE_NAMES`.
    """
    ready = prepared(items)
    return tuple(Rendered(FILE_NAMES[form], MEDIA_TYPES[form], RENDERERS[form](channel, ready)) for form in formats)


def _render_rss(channel: Channel, items: Sequence[Item]) -> bytes:
    """RSS 2.0 (rssboard.org/rss-specification), with the RSS Best Practices Profile's advice."""
    feed = _head(channel, items, "rss")
    feed.register_extension(_OURS, ext.RssChannel, ext.RssItem, atom=False)
    getattr(feed, _OURS).updated = _newest(items)
    for item in items:
        entry = item.entry
        element = _add_entry(feed, item, channel)
        element.guid(item.id, permalink=item.id == entry.url)
        if entry.url is not None:
            element.link(href=entry.url)
        _describe(element, item)
        if entry.comments_url is not None:
            element.comments(entry.comments_url)
        if entry.enclosures:
            first = entry.enclosures[0]
            element.enclosure(first.url, length=str(first.length or 0), type=first.type)
        element.source(url=item.origin.url, title=item.origin.name)
    return cast("bytes", feed.rss_str(pretty=True))


def _describe(element: Any, item: Item) -> None:
    """The synopsis goes into `description` and the body into `content:encoded`, in this order (the Profile's).

    Without words for a synopsis the title stands in: without a description, feedgen would put the body there.
    """
    entry = item.entry
    description = entry.summary or html.escape(synopsis(entry.html) or entry.title, quote=False)
    element.description(description, isSummary=True)
    if entry.html:
        element.content(entry.html)


def _render_atom(channel: Channel, items: Sequence[Item]) -> bytes:
    """Atom 1.0 (RFC 4287)."""
    feed = _head(channel, items, "atom")
    feed.register_extension(_OURS, ext.AtomFeed, ext.AtomEntry, rss=False)
    updated: dict[str, datetime] = {}
    for item in items:
        updated[item.origin.id] = max(item.entry.updated_at, updated.get(item.origin.id, _EPOCH))
    for item in items:
        entry = item.entry
        element = _add_entry(feed, item, channel)
        getattr(element, _OURS).updated = updated
        element.id(item.id)
        element.published(entry.published_at)
        element.updated(entry.updated_at)
        element.author([{"name": author} for author in entry.authors])
        # Always there, if empty: an entry without a link must have one (section 4.1.2).
        element.content(entry.html or entry.summary, type="html")
        if entry.html and entry.summary:
            element.summary(entry.summary, type="html")
    return cast("bytes", feed.atom_str(pretty=True))


def _head(channel: Channel, items: Sequence[Item], form: Format) -> Any:
    """A feedgen feed with everything but its entries."""
    feed = FeedGenerator()
    title = xml_text(channel.title)
    feed.id(channel.url("atom"))
    feed.title(title)
    feed.description(xml_text(channel.description) or title)
    # feedgen takes the last link as RSS's own.
    feed.link(href=channel.url(form), rel="self", type=MEDIA_TYPES[form])
    feed.link(href=channel.home_url, rel="alternate", type="text/html")
    feed.author({"name": xml_text(channel.author)})
    feed.generator(GENERATOR)
    feed.updated(_newest(items))
    if language := language_tag(channel.language):
        feed.language(language)
    return feed


def _add_entry(feed: Any, item: Item, channel: Channel) -> Any:
    element = feed.add_entry(order="append")
    ours: ext.EntryExtension = getattr(element, _OURS)
    ours.item = item
    ours.language = language_tag(channel.language)
    element.title(item.entry.title)
    element.category([{"term": tag} for tag in item.entry.tags])
    return element


def _newest(items: Sequence[Item]) -> datetime:
    """The last change of any item; a feed without items has been the same since ever."""
    return max((item.entry.updated_at for item in items), default=_EPOCH)


Renderer = Callable[[Channel, Sequence[Item]], bytes]

RENDERERS: dict[Format, Renderer] = {"rss": _render_rss, "atom": _render_atom, "json": render_jsonfeed}
"""Every format by the name that `feeds.formats` gives."""
