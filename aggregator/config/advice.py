"""Advice on values of feeds.yaml that are not valid: what was probably meant, and how to write it.

A word in place of a tag, XPath in place of a selector, characters that look like others or cannot be seen. In: a value
that a check refuses. Out: the advice for its message. Pure, except for the list of time zones.
"""

from __future__ import annotations

import difflib
import functools
import re
import unicodedata
import zoneinfo
from encodings.aliases import aliases

#: What word processors, chats and input methods write, and what is meant.
_LOOKALIKES = {
    "\u201c": '"',
    "\u201d": '"',
    "\u201e": '"',
    "\u00ab": '"',
    "\u00bb": '"',
    "\u2018": "'",
    "\u2019": "'",
    "\uff1a": ":",
    "\uff0c": ",",
    "\uff0f": "/",
    "\uff1f": "?",
    "\uff02": '"',
    "\u2010": "-",
    "\u2011": "-",
    "\u2013": "-",
    "\u2014": "-",
    "\u2212": "-",
    "\uff0d": "-",
}
#: Ordinary spaces, and the joiners that some scripts need.
_ALLOWED = " \u200c\u200d"
_QUOTES = "\u201c\u201d\u201e\u00ab\u00bb\u2018\u2019"


def character_name(character: str) -> str:
    """Return the name of a character in messages: ``U+00A0 (no-break space)``."""
    name = unicodedata.name(character, "").lower()
    return f"U+{ord(character):04X} ({name})" if name else f"U+{ord(character):04X}"


def invisible_character(text: str) -> str | None:
    """Return the first character that is an unusual space or has no width, or None."""
    if text.isascii():
        return None
    return next((one for one in text if unicodedata.category(one) in ("Zs", "Cf") and one not in _ALLOWED), None)


def invisible_advice(text: str) -> str | None:
    """Give advice for a text with a character that `invisible_character` finds."""
    one = invisible_character(text)
    return f"it contains {character_name(one)}; remove it, or write an ordinary space" if one else None


def quotation_advice(text: str) -> str | None:
    """Give advice for a text that begins or ends with a typographic quotation mark."""
    ends = text.strip()
    one = next((end for end in (ends[:1], ends[-1:]) if end and end in _QUOTES), None)
    return f"the quotation marks are typographic (`{one}`); write `\"` or `'`" if one else None


def character_advice(text: str) -> str | None:
    """Give advice for a text that must be plain, and has a character that cannot be seen or looks like another one."""
    if text.isascii():
        return None
    alike = next((one for one in text if one in _LOOKALIKES), None)
    return (
        quotation_advice(text)
        or invisible_advice(text)
        or (f"it contains {character_name(alike)}; write `{_LOOKALIKES[alike]}`" if alike else None)
    )


