"""Dates as pages show them beside an article: ``3小时前``, ``昨天 14:42``, ``发布时间：2022-06-29 14:36 来源：…``.

Pages write labels, sources and reading times around their dates; the parsers want the date alone. Units of time and
names of days are known in some twenty languages, the years of East Asian eras as well. Only the start of a text is
read, in linear time. Pure: the time is an argument.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cache

from aggregator.dates.formats import (
    ANY_STYLE,
    CJK_WEEKDAY,
    TIME,
    DatePattern,
    DateStyle,
    at,
    fold,
    month_by_name,
    parse_date,
    zone,
)
from aggregator.dates.vocabulary import AGO_AFTER, AGO_BEFORE, AGO_CLOSE, DAYS, ERAS, ONE, UNITS

#: Characters that are read: a selector that matches a whole paragraph is a mistake, not a date.
_LOOKED_AT = 300

_TIME = r"\d{1,2}[:时時点點시]\s?\d{2}[分분]?(?:[::]?\d{2}(?:\.\d{1,9}|[秒초])?)?(?:\s?[AaPp]\.?[Mm]\b\.?)?"
_ZONE = r"(?:\s?(?:Z\b|UTC\b|GMT\b|[+-]\d{2}:?\d{2}\b))?"
_HALF = r"(?:(?:凌晨|早上|上午|中午|下午|傍晚|晚上|午前|午後|오전|오후)\s?)?"
_CLOCK = rf"(?:(?:\s?T|,?\s?(?:(?:at|um|à|-)\s)?){_HALF}{_TIME}{_ZONE})?"
_WORD = r"[^\W\d_]{3,12}"
#: Dates with a year. What is found is read by `parse_date`, which knows whether a word is a month.
_ABSOLUTE = (
    rf"(?<!\d)\d{{4}}\s?(?:([-/.])\s?\d{{1,2}}\s?\1\s?\d{{1,2}}|[年년]\s?\d{{1,2}}\s?[月월]\s?\d{{1,2}}\s?[日号號일])"
    rf"{_CLOCK}"
    rf"|(?<![\d./-])\d{{1,2}}([-/.])\s?\d{{1,2}}\2\s?\d{{4}}(?![\d/-]|\.\d){_CLOCK}"
    rf"|(?<!\w){_WORD}\.?\s\d{{1,2}}(?:st|nd|rd|th)?,?\s\d{{4}}(?!\d){_CLOCK}"
    rf"|(?<!\d)\d{{1,2}}(?:st|nd|rd|th|er|\.|º)?\s(?:(?:of|de)\s)?{_WORD}\.?,?\s(?:del?\s)?\d{{4}}(?!\d){_CLOCK}"
)
_SEPARATORS = re.compile(r"(?:\s|,|and|und|et|y|e|i|och|og)*", re.IGNORECASE)
_ERA_YEAR = rf"({'|'.join(ERAS)})\s?(\d{{1,3}}|元)\s?(?=年)"
#: Taiwan counts years from 1912; a number of three digits before a month and a day is one.
_TAIWAN_YEAR = r"(?<![\d./-])(1[0-4]\d)(?=([-/.])\d{1,2}\2\d{1,2}(?![\d./-]))"
#: A day of the week in brackets behind a date, as in ``2024/03/12(火) 14:05``.
_WEEKDAY = r"(?<=\d|日)\s?[(](?:星期|周|週|礼拜)?[一二三四五六日天月火水木金土월화수목금토일](?:曜日?|요일)?[)]"
_SIGNS = str.maketrans({"−": "-", "–": "-"})
_ABOUT = ("", "about", "大约", "大約", "约", "約")
#: What may be a score or the number of a page as well as a day.
_LOOSE = re.compile(r"\d{1,2}/\d{1,2}|\d-\d{1,2}|\d{1,2}-\d")
_BRACKETS = "[]()【】「」〔〕<>|·•-—, "

#: Two times at which nothing that depends on the time is the same; each has another 29 February before it.
_FAR_APART = (datetime(2020, 7, 15, 9, 30, tzinfo=UTC), datetime(2025, 1, 10, 21, 10, tzinfo=UTC))
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "mo": 30 * 86_400, "y": 365 * 86_400}
NOW = DatePattern(r"刚刚|刚才|剛剛|剛才|たった今|방금|just now|now|moments? ago|a moment ago|a few seconds ago")
_DAY_NAMES = "|".join(f"(?P<d{number}>{names})" for number, names in enumerate(DAYS))
_NAMED_DAY = rf"(?:{_DAY_NAMES})(?!\w)(?:,?\s(?:a las|às|alle|om|в|о|o|kl\.?))?{TIME}"
NAMED_DAY = DatePattern(_NAMED_DAY.replace(r"(?!\w)", ""))
YEARLESS = DatePattern(rf"(?P<month>\d{{1,2}})(?:[-/]|\s?[月월]\s?)(?P<day>\d{{1,2}})[日일]?{CJK_WEEKDAY}{TIME}")
_YEARLESS_NAMED = (
    DatePattern(rf"(?P<day>\d{{1,2}})(?:st|nd|rd|th|\.)?\s(?:de\s)?(?P<name>{_WORD})\.?{TIME}"),
    DatePattern(rf"(?P<name>{_WORD})\.?\s(?P<day>\d{{1,2}})(?:st|nd|rd|th|\.)?{TIME}"),
)
#: Dates without a year, and names of days, among other words: the second part only where a date is expected.
_NEAR = (
    rf"(?<![-/.\d])\d{{1,2}}(?:[-/]\d{{1,2}}\s|\s?[月월]\s?\d{{1,2}}\s?[日일]\s?){_HALF}\d{{1,2}}:\d{{2}}(?!\d)"
    r"|(?<![-/.\d])\d{1,2}\s?[月월]\s?\d{1,2}\s?[日일]"
    rf"|(?:{'|'.join(DAYS)})(?:,?\s?(?:at|um|à|a las|às|alle|om|в|о|o|kl\.?)?\s?){_HALF}\d{{1,2}}[:.]\d{{2}}(?!\d)"
)
_NEARER = (
    r"刚刚|刚才|剛剛|剛才|just now|今天|昨天|前天|今日|昨日|一昨日|오늘|어제|그저께|\btoday\b|\byesterday\b"
    r"|(?<![-/.\d])\d{2}[-/]\d{2}(?![-/.\d])"
    rf"|(?<!\d)\d{{1,2}}(?:st|nd|rd|th|\.)?\s{_WORD}(?!\w)|(?<!\w){_WORD}\.?\s\d{{1,2}}(?:st|nd|rd|th)?(?![\w:])"
)


def find_date(
    text: str, now: datetime, timezone: str | None, *, style: DateStyle = ANY_STYLE, sure: bool = False
) -> datetime | None:
    """Return the date in a text, aware and in UTC, or None where there is none.

    Args:
        text: text of an element of a page.
        now: the current time, aware; what ``昨天`` refers to.
        timezone: IANA name of the zone of dates without one; None: UTC.
        style: how the dates of its document are written.
        sure: nothing says that there is a date in the text: only what can be nothing else counts.
    """
    text = _plain(text)
    absolute = (match[0] for match in _pattern(_ABSOLUTE).finditer(text))
    for candidate in absolute if sure else _with_whole(text, absolute):
        if found := parse_date(candidate, timezone=timezone, style=style):
            return found
    near = (match[0] for match in _pattern(_NEAR if sure else f"{_NEAR}|{_NEARER}").finditer(text))
    bare = text.strip(_BRACKETS)
    for candidate in _with_whole("" if sure and _LOOSE.fullmatch(bare) else bare, near):
        if found := parse_relative(candidate, now, timezone=timezone, style=style):
            return found
    return _before(text, now)


def absolute_date(text: str, timezone: str | None, *, style: DateStyle = ANY_STYLE) -> datetime | None:
    """Return the date in a text, as `find_date` does, if it is the same whenever it is read; else None."""
    found, again = (find_date(text, day, timezone, style=style) for day in _FAR_APART)
    return found if found == again else None


def parse_relative(
    text: str, now: datetime, *, timezone: str | None = None, style: DateStyle = ANY_STYLE
) -> datetime | None:
    """Read a date as lists of news give it: ``3小时前``, ``昨天 14:42``, ``5 minutes ago``, ``06-29 14:42``.

    Args:
        text: the date as found.
        now: the time at which the page was read, aware.
        timezone: IANA name of the zone that the page's days are counted in; None: UTC.
        style: how the dates of its document are written.

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
        today = now.astimezone(where).date()
        if match := NAMED_DAY.fullmatch(text):
            found = match.groupdict()
            days = next(number for number in range(len(DAYS)) if found[f"d{number}"])
            return at(today - timedelta(days=days), found, where)
        if match := YEARLESS.fullmatch(text):
            found = match.groupdict()
            return _last(int(found["month"] or 0), found, today, where)
        for pattern in _YEARLESS_NAMED:
            match = pattern.fullmatch(text)
            if match and (month := month_by_name(match["name"], style.language)):
                return _last(month, match.groupdict(), today, where)
    except OverflowError:
        return None
    return _before(text, now, whole=True)


