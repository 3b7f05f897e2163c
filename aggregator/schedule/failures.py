"""Failures: how long to wait after one, when a source is gone, and when our own network is down. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from aggregator.models import FailureKind, FeedState

_GONE_DAYS = 3
_FEWEST_HOSTS = 3
#: The same where nothing has worked lately, and all of them failed in the same way.
_FEWEST_ALIKE = 2
#: Failures before a host could answer: what they have in common may be our own network.
OFFLINE: frozenset[FailureKind | None] = frozenset({"dns", "connect", "tls", "timeout"})
_AFTER_OUTAGE = timedelta(minutes=2)
_LONGEST_OUTAGE_WAIT = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Backoff:
    """The wait after the first failure in a row, what each further one multiplies it with, and the longest wait."""

    first: timedelta
    factor: float
    cap: timedelta

    def wait(self, failures: int) -> timedelta:
        """Return the wait after a number of failures in a row, from 1."""
        # Beyond some twenty steps every wait is over its cap; the number of failures has no limit.
        return min(self.first * self.factor ** min(failures - 1, 20), self.cap)


def _backoff(first: timedelta, cap: timedelta) -> Backoff:
    return Backoff(first, 2.0, cap)


_M, _H = timedelta(minutes=1), timedelta(hours=1)

#: Failures that pass by themselves are tried again soon; those that need a repair are not.
BACKOFFS: dict[FailureKind, Backoff] = {
    "timeout": _backoff(10 * _M, 6 * _H),
    "connect": _backoff(10 * _M, 12 * _H),
    "dns": _backoff(20 * _M, 24 * _H),
    "tls": _backoff(1 * _H, 24 * _H),
    "http_status": _backoff(30 * _M, 24 * _H),
    "blocked": _backoff(2 * _H, 24 * _H),
    "too_large": _backoff(6 * _H, 24 * _H),
    "refused": _backoff(6 * _H, 24 * _H),
    "robots": _backoff(6 * _H, 24 * _H),
    "redirect": _backoff(1 * _H, 24 * _H),
    "not_a_feed": _backoff(1 * _H, 24 * _H),
    "unparsable": _backoff(30 * _M, 12 * _H),
    "nothing_matched": _backoff(1 * _H, 24 * _H),
    "internal": _backoff(30 * _M, 24 * _H),
}
#: Statuses that say more than that something is wrong.
STATUS_BACKOFFS: dict[int, Backoff] = {
    401: _backoff(3 * _H, 24 * _H),
    403: _backoff(3 * _H, 24 * _H),
    404: _backoff(3 * _H, 24 * _H),
    410: _backoff(24 * _H, 24 * _H),
    429: _backoff(1 * _H, 24 * _H),
    451: _backoff(24 * _H, 24 * _H),
    500: _backoff(15 * _M, 12 * _H),
    502: _backoff(10 * _M, 6 * _H),
    503: _backoff(15 * _M, 6 * _H),
    504: _backoff(10 * _M, 6 * _H),
}


@dataclass(frozen=True, slots=True)
class Gone:
    """On how many different days (UTC) a source said 410 with no success between them."""

    days: int = 0
    last: date | None = None

    @classmethod
    def of(cls, state: FeedState) -> Gone:
        """Return what the state of a source says."""
        return cls(state.gone_days, state.gone_last)

    @property
    def confirmed(self) -> bool:
        """Whether the source is no longer fetched."""
        return self.days >= _GONE_DAYS


@dataclass(frozen=True, slots=True)
class FailureStreak:
    """How a source failed, and how often in a row."""

    kind: FailureKind
    #: Failures in a row, this one included: at least 1.
    in_a_row: int
    #: HTTP status, where there was an answer.
    status: int | None = None
    gone: Gone = Gone()

    def backoff(self) -> timedelta:
        """Return the wait before the next try."""
        table = STATUS_BACKOFFS.get(self.status or 0) if self.kind == "http_status" else None
        return (table or BACKOFFS[self.kind]).wait(self.in_a_row)


def said_gone(gone: Gone, now: datetime) -> Gone:
    """Count a 410; a second one on the same day counts nothing, and so does one of the past (a clock set back)."""
    today = now.astimezone(UTC).date()
    return gone if gone.last is not None and today <= gone.last else Gone(gone.days + 1, today)


def network_down(cycle: Iterable[tuple[str, FailureKind | None]], *, silent: bool = False) -> bool:
    """Whether the looks of one cycle show that our own network is down.

    That is so when at least three hosts were tried and every one failed before it could answer. Two hosts are enough
    where they failed in the same way and nothing has worked lately.

    Args:
        cycle: host and kind of failure of each look, None for a success.
        silent: whether no source at all has worked lately.
    """
    hosts, kinds = set(), set()
    for host, kind in cycle:
        if kind not in OFFLINE:
            return False
        hosts.add(host)
        kinds.add(kind)
    alike = silent and len(kinds) == 1
    return len(hosts) >= (_FEWEST_ALIKE if alike else _FEWEST_HOSTS)


def outage_wait(in_a_row: int) -> timedelta:
    """Return how long to wait after a number of cycles in a row without a network, from 1."""
    return min(_AFTER_OUTAGE * (1 << min(in_a_row - 1, 20)), _LONGEST_OUTAGE_WAIT)
