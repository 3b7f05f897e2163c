"""Items -> merged feeds in RSS 2.0, Atom 1.0 and JSON Feed 1.1.

In: a `Channel` and items, newest first. Out: `Rendered` feeds. Pure: the bytes depend on the channel and the items,
never on the time of the run. All formats say the same: ids, titles, links, dates, authors, categories, bodies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, cast

from aggregator.models import Rendered
from aggregator.publish import feedgen_ext as ext
from aggregator.publish.channel import FILE_NAMES, MEDIA_TYPES, Channel, Format
from aggregator.publish.jsonfeed import render_jsonfeed
from aggregator.publish.prepare import Shown, prepared
from aggregator.publish.values import language_tag, xml_text

__all__ = ["FILE_NAMES", "RENDERERS", "Channel", "Format", "render_feeds"]

GENERATOR = "aggregator"
#: Name under which feedgen keeps our extension.
_OURS = "ours"


def render_feeds(channel: Channel, items: Sequence[Shown], formats: Iterable[Format]) -> tuple[Rendered, ...]:
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


def _render_rss(channel: Channel, items: Sequence[Shown]) -> bytes:
    """RSS 2.0 (rssboard.org/rss-specification), with the RSS Best Practices Profile's advice."""
    updated = _newest(items)
    feed = _head(channel, updated, "rss")
    ours = partial(ext.RssItems, items, updated, language_tag(channel.language))
    feed.register_extension(_OURS, ours, atom=False)
    return cast("bytes", feed.rss_str(pretty=True))


def _render_atom(channel: Channel, items: Sequence[Shown]) -> bytes:
    """Atom 1.0 (RFC 4287)."""
    feed = _head(channel, _newest(items), "atom")
    feed.register_extension(_OURS, partial(ext.AtomEntries, items, language_tag(channel.language)), rss=False)
    return cast("bytes", feed.atom_str(pretty=True))


def _head(channel: Channel, updated: datetime, form: Format) -> Any:
    """A feedgen feed with everything but its items, which an extension of ours adds."""
    # Most runs render no feed, and feedgen takes long to import.
    from feedgen.feed import FeedGenerator

    feed = FeedGenerator()
    title = xml_text(channel.title)
    feed.id(channel.url("atom"))
    feed.title(title)
    feed.description(xml_text(channel.description) or title)
    # feedgen takes the last link as RSS's own.
    feed.link(href=channel.url(form), rel="self", type=MEDIA_TYPES[form])
    feed.link(href=channel.home(), rel="alternate", type="text/html")
    feed.author({"name": xml_text(channel.author)})
    feed.generator(GENERATOR)
    feed.updated(updated)
    if language := language_tag(channel.language):
        feed.language(language)
    return feed


def _newest(items: Sequence[Shown]) -> datetime:
    """The last change of any item; a feed without items has been the same since ever."""
    return max((item.updated_at for item in items), default=ext.EPOCH)


Renderer = Callable[[Channel, Sequence[Shown]], bytes]

RENDERERS: dict[Format, Renderer] = {"rss": _render_rss, "atom": _render_atom, "json": render_jsonfeed}
"""Every format by the name that `feeds.formats` gives."""
