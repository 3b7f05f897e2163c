"""The frozen types that travel between the stages.

What goes in and out of each stage, in the order of the flow::

    Source, FeedState -> fetch -> Fetched | NotModified
    Fetched           -> parse -> ParsedFeed with RawEntry's (text as found)
    RawEntry          -> normalize -> Entry (clean, absolute, dated)
    Entry's           -> decide -> FeedUpdate (what to write, the new FeedState)
    FeedUpdate        -> store
    Item              -> publish -> Rendered (name, media type, bytes)

This module imports nothing of the package. Every datetime is aware and in UTC, with whole seconds:
RSS cannot carry more, and the same instant has to come back from every output.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

FailureKind = Literal[
    "dns",
    "connect",
    "tls",
    "timeout",
    "http_status",
    "blocked",
    "too_large",
    "refused",
    "redirect",
    "not_a_feed",
    "unparsable",
    "nothing_matched",
    "internal",
]
"""Why a source failed: one word that `status` shows and that later decides about the next try.

``refused`` is our own refusal (an address or scheme that may not be reached), ``redirect`` a loop or too many hops,
``blocked`` a challenge page of a bot protection, ``internal`` an error in this program.
"""

SourceKind = Literal["feed", "scrape"]
"""The kinds of source that can be pulled; `aggregator.sources.KINDS` has a builder for each."""


# -- configuration -> everywhere ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ArticleRules:
    """CSS selectors for one article page of a scraped source; None means: not taken from the page."""

    #: Element whose inner HTML is the article.
    body: str
    title: str | None = None
    author: str | None = None
    date: str | None = None
    #: IANA name of the zone of dates that carry none, e.g. ``Asia/Shanghai``.
    timezone: str | None = None
    #: Elements to take out of the body.
    remove: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ScrapeRules:
    """How a list page without a feed becomes entries."""

    #: CSS selector of the links (or of elements that hold one) to the articles.
    items: str
    #: Take at most so many links, from the top.
    limit: int = 20
    #: Encoding of list and article pages where it must be forced, e.g. ``gbk``.
    encoding: str | None = None
    #: How to read the article page; None: the list is all there is.
    article: ArticleRules | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """One entry of ``sources:`` in feeds.yaml, with all defaults filled in."""

    id: str
    #: The name as configured; None: the feed's own title is used, else the host.
    name: str | None
    kind: SourceKind
    url: str
    #: Slug of its category.
    category: str
    section: str | None
    interval: timedelta
    #: Deadline for one whole fetch, redirects and body included.
    timeout: timedelta
    #: Bytes of body that are read at most, counted after decompression.
    max_body: int
    #: True, or the networks (CIDR) that may be reached although they are not public.
    allow_private: bool | tuple[str, ...]
    scrape: ScrapeRules | None
    #: Whether `id` was written by hand; a derived one is followed by URL when it changes.
    explicit_id: bool
    #: Line in feeds.yaml, counted from 1.
    line: int


@dataclass(frozen=True, slots=True)
class Category:
    """One category: a folder of posts and a set of merged feeds."""

    slug: str
    title: str
    description: str | None
    #: Entries in each of its feeds at most.
    limit: int
    #: True for the category that holds the sources without one; posts do not name it.
    implicit: bool = False


# -- store -> fetch --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FeedState:
    """What is remembered of a source between two cycles."""

    source_id: str
    #: The feed's own title, as last seen.
    title: str | None = None
    #: The feed's home page, as last seen.
    home_url: str | None = None
    #: Validators, byte for byte as the server sent them (RFC 9110, section 8.8).
    etag: str | None = None
    last_modified: str | None = None
    #: SHA-256 of the last body that was stored, hexadecimal.
    body_hash: str | None = None
    #: Fingerprint of URL and request settings that the validators belong to.
    request_hash: str | None = None
    last_attempt_at: datetime | None = None
    last_success_at: datetime | None = None
    #: None: due at once.
    next_due_at: datetime | None = None
    #: Failures in a row, 0 after a success.
    failures: int = 0
    failure_kind: FailureKind | None = None
    error: str | None = None


# -- fetch -> parse --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Fetched:
    """A document as it came over the wire, content codings undone."""

    #: The address that was asked for, and the one that answered after redirects.
    requested_url: str
    url: str
    status: int
    #: Content-Type as sent, or "".
    content_type: str
    body: bytes
    etag: str | None = None
    last_modified: str | None = None
    #: SHA-256 of `body`, hexadecimal.
    body_hash: str = ""
    #: Documents fetched along with this one: the article pages of a scraped list.
    parts: tuple[Fetched, ...] = ()
    #: Parts that could not be had, as messages; with any, the validators are not kept, so that they are tried again.
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NotModified:
    """The server said 304, or sent the very bytes of last time."""

    url: str
    #: New validators where the answer carried some; None: keep the old ones.
    etag: str | None = None
    last_modified: str | None = None


# -- parse -> normalize ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of text as found, with what is needed to read it."""

    value: str
    #: ``text``: to be shown literally; ``html``: markup (XHTML included).
    type: Literal["text", "html"]
    #: Absolute base address of the links inside (xml:base, else the document's address), or None.
    base: str | None = None


