"""Items prepared for all feed formats at once, so that all of them say the same.

In: items as stored. Out: what feeds show of them, in the same order, with values that RSS, Atom and JSON Feed can
carry: no character that XML forbids, no empty tags, at least one author, addresses that are URIs, media types of
enclosures, valid language tags. An odd item never spoils a feed: it is changed to something that can be rendered. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from mimetypes import MimeTypes
from posixpath import splitext
from typing import NamedTuple

from aggregator.models import Enclosure, Item, Origin, OriginalFeed
from aggregator.normalize.identity import minted_id
from aggregator.values.languages import valid_tag
from aggregator.values.markup import xml_text
from aggregator.values.media_types import is_valid
from aggregator.values.urls import clean_url


class Publisher(NamedTuple):
    """The feed that an item comes from, as feeds show it."""

    #: Its Atom id; never empty.
    id: str
    #: Never empty.
    name: str
    #: None where there is none, or it holds a secret.
    url: str | None
    home_url: str | None


class FeedItem(NamedTuple):
    """All that feeds show of an item, with values that every format can carry."""

    id: str
    url: str | None
    #: Never empty.
    title: str
    html: str
    summary: str
    #: At least one.
    authors: tuple[str, ...]
    tags: tuple[str, ...]
    enclosures: tuple[Enclosure, ...]
    image: str | None
    comments_url: str | None
    language: str | None
    published_at: datetime
    updated_at: datetime
    source: Publisher


def feed_items(items: Sequence[Item]) -> list[FeedItem]:
    """Return what feeds show of items, in the same order."""
    publishers: dict[tuple[Origin, OriginalFeed | None], Publisher] = {}
    made = []
    for item in items:
        origin, original = item.origin, item.entry.original_feed
        publisher = publishers.get((origin, original))
        if publisher is None:
            publisher = publishers[origin, original] = _publisher(origin, original)
        made.append(_feed_item(item, publisher))
    return made


def _publisher(origin: Origin, original: OriginalFeed | None) -> Publisher:
    """Return the feed that an item comes from: the original feed, if the source took the item over from another one."""
    if original is None or _same_place(original.url, origin.url) or _same_place(original.url, origin.home_url):
        key, id, name, url, home_url = origin.id, "", origin.name, origin.url, origin.home_url
    else:
        key, id, name = original.title, original.id or "", original.title
        url, home_url = original.url, original.home_url
    url = clean_url(url)
    return Publisher(
        id=id or url or minted_id("", key),
        name=xml_text(name).strip() or key,
        url=url,
        home_url=clean_url(home_url),
    )


def _same_place(one: str | None, other: str | None) -> bool:
    """Whether two addresses differ at most in their scheme and in a slash at their end."""
    return None not in (one, other) and _place(one or "") == _place(other or "")


def _place(url: str) -> str:
    return url.partition("://")[2].rstrip("/")


def _feed_item(item: Item, source: Publisher) -> FeedItem:
    entry = item.entry
    identity = xml_text(item.id)
    return FeedItem(
        id=identity,
        url=clean_url(entry.url),
        title=xml_text(entry.title).strip() or identity,
        html=_markup(entry.html),
        summary=_markup(entry.summary),
        authors=_texts(entry.authors) or (source.name,),
        tags=_texts(entry.tags),
        enclosures=tuple(
            [_enclosure(file, url) for file in entry.enclosures if (url := clean_url(file.url)) is not None]
        ),
        image=clean_url(entry.image),
        comments_url=clean_url(entry.comments_url),
        language=valid_tag(entry.language),
        published_at=entry.published_at,
        updated_at=entry.updated_at,
        source=source,
    )


def _markup(text: str) -> str:
    """Return the text as it is, or "" if it holds only white space."""
    text = xml_text(text)
    return "" if text.isspace() else text


@cache
def _types() -> dict[str, str]:
    # The table of Python: that of the system differs between machines, and the bytes of a feed must not.
    return MimeTypes().types_map[True]


def media_type(enclosure: Enclosure) -> str:
    """Return the media type of a file: the given one if it is valid, else the type that its name suggests."""
    given = enclosure.type.strip()
    return given if is_valid(given) else guessed_type(enclosure.url)


def _enclosure(enclosure: Enclosure, url: str) -> Enclosure:
    return Enclosure(
        url=url,
        type=media_type(enclosure),
        length=_positive(enclosure.length),
        title=(xml_text(enclosure.title).strip() or None) if enclosure.title else None,
        duration=_positive(enclosure.duration),
    )


def guessed_type(url: str) -> str:
    """Return the media type that the name of a file suggests."""
    path = re.split("[?#]", url, maxsplit=1)[0].partition("://")[2].partition("/")[2]
    extension = splitext(path)[1].lower()
    return _types().get(extension, "application/octet-stream")


def _positive(number: int | None) -> int | None:
    return number if number is not None and number > 0 else None


def _texts(values: Iterable[str]) -> tuple[str, ...]:
    """Each value that is not empty, once."""
    return tuple(dict.fromkeys(text for value in values if (text := xml_text(value).strip())))
