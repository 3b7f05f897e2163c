"""What a server and a feed say about when to come back: header values and element texts in, durations out. Pure.

Nothing here decides; `plan` does. Invalid values count as missing, and no duration is longer than `LONGEST`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from itertools import islice

from aggregator.models import Freshness, Syndication

#: The longest time that counts.
LONGEST = timedelta(days=31)

_LONGEST_HEADER = 1000
_LONGEST_DATE = 64
_LONGEST_LIST = 100
_DIRECTIVE = re.compile(r"([a-z0-9-]{1,40})(?:[ \t]*=[ \t]*(?:\"([^\"]*)\"|([^\s,]*)))?")
_NUMBER = re.compile(r"\s*([0-9]{1,64})(?:\.[0-9]{1,6})?\s*")
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_PERIODS = {
    "hourly": timedelta(hours=1),
    "daily": timedelta(days=1),
    "weekly": timedelta(days=7),
    "monthly": timedelta(days=30),
    "yearly": timedelta(days=365),
}


@dataclass(frozen=True, slots=True)
class ServerHints:
    """What the headers of one answer said, counted from its arrival."""

    #: Retry-After (RFC 9110, section 10.2.3), whatever the status.
    retry_after: timedelta | None = None
    #: How long the answer stays fresh (RFC 9111, section 4.2.1), its age taken off.
    fresh_for: timedelta | None = None
    #: A whole document came without ETag and Last-Modified, so that every poll costs all of it.
    no_validator: bool = False


@dataclass(frozen=True, slots=True)
class FeedHints:
    """What the document said; it holds until the next document, so it has to be remembered over 304s."""

    #: RSS 2.0 `ttl`.
    ttl: timedelta | None = None
    #: RSS `skipHours`: hours of the day in GMT, 0 to 23; never all of them.
    skip_hours: frozenset[int] = frozenset()
    #: RSS `skipDays`: days of the week in GMT, Monday is 0; never all of them.
    skip_days: frozenset[int] = frozenset()
    #: RDF Site Summary syndication module: `updatePeriod` divided by `updateFrequency`.
    update_every: timedelta | None = None
    #: The same: `updateBase`, a moment from which the updates are counted.
    update_base: datetime | None = None

    def dump(self) -> str:
        """Return a short text for the store, "" where nothing was said; `load` reads it."""
        said = {
            "ttl": self.ttl and str(_seconds(self.ttl)),
            "hours": ",".join(str(hour) for hour in sorted(self.skip_hours)),
            "days": ",".join(str(day) for day in sorted(self.skip_days)),
            "every": self.update_every and str(_seconds(self.update_every)),
            "base": self.update_base and self.update_base.isoformat(),
        }
        return " ".join(f"{name}={value}" for name, value in said.items() if value)

    @classmethod
    def load(cls, text: str | None) -> FeedHints:
        """Read what `dump` wrote; of any other text, what can be read."""
        return _loaded(text) if text else NO_FEED_HINTS


_NO_HEADERS = Freshness()
NOTHING_SAID = ServerHints()
NO_FEED_HINTS = FeedHints()


def server_hints(said: Freshness, now: datetime, *, no_validator: bool = False) -> ServerHints:
    """Read the headers of an answer.

    Args:
        said: as sent; the first of a header that came more than once, but all of Cache-Control, joined by a comma.
        now: when the answer came; stands in for a missing Date.
        no_validator: as in `ServerHints`.
    """
    if said == _NO_HEADERS and not no_validator:
        return NOTHING_SAID
    return ServerHints(_retry_after(said, now), _fresh_for(said, now), no_validator)


def retry_after(said: Freshness, now: datetime) -> datetime | None:
    """Return when to come back (RFC 9110, section 10.2.3), at most `LONGEST` ahead; None: at any time."""
    wait = _retry_after(said, now)
    return now + wait if wait else None


def feed_hints(said: Syndication | None) -> FeedHints:
    """Read the texts of a feed's elements (RSS 2.0 Specification; RDF Site Summary 1.0 Modules: Syndication)."""
    if said is None:
        return NO_FEED_HINTS
    minutes = _number(said.ttl)
    return FeedHints(
        ttl=_bounded(minutes * 60) if minutes else None,
        skip_hours=_some(said.skip_hours, _hour, 24),
        skip_days=_some(said.skip_days, _day_name, 7),
        update_every=_update_every(said.update_period, said.update_frequency),
        update_base=_moment(said.update_base),
    )


