"""Questions about leases, brought to the database together: those that come while others are under way go next.

A statement costs far more than what it asks for, so a process that asks often pays for a part of one each time, and a
process that asks seldom waits for nobody.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

from psycopg_pool import AsyncConnectionPool

from aggregator.cluster.connections import explained
from aggregator.errors import ConnectionLost, StoreError

#: Questions in one statement at most: their domains are locked together.
_MOST = 64
#: Seconds that an answer of the database may take.
ANSWER = 10.0

_ASK = """
SELECT number, outcome, told, ahead FROM cluster_leases(
    %s::text[], %s::text[], %s::integer[], %s::double precision[], %s::double precision[], %s::double precision[],
    %s::bigint[], %s::integer[]
)
"""


class Question(NamedTuple):
    """A lease that is wanted, or given back; the meaning of its values is that of `cluster_take`."""

    domain: str
    #: None: it is given back.
    host: str | None
    slots: int
    delay: float
    seconds: float
    lateness: float
    token: int
    tries: int


class Answer(NamedTuple):
    """See `cluster_take`; for what was given back, None of it is set."""

    outcome: str | None = None
    told: float = 0.0
    ahead: int = 0


_GIVEN_BACK = Answer()

_Asked = tuple[Question, "asyncio.Future[Answer]"]


class Batches:
    """Asks the database; for one event loop.

    Args:
        pool: open, with connections as `connections.open_pool` makes them.
    """

    def __init__(self, pool: AsyncConnectionPool[Any]) -> None:
        self._pool = pool
        self._waiting: deque[_Asked] = deque()
        self._running: asyncio.Task[None] | None = None

    async def ask(self, question: Question) -> Answer:
        """Ask one question.

        Raises:
            ConnectionLost: the database went away; nobody knows whether it has heard the question.
            StoreError: it refuses to answer.
        """
        future = asyncio.get_running_loop().create_future()
        self._waiting.append((question, future))
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run())
        answer: Answer = await future
        return answer

    async def close(self) -> None:
        """Stop asking; who still waits gets `ConnectionLost`."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    async def _run(self) -> None:
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(_MOST, len(self._waiting)))]
            batch = [one for one in batch if not one[1].done()]
            try:
                if batch:
                    await self._bring(batch)
            except StoreError as error:
                _fail(batch, error)
            except BaseException as error:
                _fail([*batch, *self._waiting], ConnectionLost(f"the question was not answered: {error!r}"))
                self._waiting.clear()
                raise

    async def _bring(self, batch: Sequence[_Asked]) -> None:
        values = [list(column) for column in zip(*(question for question, _ in batch), strict=True)]
        with explained():
            async with asyncio.timeout(ANSWER), self._pool.connection() as connection:
                rows = await (await connection.execute(_ASK, values)).fetchall()
        answers = {number: Answer(*answer) for number, *answer in rows}
        for number, (_, future) in enumerate(batch, 1):
            if not future.done():
                future.set_result(answers.get(number, _GIVEN_BACK))


def _fail(batch: Sequence[_Asked], error: StoreError) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(error)
