"""What a kind of source is, and what it may use of the rest of the program.

A kind is one module, registered in `aggregator.sources.KINDS`. It has a part of feeds.yaml (`SETTINGS`) and makes rules
of it. With a `Source` that holds them it makes a `ParsedFeed` in two steps: `fetch` may wait for the network, `read`
only computes. A kind knows neither the HTTP client nor the store: what it needs of them is in `Tools`.

The configuration imports every kind, so a kind imports at its top only what is light: pydantic, the value types of
`aggregator.config`, and the models. What only `fetch` and `read` need is imported there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from aggregator.errors import ParseError
from aggregator.models import Access, FeedState, Fetched, NotModified, PageState, ParsedFeed, Request, Source
from aggregator.sources.instances import Instances

if TYPE_CHECKING:
    from aggregator.config.settings import FileSettings

_LIKE_ALL = Access()

Argument = TypeVar("Argument")
Result = TypeVar("Result")


class ShareUsedUp(Exception):
    """A source has used up its share of a cycle: time, requests, bytes or computing; the message says which."""


class Offload(Protocol):
    """Runs a function that may compute for long in another process, and returns its result."""

    def __call__(self, function: Callable[[Any], Any], argument: object, seconds: float, /) -> Awaitable[Any]:
        """Run a module-level function; its argument and result can be pickled.

        Args:
            seconds: CPU time that it may take.

        Raises:
            ParseError: ``unparsable`` where it took too much time or memory; or the one that it raised.
            ShareUsedUp: it was not started.
        """


@dataclass(frozen=True, slots=True)
class Tools:
    """What a kind may use of the rest of the program."""

    #: Fetch one document; raises `FetchError` or `ShareUsedUp`.
    fetch: Callable[[Request], Awaitable[Fetched | NotModified]]
    #: Those of the given entry keys that are stored for this source.
    known: Callable[[Sequence[str]], Awaitable[set[str]]]
    #: What is remembered of the pages of the entries with these keys, by key.
    pages: Callable[[Sequence[str]], Awaitable[dict[str, PageState]]]
    offload: Offload
    instances: Instances
    #: The current time, aware and in UTC.
    clock: Callable[[], datetime]


Parse = Callable[[Fetched], ParsedFeed]
"""Parses a document as a feed, with bounded time and memory; raises `ParseError`."""


class Kind(Protocol):
    """One kind of source: a module, or any object with these attributes."""

    #: The type of what stands below the key of the kind in feeds.yaml: a `Section`, or a type of a single value.
    SETTINGS: Any
    #: What the key is for: one sentence, in the JSON Schema and on the reference page.
    DESCRIPTION: str
    #: A paragraph for the section of the kind on the reference page, or "".
    GUIDE: str
    #: The field of `SETTINGS` that holds the address of the source; None: `SETTINGS` is the address. What stands in
    #: place of a mapping, where that is allowed, is the address, too.
    ADDRESS_KEY: str | None
    #: Whether `read` does no more than `parse`, so that a document can be parsed in another process.
    PARSE_ONLY: bool
    #: What to do where dates cannot be read, as a clause for people, or "".
    DATE_ADVICE: str

    def address(self, settings: Any) -> str:
        """Return `Source.url`: what validated settings say where the source is."""

    def make_rules(self, settings: Any, file: FileSettings) -> object:
        """Make `Source.rules` of validated settings: an immutable value that can be pickled, or None.

        Args:
            file: all of feeds.yaml.

        Raises:
            ValueError: the file lacks something that the source needs; a sentence that completes "`key` …".
        """

    def request_hash(self, source: Source) -> str:
        """Fingerprint of all that the validators of this source depend on, hexadecimal."""

    async def fetch(self, source: Source, state: FeedState, tools: Tools) -> Fetched | NotModified:
        """Fetch what `read` needs, conditionally where `state` has validators of the same request.

        Raises:
            SourceError: it could not be fetched. With a `page`, that is kept for the operator to look at.
            ShareUsedUp: the share of the source was used up before.
        """

    def read(self, source: Source, fetched: Fetched, now: datetime, parse: Parse) -> ParsedFeed:
        """Make entries of what `fetch` returned. Runs in the thread of the store, and only computes.

        Args:
            now: the current time, aware and in UTC, for dates such as ``3 小时前``.

        Raises:
            ParseError: the document is not what it should be.
        """


async def read_in_worker(
    tools: Tools, function: Callable[[Argument], Result], argument: Argument, page: Fetched, seconds: float
) -> Result:
    """Read a document in another process; where it cannot be read, the error has it as its `page`.

    Args:
        page: the document to keep for the operator to look at.
        function, argument, seconds: as in `Offload`.

    Raises:
        ParseError: the document is not what it should be.
        ShareUsedUp: it was not read.
    """
    try:
        result: Result = await tools.offload(function, argument, seconds)
    except ParseError as error:
        # A process that was ended could not say where.
        failure = error if error.url else ParseError(str(error), kind=error.kind, url=page.url)
        failure.page = page
        raise failure from None
    return result


def fingerprint(source: Source, *settings: object) -> str:
    """Hash the request of a source, and settings that have a stable `repr`: SHA-256, hexadecimal."""
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
    robots: bool = False,
) -> Request:
    """Return the request for any document of a source, with the settings of the source."""
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
        robots=robots,
    )


#: How long 304 answers are believed without a whole document in between.
BELIEVED = timedelta(days=7)


def without_old_validators(state: FeedState, now: datetime) -> FeedState:
    """Return the state to fetch with: without validators where the document has not come whole for `BELIEVED`.

    Some servers answer every conditional request with 304, whatever has changed.
    """
    if state.whole_at is None or now - state.whole_at < BELIEVED:
        return state
    return replace(state, etag=None, last_modified=None)


def conditional_request(
    source: Source, state: FeedState, *, accept: str, request_hash: str, delta: bool = False, robots: bool = False
) -> Request:
    """Return the request for the source's own document, at its new address where `state` names one.

    Validators are sent only if the same request got them (RFC 9110, section 13.1): those of another address or of other
    rules would keep the old reading alive for as long as the document does not change.
    """
    etag, last_modified, body_hash = validators(state, request_hash)
    return plain_request(
        source,
        state.moved_to or source.url,
        accept=accept,
        delta=delta,
        robots=robots,
        etag=etag,
        last_modified=last_modified,
        body_hash=body_hash,
    )


def validators(state: FeedState, request_hash: str) -> tuple[str | None, str | None, str | None]:
    """Return the ETag, the date and the digest of the last document that belong to a request."""
    if state.request_hash != request_hash:
        return None, None, None
    return state.etag, state.last_modified, state.body_hash
