"""Items made ready for all feed formats at once, so that all of them say the same.

In: items as stored. Out: what feeds show of them, in the same order, with values that RSS, Atom and JSON Feed can
carry: no character that XML forbids, no empty tags, an author each, addresses that are URIs, media types on enclosures,
language tags that are valid. One odd item never spoils a feed: whatever it holds, it comes out as something that can be
rendered. Pure.
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
from aggregator.values.media_types import is_valid
from aggregator.values.urls import clean_url
from aggregator.values.xmltext import xml_text


class Publisher(NamedTuple):
    """The feed that an item is from as feeds show it."""

    #: What an id is made of for one that has neither an id nor an address.
    key: str
    #: Its Atom id, "" where it has none; never empty, once prepared.
    id: str
    #: Never empty, once prepared.
    name: str
    #: None where there is none, or it holds a secret.
    url: str | None
    home_url: str | None


class Shown(NamedTuple):
    """All that feeds show of an item. A tuple: on the way to another process an `Item` costs three times as much."""

    id: str
    url: str | None
    #: Never empty, once prepared.
    title: str
    html: str
    summary: str
    #: At least one, once prepared.
    authors: tuple[str, ...]
    tags: tuple[str, ...]
    enclosures: tuple[Enclosure, ...]
    image: str | None
    comments_url: str | None
    language: str | None
    published_at: datetime
    updated_at: datetime
    source: Publisher


def shown(items: Sequence[Item]) -> tuple[Shown, ...]:
    """Take what feeds show from items, as it is."""
    sources: dict[tuple[Origin, OriginalFeed | None], Publisher] = {}
    made = []
    for item in items:
        entry, origin = item.entry, item.origin
        source = sources.get((origin, entry.original_feed))
        if source is None:
            source = sources[origin, entry.original_feed] = _origin(origin, entry.original_feed)
        made.append(
            Shown(
                item.id,
                entry.url,
                entry.title,
                entry.html,
                entry.summary,
                entry.authors,
                entry.tags,
                entry.enclosures,
                entry.image,
                entry.comments_url,
                entry.language,
                entry.published_at,
                entry.updated_at,
                source,
            )
        )
    return tuple(made)


def _origin(origin: Origin, original: OriginalFeed | None) -> Publisher:
    """The feed that an item is from: the one that it was taken over from, where the source names another one."""
    if original is None or _same_place(original.url, origin.url) or _same_place(original.url, origin.home_url):
        return Publisher(origin.id, "", origin.name, origin.url, origin.home_url)
    return Publisher(original.title, original.id or "", original.title, original.url, original.home_url)


def _same_place(one: str | None, other: str | None) -> bool:
    """Whether two addresses differ at most in their scheme and in a slash at their end."""
    return None not in (one, other) and _place(one or "") == _place(other or "")


def _place(url: str) -> str:
    return url.partition("://")[2].rstrip("/")


def prepared(items: Sequence[Shown]) -> list[Shown]:
    """Make items ready to be rendered."""
    sources = {source: _publisher(source) for source in {item.source for item in items}}
    return [_prepared(item, sources[item.source]) for item in items]


def _prepared(item: Shown, source: Publisher) -> Shown:
    identity = xml_text(item.id)
    return Shown(
        id=identity,
        url=clean_url(item.url),
        title=xml_text(item.title).strip() or identity,
        html=_markup(item.html),
        summary=_markup(item.summary),
        authors=_texts(item.authors) or (source.name,),
        tags=_texts(item.tags),
        enclosures=tuple(
            [_enclosure(file, url) for file in item.enclosures if (url := clean_url(file.url)) is not None]
        ),
        image=clean_url(item.image),
        comments_url=clean_url(item.comments_url),
        language=valid_tag(item.language),
        published_at=item.published_at,
        updated_at=item.updated_at,
        source=source,
    )


def _markup(text: str) -> str:
    """The text as it is; "" where there is nothing but white space in it."""
    text = xml_text(text)
    return "" if text.isspace() else text


@cache
def _types() -> dict[str, str]:
    # Python's own table: the system's differs from machine to machine, and the bytes of a feed must not.
    return MimeTypes().types_map[True]


def _publisher(source: Publisher) -> Publisher:
    url = clean_url(source.url)
    return Publisher(
        source.key,
        id=source.id or url or minted_id("", source.key),
        name=xml_text(source.name).strip() or source.key,
        url=url,
        home_url=clean_url(source.home_url),
    )


def media_type(enclosure: Enclosure) -> str:
    """The media type of a file: the one that is told, else what its name says."""
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
    """The media type that the name of a file speaks for."""
    path = re.split("[?#]", url, maxsplit=1)[0].partition("://")[2].partition("/")[2]
    extension = splitext(path)[1].lower()
    return _types().get(extension, "application/octet-stream")


def _positive(number: int | None) -> int | None:
    return number if number is not None and number > 0 else None


def _texts(values: Iterable[str]) -> tuple[str, ...]:
    """Each value once, none of them empty."""
    return tuple(dict.fromkeys(text for value in values if (text := xml_text(value).strip())))
