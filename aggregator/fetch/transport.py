"""The HTTP connections: aiohttp, with one connection pool for each policy about addresses, and httpx's responses.

A pooled connection was made under some policy, so it may only serve requests of the same policy: each policy has a pool
and a `Guard` of its own. `httpx_aiohttp.AiohttpTransport` is not used, because it passes the URL as text: aiohttp then
rewrites the escapes in it (``%7E`` becomes ``~``), and signed addresses break. Errors of aiohttp come out unchanged;
`aggregator.fetch.answer` knows them all.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from base64 import b64encode
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any
from weakref import WeakSet

import aiohttp
import httpx
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from httpx_aiohttp.transport import AiohttpResponseStream
from yarl import URL

from aggregator.fetch.addresses import Guard, GuardedResolver, Target, check_literal

#: Idle connections that are kept for later requests, besides those in use.
_MAX_IDLE = 128

#: Bytes of a body that are read at once at most.
_PIECE = 64 * 1024

#: Bytes of one line of a head, and of a whole head, that are read at most: a Content-Security-Policy has some 16 kB.
MAX_LINE = 64 * 1024
MAX_HEAD = 256 * 1024

_END = re.compile(rb"\n\r?\n")
_FIELD = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]++[ \t]*+:[^\n]*+\n"
#: A head in which every line is a field or goes on with one (obs-fold, RFC 9112, section 5.2).
_TIDY = re.compile(rb"[^\n]*+\n(?:" + _FIELD + rb"|[ \t][^\n]*+\n)*+\r?\n")
_LINE = re.compile(_FIELD)
_LENGTH = re.compile(rb"content-length[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE)
_CHUNKED = re.compile(rb"transfer-encoding[ \t]*:[^\n]*\bchunked\b", re.IGNORECASE)
_INTERIM = re.compile(rb"HTTP/1\.[01] 1[0-9][0-9]\b")

#: What `GuardedTransport.send` got as `check`, for the connector, which aiohttp calls.
_check: ContextVar[Callable[[], None] | None] = ContextVar("check", default=None)

Policy = bool | tuple[str, ...]
"""Which addresses may be reached: True: all, False: the public ones, or networks that may be reached as well (CIDR)."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A GET request, or a POST request if it has a body.

    It is no `httpx.Request`, which would take the address apart once more and copy the headers: a seventh of a request
    (`make bench`, stage `request`).
    """

    target: Target
    #: All headers, the Host header among them.
    headers: Sequence[tuple[str, str]]
    #: Which addresses may be reached.
    policy: Policy
    #: Address of an HTTP proxy, or None.
    proxy: str | None
    #: Whether any certificate is accepted.
    unverified: bool
    body: bytes | None = None


class GuardedTransport:
    """Sends requests over connections that their policy allows.

    Through a proxy, which looks up names itself, only addresses that stand in the
    URL can be checked; the proxy is trusted, wherever it is.

    Args:
        concurrency: requests in flight at most; the caller ensures it.
        resolver: looks up host names; None: the system does.
    """

    def __init__(self, concurrency: int, resolver: AbstractResolver | None = None) -> None:
        self._threads = ThreadPoolExecutor(concurrency, "aggregator-dns")
        self._look_up = resolver or _SystemResolver(self._threads)
        self._sessions: dict[Policy, aiohttp.ClientSession] = {}
        self._sockets: WeakSet[socket.socket] = WeakSet()
        self._max_sockets = concurrency + _MAX_IDLE

    async def send(self, request: Outgoing, check: Callable[[], None] | None = None) -> httpx.Response:
        """Send a request, and return the response as soon as its head is there; raises the errors of aiohttp.

        Args:
            check: called once there is a connection, right before the request is written to it; what it raises keeps
                the request from being sent, and comes out.
        """
        _check.set(check)
        target, headers, proxy = request.target, list(request.headers), request.proxy
        if self._crowded():
            headers.append(("Connection", "close"))
        if proxy is not None:
            check_literal(target.host, Guard(request.policy))
        session = self._session(request.policy if proxy is None else True)
        response = await session.request(
            "GET" if request.body is None else "POST",
            URL(target.url, encoded=True),
            headers=headers,
            data=request.body,
            allow_redirects=False,
            ssl=self._context(request),
            **_proxied(proxy, tunnel=target.scheme == "https", headers=headers),
        )
        return httpx.Response(response.status, headers=list(response.raw_headers), stream=_ResponseBody(response))

    async def close(self) -> None:
        """Close all connections."""
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _session(self, policy: Policy) -> aiohttp.ClientSession:
        if policy not in self._sessions:
            guard = Guard(policy)
            connector = _Connector(
                limit=0, resolver=GuardedResolver(self._look_up, guard), socket_factory=partial(self._socket, guard)
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
        """Whether so many connections are open that further ones are not kept.

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
        """Accepts any certificate."""
        context = httpx.create_ssl_context(verify=False, trust_env=False)
        context.set_alpn_protocols(["http/1.1"])
        return context

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """Trusts the bundled certificates and those of the system; made once, because that is slow."""
        context = httpx.create_ssl_context(trust_env=False)
        context.load_default_certs()
        context.set_alpn_protocols(["http/1.1"])
        return context


