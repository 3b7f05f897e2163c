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

ALLOW_PRIVATE = "aggregator.allow_private"
"""Request extension that holds the policy: True, False, or a tuple of networks in CIDR notation."""

#: Idle connections that are kept for a next request, besides those in use.
_MAX_IDLE = 128

Policy = bool | tuple[str, ...]


class GuardedTransport(httpx.AsyncBaseTransport):
    """Sends requests over connections that their policy allows.

    Every request must carry the extension `ALLOW_PRIVATE`, and have no body.

    Args:
        concurrency: requests that are under way at once at most; the caller sees to it.
    """

    def __init__(self, concurrency: int) -> None:
        self._threads = ThreadPoolExecutor(concurrency, "aggregator-dns")
        self._sessions: dict[Policy, aiohttp.ClientSession] = {}
        self._sockets: WeakSet[socket.socket] = WeakSet()
        self._max_sockets = concurrency + _MAX_IDLE

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        headers = [(name.decode("ascii"), value.decode("utf-8")) for name, value in request.headers.raw]
        if self._crowded():
            headers.append(("Connection", "close"))
        session = self._session(request.extensions[ALLOW_PRIVATE])
        response = await session.request(
            request.method,
            URL(str(request.url), encoded=True),
            headers=headers,
            allow_redirects=False,
            ssl=self._tls if request.url.scheme == "https" else True,
        )
        return httpx.Response(
            response.status,
            headers=list(response.raw_headers),
            stream=AiohttpResponseStream(response),
            request=request,
        )

    async def aclose(self) -> None:
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _session(self, policy: Policy) -> aiohttp.ClientSession:
        if policy not in self._sessions:
            guard = Guard(policy)
            connector = aiohttp.TCPConnector(
                limit=0, resolver=_Resolver(self._threads, guard), socket_factory=partial(self._socket, guard)
            )
            self._sessions[policy] = aiohttp.ClientSession(
                connector=connector,
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(),
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

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """Trusts the certificates that come with the program and those of the system; made once, it costs 20 ms."""
        context = httpx.create_ssl_context(trust_env=False)
        context.load_default_certs()
        context.set_alpn_protocols(["http/1.1"])
        return context


class _Resolver(AbstractResolver):
    """Looks names up, and leaves out the addresses that the guard would refuse.

    The guard sees every connection anyway; but of several addresses that fail aiohttp does not tell which one failed
    why. The threads are not those of the event loop, which has only a handful: a few dead name servers would hold up
    all other fetches.
    """

    def __init__(self, threads: ThreadPoolExecutor, guard: Guard) -> None:
        self._threads = threads
        self._guard = guard

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        look_up = partial(socket.getaddrinfo, host, port, family, socket.SOCK_STREAM, 0, socket.AI_ADDRCONFIG)
        infos = await asyncio.get_running_loop().run_in_executor(self._threads, look_up)
        found = [(str(address[0]), kind, protocol) for kind, _, protocol, _, address in infos]
        permitted = [one for one in found if self._guard.permits(one[0])]
        if found and not permitted:
            raise AddressRefused(found[0][0])
        return [
            ResolveResult(
                hostname=host, host=address, port=port, family=kind, proto=protocol, flags=socket.AI_NUMERICHOST
            )
            for address, kind, protocol in permitted
        ]

    async def close(self) -> None:
        """The threads belong to the transport."""
