"""Sources that do not exist and the times of their posts. The same seed makes the same world."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import accumulate
from math import exp, sqrt

HOUR = 3600
DAY = 24 * HOUR
#: Monday, 5 January 2026, 00:00 UTC.
START = 1_767_571_200
#: Posts that a feed shows at once.
DOCUMENT = 20

_MEDIAN_A_DAY = 0.3
_SPREAD = 1.8
_MOST_A_DAY = 300.0
_DEAD, _DYING, _TIMETABLE = 0.10, 0.03, 0.05
#: Busy middle of the day in UTC, for the Americas, Europe and East Asia.
_MIDDAYS = ((19.0, 0.4), (12.0, 0.4), (5.0, 0.2))


@dataclass(frozen=True, slots=True)
class Timeline:
    """One source: what it had published at the first look, and what it publishes from then on (epoch seconds)."""

    key: str
    history: list[int]
    posts: list[int]
    start: int
    stop: int


def synthetic(index: int, days: int, seed: int = 1) -> Timeline:
    """One source of the world.

    Rates are lognormal (a median of one post in three days, one source in a hundred at twenty a day and more). Hours
    and weekdays have their weights, weeks are livelier or quieter, posts come in bursts. One source in ten is dead,
    some die on the way, and some keep to a timetable.
    """
    draw = random.Random(f"{seed}:{index}")  # noqa: S311 - a world, not a secret
    stop = START + days * DAY
    kind = draw.random()
    if kind < _DEAD:
        times = sorted(START - 60 * DAY - draw.randrange(300 * DAY) for _ in range(draw.randrange(DOCUMENT)))
    elif kind < _DEAD + _TIMETABLE:
        times = _timetable(draw, START - 21 * DAY, stop)
    else:
        a_day = min(_MEDIAN_A_DAY * exp(draw.gauss(0, _SPREAD)), _MOST_A_DAY)
        since = START - int(min(90 * DAY, 2 * DOCUMENT / a_day * DAY))
        times = _human(draw, a_day, since, stop)
        if kind > 1 - _DYING:
            end = START + draw.randrange(days * DAY)
            times = [time for time in times if time < end]
    history = [time for time in times if time <= START][-DOCUMENT:]
    return Timeline(f"source-{index}", history, [time for time in times if START < time <= stop], START, stop)


def _human(draw: random.Random, a_day: float, since: int, stop: int) -> list[int]:
    midday = draw.choices([m for m, _ in _MIDDAYS], [w for _, w in _MIDDAYS])[0] + draw.gauss(0, 1.5)
    width = draw.uniform(2.0, 7.0)
    night = draw.uniform(0.0, 0.3)
    hours = [night + exp(-((_clock(hour + 0.5 - midday) / width) ** 2)) for hour in range(24)]
    weekend = draw.uniform(0.1, 1.2)
    # The span begins on any day of the week; whole weeks before it are drawn and cut off.
    first = since - (since - START) % (7 * DAY)
    weeks = (stop - first + 7 * DAY - 1) // (7 * DAY)
    mood = list(accumulate(exp(draw.gauss(0, 0.4) - 0.08) for _ in range(weeks)))
    children = draw.uniform(0.0, 2.0)
    wanted = _poisson(draw, a_day * 7 * weeks / (1 + children))
    by_hour, by_day = list(accumulate(hours)), list(accumulate([1.0] * 5 + [weekend] * 2))
    times = []
    for week, day, hour in zip(
        draw.choices(range(weeks), cum_weights=mood, k=wanted),
        draw.choices(range(7), cum_weights=by_day, k=wanted),
        draw.choices(range(24), cum_weights=by_hour, k=wanted),
        strict=True,
    ):
        time = first + week * 7 * DAY + day * DAY + hour * HOUR + int(draw.random() * HOUR)
        times.append(time)
        while draw.random() < children / (1 + children):
            time += 1 + int(draw.expovariate(1 / (20 * 60)))
            times.append(time)
    return sorted(time for time in times if since < time <= stop)


def _timetable(draw: random.Random, since: int, stop: int) -> list[int]:
    slots = [draw.randrange(DAY // 300) * 300 for _ in range(draw.randint(1, 4))]
    days = range(5) if draw.random() < 0.5 else range(7)
    first = since - (since - START) % (7 * DAY)
    return sorted(
        day + slot + draw.randrange(180)
        for number, day in enumerate(range(first, stop, DAY))
        if number % 7 in days
        for slot in slots
        if since < day + slot <= stop - 180
    )


def _clock(hours: float) -> float:
    """The shortest way round the clock."""
    return (hours + 12) % 24 - 12


def _poisson(draw: random.Random, mean: float) -> int:
    if mean > 50:
        return max(round(draw.gauss(mean, sqrt(mean))), 0)
    count, left = 0, exp(-mean)
    product = draw.random()
    while product > left:
        count += 1
        product *= draw.random()
    return count
