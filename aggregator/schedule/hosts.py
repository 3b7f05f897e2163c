"""Which of the waiting sources start now: the oldest first, and no host asked more often than it may be. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from aggregator.schedule.hints import ServerHints

#: These two speak of the whole host, others of one address (RFC 6585, section 4; RFC 9110, section 15.6.4).
_WHOLE_HOST = frozenset({429, 503})


@dataclass(frozen=True, slots=True)
class Start:
    """One request to make."""

    key: str
    host: str
    at: datetime


def admit(
    waiting: Iterable[tuple[str, str]], free: Mapping[str, datetime], now: datetime, span: timedelta, spacing: timedelta
) -> list[Start]:
    """Choose what starts in the next `span`; what does not keeps its place and is oldest the next time.

    Args:
        waiting: key and host of the sources that are due, in the order of their due dates. One host can have more of
            them than all others together: give at most `per_span` of each host, so that it does not crowd them out.
        free: from when a host may be asked again; a host that is not in it may be asked at once.
        spacing: time between two requests to one host.

    Returns:
        When to ask what, in the order of the times.
    """
    end = now + span
    later = dict[str, datetime]()
    starts = []
    for key, host in waiting:
        at = later.get(host) or max(free.get(host, now), now)
        if at < end:
            starts.append(Start(key, host, at))
            later[host] = at + spacing
    return sorted(starts, key=lambda start: start.at)


def per_span(span: timedelta, spacing: timedelta) -> int:
    """How many requests to one host fit into a span."""
    return max(ceil(span / spacing), 1)


def host_pause(status: int, hints: ServerHints, now: datetime) -> datetime | None:
    """Until when nothing of the host is asked after this answer, or None."""
    return now + hints.retry_after if status in _WHOLE_HOST and hints.retry_after else None
