"""Ways to choose the next look: ours through the code that the program runs, and others' to compare it with.

Every policy has one number that says how much it asks, and all keep to the same bounds.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from math import floor
from typing import Protocol

from aggregator.models import Auto
from aggregator.schedule import Rhythm, next_due, observe
from benchmarks.scheduling.world import DAY, DOCUMENT

LEAST, MOST = 300, DAY


class Policy(Protocol):
    """What one source remembers."""

    def look(self, posts: list[int], now: int) -> int:
        """Take what a look brought; say when the next one is (epoch seconds)."""


Maker = Callable[[str, float], Policy]


class Ours:
    """`auto`; the number is its patience in seconds."""

    def __init__(self, key: str, patience: float) -> None:
        self.key = key
        self.interval = Auto(timedelta(seconds=LEAST), timedelta(seconds=MOST), timedelta(seconds=patience))
        self.rhythm: Rhythm | None = None

    def look(self, posts: list[int], now: int) -> int:
        """As `Policy`."""
        moment = datetime.fromtimestamp(now, UTC)
        first = self.rhythm is None
        self.rhythm = observe(self.rhythm, [datetime.fromtimestamp(post, UTC) for post in posts], moment)
        return int(next_due(self.key, moment, self.interval, rhythm=self.rhythm, first=first).at.timestamp())


class Fixed:
    """A fixed interval, the sources spread over it; the number is the interval in seconds."""

    def __init__(self, key: str, interval: float) -> None:
        self.interval = round(interval)
        self.place = int.from_bytes(blake2b(key.encode(), digest_size=6).digest()) % self.interval

    def look(self, posts: list[int], now: int) -> int:
        """As `Policy`."""
        return now + 1 + (self.place - now - 1) % self.interval


class EntryFrequency:
    """A week divided by the posts of the last week (Miniflux's `entry_frequency`); the number multiplies the posts."""

    def __init__(self, key: str, factor: float) -> None:
        self.factor = factor
        self.week: list[int] = []

    def look(self, posts: list[int], now: int) -> int:
        """As `Policy`."""
        self.week = [post for post in self.week if post > now - 7 * DAY]
        self.week += [post for post in posts if post > now - 7 * DAY]
        if not self.week:
            return now + MOST
        return now + round(min(max(7 * DAY / (len(self.week) * self.factor), LEAST), MOST))


class MovingAverage:
    """The mean gap of the document's posts, counted from the newest or from now (Urbansky et al., 2011); the number
    multiplies the gap. A gap that is still open counts once it is longer than the mean, which the paper leaves out."""

    synchronized = True

    def __init__(self, key: str, factor: float) -> None:
        self.factor = factor
        self.posts: list[int] = []

    def look(self, posts: list[int], now: int) -> int:
        """As `Policy`."""
        self.posts = (self.posts + posts)[-DOCUMENT:]
        if len(self.posts) < 2:
            return now + MOST
        oldest, newest = self.posts[0], self.posts[-1]
        gap = (newest - oldest) / (len(self.posts) - 1)
        if now - newest > gap:
            gap = (now - oldest) / len(self.posts)
        wait = min(max(gap * self.factor, LEAST), MOST)
        if not self.synchronized:
            return now + round(wait)
        following = newest + (floor((now - newest) / wait) + 1) * wait
        return round(min(max(following, now + LEAST), now + MOST))


class UnsynchronizedAverage(MovingAverage):
    """The same, counted from now."""

    synchronized = False


POLICIES: dict[str, Maker] = {
    "auto": Ours,
    "fixed interval": Fixed,
    "entry frequency": EntryFrequency,
    "moving average": UnsynchronizedAverage,
    "moving average, synchronized": MovingAverage,
}
