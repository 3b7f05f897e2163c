"""Leases in the database: politeness that holds over all processes, whatever happens to one of them.

A process asks for a lease with one statement and gives it back with another, each perhaps together with others
(`cluster.batches`). A function of the database (`cluster.tables`) locks the row of the domain, so that all see one
order and one clock, that of the database.

- A lease ends by itself, some time after its request must be over: so nothing is lost where its holder died. A holder
  counts the time from before it asked, so for it the lease ends earlier than for the database. A process that stood
  still finds that out before it sends.
- A lease has a number, given by who asks. Where the answer is lost, the question can be repeated, and what nobody will
  use is given back as soon as the database can be had.
- Who gets none stands in a line, and comes back after the time that the database tells: when the next request may
  begin or, where that depends on others, soon at first and then less often. Whoever is first in the line goes first, so
  that no process starves. Who does not come back loses its place.
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, LiteralString, NamedTuple, Self

from psycopg_pool import AsyncConnectionPool

from aggregator.cluster.batches import ANSWER, Answer, Batches, Question
from aggregator.cluster.connections import explained
from aggregator.errors import ConnectionLost, StoreError
from aggregator.fetch.leases import Held, LeaseEnded, LeftAlone

log = logging.getLogger(__name__)

#: Seconds for which the database keeps a lease longer than its holder uses it: a connection is closed meanwhile.
_MARGIN = 2.0
#: Seconds within which a request that a delay follows must begin. Longer where this process is slower, up to `_LATEST`.
_LATENESS = 0.25
_LATEST = 4.0
#: How long a Crawl-delay is known; robots.txt is read again before, as long as its pages are asked for.
_DELAY_KNOWN = timedelta(hours=1)
#: Seconds during which a question is repeated where the connection was lost, and the first pause before that.
_PATIENCE = 10.0
_PAUSE = 0.05
#: Seconds between two attempts to settle what is owed, at most.
_LONGEST_PAUSE = 5.0
#: Seconds that `close` takes to settle it, at most.
_LAST_WORDS = 2.0
#: How long a domain is remembered that nobody asks for; rows that are deleted at once.
_FORGET = timedelta(days=2)
_BATCH = 10_000

_LEAVE_ALONE = """
INSERT INTO host_waits AS w (host, until) VALUES (%s, ceil(extract(epoch FROM clock_timestamp()) + %s))
ON CONFLICT (host) DO UPDATE SET until = greatest(w.until, excluded.until)
"""
# A smaller delay, of another host of the domain, does not prolong a larger one.
_SLOW_DOWN = """
INSERT INTO cluster_domains AS d (domain, delay, delay_until) VALUES (%s, %s, clock_timestamp() + %s)
ON CONFLICT (domain) DO UPDATE SET delay = excluded.delay, delay_until = excluded.delay_until
WHERE excluded.delay >= d.delay OR d.delay_until <= clock_timestamp()
"""
_FORGOTTEN = """
WITH old AS (
    SELECT domain FROM cluster_domains
    WHERE greatest(began_at, opens_at, delay_until) < clock_timestamp() - %s
        AND NOT clock_timestamp() < ANY (held_until) AND NOT clock_timestamp() < ANY (line_until)
    LIMIT %s FOR UPDATE SKIP LOCKED
)
DELETE FROM cluster_domains d USING old WHERE d.domain = old.domain
"""
_USAGE = """
SELECT coalesce(sum(held), 0), coalesce(sum(waiting), 0) FROM (
    SELECT (SELECT count(*) FROM unnest(held_until) AS u WHERE u > clock_timestamp()) AS held,
        (SELECT count(*) FROM unnest(line_until) AS u WHERE u > clock_timestamp()) AS waiting
    FROM cluster_domains WHERE held <> '{}' OR line <> '{}'
) AS domains
"""

Pool = AsyncConnectionPool[Any]


def _elapsed() -> float:
    """Seconds on a clock that nobody sets, and that also counts while the machine sleeps, where there is one."""
    return time.clock_gettime(_CLOCK) if _CLOCK is not None else time.monotonic()


_CLOCK: int | None = getattr(time, "CLOCK_BOOTTIME", None)


class Usage(NamedTuple):
    """What goes on in the cluster."""

    #: Leases that are held.
    held: int
    #: Requests that stand in the lines of their domains; each process sends `fetch.per_host` there at most.
    waiting: int


class DatabaseLeases:
    """`fetch.Leases` in the database; an asynchronous context manager, for one event loop.

    Args:
        pool: open, with connections as `connections.open_pool` makes them; the caller closes it.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._batches = Batches(pool)
        self._lateness = _LATENESS
        self._debts: deque[_Debt] = deque()
        self._settling: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Give back what is still owed, if the database can be had."""
        if self._settling is not None:
            await asyncio.wait([self._settling], timeout=_LAST_WORDS)
            self._settling.cancel()
            await asyncio.gather(self._settling, return_exceptions=True)
        await self._batches.close()

    @property
    def owing(self) -> bool:
        """Whether the database still has to be told something."""
        return bool(self._debts)

    async def take(self, domain: str, host: str, slots: int, delay: float, seconds: float) -> Held:
        """See `Leases.take`."""
        token, tries, before = secrets.randbits(63), 0, 0
        try:
            while True:
                began, lateness = _elapsed(), self._lateness
                # The driver takes no list in which a number is sometimes a float.
                times = float(delay), float(seconds + _MARGIN), lateness
                question = Question(domain, host, slots, *times, token, tries)
                outcome, told, ahead = await self._ask(question)
                if outcome == "t":
                    return _Lease(self, domain, token, began + told, began + seconds)
                if outcome == "l":
                    raise LeftAlone(datetime.fromtimestamp(told, UTC))
                # Whoever has come forward in the line looks more often again.
                tries = 0 if ahead < before else tries + 1
                before = ahead
                await asyncio.sleep(told * random.uniform(1.0, 1.25))  # noqa: S311 - no secret
        except LeftAlone:
            raise
        except BaseException:
            # It may stand in the line, or have the lease without knowing.
            self._owe(self._due_back(domain, token, _elapsed() + seconds))
            raise

    async def leave_alone(self, host: str, wait: timedelta) -> None:
        """See `Leases.leave_alone`."""
        ends = _elapsed() + wait.total_seconds()
        await self._pay(_Debt(ends, lambda: self._run(_LEAVE_ALONE, host, max(0.0, ends - _elapsed()))))

    async def slow_down(self, domain: str, delay: float) -> None:
        """See `Leases.slow_down`."""
        ends = _elapsed() + _DELAY_KNOWN.total_seconds()
        await self._pay(_Debt(ends, lambda: self._run(_SLOW_DOWN, domain, delay, _DELAY_KNOWN)))

    async def give_back(self, domain: str, token: int, ends: float) -> None:
        """Give a lease back, now or as soon as the database can be had, unless it has ended by then."""
        await self._pay(self._due_back(domain, token, ends))

    def learn(self, *, late: bool) -> None:
        """Learn whether a request would begin too late, to allow for more the next time, or for less."""
        self._lateness = min(2 * self._lateness, _LATEST) if late else max(0.99 * self._lateness, _LATENESS)

    async def _ask(self, question: Question) -> Answer:
        """Ask a question, which may be heard twice; a lost connection is made again."""
        until, pause = _elapsed() + _PATIENCE, _PAUSE
        while True:
            try:
                return await self._batches.ask(question)
            except ConnectionLost:
                if _elapsed() + pause > until:
                    raise
            await asyncio.sleep(pause)
            pause *= 2

    async def _pay(self, debt: _Debt) -> None:
        """Do what is owed, now or as soon as the database can be had; also where this task is cancelled meanwhile."""
        done = False
        try:
            await debt.pay()
            done = True
        except StoreError:
            pass
        finally:
            if not done:
                self._owe(debt)

    async def _run(self, statement: LiteralString, *values: object) -> None:
        with explained():
            async with asyncio.timeout(ANSWER), self._pool.connection() as connection:
                await connection.execute(statement, values)

    def _due_back(self, domain: str, token: int, ends: float) -> _Debt:
        question = Question(domain, None, 0, 0.0, 0.0, 0.0, token, 0)
        return _Debt(ends, lambda: self._batches.ask(question))

    def _owe(self, debt: _Debt) -> None:
        self._debts.append(debt)
        if self._settling is None or self._settling.done():
            self._settling = asyncio.create_task(self._settle())

    async def _settle(self) -> None:
        pause = _PAUSE
        while self._debts:
            debt = self._debts[0]
            try:
                if debt.ends > _elapsed():
                    await debt.pay()
            except ConnectionLost:
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
                continue
            except StoreError as error:
                log.warning("politeness of all workers: %s", error)
            self._debts.popleft()


class _Debt(NamedTuple):
    """What the database has to be told."""

    #: The time of `_elapsed` from which on it has no use.
    ends: float
    pay: Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class _Lease:
    """A lease, with times of `_elapsed`."""

    leases: DatabaseLeases
    domain: str
    token: int
    #: When the request must have begun.
    begins: float
    #: When it must be over.
    ends: float

    def allows(self, seconds: float) -> bool:
        """See `Held.allows`."""
        now = _elapsed()
        late = now > self.begins
        self.leases.learn(late=late)
        return not late and now + seconds <= self.ends

    def check(self) -> None:
        """See `Held.check`."""
        if _elapsed() >= self.ends:
            raise LeaseEnded

    async def give_back(self) -> None:
        """See `Held.give_back`."""
        await self.leases.give_back(self.domain, self.token, self.ends + _MARGIN)


async def forget_domains(pool: Pool) -> int:
    """Delete the rows of domains that nobody has asked for lately, and return how many; for once an hour or so.

    Raises:
        ConnectionLost, StoreError: see `connections.explained`.
    """
    count = 0
    while True:
        with explained():
            async with pool.connection() as connection:
                deleted: int = (await connection.execute(_FORGOTTEN, (_FORGET, _BATCH))).rowcount
        count += deleted
        if deleted < _BATCH:
            return count


async def usage(pool: Pool) -> Usage:
    """Return what goes on in the cluster.

    Raises:
        ConnectionLost, StoreError: see `connections.explained`.
    """
    with explained():
        async with pool.connection() as connection:
            row = await (await connection.execute(_USAGE)).fetchone()
    assert row is not None
    return Usage(int(row[0]), int(row[1]))
