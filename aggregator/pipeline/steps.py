"""Runs steps of one's own: functions, programs, services; each with a deadline and a budget, and only if allowed.

In: calls of steps for which the store has no result. Out: results in the store; the entries are then judged again
(`aggregator.pipeline.judge`). A call that fails leaves no result, so that it is repeated when its entry is judged
again, and no other time.

A result is kept under a hash of the step and its input. Nobody but the operator decides what runs: the step stands in
feeds.yaml, and its kind in the environment variable `AGGREGATOR_ALLOW_STEPS`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from aggregator.commands import run_command
from aggregator.config.secrets import contains_secret, mask, redact
from aggregator.errors import FetchError, StoreError, WorkerError
from aggregator.fetch.posting import Poster
from aggregator.judging import KeptSteps, judge_stored
from aggregator.pipeline.ownfunction import call_function
from aggregator.rules.steps import LONGEST, MAX_OUTPUT, StepSettings, read_output, step_name, why_refused
from aggregator.values.terminal import printable
from aggregator.workers import StoreThread, Worker

if TYPE_CHECKING:
    from aiohttp.abc import AbstractResolver

    from aggregator.config import Config
    from aggregator.store import Store
    from aggregator.store.rulingprotocol import StoredRuling

log = logging.getLogger(__name__)

#: Calls at once; functions run one after the other.
AT_ONCE = 4
DAY = timedelta(hours=24)
#: Stored entries that are looked at together.
_BATCH = 200
#: Characters of a reason.
_MAX_REASON = 300
_MEMORY_MB = 1024

Call = tuple[str, Any, Mapping[str, Any]]
"""Kind, settings and input of a step."""


class StepError(Exception):
    """A step gave no result; the message completes "it …" or says why in a clause of its own."""


def without_secrets(environ: Mapping[str, str], config: Config) -> dict[str, str]:
    """Return an environment without the variables that feeds.yaml names, and without those that hold a secret of it."""
    named = {name for kind, name, _ in config.provenance.references if kind == "env"}
    return {
        name: value
        for name, value in environ.items()
        if name not in named and not contains_secret(value, config.secrets)
    }


class StepRunner:
    """Runs steps; an asynchronous context manager, for one event loop.

    Nothing is opened before the first call.

    Args:
        config: returns the configuration in force.
        thread: the thread that uses the store.
        clock: the current time, aware and in UTC.
        environ: the environment of this process.
        user_agent: how services are asked.
        resolver: looks up host names; None: the system does.
    """

    def __init__(
        self,
        config: Callable[[], Config],
        store: Store,
        thread: StoreThread,
        clock: Callable[[], datetime],
        *,
        environ: Mapping[str, str] = os.environ,
        user_agent: str = "aggregator",
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._config = config
        self._steps = store.steps
        self._thread = thread
        self._clock = clock
        self._environ = environ
        self._user_agent = user_agent
        self._resolver = resolver
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._function_turn = asyncio.Lock()
        self._stack = AsyncExitStack()
        self._poster: Poster | None = None
        self._worker: Worker | None = None
        #: How often each step may still run, as of its first call; what fails counts as long as this object lives.
        self._left: dict[str, int] = {}
        self._counting = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def run(self, calls: Mapping[str, Call]) -> dict[str, str]:
        """Run steps, and keep their results.

        Args:
            calls: by their hashes (`step_hash`).

        Returns:
            Why calls gave no result, by their hashes, as clauses for people without secrets.

        Raises:
            StoreError: a result cannot be stored.
        """
        failures: dict[str, str] = {}

        async def one(name: str, call: Call) -> None:
            if (reason := await self._one(name, *call)) is not None:
                failures[name] = reason

        try:
            async with asyncio.TaskGroup() as tasks:
                for name, call in calls.items():
                    tasks.create_task(one(name, call))
        except* StoreError as group:
            raise group.exceptions[0] from None
        return failures

    async def _one(self, name: str, kind: str, settings: StepSettings, given: Mapping[str, Any]) -> str | None:
        """Run one step; return why it gave no result, or None."""
        if (refused := why_refused(kind, self._environ)) is not None:
            return refused
        config, error = self._config(), None
        async with self._turn:
            if not await self._take(step_name(kind, settings), settings.per_day):
                return f"`{kind}` was not run: it has run {settings.per_day} times in 24 hours (`per_day`)"
            started = time.monotonic()
            try:
                result = await _RUNS[kind](self, config, settings, dict(given))
            except StepError as failure:
                error = redact(printable(str(failure))[:_MAX_REASON], config.secrets)
            else:
                await self._thread.run(self._steps.save, name, result, self._clock())
        seconds = round(time.monotonic() - started, 3)
        fields = {"action": "step", "source": given.get("source"), "status": "failed" if error else "ok"}
        if error:
            fields["error"] = error
        level, so = (logging.WARNING, f", but {error}") if error else (logging.INFO, "")
        text = "%s: ran the step `%s`%s (%.1f s)"
        log.log(level, text, given.get("source"), kind, so, seconds, extra={"fields": {**fields, "elapsed": seconds}})
        return error and f"`{kind}` gave no result: {error}"

    async def _take(self, step: str, per_day: int) -> bool:
        """Take one run from the budget of a step; false if nothing is left."""
        async with self._counting:
            if step not in self._left:
                kept: int = await self._thread.run(self._steps.count_since, self._clock() - DAY, step)
                self._left[step] = per_day - kept
            self._left[step] -= 1
            return self._left[step] >= 0

    async def _command(self, config: Config, settings: Any, given: dict[str, Any]) -> Mapping[str, Any]:
        output = bytearray()
        ran = await run_command(
            settings.run,
            _json(given),
            {},
            settings.deadline.total_seconds(),
            base=without_secrets(self._environ, config),
            folder=config.path.parent,
            output=output,
            most=MAX_OUTPUT,
        )
        if ran.failure is not None:
            last = ran.stderr.decode(errors="replace").strip().rpartition("\n")[2]
            raise StepError(f"{ran.failure}: {last}" if last else ran.failure)
        return self._read(config, bytes(output))

    async def _http(self, config: Config, settings: Any, given: dict[str, Any]) -> Mapping[str, Any]:
        if self._poster is None:
            poster = Poster(self._user_agent, config.fetch.proxy, concurrency=AT_ONCE, resolver=self._resolver)
            self._poster = await self._stack.enter_async_context(poster)
        policy = settings.allow_private_addresses
        policy = config.fetch.allow_private_addresses if policy is None else policy
        headers = [] if settings.auth is None else [("Authorization", settings.auth.header)]
        try:
            body = await self._poster.post(
                settings.url,
                _json(given),
                within=settings.deadline,
                policy=policy,
                max_body=MAX_OUTPUT,
                headers=headers,
            )
        except FetchError as error:
            # The advice of the reader of bodies is for sources.
            said = f"it gave more than {MAX_OUTPUT:,} bytes" if error.kind == "too_large" else str(error)
            raise StepError(said) from None
        return self._read(config, body)

    async def _python(self, config: Config, settings: Any, given: dict[str, Any]) -> Mapping[str, Any]:
        seconds = settings.deadline.total_seconds()
        async with self._function_turn:
            if self._worker is None:
                environ, most = without_secrets(self._environ, config), LONGEST.total_seconds()
                self._worker = Worker(seconds=most, memory_mb=_MEMORY_MB, environ=environ)
                self._stack.push_async_callback(self._worker.close)
            called = str(config.path.parent.resolve()), settings.function, given
            try:
                # A worker bounds computing; a function that waits is ended here, with its process.
                async with asyncio.timeout(seconds):
                    call = self._worker.run(call_function, *called, MAX_OUTPUT, seconds=seconds)
                    worked, text = (await call)[0]
            except TimeoutError:
                raise StepError(f"it took longer than {seconds:g} s and was ended") from None
            except WorkerError as error:
                raise StepError(str(error)) from None
        if not worked:
            raise StepError(text)
        return self._read(config, text.encode())

    def _read(self, config: Config, text: bytes) -> Mapping[str, Any]:
        """Read what a step gave, without secrets."""
        try:
            made = json.loads(text)
        except (ValueError, RecursionError):
            raise StepError("it gave no JSON" if text.strip() else "it gave nothing; `{}` changes nothing") from None
        try:
            given = read_output(made).model_dump(exclude_none=True)
        except ValueError as error:
            raise StepError(f"it {error}") from None
        return {key: _masked(value, config.confidential) for key, value in given.items()}


def _masked(value: Any, secrets: frozenset[str]) -> Any:
    if isinstance(value, list):
        return [_masked(one, secrets) for one in value]
    return mask(value, secrets) if isinstance(value, str) else value


async def run_missing(
    config: Config,
    store: Store,
    thread: StoreThread,
    clock: Callable[[], datetime],
    *,
    environ: Mapping[str, str] = os.environ,
    user_agent: str = "aggregator",
    progress: Callable[[int], None] = lambda count: None,
) -> dict[str, str]:
    """Run the steps of which stored entries lack a result, so that a replay finds them.

    Args:
        progress: called with the number of entries that were looked at.

    Returns:
        As `StepRunner.run`.

    Raises:
        StoreError: the store failed.
    """
    last, looked_at, tried = 0, 0, dict[str, str]()
    async with StepRunner(lambda: config, store, thread, clock, environ=environ, user_agent=user_agent) as runner:
        while batch := await thread.run(store.rulings_after, last, _BATCH):
            # A step may use what another one made.
            while calls := await thread.run(_missing, store, config, batch, tried):
                tried |= dict.fromkeys(calls, "") | await runner.run(calls)
            last, looked_at = batch[-1].stored.pk, looked_at + len(batch)
            progress(looked_at)
    return {name: reason for name, reason in tried.items() if reason}


def _missing(store: Store, config: Config, batch: Sequence[StoredRuling], tried: Mapping[str, str]) -> dict[str, Call]:
    """Return the calls of steps that stored entries lack, without those that were tried."""
    steps = KeptSteps(store)
    for one in batch:
        judge_stored(config, one, steps)
    return {name: call for name, call in steps.missing.items() if name not in tried}


_RUNS: Mapping[str, Callable[..., Any]] = {
    "python": StepRunner._python,
    "command": StepRunner._command,
    "http": StepRunner._http,
}


def _json(given: Mapping[str, Any]) -> bytes:
    return json.dumps(given, ensure_ascii=False).encode("utf-8", "replace")
