"""The httpx transport: aiohttp underneath, one connection pool for every policy about addresses.

A pooled connection was made under some policy, so it must only serve requests of the same policy; the pools are
therefore apart, each with a `Guard` of its own. `httpx_aiohttp.AiohttpTransport` is not used as it is, because it hands
the URL over as text: aiohttp would then rewrite the escapes in it (``%7E`` becomes ``~``), and signed
addresses break. Errors of aiohttp come out as they are; `aggregator.fetch.failures` knows them all.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from typing import Any
from weakref import WeakSet

import aiohttp
import httpx
from aiohttp.abc import AbstractResolver, ResolveResult
from httpx_aiohttp.transport import AiohttpResponseStream
from yarl import URL

from aggregator.fetch.guard import AddressRefused, Guard
from aggregator.fetch.heads import MAX_LINE, Connector
from aggregator.fetch.target import Target

#: Idle connections that are kept for a next request, besides those in use.
_MAX_IDLE = 128

#: Bytes of a body that are taken at once at most.
_PIECE = 64 * 1024
_NO_BODY = httpx.ByteStream(b"")

Policy = bool | tuple[str, ...]
"""Which addresses may be reached: True for all, False for the public ones, or networks besides (CIDR notation)."""


class Outgoing(httpx.Request):
    """A GET request without a body, and what it needs to be sent.

    httpx would take the address apart once more and copy the headers, which costs more than all else here; so `url` and
    `headers` are made only where somebody looks at them.

    Args:
        target: where to.
        fields: all headers, the Host header among them.
        policy: which addresses may be reached.
        proxy: address of an HTTP proxy, or None.
        unverified: whether any certificate will do.
    """

    def __init__(
        self, target: Target, fields: list[tuple[str, str]], policy: Policy, proxy: str | None, *, unverified: bool
    ) -> None:
        self.method = "GET"
        self.stream = _NO_BODY
        self.extensions = {}
        self.target = target
        self.fields = fields
        self.policy = policy
        self.proxy = proxy
        self.unverified = unverified

    @cached_property
    def url(self) -> httpx.URL:  # type: ignore[override]
        return httpx.URL(self.target.url)

    @cached_property
    def headers(self) -> httpx.Headers:  # type: ignore[override]
        return httpx.Headers(self.fields, encoding="utf-8")


class GuardedTransport(httpx.AsyncBaseTransport):
    """Sends requests over connections that their policy allows.

    Every request must be an `Outgoing`. Through a proxy, which looks up names itself, only addresses that stand in the
    URL can be checked; the proxy is trusted, wherever it is.

    Args:
        concurrency: requests that are under way at once at most; the caller sees to it.
        resolver: looks up host names; None: the system does.
    """

    def __init__(self, concurrency: int, resolver: AbstractResolver | None = None) -> None:
        self._threads = ThreadPoolExecutor(concurrency, "aggregator-dns")
        self._look_up = resolver or _SystemResolver(self._threads)
        self._sessions: dict[Policy, aiohttp.ClientSession] = {}
        self._sockets: WeakSet[socket.socket] = WeakSet()
        self._max_sockets = concurrency + _MAX_IDLE

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        assert isinstance(request, Outgoing)
        target, headers, proxy = request.target, request.fields.copy(), request.proxy
        if self._crowded():
            headers.append(("Connection", "close"))
        if proxy is not None:
            check_literal(target.host, Guard(request.policy))
        session = self._session(request.policy if proxy is None else True)
        response = await session.request(
            request.method,
            URL(target.url, encoded=True),
            headers=headers,
            allow_redirects=False,
            ssl=self._context(request),
            **_proxied(proxy, tunnel=target.scheme == "https", headers=headers),
        )
        return httpx.Response(
            response.status, headers=list(response.raw_headers), stream=_Stream(response), request=request
        )

    async def aclose(self) -> None:
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _session(self, policy: Policy) -> aiohttp.ClientSession:
        if policy not in self._sessions:
            guard = Guard(policy)
            connector = Connector(
                limit=0, resolver=_GuardedResolver(self._look_up, guard), socket_factory=partial(self._socket, guard)
            )
            self._sessions[policy] = aiohttp.ClientSession(
                connector=connector,
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(),
                max_line_size=MAX_LINE,
                max_field_size=MAX_LINE,
                trust_env=False,
            )
        return self._sessions[policy]

    def _socket(self, guard: Guard, info: tuple[Any, ...]) -> socket.socket:
        made = guard(info)
        self._sockets.add(made)
        return made

    def _crowded(self) -> bool:
        """Whether so many connections are open that the next ones had better not be kept.

        aiohttp bounds connections in use, but not idle ones: with thousands of hosts they would use up all file
        descriptors before they time out.
        """
        return (
            len(self._sockets) > self._max_sockets
            and sum(one.fileno() != -1 for one in self._sockets) > self._max_sockets
        )

    def _context(self, request: Outgoing) -> ssl.SSLContext | bool:
        if request.target.scheme != "https":
            return True
        return self._unverified_tls if request.unverified else self._tls

    @cached_property
    def _unverified_tls(self) -> ssl.SSLContext:
        """Takes any certificate."""
        context = httpx.create_ssl_context(verify=False, trust_env=False)
        context.set_alpn_protocols(["http/1.1"])
        return context

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """Trusts the certificates that come with the program and those of the system; made once, it costs 20 ms."""
        context = httpx.create_ssl_context(trust_env=False)
        context.load_default_certs()
        context.set_alpn_protocols(["http/1.1"])
        return context


class _Stream(AiohttpResponseStream):
    """A body in larger pieces than httpx has them by default: each costs some twenty calls on its way."""

    CHUNK_SIZE = _PIECE


def check_literal(host: str, guard: Guard) -> None:
    """Raise `AddressRefused` where a host that is an address, however written, or this machine may not be reached."""
    name = host.rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        name = "127.0.0.1"
    try:
        # Also reads 127.1, 0x7f000001 and 2130706433, as proxies do.
        name = socket.inet_ntoa(socket.inet_aton(name))
    except OSError:
        if ":" not in name:
            return
    if not guard.permits(name):
        raise AddressRefused(name)


def _proxied(proxy: str | None, *, tunnel: bool, headers: list[tuple[str, str]]) -> dict[str, Any]:
    """Arguments of aiohttp for a proxy; without a tunnel, it finds its password among the headers of the request."""
    if proxy is None:
        return {}
    url = URL(proxy)
    if not url.user:
        return {"proxy": url}
    login = "Basic " + b64encode(f"{url.user}:{url.password or ''}".encode()).decode()
    if not tunnel:
        headers.append(("Proxy-Authorization", login))
    return {"proxy": url.with_user(None), "proxy_headers": {"Proxy-Authorization": login} if tunnel else None}


class _GuardedResolver(AbstractResolver):
    """Looks names up, and leaves out the addresses that the guard would refuse.

    The guard sees every connection anyway; but of several addresses that fail aiohttp does not tell which one failed
    why.
    """

    def __init__(self, resolver: AbstractResolver, guard: Guard) -> None:
        self._resolver = resolver
        self._guard = guard

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        permitted = [one for one in found if self._guard.permits(one["host"])]
        if found and not permitted:
            raise AddressRefused(found[0]["host"])
        return permitted

    async def close(self) -> None:
        """The resolver belongs to the transport."""


class _SystemResolver(AbstractResolver):
    """Looks names up as the system does.

    The threads are not those of the event loop, which has only a handful: a few dead name servers would hold up all
    other fetches.
    """

    def __init__(self, threads: ThreadPoolExecutor) -> None:
        self._threads = threads

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        look_up = partial(socket.getaddrinfo, host, port, family, socket.SOCK_STREAM, 0, socket.AI_ADDRCONFIG)
        infos = await asyncio.get_running_loop().run_in_executor(self._threads, look_up)
        return [
            ResolveResult(
                hostname=host, host=str(address[0]), port=port, family=kind, proto=protocol, flags=socket.AI_NUMERICHOST
            )
            for kind, _, protocol, _, address in infos
        ]

    async def close(self) -> None:
        """The threads belong to the transport."""
