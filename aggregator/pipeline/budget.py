"""The share of one source in one cycle, so that slow or large sources do not delay the others.

In: the limits, and the work of a source. Out: its results, or `ShareUsedUp` once the share is used up; the kind of
source decides what to do with a part, and the rest comes next time. Waiting counts: for a slow host, for the turn at a
host, and for the process that reads pages.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from aggregator.models import Fetched, NotModified
from aggregator.sources import ShareUsedUp

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Share:
    """The limits for one source in one cycle."""

    #: Wall time, in addition to the `timeout` of the source. Where a host wants a minute between two requests, this is
    #: enough for its robots.txt, a list and a few articles.
    time: timedelta = timedelta(minutes=5)
    #: Size of all documents, decoded; the last ones may exceed it.
    bytes: int = 50_000_000
    #: CPU time in seconds in the process that reads pages; the last page may exceed it.
    seconds: float = 20.0


#: The share of every source.
USUAL = Share()


class Budget:
    """What is left of the share of one source; for one event loop.

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
        """Fetch a document, unless the time or the bytes are used up.

        Raises:
            ShareUsedUp: the share is used up.
        """
        if self._bytes <= 0:
            raise ShareUsedUp("this time its documents were too large for more")
        found = await self._in_time(fetching)
        if isinstance(found, Fetched):
            self._bytes -= len(found.body)
        return found

    async def compute(self, computing: Callable[[], Awaitable[T]]) -> T:
        """Wait for work in another process; `pay` counts its CPU time.

        Raises:
            ShareUsedUp: the share is used up.
        """
        return await self._in_time(computing)

    def pay(self, seconds: float) -> None:
        """Count CPU time in seconds."""
        self._seconds -= seconds

    def check(self) -> None:
        """Raise `ShareUsedUp` where no CPU time is left."""
        if self._seconds <= 0:
            raise ShareUsedUp("this time its pages took too long to read for more")

    async def _in_time(self, work: Callable[[], Awaitable[T]]) -> T:
        message = f"it may take {self._time.total_seconds():g} s at once, waits for its host included"
        if self._loop.time() >= self._until:
            raise ShareUsedUp(message)
        try:
            async with asyncio.timeout_at(self._until):
                return await work()
        except TimeoutError:
            raise ShareUsedUp(message) from None
