"""A source's own rhythm: from the times of its posts to the moment when the next poll is worth it. Pure.

The model. A source posts at a rate that depends on the hour of the day and on the day of the week. The rate is what was
counted over the last weeks, older posts counting less and less, drawn a little towards that of the last days (so that
lively and silent spells are noticed) and, as long as little is known, towards one post in two days. The
hours and days share it out as the posts did, evenly as long as there are few. From the last poll on, posts are
expected at that rate, and each waits to be found: the next poll is due when all these expected waits add up to
`patience`. For a steady source that is the square root of 2 x patience / rate: a source that posts four times as often
is asked twice as often, which is the best way to spend requests (Sia, Cho and Cho, 2007); and polls fall
behind the busy hours instead of into the quiet ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import exp, log, sqrt

_HOUR = 3600
_DAY = 86_400
_WEEK = 7 * _DAY
#: Monday, 5 January 1970, 00:00 UTC: the first whole week since the epoch.
_MONDAY = 4 * _DAY

#: After this time a post counts half, for the rate of the last weeks and for that of the last days.
_HALF_LIFE = 42 * _DAY
_RECENT_HALF_LIFE = _DAY
_DECAY = log(2) / _HALF_LIFE
_RECENT_DECAY = log(2) / _RECENT_HALF_LIFE
#: How much the last days count against the last weeks.
_RECENT_SHARE = 0.35
#: The assumption before anything is known: this number of posts in this time.
_PRIOR_POSTS = 0.5
_PRIOR_TIME = _DAY
#: The same for the last days, in seconds at the rate of the last weeks.
_RECENT_PRIOR_TIME = _DAY / 2
#: Posts, spread evenly, that are added to the hours of the day and the days of the week.
_EVEN_POSTS = 6.0
#: Older posts no longer count.
_OLDEST = timedelta(seconds=8 * _HALF_LIFE)
#: Posts of one poll that count: a source that moves shows its whole past at once.
_MOST_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Rhythm:
    """What is remembered of a source's posts; `dump` makes some 200 characters of it."""

    #: Since when its posts are known, and up to when they are counted.
    since: datetime
    at: datetime
    #: The newest post.
    last: datetime | None = None
    #: How many posts, older ones counting less: of the last days, of each hour of the day and of each day of the week
    #: (UTC, Monday first).
    recent: float = 0.0
    hours: tuple[float, ...] = (0.0,) * 24
    days: tuple[float, ...] = (0.0,) * 7

    def dump(self) -> str:
        """Return a short text for the store; `load` reads it."""
        last = int(self.last.timestamp()) if self.last else ""
        numbers = (f"{number:.4g}" for number in (self.recent, *self.hours, *self.days))
        return f"{int(self.since.timestamp())} {int(self.at.timestamp())} {last or '-'} {' '.join(numbers)}"

    @classmethod
    def load(cls, text: str | None) -> Rhythm | None:
        """Read what `dump` wrote; None for anything else."""
        parts = (text or "")[:1000].split()
        if len(parts) != 35:
            return None
        try:
            since, at, last = (datetime.fromtimestamp(int(part), UTC) if part != "-" else None for part in parts[:3])
            numbers = [float(part) for part in parts[3:]]
        except (ValueError, OverflowError, OSError):
            return None
        if since is None or at is None or since > at or not all(0 <= number < 1e9 for number in numbers):
            return None
        return cls(since, at, last, numbers[0], tuple(numbers[1:25]), tuple(numbers[25:]))

    def busiest_hour(self) -> int | None:
        """Return the hour of the day (UTC) with most posts, None where none stands out."""
        most = max(self.hours)
        # More than twice as many as in an even day, and more than chance brings.
        return self.hours.index(most) if most > 1 + sum(self.hours) / 12 else None


