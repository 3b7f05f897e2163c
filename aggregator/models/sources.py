"""What is to be fetched and how often, as configured, and what is remembered of sources and hosts."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Literal
from urllib.parse import urlsplit

#: An address whose host can be read without parsing it.
_PLAIN = re.compile(r"https?://([a-z0-9.-]+)(?::[0-9]+)?(?=[/?#]|\Z)")

Republish = Literal["full", "excerpt", "link"]
"""How much of the entries of a source is published: all, the beginning of the text, or title and link."""

FailureKind = Literal[
    "dns",
    "connect",
    "tls",
    "timeout",
    "http_status",
    "blocked",
    "too_large",
    "refused",
    "robots",
    "redirect",
    "not_a_feed",
    "unparsable",
    "nothing_matched",
    "internal",
]
"""Why a source failed: `status` and the log show it, and the time of the next try depends on it."""

#: What each of them means; docs/logging.md is made from it.
FAILURE_KINDS: dict[FailureKind, str] = {
    "dns": "the host name could not be resolved",
    "connect": "the connection could not be opened, or ended before the whole document was there",
    "tls": "the certificate was not accepted, or the TLS handshake failed",
    "timeout": "the source took longer than its `timeout`",
    "http_status": "the server answered with an error status",
    "blocked": "a bot wall answered in place of the site; the message names it, and says what can be done",
    "too_large": "the document is larger than `max_body`, or a page has too much markup",
    "refused": "this program did not go on: the scheme, an address that is not public, a proxy that it cannot use, "
    "or too many content codings",
    "robots": "robots.txt of the site asks programs to stay away from the page (RFC 9309)",
    "redirect": "a loop of redirects, too many of them, or one that cannot be followed",
    "not_a_feed": "the document is something else than a feed, or than the JSON that it should be",
    "unparsable": "the document could not be read, or took too much time or memory to read",
    "nothing_matched": "the selectors of a scraped page matched nothing",
    "internal": "an error in this program",
}

_DAY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Every:
    """At a fixed distance; each source has its own place in it, so that they do not start together."""

    period: timedelta
    #: No hint of a feed or server delays a poll longer than this, except Retry-After; a longer `period` counts instead.
    max: timedelta = _DAY


@dataclass(frozen=True, slots=True)
class Cron:
    """At the times of a cron expression of five fields, as Debian's cron understands it."""

    expression: str
    #: IANA name of the time zone of the expression.
    zone: str = "UTC"
    #: As in `Every`; a longer time between two of its times counts instead.
    max: timedelta = _DAY


@dataclass(frozen=True, slots=True)
class Auto:
    """When enough new posts are expected: see `aggregator.schedule.rhythm`."""

    min: timedelta = timedelta(minutes=15)
    max: timedelta = _DAY
    #: A poll is due when the expected waits of all posts add up to this. Four times as much is half as many requests.
    patience: timedelta = timedelta(minutes=15)

    def __post_init__(self) -> None:
        if not timedelta(0) < self.min <= self.max:
            raise ValueError(
                "`min` (15m unless set) must be more than nothing and not more than `max` (24h unless set)"
            )
        if self.patience <= timedelta(0):
            raise ValueError("`patience` must be more than nothing")


Interval = Every | Cron | Auto


@dataclass(frozen=True, slots=True)
class Access:
    """How requests for one source differ from the others.

    Headers, authorization, cookies and the exception from certificate checks are for the source's own origin only.
    """

    headers: tuple[tuple[str, str], ...] = ()
    #: Value of the Authorization header.
    authorization: str | None = None
    cookies: tuple[tuple[str, str], ...] = ()
    #: Address of an HTTP proxy, with user and password where it wants them.
    proxy: str | None = None
    #: In place of the User-Agent that all sources have in common.
    user_agent: str | None = None
    #: Last day on which the certificate is not checked; None: it is always checked.
    unverified_until: date | None = None


@dataclass(frozen=True, slots=True)
class Retention:
    """How long the entries of a source are kept; None: no limit."""

    #: Time since publication.
    age: timedelta | None = None
    #: Number of entries, the newest.
    count: int | None = None
    #: Whether the post files of removed entries are deleted too.
    delete_posts: bool = False


@dataclass(frozen=True, slots=True)
class Mirrored:
    """Rules of a source whose document is on several servers: kinds derive their rules from it."""

    #: Addresses of the servers, without user name and password, in the order of preference; each ends with `/`.
    servers: tuple[str, ...]
    #: What lets requests pass there, and what that is made of: values that must not be shown.
    secrets: frozenset[str] = field(default=frozenset(), repr=False)


