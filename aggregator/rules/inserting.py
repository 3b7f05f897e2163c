"""What the rules `prefix` and `suffix` have in common: text or HTML with named fields, at one end of the body.

The fields are filled in one pass and escaped, so that nothing of a source becomes markup, or a field again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, PlainValidator, WithJsonSchema, model_validator

from aggregator.config.fields import Maybe, Section
from aggregator.models import Text
from aggregator.rules.facts import Facts
from aggregator.rules.kind import Subject
from aggregator.rules.settings import written
from aggregator.rules.templates import Template, template_of

MAX_INSERT = 5000
"""Characters of what is inserted at most."""

FIELDS: Mapping[str, Callable[[Facts], str]] = {
    "title": lambda facts: facts.entry.title,
    "url": lambda facts: facts.entry.url or "",
    "host": lambda facts: facts["host"],
    "author": lambda facts: facts["author"],
    "date": lambda facts: f"{facts['published']:%Y-%m-%d}",
    "language": lambda facts: facts["language"],
    "source": lambda facts: facts["source"],
    "category": lambda facts: facts["category"],
}
"""What each field stands for."""
_NAMES = [f"`{{{name}}}`" for name in FIELDS]
FIELDS_HELP = f"{', '.join(_NAMES[:-1])} and {_NAMES[-1]} stand for values of the item"
"""All fields, as a clause for people."""


def _text(value: object) -> str:
    text = written(value, MAX_INSERT)
    if not text.strip():
        raise ValueError("is empty; give it a value, or remove the key")
    return text


_Template = Annotated[
    Template,
    PlainValidator(template_of(FIELDS, _text)),
    WithJsonSchema({"type": "string", "pattern": r"\S", "maxLength": MAX_INSERT}),
]


class InsertSettings(Section):
    """What is inserted: text or HTML."""

    text: Maybe[_Template] = Field(default=None, description="Text; blank lines separate paragraphs.")
    html: Maybe[_Template] = Field(default=None, description="HTML, which is cleaned as the text of a source is.")

    @model_validator(mode="after")
    def _one(self) -> InsertSettings:
        if (self.text is None) == (self.html is None):
            raise ValueError("must have one of `text` and `html`")
        return self


def _short(value: object) -> object:
    return {"text": value} if isinstance(value, str) else value


Insert = Annotated[InsertSettings, BeforeValidator(_short, json_schema_input_type=_Template | InsertSettings)]
"""Text alone, or a mapping with `text` or `html`."""


def filled(settings: InsertSettings, facts: Facts) -> str:
    """Return what is inserted, as clean HTML; "" where the fields of an entry leave nothing."""
    from aggregator.values.markup import attribute_value

    template = settings.html or settings.text
    assert template is not None
    values = {name: FIELDS[name](facts) for name in template.fields}
    if settings.html is None:
        return _clean(template.fill(values), "text")
    return _clean(template.fill({name: attribute_value(value) for name, value in values.items()}), "html")


@lru_cache(maxsize=64)
def _clean(text: str, kind: Literal["text", "html"]) -> str:
    from aggregator.normalize.sanitizer import clean_html

    return clean_html(Text(text, kind))


def insert(settings: InsertSettings, subject: Subject, *, before: bool) -> bool:
    """Insert it before or behind the body, unless it is there already; return whether that changes the entry."""
    from aggregator.rules.bodies import with_texts

    entry, piece = subject.entry, filled(settings, subject.facts)
    if not piece or (entry.html.startswith(piece) if before else entry.html.endswith(piece)):
        return False
    subject.entry = with_texts(entry, piece + entry.html if before else entry.html + piece, entry.summary)
    return subject.entry != entry
