"""Make a `ParsedFeed` of feedparser's dictionaries.

They are copied to plain dictionaries first, because feedparser's own invent values: `updated` where there is only
`published`, `summary` for `description`. Texts stay as found; addresses are resolved, and those that are not http(s)
are ignored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from aggregator.models import Enclosure, OriginalFeed, ParsedFeed, RawEntry, Text
from aggregator.parse.builder import completed
from aggregator.parse.document import (
    MAX_AUTHORS,
    MAX_ENCLOSURES,
    MAX_TAGS,
    address,
    base_address,
    date_text,
    empty_note,
    guid,
    looks_like_html,
    permalink,
    relation,
    seconds,
    shows_more,
    visible_text,
    whole_number,
    without_empty,
)
from aggregator.parse.extras import GENERAL, read_extras
from aggregator.parse.xmltree import one_line
from aggregator.values.languages import found_tag
from aggregator.values.media_types import found_type

_HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})


def map_feed(parser: Any, url: str, repairs: tuple[str, ...]) -> ParsedFeed:
    """Make a feed of what feedparser's parser has found.

    Args:
        parser: one of feedparser's parsers after it has run.
        url: address of the document.
        repairs: what was repaired so far.
    """
    feed = dict(parser.feeddata)
    version = parser.version or "rss"
    inherited = _authors(feed) if version.startswith("atom") else ()
    home = _link(feed, url)
    entries = [_entry(dict(entry), url, version, inherited, home) for entry in parser.entries]
    return ParsedFeed(
        version=version,
        reader="feedparser",
        entries=without_empty(entries),
        title=visible_text(_own_text(feed, "title", url)),
        home_url=home,
        language=found_tag(feed.get("language")) or found_tag(parser.root_language),
        repairs=repairs + empty_note(entries),
        syndication=parser.hints.finish(),
        extras=read_extras([one for one in parser.feed_nodes if one.name in GENERAL], url),
    )


def _entry(entry: dict[str, Any], url: str, version: str, inherited: tuple[str, ...], home: str | None) -> RawEntry:
    get = entry.get
    linked = _entry_url(entry, url, version)
    found = _original(entry, "origlink", url) or linked
    # The base of an item of RSS is the page that it links to; that of Atom is the document (section 2).
    base = url if version.startswith("atom") else found or home or url
    media = [dict(one) for one in get("media_content") or ()]
    content, summary = _content(entry, base, url), _summary(entry, base)
    podcast = _own_text(entry, "itunes_summary", base)
    if content is None and podcast and summary and shows_more(podcast, summary):
        content = podcast
    return RawEntry(
        guid=guid(get("id")),
        url=found,
        title=_title(entry, url, version),
        content=content,
        summary=summary,
        published=date_text(get("published")) or date_text(get("created")),
        updated=date_text(get("updated")),
        authors=_authors(entry) or _authors(get("source") or {}) or inherited,
        tags=_tags(get("tags") or ()),
        enclosures=tuple(_enclosures(entry, media, base))[:MAX_ENCLOSURES],
        image=_image(entry, media, base),
        comments_url=address(get("comments"), base) or _link(entry, url, "replies"),
        language=found_tag(get("language"))
        or found_tag(get("own_language"))
        or _language_of(get("content"), get("title_detail")),
        former_url=linked if linked != found else None,
        original_feed=_original_feed(get("source"), url),
        extras=read_extras(get("nodes") or (), base),
    )


def _original_feed(source: Any, url: str) -> OriginalFeed | None:
    """Read the feed that an entry comes from."""
    if not isinstance(source, dict):
        return None
    named = visible_text(_own_text(source, "title", url)) or " ".join(str(source.get("title") or "").split())
    return OriginalFeed(
        title=named,
        id=guid(source.get("id")),
        url=_link(source, url, "self") or address(source.get("href"), url),
        home_url=_link(source, url),
    )


def _original(entry: dict[str, Any], name: str, url: str) -> str | None:
    """Return the publisher's address of something that a service that counts clicks links to."""
    return next(
        (said for prefix in ("feedburner", "pheedo") if (said := address(entry.get(f"{prefix}_{name}"), url))), None
    )


def _text(detail: Any, url: str) -> Text | None:
    """Read a text construct; None if it is empty, or of a type that is not text (images, archives, unknown XML)."""
    if not isinstance(detail, dict) or not (value := str(detail.get("value") or "").strip()):
        return None
    kind = str(detail.get("type") or "text/plain").partition(";")[0].strip().lower()
    if kind == "application/xhtml+xml" and "<" not in value:
        value = one_line(value)
    if kind in _HTML_TYPES:
        return Text(value, "html", base_address(detail.get("base"), url))
    if kind.startswith("text/") or "/" not in kind:
        return Text(value, "text", base_address(detail.get("base"), url))
    return None


