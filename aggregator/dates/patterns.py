"""What dates in the wild look like: the patterns of `dates`, in one notation of named groups.

Groups: year, month, day, name (of a month), first and other (day and month in either order), week, weekday; hour,
minute, second, half and ampm (of the day), zone. All are meant for folded texts of at most 100 characters.
"""

from __future__ import annotations

import re

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
_CJK_WEEKDAY = (
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
        """As that of `re.Pattern`."""
        if self._compiled is None:
            self._compiled = re.compile(self._text, re.IGNORECASE)
        return self._compiled.fullmatch(text)


ISO = DatePattern(rf"(?P<year>\d{{4}})(?P<sep>[-/.])(?P<month>\d{{1,2}})(?P=sep)(?P<day>\d{{1,2}}){TIME}")
RFC = DatePattern(
    rf"{_WEEKDAY}(?P<day>\d{{1,2}})(?:st|nd|rd|th|er|\.|º)?[\s-]*(?:de\s)?(?P<name>{_WORD}{{3,12}})\.?,?[\s-]*(?:de\s)?"
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
        rf"{_CJK_WEEKDAY}{TIME}"
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

_UNIT = (
    r"(?:(?P<s>秒钟?|秒|seconds?|secs?|s)|(?P<m>分钟|分鐘|分|minutes?|mins?|m)|(?P<h>个?小时|個?小時|個?钟头|時間|hours?|hrs?|h)"
    r"|(?P<d>天|日|days?|d)|(?P<w>周|週|个?星期|个?礼拜|weeks?|wks?|w)|(?P<mo>个?月|個月|months?|mos?)|(?P<y>年|years?|yrs?|y))"
)
AGO = DatePattern(rf"(?:about |大?约|大約)?(?P<number>\d{{1,6}}|an?|one|半个?|一)\s?{_UNIT}(?:\s?(?:之?前|以前)|\sago)")
NOW = DatePattern(r"刚刚|刚才|剛剛|剛才|たった今|just now|now|moments? ago|a moment ago|a few seconds ago")
NAMED_DAY = DatePattern(
    rf"(?:(?P<d0>今天|今日|today)|(?P<d1>昨天|昨日|yesterday)|(?P<d2>前天|前日|一昨日|the day before yesterday)){TIME}"
)
YEARLESS = DatePattern(rf"(?P<month>\d{{1,2}})(?:[-/]|\s?月\s?)(?P<day>\d{{1,2}})日?{_CJK_WEEKDAY}{TIME}")