@cache
def _pattern(text: str) -> re.Pattern[str]:
    """Compile a pattern when it is first needed: most documents need none."""
    return re.compile(text, re.IGNORECASE)


@cache
def _ago() -> re.Pattern[str]:
    """Return the pattern of a number with its unit, and of what says that the time before now is meant."""
    units = "|".join(
        f"(?P<{unit}>{'|'.join(sorted(words.split(), key=len, reverse=True))})" for unit, words in UNITS.items()
    )
    number = (
        r"(?<![\d.,])(?P<number>\d{1,6})|(?<![\d一二两三四五六七八九十个個])(?P<half>半[个個]?)"
        rf"|(?<!\w)(?P<one>{ONE})(?=\s)|(?P<first>一)"
    )
    after = rf"{AGO_CLOSE}|(?:{AGO_AFTER})(?!\w)"
    return re.compile(
        rf"(?:(?<!\w)(?P<before>{AGO_BEFORE})\s)?(?:{number})\s?(?:{units})(?:\s?(?P<after>{after})|(?!\w))",
        re.IGNORECASE,
    )


def _plain(text: str) -> str:
    """Return the start of a text on one line, with the years of eras in ours, and without days of the week."""
    text = text[:_LOOKED_AT]
    if not text.isascii():
        text = _pattern(_WEEKDAY).sub(" ", unicodedata.normalize("NFKC", text).translate(_SIGNS))
        text = _pattern(_ERA_YEAR).sub(lambda match: str(ERAS[match[1]] + int(match[2].replace("元", "1"))), text)
    text = _pattern(_TAIWAN_YEAR).sub(lambda match: str(int(match[1]) + 1911), text)
    return " ".join(text.split())