@dataclass(frozen=True, slots=True)
class Enclosure:
    """A file that belongs to an entry (RSS `enclosure`, Atom `link rel="enclosure"`, JSON Feed `attachments`)."""

    url: str
    #: Media type, or "" where the source gave none.
    type: str = ""
    #: Size in bytes, or None.
    length: int | None = None
    title: str | None = None
    #: Seconds of playing time, or None.
    duration: int | None = None


@dataclass(frozen=True, slots=True)
class RawEntry:
    """One entry as found in the source; nothing is cleaned yet."""

    #: RSS guid, Atom id, JSON Feed id; white space around it taken off.
    guid: str | None = None
    #: Address of the entry, resolved against xml:base and the document's address.
    url: str | None = None
    title: Text | None = None
    content: Text | None = None
    summary: Text | None = None
    #: Dates as text, as found.
    published: str | None = None
    updated: str | None = None
    #: Names of the authors, as found (``mail (name)`` and the like are taken apart in normalize).
    authors: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    enclosures: tuple[Enclosure, ...] = ()
    #: Picture that stands for the entry (media:thumbnail, itunes:image, JSON Feed image), resolved.
    image: str | None = None
    comments_url: str | None = None
    language: str | None = None
    #: IANA zone for dates without one (scraped pages), or None: UTC.
    timezone: str | None = None


@dataclass(frozen=True, slots=True)
class ParsedFeed:
    """A document read as a feed."""

    #: What it was, e.g. ``rss20``, ``atom10``, ``json11``, ``rss10``, ``scrape``.
    version: str
    #: Which reader read it, e.g. ``feedparser``.
    reader: str
    entries: tuple[RawEntry, ...]
    title: str | None = None
    #: Home page of the feed, resolved.
    home_url: str | None = None
    language: str | None = None
    #: What had to be repaired to read it, as short messages.
    repairs: tuple[str, ...] = ()


# -- normalize -> decide -> store ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Identified:
    """A raw entry with its identity, before anything costly is done with it."""

    #: Identity within the source (`normalize.identity`).
    key: str
    #: Fingerprint of everything the source said of the entry, hexadecimal; another one means that it changed.
    hash: str
    raw: RawEntry


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry, clean: text is plain, HTML is safe, addresses are absolute http(s), dates are known."""

    source_id: str
    #: Identity within the source (`normalize.identity`).
    key: str
    #: The source's own id as found, or None.
    guid: str | None
    url: str | None
    #: Plain text on one line, never empty.
    title: str
    #: Safe HTML, "" where the source has no text at all.
    html: str
    #: Safe HTML of a summary that is not the body itself, or "".
    summary: str
    authors: tuple[str, ...]
    tags: tuple[str, ...]
    enclosures: tuple[Enclosure, ...]
    image: str | None
    comments_url: str | None
    language: str | None
    published_at: datetime
    #: Last change the source told of, never before `published_at`.
    updated_at: datetime
    #: Whether `published_at` comes from the source; otherwise it is the time of the first sight.
    dated: bool
    #: Fingerprint of the raw entry; another one means that the entry changed.
    hash: str


@dataclass(frozen=True, slots=True)
class Known:
    """What decide has to know about an entry that is stored already."""

    key: str
    hash: str
    published_at: datetime
    updated_at: datetime
    dated: bool
    #: How often it was rewritten since its first sight.
    revision: int


@dataclass(frozen=True, slots=True)
class FeedUpdate:
    """The outcome of one source in one cycle, to be stored in one transaction."""

    state: FeedState
    new: tuple[Entry, ...] = ()
    changed: tuple[Entry, ...] = ()
    unchanged: int = 0
    #: Things worth telling that are no failure (repairs, articles that could not be had).
    notes: tuple[str, ...] = ()


# -- store -> publish ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Origin:
    """The source of an item as the outputs name it."""

    id: str
    name: str
    #: Address of the feed or list page.
    url: str
    home_url: str | None
    category: str
    section: str | None


@dataclass(frozen=True, slots=True)
class Item:
    """A stored entry on its way out."""

    entry: Entry
    #: The same in RSS guid, Atom id and JSON Feed id; kept from the source where that is an absolute URI (RFC 3986).
    id: str
    #: Post file below `data/posts/`, with `/`, or None while it has no name yet.
    path: str | None
    origin: Origin
    #: Row number in the store.
    pk: int


@dataclass(frozen=True, slots=True)
class Rendered:
    """A finished output."""

    #: Path below its folder, with `/`.
    name: str
    media_type: str
    data: bytes
