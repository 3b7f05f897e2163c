"""What is asked for, and how all fetches are made: the types that the rest of the program hands to `Fetcher`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from aggregator.models import Access

_LIKE_ALL = Access()


@dataclass(frozen=True, slots=True)
class FetchSettings:
    """What all fetches have in common."""

    user_agent: str
    #: Requests under way at once at most; others wait, and their time does not run meanwhile.
    concurrency: int
    #: The same for each registrable domain.
    per_host: int = 2
    #: Time from the start of one request to a domain to the start of the next.
    host_delay: timedelta = timedelta(0)
    #: Address of an HTTP proxy for requests that name none, or ``environment``: see `aggregator.fetch.proxies`.
    proxy: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One document to be fetched."""

    url: str
    #: Deadline for the whole fetch: name look-up, connections, redirects, body; not for waiting until it is our turn.
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
    #: Whether only the new entries of a feed may come, instead of all (RFC 3229, instance manipulation ``feed``).
    delta: bool = False
    #: Whether robots.txt decides if it may be fetched (RFC 9309).
    robots: bool = False
    #: Whether a longer body is cut off at `max_body` instead of being an error.
    truncate: bool = False
