"""The rules that decide whether an entry is published: `keep`, `drop`, `hold`, `draft` and `future_dates`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal, Self

from pydantic import ModelWrapValidatorHandler, model_validator

from aggregator.rules.conditions import Condition
from aggregator.rules.kind import Subject


class DropCondition(Condition):
    """What an entry must be like to be left out or held: all keys have to hold; `true` is every entry."""

    SHORT_FORMS = (*Condition.SHORT_FORMS, {"const": True})

    @model_validator(mode="wrap")
    @classmethod
    def _every(cls, value: object, handler: ModelWrapValidatorHandler[Self]) -> Self:
        return cls.model_construct() if value is True else handler(value)

    @model_validator(mode="after")
    def _means_what_it_says(self) -> Self:
        for name, opposite, meant in (("max_age", "min_age", "older"), ("min_words", "max_words", "shorter")):
            if getattr(self, name) is not None:
                raise ValueError(f"`{name}` goes with `keep`; for what is {meant}, write `{opposite}`")
        return self


class Keep:
    """Drops what it does not match."""

    NAME = "keep"
    SETTINGS: Any = Condition
    DESCRIPTION = "Leaves out what does not match; of several, each leaves out what it does not match."
    EXAMPLE = "keep: {any: [rust, '/k8s|kubernetes/i'], in: title}"
    IN_OUTPUTS = True

    def apply(self, settings: Any, subject: Subject) -> str | None:
        """Drop it unless it matches."""
        if settings.matches(subject.facts, subject.notes):
            return None
        subject.verdict = "dropped"
        return "dropped, because it does not match"


class Drop:
    """Drops what it matches."""

    NAME = "drop"
    SETTINGS: Any = DropCondition
    DESCRIPTION = "Leaves out what matches; `true` is everything that `when` selects."
    EXAMPLE = "drop: {title: [sponsored, 广告]}"
    IN_OUTPUTS = True

    def apply(self, settings: Any, subject: Subject) -> str | None:
        """Drop it if it matches."""
        how = settings.find(subject.facts, subject.notes)
        if how is None:
            return None
        subject.verdict = "dropped"
        return f"dropped: {how}" if how else "dropped"


class Hold:
    """Holds what it matches until a person decides."""

    NAME = "hold"
    SETTINGS: Any = DropCondition
    DESCRIPTION = (
        "Keeps what matches out of all outputs until it is decided with `aggregator review`; `true` is everything that "
        "`when` selects."
    )
    EXAMPLE = "hold: {has: video}"
    IN_OUTPUTS = False

    def apply(self, settings: Any, subject: Subject) -> str | None:
        """Hold it if it matches and nobody has decided on it."""
        how = settings.find(subject.facts, subject.notes)
        if how is None:
            return None
        return hold(subject, how)


def hold(subject: Subject, why: str) -> str | None:
    """Hold an entry for review, unless a person has decided."""
    if subject.decision is not None:
        subject.remarks.append("a person has decided on it, so it is not held")
        return None
    subject.verdict = "held"
    return f"held: {why}" if why else "held"


class Draft:
    """Makes the post a draft."""

    NAME = "draft"
    SETTINGS: Any = Literal[True]
    DESCRIPTION = "Writes its post as a draft; a draft is in no feed."
    EXAMPLE = "draft: true"
    IN_OUTPUTS = False

    def apply(self, settings: Any, subject: Subject) -> str | None:
        """Make it a draft."""
        if subject.draft:
            return None
        subject.draft = True
        return "made a draft"


class FutureDates:
    """Says what comes of an entry whose date was in the future."""

    NAME = "future_dates"
    SETTINGS: Any = Literal["keep", "clamp", "hold"]
    DESCRIPTION = (
        "What comes of a date that is in the future when the entry is first seen: `clamp` takes the time of the first "
        "sight instead, which is the default; `keep` takes the date as it is, for entries that are first seen under "
        "this rule; `hold` takes the time of the first sight and holds the entry for review."
    )
    EXAMPLE = "future_dates: hold"
    IN_OUTPUTS = False

    def apply(self, settings: Any, subject: Subject) -> str | None:
        """Take the date, or hold the entry."""
        entry = subject.entry
        if entry.future_at is None or settings == "clamp":
            return None
        if settings == "hold":
            return hold(subject, f"its date is {entry.future_at:%Y-%m-%d %H:%M}")
        if entry.published_at == entry.future_at:
            return None
        subject.entry = replace(entry, published_at=entry.future_at, updated_at=max(entry.updated_at, entry.future_at))
        return f"dated {entry.future_at:%Y-%m-%d %H:%M}"
