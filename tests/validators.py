"""Validators for published feeds, written from the specifications, and a reader that gives back what they say.

Each check returns complaints, none for a valid feed:

- RSS 2.0 (rssboard.org/rss-specification) with the RSS Best Practices Profile;
- Atom 1.0 (RFC 4287): the schema in `data/atom.rng` and what the text demands beyond it;
- JSON Feed 1.1 (jsonfeed.org/version/1.1), see `tests.validators_json`;
- the elements of other namespaces, see `tests.validators_extensions`;
- OPML 2.0 (opml.org/spec2.opml), as far as lists of subscriptions go.

`tests.validators_public` checks a whole folder of them, with the archives (RFC 5005).
"""

from __future__ import annotations

import json
import re
from calendar import timegm
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache

import feedparser
from lxml import etree

from tests import DATA
from tests.validators_extensions import ATOM, CONTENT, DC, MEDIA, check_extensions
from tests.validators_json import check_html, check_jsonfeed, has_controls, is_id, is_language, is_rfc3339, is_url

__all__ = ["ATOM", "CONTENT", "DC", "MEDIA", "check_atom", "check_jsonfeed", "check_opml", "check_rss", "read_back"]

XML = "{http://www.w3.org/XML/1998/namespace}"

_RFC822 = re.compile(
    r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-9]{2} (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [0-9]{4}"
    r" [0-9]{2}:[0-9]{2}:[0-9]{2} ([+-][0-9]{4}|GMT)"
)
_CHANNEL = {
    "title", "link", "description", "language", "copyright", "managingEditor", "webMaster", "pubDate", "lastBuildDate",
    "category", "generator", "docs", "cloud", "ttl", "image", "rating", "textInput", "skipHours", "skipDays", "item",
}  # fmt: skip
_EMAIL = re.compile(r"[^\s@()]+@[^\s@()]+( \([^()]+\))?")
_HOURS = {str(hour) for hour in range(24)}
_WEEK = {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}
_ITEM = {"title", "link", "description", "author", "category", "comments", "enclosure", "guid", "pubDate", "source"}

Read = tuple[str, str | None, str | None, datetime, datetime, tuple[str, ...]]
"""Id, title, link, published, updated, categories of one entry."""


def check_rss(data: bytes) -> list[str]:
    """Complaints about an RSS 2.0 document."""
    try:
        root = etree.fromstring(data, _parser())
    except etree.XMLSyntaxError as error:
        return [f"not well-formed: {error}"]
    if root.tag != "rss" or root.get("version") != "2.0" or [child.tag for child in root] != ["channel"]:
        return ["not <rss version='2.0'> with one channel"]
    channel = root[0]
    items = channel.findall("item")
    complaints = [*_xml_texts(root), *check_extensions(root), *_rss_channel(channel)]
    for number, item in enumerate(items):
        complaints += [f"item {number}: {complaint}" for complaint in _rss_item(item)]
    guids = Counter(item.findtext("guid") for item in items)
    return complaints + [f"guid {guid!r} occurs {n} times" for guid, n in guids.items() if guid is not None and n > 1]


def _xml_texts(root: etree._Element) -> Iterator[str]:
    """No control characters anywhere (XML 1.0, section 2.2, the note)."""
    for element in root.iter():
        if any(has_controls(text) for text in (element.text, *map(str, element.attrib.values()))):
            yield f"control characters in {element.tag}"


def check_opml(data: bytes) -> list[str]:
    """Complaints about a list of subscriptions in OPML 2.0."""
    root = etree.fromstring(data, _parser())
    if root.tag != "opml" or root.get("version") != "2.0" or [child.tag for child in root] != ["head", "body"]:
        return ["not <opml version='2.0'> with a head and a body"]
    complaints = list(_xml_texts(root))
    for outline in root.iter("outline"):
        if not (outline.get("text") or "").strip():
            complaints.append("outline without text")
        if outline.get("type") == "rss" and outline.get("xmlUrl") is None:
            complaints.append("feed without an address")
        if outline.get("type") == "link" and outline.get("url") is None:
            complaints.append("link without an address")
        addresses = [outline.get(name) for name in ("xmlUrl", "htmlUrl", "url") if outline.get(name) is not None]
        complaints += [f"{address!r} is no URL" for address in addresses if not is_url(address)]
    return complaints


