"""The next times of a cron expression, as Debian's cron understands it, daylight saving time included. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

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
        raise ValueError(f"`{zone}` is no time zone; write an IANA name such as `Europe/Berlin`") from None
    if len(expression) > _LONGEST or len(expression.split()) != 5:
        raise ValueError("a cron expression has five fields: minute, hour, day of month, month, day of week")
    try:
        next_times(expression, zone, _SOME_DAY)
    except (CronSimError, AssertionError, ValueError) as error:
        said = _FIELDS.get(str(error), str(error) or "it cannot be read")
        raise ValueError(f"`{expression}` is no cron expression: {said}") from None
    except StopIteration:
        raise ValueError(f"`{expression}` never comes round") from None


def next_times(expression: str, zone: str, now: datetime) -> tuple[datetime, datetime]:
    """Return the next two times after `now`, in UTC. Only for what `check_cron` let pass."""
    times = CronSim(expression, now.astimezone(ZoneInfo(zone)))
    return next(times).astimezone(UTC), next(times).astimezone(UTC)
