"""Prepared items -> the items of an RSS feed, the entries of an Atom feed, and a whole JSON Feed.

In: items that `feeditems` prepared. Out: bytes; the XML is indented as it stands in a feed. Pure.

feedgen does not write the items: it writes every link of an Atom entry without `rel`, `type` and `length`, supports
neither id nor links of an Atom `source`, has no `dc:creator` and no Media RSS, sets the locale of the process for every
date of an item, and keeps and checks a copy of each value. The items are written as text, because a tree of elements
that is written only once takes much longer. The text is what lxml would write for such a tree, byte for byte.
"""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from aggregator.models import Enclosure
from aggregator.publish.feeds.escapes import allowed as _allowed
from aggregator.publish.feeds.escapes import content as _text
from aggregator.publish.feeds.escapes import value as _value
from aggregator.publish.feeds.extensions import (
    EXTENSIONS,
    INDENT,
    XmlFormat,
    authors_of_rss,
    category,
    copies,
    elements,
    files,
    json_members,
    thumbnails,
    uri_of,
)
from aggregator.publish.feeds.feeditems import Channel, FeedItem, Publisher
from aggregator.values.languages import valid_tag
from aggregator.values.markup import xml_text
from aggregator.values.plaintext import plain_text, synopsis

# -- RSS and Atom ------------------------------------------------------------------------------------------------------

#: Namespaces of the prefixes that are used here. Atom entries are in the namespace of the feed.
RSS_NAMESPACES = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "media": "http://search.yahoo.com/mrss/",
    "atom": "http://www.w3.org/2005/Atom",
    "content": "http://purl.org/rss/1.0/modules/content/",
}
ATOM_NAMESPACES = {"media": RSS_NAMESPACES["media"]}


def extensions_in(item: FeedItem, written: bytes) -> frozenset[str]:
    """Return the prefixes of `EXTENSIONS` that a written item has; few items have any."""
    if item.extras is None and not (item.enclosures and item.enclosures[0].duration is not None):
        return NO_EXTENSIONS
    return frozenset([prefix for prefix in EXTENSIONS if b"<%b:" % prefix.encode() in written])


NO_EXTENSIONS: frozenset[str] = frozenset()


# RFC 822, section 5.1; strftime would follow the locale.
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def rss_item(item: FeedItem, language: str | None) -> bytes:
    """Write an item of a channel.

    Args:
        language: the language of the feed; an item in another language gets an attribute.

    Raises:
        ValueError: the item holds a character that XML cannot hold.
    """
    # feedparser takes the last title of any element for that of the item, and rss2email shows it.
    titled = any(file.title is not None for file in item.enclosures)
    named = "".join(files(item, "rss")) if titled else ""
    before = [f"    <item{_language(item, language)}>\n{named}      <title>{_text(item.title)}</title>\n"]
    if item.url is not None:
        before.append(f"      <link>{_text(item.url)}</link>\n")
    # The title stands in for a missing synopsis, but not in an entry without any text, where it would be read as text.
    # The description goes before the body (RSS Best Practices Profile).
    if item.summary or item.html:
        words = item.summary or html.escape(synopsis(item.html) or item.title, quote=False)
        before.append(f"      <description>{_text(words)}</description>\n")
    permanent = "true" if item.id == item.url else "false"
    parts = [f'      <guid isPermaLink="{permanent}">{_text(item.id)}</guid>\n']
    if item.extras is None:
        parts += [f"      <category>{_text(tag)}</category>\n" for tag in item.tags]
    else:
        parts += [category(item, tag, "rss") for tag in item.tags]
    if item.comments_url is not None:
        parts.append(f"      <comments>{_text(item.comments_url)}</comments>\n")
    # An item may have only one enclosure (RSS Best Practices Profile).
    for file in item.enclosures[:1]:
        kind = _value(_allowed(file.type))
        parts.append(f'      <enclosure url="{_value(file.url)}" length="{file.length or 0}" type="{kind}"/>\n')
    source = item.source
    # The element requires an address.
    if source.url is not None:
        parts.append(f'      <source url="{_value(source.url)}">{_text(_allowed(source.name))}</source>\n')
    parts += [f"      <dc:creator>{_text(_allowed(author))}</dc:creator>\n" for author in item.authors]
    if item.extras is not None:
        parts += authors_of_rss(item)
    parts.append(
        f"      <pubDate>{rfc822(item.published_at)}</pubDate>\n"
        f"      <atom:updated>{item.updated_at.isoformat()}</atom:updated>\n"
    )
    parts += _rare(item, "rss", with_files=not titled)
    parts.append("    </item>\n")
    body = b"      <content:encoded>%b</content:encoded>\n" % _body(item.html) if item.html else b""
    return "".join(before).encode() + body + "".join(parts).encode()