# Most sources say nothing, and the others much the same.
@lru_cache(maxsize=1024)
def _loaded(text: str) -> FeedHints:
    said = dict(pair.split("=", 1) for pair in text[:_LONGEST_HEADER].split() if "=" in pair)
    return FeedHints(
        ttl=_duration(said.get("ttl")),
        skip_hours=_some(said.get("hours", "").split(","), _hour, 24),
        skip_days=_some(said.get("days", "").split(","), _day_number, 7),
        update_every=_duration(said.get("every")),
        update_base=_moment(said.get("base")),
    )


def _retry_after(said: Freshness, now: datetime) -> timedelta | None:
    if said.retry_after is None:
        return None
    seconds = _number(said.retry_after)
    if seconds is not None:
        return _bounded(seconds)
    # The distance to Date holds even where the server's clock is wrong.
    until = _http_date(said.retry_after)
    return _bounded(int((until - (_http_date(said.date) or now)).total_seconds())) if until else None


def _fresh_for(said: Freshness, now: datetime) -> timedelta | None:
    known, max_age = _cache_control((said.cache_control or "")[:_LONGEST_HEADER])
    if known:
        return _bounded(max_age - (_number(said.age) or 0))
    expires = _http_date(said.expires)
    if expires is None:
        return None
    return _bounded(int((expires - (_http_date(said.date) or now)).total_seconds()) - (_number(said.age) or 0))


@lru_cache(maxsize=1024)
def _cache_control(text: str) -> tuple[bool, int]:
    """Whether it decides how long an answer stays fresh, and the seconds (RFC 9111, section 5.2.2)."""
    directives: dict[str, str | None] = {}
    for found in _DIRECTIVE.finditer(text.lower()):
        directives.setdefault(found[1], found[2] if found[2] is not None else found[3])
    # `no-cache="field"` speaks of that field only.
    if "no-store" in directives or ("no-cache" in directives and not directives["no-cache"]):
        return True, 0
    return "max-age" in directives, _number(directives.get("max-age")) or 0


def _update_every(period: str | None, frequency: str | None) -> timedelta | None:
    if not period and not frequency:
        return None
    # The module's defaults: daily, once.
    whole = _PERIODS.get((period or "daily").strip().lower())
    times = _number(frequency) or 1
    return _bounded(max(_seconds(whole) // times, 1)) if whole else None


def _some(texts: Iterable[str], read: Callable[[str], int | None], every: int) -> frozenset[int]:
    """Return the numbers in some texts; none of them if they leave nothing over."""
    found = {read(text.strip().lower()) for text in islice(texts, _LONGEST_LIST)} - {None}
    return frozenset(number for number in found if number is not None) if len(found) < every else frozenset()


def _hour(text: str) -> int | None:
    hour = _number(text)
    # RSS 0.91 counts from 1 to 24.
    return hour % 24 if hour is not None and hour <= 24 else None


def _day_name(text: str) -> int | None:
    return _DAYS.index(text[:3]) if text[:3] in _DAYS else None


def _day_number(text: str) -> int | None:
    day = _number(text)
    return day if day is not None and day < 7 else None


def _number(text: str | None) -> int | None:
    """Return a whole number that is not negative; what comes after a point is dropped."""
    found = _NUMBER.fullmatch(text) if text and len(text) <= _LONGEST_DATE else None
    return int(found[1]) if found else None


def _duration(text: str | None) -> timedelta | None:
    seconds = _number(text)
    return _bounded(seconds) if seconds else None


def _bounded(seconds: int) -> timedelta | None:
    """As a duration, not longer than `LONGEST`; None where nothing is left."""
    return timedelta(seconds=min(seconds, _seconds(LONGEST))) if seconds > 0 else None


def _seconds(duration: timedelta) -> int:
    return int(duration.total_seconds())


def _http_date(text: str | None) -> datetime | None:
    """Return a date in any of the three forms of RFC 9110, section 5.6.7, and in some that are none."""
    if not text or len(text) > _LONGEST_DATE:
        return None
    try:
        return _utc(parsedate_to_datetime(text))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _moment(text: str | None) -> datetime | None:
    """Return a date of W3C-DTF."""
    if not text or len(text) > _LONGEST_DATE:
        return None
    try:
        return _utc(datetime.fromisoformat(text.strip()))
    except (ValueError, OverflowError):
        return None


def _utc(moment: datetime) -> datetime:
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).replace(microsecond=0)
