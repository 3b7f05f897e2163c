"""The one place where errors of the network become `FetchError`: any exception in, a kind and a message out."""

from __future__ import annotations

import errno
import socket
import ssl
from typing import TypeVar

import aiohttp
import httpx

from aggregator.errors import FetchError
from aggregator.fetch.guard import AddressRefused
from aggregator.fetch.target import Target
from aggregator.models import FailureKind

_E = TypeVar("_E", bound=BaseException)


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
    # httpx reads the Location of a redirect even if it does not follow it, and nothing else gives these two.
    if isinstance(error, (httpx.RemoteProtocolError, httpx.InvalidURL)):
        return "refused", f"it redirects to an address that cannot be fetched: {error}"
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
    """What the system said: once for each address of a host."""
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
    """The words for an error that may lack the attribute, or any words."""
    return str(getattr(error, attribute, None) or str(error) or type(error).__name__)


def _find(error: BaseException, kind: type[_E]) -> _E | None:
    """The innermost cause of that kind: aiohttp's own errors are `ssl.SSLError` too, but carry nothing of it."""
    found = _find(error.__cause__, kind) if error.__cause__ else None
    return found or (error if isinstance(error, kind) else None)
