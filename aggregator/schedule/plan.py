"""When to come back to a source, and why: the one place that decides it, with failures and cron expressions.

Pure: the time is an argument.

The order of the rules, each stronger than those before it: the interval as configured (jitter included); the wait after
a failure; what server and feed ask for; `max`, because a feed may not hide itself for ever; Retry-After; gone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import blake2b
from math import ceil
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from aggregator.models import Auto, Cron, Every, FailureKind, FeedState, Interval
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
    """The next poll: when, in whole seconds, and why then, as a short clause."""

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
    """Decide when to poll a source again, after the poll that has just ended.

    Args:
        key: the source's id; places it within its interval, always at the same place.
        now: when the poll ended.
        rhythm: of the source, this poll included; only `Auto` needs it.
        server: what the answer said, a 304 or an error as well; nothing where there was none.
        feed: what the last document said.
        failure: None if the poll succeeded.
        poll_without_validators: poll more often than once an hour although the server sends no validators.
        first: the first poll of this source: many may be new at once, so they are spread wider.
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
    """When the interval wants the next poll, why, and how long the wait may become (seconds)."""
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
    """Whether the polls of one cycle show that our own network is down.

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


_LONGEST = 200
#: Messages of cronsim, and what may stand there.
_FIELDS = {
    "Bad minute": "the first field, the minute, is 0 to 59",
    "Bad hour": "the second field, the hour, is 0 to 23",
    "Bad day-of-month": "the third field, the day of the month, is 1 to 31",
    "Bad month": "the fourth field, the month, is 1 to 12 or a name such as `jan`",
    "Bad day-of-week": "the fifth field, the day of the week, is 0 to 7 (0 and 7 are Sunday) or a name such as `mon`",
}
#: Any day, to see whether an expression can be read and has a time at all.
_SOME_DAY = datetime(2024, 1, 1, tzinfo=UTC)


def check_cron(expression: str, zone: str) -> None:
    """Check that an expression and its time zone can be used.

    Raises:
        ValueError: they cannot; the message says which one, and what to write.
    """
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"`{zone}` is not a time zone; write an IANA name such as `Europe/Berlin`") from None
    if len(expression) > _LONGEST or len(expression.split()) != 5:
        raise ValueError("a cron expression has five fields: minute, hour, day of month, month, day of week")
    try:
        next_times(expression, zone, _SOME_DAY)
    except (CronSimError, AssertionError, ValueError) as error:
        said = _FIELDS.get(str(error), str(error) or "it cannot be read")
        raise ValueError(f"`{expression}` is not a cron expression: {said}") from None
    except StopIteration:
        raise ValueError(f"`{expression}` never comes round") from None


def next_times(expression: str, zone: str, now: datetime) -> tuple[datetime, datetime]:
    """Return the next two times after `now`, in UTC. Only for what `check_cron` let pass."""
    times = CronSim(expression, now.astimezone(ZoneInfo(zone)))
    return next(times).astimezone(UTC), next(times).astimezone(UTC)
