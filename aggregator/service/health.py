"""The health of the program: whether cycles run and sources work.

In: the data folder and the states of the sources. Out: problems, in words. A cycle that ends writes the time into a
file of the data folder, the heartbeat; it makes no difference whether a daemon or cron runs it. Workers of a cluster
write it into the database as well.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from aggregator.errors import PublishError
from aggregator.models import FeedState
from aggregator.values.terminal import counted

_NAME = ".heartbeat"
CYCLE = "cluster/cycle"
"""Name of the fingerprint that has the time as well where workers publish: `health` may run on another machine."""


@dataclass(frozen=True, slots=True)
class Health:
    """The health of the program; times are aware, None if there is none."""

    last_cycle_at: datetime | None
    sources: int
    failing: int
    #: How late the longest overdue source is.
    overdue: timedelta
    problems: tuple[str, ...]


def write_heartbeat(data: Path, now: datetime) -> None:
    """Record that a cycle has ended.

    Raises:
        PublishError: the file cannot be written.
    """
    path = data / _NAME
    temporary = data / f"{_NAME}.tmp"
    try:
        temporary.write_text(now.isoformat(), encoding="ascii")
        temporary.replace(path)
    except OSError as error:
        raise PublishError(
            f"{path} cannot be written: {error.strerror or error}; free some space or grant permission"
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def read_heartbeat(data: Path) -> datetime | None:
    """Return when the last cycle ended; None if none has, or if the file cannot be read."""
    try:
        return datetime.fromisoformat((data / _NAME).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def last_cycle(data: Path, fingerprints: Mapping[str, str]) -> datetime | None:
    """Return when the last cycle ended, by the data folder or by the fingerprints of the store; None if none has."""
    times = [read_heartbeat(data)]
    with suppress(ValueError):
        times.append(datetime.fromisoformat(fingerprints.get(CYCLE, "")))
    return max((one for one in times if one is not None and one.tzinfo is not None), default=None)


def assess(
    last_cycle_at: datetime | None,
    states: Collection[FeedState],
    now: datetime,
    *,
    max_age: timedelta,
    max_failing: float,
) -> Health:
    """Assess the health of the program.

    Args:
        states: of all configured sources.
        max_age: maximum age of the last cycle, and maximum time that a due source may wait.
        max_failing: maximum share of the sources that fail, or that the network of this machine did not reach, 0 to 1.
    """
    problems = []
    if last_cycle_at is None:
        problems.append("no cycle has ended yet")
    elif now - last_cycle_at > max_age:
        problems.append(f"the last cycle ended {_span(now - last_cycle_at)} ago")
    unreached = sum(state.outages > 0 for state in states)
    if states and unreached / len(states) > max_failing:
        were = f"{unreached} of {counted(len(states), 'source')} {'was' if unreached == 1 else 'were'}"
        problems.append(f"{were} not reached: the network here seems to be down")
    failing = sum(state.failures > 0 for state in states)
    if states and failing / len(states) > max_failing:
        fail = "fails" if failing == 1 else "fail"
        problems.append(f"{failing} of {counted(len(states), 'source')} {fail}")
    dues = [state.next_due_at for state in states if state.next_due_at is not None]
    overdue = max(timedelta(0), now - min(dues)) if dues else timedelta(0)
    if overdue > max_age:
        problems.append(f"a source has been due for {_span(overdue)}")
    return Health(last_cycle_at, len(states), failing, overdue, tuple(problems))


def _span(duration: timedelta) -> str:
    minutes = int(duration.total_seconds()) // 60
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