def _rss_channel(channel: etree._Element) -> Iterator[str]:
    yield from _once(channel, {"item", "category"}, _CHANNEL)
    for name in ("title", "link", "description"):
        if not channel.findtext(name):
            yield f"channel without {name}"
    if not is_url(channel.findtext("link")):
        yield "channel link is no URL"
    if (language := channel.findtext("language")) is not None and not is_language(language):
        yield f"language {language!r}"
    yield from _rss_dates(channel, ("pubDate", "lastBuildDate"))
    yield from _rss_head(channel)
    for link in channel.findall(f"{ATOM}link"):
        if not is_url(link.get("href")) or not link.get("rel", "alternate"):
            yield f"atom:link {link.get('rel')!r} to {link.get('href')!r}"
    own = [link for link in channel.findall(f"{ATOM}link") if link.get("rel") == "self"]
    if len(own) != 1 or not is_url(own[0].get("href")) or own[0].get("type") != "application/rss+xml":
        yield "not one self link"


def _rss_head(channel: etree._Element) -> Iterator[str]:
    """What a channel may have besides."""
    for name in ("managingEditor", "webMaster"):
        if not _EMAIL.fullmatch(channel.findtext(name, "a@b")):
            yield f"{name} {channel.findtext(name)!r} is no address of mail"
    if not is_url(channel.findtext("docs", "https://a.example/")):
        yield f"docs {channel.findtext('docs')!r} is no URL"
    if not re.fullmatch("[1-9][0-9]*", channel.findtext("ttl", "1")):
        yield f"ttl {channel.findtext('ttl')!r}"
    for name in ("copyright", "generator", "rating", "category"):
        if any(not (one.text or "").strip() for one in channel.findall(name)):
            yield f"empty {name}"
    hours = [one.text or "" for one in channel.findall("skipHours/hour")]
    if channel.find("skipHours") is not None and not (set(hours) <= _HOURS and 0 < len(hours) == len(set(hours))):
        yield f"skipHours {hours}"
    days = [one.text or "" for one in channel.findall("skipDays/day")]
    if channel.find("skipDays") is not None and not (set(days) <= _WEEK and 0 < len(days) == len(set(days))):
        yield f"skipDays {days}"
    for image in channel.findall("image"):
        yield from _once(image, set(), {"url", "title", "link", "width", "height", "description"})
        if not is_url(image.findtext("url")) or image.findtext("link") != channel.findtext("link"):
            yield "image without url, or with another link than the channel"
        if image.findtext("title") != channel.findtext("title"):
            yield "image with another title than the channel"
        for name, most in (("width", 144), ("height", 400)):
            if not re.fullmatch("[1-9][0-9]*", size := image.findtext(name, "1")) or int(size) > most:
                yield f"image of {name} {size!r}"


def _rss_item(item: etree._Element) -> Iterator[str]:
    yield from _once(item, {"category"}, _ITEM)
    if not item.findtext("title") and not item.findtext("description"):
        yield "neither title nor description"
    for name in ("link", "comments"):
        if item.find(name) is not None and not is_url(item.findtext(name)):
            yield f"{name} {item.findtext(name)!r} is no URL"
    yield from _rss_dates(item, ("pubDate",))
    guid = item.find("guid")
    if guid is None or not guid.text or guid.get("isPermaLink", "true") not in ("true", "false"):
        yield "guid"
    elif guid.get("isPermaLink", "true") == "true" and not is_url(guid.text):
        yield "permanent link is no URL"
    elif not is_id(guid.text):
        yield f"guid {guid.text!r}"
    for name in ("description", f"{CONTENT}encoded"):
        if item.find(name) is not None:
            yield from check_html(item.findtext(name))
            if not (item.findtext(name) or "").strip():
                yield f"empty {name}"
    for enclosure in item.findall("enclosure"):
        if not is_url(enclosure.get("url")) or not re.fullmatch("[0-9]+", enclosure.get("length", "")):
            yield "enclosure without url or length"
        if not _is_media_type(enclosure.get("type")):
            yield f"enclosure type {enclosure.get('type')!r}"
    for source in item.findall("source"):
        if not is_url(source.get("url")) or not source.text:
            yield "source without url or title"
    if any(not category.text for category in item.findall("category")):
        yield "empty category"
    if any(not category.get("domain", "x") for category in item.findall("category")):
        yield "empty domain of a category"
    if not _EMAIL.fullmatch(item.findtext("author", "a@b")):
        yield f"author {item.findtext('author')!r} is no address of mail"
    yield from _rss_extensions(item)


