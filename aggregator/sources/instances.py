"""Which of several servers for the same documents is asked first, by how they have answered; pure.

An instance that fails is asked last for a while, which doubles with each failure; the order in which they are
configured decides among the others. A server that cannot be reached fails for all of its documents at once. One that
answers with something else may lack a single document, which tells little of the others: it is doubted, and fails only
where that happens with several documents in a row that other instances have.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType

from aggregator.models import InstanceState

#: How long an instance is asked last after its first failure, and at most.
FIRST_PAUSE = timedelta(minutes=10)
LONGEST_PAUSE = timedelta(hours=12)
#: Documents in a row that an instance lacks, in one cycle, until it is taken to have failed.
MOST_DOUBTS = 2

_NOTHING: Mapping[str, InstanceState] = MappingProxyType({})


class Instances:
    """How the instances of one cycle answer.

    Args:
        known: how they answered before, by address.
        clock: the current time, aware and in UTC.
    """

    def __init__(self, known: Mapping[str, InstanceState], clock: Callable[[], datetime]) -> None:
        self._states = dict(known)
        self._changed: set[str] = set()
        self._doubts: dict[str, int] = {}
        self._clock = clock

    def order(self, urls: Sequence[str], own: Mapping[str, InstanceState] = _NOTHING) -> list[str]:
        """Return addresses in the order in which to ask: those that work, then those whose pause ends first.

        Args:
            own: how instances answered to one source, by address; that counts besides how they answered to all.
        """
        now = self._clock()

        def pause(url: str) -> datetime:
            states = (self._states.get(url), own.get(url))
            return max([now, *(state.until for state in states if state is not None and state.until is not None)])

        return sorted(urls, key=pause)

    def worked(self, url: str) -> None:
        """Record that an instance has answered as it should."""
        self._doubts.pop(url, None)
        if self._states.get(url, InstanceState(url)).failures:
            self._keep(InstanceState(url))

    def failed(self, url: str) -> None:
        """Record that an instance has failed."""
        state = self._states.get(url) or InstanceState(url)
        # Several sources ask at once: one failure counts once.
        if state.until is None or state.until <= self._clock():
            self._keep(self.after_failure(state))

    def doubted(self, url: str) -> None:
        """Record that an instance lacks a document that another one has."""
        self._doubts[url] = self._doubts.get(url, 0) + 1
        if self._doubts[url] >= MOST_DOUBTS:
            self.failed(url)

    def after_failure(self, state: InstanceState) -> InstanceState:
        """Return a state after one more failure."""
        pause = min(FIRST_PAUSE * 2 ** min(state.failures, 16), LONGEST_PAUSE)
        return replace(state, failures=state.failures + 1, until=self._clock() + pause)

    @property
    def changed(self) -> Sequence[InstanceState]:
        """What is to be remembered of this cycle."""
        return [self._states[url] for url in sorted(self._changed)]

    def _keep(self, state: InstanceState) -> None:
        self._states[state.url] = state
        self._changed.add(state.url)
