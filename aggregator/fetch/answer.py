"""How a request ends: a response or an exception goes in; a document, "not modified" or a `FetchError` comes out."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import TypeVar

import aiohttp
import httpx

from aggregator.errors import FetchError
from aggregator.fetch import walls
from aggregator.fetch.addresses import AddressRefused, Target
from aggregator.fetch.decode import STEP, Body, too_large
from aggregator.fetch.politeness import Tally
from aggregator.fetch.trip import Trip
from aggregator.fetch.walls import Wall
from aggregator.models import FailureKind, Fetched, Freshness, NotModified
from aggregator.schedule.hints import retry_after

_E = TypeVar("_E", bound=BaseException)

#: Seconds that the beginning of a refusal is waited for; it only makes the message better.
_REFUSAL_SECONDS = 3.0
#: What to do about answers that repetition does not change; they are for feeds, list pages and articles alike.
_ADVICE = {
    404: "; check whether its address has changed",
    410: "; look for its new address, or do without it",
}
#: Headers that are lists: several of them are one (RFC 9110, section 5.3). Of all others, the first counts.
_LISTS = frozenset({b"cache-control", b"content-encoding", b"link"})
#: The headers in `Freshness`, in the order of its fields.
_FRESHNESS = (b"cache-control", b"expires", b"date", b"age", b"retry-after")


def headers(response: httpx.Response) -> dict[bytes, str]:
    """Return the headers of a response by their names in lower case, each byte of a value as one character."""
    said: dict[bytes, str] = {}
    for key, value in response.headers.raw:
        name = key.lower()
        if name not in said:
            said[name] = value.decode("latin-1")
        elif name in _LISTS:
            said[name] += "," + value.decode("latin-1")
    return said


def cookies(response: httpx.Response) -> list[str]:
    """Return the values of Set-Cookie, each byte as one character."""
    return [value.decode("latin-1") for name, value in response.headers.raw if name.lower() == b"set-cookie"]


async def read(
    trip: Trip, response: httpx.Response, said: Mapping[bytes, str], tally: Tally, now: datetime
) -> Fetched | NotModified:
    """Make the outcome of the final response.

    Args:
        said: its headers, as `headers` returns them.
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
    # RFC 3229, section 10.4.1: 226 only answers a request that named the manipulation.
    delta = request.delta and bool(trip.validators)
    if not 200 <= status <= 299 or (status == 226 and not delta):
        raise _refusal(trip, status, said, await _beginning(response, said), freshness, now)
    # Some challenges have no body.
    wall = walls.wall_of(status, said, b"")
    body = b"" if wall else await _body(trip, response, said, tally)
    if wall := wall or walls.wall_of(status, said, body if len(body) <= walls.LARGEST else b""):
        raise _walled(wall, trip, status, freshness, now)
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
        links=said.get(b"link", ""),
    )


async def _body(trip: Trip, response: httpx.Response, said: Mapping[bytes, str], tally: Tally) -> bytes:
    """Return the body, decoded, which must not be empty."""
    request, url = trip.request, trip.target.url
    body = await read_body(response, said, tally, limit=request.max_body, url=url, truncate=request.truncate)
    if not body:
        raise FetchError("the answer is empty", kind="not_a_feed", url=url, status=response.status_code)
    return body


async def read_body(
    response: httpx.Response,
    said: Mapping[bytes, str],
    tally: Tally,
    *,
    limit: int,
    url: str,
    truncate: bool = False,
) -> bytes:
    """Return a body, decoded; what came is counted, complete or not.

    Args:
        said: the headers, as `headers` returns them.
        limit: bytes that may come.
        url: address for the error messages.
        truncate: whether a longer body is cut off instead of being an error.

    Raises:
        FetchError: as `Body` raises it.
    """
    length = said.get(b"content-length", "")
    if length.isdecimal() and int(length) > limit and not truncate:
        raise too_large(limit, url)
    tally.documents += 1
    collected = Body(said.get(b"content-encoding", ""), limit=limit, url=url)
    try:
        # `aiter_raw` would only add checks to each chunk.
        assert isinstance(response.stream, httpx.AsyncByteStream)
        async for chunk in response.stream:
            tally.received += len(chunk)
            collected.feed(chunk)
        body = collected.finish()
    except FetchError as error:
        if error.kind != "too_large" or not truncate:
            raise
        body = collected.so_far()
    tally.decoded += len(body)
    return body