_LANGUAGES = {
    "arabic": "ar",
    "chinese": "zh",
    "czech": "cs",
    "danish": "da",
    "deutsch": "de",
    "dutch": "nl",
    "english": "en",
    "español": "es",
    "finnish": "fi",
    "français": "fr",
    "french": "fr",
    "german": "de",
    "greek": "el",
    "hebrew": "he",
    "hindi": "hi",
    "italian": "it",
    "italiano": "it",
    "japanese": "ja",
    "korean": "ko",
    "mandarin": "zh",
    "norwegian": "no",
    "polish": "pl",
    "portuguese": "pt",
    "russian": "ru",
    "simplified chinese": "zh-Hans",
    "spanish": "es",
    "swedish": "sv",
    "traditional chinese": "zh-Hant",
    "turkish": "tr",
    "ukrainian": "uk",
    "vietnamese": "vi",
    "中文": "zh",
    "简体中文": "zh-Hans",
    "繁體中文": "zh-Hant",
    "日本語": "ja",
    "한국어": "ko",
}
#: Cities and abbreviations that are not in the time zone database.
_ZONES = {
    "asia/beijing": "Asia/Shanghai",
    "beijing": "Asia/Shanghai",
    "bst": "Europe/London",
    "cest": "Europe/Berlin",
    "china": "Asia/Shanghai",
    "ist": "Asia/Kolkata",
    "jst": "Asia/Tokyo",
    "pdt": "America/Los_Angeles",
    "pst": "America/Los_Angeles",
    "edt": "America/New_York",
    "cst": "America/Chicago` or `Asia/Shanghai",
    "local": "UTC",
    "utc+0": "UTC",
    "z": "UTC",
}
_OFFSET = re.compile(r"(?:utc|gmt)?\s?([+-])0?([0-9]{1,2})(?::?00)?", re.IGNORECASE)
_UNITS = {"s": "s", "sec": "s", "second": "s", "m": "m", "min": "m", "minute": "m", "h": "h", "hr": "h", "hour": "h"}
_UNITS |= {"d": "d", "day": "d", "w": "w", "wk": "w", "week": "w"}
_UNITS |= {"month": "month", "mo": "month", "year": "year", "y": "year", "yr": "year"}
#: Days.
_LONG = {"month": 30, "year": 365}
_PART = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*([a-z]{1,10})")
_DURATION = re.compile(rf"(?:every )?{_PART.pattern}(?:(?:,? |, ?and | and |){_PART.pattern}){{0,4}}\.?")
_EVERY = {"minutely": "1m", "hourly": "1h", "daily": "1d", "weekly": "1w", "every minute": "1m", "every hour": "1h"}
_NEVER = ("manual", "manually", "never", "off", "none", "disabled")
#: ISO 8601, section 5.5.2, without months, which have no fixed length.
_ISO = re.compile(r"p(?:([0-9]{1,4}w)|([0-9]{1,4}d)?(?:t([0-9]{1,4}h)?([0-9]{1,4}m)?([0-9]{1,6}s)?)?)")
_COMMA = re.compile(r"([0-9]{1,4}),([0-9]{1,2})\s*(w|d|h|m|s)")
_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{2})")
_EVERY |= {f"@{name}": every for name, every in _EVERY.items()} | {"every day": "1d", "@midnight": "1d"}
_SIZE = re.compile(
    r"([0-9]{1,12}(?:\.[0-9]{1,9})?)\s*([kmg])i?(?:b|bytes?|ilobytes?|egabytes?|igabytes?)?", re.IGNORECASE
)
_XPATH = re.compile(r"\.{0,2}//?[\w*.]|[^\"']*(?:/@|/text\(\)|\[@|\w/\w)|(?:child|descendant|following-sibling)::")
#: Pseudo-elements that other scrapers accept.
_PSEUDO = re.compile(r"(.{0,400}?)\s*::(?:attr|text)\b")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,20}):?/{0,3}")
_HOST = re.compile(r"(?:[\w-]{1,63}\.)+[\w-]{2,63}(?::[0-9]{1,5})?(?:[/?#].*)?|localhost(?::[0-9]{1,5})?(?:/.*)?")


def language_advice(value: object) -> str | None:
    """Give advice for what is not a language tag."""
    if not isinstance(value, str):
        return None
    found = _LANGUAGES.get(value.strip().lower())
    if found is None and "_" in value:
        found = value.partition(".")[0].replace("_", "-")
    return f"did you mean `{found[:20]}`?" if found else None


@functools.lru_cache(maxsize=1024)
def zone_advice(value: str) -> str | None:
    """Give advice for what is not the name of a time zone."""
    if len(value) > 60:
        return None
    word = value.strip().lower().replace(" ", "_")
    if found := _ZONES.get(word):
        return f"did you mean `{found}`?"
    if (match := _OFFSET.fullmatch(value.strip())) and int(match[2]) <= 14:
        # The signs in these names are inverted, as in POSIX.
        turned = "-" if match[1] == "+" else "+"
        return f"did you mean `Etc/GMT{turned}{match[2]}` (its sign is inverted)?"
    names, cities = _zones()
    near = difflib.get_close_matches(word, [*names, *cities], n=1, cutoff=0.75)
    return f"did you mean `{names[cities.get(near[0], near[0])]}`?" if near else None


@functools.lru_cache(maxsize=1024)
def encoding_advice(value: str) -> str | None:
    """Give advice for what is not the name of an encoding."""
    if len(value) > 60:
        return None
    if value.lower().startswith("utf8"):
        return "did you mean `utf-8`?"
    word = value.lower().replace("-", "_").replace(" ", "_")
    near = difflib.get_close_matches(word, [*aliases, *aliases.values()], n=1, cutoff=0.7)
    return f"did you mean `{near[0].replace('_', '-')}`?" if near else None


