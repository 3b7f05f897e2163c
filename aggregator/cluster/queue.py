"""The queue of a cluster: the jobs of procrastinate, as this program uses them.

Jobs are hints. Each has a queueing lock, so that it is in the queue once, and a lock, so that it runs once. A job ends
in any case: what it did not do is found again by due times and by what is pending. Where a worker died, its jobs are
put back into the queue by whoever notices first.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, LiteralString, NamedTuple

import psycopg
from procrastinate import App, PsycopgConnector, exceptions
from procrastinate.job_context import JobContext
from procrastinate.jobs import Job, Status
from procrastinate.worker import Worker

from aggregator.cluster.connections import away, explained
from aggregator.cluster.database import ClusterDatabase
from aggregator.cluster.settings import Times
from aggregator.errors import RowError, StoreError

log = logging.getLogger(__name__)
# It logs each error of the database several times; whoever is told of it here logs it once.
logging.getLogger("procrastinate").setLevel(logging.CRITICAL)

#: The queues: sources to update; what somebody has to do; what a worker that publishes has to do.
SOURCES, CONTROL, PUBLISH = "sources", "control", "publish"
#: The tasks, which are also the locks of those that come without arguments.
SOURCE, DISPATCH, HOOK = "source", "dispatch", "hook"
POSTS, OUTPUT, LISTS, COMMAND = "publish", "output", "lists", "after_publish"

#: Hours for which jobs that failed are kept for a look: jobs of another version of this program.
_KEPT_HOURS = 24

#: Where the database takes the queue to be so many times shorter than it is, its plans are bad ones.
_MUCH_SHORTER = 4

_KNOWN_SIZE: LiteralString = (
    "SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = 'procrastinate_jobs'::regclass"
)
_UNDER_WAY: LiteralString = (
    "SELECT args->>'id' FROM procrastinate_jobs WHERE queue_name = 'sources' AND status IN ('todo', 'doing')"
)

Run = Callable[..., Awaitable[None]]
"""Does a job: it gets how many workers died with it, and its arguments."""


class Order(NamedTuple):
    """A job to be put into the queue."""

    task: str
    queue: str
    #: What it is done to; "": there is one of its kind.
    of: str = ""
    priority: int = 0

    @property
    def lock(self) -> str:
        """Its lock, and its queueing lock."""
        return f"{self.task}:{self.of}" if self.of else self.task

    def job(self, **more: Any) -> Job:
        """Return it as procrastinate takes it."""
        arguments = {"id": self.of} if self.of else {}
        return Job(
            queue=self.queue,
            lock=self.lock,
            queueing_lock=self.lock,
            task_name=self.task,
            task_kwargs={**arguments, **more},
            priority=self.priority,
        )


class Queue:
    """The queue; for one event loop.

    Args:
        database: open.
        on_trouble: called with why a job could not be done, or the database not be used.
    """

    def __init__(self, database: ClusterDatabase, times: Times, on_trouble: Callable[[StoreError], None]) -> None:
        self.database = database
        self._times = times
        self._on_trouble = on_trouble
        self._connector = _Connector(on_trouble)
        self.app = App(connector=self._connector)

    async def open(self) -> None:
        """Use the connections of the database."""
        await self._connector.open_async(self.database.pool)

    def lane(self, queues: Sequence[str], tasks: Mapping[str, Run], places: int, grace: float) -> Lane:
        """Return what runs the jobs of some queues, `places` at once.

        Args:
            grace: seconds that running jobs get to end, once it is stopped.
        """
        for name, run in tasks.items():
            self.app.task(name=name, pass_context=True)(self._guarded(name, run))
        return Lane(
            self.app,
            queues=list(queues),
            name="-".join(queues),
            concurrency=places,
            fetch_job_polling_interval=self._times.poll,
            abort_job_polling_interval=60.0,
            shutdown_graceful_timeout=grace,
            delete_jobs="successful",
            install_signal_handlers=False,
            update_heartbeat_interval=self._times.beat,
            stalled_worker_timeout=self._times.dead,
        )

    async def put(self, *orders: Order) -> bool:
        """Put jobs into the queue; return whether that was done: if one of them is there already, none is put.

        Raises:
            StoreError: the database went away.
        """
        with _explained():
            try:
                await self.app.job_manager.batch_defer_jobs_async([order.job() for order in orders])
            except exceptions.AlreadyEnqueued:
                return False
        return True

    async def expect(self, count: int) -> None:
        """Let the database know how many jobs there are about, where it takes the queue for much shorter.

        It looks at the queue now and then, mostly while it is empty, and would read all of it for each job later.

        Raises:
            StoreError: the database went away.
        """
        ((known,),) = await self.database.rows(_KNOWN_SIZE)
        if known < count / _MUCH_SHORTER:
            await self.database.run("ANALYZE procrastinate_jobs")

    async def put_periodically(self, order: Order, seconds: float) -> None:
        """Put a job into the queue, once in so many seconds over all workers.

        Raises:
            StoreError: the database went away.
        """
        number = int(self.database.clock.now() / seconds)
        with _explained(), suppress(exceptions.AlreadyEnqueued):
            job = order.job(timestamp=number)
            await self.app.job_manager.defer_periodic_job(job, periodic_id="", defer_timestamp=number)

    async def under_way(self) -> list[str]:
        """Return the sources with jobs, in the queue or running."""
        return [name for (name,) in await self.database.rows(_UNDER_WAY)]

    async def take_over(self) -> int:
        """Put the jobs of dead workers back into the queue, and return how many there were.

        Raises:
            StoreError: the database went away.
        """
        manager, count = self.app.job_manager, 0
        with _explained():
            for job in await manager.get_stalled_jobs(seconds_since_heartbeat=self._times.dead):
                assert job.id is not None
                try:
                    await manager.retry_job_by_id_async(job.id, retry_at=self.database.clock())
                    count += 1
                except exceptions.UniqueViolation:
                    # The same has come into the queue since.
                    await self._drop(job.id)
                except exceptions.ConnectorException as error:
                    if away(error.__cause__):
                        raise
                    # Another worker was faster.
        return count

    async def disown(self, lanes: Sequence[int]) -> None:
        """Let the jobs of lanes that have ended be taken over at once.

        Args:
            lanes: their numbers.

        Raises:
            StoreError: the database went away.
        """
        with _explained():
            for number in lanes:
                await self.app.job_manager.unregister_worker(number)

    async def tidy(self) -> None:
        """Delete jobs that failed long ago.

        Raises:
            StoreError: the database went away.
        """
        with _explained():
            await self.app.job_manager.delete_old_jobs(
                _KEPT_HOURS, include_failed=True, include_cancelled=True, include_aborted=True
            )

    async def _drop(self, number: int) -> None:
        try:
            await self.app.job_manager.finish_job_by_id_async(number, Status.FAILED, delete_job=True)
        except exceptions.ConnectorException as error:
            if away(error.__cause__):
                raise

    def _guarded(self, name: str, run: Run) -> Run:
        async def guarded(context: JobContext, id: str = "", **_: object) -> None:
            try:
                await (run(context.job.attempts, id) if id else run(context.job.attempts))
            except asyncio.CancelledError:
                # The worker stops; what is not done is found again.
                return
            except RowError as error:
                log.error("job %s %s: %s", name, id, error)
            except StoreError as error:
                self._on_trouble(error)
            except Exception:
                log.exception("job %s %s: unexpected error", name, id)

        return guarded


class Lane(Worker):
    """What runs the jobs of some queues."""

    def _log_extra(self, *_: Any, **__: Any) -> dict[str, Any]:
        """Return nothing for the log: it is off, and to copy each job for it takes 5 % of what a job costs."""
        return {}

    def end(self, *, at_once: bool) -> None:
        """Begin no other job, and let `run` return.

        Args:
            at_once: cancel the jobs that run.
        """
        if at_once:
            self.shutdown_graceful_timeout = 0.0
        self.stop()  # type: ignore[no-untyped-call]


class _Connector(PsycopgConnector):
    """What procrastinate asks the database by; it says where the database went away.

    A job whose end could not be recorded would otherwise be taken for running for as long as this worker lives.
    """

    def __init__(self, on_trouble: Callable[[StoreError], None]) -> None:
        super().__init__()
        self._on_trouble = on_trouble

    async def execute_query_async(self, query: LiteralString, **arguments: Any) -> None:
        with self._noted():
            await super().execute_query_async(query, **arguments)

    async def execute_query_one_async(self, query: LiteralString, **arguments: Any) -> dict[str, Any]:
        with self._noted():
            row: dict[str, Any] = await super().execute_query_one_async(query, **arguments)
        return row

    async def execute_query_all_async(self, query: LiteralString, **arguments: Any) -> list[dict[str, Any]]:
        with self._noted():
            rows: list[dict[str, Any]] = await super().execute_query_all_async(query, **arguments)
        return rows

    @contextmanager
    def _noted(self) -> Iterator[None]:
        try:
            yield
        except exceptions.ConnectorException as error:
            if away(error.__cause__):
                try:
                    with _explained():
                        raise
                except StoreError as made:
                    self._on_trouble(made)
            raise


@contextmanager
def _explained() -> Iterator[None]:
    """Turn errors of procrastinate into those of the store."""
    try:
        yield
    except exceptions.ConnectorException as error:
        if not isinstance(error.__cause__, psycopg.Error):
            raise StoreError(f"the queue cannot be used: {error}") from error
        with explained():
            raise error.__cause__ from error
