"""Read a JSON Feed, version 1.0 or 1.1 (jsonfeed.org/version/1.1).

In: a `TextDocument` with JSON. Out: a `ParsedFeed`. One value in place of a list is read as a list of one, a text in
place of an object as the name or address of the object, a number as text. Other values of a wrong type are ignored.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from aggregator.errors import ParseError
from aggregator.models import Enclosure, OriginalFeed, ParsedFeed, RawEntry, Text
from aggregator.parse import jsontext
from aggregator.parse.document import (
    MAX_AUTHORS,
    MAX_ENCLOSURES,
    MAX_ENTRIES,
    MAX_TAGS,
    TextDocument,
    address,
    empty_note,
    guid,
    looks_like_html,
    visible_text,
    whole_number,
    without_empty,
)
from aggregator.values.languages import found_tag
from aggregator.values.markup import FORBIDDEN

if TYPE_CHECKING:
    from aggregator.models.extras import Extras

_VERSION = re.compile(r"https?://(?:www\.)?jsonfeed\.org/version/1(\.1)?/?")


def read(document: TextDocument) -> ParsedFeed:
    """Read a JSON Feed.

    Raises:
        ParseError: ``unparsable`` for broken JSON, ``not_a_feed`` for any other JSON.
    """
    feed, left_out = _load(document)
    match = _VERSION.match(_string(feed.get("version")) or "")
    items = feed.get("items")
    if match is None and not (isinstance(items, list) and _string(feed.get("title"))):
        raise ParseError(f"this is JSON, but no JSON Feed: {_keys(feed)}", kind="not_a_feed", url=document.url)
    repairs = [*document.repairs, *(("text after the end of the feed was left out",) if left_out else ())]
    if not isinstance(items, list):
        if not isinstance(items, dict):
            repairs.append("it has no list of items")
        items = _listed(items)
    if len(items) > MAX_ENTRIES:
        repairs.append(f"only the first {MAX_ENTRIES:,} entries were read")
        items = items[:MAX_ENTRIES]
    inherited = _authors(feed)
    entries = [_entry(item if isinstance(item, dict) else {}, document.url, inherited) for item in items]
    return ParsedFeed(
        version="json11" if match and match.group(1) else "json10",
        reader="jsonfeed",
        entries=without_empty(entries),
        title=visible_text(_text(feed.get("title"), "", document.url)),
        home_url=address(feed.get("home_page_url"), document.url),
        language=found_tag(feed.get("language")),
        repairs=(*repairs, *empty_note(entries)),
    )


def _load(document: TextDocument) -> tuple[dict[str, Any], bool]:
    """Return the object at the start of the document, and whether text such as a comment of a cache follows."""
    text = document.text.strip()
    feed, end = jsontext.load(text, document.url)
    if not isinstance(feed, dict):
        raise ParseError("this is JSON, but no JSON Feed: a list", kind="not_a_feed", url=document.url)
    return feed, end < len(text)


def _keys(feed: dict[str, Any]) -> str:
    names = ", ".join(f"`{FORBIDDEN.sub('', key[:30])}`" for key in list(feed)[:5])
    return f"an object with {names}" if names else "an empty object"


def _entry(item: dict[str, Any], url: str, inherited: tuple[str, ...]) -> RawEntry:
    own = address(item.get("url"), url)
    link = own or address(item.get("external_url"), url)
    identity = _word(item.get("id"))
    base = own or url
    content = _text(item.get("content_html"), "html", base) or _text(item.get("content_text"), "text", base)
    return RawEntry(
        guid=guid(identity),
        url=link or address(identity),
        title=_text(item.get("title"), "", base),
        content=content,
        summary=_text(item.get("summary"), "", base),
        published=_date(item.get("date_published")),
        updated=_date(item.get("date_modified")),
        authors=_authors(item) or inherited,
        tags=_tags(item.get("tags")),
        enclosures=tuple(_enclosures(item.get("attachments"), base))[:MAX_ENCLOSURES],
        image=_address(item.get("image"), base) or _address(item.get("banner_image"), base),
        comments_url=_comments(item.get("_extras"), base),
        language=found_tag(item.get("language")),
        original_feed=_original_feed(item.get("_origin"), base),
        extras=_extras(item, link, base),
    )


def _extras(item: dict[str, Any], link: str | None, base: str) -> Extras | None:
    """Read what few items have: members of the format, and `_extras` of this program's own JSON Feeds."""
    authors = [one for one in _people(item, base) if len(one) > 1]
    external, banner = address(item.get("external_url"), base), _address(item.get("banner_image"), base)
    if "_extras" not in item and not authors and external in (None, link) and banner is None:
        return None
    # Few items have any, and this takes long to import.
    from aggregator.models.extras import Extras, Person, as_stored, from_plain

    found = from_plain(Extras, item.get("_extras"), as_stored) or Extras()
    made = replace(
        found,
        authors=tuple([Person(**one) for one in authors]),
        external_url=None if external == link else external,
        banner_image=banner,
    )
    return None if made == Extras() else made


