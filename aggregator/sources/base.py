"""The seam between the kinds of source and the pipeline.

A kind is a module with the three functions of `Kind`; `aggregator.sources.KINDS` names them all. In goes a `Source`
with its `FeedState`, out comes a `ParsedFeed`, in two steps: `fetch` may wait for the network, `read` only computes.
A kind knows neither the HTTP client nor the store: whatever it needs of them is in `Tools`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from aggregator.fetch import Request
from aggregator.models import Access, FeedState, Fetched, NotModified, ParsedFeed, Source

_LIKE_ALL = Access()


class Spent(Exception):
    """A source has had what it may have in one cycle: time, bytes or computing; the message says which."""


class Offload(Protocol):
    """Runs a function that computes for long where it can be ended, and gives its result."""

    def __call__(self, function: Callable[[Any], Any], argument: object, seconds: float, /) -> Awaitable[Any]:
        """Run a function of a module; it and its argument and result can be pickled.

        Args:
            seconds: that it may compute.

        Raises:
            ParseError: ``unparsable`` where it took too long or too much memory; or the one that it raised.
            Spent: it was not even begun.
        """


@dataclass(frozen=True, slots=True)
class Tools:
    """What a kind may use of the rest of the program."""

    #: Fetch one document; raises `FetchError` or `Spent`.
    fetch: Callable[[Request], Awaitable[Fetched | NotModified]]
    #: Those of the given entry keys that are stored for this source.
    known: Callable[[Sequence[str]], Awaitable[set[str]]]
    offload: Offload


Parse = Callable[[Fetched], ParsedFeed]
"""Reads a document as a feed, with bounded time and memory; raises `ParseError`."""


class Kind(Protocol):
    """One kind of source."""

    #: Whether `read` is nothing but `parse`, so that a document can be read wherever that is quickest.
    AS_FETCHED: bool

    def request_hash(self, source: Source) -> str:
        """Fingerprint of all that decides what the validators of this source belong to, hexadecimal."""

    async def fetch(self, source: Source, state: FeedState, tools: Tools) -> Fetched | NotModified:
        """Get what `read` needs, asking conditionally where `state` has validators of the same request.

        Raises:
            SourceError: it could not be had.
            Spent: there was no time for it.
        """

    def read(self, source: Source, fetched: Fetched, now: datetime, parse: Parse) -> ParsedFeed:
        """Make entries of what `fetch` got. Only computes; runs in a thread of its own.

        Args:
            now: the current time, aware and in UTC, for dates such as ``3 小时前``.

        Raises:
            ParseError: it is not what it should be.
        """


def fingerprint(source: Source, *settings: object) -> str:
    """SHA-256 of how a source is asked and of settings that have a stable `repr`, hexadecimal."""
    asked = (source.kind, source.url) if source.access == _LIKE_ALL else (source.kind, source.url, source.access)
    return hashlib.sha256(repr((*asked, *settings)).encode()).hexdigest()


def plain_request(
    source: Source,
    url: str,
    *,
    accept: str,
    etag: str | None = None,
    last_modified: str | None = None,
    body_hash: str | None = None,
    delta: bool = False,
) -> Request:
    """The request for any document of a source, made as the source wants it."""
    return Request(
        url=url,
        timeout=source.timeout,
        max_body=source.max_body,
        allow_private=source.allow_private,
        accept=accept,
        access=source.access,
        home=source.url,
        etag=etag,
        last_modified=last_modified,
        body_hash=body_hash,
        delta=delta,
    )


#: How long a server is believed that the document has not changed.
BELIEVED = timedelta(days=7)


def doubted(state: FeedState, now: datetime) -> FeedState:
    """The state to fetch with: without validators where the document has not come whole for `BELIEVED`.

    Some servers answer every conditional request with 304, whatever has changed.
    """
    if state.whole_at is None or now - state.whole_at < BELIEVED:
        return state
    return replace(state, etag=None, last_modified=None)


def conditional_request(
    source: Source, state: FeedState, *, accept: str, request_hash: str, delta: bool = False
) -> Request:
    """The request for the source's own document, at its new address where `state` names one.

    Validators go along only if they were got by the same request (RFC 9110, section 13.1): those of another address or
    of other rules would keep the old reading alive for as long as the document does not change.
    """
    same = state.request_hash == request_hash
    return plain_request(
        source,
        state.moved_to or source.url,
        accept=accept,
        delta=delta,
        etag=state.etag if same else None,
        last_modified=state.last_modified if same else None,
        body_hash=state.body_hash if same else None,
    )
