"""The rule `remove`: elements of the text are removed."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from aggregator.config.fields import Selector
from aggregator.rules.bodies import NotEdited, with_texts, without_elements
from aggregator.rules.kind import Subject
from aggregator.rules.settings import one_or_more
from aggregator.values.terminal import counted

NAME = "remove"
SETTINGS: Any = Annotated[
    tuple[Selector, ...],
    BeforeValidator(one_or_more, json_schema_input_type=Selector | list[Selector]),
    Field(min_length=1, max_length=100),
]
DESCRIPTION = "Removes the elements of the text that match any of these CSS selectors."
EXAMPLE = 'remove: [".share-buttons", "p:-soup-contains(\'Sponsored by\')"]'
IN_OUTPUTS = True


def apply(settings: tuple[str, ...], subject: Subject) -> str | None:
    """Remove the elements that match from body and summary."""
    entry = subject.entry
    try:
        html, count = without_elements(entry.html, settings)
        summary, more = without_elements(entry.summary, settings)
    except NotEdited as error:
        subject.notes.append(f"`{NAME}` left the text as it is: it {error}")
        return None
    subject.entry = with_texts(entry, html, summary)
    return None if subject.entry == entry else f"removed {counted(count + more, 'element')}"
