"""One POST request through the guard, for the steps of rules: a body goes in, the body of the answer comes out.

It shares connections, guard, proxies, headers and limits with `Fetcher`, but not its politeness, which is for sites of
others, and it follows no redirects.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from types import TracebackType
from typing import Self

from aiohttp.abc import AbstractResolver

from aggregator.errors import FetchError
from aggregator.fetch import answer
from aggregator.fetch.politeness import Tally
from aggregator.fetch.transport import GuardedTransport, Policy
from aggregator.fetch.trip import Trip, choice
from aggregator.models import Access, Request


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
        access = Access(headers=tuple(headers))
        trip = Trip(
            Request(url, within, max_body, policy, "application/json", access=access, content=body), self._proxy_of
        )
        try:
            async with asyncio.timeout(within.total_seconds()) as deadline:
                return await self._send(trip)
        except FetchError:
            raise
        except Exception as error:
            if isinstance(error, TimeoutError) and deadline.expired():
                message = f"no complete answer within {within.total_seconds():g} seconds"
                raise FetchError(message, kind="timeout", url=trip.target.url) from error
            raise answer.explain(error, trip.target) from error

    async def _send(self, trip: Trip) -> bytes:
        response = await self._transport.send(trip.ask(self._user_agent))
        try:
            status, url = response.status_code, trip.target.url
            if not 200 <= status <= 299:
                message = f"the server answered {answer.phrase(status)}"
                raise FetchError(message, kind="http_status", url=url, status=status)
            said = answer.headers(response)
            return await answer.read_body(response, said, Tally(), limit=trip.request.max_body, url=url)
        finally:
            await response.aclose()