def observe(rhythm: Rhythm | None, posts: Sequence[datetime], now: datetime) -> Rhythm:
    """Add the posts that a poll brought.

    Args:
        rhythm: what is known so far; None at the first poll.
        posts: when the new ones were published; where a source gives no dates, when they were first seen, except
            those of the first poll. Dates in the future count as now.
    """
    known = sorted(min(post, now) for post in posts if post > now - _OLDEST)[-_MOST_AT_ONCE:]
    if rhythm is None:
        start = known[0] if known else now
        rhythm = Rhythm(start, start)
    elif not known:
        return rhythm
    # A clock that was set back does not make old posts new.
    at = max(now, rhythm.at)
    passed = (at - rhythm.at).total_seconds()
    kept, kept_recent = exp(-_DECAY * passed), exp(-_RECENT_DECAY * passed)
    hours = [kept * count for count in rhythm.hours]
    days = [kept * count for count in rhythm.days]
    recent = kept_recent * rhythm.recent
    for post in known:
        age = (at - post).total_seconds()
        weight = exp(-_DECAY * age)
        second = int(post.timestamp()) - _MONDAY
        # Shared with the hour next to it, so that a quarter to two counts for two o'clock as well.
        hour, rest = divmod(second % _DAY / _HOUR, 1)
        aside = abs(rest - 0.5)
        hours[int(hour)] += weight * (1 - aside)
        hours[(int(hour) + (1 if rest > 0.5 else -1)) % 24] += weight * aside
        days[second // _DAY % 7] += weight
        recent += exp(-_RECENT_DECAY * age)
    last = max(known[-1], rhythm.last) if rhythm.last and known else known[-1] if known else None
    return Rhythm(rhythm.since, at, last, recent, tuple(hours), tuple(days))


def rate(rhythm: Rhythm, now: datetime) -> float:
    """Return the expected posts per second from now on, without the pattern of hours and days."""
    passed = max((now - rhythm.at).total_seconds(), 0.0)
    watched = max((now - rhythm.since).total_seconds(), 0.0)
    posts = sum(rhythm.days) * exp(-_DECAY * passed)
    recent = rhythm.recent * exp(-_RECENT_DECAY * passed)
    # How long a time the counts stand for, forgotten as they are.
    time = (1 - exp(-_DECAY * watched)) / _DECAY
    recent_time = (1 - exp(-_RECENT_DECAY * watched)) / _RECENT_DECAY
    steady = (posts + _PRIOR_POSTS) / (time + _PRIOR_TIME)
    lately = (recent + steady * _RECENT_PRIOR_TIME) / (recent_time + _RECENT_PRIOR_TIME)
    return (1 - _RECENT_SHARE) * steady + _RECENT_SHARE * lately


def expected_wait(rhythm: Rhythm, now: datetime, posts: float, patience: timedelta, longest: timedelta) -> float:
    """Return the seconds until the waits of the posts expected from now on add up to `patience`, at most `longest`.

    Args:
        posts: per second, from `rate`.
    """
    total = sum(rhythm.days) + _EVEN_POSTS
    hours, days, scale = rhythm.hours, rhythm.days, 24 * 7 * posts / (total * total)
    enough, end = patience.total_seconds(), longest.total_seconds()
    day, second = divmod((int(now.timestamp()) - _MONDAY) % _WEEK, _DAY)
    hour = second // _HOUR
    time, waiting, waited = 0.0, 0.0, 0.0
    step = _HOUR - second % _HOUR
    while time < end:
        density = scale * (hours[hour] + _EVEN_POSTS / 24) * (days[day] + _EVEN_POSTS / 7)
        more = (waiting + density * step / 2) * step
        if waited + more >= enough:
            # Where waiting * x + density * x^2 / 2 reaches what is missing.
            missing = enough - waited
            time += 2 * missing / (waiting + sqrt(waiting * waiting + 2 * density * missing))
            break
        waited += more
        waiting += density * step
        time += step
        step = _HOUR
        hour += 1
        if hour == 24:
            hour, day = 0, (day + 1) % 7
    return min(time, end)
