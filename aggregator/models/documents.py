"""Requests, the documents that answer them, and feeds as parsed; nothing is cleaned yet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from aggregator.models.sources import Access

if TYPE_CHECKING:
    # Few documents need it, and it takes long to import.
    from aggregator.models.extras import Extras

_LIKE_ALL = Access()


@dataclass(frozen=True, slots=True)
class Request:
    """One document to fetch."""

    url: str
    #: Deadline for the whole fetch: name look-up, connections, redirects, body; waiting for the turn does not count.
    timeout: timedelta
    #: Bytes of body that may come, before and after decompression.
    max_body: int
    #: True, or the networks (CIDR) that may be reached although they are not public.
    allow_private: bool | tuple[str, ...]
    #: The Accept header.
    accept: str
    #: Validators of the last answer to this request, as `Fetched` gave them (RFC 9110, section 13.1).
    etag: str | None = None
    last_modified: str | None = None
    #: SHA-256 of the body of the last answer, hexadecimal; the same bytes again count as not modified.
    body_hash: str | None = None
    access: Access = _LIKE_ALL
    #: Address to whose origin `access` belongs; None: `url`.
    home: str | None = None
    #: Whether the answer may have only the new entries of a feed (RFC 3229, instance manipulation ``feed``).
    delta: bool = False
    #: Whether robots.txt decides whether it may be fetched (RFC 9309).
    robots: bool = False
    #: Whether a longer body is cut off at `max_body` instead of being an error.
    truncate: bool = False
    #: The body to send, so that the request is a POST; None: it is a GET.
    content: bytes | None = None
    #: Media type of `content`.
    content_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Freshness:
    """Headers of an answer about its age and about when to come back: values as sent, None where there is none.

    RFC 9111, sections 5.1 to 5.3; RFC 9110, sections 6.6.1 and 10.2.3.
    """

    cache_control: str | None = None
    expires: str | None = None
    date: str | None = None
    age: str | None = None
    retry_after: str | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """A document as it came over the wire, decoded."""

    #: The address that was requested, and the one that answered after redirects.
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
    #: What had to be read while fetching, because it says what else to fetch: a scraped list with its articles.
    parsed: ParsedFeed | None = None
    #: Articles that could not be fetched, as messages; with any, no validators are kept, so that they are tried again.
    missing: tuple[str, ...] = ()
    freshness: Freshness = Freshness()
    #: Where the document lives now: where the permanent redirects (301, 308) led that came before any other one and
    #: before any that left https; None: there was none.
    moved_to: str | None = None
    #: Notes about the way to it, such as a redirect from https to http.
    notes: tuple[str, ...] = ()
    #: What its kind will remember of the source, see `FeedState.memory`; None: what it remembers stays.
    memory: str | None = None
    #: What will be remembered of the pages behind it.
    pages: tuple[PageState, ...] = ()
    #: Link headers as sent, several of them joined by commas, or "" (RFC 8288).
    links: str = ""


@dataclass(frozen=True, slots=True)
class PageState:
    """What is remembered of the page of one entry, such as an article behind a list."""

    #: Key of the entry (`normalize.identity`).
    key: str
    #: Digest of what the list said of it when the page was last asked for, and of how it is read.
    mark: str
    #: Validators of the page, as in `Fetched`.
    etag: str | None = None
    last_modified: str | None = None
    body_hash: str | None = None
    #: When the page was last asked for; None: never by a version that records it.
    asked_at: datetime | None = None
    #: How often in a row it was asked for again, because the list had changed, and was as before.
    fruitless: int = 0


@dataclass(frozen=True, slots=True)
class NotModified:
    """The server answered 304, or sent the same bytes as last time."""

    url: str
    #: New validators where the answer has some; None: keep the old ones.
    etag: str | None = None
    last_modified: str | None = None
    freshness: Freshness = Freshness()
    #: As in `Fetched`.
    moved_to: str | None = None
    #: Whether the bytes came; False: the server said 304.
    whole: bool = False
    notes: tuple[str, ...] = ()
    #: As in `Fetched`.
    memory: str | None = None


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of text as found, with what is needed to read it."""

    value: str
    #: ``text``: to be shown literally; ``html``: markup (XHTML included).
    type: Literal["text", "html"]
    #: Absolute base address of the links inside, or None: xml:base, else the entry's address (RSS, JSON Feed) or the
    #: document's (Atom).
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
class OriginalFeed:
    """The feed that a source took an entry over from (RSS `source`, Atom `source`, `_origin` in our JSON Feeds)."""

    #: Plain text; never empty, once clean.
    title: str
    #: Its Atom id, or None.
    id: str | None = None
    #: Address of the feed, and of its home page; None where the source gives none.
    url: str | None = None
    home_url: str | None = None


@dataclass(frozen=True, slots=True)
class RawEntry:
    """One entry as found in the source; nothing is cleaned yet."""

    #: RSS guid, Atom id, JSON Feed id; white space around it taken off.
    guid: str | None = None
    #: Address of the entry, resolved against xml:base or the document's address.
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
    #: The address in the item's own link where `url` is a better one (feedburner:origLink). Earlier versions had it as
    #: the address, so that an entry without a guid may be known by it.
    former_url: str | None = None
    original_feed: OriginalFeed | None = None
    extras: Extras | None = None


@dataclass(frozen=True, slots=True)
class Syndication:
    """What a feed says about when to come back: texts as found, white space around them taken off.

    RSS 2.0 `ttl`, `skipHours`, `skipDays`; RDF Site Summary 1.0 Modules: Syndication.
    """

    ttl: str | None = None
    skip_hours: tuple[str, ...] = ()
    skip_days: tuple[str, ...] = ()
    update_period: str | None = None
    update_frequency: str | None = None
    update_base: str | None = None


@dataclass(frozen=True, slots=True)
class ParsedFeed:
    """A document read as a feed."""

    #: Its format, e.g. ``rss20``, ``atom10``, ``json11``, ``rss10``, ``scrape``.
    version: str
    #: The reader that parsed it, e.g. ``feedparser``.
    reader: str
    entries: tuple[RawEntry, ...]
    title: str | None = None
    #: Home page of the feed, resolved.
    home_url: str | None = None
    language: str | None = None
    #: Repairs that were needed to parse it, as short messages.
    repairs: tuple[str, ...] = ()
    #: False where the document was cut off, so that entries may be missing.
    complete: bool = True
    #: When to come back, as the document says; None where it says nothing.
    syndication: Syndication | None = None
    #: What holds for all its entries that say nothing else: rights, licences, `noindex`.
    extras: Extras | None = None