async def _beginning(response: httpx.Response, said: Mapping[bytes, str]) -> bytes:
    """Return the beginning of the body of a refusal, decoded; what cannot be had of it is left out."""
    # A decoded piece that goes over the limit is not kept, so the limit has room for some.
    collected = Body("", limit=walls.HEAD, url="")
    assert isinstance(response.stream, httpx.AsyncByteStream)
    with suppress(FetchError, TimeoutError, aiohttp.ClientError, OSError):
        collected = Body(said.get(b"content-encoding", ""), limit=walls.HEAD + 4 * STEP, url="")
        async with asyncio.timeout(_REFUSAL_SECONDS):
            async for chunk in response.stream:
                collected.feed(chunk)
                if len(collected.so_far()) >= walls.HEAD:
                    break
    return collected.so_far()


def _walled(wall: Wall, trip: Trip, status: int, freshness: Freshness, now: datetime) -> FetchError:
    """Return the error for an answer of a wall."""
    message, until = wall.message(status) + trip.redirected, retry_after(freshness, now)
    url = trip.target.url
    return FetchError(message, kind="blocked", url=url, status=status, retry_after=until, freshness=freshness)


def _refusal(
    trip: Trip, status: int, said: Mapping[bytes, str], beginning: bytes, freshness: Freshness, now: datetime
) -> FetchError:
    """Return the error for a status that is no success.

    Args:
        beginning: of the body.
    """
    if wall := walls.wall_of(status, said, beginning):
        return _walled(wall, trip, status, freshness, now)
    until, url = retry_after(freshness, now), trip.target.url
    message = f"the server answered {phrase(status)}"
    if until is not None:
        message += f" and wants to be left alone until {until:%Y-%m-%d %H:%M:%S} UTC"
    if status == 401:
        message += "; it refuses the `auth` of the source" if trip.signed_in else "; set `auth` of the source"
    message += _ADVICE.get(status, "")
    if status == 400 and trip.target.scheme == "http" and trip.target.port != 80:
        # What web servers answer on a port for TLS.
        message += f"; perhaps port {trip.target.port} wants TLS: try https://"
    message += trip.redirected
    return FetchError(message, kind="http_status", url=url, status=status, retry_after=until, freshness=freshness)


def phrase(status: int) -> str:
    """Return a status with its phrase; an unknown one has none."""
    return f"{status} {httpx.codes.get_reason_phrase(status)}".rstrip()


def text(value: str) -> str:
    """Return a header that was meant to be UTF-8, as servers mean it in Location; else as it is."""
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return value


def explain(error: Exception, target: Target, redirected: str = "") -> FetchError:
    """Say what went wrong while `target` was fetched. What is unknown is an error of this program: ``internal``.

    Args:
        redirected: what to add on where it was redirected from.
    """
    kind, message = _explain(error, target)
    return FetchError(message + redirected, kind=kind, url=target.url)