def _comments(extras: Any, base: str) -> str | None:
    return address(extras.get("comments_url"), base) if isinstance(extras, dict) else None


def _people(item: dict[str, Any], base: str) -> Iterable[dict[str, str]]:
    """Read the authors of an item, with their addresses and pictures."""
    for one in _listed(item.get("authors") or item.get("author"))[:MAX_AUTHORS]:
        if isinstance(one, dict) and (name := _word(one.get("name"))):
            url, image = address(one.get("url"), base), address(one.get("avatar"), base)
            yield {"name": name} | ({"url": url} if url else {}) | ({"image": image} if image else {})


def _original_feed(value: Any, base: str) -> OriginalFeed | None:
    """Read the feed that an item comes from, as this program's own JSON Feeds name it."""
    if not isinstance(value, dict):
        return None
    title = visible_text(_text(value.get("title"), "text", base)) or ""
    return OriginalFeed(title, url=address(value.get("feed_url"), base), home_url=address(value.get("url"), base))


def _string(value: Any) -> str | None:
    """Read a text; escapes can name what the characters of a document cannot: NUL, controls, halves of surrogates."""
    return (FORBIDDEN.sub("", value).strip() or None) if isinstance(value, str) else None


def _word(value: Any) -> str | None:
    """Read a text that may be written as a number: an id, date, tag or title such as `1984`."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else _string(value)


def _text(value: Any, kind: Literal["text", "html", ""], base: str) -> Text | None:
    """Read a text of a kind; "": plain text by the specification, often markup in practice."""
    text = _string(value) if kind else _word(value)
    return Text(text, kind or ("html" if looks_like_html(text) else "text"), base) if text else None


def _date(value: Any) -> str | None:
    text = _word(value)
    return text if text and len(text) <= 200 else None


def _listed(value: Any) -> list[Any]:
    """Make a list: flatten a list in a list, wrap any other value, read null as an empty list."""
    if not isinstance(value, list):
        return [] if value is None else [value]
    return [one for found in value for one in (found if isinstance(found, list) else [found])]


def _member(value: Any, *names: str) -> str | None:
    """Read a text, or the first of the named members of an object that is one."""
    if not isinstance(value, dict):
        return _word(value)
    return next((text for name in names if (text := _word(value.get(name)))), None)


def _address(value: Any, base: str) -> str | None:
    return address(_member(value, "url"), base)


def _authors(found: dict[str, Any]) -> tuple[str, ...]:
    """Read `authors` of version 1.1, else `author` of 1.0."""
    for people in (found.get("authors"), found.get("author")):
        names = (_member(person, "name") for person in _listed(people))
        if known := tuple(dict.fromkeys(name for name in names if name)):
            return known[:MAX_AUTHORS]
    return ()


def _tags(value: Any) -> tuple[str, ...]:
    found = value.split(",") if isinstance(value, str) else _listed(value)
    names = (_member(tag, "name", "title", "label") for tag in found)
    return tuple(dict.fromkeys(name for name in names if name))[:MAX_TAGS]


def _enclosures(value: Any, base: str) -> Iterable[Enclosure]:
    for one in _listed(value):
        found = one if isinstance(one, dict) else {"url": one}
        if target := address(found.get("url"), base):
            yield Enclosure(
                url=target,
                type=_string(found.get("mime_type")) or "",
                length=whole_number(found.get("size_in_bytes")),
                title=_string(found.get("title")),
                duration=whole_number(found.get("duration_in_seconds")),
            )
