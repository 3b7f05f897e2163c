"""The formats of dates in feeds and on pages, parsed into aware datetimes in UTC with whole seconds.

In: text. Out: a datetime, or None for what is no date or cannot be one (30 February, hour 25, an offset beyond
14 hours, anything before 1970). No text raises, the locale plays no part, and every pattern runs in linear time.

Formats: RFC 822, 2822 and 850 with their common errors, asctime, ISO 8601 and W3CDTF, Chinese, Japanese and Korean
dates, German and American ones, JavaScript's, Unix time in seconds or milliseconds; names of months in some forty
languages. How ``06/05/2022`` is read depends on the other dates of the document (`style_of`), else on its language;
without either, it is read the American way.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from datetime import timezone as fixed_zone
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from aggregator.dates.vocabulary import AFTERNOON, MONTHS, MORNING, NOON, ZONES, month_of

_MAX_LENGTH = 100
_LARGEST_OFFSET = timedelta(hours=14)

_QUICK = re.compile(
    r"(?:[A-Za-z]{3}, )?(\d{1,2}) ([A-Za-z]{3}) (\d{4}) (\d\d):(\d\d):(\d\d) (?:GMT|([+-])(\d\d)([0-5]\d))"
)
#: Languages that begin with the month; those that begin with the year say nothing; all others begin with the day.
_MONTH_FIRST = frozenset({"en-us", "en-ph", "es-us", "es-pr", "fil", "fil-ph"})
_YEAR_FIRST = frozenset({"zh", "ja", "ko", "hu", "lt", "mn", "sv", "eu"})
_UNSURE = frozenset({"en", "en-ca", "fr-ca", "en-za"})
_UNIX = re.compile(r"(\d{9,10})(?:\.\d{0,9})?|(\d{12,13})")
_COMMENT = re.compile(r"\s*(?:\([^()]*\)|\[[^\[\]]*\])$")
_ZONE_PARTS = re.compile(r"([a-z]*)\s?(?:([+-])(\d{1,2}):?(\d{2})?)?", re.IGNORECASE)
_SIGNS = str.maketrans({"−": "-", "–": "-", "。": ".", "\u3000": " ", "\xa0": " "})

# The groups of all patterns have the same names: year, month, day, name (of a month), first and other (day and month in
# either order), week, weekday; hour, minute, second, half and ampm (of the day), zone. They are for folded texts of at
# most `_MAX_LENGTH` characters.
_HALF = r"(?:(?P<half>上午|下午|凌晨|早上|早晨|清晨|中午|傍晚|晚上|晚间|夜里|午前|午後|오전|오후)\s*)?"
_CLOCK = (
    r"(?P<hour>\d{1,2})(?:\s?[:h时時点點시]\s?|\.(?=\d\d(?!\d)))(?P<minute>\d{1,2})[分분]?"
    r"(?:\s?[:.分]?(?P<second>\d{1,2})[秒초]?(?:[.,:]\d{1,12})?)?"
    r"(?:\s*(?P<ampm>[ap]\.?m\b\.?))?(?:\s*(?:uhr|hrs?)\b)?"
)
_ZONE = (
    r"(?:\s*(?P<zone>[+-]\d{1,2}(?::?\d{2})?(?=z?(?:$|\s))|(?:gmt|utc?|z)?[+-]\d{1,2}(?::?\d{2})?|[a-z]{1,5}(?![a-z+-])"
    r"|(?:gmt|utc?)\s[+-]\d{1,2}(?::?\d{2})?|[a-z]{2,20}(?:/[a-z_+-]{2,30}){1,2})(?:(?<=\d)(?:z|\s[a-z]{2,5}))?)?"
)
#: A time of day with its zone, or nothing.
TIME = rf"(?:[T,]?\s*(?:at\s|um\s|à\s|-\s)?\s*{_HALF}{_CLOCK}{_ZONE})?"
_WORD = r"[^\W\d_]"
#: A whole word: half of a month's name is no day.
_WEEKDAY = rf"(?:{_WORD}{{2,15}}(?!{_WORD})\.?\s?,?\s*)?"
CJK_WEEKDAY = (
    r"(?:\s*[(]?(?:星期|周|週|礼拜)?[一二三四五六日天月火水木金土월화수목금토일](?:曜日?|요일)?"
    r"(?:[)]|(?=\s|$|\d|[上下凌早清中傍晚夜午오])))?"
)


class DatePattern:
    """A pattern for whole texts, compiled when it is first needed: nearly all feeds need none of them.

    Args:
        text: the regular expression; case is ignored.
    """

    __slots__ = ("_compiled", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._compiled: re.Pattern[str] | None = None

    def fullmatch(self, text: str) -> re.Match[str] | None:
        """Match like `re.Pattern.fullmatch`."""
        if self._compiled is None:
            self._compiled = re.compile(self._text, re.IGNORECASE)
        return self._compiled.fullmatch(text)


ISO = DatePattern(rf"(?P<year>\d{{4}})(?P<sep>[-/.])(?P<month>\d{{1,2}})(?P=sep)(?P<day>\d{{1,2}}){TIME}")
RFC = DatePattern(
    rf"{_WEEKDAY}(?P<day>\d{{1,2}})(?:st|nd|rd|th|er|\.|º)?[\s-]*(?:(?:de|of)\s)?(?P<name>{_WORD}{{3,12}})\.?,?[\s-]*(?:del?\s)?"
    rf"(?P<year>\d{{4}}|\d{{2,3}}(?=\s|$))(?:,?\s+{TIME})?"
)
#: A date whose day and month could be told apart by the numbers only.
EITHER = re.compile(r"(?<![\d/-])(\d{1,2})([/-])(\d{1,2})\2(?:\d{4}|\d{2})(?![\d/-])")
#: Tried in this order; no text fits two of them with different meanings.
PATTERNS = (
    ISO,
    RFC,
    DatePattern(
        rf"{_WEEKDAY}(?P<name>{_WORD}{{3,12}})\.?\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<year>\d{{4}}){TIME}"
    ),
    DatePattern(
        rf"{_WORD}{{3}}\s+(?P<name>{_WORD}{{3}})\s+(?P<day>\d{{1,2}})\s+{_CLOCK}{_ZONE}\s+(?P<year>\d{{4}})"  # asctime
    ),
    DatePattern(
        r"(?P<year>\d{4})\s?[年년]\s?(?P<month>\d{1,2})\s?[月월]\s?(?P<day>\d{1,2})\s?[日号號일]?"
        rf"{CJK_WEEKDAY}{TIME}"
    ),
    DatePattern(rf"(?P<year>\d{{4}})\.\s?(?P<month>\d{{1,2}})\.\s?(?P<day>\d{{1,2}})\.?{TIME}"),
    DatePattern(
        rf"{_WEEKDAY}(?P<day>\d{{1,2}})\.\s?(?P<month>\d{{1,2}})\.\s?(?P<year>\d{{4}}|\d{{2}}(?=[\s,]|$)){TIME}"
    ),
    DatePattern(rf"{_WEEKDAY}(?P<first>\d{{1,2}})(?P<sep>[/-])(?P<other>\d{{1,2}})(?P=sep)(?P<year>\d{{4}}){TIME}"),
    DatePattern(
        r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})"
        rf"(?:T?(?P<hour>\d{{2}})(?P<minute>\d{{2}})(?P<second>\d{{2}})?{_ZONE})?"
    ),
    DatePattern(r"(?P<year>\d{4})-(?P<month>\d{2})"),
    DatePattern(r"(?P<year>\d{4})-?W(?P<week>\d{2})(?:-?(?P<weekday>[1-7]))?"),
)


@dataclass(frozen=True, slots=True)
class DateStyle:
    """How the dates of one document are written."""

    #: Tag of the language of the document, for names of months that several languages have.
    language: str | None = None
    #: Whether ``06/05/2022`` is a day in May; None: nothing says so.
    day_first: bool | None = None


#: Where nothing is known of it.
ANY_STYLE = DateStyle()


def style_of(texts: Iterable[str | None], language: str | None) -> DateStyle:
    """Find out how the dates of one document are written: 25/02 shows how 05/02 is meant.

    Args:
        texts: all its dates, as found.
        language: the tag of its language, or None.

    Returns:
        The style. Where some dates say this and some that, or none says anything, the language decides; where it is
        not known, nothing does.
    """
    first = other = False
    for text in texts:
        # Nearly all dates are ISO 8601 or have no slash.
        if text is not None and text[4:5] != "-" and ("/" in text or "-" in text) and len(text) <= _MAX_LENGTH:
            match = EITHER.search(text)
            if match is not None:
                first = first or int(match[1]) > 12
                other = other or int(match[3]) > 12
    if first != other:
        return DateStyle(language, day_first=first)
    tag = "" if language is None else language.strip().replace("_", "-").lower()
    if not tag or tag in _UNSURE or tag.partition("-")[0] in _YEAR_FIRST:
        return DateStyle(language)
    return DateStyle(language, day_first=tag not in _MONTH_FIRST)


def parse_date(text: str, *, timezone: str | None = None, style: DateStyle = ANY_STYLE) -> datetime | None:
    """Read a date.

    Args:
        text: the date as found.
        timezone: IANA name of the zone of dates that name none; None: UTC.
        style: how the dates of its document are written.

    Returns:
        The instant, in UTC with whole seconds, or None. A date far in the future is returned as it is.

    Raises:
        zoneinfo.ZoneInfoNotFoundError: `timezone` is no zone.
    """
    text = fold(text)
    if not text:
        return None
    if quick := _quick(text):
        return quick
    if text[0].isdigit():
        if match := _UNIX.fullmatch(text):
            return _unix(match)
        match = ISO.fullmatch(text)
    else:
        match = RFC.fullmatch(text)
    if match is None:
        text = _COMMENT.sub("", text)
        match = next((found for pattern in PATTERNS if (found := pattern.fullmatch(text))), None)
    if match is None:
        return None
    groups = match.groupdict()
    day = _day(groups, style)
    return None if day is None else _instant(day, groups, timezone)


def fold(text: str) -> str:
    """Return the text on one line, with ASCII digits and signs; "" where it is too long to be a date."""
    text = text.strip()
    if len(text) > _MAX_LENGTH:
        return ""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).translate(_SIGNS)
    return " ".join(text.split())


@cache
def zone(name: str | None) -> tzinfo:
    """Return the zone of an IANA name; UTC for None."""
    return UTC if name is None else ZoneInfo(name)


def at(day: date, found: dict[str, str | None], where: tzinfo) -> datetime | None:
    """Return the instant of a time of day as the patterns have found it (midnight where there is none), in UTC."""
    hour, minute, second = (int(found.get(part) or 0) for part in ("hour", "minute", "second"))
    half = (found.get("half") or found.get("ampm") or "").lower()
    half = {"a": "am", "p": "pm"}.get(half[:1], half)
    if (half in AFTERNOON and hour < 12) or (half in NOON and hour < 11):
        hour += 12
    elif half in MORNING and hour == 12:
        hour = 0
    if hour > 24 or minute > 59 or second > 60 or (hour == 24 and (minute or second)):
        return None
    try:
        # 24:00 is the next day's midnight (ISO 8601), :60 a leap second: both carry over.
        local = datetime(day.year, day.month, day.day, tzinfo=where) + timedelta(hours=hour, minutes=minute)
        return local.astimezone(UTC) + timedelta(seconds=second)
    except (OverflowError, ValueError):
        return None


def _quick(text: str) -> datetime | None:
    """Read the two forms that nearly all feeds use, without the general patterns."""
    try:
        if text[4:5] == "-" and text[10:11] == "T":
            instant = datetime.fromisoformat(text)
            offset = instant.utcoffset()
            if offset is None or abs(offset) > _LARGEST_OFFSET:
                return None
            instant = instant.astimezone(UTC).replace(microsecond=0)
        elif match := _QUICK.fullmatch(text):
            day, name, year, hour, minute, second, sign, hours, minutes = match.groups()
            clock = (int(hour), int(minute), int(second))
            instant = datetime(int(year), MONTHS[name.lower()], int(day), *clock, tzinfo=UTC)
            if sign:
                offset = timedelta(hours=int(hours), minutes=int(minutes))
                if offset > _LARGEST_OFFSET:
                    return None
                instant = instant + offset if sign == "-" else instant - offset
        else:
            return None
    except (ValueError, KeyError, OverflowError):
        return None
    return instant if instant.year >= 1970 else None


def _instant(day: date, found: dict[str, str | None], timezone: str | None) -> datetime | None:
    named = found.get("zone")
    where = zone(timezone) if named is None else _named_zone(named, timezone)
    if where is None:
        return None
    instant = at(day, found, where)
    return instant if instant is not None and instant.year >= 1970 else None


def _unix(match: re.Match[str]) -> datetime:
    seconds, milliseconds = match.groups()
    return datetime.fromtimestamp(int(seconds) if seconds else int(milliseconds) // 1000, UTC)


def _day(found: dict[str, str | None], style: DateStyle) -> date | None:
    year = _year(found["year"] or "")
    try:
        if found.get("week"):
            return date.fromisocalendar(year, int(found["week"] or 1), int(found.get("weekday") or 1))
        if found.get("first"):
            first, other = int(found["first"] or 0), int(found["other"] or 0)
            day_first = other <= 12 if first > 12 else style.day_first and other <= 12
            return date(year, other, first) if day_first else date(year, first, other)
        month = month_by_name(found["name"] or "", style.language) if "name" in found else int(found["month"] or 0)
        return date(year, month, int(found.get("day") or 1))
    except (ValueError, OverflowError):
        return None


def _year(digits: str) -> int:
    """RFC 2822, section 4.3: two digits below 50 are this century, others and three digits the last."""
    year = int(digits)
    if len(digits) == 2:
        return year + (2000 if year < 50 else 1900)
    return year + 1900 if len(digits) == 3 else year


def month_by_name(name: str, language: str | None) -> int:
    """Return the number of a month's name; 0 for any other word."""
    name = name.lower()
    if found := MONTHS.get(name):
        return found
    bare = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    bare = unicodedata.normalize("NFC", bare)
    return MONTHS.get(bare) or month_of(bare, language)


def _place(name: str) -> tzinfo | None:
    """Return the zone of an IANA name, or None where there is no such zone."""
    try:
        return zone(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _named_zone(text: str, timezone: str | None) -> tzinfo | None:
    if "/" in text:
        return _place(text) or zone(timezone)
    match = _ZONE_PARTS.fullmatch(text)
    if match is None:
        return None
    name, sign, hours, minutes = match.groups()
    if sign:
        offset = timedelta(hours=int(hours), minutes=int(minutes or 0))
        if offset > _LARGEST_OFFSET or int(minutes or 0) > 59:
            return None
        return fixed_zone(-offset if sign == "-" else offset)
    name = name.lower()
    if name == "cst" and timezone is not None and timezone.startswith("Asia/"):
        return zone(timezone)
    # Other names, the military letters among them, say nothing (RFC 2822, section 4.3).
    return zone(timezone) if name not in ZONES else fixed_zone(timedelta(minutes=ZONES[name]))
