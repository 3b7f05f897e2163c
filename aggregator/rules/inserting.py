"""What the rules `prefix` and `suffix` have in common: text or HTML with named fields, at one end of the body.

The fields are filled in one pass and escaped, so that nothing of a source becomes markup, or a field again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Annotated

from pydantic import BeforeValidator, Field, PlainValidator, WithJsonSchema, model_validator

from aggregator.config.fields import Section
from aggregator.models import Entry, Sight, Text
from aggregator.rules.settings import written

MAX_INSERT = 5000
"""Characters of what is inserted at most."""

#: What each field stands for.
FIELDS: Mapping[str, Callable[[Entry, Sight], str]] = {
    "title": lambda entry, sight: entry.title,
    "url": lambda entry, sight: entry.url or "",
    "author": lambda entry, sight: ", ".join(entry.authors),
    "date": lambda entry, sight: entry.published_at.date().isoformat(),
    "source": lambda entry, sight: sight.source,
    "category": lambda entry, sight: sight.category,
}

#: A field, or two braces, which stand for one.
_FIELD = re.compile(r"\{\{|\}\}|\{([a-z]*)\}|[{}]")


def _template(value: object) -> str:
    text = written(value, MAX_INSERT)
    if not text.strip():
        raise ValueError("is empty; give it a value, or remove the key")
    for match in _FIELD.finditer(text):
        if match[1] is not None and match[1] not in FIELDS:
            raise ValueError(f"has the field `{match[0]}`; there are {', '.join(f'`{{{name}}}`' for name in FIELDS)}")
        if match[0] in "{}":
            raise ValueError(f"has a single `{match[0]}`; write `{match[0] * 2}` for one that is shown")
    return text


_Template = Annotated[
    str,
    PlainValidator(_template),
    WithJsonSchema({"type": "string", "pattern": r"\S", "maxLength": MAX_INSERT}),
]


class InsertSettings(Section):
    """What is inserted: text or HTML."""

    text: _Template | None = Field(default=None, description="Text, which becomes a paragraph.")
    html: _Template | None = Field(default=None, description="HTML, which is cleaned as the text of a source is.")

    @model_validator(mode="after")
    def _one(self) -> InsertSettings:
        if (self.text is None) == (self.html is None):
            raise ValueError("needs either `text` or `html`")
        return self


def _short(value: object) -> object:
    return {"text": value} if isinstance(value, str) else value


Insert = Annotated[InsertSettings, BeforeValidator(_short, json_schema_input_type=_Template | InsertSettings)]
"""Text alone, or a mapping with `text` or `html`."""


def filled(settings: InsertSettings, entry: Entry, sight: Sight) -> str:
    """Return what is inserted, as clean HTML; "" where the fields of an entry leave nothing."""
    from aggregator.values.markup import attribute_value

    def value(match: re.Match[str]) -> str:
        return match[0][0] if match[1] is None else attribute_value(FIELDS[match[1]](entry, sight))

    if settings.html is not None:
        return _clean(_FIELD.sub(value, settings.html))
    assert settings.text is not None
    # What stands around the fields is escaped as well; no brace is touched by that.
    return _clean(f"<p>{_FIELD.sub(value, attribute_value(settings.text))}</p>")


@lru_cache(maxsize=64)
def _clean(html: str) -> str:
    from aggregator.normalize.sanitizer import clean_html

    return clean_html(Text(html, "html"))


def with_insert(settings: InsertSettings, entry: Entry, sight: Sight, *, before: bool) -> Entry:
    """Return an entry with what is inserted; one that has it at that place already stays as it is."""
    from aggregator.rules.bodies import with_texts

    piece = filled(settings, entry, sight)
    if not piece or (entry.html.startswith(piece) if before else entry.html.endswith(piece)):
        return entry
    return with_texts(entry, piece + entry.html if before else entry.html + piece, entry.summary)
