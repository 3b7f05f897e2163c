"""Read a JSON Feed, version 1.0 or 1.1 (jsonfeed.org/version/1.1).

In: a `Document` with JSON. Out: a `ParsedFeed`. Fields of the wrong type are left out, items of the wrong type are
skipped, and the rest is kept; numbers are taken as ids, as the specification asks of readers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from aggregator.errors import ParseError
from aggregator.models import Enclosure, ParsedFeed, RawEntry, Text
from aggregator.parse.document import (
    MAX_AUTHORS,
    MAX_ENCLOSURES,
    MAX_ENTRIES,
    MAX_TAGS,
    Document,
    address,
    guid,
    language,
    says_something,
    size,
)

_VERSION = re.compile(r"https?://(?:www\.)?jsonfeed\.org/version/1(\.1)?/?")
#: Escapes can carry what the document's own characters cannot: NUL, controls, halves of surrogate pairs.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def read(document: Document) -> ParsedFeed:
    """Read a JSON Feed.

    Raises:
        ParseError: ``unparsable`` for broken JSON, ``not_a_feed`` for any other JSON.
    """
    feed = _load(document)
    match = _VERSION.match(_string(feed.get("version")) or "")
    items = feed.get("items")
    if match is None and not (isinstance(items, list) and _string(feed.get("title"))):
        raise ParseError(f"this is JSON, but no JSON Feed: {_keys(feed)}", kind="not_a_feed", url=document.url)
    repairs = list(document.repairs)
    if not isinstance(items, list):
        repairs.append("it has no list of items")
        items = []
    if len(items) > MAX_ENTRIES:
        repairs.append(f"only the first {MAX_ENTRIES:,} entries were read")
        items = items[:MAX_ENTRIES]
    inherited = _authors(feed)
    entries = (_entry(item, document.url, inherited) for item in items if isinstance(item, dict))
    return ParsedFeed(
        version="json11" if match and match.group(1) else "json10",
        reader="jsonfeed",
        entries=tuple(entry for entry in entries if says_something(entry)),
        title=" ".join((_string(feed.get("title")) or "").split()) or None,
        home_url=address(feed.get("home_page_url"), document.url),
        language=language(feed.get("language")),
        repairs=tuple(repairs),
    )


def _load(document: Document) -> dict[str, Any]:
    try:
        feed = json.loads(document.text, strict=False, parse_constant=lambda name: None)
    except RecursionError:
        raise ParseError("the JSON is nested too deeply", kind="unparsable", url=document.url) from None
    except json.JSONDecodeError as error:
        message = f"broken JSON: {error.msg} in line {error.lineno}, column {error.colno}"
        if error.pos >= len(document.text.rstrip()) or error.msg.startswith("Unterminated"):
            message = f"the document is cut off: {message}"
        raise ParseError(message, kind="unparsable", url=document.url) from None
    except ValueError as error:
        raise ParseError(f"broken JSON: {error}", kind="unparsable", url=document.url) from None
    if not isinstance(feed, dict):
        raise ParseError("this is JSON, but no JSON Feed: a list", kind="not_a_feed", url=document.url)
    return feed


def _keys(feed: dict[str, Any]) -> str:
    names = ", ".join(_FORBIDDEN.sub("", key[:30]) for key in list(feed)[:5])
    return f"an object with {names}" if names else "an empty object"


def _entry(item: dict[str, Any], url: str, inherited: tuple[str, ...]) -> RawEntry:
    own = address(item.get("url"), url)
    link = own or address(item.get("external_url"), url)
    identity = item.get("id")
    if isinstance(identity, int | float) and not isinstance(identity, bool):
        identity = str(identity)
    base = own or url
    content = _text(item.get("content_html"), "html", base) or _text(item.get("content_text"), "text", base)
    return RawEntry(
        guid=guid(_string(identity)),
        url=link or address(_string(identity)),
        title=_text(item.get("title"), "text", base),
        content=content,
        summary=_text(item.get("summary"), "text", base),
        published=_date(item.get("date_published")),
        updated=_date(item.get("date_modified")),
        authors=_authors(item) or inherited,
        tags=_tags(item.get("tags")),
        enclosures=tuple(_enclosures(item.get("attachments"), url))[:MAX_ENCLOSURES],
        image=address(item.get("image"), url) or address(item.get("banner_image"), url),
        language=language(item.get("language")),
    )


def _string(value: Any) -> str | None:
    return (_FORBIDDEN.sub("", value).strip() or None) if isinstance(value, str) else None


def _text(value: Any, kind: Any, base: str) -> Text | None:
    text = _string(value)
    return Text(text, kind, base) if text else None


def _date(value: Any) -> str | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    text = _string(value)
    return text if text and len(text) <= 200 else None


def _authors(found: dict[str, Any]) -> tuple[str, ...]:
    """`authors` of version 1.1, else `author` of 1.0."""
    people = found.get("authors")
    if not isinstance(people, list):
        people = [found.get("author")]
    names = (_string(person.get("name")) for person in people if isinstance(person, dict))
    return tuple(dict.fromkeys(name for name in names if name))[:MAX_AUTHORS]


def _tags(value: Any) -> tuple[str, ...]:
    names = (_string(tag) for tag in (value if isinstance(value, list) else ()))
    return tuple(dict.fromkeys(name for name in names if name))[:MAX_TAGS]


def _enclosures(value: Any, url: str) -> Iterable[Enclosure]:
    for found in value if isinstance(value, list) else ():
        if isinstance(found, dict) and (target := address(found.get("url"), url)):
            yield Enclosure(
                url=target,
                type=_string(found.get("mime_type")) or "",
                length=size(found.get("size_in_bytes")),
                title=_string(found.get("title")),
                duration=size(found.get("duration_in_seconds")),
            )
