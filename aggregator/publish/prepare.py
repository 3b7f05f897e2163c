"""Items made ready for all feed formats at once, so that all of them say the same.

In: items as stored. Out: what feeds show of them, in the same order, with values that RSS, Atom and JSON Feed can
carry: no character that XML forbids, no empty tags, an author each, media types on enclosures, language tags that are
valid. One odd item never spoils a feed: whatever it holds, it comes out as something that can be rendered. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from mimetypes import MimeTypes
from posixpath import splitext
from typing import NamedTuple

from aggregator.models import Enclosure, Item, Origin
from aggregator.publish.values import language_tag, public_url, xml_text

# RFC 6838, section 4.2, with parameters.
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*(?:\s*;[^\x00-\x1f]*)?")


class Publisher(NamedTuple):
    """The source of an item as feeds show it."""

    id: str
    #: Never empty.
    name: str
    url: str
    home_url: str | None


class Ready(NamedTuple):
    """An item as feeds show it."""

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


def prepared(items: Sequence[Item]) -> list[Ready]:
    """Make items ready to be rendered."""
    known: dict[Origin, Publisher] = {}
    made = []
    for item in items:
        source = known.get(item.origin)
        if source is None:
            source = known[item.origin] = _publisher(item.origin)
        made.append(_ready(item, source))
    return made


def _ready(item: Item, source: Publisher) -> Ready:
    entry, identity = item.entry, xml_text(item.id)
    return Ready(
        id=identity,
        url=_address(entry.url),
        title=xml_text(entry.title).strip() or identity,
        html=xml_text(entry.html),
        summary=xml_text(entry.summary),
        authors=_texts(entry.authors) or (source.name,),
        tags=_texts(entry.tags),
        enclosures=tuple([_enclosure(enclosure) for enclosure in entry.enclosures]),
        image=_address(entry.image),
        comments_url=_address(entry.comments_url),
        language=language_tag(entry.language),
        published_at=entry.published_at,
        updated_at=entry.updated_at,
        source=source,
    )


@cache
def _types() -> dict[str, str]:
    # Python's own table: the system's differs from machine to machine, and the bytes of a feed must not.
    return MimeTypes().types_map[True]


def _publisher(origin: Origin) -> Publisher:
    return Publisher(
        origin.id,
        name=xml_text(origin.name).strip() or origin.id,
        url=xml_text(public_url(origin.url)),
        home_url=_address(origin.home_url and public_url(origin.home_url)),
    )


def _enclosure(enclosure: Enclosure) -> Enclosure:
    given = enclosure.type.strip()
    return Enclosure(
        url=xml_text(enclosure.url),
        type=given if _MEDIA_TYPE.fullmatch(given) else _guess_type(enclosure.url),
        length=_natural(enclosure.length),
        title=(xml_text(enclosure.title).strip() or None) if enclosure.title else None,
        duration=_natural(enclosure.duration),
    )


def _guess_type(url: str) -> str:
    path = re.split("[?#]", url, maxsplit=1)[0].partition("://")[2].partition("/")[2]
    extension = splitext(path)[1].lower()
    return _types().get(extension, "application/octet-stream")


def _natural(number: int | None) -> int | None:
    return number if number is not None and number >= 0 else None


def _address(url: str | None) -> str | None:
    return (xml_text(url) or None) if url else None


def _texts(values: Iterable[str]) -> tuple[str, ...]:
    """Each value once, none of them empty."""
    return tuple(dict.fromkeys(text for value in values if (text := xml_text(value).strip())))
