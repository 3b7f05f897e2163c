"""`interval` in feeds.yaml, how often a source is fetched: a word, a mapping, or a duration such as ``1h30m``. Pure."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import Field, PlainValidator, WithJsonSchema, model_validator

from aggregator.config.advice import duration_advice, interval_advice
from aggregator.config.fields import MAX_NUMBER, Maybe, Section, TimeZone, checked, is_bare_number
from aggregator.config.problems import show
from aggregator.models import Auto, Cron, Every, Interval
from aggregator.schedule import check_cron

_DURATION_PATTERN = r"^([0-9]+(\.[0-9]+)?(w|d|h|m|s))+$"
_DURATION = re.compile(_DURATION_PATTERN.strip("^$"))
_DURATION_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(w|d|h|m|s)")
_SECONDS = {"w": 604_800, "d": 86_400, "h": 3600, "m": 60, "s": 1}
_LONGEST = timedelta(days=366)

AUTO = "auto"
#: Five fields, as far as a pattern can express it.
_CRON_PATTERN = r"^\s*\S+(\s+\S+){4}\s*$"
SHORT_FORM: dict[str, Any] = {
    "type": "string",
    "anyOf": [{"pattern": _DURATION_PATTERN}, {"const": AUTO}, {"pattern": _CRON_PATTERN}],
}
"""The JSON Schema of an interval that is not a mapping."""
NAMES = ("every", "cron", AUTO)
"""The keys of which an interval has exactly one."""
#: What was meant as a cron expression, with any number of fields.
_CRON = re.compile(r"\s*[0-9*][0-9*/,-]{0,60}(?:\s+[0-9*?][\w*/,#?-]{0,60}){2,9}\s*")
_MISSING = "needs one of `every`, `cron` and `auto: true`"
_NOT_INTERVAL = "must be a duration such as `30m`, `auto`, or a cron expression such as `0 7 * * *`"


def parse_duration(value: object) -> timedelta:
    """Read a duration such as ``20m``, ``1h30m``, ``2d``.

    Returns:
        Whole seconds, 1 s to 366 days.

    Raises:
        ValueError: it is not a duration; the message says how to write one.
    """
    if isinstance(value, timedelta):
        return value
    if is_bare_number(value):
        if float(str(value)) <= 0:
            raise ValueError(f"`{value}` is too short; the shortest is `1s`")
        raise ValueError(f"`{value}` has no unit; write `{value}s`, `{value}m` or `{value}h`")
    if not isinstance(value, str) or len(value) > MAX_NUMBER or not _DURATION.fullmatch(value):
        hint = duration_advice(value)
        example = "must be a duration such as `90s`, `20m`, `1h`, `1h30m`, `2d` or `1w`"
        raise ValueError(f"{show(value)} is not a duration; {hint}" if hint else example)
    parts = _DURATION_PART.findall(value)
    units = [unit for _, unit in parts]
    if units != sorted(set(units), key="wdhms".index):
        raise ValueError("must name each unit once, the largest first, such as `1h30m`")
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    if not 1 <= seconds <= _LONGEST.total_seconds():
        raise ValueError("must be between `1s` and `366d`")
    return timedelta(seconds=round(seconds))


def cron(value: object) -> str:
    """Check a cron expression of five fields; its time zone is a separate key."""
    if not isinstance(value, str):
        raise ValueError(f"{show(value)} is not a cron expression; write five fields in quotes, such as `0 7 * * *`")
    count = len(value.split())
    if _CRON.fullmatch(value) and count != 5:
        fields = f"{show(value)} has {count} fields, not five: minute, hour, day of month, month, day of week"
        raise ValueError(fields + ("; remove the first one, if it is for seconds" if count == 6 else ""))
    check_cron(value, "UTC")
    return value.strip()


Duration = Annotated[timedelta, *checked(parse_duration, pattern=_DURATION_PATTERN)]
CronExpression = Annotated[str, PlainValidator(cron), WithJsonSchema({"type": "string", "pattern": _CRON_PATTERN})]


class IntervalSettings(Section):
    """How often a source is fetched: exactly one of `every`, `cron` and `auto`, with its limits."""

    every: Maybe[Duration] = Field(default=None, description="A fixed time, such as `30m`.")
    cron: Maybe[CronExpression] = Field(
        default=None, description="A cron expression of five fields, such as `0 7 * * *`."
    )
    timezone: Maybe[TimeZone] = Field(
        default=None, description="Time zone of `cron`, such as `Europe/Berlin`; `site.timezone` if left out."
    )
    auto: Maybe[Literal[True]] = Field(default=None, description="Follow the source's own rhythm.")
    min: Maybe[Duration] = Field(default=None, description="With `auto`: the shortest time between two fetches.")
    max: Maybe[Duration] = Field(
        default=None,
        description="The longest time between two fetches, whatever feed and server ask for; a longer `every` counts.",
    )
    patience: Maybe[Duration] = Field(
        default=None,
        description="With `auto`: fetch when the expected posts have waited this long, all of them together; four "
        "times as much halves the number of requests.",
    )

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: object) -> object:
        if isinstance(value, dict) or value is None:
            return value
        if value == AUTO:
            return {AUTO: True}
        if isinstance(value, str) and (len(value.split()) == 5 or _CRON.fullmatch(value)):
            return {"cron": cron(value)}
        try:
            return {"every": parse_duration(value)}
        except ValueError as error:
            if not str(error).startswith("must be a duration"):
                raise
            if advice := interval_advice(value):
                raise ValueError(f"{show(value)} is not an interval; {advice}") from None
            raise ValueError(_NOT_INTERVAL) from None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        given = [name for name in NAMES if getattr(self, name) is not None]
        if len(given) != 1:
            said = f"has {' and '.join(f'`{name}`' for name in given)}; keep one of them" if given else _MISSING
            raise ValueError(said)
        for name, of in (("timezone", "cron"), ("min", AUTO), ("patience", AUTO)):
            if getattr(self, name) is not None and of not in given:
                raise ValueError(f"`{name}` goes with `{of}` only; remove it")
        # The types of the schedule check their limits themselves.
        self.interval("UTC")
        return self

    def interval(self, timezone: str) -> Interval:
        """Return the interval as the schedule takes it.

        Args:
            timezone: IANA name of the zone of a cron expression that names none.
        """
        limits = {name: value for name in ("min", "max", "patience") if (value := getattr(self, name)) is not None}
        if self.every is not None:
            return Every(self.every, **limits)
        if self.cron is not None:
            return Cron(self.cron, self.timezone or timezone, **limits)
        return Auto(**limits)