def atom_entry(item: FeedItem, language: str | None) -> bytes:
    """Write an entry of a feed; as `rss_item`."""
    updated = item.updated_at.isoformat()
    before = [
        f"  <entry{_language(item, language)}>\n"
        f"    <id>{_text(item.id)}</id>\n"
        f"    <title>{_text(item.title)}</title>\n"
        f"    <updated>{updated}</updated>\n"
    ]
    if item.extras is None:
        authors = [_text(_allowed(author)) for author in item.authors]
        before += [f"    <author>\n      <name>{author}</name>\n    </author>\n" for author in authors]
    else:
        before += [_atom_author(item, author) for author in item.authors]
    body = b""
    if item.html or item.summary:
        body = b'    <content type="html">%b</content>\n' % _body(item.html or item.summary)
    elif item.url is None:
        # An entry without a link must have content, even if it is empty (RFC 4287, section 4.1.2).
        body = b'    <content type="html"/>\n'
    parts = []
    if item.html and item.summary:
        parts.append(f'    <summary type="html">{_text(item.summary)}</summary>\n')
    if item.extras is None:
        parts += [f'    <category term="{_value(tag)}"/>\n' for tag in item.tags]
    else:
        parts += [category(item, tag, "atom") for tag in item.tags]
    parts.append(f"    <published>{item.published_at.isoformat()}</published>\n")
    if item.url is not None:
        parts.append(f'    <link href="{_value(item.url)}" rel="alternate" type="text/html"/>\n')
    if item.comments_url is not None:
        # RFC 4685, section 4.
        parts.append(f'    <link href="{_value(item.comments_url)}" rel="replies" type="text/html"/>\n')
    parts += [_atom_enclosure(file) for file in item.enclosures]
    parts += _rare(item, "atom")
    parts += [_atom_source(item.source, updated), "  </entry>\n"]
    return "".join(before).encode() + body + "".join(parts).encode()


def _rare(item: FeedItem, form: XmlFormat, *, with_files: bool = True) -> list[str]:
    """Write what is not in every item: pictures, files, and the elements of other vocabularies."""
    if item.extras is None and not item.enclosures and not item.also_at:
        # Nearly all items: `element` takes longer.
        indent = INDENT[form]
        return [] if item.image is None else [f'{indent}<media:thumbnail url="{_value(item.image)}"/>\n']
    return [
        *(files(item, form) if with_files else ()),
        *thumbnails(item, form),
        *elements(item, form),
        *copies(item, form),
    ]


def _atom_author(item: FeedItem, author: str) -> str:
    uri = uri_of(item, author)
    more = "" if uri is None else f"      <uri>{_text(_allowed(uri))}</uri>\n"
    return f"    <author>\n      <name>{_text(_allowed(author))}</name>\n{more}    </author>\n"


def _atom_enclosure(file: Enclosure) -> str:
    kind = _value(_allowed(file.type))
    length = "" if file.length is None else f' length="{file.length}"'
    title = "" if file.title is None else f' title="{_value(file.title)}"'
    return f'    <link href="{_value(file.url)}" rel="enclosure" type="{kind}"{length}{title}/>\n'


def _atom_source(source: Publisher, updated: str) -> str:
    """Write the source of an entry (RFC 4287, section 4.2.11).

    It has the date of the entry, so that a change of another entry does not change this one.
    """
    own, home = source.url, source.home_url
    return (
        "    <source>\n"
        f"      <id>{_text(_allowed(source.id))}</id>\n"
        f"      <title>{_text(_allowed(source.name))}</title>\n"
        f"      <updated>{updated}</updated>\n"
        + ("" if own is None else f'      <link href="{_value(own)}" rel="self"/>\n')
        + ("" if home is None else f'      <link href="{_value(home)}" rel="alternate" type="text/html"/>\n')
        + "    </source>\n"
    )


