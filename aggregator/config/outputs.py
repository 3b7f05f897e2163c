"""`outputs` in feeds.yaml: merged feeds by expression. Settings in, `models.Output` out. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import ConfigDict, Field, PlainValidator, WithJsonSchema, field_validator, model_validator

from aggregator.config.fields import Language, Maybe, Section, Text, TimeZone, checked
from aggregator.config.intervals import Duration, parse_duration
from aggregator.config.problems import show
from aggregator.config.ruling import RULES_FIELD, RuleSettings
from aggregator.models import ALL, Digest, Duplicates, Output, Rate

if TYPE_CHECKING:
    from aggregator.config.settings import FileSettings
    from aggregator.rules.book import OutputRules

FeedFormat = Literal["rss", "atom", "json"]

MAX_FEED_LIMIT = 10_000
"""Entries in a feed at most."""
MAX_RATE = 1000

TITLE_FIELDS: Mapping[str, str] = {
    "title": "the title of the item",
    "source": "the name of its source",
    "category": "the title of its category",
    "author": "its authors",
    "date": "the day of its publication, such as `2026-01-31`, in UTC",
}
"""What `title_template` can say, and what each is."""

_PERIODS = {"hour": "1h", "day": "1d", "week": "1w"}
_RATE = re.compile(r"([0-9]{1,6})\s*(?:/|per)\s*([0-9a-z.]{1,40})")
_CLOCK = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DIGEST = re.compile(r"(daily|weekly)(?:\s+on\s+([a-z]+))?(?:\s+at\s+(\S+))?")
_DIGEST_EXAMPLES = "`daily at 08:00`, `weekly on monday at 08:00`, or a mapping with `every`"
CLOCK_PATTERN = r"^([01]?[0-9]|2[0-3]):[0-5][0-9]$"
DIGEST_PATTERN = r"^\s*([dD]aily|[wW]eekly)(\s|$)"
"""The short form of a digest, as far as a JSON Schema pattern can express it."""


def rate(value: object) -> Rate:
    """Check a rate such as ``5/day``."""
    match = _RATE.fullmatch(value.strip().lower()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"{show(value)} is not a rate; write one such as `5/day`, `2/hour` or `10/12h`")
    period = match[2].removesuffix("s") if match[2].removesuffix("s") in _PERIODS else match[2]
    try:
        length = parse_duration(_PERIODS.get(period, period))
    except ValueError:
        hint = "write `hour`, `day`, `week` or one such as `12h`"
        raise ValueError(f"{show(value)} is not a rate: {show(match[2])} is no time; {hint}") from None
    if not 1 <= int(match[1]) <= MAX_RATE:
        raise ValueError(f"must be between 1 and {MAX_RATE} items in a period, not {match[1]}")
    return Rate(int(match[1]), length)


def clock(value: object) -> int:
    """Check a time of day such as ``08:00``: the minutes since midnight."""
    match = _CLOCK.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"{show(value)} is not a time of day; write one such as `08:00`, up to `23:59`")
    return int(match[1]) * 60 + int(match[2])


def weekday(value: object) -> int:
    """Check a day of the week by its English name or the first letters of it: 0 is Monday."""
    word = value.strip().lower() if isinstance(value, str) else ""
    found = [number for number, name in enumerate(_WEEKDAYS) if len(word) >= 3 and name.startswith(word)]
    if len(found) != 1:
        raise ValueError(f"{show(value)} is not a day of the week; write one such as `monday`")
    return found[0]


def title_template(value: object) -> str:
    """Check a template of titles: text with the names of `TITLE_FIELDS` in braces, and nothing else in them."""
    from aggregator.rules.templates import template_of

    template = template_of(TITLE_FIELDS)(value)
    if not template.fields:
        known = ", ".join(f"`{{{name}}}`" for name in TITLE_FIELDS)
        raise ValueError(f"{show(template.text)} gives all items one title; use {known}")
    return template.text


RateText = Annotated[
    Rate,
    PlainValidator(rate),
    WithJsonSchema({"type": "string", "pattern": r"^\s*[0-9]{1,6}\s*(/|per)\s*[0-9a-zA-Z.]{1,40}\s*$"}),
]
Clock = Annotated[int, *checked(clock, pattern=CLOCK_PATTERN)]
Weekday = Annotated[int, *checked(weekday, pattern=r"^(?:[mM]on|[tT]ue|[wW]ed|[tT]hu|[fF]ri|[sS]at|[sS]un)")]
TitleTemplate = Annotated[str, *checked(title_template, pattern=r"\{[a-z]+\}")]


class DigestSettings(Section):
    """One item for each day or week, with the headlines and links of that time."""

    every: Literal["daily", "weekly"] = Field(description="How often there is one: `daily` or `weekly`.")
    at: Clock = Field(
        default=0,
        description="Time of day at which it comes out, such as `08:00`; midnight if left out.",
        json_schema_extra={"default": "00:00"},
    )
    timezone: Maybe[TimeZone] = Field(
        default=None, description="Time zone of `at`, such as `Europe/Berlin`; `site.timezone` if left out."
    )
    weekday: Maybe[Weekday] = Field(
        default=None, description="Day on which a weekly one comes out, such as `friday`; `monday` if left out."
    )

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        match = _DIGEST.fullmatch(" ".join(value.lower().split()))
        if match is None:
            raise ValueError(f"{show(value)} is not a digest; write {_DIGEST_EXAMPLES}")
        named = {"every": match[1], "weekday": match[2], "at": match[3]}
        if match[2] is not None:
            weekday(match[2])
        if match[3] is not None:
            clock(match[3])
        return {key: one for key, one in named.items() if one is not None}

    @model_validator(mode="after")
    def _weekday_fits(self) -> DigestSettings:
        if self.weekday is not None and self.every == "daily":
            raise ValueError("`weekday` goes with `weekly` only; remove it, or write `weekly`")
        return self


class JoinSettings(Section):
    """Rules, and what becomes of one item from two sources: part of an output, a category, and the whole file."""

    # Only the models that are made from it check anything: they have the types of expressions and of rules.
    model_config = ConfigDict(defer_build=True)

    rules: tuple[RuleSettings, ...] = RULES_FIELD
    duplicates: Maybe[Literal["off", "url"]] = Field(
        default=None,
        description="Whether items with the same address come out once: `url`, or `off`; `off` if left out everywhere.",
    )
    prefer: Maybe[tuple[str, ...]] = Field(
        default=None, description="Ids of sources whose text and link are shown for such items, the best first."
    )
    duplicate_key: Any = Field(
        default=None,
        description="An expression: items are the same if it gives the same text; their addresses if left out.",
    )


class OutputSettings(JoinSettings):
    """A merged feed of the items that an expression chooses."""

    title: Maybe[Text] = Field(default=None, description="Title of the feed; the slug if left out.")
    description: Maybe[Text] = Field(default=None, description="One sentence about it.")
    where: Any = Field(default=None, description="An expression: which items belong to it; all if left out.")
    limit: Maybe[int] = Field(
        default=None,
        strict=True,
        ge=1,
        le=MAX_FEED_LIMIT,
        description="Items in it at most; `feeds.limit` if left out.",
    )
    per_source: Maybe[int] = Field(
        default=None, strict=True, ge=1, le=MAX_FEED_LIMIT, description="Items of one source in it at most."
    )
    mix: Literal["newest", "fair"] = Field(
        default="newest",
        description="Which items it shows if there are more than `limit`: the newest, or in turn (`fair`) the newest "
        "of each source.",
    )
    max_age: Maybe[Duration] = Field(default=None, description="Items published longer ago are left out.")
    delay: Maybe[Duration] = Field(
        default=None, description="Time from when an item is first seen to when it comes out."
    )
    rate: Maybe[RateText] = Field(
        default=None, description="Items that come out in a period at most, such as `5/day`; the others wait."
    )
    title_template: Maybe[TitleTemplate] = Field(
        default=None,
        description="How its items are called, such as `[{source}] {title}`; their own titles if left out.",
    )
    content: Literal["full", "excerpt", "link"] = Field(
        default="full",
        description="How much of an item it shows: all, at most 300 characters of the text, or title and link alone.",
    )
    formats: Maybe[tuple[FeedFormat, ...]] = Field(
        default=None,
        min_length=1,
        description="Formats to write; `feeds.formats` if left out.",
        json_schema_extra={"uniqueItems": True},
    )
    language: Maybe[Language] = Field(
        default=None, description="Its language, as a tag such as `en`; `site.language` if left out."
    )
    digest: Maybe[DigestSettings] = Field(
        default=None,
        description="One item for each day or week, with its headlines and links, such as `daily at 08:00`.",
    )
    private: bool = Field(
        default=False,
        strict=True,
        description="Whether its address cannot be guessed and is listed nowhere; `aggregator outputs` shows it.",
    )

    @model_validator(mode="before")
    @classmethod
    def _is_mapping(cls, value: object) -> object:
        if isinstance(value, str):
            raise ValueError(f"must be a mapping of keys and values, not {show(value)}; write `where: …` below it")
        if value is None:
            raise ValueError("is empty; write `{title: …, where: …}`")
        return value

    @field_validator("formats")
    @classmethod
    def _once(cls, formats: tuple[FeedFormat, ...] | None) -> tuple[FeedFormat, ...] | None:
        if formats is not None and len(set(formats)) < len(formats):
            raise ValueError("must name each format once")
        return formats


def make_outputs(document: FileSettings, rules: Sequence[OutputRules]) -> dict[str, Output]:
    """Return the outputs of a file with all defaults filled in, by slug.

    Args:
        rules: what decides which items belong to each, in the order of the file.
    """
    return {one.slug: _output(one, document.outputs[one.slug], document) for one in rules}


def _output(rules: OutputRules, settings: OutputSettings, document: FileSettings) -> Output:
    digest = None
    if (own := settings.digest) is not None:
        digest = Digest(own.every, own.at, own.timezone or document.site.timezone, own.weekday or 0)
    return Output(
        slug=rules.slug,
        title=settings.title or rules.slug,
        description=settings.description,
        limit=settings.limit or document.feeds.limit,
        definition=rules.definition,
        formats=settings.formats or document.feeds.formats,
        per_source=settings.per_source,
        mix=settings.mix,
        max_age=settings.max_age,
        delay=settings.delay,
        rate=settings.rate,
        title_template=settings.title_template,
        content=settings.content,
        language=settings.language,
        digest=digest,
        private=settings.private,
        duplicates=settings.duplicates == "url",
        prefer=settings.prefer or (),
        duplicate_key=settings.duplicate_key and settings.duplicate_key.text,
    )


def join_levels(document: FileSettings) -> dict[str, Duplicates]:
    """Return which items are one, by the slug of the first category and `ALL` for the whole file.

    Each key that a category leaves out comes from the whole file.
    """
    levels: dict[str, JoinSettings] = {ALL: document, **document.categories}
    return {
        slug: Duplicates(
            one.duplicates or document.duplicates or "off",
            (document.prefer if one.prefer is None else one.prefer) or (),
            key.text if (key := one.duplicate_key or document.duplicate_key) else None,
        )
        for slug, one in levels.items()
    }
