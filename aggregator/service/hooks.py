"""Hooks: commands and notifications for sources that broke, or work again; one call for each change of state.

In: the results of a cycle and the recorded states. Out: commands run and notifications sent, and the states to record.
A hook that fails or takes too long is logged and not repeated; it cannot stop a cycle. The states that were reported
are recorded in the store, so that a restart repeats no call; a crash between call and record repeats one.

`aggregator.service.after_publish` runs its command by `run_command`, too.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, cast

from aggregator.config import Config, redact
from aggregator.log import log_event
from aggregator.values.terminal import as_json, printable

if TYPE_CHECKING:
    from aggregator.pipeline.run import SourceResult

#: Seconds for one hook and for all hooks of a cycle, and how many run at once. The rest waits for the next cycle.
CALL_SECONDS = 30.0
CYCLE_SECONDS = 120.0
AT_ONCE = 4
#: Bytes of a command's standard error that are kept, and seconds to wait for them after it has exited.
_STDERR = 4096
_STDERR_FD = 2
_LINGER = 1.0


@dataclass(frozen=True, slots=True)
class Call:
    """One change of state to report."""

    #: Command and arguments, or one Apprise URL; None: only record the change.
    hook: tuple[str, ...] | None
    state: Literal["problem", "recovery"]
    source_id: str
    url: str
    failures: int
    kind: str
    error: str

    @property
    def recorded(self) -> tuple[str, str]:
        """Name and value of the fingerprint that records this change."""
        return record_name(self.source_id), "problem" if self.state == "problem" else ""


def record_name(source_id: str) -> str:
    """Return the name of the fingerprint that records the reported state of a source."""
    return f"hook/{source_id}"


def due_calls(config: Config, fingerprints: Mapping[str, str], results: Sequence[SourceResult]) -> list[Call]:
    """Return the changes of state in the results of a cycle.

    Args:
        fingerprints: those of the store.
    """
    calls = []
    for result in results:
        state = result.state
        known = fingerprints.get(record_name(state.source_id)) == "problem"
        broken = state.failures >= config.hooks.after
        if broken == known or (known and state.failures):
            continue
        calls.append(
            Call(
                config.hooks.on_problem if broken else config.hooks.on_recovery,
                "problem" if broken else "recovery",
                state.source_id,
                redact(result.source.url, config.secrets),
                state.failures,
                state.failure_kind or "",
                redact(state.error or "", config.secrets),
            )
        )
    return calls


async def run_calls(calls: Sequence[Call], *, seconds: float = CALL_SECONDS) -> dict[str, str]:
    """Run the hooks and return the fingerprints to record, without those of hooks that did not start in time.

    Args:
        seconds: maximum time for one hook.
    """
    done: dict[str, str] = {}
    slots = asyncio.Semaphore(AT_ONCE)

    async def run(call: Call) -> None:
        async with slots:
            await _run(call, seconds)
            done.update([call.recorded])

    with suppress(TimeoutError):
        async with asyncio.timeout(CYCLE_SECONDS), asyncio.TaskGroup() as tasks:
            for call in calls:
                tasks.create_task(run(call))
    return done


async def _run(call: Call, seconds: float) -> None:
    if call.hook is None:
        return
    try:
        failure = await (_notify if is_url(call.hook) else _command)(call, call.hook, seconds)
    except Exception as error:
        # A bug of this program, or a command that the system cannot run; the other hooks are called all the same.
        failure = f"it failed: {type(error).__name__}: {error}"
    name = call.hook[0].partition("://")[0]
    log_event(
        f"{call.source_id}: reported the {call.state} to {name}{f', but {failure}' if failure else ''}",
        action="hook",
        level=logging.WARNING if failure else logging.INFO,
        source=call.source_id,
        status="failed" if failure else "ok",
        error=failure,
    )


def is_url(hook: Sequence[str]) -> bool:
    """Return whether a hook is an Apprise URL and not a command."""
    return len(hook) == 1 and "://" in hook[0]


async def _command(call: Call, command: Sequence[str], seconds: float) -> str | None:
    """Run a command without a shell; return why it failed, or None."""
    facts = {
        "source": call.source_id,
        "state": call.state,
        "kind": call.kind,
        "error": call.error,
        "url": call.url,
        "failures": call.failures,
    }
    named = {f"AGGREGATOR_{key.upper()}": printable(str(value)) for key, value in facts.items()}
    return (await run_command(command, as_json(facts, str).encode(), named, seconds)).failure


class Ran(NamedTuple):
    """How a command ended."""

    #: Why it failed; None: it did not.
    failure: str | None
    #: The end of its standard error, as bytes.
    stderr: bytes = b""


async def run_command(command: Sequence[str], given: bytes, environ: Mapping[str, str], seconds: float) -> Ran:
    """Run a command without a shell; when it takes too long, or this call is cancelled, all its processes are killed.

    Args:
        given: its standard input, which it need not read.
        environ: what is added to the environment of this process.
    """
    loop = asyncio.get_running_loop()
    try:
        transport, process = await loop.subprocess_exec(
            _Process,
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, **environ},
            start_new_session=True,
        )
    except OSError as error:
        return Ran(f"it could not be started: {error.strerror or error}")
    given_to = cast("asyncio.WriteTransport", transport.get_pipe_transport(0))
    try:
        given_to.write(given)
        given_to.close()
        async with asyncio.timeout(seconds):
            await process.exited.wait()
    except TimeoutError:
        return Ran(f"it took longer than {seconds:g} s and was killed", bytes(process.tail))
    else:
        # What it started in the background may hold its standard error open.
        with suppress(TimeoutError):
            async with asyncio.timeout(_LINGER):
                await process.stderr_closed.wait()
        return Ran(_failure(transport.get_returncode()), bytes(process.tail))
    finally:
        if transport.get_returncode() is None:
            _kill(transport.get_pid())
            await process.exited.wait()
        # Otherwise it would wait for a reader; one that is closed already must not be aborted.
        if given_to.get_write_buffer_size():
            given_to.abort()
        transport.close()


class _Process(asyncio.SubprocessProtocol):
    """Keeps the end of a command's standard error, and notes its exit.

    `asyncio.subprocess.Process.wait` waits for the pipes, too, which processes in the background may hold open.
    """

    def __init__(self) -> None:
        self.tail = bytearray()
        self.exited = asyncio.Event()
        self.stderr_closed = asyncio.Event()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self.tail += data
        del self.tail[:-_STDERR]

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        if fd == _STDERR_FD:
            self.stderr_closed.set()

    def process_exited(self) -> None:
        self.exited.set()


def _failure(status: int | None) -> str | None:
    """Return what the exit status of a command says; a negative one is the signal that ended it."""
    if status is not None and status < 0:
        return f"it was ended by signal {-status} ({signal.strsignal(-status)})"
    return f"it exited with status {status}" if status else None


def _kill(pid: int) -> None:
    """Kill a command and everything that it started."""
    with suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(pid, signal.SIGKILL)
        else:
            os.kill(pid, signal.SIGTERM)


async def _notify(call: Call, url: Sequence[str], seconds: float) -> str | None:
    """Send a notification through Apprise; return why that failed, or None."""
    try:
        import apprise
    except ImportError:
        return "Apprise is not installed; install this program with the extra `notify`"
    service = apprise.Apprise()
    if not service.add(url[0]):
        return "Apprise does not know this kind of address"
    good = call.state == "recovery"
    title = f"{call.source_id} works again" if good else f"{call.source_id} fails: {call.kind}"
    try:
        async with asyncio.timeout(seconds):
            sent = await service.async_notify(title=title, body=printable(call.error or call.url))
    except TimeoutError:
        return f"it took longer than {seconds:g} s"
    except Exception as error:
        # Each service of Apprise raises errors of its own.
        return f"Apprise failed: {type(error).__name__}"
    return None if sent else "the service did not accept it"
