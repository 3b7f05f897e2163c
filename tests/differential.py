"""Readers beside each other, field by field: ours beside feedparser, and our strict one beside our tolerant one.

Entries are compared after `normalize`, in all fields. Every kind of difference that there may be is in `KINDS` (ours
and feedparser's) or in `READERS` (our two), with the reason why ours is right or why the two cannot agree.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime
from functools import partial
from io import BytesIO
from typing import Any

import feedparser

from aggregator.errors import ParseError
from aggregator.models import Enclosure, Entry, Fetched, Identified, RawEntry, Text
from aggregator.normalize.entry import normalize
from aggregator.normalize.identity import identify
from aggregator.parse import parse, tolerant, wellformed
from aggregator.parse.document import whole_number, without_empty
from aggregator.parse.sniff import sniff

URL = "https://site.example/feeds/main"
NOW = datetime(2030, 1, 1, tzinfo=UTC)

#: Ours beside feedparser, by kind.
KINDS = {
    "origin": "the feed that an entry was taken over from, as a whole; feedparser has its elements one by one",
    "refused": "we say that it is no feed or is cut off before its first entry; feedparser gives an empty or half feed",
    "count": "never half an entry; one that has a file only counts, one whose only content is no text does not",
    "encoding": "the bytes have the last word on the encoding; feedparser believes a wrong declaration",
    "id resolved": "feedparser resolves a guid such as `42` against the document's address; a guid is no link",
    "link": "links are http(s) only, the first alternate, else the guid where it is an address; none of a service that "
    "counts clicks where it says itself where the page is (feedburner:origLink)",
    "title": "the entry's own title, of the element that comes first; no title of an element further inside",
    "body": "the body is the content, not a second description or a summary of another vocabulary; the longer of "
    "description and itunes:summary; as HTML where it is HTML",
    "summary": "only one that says something else than the body; feedparser copies the content to it",
    "markup": "relative addresses in RSS start from the page that the item links to, not from the feed's address; an "
    "empty element of XHTML is not written as two of HTML, and the div around XHTML goes in every version of Atom",
    "date": "a date is the one the source names; feedparser copies `published` to `updated`, and the other way round",
    "author": "Atom entries inherit the feed's authors (RFC 4287, section 4.1.1); a name stays as it is written",
    "tags": "each once; the label, which is meant for people, before the term; commas in keywords part them",
    "enclosures": "addresses resolved and http(s) only, media:content counted in, each once, with the playing time; no "
    "type that the source does not name",
    "image": "media:content and relative addresses count, too; the feed's image and one inside of an element do not",
    "comments": "links to replies count, too",
    "language": "of the entry, its content or its title, in this order, as the source names it",
}
#: Our two readers beside each other, by kind.
READERS = {
    "refused": "no feed needs so many attributes, elements or namespaces: feedparser would take minutes for them",
    "UTF-8 twice": "feedparser mends text that was encoded twice, word by word; the strict reader where it is sure",
    "references": "a reference that XML does not know is HTML's for one and text for the other",
    "inline": "an element of SVG or MathML in markup is written with or without its prefix or namespace",
}
_FIELDS = {
    "key": "key",
    "guid": "id resolved",
    "url": "link",
    "title": "title",
    "html": "body",
    "summary": "summary",
    "authors": "author",
    "tags": "tags",
    "enclosures": "enclosures",
    "image": "image",
    "comments_url": "comments",
    "language": "language",
    "published_at": "date",
    "updated_at": "date",
    "dated": "date",
    "original_feed": "origin",
}
_TAGS = re.compile(r"<[^>]*>")
_TWICE = re.compile("[\u00c2-\u00f4][\u0080-\u00bf\u0152-\u2122]")


def fetched(body: bytes, content_type: str = "") -> Fetched:
    """A document as it came."""
    return Fetched(requested_url=URL, url=URL, status=200, content_type=content_type, body=body)


def differences(body: bytes, headers: dict[str, str] | None = None) -> Iterator[tuple[str, Any, Any]]:
    """Kind, our value and feedparser's, for each field in which the two differ."""
    try:
        theirs = feedparser.parse(
            BytesIO(body),
            response_headers={"content-location": URL, **(headers or {})},
            sanitize_html=False,
            resolve_relative_uris=False,
        )
    except ValueError:
        # feedparser itself fails on some addresses.
        return
    found = without_empty([*map(_raw, theirs.entries)])
    try:
        ours = parse(fetched(body, (headers or {}).get("content-type", "")))
    except ParseError as error:
        if found:
            yield "refused", str(error), len(found)
        return
    if ours.reader == "jsonfeed":
        return
    if len(ours.entries) != len(found):
        yield "count", len(ours.entries), len(found)
        return
    language = dict.get(theirs.feed, "language")
    for raw, other in zip(ours.entries, found, strict=True):
        garbled = "\ufffd" in repr(other) or any("read as" in text for text in ours.repairs)
        for name, left, right in _compared(_clean(raw, ours.language), _clean(other, language)):
            if _FIELDS[name] == "body" and _words(left) == _words(right):
                yield "markup", left, right
            else:
                yield ("encoding" if garbled else _FIELDS[name]), left, right


