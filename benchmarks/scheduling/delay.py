"""The discovery delay (publication to first sight) of a policy, against the number of requests it makes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp, log

from benchmarks.scheduling.policies import Maker, Policy
from benchmarks.scheduling.world import Timeline


@dataclass(frozen=True, slots=True)
class Run:
    """One policy with one number over many sources."""

    #: The number: see the policies.
    number: float
    looks: int
    posts: int
    #: Mean delay of a post in seconds.
    delay: float
    #: The same, each source counting alike.
    by_source: float


def follow(timeline: Timeline, policy: Policy) -> tuple[int, int]:
    """Look at one source to the end of its time.

    Returns:
        How often it was looked at, the first time aside, and the sum of the delays of all its posts; those of the last
        hours are found by the first look after the end, which is not counted.
    """
    posts, stop = timeline.posts, timeline.stop
    looks = waited = seen = 0
    now = policy.look(timeline.history, timeline.start)
    while True:
        upto = seen
        while upto < len(posts) and posts[upto] <= now:
            waited += now - posts[upto]
            upto += 1
        if now > stop:
            return looks, waited
        looks += 1
        now = policy.look(posts[seen:upto], now)
        seen = upto


def run(world: Iterable[Timeline], maker: Maker, number: float) -> Run:
    """One policy over a world."""
    looks = waited = posts = sources = 0
    by_source = 0.0
    for timeline in world:
        more_looks, more_waited = follow(timeline, maker(timeline.key, number))
        looks += more_looks
        waited += more_waited
        posts += len(timeline.posts)
        if timeline.posts:
            sources += 1
            by_source += more_waited / len(timeline.posts)
    return Run(number, looks, posts, waited / posts, by_source / sources)


def at_looks(runs: Sequence[Run], looks: float) -> tuple[float, float] | None:
    """Both delays at a number of looks, between the runs next to it; None outside of what was run."""
    ordered = sorted(runs, key=lambda one: one.looks)
    for less, more in pairwise(ordered):
        if less.looks <= looks <= more.looks:
            share = (log(looks) - log(less.looks)) / (log(more.looks) - log(less.looks))
            return _between(less.delay, more.delay, share), _between(less.by_source, more.by_source, share)
    return None


def _between(one: float, two: float, share: float) -> float:
    """On a straight line between the logarithms: delays fall with a power of the looks."""
    return exp(log(one) * (1 - share) + log(two) * share)
