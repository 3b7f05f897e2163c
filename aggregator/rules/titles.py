"""The rule `title`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Annotated, Any

from pydantic import PlainValidator, WithJsonSchema

from aggregator.config.fields import MAX_TEXT
from aggregator.config.problems import show
from aggregator.rules.facts import Facts
from aggregator.rules.kind import Subject
from aggregator.rules.templates import template_of

_VALUES: Mapping[str, Callable[[Facts], str]] = {
    "title": lambda facts: facts["title"],
    "author": lambda facts: facts["author"],
    "source": lambda facts: facts["source"],
    "category": lambda facts: facts["category"],
    "host": lambda facts: facts["host"],
    "language": lambda facts: facts["language"],
    "date": lambda facts: f"{facts['published']:%Y-%m-%d}",
}

TitleTemplate = Annotated[
    Any,
    PlainValidator(template_of(_VALUES)),
    WithJsonSchema({"type": "string", "pattern": r"\S", "maxLength": MAX_TEXT}),
]


class Title:
    """Gives another title."""

    NAME = "title"
    SETTINGS: Any = TitleTemplate
    DESCRIPTION = (
        f"Gives it another title: a text in which {', '.join(f'`{{{name}}}`' for name in _VALUES)} stand for what the "
        "entry has; `{source}` is the id of its source."
    )
    EXAMPLE = "title: '[{source}] {title}'"
    IN_OUTPUTS = True

    def apply(self, settings: Any, subject: Subject) -> str | None:
        """Fill in the template; a title that would be empty stays."""
        from aggregator.normalize.text import MAX_TITLE, tidy_line

        values = {name: _VALUES[name](subject.facts) for name in settings.fields}
        title = tidy_line(settings.fill(values), MAX_TITLE)
        if not title or title == subject.entry.title:
            return None
        subject.entry = replace(subject.entry, title=title)
        return f"titled {show(title)}"
