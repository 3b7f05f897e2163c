"""When to come back to a source, and why: the one place that decides it. Pure: the time is an argument.

The order of the rules, each stronger than those before it: the interval as configured (jitter included); the wait after
a failure; what server and feed ask for; `max`, because a feed may not hide itself for ever; Retry-After; gone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from math import ceil

from aggregator.models import Auto, Cron, Every, Interval
from aggregator.schedule.cron import next_times
from aggregator.schedule.failures import FailureStreak, outage_wait
from aggregator.schedule.hints import LONGEST, NO_FEED_HINTS, NOTHING_SAID, FeedHints, ServerHints
from aggregator.schedule.rhythm import Rhythm, expected_wait, rate

#: The due date of a source that is no longer fetched.
NEVER = datetime(9999, 12, 31, tzinfo=UTC)

_HOUR = 3600
_WEEK = 7 * 86_400
_NO_VALIDATOR = _HOUR
#: Jitter of `auto` and of the wait after a failure, as a share of the wait.
_JITTER = 0.1
#: Jitter of a cron expression in seconds: `_JITTER` of the time between two of its times, and at most this.
_CRON_JITTER = 300
#: Seconds after the end of skipped hours within which sources come back.
_REOPENING = 600
#: After a stop, one source a second and all of them within the hour.
_CATCH_UP = timedelta(hours=1)
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, slots=True)
class Due:
    """The next look: when, in whole seconds, and why then, as a short clause."""

    at: datetime
    why: str


@dataclass(frozen=True, slots=True)
class Start:
    """One request to make."""

    key: str
    host: str
    at: datetime


def next_due(
    key: str,
    now: datetime,
    interval: Interval,
    *,
    rhythm: Rhythm | None = None,
    server: ServerHints = NOTHING_SAID,
    feed: FeedHints = NO_FEED_HINTS,
    failure: FailureStreak | None = None,
    poll_without_validators: bool = False,
    first: bool = False,
) -> Due:
    """Decide when to look at a source again, after the look that has just ended.

    Args:
        key: the source's id; places it within its interval, always at the same place.
        now: when the look ended.
        rhythm: of the source, this look included; only `Auto` needs it.
        server: what the answer said, a 304 or an error as well; nothing where there was none.
        feed: what the last document said.
        failure: None if the look succeeded.
        poll_without_validators: look more often than once an hour although the server sends no validators.
        first: the first look at this source: many may be new at once, so they are spread wider.
    """
    if failure and failure.gone.confirmed:
        return Due(NEVER, f"gone: the server said so (410) on {failure.gone.days} different days")
    start = ceil(now.timestamp())
    wanted, why, longest = _wanted(key, now, start, interval, rhythm, first)
    at = wanted
    if failure:
        at, why = _after_failure(key, start, failure, at, why)
    at, why = _not_before(key, start, at, why, server, feed, poll_without_validators)
    if at > start + longest:
        at, why = start + longest, f"{why}; {span(longest)} is the longest wait"
    if server.retry_after is not None and start + _seconds(server.retry_after) > at:
        at = start + min(_seconds(server.retry_after), _seconds(LONGEST))
        why = "the server asked to be left alone until then (Retry-After)"
    if isinstance(interval, Cron) and at > wanted:
        # These times were chosen on purpose, so a delay leads to another one of them.
        later, _ = next_times(interval.expression, interval.zone, datetime.fromtimestamp(at - 1, UTC))
        at = int(later.timestamp())
    return Due(datetime.fromtimestamp(at, UTC), why)


def after_outage(key: str, now: datetime, in_a_row: int) -> Due:
    """Return the next try of a source when our own network was down (`network_down`), for the nth time in a row."""
    wait = _seconds(outage_wait(in_a_row))
    at = ceil(now.timestamp()) + wait + int(wait * _share(key, in_a_row))
    return Due(datetime.fromtimestamp(at, UTC), "every host failed at once: the network here seems to be down")


def after_stop(key: str, now: datetime, waiting: int) -> datetime:
    """Return the due date of a source that is overdue when the daemon starts: not all start at once.

    Args:
        waiting: how many sources are overdue.
    """
    window = min(_CATCH_UP, timedelta(seconds=waiting))
    return datetime.fromtimestamp(ceil(now.timestamp()) + int(_seconds(window) * _share(key, "stop")), UTC)


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


def span(seconds: int) -> str:
    """Format a duration for people: its two largest units, such as ``1h 30m``."""
    parts: list[str] = []
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        if count and len(parts) < 2:
            parts.append(f"{count}{unit}")
    return " ".join(parts) or "0s"


def _wanted(
    key: str, now: datetime, start: int, interval: Interval, rhythm: Rhythm | None, first: bool
) -> tuple[int, str, int]:
    """When the interval wants the next look, why, and how long the wait may become (seconds)."""
    longest = _seconds(interval.max)
    match interval:
        case Every(period):
            step = _seconds(period)
            longest = max(longest, step)
            return _place(key, start, step, longest), f"every {span(step)}", longest
        case Cron(expression, zone):
            one, two = (int(time.timestamp()) for time in next_times(expression, zone, now))
            at = one + int(min((two - one) * _JITTER, _CRON_JITTER) * _share(key, "cron"))
            return at, f"cron `{expression}` ({zone})", max(longest, at - start)
        case Auto(least, most, patience):
            return *_own_rhythm(key, now, start, rhythm or Rhythm(now, now), (least, most, patience), first), longest


def _place(key: str, start: int, step: int, longest: int) -> int:
    """Return the source's own place in an interval: the next one that is half an interval away or more."""
    place = int(_share(key, "place") * step)
    at = start + (step + 1) // 2
    at += (place - at) % step
    return at if at <= start + longest else at - step


