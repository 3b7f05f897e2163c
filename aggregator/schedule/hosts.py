"""Which of the waiting sources start now: the oldest first, and no host asked more often than it may be. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Start:
    """One request to make."""

    key: str
    host: str
    at: datetime


def admit(waiting: Iterable[tuple[str, str]], now: datetime, span: timedelta, spacing: timedelta) -> list[Start]:
    """Choose what starts in the next `span`; what does not keeps its place and is oldest the next time.

    Args:
        waiting: key and host of the sources that are due, in the order of their due dates.
        spacing: time between two requests to one host.

    Returns:
        When to ask what, in the order of the times: hosts take turns.
    """
    end = now + span
    free = dict[str, datetime]()
    starts = []
    for key, host in waiting:
        at = free.get(host, now)
        if at < end:
            starts.append(Start(key, host, at))
            free[host] = at + spacing
    return sorted(starts, key=lambda start: start.at)
