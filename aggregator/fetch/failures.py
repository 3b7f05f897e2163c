"""The one place where errors of the network become `FetchError`: any exception in, a kind and a message out."""

from __future__ import annotations

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


def explain(error: Exception, target: Target) -> FetchError:
    """Say what went wrong while `target` was fetched. What is unknown is an error of this program: ``internal``."""
    kind, message = _explain(error, target)
    return FetchError(message, kind=kind, url=target.url)


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
        return "tls", f"no secure connection to {target.host}: {_reason(unsecured, 'reason')}"
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
        return "connect", f"no connection to the proxy: {_reason(unreached.os_error, 'strerror')}"
    if failed := _find(error, aiohttp.ClientConnectorError):
        return "connect", f"no connection to {target.host}: {_reason(failed.os_error, 'strerror')}"
    if _find(error, aiohttp.ClientPayloadError):
        return "connect", "the answer ended early: the connection was closed before all of it was there"
    if isinstance(error, (aiohttp.ClientError, httpx.TransportError, OSError)):
        return "connect", f"the connection failed: {_reason(error, 'strerror')}"
    return "internal", f"unexpected error: {type(error).__name__}: {error}"


def _named(host: str, address: str) -> str:
    return address if host == address else f"{host} resolves to {address}, which"


def _reason(error: BaseException, attribute: str) -> str:
    """The words for an error that may lack the attribute, or any words."""
    return str(getattr(error, attribute, None) or str(error) or type(error).__name__)


def _find(error: BaseException, kind: type[_E]) -> _E | None:
    """The innermost cause of that kind: aiohttp's own errors are `ssl.SSLError` too, but carry nothing of it."""
    found = _find(error.__cause__, kind) if error.__cause__ else None
    return found or (error if isinstance(error, kind) else None)
