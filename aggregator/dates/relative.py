"""Dates as pages show them beside an article: ``3小时前``, ``昨天 14:42``, ``发布时间：2022-06-29 14:36 来源：…``.

Pages write labels, sources and reading times around their dates; the parsers want the date alone. Only the start of a
text is read, in linear time. Pure: the time is an argument.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo

from aggregator.dates.formats import CJK_WEEKDAY, TIME, DatePattern, at, fold, parse_date, zone

#: Characters that are read: a selector that matches a whole paragraph is a mistake, not a date.
_LOOKED_AT = 300

_TIME = r"\d{1,2}[:：时点]\d{2}分?(?:[:：]?\d{2}(?:\.\d{1,9}|秒)?)?(?:\s?[AaPp]\.?[Mm]\b\.?)?"
_ZONE = r"(?:\s?(?:Z\b|UTC\b|GMT\b|[+-]\d{2}:?\d{2}\b))?"
_CLOCK = rf"(?:(?:\s?T|,?\s?(?:at\s)?)(?:(?:凌晨|早上|上午|中午|下午|傍晚|晚上)\s?)?{_TIME}{_ZONE})?"
_ABSOLUTE = re.compile(
    rf"(?<!\d)\d{{4}}\s?(?:([-/.])\s?\d{{1,2}}\s?\1\s?\d{{1,2}}|年\s?\d{{1,2}}\s?月\s?\d{{1,2}}\s?日){_CLOCK}"
    rf"|\b[A-Z][a-z]{{2,8}}\.?\s\d{{1,2}}(?:st|nd|rd|th)?,?\s\d{{4}}{_CLOCK}"
    rf"|(?<!\d)\d{{1,2}}\s[A-Z][a-z]{{2,8}}\.?,?\s\d{{4}}{_CLOCK}"
)
_RELATIVE = re.compile(
    r"(?:刚刚|刚才|今天|昨天|前天|just now|today|yesterday)(?:,?\s?(?:at\s)?\d{1,2}[:：]\d{2})?"
    r"|(?:\d{1,4}|半|an?|one)\s?个?半?\s?"
    r"(?:秒钟?|分钟?|小时|天|日|周|星期|月|年|(?:second|sec|minute|min|hour|hr|day|week|month|year)s?)"
    r"\s?(?:之?前|以前|ago)"
    r"|(?<![-/.\d])\d{1,2}(?:[-/]\d{1,2}|月\s?\d{1,2}\s?日)\s\d{1,2}[:：]\d{2}(?!\d)",
    re.IGNORECASE,
)

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "mo": 30 * 86_400, "y": 365 * 86_400}
_UNIT = (
    r"(?:(?P<s>秒钟?|秒|seconds?|secs?|s)|(?P<m>分钟|分鐘|分|minutes?|mins?|m)|(?P<h>个?小时|個?小時|個?钟头|時間|hours?|hrs?|h)"
    r"|(?P<d>天|日|days?|d)|(?P<w>周|週|个?星期|个?礼拜|weeks?|wks?|w)|(?P<mo>个?月|個月|months?|mos?)|(?P<y>年|years?|yrs?|y))"
)
AGO = DatePattern(rf"(?:about |大?约|大約)?(?P<number>\d{{1,6}}|an?|one|半个?|一)\s?{_UNIT}(?:\s?(?:之?前|以前)|\sago)")
NOW = DatePattern(r"刚刚|刚才|剛剛|剛才|たった今|just now|now|moments? ago|a moment ago|a few seconds ago")
NAMED_DAY = DatePattern(
    rf"(?:(?P<d0>今天|今日|today)|(?P<d1>昨天|昨日|yesterday)|(?P<d2>前天|前日|一昨日|the day before yesterday)){TIME}"
)
YEARLESS = DatePattern(rf"(?P<month>\d{{1,2}})(?:[-/]|\s?月\s?)(?P<day>\d{{1,2}})日?{CJK_WEEKDAY}{TIME}")


def find_date(text: str, now: datetime, timezone: str | None) -> datetime | None:
    """Return the date in a text, aware and in UTC, or None where there is none.

    Args:
        text: text of an element of a page.
        now: the current time, aware; what ``昨天`` refers to.
        timezone: IANA name of the zone of dates without one; None: UTC.
    """
    text = " ".join(text[:_LOOKED_AT].split())
    for candidate in _candidates(text, _ABSOLUTE):
        if found := parse_date(candidate, timezone=timezone):
            return found
    for candidate in _candidates(text, _RELATIVE):
        if found := parse_relative(candidate, now, timezone=timezone):
            return found
    return None


def parse_relative(text: str, now: datetime, *, timezone: str | None = None) -> datetime | None:
    """Read a date as lists of news give it: ``3小时前``, ``昨天 14:42``, ``5 minutes ago``, ``06-29 14:42``.

    Args:
        text: the date as found.
        now: the time at which the page was read, aware.
        timezone: IANA name of the zone that the page's days are counted in; None: UTC.

    Returns:
        The instant, in UTC with whole seconds, or None. A date without a year is the last such day up to tomorrow.

    Raises:
        zoneinfo.ZoneInfoNotFoundError: `timezone` is no zone.
    """
    text = fold(text)
    now = now.astimezone(UTC).replace(microsecond=0)
    where = zone(timezone)
    try:
        if NOW.fullmatch(text):
            return now
        if match := AGO.fullmatch(text):
            return now - _ago(match.groupdict())
        today = now.astimezone(where).date()
        if match := NAMED_DAY.fullmatch(text):
            found = match.groupdict()
            days = next(number for number in (0, 1, 2) if found[f"d{number}"])
            return at(today - timedelta(days=days), found, where)
        if match := YEARLESS.fullmatch(text):
            return _last(match.groupdict(), today, where)
    except OverflowError:
        return None
    return None


def _candidates(text: str, pattern: re.Pattern[str]) -> Iterator[str]:
    """Return the whole text, then the parts that look like a date."""
    yield text
    yield from (match.group() for match in pattern.finditer(text))


def _ago(found: dict[str, str | None]) -> timedelta:
    number = found["number"] or ""
    count = float(number) if number.isdigit() else 0.5 if number.startswith("半") else 1.0
    unit = next(name for name in _SECONDS if found[name])
    return timedelta(seconds=int(count * _SECONDS[unit]))


def _last(found: dict[str, str | None], today: date, where: tzinfo) -> datetime | None:
    """Return the last such day up to tomorrow (clocks may differ); there are 8 years between some leap days."""
    for year in range(today.year + 1, today.year - 9, -1):
        try:
            day = date(year, int(found["month"] or 0), int(found["day"] or 0))
        except ValueError:
            continue
        if day <= today + timedelta(days=1):
            return at(day, found, where)
    return None
