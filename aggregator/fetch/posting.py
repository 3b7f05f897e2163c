"""One POST request through the guard, for the steps of rules: a body goes in, the body of the answer comes out.

It shares connections, guard, proxies and limits with `Fetcher`, but not its politeness, which is for sites of others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from types import TracebackType
from typing import Self

import httpx
from aiohttp.abc import AbstractResolver

from aggregator.errors import FetchError
from aggregator.fetch import addresses, answer
from aggregator.fetch.decode import Body
from aggregator.fetch.transport import GuardedTransport, Outgoing, Policy
from aggregator.fetch.trip import choice


class Poster:
    """Posts JSON; an asynchronous context manager, for one event loop.

    Args:
        proxy: as in `FetchSettings`.
        concurrency: requests in flight at most; the caller ensures it.
        resolver: looks up host names; None: the system does.
    """

    def __init__(
        self, user_agent: str, proxy: str | None, *, concurrency: int, resolver: AbstractResolver | None = None
    ) -> None:
        self._user_agent = user_agent
        self._proxy_of = choice(proxy)
        self._concurrency = concurrency
        self._resolver = resolver

    async def __aenter__(self) -> Self:
        self._transport = GuardedTransport(self._concurrency, self._resolver)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._transport.close()

    async def post(
        self,
        url: str,
        body: bytes,
        *,
        within: timedelta,
        policy: Policy,
        max_body: int,
        headers: Sequence[tuple[str, str]] = (),
    ) -> bytes:
        """Post JSON, and return the body of the answer, decoded; redirects are not followed.

        Args:
            within: time for the whole request.
            policy: which addresses may be reached.
            max_body: bytes of the answer that may come.
            headers: further ones.

        Raises:
            FetchError: there was no usable answer.
        """
        target = addresses.parse(url)
        sent = [
            ("Host", target.authority),
            ("User-Agent", self._user_agent),
            ("Accept", "application/json"),
            ("Accept-Encoding", "gzip, deflate, br, zstd"),
            ("Content-Type", "application/json"),
            *headers,
        ]
        if target.authorization and all(name.lower() != "authorization" for name, _ in headers):
            sent.append(("Authorization", target.authorization))
        request = Outgoing(target, sent, policy, self._proxy_of(target), unverified=False, body=body)
        try:
            async with asyncio.timeout(within.total_seconds()) as deadline:
                return await self._send(request, max_body)
        except FetchError:
            raise
        except Exception as error:
            if isinstance(error, TimeoutError) and deadline.expired():
                message = f"no complete answer within {within.total_seconds():g} seconds"
                raise FetchError(message, kind="timeout", url=target.url) from error
            raise answer.explain(error, target) from error

    async def _send(self, request: Outgoing, max_body: int) -> bytes:
        response = await self._transport.send(request)
        try:
            status, url = response.status_code, request.target.url
            if not 200 <= status <= 299:
                phrase = httpx.codes.get_reason_phrase(status)
                message = f"the server answered {status} {phrase}".rstrip()
                raise FetchError(message, kind="http_status", url=url, status=status)
            collected = Body(answer.headers(response).get(b"content-encoding", ""), limit=max_body, url=url)
            assert isinstance(response.stream, httpx.AsyncByteStream)
            async for chunk in response.stream:
                collected.feed(chunk)
            return collected.finish()
        finally:
            await response.aclose()
