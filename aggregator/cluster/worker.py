"""A worker: one process that takes jobs, on any number of machines; `aggregator worker`.

It waits for what it cannot do without, and says so: the database, that no other program uses it alone, and its own
feeds.yaml to be the configuration in force. Then it works, one `Term` after the other, until it is stopped.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from aggregator.cluster.database import ClusterDatabase
from aggregator.cluster.inforce import claim_folder, digest_of, in_force, known_folder, shown, sync
from aggregator.cluster.membership import Membership, Seen
from aggregator.cluster.settings import WorkerSettings
from aggregator.cluster.tables import make_tables
from aggregator.cluster.term import Term
from aggregator.config import Config
from aggregator.errors import AggregatorError, ConfigError, ConnectionLost, LockedError, NewerTables, StoreError
from aggregator.log import log_event
from aggregator.service.reload import ConfigFile, differences
from aggregator.service.systemd import STALLED, Systemd
from aggregator.store import Store, open_store
from aggregator.store.exclusive import Hold, hold_database
from aggregator.store.schema import REVISION
from aggregator.values.terminal import counted

if TYPE_CHECKING:
    from aiohttp.abc import AbstractResolver

#: Seconds after which a term that ends has gone well.
_WELL = 30.0


T = TypeVar("T")


class Superseded(AggregatorError):
    """A newer version of this program has changed the tables: this one cannot go on."""


class Worker:
    """One worker; `run` it once.

    Args:
        file: feeds.yaml; it is watched, and read again when it changes.
        uri: of the database.
        resolver: looks up host names; None: the system does.
    """

    def __init__(
        self,
        file: ConfigFile,
        config: Config,
        uri: str,
        settings: WorkerSettings,
        systemd: Systemd,
        *,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self.config = config
        self._file = file
        self._uri = uri
        self.settings = settings
        self._systemd = systemd
        self._resolver = resolver
        self._membership = Membership(publishes=settings.publish, dead=settings.times.dead)
        #: What the file says since it was read last, if it is not in force.
        self._read: Config | None = None
        self._stop = asyncio.Event()
        #: Set when there may be something to do before the next look.
        self._changed = asyncio.Event()
        self._term: Term | None = None
        #: Number of the folder that it publishes to.
        self._folder = ""
        self._hold = Hold()
        self._said: set[str] = set()
        self._began = time.monotonic()
        #: Since when the database cannot be used, on the monotonic clock, and whether that was said.
        self._away_since: float | None = None

    async def run(self) -> None:
        """Run until `stop` is called; then let running jobs end within the grace period.

        Raises:
            Superseded: a newer version of this program has changed the tables.
            AggregatorError: it cannot begin, and never will.
        """
        asyncio.get_running_loop().set_exception_handler(_ignore_lost_jobs)
        watcher = asyncio.create_task(self._file.watch(self.reload))
        log_event(f"this worker has {counted(len(self.config.sources), 'source')}", action="start")
        self._systemd.ready()
        pause = self.settings.times.least_pause
        try:
            while not self._stop.is_set():
                began = time.monotonic()
                try:
                    await self._serve()
                except NewerTables as error:
                    raise Superseded(str(error)) from error
                except (StoreError, LockedError) as error:
                    if time.monotonic() - began > _WELL:
                        pause = self.settings.times.least_pause
                    self._wait_for(error)
                    await self._sleep(pause)
                    pause = min(2 * pause, self.settings.times.longest_pause)
        finally:
            self._systemd.stopping()
            watcher.cancel()
            with suppress(asyncio.CancelledError):
                await watcher
        log_event("stopped", action="stop")

    @property
    def works(self) -> bool:
        """Whether it takes jobs, which get time to end."""
        return self._term is not None

    def stop(self) -> None:
        """Make `run` return; no further job is taken."""
        log_event("stopping; waiting for running jobs", action="stop")
        self._stop.set()
        self._changed.set()
        if self._term is not None:
            self._term.end()

    def reload(self) -> None:
        """Read feeds.yaml again: it comes into force once it is the one in force in the cluster."""
        self._systemd.reloading()
        try:
            read = self._file.load()
        except ConfigError as error:
            for problem in error.problems:
                log_event(str(problem), action="reload", level=logging.ERROR)
            log_event(f"{self._file.path} is invalid; the old one stays in force", action="reload", level=logging.ERROR)
        else:
            self._read = read
            changes = differences(self.config, read)
            log_event(f"read {self._file.path}: {changes}", action="reload")
            if digest_of(read) == digest_of(self.config):
                # Only what it takes from the environment may have changed.
                self._begin_again()
            else:
                self._said.discard("adopt")
            self._changed.set()
        self._systemd.ready()

    def _begin_again(self) -> None:
        if self._term is not None:
            self._term.end()

    async def _serve(self) -> None:
        """Connect, wait for the configuration in force, and work for one term."""
        async with AsyncExitStack() as stack:
            database = await stack.enter_async_context(ClusterDatabase(self._uri))
            held = hold_database(self._uri, shared=True)
            self._hold = await asyncio.to_thread(held.__enter__)
            stack.push_async_callback(asyncio.to_thread, held.__exit__, None, None, None)
            await make_tables(database.pool)
            await self._with_store(lambda store: None)
            self._back()
            stack.push_async_callback(self._leave, database)
            if not await self._agreed(database):
                return
            if self.settings.publish:
                self._folder = await claim_folder(database, self.settings.data)
            # The term must not take the time before it for one in which this process stood still.
            await self._on_seen(await self._membership.beat(database))
            term = self._term = Term(
                self._uri,
                self.config,
                self.settings,
                database,
                self._membership,
                self._on_seen,
                self._stop,
                self._resolver,
            )
            stack.callback(self._forget_term)
            if self._stop.is_set():
                return
            log_event(f"working, with configuration {shown(self._membership.config)}", action="start")
            await term.run()

    async def _with_store(self, use: Callable[[Store], T]) -> T:
        """Use the store for a moment; its tables are made or migrated where they are not the newest."""

        def work() -> T:
            store = open_store(self._uri)
            try:
                return use(store)
            finally:
                store.close()

        return await asyncio.to_thread(work)

    async def _agreed(self, database: ClusterDatabase) -> bool:
        """Wait until the configuration here is the one in force, and sync the sources; False: the worker stops."""
        while not self._stop.is_set():
            self._changed.clear()
            self._take_read(await in_force(database, self.config))
            digest = self._membership.config = digest_of(self.config)
            if digest == (wanted := await in_force(database, self.config)):
                if await self._with_store(lambda store: sync(store, self.config)):
                    return True
                continue
            self._membership.state = "waiting for its configuration to be adopted"
            self._say(
                "adopt",
                f"{self._file.path} is not the configuration in force ({shown(digest)}, not {shown(wanted)}): waiting; "
                f"`aggregator cluster adopt --config {self._file.path}` puts it in force",
            )
            await self._on_seen(await self._membership.beat(database))
            await self._sleep(self.settings.times.config)
        return False

    def _take_read(self, wanted: str) -> None:
        """Take what was read from the file, if that is in force."""
        if self._read is not None and digest_of(self._read) == wanted:
            self.config, self._read = self._read, None

    async def _on_seen(self, seen: Seen) -> None:
        """See what a sign of life has told.

        Raises:
            Superseded: the tables are newer than this program.
            StoreError: others may have taken over the jobs of this worker.
        """
        self._look_alive()
        if seen.revision != REVISION:
            raise Superseded(
                f"the tables of the database are at revision {seen.revision}, this version knows {REVISION}; "
                "install the newer version of this program"
            )
        await asyncio.to_thread(self._hold.renew)
        if self._term is not None:
            if seen.since is None or seen.since > self.settings.times.dead:
                raise StoreError("this process stood still for so long that others have taken over its jobs")
            if seen.config != digest_of(self.config):
                log_event(f"another configuration is in force: {shown(seen.config)}", action="reload")
                self._term.end()
            elif self.settings.publish and known_folder(seen.folder).get("number") != self._folder:
                # Whoever begins again learns what to do.
                self._term.end()
            elif self._read is not None:
                self._say(
                    "adopt",
                    f"{self._file.path} has changed; "
                    f"`aggregator cluster adopt --config {self._file.path}` puts it in force",
                )
        if not seen.published and time.monotonic() - self._began > self.settings.times.dead:
            self._say("publish", "no worker publishes; start one with --publish", level=logging.WARNING)
        elif seen.published:
            self._said.discard("publish")

    def _look_alive(self) -> None:
        """Notify the watchdog of systemd, unless jobs hang."""
        quiet = timedelta(seconds=0) if self._term is None else self._term.quiet
        if quiet > STALLED:
            log_event(f"nothing has been completed for {quiet.seconds // 60} min", action="cycle", level=logging.ERROR)
            return
        self._systemd.alive()
        member = self._membership
        self._systemd.status(f"{member.state}; {counted(member.sources, 'source')} updated")

    def _wait_for(self, error: AggregatorError) -> None:
        """Log why the worker waits, once."""
        self._membership.state = "waiting for the database"
        if self._away_since is None:
            self._away_since = time.monotonic()
            level = logging.WARNING if isinstance(error, ConnectionLost | LockedError) else logging.ERROR
            log_event(f"{error}; waiting", action="cycle", level=level)

    def _back(self) -> None:
        """Log that the database can be used again."""
        if self._away_since is not None:
            seconds = time.monotonic() - self._away_since
            self._away_since = None
            log_event(f"the database can be used again, after {seconds:.0f} s", action="cycle")

    def _say(self, what: str, text: str, *, level: int = logging.INFO) -> None:
        """Log a text once, until what it says has changed."""
        if what not in self._said:
            self._said.add(what)
            log_event(text, action="reload" if what == "adopt" else "publish", level=level)

    def _forget_term(self) -> None:
        self._term = None

    async def _leave(self, database: ClusterDatabase) -> None:
        if self._stop.is_set():
            with suppress(StoreError):
                await self._membership.leave(database)

    async def _sleep(self, seconds: float) -> None:
        """Wait, but no longer than until something changes."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), seconds)
        self._changed.clear()


def _ignore_lost_jobs(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Say nothing of a job whose end could not be recorded: it is taken over."""
    from procrastinate.exceptions import ConnectorException

    if not isinstance(context.get("exception"), ConnectorException):
        loop.default_exception_handler(context)
