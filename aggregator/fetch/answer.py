"""The final answer to a request: a response goes in, a document, the news of no change, or a `FetchError` comes out."""

from __future__ import annotations

import hashlib
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
    ("cf-mitigated", "challenge"),
    ("x-amzn-waf-action", "challenge"),
    ("x-amzn-waf-action", "captcha"),
    ("x-vercel-mitigated", "challenge"),
)
#: The headers in `Freshness`, in the order of its fields.
_FRESHNESS = (b"cache-control", b"expires", b"date", b"age", b"retry-after")


async def read(trip: Trip, response: httpx.Response, tally: Tally, now: datetime) -> Fetched | NotModified:
    """Make the outcome of the final response.

    Args:
        tally: where to count what came.
        now: the current time, aware and in UTC.

    Raises:
        FetchError: it is no document, or none that may be read.
    """
    request, url, status = trip.request, trip.target.url, response.status_code
    etag, last_modified = header(response, b"etag"), header(response, b"last-modified")
    freshness = _freshness(response)
    unchanged = NotModified(url, etag, last_modified, freshness, trip.moved_to, trip.notes)
    if status == 304 and trip.validators:
        tally.not_modified += 1
        return unchanged
    _check_status(response, url, freshness, now, delta=request.delta and bool(trip.validators))
    if status == 200 and etag is not None and etag == request.etag:
        return unchanged
    body = await _body(trip, response, tally)
    body_hash = hashlib.sha256(body).hexdigest()
    if body_hash == request.body_hash:
        return unchanged
    return Fetched(
        requested_url=request.url,
        url=url,
        status=status,
        content_type=header(response, b"content-type") or "",
        body=body,
        etag=etag,
        last_modified=last_modified,
        body_hash=body_hash,
        freshness=freshness,
        moved_to=trip.moved_to,
        notes=trip.notes,
    )


async def _body(trip: Trip, response: httpx.Response, tally: Tally) -> bytes:
    """The body, its content codings undone; what came is counted, whole or not."""
    request, url = trip.request, trip.target.url
    length = header(response, b"content-length") or ""
    if length.isdecimal() and int(length) > request.max_body and not request.truncate:
        raise too_large(request.max_body, url)
    tally.documents += 1
    collected = Body(_list(response, b"content-encoding"), limit=request.max_body, url=url)
    try:
        async for chunk in response.aiter_raw():
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


def _check_status(response: httpx.Response, url: str, freshness: Freshness, now: datetime, *, delta: bool) -> None:
    status = response.status_code
    until = retry_after(freshness, now)
    if any(response.headers.get(name, "").lower() == value for name, value in _CHALLENGES):
        message = f"the site answered {status} with a challenge for browsers; ask its owner to let feed readers in"
        raise FetchError(message, kind="blocked", url=url, status=status, retry_after=until, freshness=freshness)
    # RFC 3229, section 10.4.1: 226 only answers a request that named the manipulation.
    if not response.is_success or (status == 226 and not delta):
        # An unknown status has no phrase.
        phrase = httpx.codes.get_reason_phrase(status)
        message = f"the server answered {status} {phrase}".rstrip()
        if until is not None:
            message += f" and wants to be left alone until {until:%Y-%m-%d %H:%M:%S} UTC"
        raise FetchError(message, kind="http_status", url=url, status=status, retry_after=until, freshness=freshness)


def header(response: httpx.Response, name: bytes) -> str | None:
    """The first header of that name, each byte as one character, or None."""
    return next((value.decode("latin-1") for key, value in response.headers.raw if key.lower() == name), None)


def text(value: str) -> str:
    """A header that was meant to be UTF-8, as servers mean it in Location; else as it is."""
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return value


def _freshness(response: httpx.Response) -> Freshness:
    said: dict[bytes, str] = {}
    for key, value in response.headers.raw:
        name = key.lower()
        if name == b"cache-control" and name in said:
            said[name] += "," + value.decode("latin-1")
        elif name in _FRESHNESS:
            said.setdefault(name, value.decode("latin-1"))
    return Freshness(*map(said.get, _FRESHNESS))


def _list(response: httpx.Response, name: bytes) -> str:
    """All headers of that name as one list (RFC 9110, section 5.3)."""
    return ",".join(value.decode("latin-1") for key, value in response.headers.raw if key.lower() == name)