@dataclass(frozen=True, slots=True)
class Source:
    """One entry of ``sources:`` in feeds.yaml, with all defaults filled in."""

    id: str
    #: The name as configured; None: the feed's own title is used, else the host.
    name: str | None
    #: Its key in `aggregator.sources.KINDS`.
    kind: str
    url: str
    #: Slug of its category.
    category: str
    section: str | None
    interval: Interval
    #: Deadline for one whole fetch, redirects and body included.
    timeout: timedelta
    #: Bytes of body that are read at most, counted after decompression.
    max_body: int
    #: True, or the networks (CIDR) that may be reached although they are not public.
    allow_private: bool | tuple[str, ...]
    #: Whether `id` was written by hand; a derived one is followed by URL when it changes.
    explicit_id: bool
    #: Line in feeds.yaml, counted from 1.
    line: int
    #: How its kind reads it, as `Kind.make_rules` of `aggregator.sources.kind` makes it; None: there is nothing to say.
    rules: object = None
    access: Access = Access()
    retention: Retention = Retention()
    #: The address for the public, without user name and password; None: it holds a secret.
    public_url: str | None = None
    #: What outputs call it where neither the configuration nor the feed names it: the host, or the id where that is a
    #: secret.
    fallback_name: str = ""
    #: Whether it is fetched as often as `interval` says even if the server sends no validators, all of it each time.
    poll_without_validators: bool = False
    #: Not fetched for now, unless by name; what is stored of it stays published.
    paused: bool = False
    republish: Republish = "full"
    #: What outputs say of the rights, in place of what the source says.
    copyright: str | None = None
    #: Whether search engines are asked to leave its entries out.
    noindex: bool = False
    #: Slugs of the categories to which its entries belong besides the first one.
    also_in: tuple[str, ...] = ()
    #: Whether its new entries wait until a person or a rule decides.
    review: bool = False
    #: Digest of its own rules; "": it has none.
    own_rules: str = ""
    #: What gives it its own place in an interval: the id of the first source with the same request, so that both are
    #: due at the same time; "": its own id.
    phase: str = ""

    @property
    def request(self) -> tuple[object, ...]:
        """What its request is made of: sources that have it in common share the request."""
        return (self.kind, self.url, self.access, self.timeout, self.max_body, self.allow_private)

    @property
    def host(self) -> str | None:
        """The host of its address, None where it has none."""
        return host_of(self.url)

    @property
    def servers(self) -> tuple[str, ...]:
        """Addresses of the servers that may be asked for its document, in the order of preference."""
        return self.rules.servers if isinstance(self.rules, Mirrored) else (self.url,)


def host_of(url: str) -> str | None:
    """Return the host of an http(s) address, None where it has none, or is another one."""
    if plain := _PLAIN.match(url):
        return plain[1]
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return parts.hostname if parts.scheme in ("http", "https") else None


#: The output of all categories together; no category has this slug.
ALL = "all"


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
    #: How often the most frequent of its sources is fetched; None: it has no source.
    interval: timedelta | None = None


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
    #: Why it is due then, as a clause for people.
    due_why: str | None = None
    #: When it publishes, as `schedule.Rhythm.dump` writes it.
    rhythm: str | None = None
    #: What the last document said of when to come back, as `schedule.FeedHints.dump` writes it.
    feed_hints: str | None = None
    #: On how many different days (UTC) it said 410 with no success between, and the last of them.
    gone_days: int = 0
    gone_last: date | None = None
    #: Polls in a row that failed because our own network was down; they are no failures of the source.
    outages: int = 0
    #: Where the document lives now, if its address answers with permanent redirects, and since when it does.
    moved_to: str | None = None
    moved_since: datetime | None = None
    #: When its document last came whole, and not only as "not modified".
    whole_at: datetime | None = None
    #: What identifies its entries, as `trust.Trust.dump` writes it; None: their guids.
    identity: str | None = None
    #: Notes about the last document.
    notes: tuple[str, ...] = ()
    #: What its kind remembers of it, in a form of its own; None: nothing.
    memory: str | None = None


@dataclass(frozen=True, slots=True)
class InstanceState:
    """How one of several servers for the same documents (instances of RSSHub) answers."""

    #: Its address, which ends with `/`.
    url: str
    #: Failures in a row.
    failures: int = 0
    #: When it may be asked first again; None: at once.
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class HostTraffic:
    """Requests to one host and its answers, in one cycle or in several added up."""

    #: Host name; of addresses and of names without a dot, with the port.
    host: str
    #: Requests sent, those for robots.txt and redirects among them.
    requests: int = 0
    #: Answers with a document (200, 226), and answers that it has not changed (304).
    documents: int = 0
    not_modified: int = 0
    #: Bytes of the bodies as they came, and the same decoded.
    received: int = 0
    decoded: int = 0
    #: Requests that were not sent, because the host wants to be left alone for a while.
    held: int = 0

    def __add__(self, other: HostTraffic) -> HostTraffic:
        """Add two counts, under the name of the first."""
        return HostTraffic(
            self.host,
            self.requests + other.requests,
            self.documents + other.documents,
            self.not_modified + other.not_modified,
            self.received + other.received,
            self.decoded + other.decoded,
            self.held + other.held,
        )
