"""Items -> merged feeds in RSS 2.0, Atom 1.0 and JSON Feed 1.1.

In: a `Channel` and items, newest first. Out: `Rendered` feeds. Pure: the bytes depend on the channel and the items,
never on the time of the run. All formats have the same ids, titles, links, dates, authors, categories and bodies.

feedgen writes the head of a feed; `writers` writes the items, which are inserted where feedgen would put its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from itertools import repeat
from typing import Any, NamedTuple

from lxml.etree import ProcessingInstruction, SubElement, _Element

from aggregator.models import Item, Rendered
from aggregator.publish.feeds.extensions import EXTENSIONS
from aggregator.publish.feeds.feeditems import (
    FILE_NAMES,
    MEDIA_TYPES,
    STYLESHEET,
    Channel,
    FeedItem,
    Format,
    feed_item,
)
from aggregator.publish.feeds.writers import (
    ATOM_NAMESPACES,
    NO_EXTENSIONS,
    RSS_NAMESPACES,
    atom_entry,
    extensions_in,
    json_item,
    render_jsonfeed,
    rfc822,
    rss_item,
)
from aggregator.publish.permissions import permitted
from aggregator.publish.report import OutputFailure, sift, unexpected
from aggregator.values.languages import valid_tag
from aggregator.values.markup import xml_text

__all__ = [
    "FILE_NAMES",
    "RENDERERS",
    "STYLESHEET",
    "Channel",
    "Format",
    "WrittenItems",
    "render_category",
    "render_feeds",
]

GENERATOR = "aggregator"
_ATOM = RSS_NAMESPACES["atom"]
#: The namespace of RFC 5005.
_HISTORY = "http://purl.org/syndication/history/1.0"
_SYNDICATION = "http://purl.org/rss/1.0/modules/syndication/"
#: Its periods, in minutes.
_PERIODS = (("hourly", 60), ("daily", 24 * 60), ("weekly", 7 * 24 * 60))
#: Name by which feedgen knows the extension below.
_EXTENSION = "aggregator_head"
_XML = "http://www.w3.org/XML/1998/namespace"
#: The date of a feed without items.
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Written(NamedTuple):
    """An item in one format."""

    text: bytes
    #: Prefixes of the vocabularies that it uses, besides the usual ones.
    extensions: frozenset[str]


class WrittenItems:
    """Items as they stand in feeds: each is written once for all feeds and pages that show it one after the other.

    Args:
        size: bytes of items that are kept at most.
        various: whether feeds may show one item in various ways. To compare all of each item takes time.
    """

    def __init__(self, size: int = 32 << 20, *, various: bool = False) -> None:
        self._room = size
        self._various = various
        #: One text for each format, by item, formats and language; the least recently used first.
        self._kept: dict[tuple[int, str | int, tuple[Format, ...], str | None], tuple[_Written, ...]] = {}

    def write(
        self, items: Sequence[Item], formats: tuple[Format, ...], language: str | None
    ) -> Iterator[tuple[_Written, ...]]:
        """Return the texts of items, for each format those of all items; see `writers.rss_item`."""
        found = []
        for item in items:
            key = (item.pk, hash(item) if self._various else item.id, formats, language)
            texts = self._kept.pop(key, None)
            if texts is None:
                ready = feed_item(permitted(item))
                texts = tuple([_written(ready, _WRITERS[form](ready, language)) for form in formats])
                self._room -= sum([len(one.text) for one in texts])
            self._kept[key] = texts
            found.append(texts)
        while self._room < 0 and self._kept:
            self._room += sum([len(one.text) for one in self._kept.pop(next(iter(self._kept)))])
        return zip(*found, strict=True) if found else repeat((), len(formats))


def _written(item: FeedItem, text: bytes) -> _Written:
    return _Written(text, extensions_in(item, text))


def render_category(
    channel: Channel, items: Sequence[Item], formats: Sequence[Format], written: WrittenItems
) -> list[Rendered | OutputFailure]:
    """Render the feeds of one category, or a page of their archive.

    An item with which a format cannot be rendered is left out of it.

    Args:
        channel: the head of the feeds.
        items: the items in the order of the feed, each id once.
        formats: the feeds to render.
        written: items that were written for other feeds.

    Returns:
        The outputs, named relative to `public/`, and a failure for each item that is left out and for each feed that
        cannot be rendered at all.
    """
    try:
        outcomes: list[Rendered | OutputFailure] = list(render_feeds(channel, items, formats, written))
    except Exception:
        outcomes = [outcome for form in formats for outcome in _render_without(channel, items, form, written)]
    return [replace(one, name=channel.name(one.name)) if isinstance(one, Rendered) else one for one in outcomes]


def _render_without(
    channel: Channel, items: Sequence[Item], form: Format, written: WrittenItems
) -> list[Rendered | OutputFailure]:
    """Render one feed without the items with which it cannot be rendered, and return a failure for each of them."""
    what = f"public/{channel.name(FILE_NAMES[form])}"
    failures: list[Rendered | OutputFailure] = []

    def render(some: Sequence[Item]) -> tuple[Rendered, ...]:
        return render_feeds(channel, some, (form,), written)

    def leave_out(item: Item, error: Exception) -> None:
        failures.append(unexpected(f"entry {item.id!r}, which is left out of {what}", error))

    try:
        rendered, _ = sift(render, items, leave_out)
    except Exception as error:
        return [unexpected(what, error)]
    return [*rendered, *failures]


def render_feeds(
    channel: Channel, items: Sequence[Item], formats: Sequence[Format], written: WrittenItems | None = None
) -> tuple[Rendered, ...]:
    """Render the feeds of one category.

    Args:
        channel: the head of the feeds.
        items: the items in the order of the feed, each id once.
        formats: the feeds to render.
        written: items that were written for other feeds.

    Returns:
        One output for each format, in their order, named as in `FILE_NAMES`.
    """
    # The time of the last change of any item, or a fixed time for a feed without items.
    updated = max((item.entry.updated_at for item in items), default=_EPOCH)
    texts = (written or WrittenItems()).write(items, tuple(formats), valid_tag(channel.language))
    return tuple(
        Rendered(FILE_NAMES[form], MEDIA_TYPES[form], RENDERERS[form](channel, updated, entries))
        for form, entries in zip(formats, texts, strict=True)
    )


def _render_rss(channel: Channel, updated: datetime, items: Sequence[_Written]) -> bytes:
    """RSS 2.0 (rssboard.org/rss-specification), following the RSS Best Practices Profile."""
    feed = _head(channel, updated, "rss")
    extension = partial(_HeadExtension, channel, "rss", _namespaces("rss", items), updated)
    feed.register_extension(_EXTENSION, extension, atom=False)
    return _filled(feed.rss_str(pretty=True), items, b"  </channel>\n</rss>\n")


def _render_atom(channel: Channel, updated: datetime, items: Sequence[_Written]) -> bytes:
    """Atom 1.0 (RFC 4287)."""
    feed = _head(channel, updated, "atom")
    extension = partial(_HeadExtension, channel, "atom", _namespaces("atom", items), updated)
    feed.register_extension(_EXTENSION, extension, rss=False)
    return _filled(feed.atom_str(pretty=True), items, b"</feed>\n")


def _render_json(channel: Channel, updated: datetime, items: Sequence[_Written]) -> bytes:
    """JSON Feed 1.1, which has no date of the feed."""
    return render_jsonfeed(channel, [one.text for one in items])


def _namespaces(form: Format, items: Sequence[_Written]) -> dict[str, str]:
    """Return the namespaces of a feed by their prefixes; those that few items have only where one has them."""
    used = NO_EXTENSIONS.union(*[one.extensions for one in items if one.extensions])
    usual = RSS_NAMESPACES if form == "rss" else ATOM_NAMESPACES
    return usual | {prefix: name for prefix, name in EXTENSIONS.items() if prefix in used}


def _filled(feed: bytes, items: Sequence[_Written], end: bytes) -> bytes:
    """Return a feed with items inserted before its end."""
    if not feed.endswith(end):
        raise AssertionError(f"feedgen ends a feed with {feed[-len(end) :]!r}")
    return b"".join((feed[: -len(end)], *[one.text for one in items], end))


class _HeadExtension:
    """An extension for feedgen 1.0: what it cannot write of a head, and a date that it writes wrongly.

    It has the methods that feedgen calls; the base class of feedgen's own extensions is empty and not needed.
    """

    def __init__(self, channel: Channel, form: Format, namespaces: dict[str, str], updated: datetime) -> None:
        self._channel = channel
        self._form = form
        #: Those of the items.
        self._namespaces = namespaces
        self._updated = updated

    def extend_ns(self) -> dict[str, str]:
        rhythm = {} if self._channel.minutes is None else {"sy": _SYNDICATION}
        return self._namespaces | rhythm | ({} if self._channel.page is None else {"fh": _HISTORY})

    def extend_rss(self, rss: _Element) -> _Element:
        built = rss[0].find("lastBuildDate")
        if built is not None:
            # feedgen writes years without leading zeros.
            built.text = rfc822(self._updated)
        if language := valid_tag(self._channel.language):
            # For browsers: to them, the element `language` is text. feedgen sets it in Atom.
            rss.set(f"{{{_XML}}}lang", language)
        self._add_rhythm(rss[0])
        self._add_archive(rss[0])
        return self._styled(rss)

    def extend_atom(self, feed: _Element) -> _Element:
        self._add_rhythm(feed)
        self._add_archive(feed)
        return self._styled(feed)

    def _styled(self, root: _Element) -> _Element:
        """Name the stylesheet (W3C: Associating Style Sheets with XML documents)."""
        href = self._channel.stylesheet
        root.addprevious(ProcessingInstruction("xml-stylesheet", f'type="text/css" href="{href}"'))
        return root

    def _add_rhythm(self, parent: _Element) -> None:
        """Say how often there may be something new (RDF Site Summary 1.0 Modules: Syndication)."""
        if (minutes := self._channel.minutes) is not None:
            period, length = next((one for one in _PERIODS if minutes <= one[1]), _PERIODS[-1])
            SubElement(parent, f"{{{_SYNDICATION}}}updatePeriod").text = period
            SubElement(parent, f"{{{_SYNDICATION}}}updateFrequency").text = str(max(1, length // minutes))

    def _add_archive(self, parent: _Element) -> None:
        """Add what RFC 5005, section 4, says of archives."""
        for rel, url in _archive_links(self._channel, self._form):
            SubElement(parent, f"{{{_ATOM}}}link", href=url, rel=rel, type=MEDIA_TYPES[self._form])
        if self._channel.page is not None:
            SubElement(parent, f"{{{_HISTORY}}}archive")


def _archive_links(channel: Channel, form: Format) -> list[tuple[str, str]]:
    """Return the relation and the address of the other documents of a feed.

    There is no link to the next page: a page would have to be written again when the next one is added.
    """
    links = [] if channel.page is None else [("current", channel.url(form))]
    return links if channel.previous is None else [*links, ("prev-archive", channel.page_url(form, channel.previous))]


def _head(channel: Channel, updated: datetime, form: Format) -> Any:
    """Return a feedgen feed with everything but its items."""
    # Most runs render no feed, and the import of feedgen takes long.
    from feedgen.feed import FeedGenerator

    feed = FeedGenerator()
    title = xml_text(channel.title)
    feed.id(channel.url("atom"))
    feed.title(title)
    feed.description(xml_text(channel.description) or title)
    # feedgen uses the last link as the link of the RSS channel.
    own = channel.url(form) if channel.page is None else channel.page_url(form, channel.page)
    feed.link(href=own, rel="self", type=MEDIA_TYPES[form])
    feed.link(href=channel.home(), rel="alternate", type="text/html")
    feed.author({"name": xml_text(channel.author)})
    feed.generator(GENERATOR)
    feed.updated(updated)
    if channel.icon is not None:
        feed.icon(channel.icon)
        feed.image(channel.icon, title, channel.home())
    if channel.minutes is not None:
        feed.ttl(channel.minutes)
    if language := valid_tag(channel.language):
        feed.language(language)
    return feed


Renderer = Callable[[Channel, datetime, Sequence[_Written]], bytes]

RENDERERS: dict[Format, Renderer] = {"rss": _render_rss, "atom": _render_atom, "json": _render_json}
"""Every format by the name that `feeds.formats` gives."""
_WRITERS: dict[Format, Callable[[FeedItem, str | None], bytes]] = {
    "rss": rss_item,
    "atom": atom_entry,
    "json": json_item,
}
