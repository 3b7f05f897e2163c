"""Outcomes of single jobs: held back where our own network may be to blame, and stored together with others.

A cycle knows all its outcomes at its end; a worker has no end. So a failure before a host could answer waits until any
host answers, or for some seconds, or until most of the worker waits; then those that wait are judged like a cycle.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from aggregator.errors import StoreError
from aggregator.models import FeedState
from aggregator.pipeline.outage import MOST, OutageDetector, Outcome
from aggregator.pipeline.run import STATES_AT_ONCE
from aggregator.workers import StoreThread


class HeldFailures:
    """Judges the outcomes of a worker.

    Args:
        clock: the current time, aware and in UTC.
        silent: whether no source of all has worked for long.
        seconds: how long an outcome waits at most.
        places: how many jobs run at once.
    """

    def __init__(
        self, clock: Callable[[], datetime], silent: Callable[[], Awaitable[bool]], *, seconds: float, places: int
    ) -> None:
        self._clock = clock
        self._silent = silent
        self._seconds = seconds
        self._most = min(MOST, places)
        self._detector = OutageDetector(clock)
        #: By the state that the poll began with, which the judgement keeps.
        self._waiting: dict[int, asyncio.Future[Outcome]] = {}
        self._timer: asyncio.Task[None] | None = None

    async def judge(self, outcome: Outcome) -> Outcome:
        """Return the outcome once it is known whether it is a failure of the source."""
        future = asyncio.get_running_loop().create_future()
        self._waiting[id(outcome.state)] = future
        try:
            self._release(self._detector.add(outcome))
            if not self._detector.waiting:
                # Any host has answered: what comes next has to be shown again.
                self._detector = OutageDetector(self._clock)
            elif len(self._waiting) >= self._most:
                await self._close()
            elif self._timer is None or self._timer.done():
                self._timer = asyncio.create_task(self._close_later())
            made: Outcome = await future
            return made
        finally:
            self._waiting.pop(id(outcome.state), None)

    async def close(self) -> None:
        """Judge all that wait."""
        if self._timer is not None:
            self._timer.cancel()
        await self._close()

    async def _close_later(self) -> None:
        await asyncio.sleep(self._seconds)
        await self._close()

    async def _close(self) -> None:
        try:
            silent = self._detector.waiting and await self._silent()
        except StoreError:
            # The states cannot be stored either; whoever stores them says so.
            silent = False
        judged, self._detector = self._detector.close(silent=silent), OutageDetector(self._clock)
        self._release(judged)

    def _release(self, outcomes: Iterable[Outcome]) -> None:
        for outcome in outcomes:
            future = self._waiting.get(id(outcome.state))
            if future is not None and not future.done():
                future.set_result(outcome)


class Stored(NamedTuple):
    """A state to be stored, and that before the poll, which replaces one that cannot be stored."""

    state: FeedState
    before: FeedState


class StateKeeper:
    """Stores states, many in one transaction.

    Args:
        thread: where they are stored.
        save: stores them.
        seconds: how long one waits for others.
    """

    def __init__(self, thread: StoreThread, save: Callable[[Sequence[Stored]], None], *, seconds: float) -> None:
        self._thread = thread
        self._save = save
        self._seconds = seconds
        self._waiting: list[tuple[Stored, asyncio.Future[None]]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._saving: set[asyncio.Task[None]] = set()

    async def keep(self, one: Stored) -> None:
        """Store a state.

        Raises:
            StoreError: nothing can be stored.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._waiting.append((one, future))
        if len(self._waiting) >= STATES_AT_ONCE:
            self._start()
        elif self._timer is None:
            self._timer = loop.call_later(self._seconds, self._start)
        await future

    def _start(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waiting, self._waiting = self._waiting, []
        task = asyncio.get_running_loop().create_task(self._store(waiting))
        self._saving.add(task)
        task.add_done_callback(self._saving.discard)

    async def _store(self, waiting: Sequence[tuple[Stored, asyncio.Future[None]]]) -> None:
        error: BaseException | None = None
        try:
            await self._thread.run(self._save, [one for one, _ in waiting])
        except Exception as failure:
            error = failure
        for _, future in waiting:
            if not future.done():
                if error is None:
                    future.set_result(None)
                else:
                    future.set_exception(error)
