"""Whether the program is doing its work: fresh, not just alive.

In: the data folder and the states of the sources. Out: what is wrong, in words. A cycle that came to its end leaves the
time in a file of the data folder; whether a daemon or cron ran it makes no difference.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from aggregator.errors import PublishError
from aggregator.models import FeedState
from aggregator.values.terminal import counted

_NAME = ".heartbeat"


@dataclass(frozen=True, slots=True)
class Health:
    """How things are, with what is wrong in words; times are aware, None where there is none."""

    last_cycle_at: datetime | None
    sources: int
    failing: int
    #: Time by which the longest overdue source is late.
    overdue: timedelta
    problems: tuple[str, ...]


def write_heartbeat(data: Path, now: datetime) -> None:
    """Note that a cycle came to its end.

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
            f"{path} cannot be written: {error.strerror or error}; make room or give permission"
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def read_heartbeat(data: Path) -> datetime | None:
    """When the last cycle came to its end, or None where none has, or nobody can say."""
    try:
        return datetime.fromisoformat((data / _NAME).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def judge(
    last_cycle_at: datetime | None,
    states: Collection[FeedState],
    now: datetime,
    *,
    max_age: timedelta,
    max_failing: float,
) -> Health:
    """Say how things are.

    Args:
        states: of all configured sources.
        max_age: the last cycle may be so old, and a due source may wait so long.
        max_failing: share of the sources that may fail, or that the network here may keep from us, 0 to 1.
    """
    problems = []
    if last_cycle_at is None:
        problems.append("no cycle has come to its end yet")
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