def between_readers(body: bytes) -> Iterator[tuple[str, Any, Any]]:
    """Kind, the strict reader's value and the tolerant one's; nothing where the strict one is not sure."""
    try:
        strict = wellformed.read_bytes(fetched(body)) or wellformed.read_document(sniff(fetched(body)))
    except ParseError:
        return
    if strict is None or strict.reader == "jsonfeed":
        return
    try:
        loose = tolerant.read(sniff(fetched(body)))
    except ParseError as error:
        yield "refused", len(strict.entries), str(error)
        return
    left, right = identify(strict.entries), identify(loose.entries)
    if len(left) != len(right):
        yield "count", len(left), len(right)
        return
    for mine, other in zip(left, right, strict=True):
        # What is equal before `normalize`, which is pure and most of the work, is equal after it.
        if (mine, strict.language) == (other, loose.language):
            continue
        for name, one, two in _compared(_normalized(mine, strict.language), _normalized(other, loose.language)):
            yield _kind_of(name, str(one), str(two)), one, two


def _kind_of(name: str, one: str, two: str) -> str:
    if (name == "key" and one.startswith("hash:")) or "http://www.w3.org/1998/Math/MathML" in two:
        return "inline"
    if _TWICE.search(one):
        return "UTF-8 twice"
    return "references" if "&" in one + two or "\n" in one else name


def _compared(one: Entry, other: Entry) -> Iterator[tuple[str, Any, Any]]:
    for field in fields(Entry):
        left, right = getattr(one, field.name), getattr(other, field.name)
        if left != right and field.name not in ("hash", "source_id"):
            yield field.name, left, right


def _clean(raw: RawEntry, language: str | None) -> Entry:
    # What a guid and an address make of an entry's key is no matter of the readers.
    return _normalized(Identified("", "", raw), language)


def _normalized(one: Identified, language: str | None) -> Entry:
    return normalize(one, source_id="s", language=language, now=NOW, known=None)


def _raw(found: Any) -> RawEntry:
    """What feedparser says of an entry, field by field, with nothing put right."""
    # `get` of its own dictionaries invents values.
    get = partial(dict.get, found)
    contents = [text for one in get("content") or () if (text := _text(one)) is not None]
    links = [link for link in get("links") or () if link.get("rel") == "enclosure" and link.get("href")]
    tags = [tag.get("label") or tag.get("term") for tag in get("tags") or ()]
    people = [person.get("name") or person.get("email") for person in get("authors") or ()]
    image = get("image")
    pictures = [one.get("url") for one in get("media_thumbnail") or ()]
    return RawEntry(
        guid=(get("id") or "").strip() or None,
        url=get("link"),
        title=_text(get("title_detail")),
        content=max(contents, key=lambda text: len(text.value), default=None),
        summary=_text(get("summary_detail")),
        published=get("published") or get("created"),
        updated=get("updated"),
        authors=tuple(name for name in people if name),
        tags=tuple(tag for tag in tags if tag),
        enclosures=tuple(
            Enclosure(link["href"], link.get("type") or "", whole_number(link.get("length")), link.get("title"))
            for link in links
        ),
        image=next(iter(pictures), None) or (image.get("href") if isinstance(image, dict) else None),
        comments_url=get("comments"),
        language=get("language"),
    )


def _text(detail: Any) -> Text | None:
    if not isinstance(detail, dict) or not (value := (detail.get("value") or "").strip()):
        return None
    plain = detail.get("type") in ("text/plain", None)
    return Text(value, "text" if plain else "html", detail.get("base") or URL)


def _words(markup: str) -> str:
    """The words alone: how markup is serialized is no difference."""
    return "".join(html.unescape(html.unescape(_TAGS.sub("", markup))).split())