def _own_text(found: Mapping[str, Any], key: str, url: str) -> Text | None:
    """Read the text construct `key`; its detail may be that of an inner element, such as the `title` of an author."""
    detail, value = found.get(f"{key}_detail"), found.get(key)
    if isinstance(detail, dict) and value and detail.get("value") != value:
        guessed = "text/html" if looks_like_html(value) else "text/plain"
        return _text({**detail, "value": value, "type": guessed}, url)
    return _text(detail, url)


def _content(entry: dict[str, Any], base: str, url: str) -> Text | None:
    texts = [text for text in (_text(detail, base) for detail in entry.get("content") or ()) if text is not None]
    return max(texts, key=lambda text: (text.type == "html", len(text.value)), default=None)


def _summary(entry: dict[str, Any], base: str) -> Text | None:
    # `summary` without `summary_detail` is feedparser's copy of the content.
    keys = ("summary", "itunes_summary", "media_description", "subtitle")
    return next((text for key in keys if (text := _own_text(entry, key, base)) is not None), None)


def _title(entry: dict[str, Any], url: str, version: str) -> Text | None:
    """Read the title; those of Atom name their type, others are text by specification and often markup in practice."""
    for key in ("title", "itunes_title", "media_title"):
        if (text := _own_text(entry, key, url)) is not None:
            known = text.type == "html" or (key == "title" and version.startswith("atom"))
            return text if known or not looks_like_html(text.value) else Text(text.value, "html", text.base)
    return None


def _link(found: Mapping[str, Any], url: str, rel: str = "alternate") -> str | None:
    """Return the first link of a relation, pages before other types (RFC 4287, section 4.2.7)."""
    links = [link for link in found.get("links") or () if relation(link.get("rel")) == rel and link.get("href")]
    links.sort(key=lambda link: link.get("type", "text/html") not in _HTML_TYPES)
    return next((resolved for link in links if (resolved := address(link["href"], url))), None)


def _entry_url(entry: dict[str, Any], url: str, version: str) -> str | None:
    if (link := _link(entry, url)) is not None:
        return link
    # A guid of RSS is the permalink unless it says otherwise; the id of an item of RSS 1.0 is its address.
    if entry.get("guid_is_url") and (found := permalink(entry.get("id"), entry.get("guid_base") or url)):
        return found
    if version in ("rss10", "rss090") and (found := address(entry.get("id"))):
        return found
    # Content that is not in the document (section 4.1.3.2).
    elsewhere = (address(one.get("src"), base_address(one.get("base"), url)) for one in entry.get("content") or ())
    return next((found for found in elsewhere if found), None)


def _authors(found: Mapping[str, Any]) -> tuple[str, ...]:
    names = []
    for person in found.get("authors") or ():
        name = person.get("name") or person.get("email") or ""
        names.append(name.strip())
    return tuple(dict.fromkeys(name for name in names if name))[:MAX_AUTHORS]


def _tags(found: Iterable[Any]) -> tuple[str, ...]:
    # A label is for people, a term for programs (RFC 4287, section 4.2.2.3).
    names = (str(tag.get("label") or tag.get("term") or "").strip() for tag in found)
    return tuple(dict.fromkeys(name for name in names if name))[:MAX_TAGS]


def _enclosures(entry: dict[str, Any], media: list[dict[str, Any]], url: str) -> Iterable[Enclosure]:
    links = [dict(link) for link in entry.get("links") or () if relation(link.get("rel")) == "enclosure"]
    if len(links) == 1 and (original := _original(entry, "origenclosurelink", url)):
        links[0]["href"] = original
    made: dict[str, Enclosure] = {}
    for found in [*links, *media]:
        target = address(found.get("href") or found.get("url"), url)
        if target is None:
            continue
        duration = found.get("duration") or (None if made else entry.get("itunes_duration"))
        file = Enclosure(
            url=target,
            type=found_type(found.get("type")),
            length=whole_number(found.get("length") or found.get("filesize")),
            title=found.get("title") or None,
            duration=seconds(duration),
        )
        made[target] = completed(made[target], file) if target in made else file
    return made.values()


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
        if isinstance(first, dict) and (found := found_tag(first.get("language"))):
            return found
    return None
