"""What one source may have in one cycle, so that a slow or a greedy one costs the others little.

In: the limits, and the work of a source as it comes. Out: its results, or `Spent` as soon as the source has had its
share; it is up to the kind of source what it makes of a part, and what is left comes next time. Waiting counts, be it
for a host that wants to be asked slowly, for the turn at a host, or for the process that reads pages.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from aggregator.models import Fetched, NotModified
from aggregator.sources import Spent

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Share:
    """The limits for one source in one cycle."""

    #: By the clock, besides the `timeout` of the source. Where a host wants a minute between two requests, this is
    #: enough for its robots.txt, a list and a few articles.
    time: timedelta = timedelta(minutes=5)
    #: Of documents, content codings undone; the last ones that were begun may go beyond.
    bytes: int = 50_000_000
    #: Seconds of computing in the process that reads pages; the last page that was begun may go beyond.
    seconds: float = 20.0


#: What every source has.
USUAL = Share()


class Budget:
    """What is left for one source; for one event loop.

    Args:
        share: the limits.
        timeout: the deadline that the source has for one fetch.
    """

    def __init__(self, share: Share, timeout: timedelta) -> None:
        self._loop = asyncio.get_running_loop()
        self._time = share.time + timeout
        self._until = self._loop.time() + self._time.total_seconds()
        self._bytes = share.bytes
        self._seconds = share.seconds

    async def fetch(self, fetching: Callable[[], Awaitable[Fetched | NotModified]]) -> Fetched | NotModified:
        """Fetch a document, unless there is no time for it, or too many bytes have come.

        Raises:
            Spent: the source has had its share.
        """
        if self._bytes <= 0:
            raise Spent("this time its documents were too large for more")
        found = await self._in_time(fetching)
        if isinstance(found, Fetched):
            self._bytes -= len(found.body)
        return found

    async def compute(self, computing: Callable[[], Awaitable[T]]) -> T:
        """Wait for what computes elsewhere; what it cost is to be told by `pay`.

        Raises:
            Spent: the source has had its share.
        """
        return await self._in_time(computing)

    def pay(self, seconds: float) -> None:
        """Count seconds of computing, from any one thread."""
        self._seconds -= seconds

    def check(self) -> None:
        """Raise `Spent` where there is no computing left; for the thread that pays."""
        if self._seconds <= 0:
            raise Spent("this time its pages took too long to read for more")

    async def _in_time(self, work: Callable[[], Awaitable[T]]) -> T:
        message = f"it may take {self._time.total_seconds():g} s at once, waits for its host included"
        if self._loop.time() >= self._until:
            raise Spent(message)
        try:
            async with asyncio.timeout_at(self._until):
                return await work()
        except TimeoutError:
            raise Spent(message) from None