def _own_rhythm(
    key: str, now: datetime, start: int, rhythm: Rhythm, bounds: tuple[timedelta, timedelta, timedelta], first: bool
) -> tuple[int, str]:
    least, most, patience = bounds
    posts = rate(rhythm, now)
    wait = max(expected_wait(rhythm, now, posts, patience, most), least.total_seconds())
    jitter = _share(key, start // 60) * (1.0 if first else _JITTER)
    busy = rhythm.busiest_hour()
    when = "" if busy is None else f", most of them around {busy:02d}:30 UTC"
    why = f"its own rhythm: about {posts * _WEEK:.2g} posts a week{when}"
    return start + max(ceil(wait * (1 - jitter)), _seconds(least)), why


def _after_failure(key: str, start: int, failure: FailureStreak, at: int, why: str) -> tuple[int, str]:
    """Never sooner than the interval, and never sooner than the kind of failure asks for."""
    wait = failure.backoff().total_seconds()
    again = start + int(wait * (1 + _JITTER * _share(key, start // 60)))
    times = "once" if failure.in_a_row == 1 else f"{failure.in_a_row} times in a row"
    what = f"{failure.kind} {failure.status}" if failure.status else failure.kind
    return max(at, again), f"failed {times} ({what})" + (f"; {why}" if at > again else "")


def _not_before(
    key: str, start: int, at: int, why: str, server: ServerHints, feed: FeedHints, poll_without_validators: bool
) -> tuple[int, str]:
    """Apply what server and feed ask for, apart from Retry-After."""
    if server.fresh_for is not None and start + _seconds(server.fresh_for) > at:
        at, why = start + _seconds(server.fresh_for), "the server says that its answer stays good until then"
    if server.no_validator and not poll_without_validators and start + _NO_VALIDATOR > at:
        at, why = start + _NO_VALIDATOR, "the server offers no validator, so once an hour at most"
    if feed is NO_FEED_HINTS:
        return at, why
    if feed.ttl is not None and start + _seconds(feed.ttl) > at:
        at, why = start + _seconds(feed.ttl), f"the feed says that it may be kept for {span(_seconds(feed.ttl))} (ttl)"
    if feed.update_every is not None:
        step = _seconds(feed.update_every)
        ahead = step if feed.update_base is None else step - (start - int(feed.update_base.timestamp())) % step
        if start + ahead > at:
            at, why = start + ahead, f"the feed says that it is updated every {span(step)} (sy:updatePeriod)"
    if feed.skip_hours or feed.skip_days:
        at, why = _open(key, at, why, feed)
    return at, why


def _open(key: str, at: int, why: str, feed: FeedHints) -> tuple[int, str]:
    """Move what falls into a skipped hour or day behind it."""
    moment = at
    # Eight days have an hour that is not skipped, for neither all hours nor all days are.
    for _ in range(8 * 24):
        day, hour = (moment // 86_400 + 3) % 7, moment // _HOUR % 24
        if day not in feed.skip_days and hour not in feed.skip_hours:
            break
        moment = (moment // _HOUR + 1) * _HOUR
        why = f"the feed skips {_WEEKDAYS[day]}" if day in feed.skip_days else f"the feed skips {hour:02d}:00 GMT"
    return (at if moment == at else moment + int(_REOPENING * _share(key, "open"))), why


def _share(key: str, slot: int | str) -> float:
    """Return a number from 0 to below 1 that is always the same for a source and a slot."""
    return int.from_bytes(blake2b(f"{slot}:{key}".encode(), digest_size=6).digest()) / 2**48


def _seconds(duration: timedelta | None) -> int:
    return ceil(duration.total_seconds()) if duration else 0
