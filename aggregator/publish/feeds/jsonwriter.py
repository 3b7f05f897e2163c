"""Prepared items -> JSON Feed 1.1 (jsonfeed.org/version/1.1).

In: a `Channel` and items that `feeditems` prepared. Out: bytes. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from aggregator.models import Enclosure
from aggregator.publish.feeds.channel import Channel
from aggregator.publish.feeds.feeditems import FeedItem
from aggregator.publish.feeds.synopsis import plain_text
from aggregator.values.languages import valid_tag
from aggregator.values.markup import xml_text

_VERSION = "https://jsonfeed.org/version/1.1"

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def render_jsonfeed(channel: Channel, items: Sequence[FeedItem]) -> bytes:
    """Render a feed; each item has an extension `_origin` with title, url and feed_url of its source."""
    language = valid_tag(channel.language)
    feed = _filled(
        {
            "version": _VERSION,
            "title": xml_text(channel.title),
            "home_page_url": channel.home(),
            "feed_url": channel.url("json"),
            "description": xml_text(channel.description),
            "authors": [{"name": xml_text(channel.author)}],
            "language": language,
        }
    )
    return b'%b,"items":[%b]}\n' % (_open(feed), b",".join([_item(item, language) for item in items]))


def _item(item: FeedItem, language: str | None) -> bytes:
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
        "_origin": _filled({"title": item.source.name, "url": item.source.home_url, "feed_url": item.source.url}),
    }
    # One of content_html and content_text is required, even if it is empty.
    return b'%b,"content_html":"%b"}' % (_open(_filled(known)), _quoted(item.html or item.summary))


def _open(members: dict[str, Any]) -> bytes:
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
