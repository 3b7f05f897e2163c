"""The engines of a worker, one after the other: each serves for some minutes, then another one takes its place.

So traffic is recorded, robots.txt is read again, and memory is given back, while no job has to wait.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from aggregator.errors import ConnectionLost, StoreError
from aggregator.log import log_event
from aggregator.pipeline.engine import Engine


@dataclass(slots=True)
class _Opened:
    engine: Engine
    stack: AsyncExitStack
    #: When another one takes its place, on the monotonic clock.
    until: float
    #: Jobs that use it.
    users: int = 0
    retired: bool = False


class Engines:
    """The engines of one worker.

    Args:
        make: returns an engine that is to be opened.
        seconds: how long each serves.
    """

    def __init__(self, make: Callable[[], AbstractAsyncContextManager[Engine]], seconds: float) -> None:
        self._make = make
        self._seconds = seconds
        self._opening = asyncio.Lock()
        self._current: _Opened | None = None

    @asynccontextmanager
    async def use(self) -> AsyncIterator[Engine]:
        """Give the engine that serves now; it stays open until the end.

        Raises:
            StoreError: it cannot be opened.
        """
        opened = await self._ready()
        opened.users += 1
        try:
            yield opened.engine
        finally:
            opened.users -= 1
            if opened.retired and not opened.users:
                await _close(opened)

    async def close(self) -> None:
        """Close the engine, once no job uses it any more."""
        async with self._opening:
            opened, self._current = self._current, None
            if opened is not None:
                await _close(opened)

    async def _ready(self) -> _Opened:
        async with self._opening:
            now = time.monotonic()
            if self._current is not None and now < self._current.until:
                return self._current
            old, self._current = self._current, None
            if old is not None:
                old.retired = True
                if not old.users:
                    await _close(old)
            stack = AsyncExitStack()
            engine = await stack.enter_async_context(self._make())
            self._current = _Opened(engine, stack, now + self._seconds)
            return self._current


async def _close(opened: _Opened) -> None:
    """Store what only the engine has, and close it."""
    try:
        await opened.engine.record()
    except ConnectionLost:
        # Whoever waits for the database says so.
        pass
    except StoreError as error:
        log_event(f"the traffic of some minutes was not recorded: {error}", action="cycle")
    finally:
        await opened.stack.aclose()