def _language(item: FeedItem, general: str | None) -> str:
    own = item.language
    return "" if own is None or own.lower() == (general or "").lower() else f' xml:lang="{own}"'


def rfc822(moment: datetime) -> str:
    """Write a date in UTC as RFC 822 has it, with four digits in its year."""
    day, month = _DAYS[moment.weekday()], _MONTHS[moment.month - 1]
    return (
        f"{day}, {moment.day:02} {month} {moment.year:04} {moment.hour:02}:{moment.minute:02}:{moment.second:02} +0000"
    )


def _body(text: str) -> bytes:
    """Escape a long text as the content of an element; to replace bytes is faster than to replace characters."""
    data = text.encode().replace(b"&", b"&amp;").replace(b"<", b"&lt;").replace(b">", b"&gt;")
    return data.replace(b"\r", b"&#13;") if b"\r" in data else data


# -- JSON Feed ---------------------------------------------------------------------------------------------------------

_JSON_FEED = "https://jsonfeed.org/version/1.1"

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def render_jsonfeed(channel: Channel, items: Sequence[bytes]) -> bytes:
    """Render a JSON Feed 1.1 (jsonfeed.org/version/1.1) from items that `json_item` wrote."""
    feed = _filled(
        {
            "version": _JSON_FEED,
            "title": xml_text(channel.title),
            "home_page_url": channel.home(),
            "feed_url": channel.url("json"),
            "next_url": None if channel.previous is None else channel.page_url("json", channel.previous),
            "description": xml_text(channel.description),
            "icon": channel.icon,
            "authors": [{"name": xml_text(channel.author)}],
            "language": valid_tag(channel.language),
        }
    )
    return b'%b,"items":[%b]}\n' % (_opened(feed), b",".join(items))


def json_item(item: FeedItem, language: str | None) -> bytes:
    """Write an item of a JSON Feed; an extension `_origin` says where it comes from, and where else it is."""
    own_language = item.language if (item.language or "").lower() != (language or "").lower() else None
    known = {
        "id": item.id,
        "url": item.url,
        "title": item.title,
        "summary": plain_text(item.summary) if item.html and item.summary else None,
        "image": item.image,
        "date_published": item.published_at.isoformat(),
        "date_modified": item.updated_at.isoformat(),
        "authors": [{"name": author} for author in item.authors],
        "tags": item.tags,
        "language": own_language,
        "attachments": [_attachment(enclosure) for enclosure in item.enclosures],
        "_origin": _origin(item),
    }
    if item.extras is not None or item.comments_url is not None:
        known |= json_members(item)
    # One of content_html and content_text is required, even if it is empty.
    return b'%b,"content_html":"%b"}' % (_opened(_filled(known)), _quoted(item.html or item.summary))


def _origin(item: FeedItem) -> dict[str, Any]:
    """Return title, url and feed_url of the source, and title and url of the same item from others."""
    source, copies = item.source, [_filled({"title": one.name, "url": one.url}) for one in item.also_at]
    return _filled({"title": source.name, "url": source.home_url, "feed_url": source.url, "also_at": copies})


def _opened(members: dict[str, Any]) -> bytes:
    """Encode an object that has members, without the closing brace."""
    return _encode(members)[:-1].encode()


def _quoted(text: str) -> bytes:
    """Encode a long text without control characters as it stands between quotes; faster than `json`."""
    data = text.encode().replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")
    return data.replace(b"\r", b"\\r").replace(b"\t", b"\\t")


def _attachment(enclosure: Enclosure) -> dict[str, Any]:
    return _filled(
        {
            "url": enclosure.url,
            "mime_type": enclosure.type,
            "title": enclosure.title,
            "size_in_bytes": enclosure.length,
            "duration_in_seconds": enclosure.duration,
        }
    )


def _filled(members: dict[str, Any]) -> dict[str, Any]:
    """Return the members that have a value: an absent member means the same as an empty one."""
    return {name: value for name, value in members.items() if value}
