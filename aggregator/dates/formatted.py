"""Dates that are written as feeds.yaml says: in codes of `strptime`, or as Unix time. Pure.

In: a text. Out: ISO 8601 with its offset; or, where the format names no year or no day at all, a text that
`relative.find_date` reads when the time is known. Names of months and days are English, whatever the locale.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from aggregator.dates.formats import fold, zone

UNIX = {"unix": 1, "unix_ms": 1000}
"""Formats of Unix time, and what one second is in them."""

_CODE = re.compile(r"%(.?)", re.DOTALL)
_YEAR, _DAY, _CLOCK = frozenset("YyGcx"), frozenset("dmbBjcxUWVu"), frozenset("HIMScX")
_NUMBER = re.compile(r"\d{1,15}(?:\.\d{0,9})?")
#: How other programs write formats, the longest first.
_OTHERS = {"YYYY": "%Y", "yyyy": "%Y", "MMMM": "%B", "MMM": "%b", "MM": "%m", "DD": "%d", "dd": "%d", "HH": "%H"}
_OTHERS |= {"hh": "%I", "mm": "%M", "ss": "%S", "YY": "%y", "yy": "%y", "A": "%p"}
_OTHER = re.compile("|".join(_OTHERS))
#: A leap year, so that 29 February is read before its year is known.
_LEAP_YEAR = 2000


def check_format(written: str) -> None:
    """Check a format.

    Raises:
        ValueError: it is none; a sentence that completes "`key` …".
    """
    if written in UNIX:
        return
    codes = _codes(written)
    if not codes:
        meant = _OTHER.sub(lambda match: _OTHERS[match[0]], written)
        hint = f"write `{meant}`" if "%" in meant else "write one such as `%d.%m.%Y %H:%M`, or `unix`"
        raise ValueError(f"`{written}` has no codes of `strptime`; {hint}")
    if "s" in codes:
        raise ValueError("has the code `%s`, which `strptime` lacks; write `unix` alone")
    if "-" in codes:
        raise ValueError("has a code with `-`; leave the `-` out: `%d` reads one digit as well")
    if "Z" in codes:
        raise ValueError("has the code `%Z`, which names no offset; leave the name out by `regex`, and set `timezone`")
    if codes.isdisjoint(_DAY | _YEAR | _CLOCK):
        raise ValueError(f"`{written}` has neither a day nor a time")
    try:
        _strptime("", written)
    except re.error:
        raise ValueError(f"`{written}` names a part of the date twice") from None
    except ValueError as error:
        if "does not match" not in str(error):
            raise ValueError(f"`{written}` is not a format of `strptime`: {error}") from None


def read_as(text: str, written: str, timezone: str | None) -> str | None:
    """Read a date in the format that it is written in, all of the text; None where it is not written so.

    Args:
        text: the date as found.
        written: a format that `check_format` accepts.
        timezone: IANA name of the zone of dates without one; None: UTC.
    """
    text, codes = fold(text), _codes(written)
    try:
        found = _unix(text, UNIX[written]) if written in UNIX else _strptime(text, fold(written))
        if found is None:
            return None
        where = zone(timezone)
        if written in UNIX or codes & _YEAR:
            found = (found if found.tzinfo else found.replace(tzinfo=where)).astimezone(UTC).replace(microsecond=0)
            return found.isoformat() if found.year >= 1970 else None
        found = found.astimezone(where) if found.tzinfo else found
    except (ValueError, OverflowError, OSError, re.error):
        return None
    clock = f"{found.hour:02}:{found.minute:02}"
    return f"{found.month:02}-{found.day:02} {clock}" if codes & _DAY else f"today {clock}"


def _codes(written: str) -> frozenset[str]:
    return frozenset(_CODE.findall(written)) - {"%"}


def _strptime(text: str, written: str) -> datetime:
    if _codes(written) & _YEAR:
        return datetime.strptime(text, written)
    # A day without a year is read in the last leap year, in which there are all days.
    return datetime.strptime(f"{text} {_LEAP_YEAR}", f"{written} %Y")


def _unix(text: str, second: int) -> datetime | None:
    return datetime.fromtimestamp(int(float(text) / second), UTC) if _NUMBER.fullmatch(text) else None