class _ResponseBody(AiohttpResponseStream):
    """A body in larger chunks than by default: each chunk costs some twenty calls."""

    CHUNK_SIZE = _PIECE


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


class _SystemResolver(AbstractResolver):
    """Looks names up as the system does.

    The event loop has only a few threads, which a few dead name servers would block for all other fetches; so these are
    threads of its own.
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
        """Do nothing: the threads belong to the transport."""


def tidy(head: bytes) -> bytes:
    """Return a head, blank line included, without the lines that browsers leave out; a good one comes back as it is."""
    lower = head.lower()
    framing = lower.count(b"content-length") + lower.count(b"transfer-encoding")
    if framing < 2 and _TIDY.fullmatch(head) is not None:
        return head
    first, *lines = head.splitlines(keepends=True)
    kept: list[bytes] = []
    lengths: set[bytes] = set()
    chunked = any(_CHUNKED.match(line) for line in lines)
    dropped = False
    for line in lines:
        if line[:1] in (b" ", b"\t"):
            # The continuation of a line that is left out is left out as well.
            kept += [] if dropped else [line]
            continue
        length = _LENGTH.match(line)
        dropped = line.strip() != b"" and _LINE.fullmatch(line) is None
        if length is not None:
            # The same length once more says nothing new; another one is for the parser to refuse.
            dropped = chunked or length[1].strip() in lengths
            lengths.add(length[1].strip())
        if not dropped:
            kept.append(line)
    return first + b"".join(kept)


class _Connector(aiohttp.TCPConnector):
    """aiohttp's connector, whose connections read heads by `tidy`, and which asks before a request is written.

    aiohttp has no public place for the former: `_factory` makes the protocol of each connection, also inside of
    tunnels.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        make: Callable[..., ResponseHandler] = _Connection
        self._factory = partial(make, loop=asyncio.get_running_loop())

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Any],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - the name is aiohttp's
    ) -> Connection:
        """Return a connection, to which aiohttp writes the request without waiting for anything else."""
        connection = await super().connect(req, traces, timeout)
        if (check := _check.get()) is not None:
            try:
                check()
            except BaseException:
                connection.close()
                raise
        return connection


class _Connection(ResponseHandler):
    """Holds the bytes of a head back until it is complete; a body passes unchanged.

    llhttp, which aiohttp reads HTTP with, refuses a whole answer for a line without a colon, and for a Content-Length
    beside chunked. Browsers leave such a line out, and take the chunks (RFC 9112, section 6.3), so feeds with them
    exist.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        #: The head so far; None: no head is expected.
        self._head: bytearray | None = None

    def set_response_params(self, **settings: Any) -> None:
        self._head = bytearray()
        super().set_response_params(**settings)

    def data_received(self, data: bytes) -> None:
        while self._head is not None and data:
            seen = len(self._head)
            self._head += data
            end = _END.search(self._head, max(0, seen - 2))
            if end is None and len(self._head) <= MAX_HEAD:
                return
            whole = bytes(self._head)
            if end is None:
                # The parser has limits of its own.
                self._head, data = None, whole
                break
            head, data = tidy(whole[: end.end()]), whole[end.end() :]
            # After "103 Early Hints" and the like, the head of the answer itself is still to come.
            self._head = bytearray() if _INTERIM.match(head) else None
            if self._head is not None:
                super().data_received(head)
            else:
                data = head + data
        if data or self._head is None:
            super().data_received(data)