def _rss_extensions(item: etree._Element) -> Iterator[str]:
    tags = [str(child.tag) for child in item]
    if f"{CONTENT}encoded" in tags and "description" not in tags[: tags.index(f"{CONTENT}encoded")]:
        yield "content:encoded not after a description"
    if tags.count(f"{ATOM}updated") > 1:
        yield "several atom:updated"
    if not all(is_rfc3339(child.text) for child in item.findall(f"{ATOM}updated")):
        yield "atom:updated"
    if not is_language(item.get(f"{XML}lang", "en")):
        yield "xml:lang"


def _once(parent: etree._Element, several: set[str], known: set[str]) -> Iterator[str]:
    """Elements without a namespace must be known, and may occur once."""
    tags = Counter(str(child.tag) for child in parent if not str(child.tag).startswith("{"))
    for tag, number in tags.items():
        if tag not in known:
            yield f"unknown element {tag}"
        elif number > 1 and tag not in several:
            yield f"{number} times {tag}"


def _rss_dates(parent: etree._Element, names: tuple[str, ...]) -> Iterator[str]:
    for element in (child for name in names for child in parent.findall(name)):
        text = element.text or ""
        if not _RFC822.fullmatch(text) or parsedate_to_datetime(text).strftime("%a") != text[:3]:
            yield f"{element.tag} {text!r}"


def check_atom(data: bytes) -> list[str]:
    """Complaints about an Atom 1.0 feed document."""
    try:
        root = etree.fromstring(data, _parser())
    except etree.XMLSyntaxError as error:
        return [f"not well-formed: {error}"]
    schema = _atom_schema()
    if not schema.validate(root):
        return [f"line {error.line}: {error.message}" for error in schema.error_log]
    if root.tag != f"{ATOM}feed":
        return ["no feed"]
    entries = root.findall(f"{ATOM}entry")
    complaints = [*_xml_texts(root), *check_extensions(root), *_atom_common(root), *_atom_links(root)]
    if [link.get("type") for link in _links(root, "self")] != ["application/atom+xml"]:
        complaints.append("not one self link")
    for number, entry in enumerate(entries):
        complaints += [f"entry {number}: {complaint}" for complaint in (*_atom_entry(entry, root), *_atom_links(entry))]
    # Section 4.1.1: entries may share an id only with different dates.
    keys = Counter((entry.findtext(f"{ATOM}id"), entry.findtext(f"{ATOM}updated")) for entry in entries)
    return complaints + [f"{key} occurs {number} times" for key, number in keys.items() if number > 1]


def _atom_common(root: etree._Element) -> Iterator[str]:
    """Rules on the values of all elements, wherever they stand."""
    for element in root.iter(f"{ATOM}id", f"{ATOM}icon", f"{ATOM}logo", f"{ATOM}uri"):
        if not is_id(element.text):
            yield f"{element.tag} {element.text!r} is no absolute IRI"
    for element in root.iter(f"{ATOM}updated", f"{ATOM}published"):
        if not is_rfc3339(element.text):
            yield f"{element.tag} {element.text!r}"
    for element in root.iter(f"{ATOM}name", f"{ATOM}title"):
        if not (element.text or "").strip():
            yield f"empty {element.tag}"
    for element in root.iter():
        if (language := element.get(f"{XML}lang")) is not None and not is_language(language):
            yield f"xml:lang {language!r}"
    for element in root.iter(f"{ATOM}category"):
        if not element.get("term"):
            yield "category without term"


