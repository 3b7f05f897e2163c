"""The rules that decide where an entry belongs: `category` and `also_in`."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from aggregator.config.ids import Slug
from aggregator.config.problems import show
from aggregator.rules.kind import Subject
from aggregator.rules.settings import one_or_more, one_or_more_schema


class Category:
    """Moves an entry to another category."""

    NAME = "category"
    SETTINGS: Any = Slug
    DESCRIPTION = (
        "Moves it to another of the `categories`, which becomes its first; the rules of that category are not applied. "
        "What a person chose in review stays."
    )
    EXAMPLE = "category: releases"
    IN_OUTPUTS = False

    def apply(self, settings: Any, subject: Subject) -> str | None:
        """Move it, unless a person has chosen its category."""
        if subject.decision is not None and subject.decision.category is not None:
            return None
        if settings == (subject.category or subject.sight.category):
            return None
        subject.category = settings
        return f"moved to {show(settings)}"


class AlsoIn:
    """Puts an entry into further categories and outputs."""

    NAME = "also_in"
    SETTINGS: Any = Annotated[
        tuple[Slug, ...],
        Field(min_length=1),
        BeforeValidator(one_or_more),
        WithJsonSchema(one_or_more_schema({"type": "string"})),
    ]
    DESCRIPTION = "Puts it into further categories, or into outputs, whatever their `where` says."
    EXAMPLE = "also_in: [releases, weekly]"
    IN_OUTPUTS = False

    def apply(self, settings: Any, subject: Subject) -> str | None:
        """Add those that it is not in yet."""
        added = [slug for slug in settings if slug not in subject.also_in]
        if not added:
            return None
        subject.also_in += added
        return f"also in {', '.join(map(show, added))}"
