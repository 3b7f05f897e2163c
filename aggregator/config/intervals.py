"""`interval` in feeds.yaml: how often a source is looked at, in a word or as a mapping."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import Field, PlainValidator, WithJsonSchema, model_validator

from aggregator.config.durations import DURATION_PATTERN, parse_duration
from aggregator.config.problems import show
from aggregator.config.section import Section
from aggregator.config.values import Duration, Maybe, TimeZone
from aggregator.config.wording import interval_advice
from aggregator.models import Auto, Cron, Every, Interval
from aggregator.schedule import check_cron

AUTO = "auto"
#: Five fields, as far as a pattern can say.
_CRON_PATTERN = r"^\s*\S+(\s+\S+){4}\s*$"
SHORT_FORM: dict[str, Any] = {
    "type": "string",
    "anyOf": [{"pattern": DURATION_PATTERN}, {"const": AUTO}, {"pattern": _CRON_PATTERN}],
}
"""What can stand for a mapping with one key, as JSON Schema."""
NAMES = ("every", "cron", AUTO)
"""The keys of which an interval has exactly one."""
#: What was meant as a cron expression, whatever the number of its fields.
_CRON = re.compile(r"\s*[0-9*][0-9*/,-]{0,60}(?:\s+[0-9*?][\w*/,#?-]{0,60}){2,9}\s*")
_MISSING = "needs one of `every`, `cron` and `auto: true`"
_NONE = "must be a duration such as `30m`, `auto`, or a cron expression such as `0 7 * * *`"


def cron(value: object) -> str:
    """A cron expression of five fields; its time zone is a matter of its own."""
    if not isinstance(value, str):
        raise ValueError(f"{show(value)} is no cron expression; write five fields in quotes, such as `0 7 * * *`")
    count = len(value.split())
    if _CRON.fullmatch(value) and count != 5:
        fields = f"{show(value)} has {count} fields, five are wanted: minute, hour, day of month, month, day of week"
        raise ValueError(fields + ("; take the first one away, if it is for seconds" if count == 6 else ""))
    check_cron(value, "UTC")
    return value.strip()


CronExpression = Annotated[str, PlainValidator(cron), WithJsonSchema({"type": "string", "pattern": _CRON_PATTERN})]


class IntervalSettings(Section):
    """How often a source is looked at: exactly one of `every`, `cron` and `auto`, with its limits."""

    every: Maybe[Duration] = Field(default=None, description="A fixed time, such as `30m`.")
    cron: Maybe[CronExpression] = Field(
        default=None, description="A cron expression of five fields, such as `0 7 * * *`."
    )
    timezone: Maybe[TimeZone] = Field(
        default=None, description="Time zone of `cron`, such as `Europe/Berlin`; `site.timezone` if left out."
    )
    auto: Maybe[Literal[True]] = Field(default=None, description="By the source's own rhythm.")
    min: Maybe[Duration] = Field(default=None, description="With `auto`: the shortest time between two looks.")
    max: Maybe[Duration] = Field(
        default=None,
        description="The longest time between two looks, whatever feed and server say; a longer `every` counts.",
    )
    patience: Maybe[Duration] = Field(
        default=None,
        description="With `auto`: look when the posts expected have waited so long, all of them together; four times "
        "as much is half as many requests.",
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
                raise ValueError(f"{show(value)} is no interval; {advice}") from None
            raise ValueError(_NONE) from None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        given = [name for name in NAMES if getattr(self, name) is not None]
        if len(given) != 1:
            said = f"has {' and '.join(f'`{name}`' for name in given)}; keep one of them" if given else _MISSING
            raise ValueError(said)
        for name, of in (("timezone", "cron"), ("min", AUTO), ("patience", AUTO)):
            if getattr(self, name) is not None and of not in given:
                raise ValueError(f"`{name}` goes with `{of}` only; take it away")
        self.interval("UTC")
        return self

    def interval(self, timezone: str) -> Interval:
        """The same as the schedule takes it.

        Args:
            timezone: IANA name of the zone of a cron expression that names none.
        """
        limits = {name: value for name in ("min", "max", "patience") if (value := getattr(self, name)) is not None}
        if self.every is not None:
            return Every(self.every, **limits)
        if self.cron is not None:
            return Cron(self.cron, self.timezone or timezone, **limits)
        return Auto(**limits)
