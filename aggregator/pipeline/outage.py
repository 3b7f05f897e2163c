"""Whether failures are those of sources or of our own network.

Outcomes of a cycle go in as they come, and come out as soon as this is known. A failure before a host could answer is
held back until any host has answered; where none does, and enough of them failed, the failures are not counted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from aggregator.errors import FetchError, SourceError
from aggregator.models import FailureKind, FeedState, FeedUpdate, Source, host_of
from aggregator.pipeline import decide
from aggregator.schedule import OFFLINE, network_down

#: Failures that are held back at most; this many are judged as if the cycle had no more.
MOST = 200

#: Where no source has worked for this long, fewer hosts are enough.
SILENCE = timedelta(hours=1)

#: Failures without a host.
_OURS: frozenset[FailureKind] = frozenset({"refused", "internal"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of one poll."""

    source: Source
    #: As it was before the poll.
    state: FeedState
    update: FeedUpdate
    #: Why it failed, None if it did not.
    error: SourceError | None
    #: Seconds from the start of the fetch to the outcome.
    seconds: float
    #: Whether it is stored already.
    stored: bool = False


class OutageDetector:
    """Judges the outcomes of one cycle.

    Args:
        clock: the current time, aware and in UTC.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._answered = False
        self._held: list[Outcome] = []

    def add(self, outcome: Outcome) -> list[Outcome]:
        """Take the outcome of a poll; return those that are judged now, in the order in which they came."""
        error = outcome.error
        if self._answered or (error and (error.kind in _OURS or (isinstance(error, FetchError) and error.held))):
            return [outcome]
        if error is None or error.kind not in OFFLINE:
            self._answered = True
            return [*self.close(), outcome]
        self._held.append(outcome)
        return self.close() if len(self._held) >= MOST else []

    @property
    def waiting(self) -> bool:
        """Whether something is held back."""
        return bool(self._held)

    def close(self, *, silent: bool = False) -> list[Outcome]:
        """Judge what is held back; where the network was down, the sources keep the failures that they had.

        Args:
            silent: whether no source has worked within the last `SILENCE`.
        """
        held, self._held = self._held, []
        polls = ((host_of(url) or url, one.error.kind) for one in held if one.error for url in one.source.servers)
        if self._answered or not network_down(polls, silent=silent):
            return held
        return [replace(one, update=decide.not_reached(one.state, self._clock())) for one in held]
