"""The rule `remove`: elements of the text are removed."""

from __future__ import annotations

from aggregator.rules.bodies import edit_elements, without_elements
from aggregator.rules.kind import Subject
from aggregator.rules.settings import Selectors
from aggregator.values.terminal import counted

NAME = "remove"
SETTINGS = Selectors
DESCRIPTION = "Removes the elements of the text that match any of these CSS selectors."
EXAMPLE = 'remove: [".share-buttons", "p:-soup-contains(\'Sponsored by\')"]'
IN_OUTPUTS = True


def apply(settings: tuple[str, ...], subject: Subject) -> str | None:
    """Remove the elements that match from body and summary."""
    count = edit_elements(subject, NAME, settings, without_elements)
    return None if count is None else f"removed {counted(count, 'element')}"
