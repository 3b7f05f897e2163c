"""Items made ready for all feed formats at once, so that all of them say the same.

In: items as stored. Out: the same items, in the same order, with values that RSS, Atom and JSON Feed can carry: no
character that XML forbids, no empty tags, an author each, media types on enclosures, language tags that are valid. One
odd item never spoils a feed: whatever it holds, it comes out as something that can be rendered. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache
from mimetypes import MimeTypes
from posixpath import splitext

from aggregator.models import Enclosure, Entry, Item, Origin
from aggregator.publish.values import language_tag, public_url, xml_text

# RFC 6838, section 4.2, with parameters.
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*(?:\s*;[^\x00-\x1f]*)?")


def prepared(items: Sequence[Item]) -> list[Item]:
    """Make items ready to be rendered."""
    return [_item(item) for item in items]


def _item(item: Item) -> Item:
    identity = xml_text(item.id)
    origin = _origin(item.origin)
    return replace(item, id=identity, origin=origin, entry=_entry(item.entry, identity, origin.name))


@cache
def _types() -> dict[str, str]:
    # Python's own table: the system's differs from machine to machine, and the bytes of a feed must not.
    return MimeTypes().types_map[True]


def _origin(origin: Origin) -> Origin:
    return replace(
        origin,
        name=xml_text(origin.name).strip() or origin.id,
        url=xml_text(public_url(origin.url)),
        home_url=_address(origin.home_url and public_url(origin.home_url)),
    )


def _entry(entry: Entry, identity: str, source_name: str) -> Entry:
    return replace(
        entry,
        url=_address(entry.url),
        title=xml_text(entry.title).strip() or identity,
        html=xml_text(entry.html),
        summary=xml_text(entry.summary),
        authors=_texts(entry.authors) or (source_name,),
        tags=_texts(entry.tags),
        enclosures=tuple(_enclosure(enclosure) for enclosure in entry.enclosures),
        image=_address(entry.image),
        comments_url=_address(entry.comments_url),
        language=language_tag(entry.language),
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