def _explain(error: Exception, target: Target) -> tuple[FailureKind, str]:
    if refused := _find(error, AddressRefused):
        return "refused", (
            f"{_named(target.host, refused.address)} is not a public address; "
            "to fetch from there, list its network in allow_private_addresses"
        )
    if unresolved := _find(error, socket.gaierror):
        return "dns", f"the host name {target.host} could not be resolved: {_reason(unresolved, 'strerror')}"
    if untrusted := _find(error, ssl.SSLCertVerificationError):
        return "tls", (
            f"the certificate of {target.host} is not accepted: {_reason(untrusted, 'verify_message').rstrip('.')}; "
            "its operator has to put it right, or accept it until a day that you name (`tls` of the source)"
        )
    if unsecured := _find(error, ssl.SSLError):
        return "tls", f"no secure connection to {target.host}: {_insecure(unsecured, target)}"
    if invalid := _find(error, aiohttp.InvalidURL):
        return "refused", f"the address cannot be fetched: {invalid.description or 'it is not valid'}"
    if refusing := _find(error, aiohttp.ClientHttpProxyError):
        return "connect", f"the proxy refused to connect: {refusing.status} {refusing.message}"[:200]
    if garbled := _find(error, aiohttp.ClientResponseError):
        # The lines after the first show raw bytes.
        return "connect", f"the answer is not valid HTTP: {garbled.message.partition(chr(10))[0][:200]}"
    if unreached := _find(error, aiohttp.ClientProxyConnectionError):
        reason = _unconnected(unreached, unreached.host, unreached.port)
        return "connect", f"no connection to the proxy: {reason}"
    if failed := _find(error, aiohttp.ClientConnectorError):
        return "connect", f"no connection: {_unconnected(failed, target.host, target.port)}"
    if _find(error, aiohttp.ClientPayloadError):
        return "connect", "the answer ended early: the connection was closed before all of it was there"
    if _find(error, aiohttp.ServerDisconnectedError):
        return "connect", f"the server closed the connection without an answer{_try_https(target)}"
    if isinstance(error, (aiohttp.ClientError, httpx.TransportError, OSError)):
        hint = _try_https(target) if _find(error, ConnectionResetError) or _errnos(error) == {errno.ECONNRESET} else ""
        return "connect", f"the connection failed: {_reason(error, 'strerror')}{hint}"
    return "internal", f"unexpected error: {type(error).__name__}: {error}"


def _unconnected(error: aiohttp.ClientConnectorError, host: str, port: int | None) -> str:
    """Why a connection could not be made."""
    codes = _errnos(error)
    if codes == {errno.ECONNREFUSED}:
        return f"nothing listens on port {port} of {host}"
    if codes and codes <= {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL}:
        return f"no way leads to {host} from this machine; is its network up?"
    return f"{host} says {_reason(error.os_error, 'strerror')}"


def _errnos(error: BaseException) -> set[int]:
    """Return the error numbers of the system, one for each address of a host."""
    inner = getattr(error, "os_error", None)
    if isinstance(inner, BaseException) and inner is not error:
        return _errnos(inner)
    if isinstance(error, BaseExceptionGroup):
        return set().union(*map(_errnos, error.exceptions))
    number = getattr(error, "errno", None)
    return {number} if number else set()


def _insecure(error: ssl.SSLError, target: Target) -> str:
    """Why the two could not agree on TLS."""
    said = _reason(error, "reason")
    if said in _NO_TLS:
        return f"port {target.port} does not speak TLS; try http://"
    return said


#: What OpenSSL says of an answer that is no TLS at all; it differs by version.
_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG", "HTTP_REQUEST"})


def _try_https(target: Target) -> str:
    """Servers that want TLS close connections without it, or answer in TLS."""
    return "; perhaps it wants TLS: try https://" if target.scheme == "http" else ""


def _named(host: str, address: str) -> str:
    return address if host == address else f"{host} resolves to {address}, which"


def _reason(error: BaseException, attribute: str) -> str:
    """Return the words for an error that may lack the attribute, or any words."""
    return str(getattr(error, attribute, None) or str(error) or type(error).__name__)


def _find(error: BaseException, kind: type[_E]) -> _E | None:
    """Return the innermost cause of that kind: aiohttp's own errors are `ssl.SSLError` too, but carry nothing of it."""
    found = _find(error.__cause__, kind) if error.__cause__ else None
    return found or (error if isinstance(error, kind) else None)