def _with_whole(text: str, parts: Iterator[str]) -> Iterator[str]:
    """Return the whole text, then the parts that look like a date."""
    yield text
    yield from parts


def _before(text: str, now: datetime, *, whole: bool = False) -> datetime | None:
    """Return the time before now that a text names, such as ``2 years, 3 months ago``; with `whole`, all of it."""
    for chain in _chains(text):
        if chain[0]["before"] is None and chain[-1]["after"] is None:
            continue
        around = text[: chain[0].start()] + text[chain[-1].end() :]
        if whole and around.strip(" ") not in _ABOUT:
            return None
        try:
            return now.astimezone(UTC).replace(microsecond=0) - timedelta(seconds=int(sum(map(_length, chain))))
        except OverflowError:
            return None
    return None


def _chains(text: str) -> Iterator[list[re.Match[str]]]:
    """Return the numbers with their units, those that are one length of time together."""
    chain: list[re.Match[str]] = []
    for match in _ago().finditer(text):
        if chain:
            last = chain[-1]
            beside = _SEPARATORS.fullmatch(text, last.end(), match.start()) and last["after"] is None
            if not beside or _unit(match) >= _unit(last):
                yield chain
                chain = []
        chain.append(match)
    if chain:
        yield chain


def _length(match: re.Match[str]) -> float:
    """Return the seconds of a number with its unit."""
    return _unit(match) * (float(match["number"]) if match["number"] else 0.5 if match["half"] else 1.0)


def _unit(match: re.Match[str]) -> int:
    return next(seconds for unit, seconds in _SECONDS.items() if match[unit])


def _last(month: int, found: dict[str, str | None], today: date, where: tzinfo) -> datetime | None:
    """Return the last such day up to tomorrow (clocks may differ); there are 8 years between some leap days."""
    for year in range(today.year + 1, today.year - 9, -1):
        try:
            day = date(year, month, int(found["day"] or 0))
        except ValueError:
            continue
        if day <= today + timedelta(days=1):
            return at(day, found, where)
    return None
