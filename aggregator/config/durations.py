"""Durations and sizes as people write them: ``90s``, ``1h30m``, ``15MB``. Pure."""

from __future__ import annotations

import re
from datetime import timedelta

from aggregator.config.problems import show
from aggregator.config.wording import duration_advice, size_advice

DURATION_PATTERN = r"^([0-9]+(\.[0-9]+)?(w|d|h|m|s))+$"
"""What a duration looks like, as a JSON Schema pattern (ECMA-262)."""

SIZE_PATTERN = r"^[0-9]+(\.[0-9]+)? ?([kKMG]i?)?B$"
"""What a size looks like, as a JSON Schema pattern (ECMA-262)."""

_SECONDS = {"w": 604_800, "d": 86_400, "h": 3600, "m": 60, "s": 1}
_BYTES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 2**10, "mi": 2**20, "gi": 2**30}
_LONGEST_TEXT = 40
_LONGEST = timedelta(days=366)
_LARGEST = 10**9

_DURATION = re.compile(DURATION_PATTERN.strip("^$"))
_DURATION_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(w|d|h|m|s)")
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([kKMG]i?)?B")


def parse_duration(value: object) -> timedelta:
    """Read a duration such as ``20m``, ``1h30m``, ``2d``; whole seconds, 1 s to 366 days.

    Raises:
        ValueError: it is none; the message says how to write one.
    """
    if isinstance(value, timedelta):
        return value
    if _is_number(value):
        if float(str(value)) <= 0:
            raise ValueError(f"`{value}` is too short; the shortest is `1s`")
        raise ValueError(f"`{value}` has no unit; write `{value}s`, `{value}m` or `{value}h`")
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT or not _DURATION.fullmatch(value):
        hint = duration_advice(value)
        example = "must be a duration such as `90s`, `20m`, `1h`, `1h30m`, `2d` or `1w`"
        raise ValueError(f"{show(value)} is no duration; {hint}" if hint else example)
    parts = _DURATION_PART.findall(value)
    units = [unit for _, unit in parts]
    if units != sorted(set(units), key="wdhms".index):
        raise ValueError("must name each unit once, the largest first, such as `1h30m`")
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    if not 1 <= seconds <= _LONGEST.total_seconds():
        raise ValueError("must be between `1s` and `366d`")
    return timedelta(seconds=round(seconds))


def parse_size(value: object) -> int:
    """Read a size such as ``15MB`` (powers of 1000) or ``1MiB`` (powers of 1024) as bytes, 1 to 1,000,000,000.

    Raises:
        ValueError: it is none; the message says how to write one.
    """
    if _is_number(value):
        raise ValueError(f"`{value}` has no unit; write `{value}B`, `{value}kB` or `{value}MB`")
    match = _SIZE.fullmatch(value) if isinstance(value, str) and len(value) <= _LONGEST_TEXT else None
    if match is None:
        hint = size_advice(value)
        example = "must be a size such as `500kB`, `15MB` or `1MiB`"
        raise ValueError(f"{show(value)} is no size; {hint}" if hint else example)
    size = round(float(match[1]) * _BYTES[(match[2] or "").lower()])
    if not 1 <= size <= _LARGEST:
        raise ValueError("must be between `1B` and `1GB`")
    return size


def _is_number(value: object) -> bool:
    """Whether somebody wrote a bare number; quoted ones count."""
    if isinstance(value, str):
        return value.isdecimal() and value.isascii() and len(value) <= _LONGEST_TEXT
    return isinstance(value, int | float) and not isinstance(value, bool)
