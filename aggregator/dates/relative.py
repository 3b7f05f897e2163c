"""The date in what a page shows beside an article: ``发布时间：2022-06-29 14:36 来源：…`` -> a datetime.

Pages write labels, sources and reading times around their dates; the readers of `aggregator.dates.read` want the date
alone. Looks at the start of a text only and in linear time. Pure: the time is an argument.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from aggregator.dates.read import parse_date, parse_relative

#: Characters that are looked at: a selector that hits a whole paragraph is a mistake, not a date.
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


def find_date(text: str, now: datetime, timezone: str | None) -> datetime | None:
    """The date in a text, aware and in UTC, or None where there is none.

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


def _candidates(text: str, pattern: re.Pattern[str]) -> Iterator[str]:
    """The text as it is, then what in it looks like a date."""
    yield text
    yield from (match.group() for match in pattern.finditer(text))
