"""Which of several servers for the same documents is asked first, by how they have answered; pure.

An instance that fails is asked last for a while, which doubles with each failure; the order in which they are
configured decides among the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from aggregator.models import InstanceState

#: How long an instance is asked last after its first failure, and at most.
FIRST_PAUSE = timedelta(minutes=10)
LONGEST_PAUSE = timedelta(hours=12)


class Instances:
    """How the instances of one cycle answer.

    Args:
        known: how they answered before, by address.
        clock: the current time, aware and in UTC.
    """

    def __init__(self, known: Mapping[str, InstanceState], clock: Callable[[], datetime]) -> None:
        self._states = dict(known)
        self._changed: set[str] = set()
        self._clock = clock

    def order(self, urls: Sequence[str]) -> list[str]:
        """Return addresses in the order in which to ask: those that work, then those whose pause ends first."""
        now = self._clock()
        return sorted(urls, key=lambda url: max(self._until(url) or now, now))

    def worked(self, url: str) -> None:
        """Record that an instance has answered."""
        if self._states.get(url, InstanceState(url)).failures:
            self._keep(InstanceState(url))

    def failed(self, url: str) -> None:
        """Record that an instance has failed."""
        state = self._states.get(url) or InstanceState(url)
        now = self._clock()
        if state.until is not None and state.until > now:
            # Several sources ask at once: one failure counts once.
            return
        pause = min(FIRST_PAUSE * 2 ** min(state.failures, 16), LONGEST_PAUSE)
        self._keep(replace(state, failures=state.failures + 1, until=now + pause))

    @property
    def changed(self) -> Sequence[InstanceState]:
        """What is to be remembered of this cycle."""
        return [self._states[url] for url in sorted(self._changed)]

    def _until(self, url: str) -> datetime | None:
        state = self._states.get(url)
        return state.until if state else None

    def _keep(self, state: InstanceState) -> None:
        self._states[state.url] = state
        self._changed.add(state.url)
