"""Our readers beside feedparser, field by field: the kinds of difference, and why ours is better in each."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from io import BytesIO
from typing import Any
from urllib.parse import urljoin

import feedparser

from aggregator.errors import ParseError
from aggregator.models import Fetched, RawEntry, Text
from aggregator.parse import parse

URL = "https://site.example/feeds/main"

#: Every kind of difference that there may be, and why ours is right.
KINDS = {
    "refused": "we say that it is no feed or is cut off before its first entry; feedparser gives an empty or half feed",
    "count": "never half an entry; one that has a file only counts, one whose only content is no text does not",
    "encoding": "the bytes have the last word on the encoding; feedparser believes a wrong declaration",
    "id resolved": "feedparser resolves a guid such as `42` against the document's address; a guid is no link",
    "link": "links are http(s) only, the first alternate, absolute where feedparser leaves them relative",
    "title": "the entry's own title, of the element that comes first; no title of an element further inside",
    "body": "the body is the content, not a second description or a summary of another vocabulary",
    "date": "a date is the one the source names; feedparser copies `published` to `updated`, and the other way round",
    "author": "Atom entries inherit the feed's authors (RFC 4287, section 4.1.1); a name stays as it is written",
    "tags": "each once; the label, which is meant for people, before the term; commas in keywords part them",
    "enclosures": "addresses resolved and http(s) only, media:content counted in, each once",
}
#: What makes an entry worth keeping: dates, tags and authors alone are nothing.
_SAYING = ("id", "link", "title", "summary", "content", "media_content", "media_thumbnail", "image")
_TAGS = re.compile(r"<[^>]*>")


def differences(body: bytes, headers: dict[str, str] | None = None) -> Iterator[tuple[str, Any, Any]]:
    """Kind, our value and feedparser's, for each field in which the two differ."""
    content_type = (headers or {}).get("content-type", "")
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
    try:
        ours = parse(Fetched(requested_url=URL, url=URL, status=200, content_type=content_type, body=body))
    except ParseError as error:
        if theirs.entries:
            yield "refused", str(error), len(theirs.entries)
        return
    if ours.reader == "jsonfeed":
        return
    said = [entry for entry in theirs.entries if any(dict.get(entry, name) for name in _SAYING)]
    if len(ours.entries) != len(said):
        yield "count", len(ours.entries), len(said)
        return
    for mine, other in zip(ours.entries, said, strict=True):
        for kind, left, right in _entry(mine, other):
            garbled = "\ufffd" in str(right) or any("read as" in text for text in ours.repairs)
            yield ("encoding" if garbled else kind), left, right


def _entry(mine: RawEntry, other: Any) -> Iterator[tuple[str, Any, Any]]:
    identity = (dict.get(other, "id") or "").strip() or None
    if mine.guid != identity:
        yield ("id resolved" if identity == urljoin(URL, mine.guid or "") else "link"), mine.guid, identity
    if (mine.url or "") != (dict.get(other, "link") or ""):
        yield "link", mine.url, dict.get(other, "link")
    if _words(mine.title) != _plain(dict.get(other, "title") or ""):
        yield "title", mine.title, dict.get(other, "title")
    texts = {_plain(content.value) for content in dict.get(other, "content") or ()}
    texts.add(_plain(dict.get(other, "summary") or ""))
    if _words(mine.content or mine.summary) not in texts:
        yield "body", mine.content or mine.summary, texts
    for name in ("published", "updated"):
        found = dict.get(other, name) or (dict.get(other, "created") if name == "published" else None) or None
        if getattr(mine, name) != found:
            yield "date", getattr(mine, name), found
    named = [person.get("name") or person.get("email") for person in dict.get(other, "authors") or ()]
    if list(mine.authors) != list(dict.fromkeys(name for name in named if name)):
        yield "author", mine.authors, named
    terms = [tag.get("label") or tag.get("term") for tag in dict.get(other, "tags") or ()]
    if list(mine.tags) != list(dict.fromkeys(term for term in terms if term)):
        yield "tags", mine.tags, terms
    files = [link.get("href") for link in dict.get(other, "links") or () if link.get("rel") == "enclosure"]
    if [file.url for file in mine.enclosures] != files:
        yield "enclosures", mine.enclosures, files


def _words(text: Text | None) -> str:
    return "" if text is None else _plain(text.value)


def _plain(markup: str) -> str:
    """The words alone: how markup is serialized is no difference."""
    return "".join(html.unescape(html.unescape(_TAGS.sub("", markup))).split())
