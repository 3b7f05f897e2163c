"""From feedparser's dictionaries to a `ParsedFeed`.

They are copied to plain dictionaries first, because feedparser's own invent values: `updated` where only `published`
is, `summary` for `description`. Texts stay as found; addresses are resolved and are http(s) or left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from aggregator.models import Enclosure, ParsedFeed, RawEntry, Text
from aggregator.parse.document import (
    MAX_AUTHORS,
    MAX_ENCLOSURES,
    MAX_TAGS,
    address,
    base_address,
    guid,
    language,
    says_something,
    size,
)
from aggregator.parse.values import date, looks_like_html, media_type, seconds, visible

_HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})


def map_feed(parser: Any, url: str, repairs: tuple[str, ...]) -> ParsedFeed:
    """What feedparser's parser has found, as a feed.

    Args:
        parser: one of feedparser's parsers after it has run.
        url: address of the document.
        repairs: what had to be repaired so far.
    """
    feed = dict(parser.feeddata)
    version = parser.version or "rss"
    inherited = _authors(feed) if version.startswith("atom") else ()
    entries = (_entry(dict(entry), url, version, inherited) for entry in parser.entries)
    return ParsedFeed(
        version=version,
        reader="feedparser",
        entries=tuple(entry for entry in entries if says_something(entry)),
        title=visible(_own_text(feed, "title", url)),
        home_url=_link(feed, url),
        language=language(feed.get("language")),
        repairs=repairs,
        syndication=parser.hints.finish(),
    )


def _entry(entry: dict[str, Any], url: str, version: str, inherited: tuple[str, ...]) -> RawEntry:
    get = entry.get
    media = [dict(found) for found in get("media_content") or ()]
    enclosures = tuple(_enclosures(entry, media, url))[:MAX_ENCLOSURES]
    return RawEntry(
        guid=guid(get("id")),
        url=_entry_url(entry, url, version),
        title=_own_text(entry, "title", url),
        content=_content(get("content") or (), url),
        summary=_summary(entry, url),
        published=date(get("published")) or date(get("created")),
        updated=date(get("updated")),
        authors=_authors(entry) or inherited,
        tags=_tags(get("tags") or ()),
        enclosures=enclosures,
        image=_image(entry, media, url),
        comments_url=address(get("comments"), url) or _link(entry, url, "replies"),
        language=language(get("language")) or _language_of(get("content"), get("title_detail")),
    )


def _text(detail: Any, url: str) -> Text | None:
    """A text construct; None where it is empty, or is of a type that is no text (images, archives, unknown XML)."""
    if not isinstance(detail, dict) or not (value := str(detail.get("value") or "").strip()):
        return None
    kind = str(detail.get("type") or "text/plain").partition(";")[0].strip().lower()
    if kind in _HTML_TYPES:
        return Text(value, "html", base_address(detail.get("base"), url))
    if kind.startswith("text/") or "/" not in kind:
        return Text(value, "text", base_address(detail.get("base"), url))
    return None


def _own_text(found: Mapping[str, Any], key: str, url: str) -> Text | None:
    """The text construct `key`; its detail may be of an element further inside, e.g. of an author's `title`."""
    detail, value = found.get(f"{key}_detail"), found.get(key)
    if isinstance(detail, dict) and value and detail.get("value") != value:
        guessed = "text/html" if looks_like_html(value) else "text/plain"
        return _text({**detail, "value": value, "type": guessed}, url)
    return _text(detail, url)


def _content(found: Iterable[Any], url: str) -> Text | None:
    texts = [text for text in (_text(detail, url) for detail in found) if text is not None]
    return max(texts, key=lambda text: (text.type == "html", len(text.value)), default=None)


def _summary(entry: dict[str, Any], url: str) -> Text | None:
    # `summary` without `summary_detail` is feedparser's copy of the content.
    for key in ("summary", "itunes_summary", "media_description"):
        if (text := _own_text(entry, key, url)) is not None:
            return text
    return None


def _link(found: Mapping[str, Any], url: str, rel: str = "alternate") -> str | None:
    """The first link of a relation, pages before other types (RFC 4287, section 4.2.7)."""
    links = [link for link in found.get("links") or () if link.get("rel") == rel and link.get("href")]
    links.sort(key=lambda link: link.get("type", "text/html") not in _HTML_TYPES)
    return next((resolved for link in links if (resolved := address(link["href"], url))), None)


def _entry_url(entry: dict[str, Any], url: str, version: str) -> str | None:
    if (link := _link(entry, url)) is not None:
        return link
    # An RSS guid is the permalink unless it says otherwise; an RSS 1.0 item is named by its address.
    if entry.get("guid_is_url") or version in ("rss10", "rss090"):
        return address(entry.get("id"))
    return None


def _authors(found: Mapping[str, Any]) -> tuple[str, ...]:
    names = []
    for person in found.get("authors") or ():
        name = person.get("name") or person.get("email") or ""
        names.append(name.strip())
    return tuple(dict.fromkeys(name for name in names if name))[:MAX_AUTHORS]


def _tags(found: Iterable[Any]) -> tuple[str, ...]:
    # A label is meant for people, a term for programs (RFC 4287, section 4.2.2.3).
    names = (str(tag.get("label") or tag.get("term") or "").strip() for tag in found)
    return tuple(dict.fromkeys(name for name in names if name))[:MAX_TAGS]


def _enclosures(entry: dict[str, Any], media: list[dict[str, Any]], url: str) -> Iterable[Enclosure]:
    links = [link for link in entry.get("links") or () if link.get("rel") == "enclosure"]
    seen: set[str] = set()
    for found in [*map(dict, links), *media]:
        target = address(found.get("href") or found.get("url"), url)
        if target is None or target in seen:
            continue
        seen.add(target)
        first = len(seen) == 1
        duration = found.get("duration") or (entry.get("itunes_duration") if first else None)
        yield Enclosure(
            url=target,
            type=media_type(found.get("type")),
            length=size(found.get("length") or found.get("filesize")),
            title=found.get("title") or None,
            duration=seconds(duration),
        )


def _image(entry: dict[str, Any], media: list[dict[str, Any]], url: str) -> str | None:
    pictures = [item for item in media if item.get("medium") == "image" or str(item.get("type")).startswith("image/")]
    image = entry.get("image")
    candidates = [
        *(found.get("url") for found in entry.get("media_thumbnail") or ()),
        image.get("href") if isinstance(image, dict) else None,
        *(found.get("url") for found in pictures),
    ]
    return next((resolved for found in candidates if (resolved := address(found, url))), None)


def _language_of(*details: Any) -> str | None:
    for detail in details:
        first = detail[0] if isinstance(detail, list) and detail else detail
        if isinstance(first, dict) and (found := language(first.get("language"))):
            return found
    return None
