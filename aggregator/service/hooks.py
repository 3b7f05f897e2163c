"""Hooks: commands and notifications for sources that broke, or work again; one call for each change of state.

In: the results of a cycle and the recorded states. Out: commands run and notifications sent, and the states to record.
A hook that fails or takes too long is logged and not repeated; it cannot stop a cycle. The states that were reported
are recorded in the store, so that a restart repeats no call; a crash between call and record repeats one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from aggregator.commands import run_command
from aggregator.config import Config, redact
from aggregator.log import log_event
from aggregator.values.terminal import as_json, printable

if TYPE_CHECKING:
    from aggregator.pipeline.run import SourceResult

#: Seconds for one hook and for all hooks of a cycle, and how many run at once. The rest waits for the next cycle.
CALL_SECONDS = 30.0
CYCLE_SECONDS = 120.0
AT_ONCE = 4


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