def _atom_links(parent: etree._Element) -> Iterator[str]:
    for link in parent.findall(f"{ATOM}link"):
        if not is_url(link.get("href")) or not link.get("rel", "alternate"):
            yield f"link {link.get('rel')!r} to {link.get('href')!r}"
        if not re.fullmatch("[1-9][0-9]*", link.get("length", "1")):
            yield f"length {link.get('length')!r}"
        if link.get("rel") == "enclosure" and not _is_media_type(link.get("type")):
            yield f"enclosure type {link.get('type')!r}"
    alternates = Counter((link.get("type"), link.get("hreflang")) for link in _links(parent, "alternate"))
    if any(number > 1 for number in alternates.values()):
        yield "several alternate links of one type and language"


def _atom_entry(entry: etree._Element, feed: etree._Element) -> Iterator[str]:
    source = entry.find(f"{ATOM}source")
    if all(place is None or place.find(f"{ATOM}author") is None for place in (entry, source, feed)):
        yield "no author"
    content = entry.find(f"{ATOM}content")
    if content is None and not _links(entry, "alternate"):
        yield "neither content nor alternate link"
    for text in entry.findall(f"{ATOM}content") + entry.findall(f"{ATOM}summary"):
        yield from check_html(text.text)
        if not (text.text or "").strip() and _links(entry, "alternate"):
            yield f"empty {text.tag} beside a link"
    if content is not None and content.get("src") is not None and entry.find(f"{ATOM}summary") is None:
        yield "content elsewhere and no summary"
    if content is not None and content.get("type", "text") not in ("text", "html", "xhtml"):
        yield f"content type {content.get('type')!r}"
    if source is not None:
        for name in ("id", "title", "updated"):
            if not source.findtext(f"{ATOM}{name}"):
                yield f"source without {name}"
        yield from _atom_links(source)


def _links(parent: etree._Element, rel: str) -> list[etree._Element]:
    return [link for link in parent.findall(f"{ATOM}link") if link.get("rel", "alternate") == rel]


def _is_media_type(text: str | None) -> bool:
    return re.fullmatch(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+(\s*;.*)?", text or "", re.ASCII) is not None


def _parser() -> etree.XMLParser:
    return etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)


@cache
def _atom_schema() -> etree.RelaxNG:
    return etree.RelaxNG(etree.parse(DATA / "atom.rng"))


def read_back(data: bytes) -> list[Read]:
    """What a reader gets to see of a feed: JSON Feeds by the json module, the others by feedparser."""
    if data.startswith(b"{"):
        return [_read_json(item) for item in json.loads(data)["items"]]
    # Nothing is resolved or sanitized: what was written is wanted, not what a browser should see of it.
    feed = feedparser.parse(data, sanitize_html=False, resolve_relative_uris=False)
    return [
        (
            entry["id"],
            entry.get("title"),
            # Not entry["link"]: there, feedparser puts the id of an Atom entry that has no link.
            next((link["href"] for link in entry.get("links", ()) if link["rel"] == "alternate"), None),
            _from_struct(entry["published_parsed"]),
            _from_struct(entry["updated_parsed"]),
            tuple(tag["term"] for tag in entry.get("tags", ())),
        )
        for entry in feed["entries"]
    ]


def _read_json(item: dict[str, object]) -> Read:
    published, updated = (datetime.fromisoformat(str(item[key])) for key in ("date_published", "date_modified"))
    title, url, tags = item.get("title"), item.get("url"), item.get("tags", [])
    assert isinstance(tags, list)
    return (
        str(item["id"]),
        None if title is None else str(title),
        None if url is None else str(url),
        published,
        updated,
        tuple(tags),
    )


def _from_struct(moment: tuple[int, ...]) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=timegm(moment))
