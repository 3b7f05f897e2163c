"""Fetching: a `Request` goes in, a document or the news that it has not changed comes out.

`Fetcher` is the only part of the program that speaks HTTP as a client. It follows redirects itself, since every hop is
checked anew, and undoes content codings itself, since they can blow up. It keeps no cookies and sends no Referer. It
must raise nothing but `FetchError`, whatever a server does.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Any, Self

import httpx

from aggregator.errors import FetchError
from aggregator.fetch import target as targets
from aggregator.fetch.decode import Body, too_large
from aggregator.fetch.failures import explain
from aggregator.fetch.target import Origin, Target
from aggregator.fetch.transport import ALLOW_PRIVATE, GuardedTransport
from aggregator.models import Fetched, NotModified

MAX_REDIRECTS = 10

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
#: Headers by which bot protections say that they sent a challenge in place of the document.
_CHALLENGES = (
    ("cf-mitigated", "challenge"),
    ("x-amzn-waf-action", "challenge"),
    ("x-amzn-waf-action", "captcha"),
    ("x-vercel-mitigated", "challenge"),
)


@dataclass(frozen=True, slots=True)
class FetchSettings:
    """What all fetches have in common."""

    user_agent: str
    #: Fetches under way at once at most; others wait, and their time does not run yet.
    concurrency: int


@dataclass(frozen=True, slots=True)
class Request:
    """One document to be fetched."""

    url: str
    #: Deadline for the whole fetch: name look-up, connections, redirects, body.
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


class Fetcher:
    """Fetches documents over one shared HTTP client; an asynchronous context manager, for one event loop."""

    def __init__(self, settings: FetchSettings) -> None:
        self._settings = settings
        self._slots = asyncio.Semaphore(settings.concurrency)

    async def __aenter__(self) -> Self:
        self._client = _Client(GuardedTransport(self._settings.concurrency))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def fetch(self, request: Request) -> Fetched | NotModified:
        """Fetch one document.

        Raises:
            FetchError: it could not be had; `kind` says why, `status` is the HTTP status where there was one.
        """
        async with self._slots:
            trip = _Trip(request)
            try:
                async with asyncio.timeout(request.timeout.total_seconds()) as deadline:
                    return await self._follow(trip)
            except FetchError:
                raise
            except Exception as error:
                if deadline.expired():
                    message = f"no complete answer within {request.timeout.total_seconds():g} seconds"
                    raise FetchError(message, kind="timeout", url=trip.target.url) from error
                raise explain(error, trip.target) from error

    async def _follow(self, trip: _Trip) -> Fetched | NotModified:
        for _ in range(MAX_REDIRECTS + 1):
            response = await self._client.send(trip.ask(self._settings.user_agent))
            try:
                location = _header(response, b"location")
                if response.status_code not in _REDIRECTS or location is None:
                    return await _read(trip, response)
            finally:
                await response.aclose()
            trip.move(_text(location))
        raise FetchError(f"more than {MAX_REDIRECTS} redirects", kind="redirect", url=trip.target.url)


class _Client(httpx.AsyncClient):
    """httpx's client with a `send` that only sends.

    Cookies, authentication and redirects are a third of the cost of a request in httpx, and a fetch needs none of them:
    it keeps no cookies, and it checks every hop itself.
    """

    def __init__(self, transport: GuardedTransport) -> None:
        super().__init__(transport=transport, trust_env=False)
        self._send = transport.handle_async_request

    async def send(self, request: httpx.Request, **_: Any) -> httpx.Response:
        return await self._send(request)


class _Trip:
    """The way of one request from address to address."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.target = targets.parse(request.url)
        self.validators = _validators(request)
        self._visited = {self.target.url}
        self._credentials: dict[Origin, str] = {}
        self._learn(self.target)

    def ask(self, user_agent: str) -> httpx.Request:
        """The request to send to where the trip has come."""
        headers: list[tuple[bytes, bytes]] = [
            (b"User-Agent", user_agent.encode()),
            (b"Accept", self.request.accept.encode()),
            (b"Accept-Encoding", b"gzip, deflate, br, zstd"),
            *self.validators,
        ]
        if credentials := self._credentials.get(self.target.origin):
            headers.append((b"Authorization", credentials.encode()))
        extensions = {ALLOW_PRIVATE: self.request.allow_private}
        return httpx.Request("GET", self.target.parsed, headers=headers, extensions=extensions)

    def move(self, location: str) -> None:
        """Go on to where a redirect leads; raises `FetchError`."""
        self.target = self.target.join(location)
        if self.target.url in self._visited:
            message = "the redirects go round in a circle; perhaps the site wants cookies"
            raise FetchError(message, kind="redirect", url=self.target.url)
        self._visited.add(self.target.url)
        self._learn(self.target)

    def _learn(self, target: Target) -> None:
        """Keep the credentials of an address for its origin, and for no other."""
        if target.authorization:
            self._credentials[target.origin] = target.authorization


