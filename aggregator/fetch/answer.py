"""The final answer to a request: a response goes in, a document, the news of no change, or a `FetchError` comes out."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime

import httpx

from aggregator.errors import FetchError
from aggregator.fetch.decode import Body, too_large
from aggregator.fetch.politeness import Tally
from aggregator.fetch.trip import Trip
from aggregator.models import Fetched, Freshness, NotModified
from aggregator.schedule.hints import retry_after

#: Headers by which bot protections say that they sent a challenge in place of the document.
_CHALLENGES = (
    (b"cf-mitigated", "challenge"),
    (b"x-amzn-waf-action", "challenge"),
    (b"x-amzn-waf-action", "captcha"),
    (b"x-vercel-mitigated", "challenge"),
)
#: Headers that are lists: several of them are one (RFC 9110, section 5.3). Of all others, the first counts.
_LISTS = frozenset({b"cache-control", b"content-encoding"})
#: The headers in `Freshness`, in the order of its fields.
_FRESHNESS = (b"cache-control", b"expires", b"date", b"age", b"retry-after")


def headers(response: httpx.Response) -> dict[bytes, str]:
    """The headers of a response by their names in lower case, each byte of a value as one character."""
    said: dict[bytes, str] = {}
    for key, value in response.headers.raw:
        name = key.lower()
        if name not in said:
            said[name] = value.decode("latin-1")
        elif name in _LISTS:
            said[name] += "," + value.decode("latin-1")
    return said


def cookies(response: httpx.Response) -> list[str]:
    """The values of Set-Cookie, each byte as one character."""
    return [value.decode("latin-1") for name, value in response.headers.raw if name.lower() == b"set-cookie"]


async def read(
    trip: Trip, response: httpx.Response, said: Mapping[bytes, str], tally: Tally, now: datetime
) -> Fetched | NotModified:
    """Make the outcome of the final response.

    Args:
        said: its headers, as `headers` gives them.
        tally: where to count what came.
        now: the current time, aware and in UTC.

    Raises:
        FetchError: it is no document, or none that may be read.
    """
    request, url, status = trip.request, trip.target.url, response.status_code
    etag, last_modified = said.get(b"etag"), said.get(b"last-modified")
    freshness = Freshness(*map(said.get, _FRESHNESS))
    if status == 304 and trip.validators:
        tally.not_modified += 1
        return NotModified(url, etag, last_modified, freshness, trip.moved_to, notes=trip.notes)
    _check_status(trip, status, said, freshness, now)
    body = await _body(trip, response, said, tally)
    body_hash = hashlib.sha256(body).hexdigest()
    if body_hash == request.body_hash:
        return NotModified(url, etag, last_modified, freshness, trip.moved_to, whole=True, notes=trip.notes)
    return Fetched(
        requested_url=request.url,
        url=url,
        status=status,
        content_type=said.get(b"content-type", ""),
        body=body,
        etag=etag,
        last_modified=last_modified,
        body_hash=body_hash,
        freshness=freshness,
        moved_to=trip.moved_to,
        notes=trip.notes,
    )


async def _body(trip: Trip, response: httpx.Response, said: Mapping[bytes, str], tally: Tally) -> bytes:
    """The body, its content codings undone; what came is counted, whole or not."""
    request, url = trip.request, trip.target.url
    length = said.get(b"content-length", "")
    if length.isdecimal() and int(length) > request.max_body and not request.truncate:
        raise too_large(request.max_body, url)
    tally.documents += 1
    collected = Body(said.get(b"content-encoding", ""), limit=request.max_body, url=url)
    try:
        # What `aiter_raw` adds to the stream, for each piece anew, is of no use here.
        assert isinstance(response.stream, httpx.AsyncByteStream)
        async for chunk in response.stream:
            tally.received += len(chunk)
            collected.feed(chunk)
        body = collected.finish()
    except FetchError as error:
        if error.kind != "too_large" or not request.truncate:
            raise
        body = collected.so_far()
    tally.decoded += len(body)
    if not body:
        raise FetchError("the answer is empty", kind="not_a_feed", url=url, status=response.status_code)
    return body


def _check_status(trip: Trip, status: int, said: Mapping[bytes, str], freshness: Freshness, now: datetime) -> None:
    until, url = retry_after(freshness, now), trip.target.url
    if any(said.get(name, "").lower() == value for name, value in _CHALLENGES):
        message = f"the site answered {status} with a challenge for browsers; ask its owner to let feed readers in"
        raise FetchError(message, kind="blocked", url=url, status=status, retry_after=until, freshness=freshness)
    # RFC 3229, section 10.4.1: 226 only answers a request that named the manipulation.
    delta = trip.request.delta and bool(trip.validators)
    if not 200 <= status <= 299 or (status == 226 and not delta):
        # An unknown status has no phrase.
        phrase = httpx.codes.get_reason_phrase(status)
        message = f"the server answered {status} {phrase}".rstrip()
        if until is not None:
            message += f" and wants to be left alone until {until:%Y-%m-%d %H:%M:%S} UTC"
        if status == 401:
            message += "; it refuses the `auth` of the source" if trip.signed_in else "; set `auth` of the source"
        if status == 400 and trip.target.scheme == "http" and trip.target.port != 80:
            # What web servers answer on a port for TLS.
            message += f"; perhaps port {trip.target.port} wants TLS: try https://"
        message += trip.redirected
        raise FetchError(message, kind="http_status", url=url, status=status, retry_after=until, freshness=freshness)


def text(value: str) -> str:
    """A header that was meant to be UTF-8, as servers mean it in Location; else as it is."""
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return value