def duration_advice(value: object) -> str | None:
    """Give advice for a duration in another form: ``1 hour``, ``30 min``, ``daily``."""
    if not isinstance(value, str) or len(value) > 60:
        return None
    word = " ".join(value.lower().split())
    if word in _EVERY:
        return f"write `{_EVERY[word]}`"
    if match := _COMMA.fullmatch(word):
        return f"write `{match[1]}.{match[2]}{match[3]}`"
    if (match := _ISO.fullmatch(word)) and any(match.groups()):
        return f"write `{''.join(filter(None, match.groups()))}`"
    if word.endswith("ms") and word[:-2].strip().isdecimal():
        return f"write `{max(1, -(-int(word[:-2]) // 1000))}s`, in whole seconds"
    if not _DURATION.fullmatch(word):
        return None
    found = [
        (number, _UNITS.get(unit) or _UNITS.get(unit.removesuffix("s") if len(unit) > 2 else ""))
        for number, unit in _PART.findall(word)
    ]
    if len(found) == 1 and found[0][1] in _LONG and "." not in found[0][0] and len(found[0][0]) < 3:
        return f"write `{int(found[0][0]) * _LONG[found[0][1]]}d`"
    return f"write `{''.join(f'{number}{unit}' for number, unit in found)}`" if _in_order(found) else None


def interval_advice(value: object) -> str | None:
    """Give advice for a word or a time of day as an interval: ``never``, ``07:00``."""
    if not isinstance(value, str):
        return None
    word = value.strip().lower()
    if word in _NEVER:
        return "to stop fetching a source for now, give it `paused: true`"
    match = _CLOCK.fullmatch(word)
    if not match or int(match[1]) > 23 or int(match[2]) > 59:
        return None
    hour, minute = int(match[1]), int(match[2])
    length = (f"{hour}h" if hour else "") + (f"{minute}m" if minute else "")
    daily = f"`{minute} {hour} * * *` to fetch daily at that time"
    return f"write {daily}, or `{length}` for a duration" if length else f"write {daily}"


@functools.cache
def _zones() -> tuple[dict[str, str], dict[str, str]]:
    """Return the names of all zones by their lower-case form, and these by city."""
    names = {name.lower(): name for name in sorted(zoneinfo.available_timezones())}
    return names, {name.rpartition("/")[2]: name for name in names if "/" in name}


def _in_order(parts: list[tuple[str, str | None]]) -> bool:
    places = ["wdhms".find(unit or "?") for _, unit in parts]
    return -1 not in places and places == sorted(set(places))


def size_advice(value: object) -> str | None:
    """Give advice for a size in another form: ``15M``, ``15 mb``."""
    match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) and len(value) <= 60 else None
    if match is None:
        return None
    return f"write `{match[1]}{ {'k': 'k', 'm': 'M', 'g': 'G'}[match[2].lower()] }B`"


def misread_selector(css: str) -> str | None:
    """Give advice for a valid selector that was probably meant otherwise."""
    return quotation_advice(css) or (None if '"' in css or "'" in css else invisible_advice(css))


def selector_advice(css: str, *, xpath: bool) -> str | None:
    """Give advice for what is not a selector.

    Args:
        css: the selector.
        xpath: whether it might be XPath as well, if it began so.
    """
    if _XPATH.match(css):
        if xpath:
            return f"if it is XPath, begin it with `xpath:`, as in `xpath:{css[:60]}`"
        return "it looks like XPath; write a CSS selector such as `div.list > a`"
    if match := _PSEUDO.match(css):
        return f"it must name an element; write `{match[1] or '*'}` alone"
    if css.startswith("<"):
        name = css.strip("<>/ ").split(" ")[0][:20] or "a"
        return f"it is markup; write the name of the element alone, such as `{name}`"
    return None


def scheme_advice(url: str) -> str:
    """Give advice, ``; …``, for an address that does not begin with ``https://``; empty where there is none."""
    if url.lower().startswith(("http:\\", "https:\\")):
        return "; write `/` in place of `\\`"
    if url.startswith(("<", "[")):
        return "; remove the characters around the address"
    if _HOST.fullmatch(url):
        return f"; write `https://{url[:200]}`"
    match = _SCHEME.match(url)
    near = match and difflib.get_close_matches(match[1].lower(), ["http", "https"], n=1, cutoff=0.7)
    if match and near and _HOST.fullmatch(url, match.end()):
        return f"; write `{near[0]}://{url[match.end() :][:200]}`"
    if url.startswith(("/", "./", "~", "file:")):
        return "; files cannot be fetched; serve it with a web server"
    if url.lower().startswith("rsshub:"):
        return "; write `rsshub: …` in place of `feed: …`"
    if url.lower().startswith("socks"):
        return "; only HTTP proxies are supported"
    if odd := character_advice(url):
        return f": {odd}"
    return "; only HTTP is supported" if "://" in url else ""