async def _read(trip: _Trip, response: httpx.Response) -> Fetched | NotModified:
    """Make the outcome of the final response."""
    request, url, status = trip.request, trip.target.url, response.status_code
    etag, last_modified = _header(response, b"etag"), _header(response, b"last-modified")
    if status == 304 and trip.validators:
        return NotModified(url, etag, last_modified)
    _check_status(response, url)
    length = _header(response, b"content-length") or ""
    if length.isdecimal() and int(length) > request.max_body:
        raise too_large(request.max_body, url)
    collected = Body(_list(response, b"content-encoding"), limit=request.max_body, url=url)
    async for chunk in response.aiter_raw():
        collected.feed(chunk)
    body = collected.finish()
    if not body:
        raise FetchError("the answer is empty", kind="not_a_feed", url=url, status=status)
    body_hash = hashlib.sha256(body).hexdigest()
    if body_hash == request.body_hash:
        return NotModified(url, etag, last_modified)
    return Fetched(
        requested_url=request.url,
        url=url,
        status=status,
        content_type=_header(response, b"content-type") or "",
        body=body,
        etag=etag,
        last_modified=last_modified,
        body_hash=body_hash,
    )


def _check_status(response: httpx.Response, url: str) -> None:
    status = response.status_code
    if any(response.headers.get(name, "").lower() == value for name, value in _CHALLENGES):
        message = f"the site answered {status} with a challenge for browsers; ask its owner to let feed readers in"
        raise FetchError(message, kind="blocked", url=url, status=status)
    if not response.is_success:
        # An unknown status has no phrase.
        phrase = httpx.codes.get_reason_phrase(status)
        raise FetchError(f"the server answered {status} {phrase}".rstrip(), kind="http_status", url=url, status=status)


def _validators(request: Request) -> list[tuple[bytes, bytes]]:
    """Conditional headers with the very bytes that once were received.

    aiohttp can only write header bytes that are UTF-8. Others are left out: the answer is then compared by its body.
    """
    found = []
    for name, value in ((b"If-None-Match", request.etag), (b"If-Modified-Since", request.last_modified)):
        if value:
            try:
                raw = value.encode("latin-1")
                raw.decode("utf-8")
            except UnicodeError:
                continue
            found.append((name, raw))
    return found


def _header(response: httpx.Response, name: bytes) -> str | None:
    """The first header of that name, each byte as one character, or None."""
    return next((value.decode("latin-1") for key, value in response.headers.raw if key.lower() == name), None)


def _text(value: str) -> str:
    """A header that was meant to be UTF-8, as servers mean it in Location; else as it is."""
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return value


def _list(response: httpx.Response, name: bytes) -> str:
    """All headers of that name as one list (RFC 9110, section 5.3)."""
    return ",".join(value.decode("latin-1") for key, value in response.headers.raw if key.lower() == name)
