"""Trials: which source ends the workers that work on it, and which only runs beside it.

Where a worker dies, all its jobs go to others, and one of them may have been the reason. So the jobs with which several
workers died are suspects. A worker tries them one at a time, and records when it sends the first request of each. Whose
own trials end workers is given up; waiting for a turn at a host is no part of a trial.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from datetime import timedelta

from aggregator.cluster.database import ClusterDatabase
from aggregator.errors import StoreError
from aggregator.fetch.leases import Held, Leases

#: Workers that died with a job before it is a suspect.
SUSPECT = 2
#: Trials that ended workers before a source is given up.
MOST_TRIALS = 2

_FACT = "trial:"
_BEGIN = """
INSERT INTO cluster_facts AS f (name, value) VALUES (%s, '1')
ON CONFLICT (name) DO UPDATE SET value = (f.value::integer + 1)::text, at = clock_timestamp()
"""
_END = "DELETE FROM cluster_facts WHERE name = %s"
_FORGET = "DELETE FROM cluster_facts WHERE starts_with(name, %s) AND at < clock_timestamp() - interval '1 day'"

#: The trial that the running job is, if it is one.
_current: ContextVar[_Trial | None] = ContextVar("trial", default=None)


class _Trial:
    def __init__(self, database: ClusterDatabase, fact: str) -> None:
        self._database = database
        self._fact = fact
        self._begun = False

    async def begin(self) -> None:
        """Record that it has begun, once."""
        if not self._begun:
            self._begun = True
            await self._database.run(_BEGIN, self._fact)


class Trials(Leases):
    """The trials of one worker, and the leases that begin them."""

    def __init__(self, database: ClusterDatabase, leases: Leases) -> None:
        self._database = database
        self._leases = leases
        self._one = asyncio.Lock()

    @asynccontextmanager
    async def trial(self, name: str, *, at_once: bool) -> AsyncIterator[bool]:
        """Try a suspect, one at a time; False: its trials have ended so many workers that it is given up.

        Args:
            at_once: the trial begins now, and not with a lease: its host needs none.

        Raises:
            StoreError: the database went away.
        """
        fact = f"{_FACT}{name}"
        async with self._one:
            ended = int(await self._database.fact(fact) or 0)
            trial = _Trial(self._database, fact)
            try:
                if ended < MOST_TRIALS:
                    token = _current.set(trial)
                    try:
                        if at_once:
                            await trial.begin()
                        yield True
                    finally:
                        _current.reset(token)
                else:
                    yield False
            finally:
                # The worker lives.
                with suppress(StoreError):
                    await self._database.run(_END, fact)

    async def take(self, domain: str, host: str, slots: int, delay: float, seconds: float) -> Held:
        """See `Leases.take`."""
        held = await self._leases.take(domain, host, slots, delay, seconds)
        if (trial := _current.get()) is not None:
            try:
                await trial.begin()
            except BaseException:
                await held.give_back()
                raise
        return held

    async def leave_alone(self, host: str, wait: timedelta) -> None:
        """See `Leases.leave_alone`."""
        await self._leases.leave_alone(host, wait)

    async def slow_down(self, domain: str, delay: float) -> None:
        """See `Leases.slow_down`."""
        await self._leases.slow_down(domain, delay)


async def forget_trials(database: ClusterDatabase) -> None:
    """Remove what is known of trials long ago.

    Raises:
        StoreError: the database went away.
    """
    await database.run(_FORGET, _FACT)
