"""The rule `unwrap`: elements of the text lose their tags, and keep their content."""

from __future__ import annotations

from aggregator.rules.bodies import edit_elements, without_tags
from aggregator.rules.kind import Subject
from aggregator.rules.settings import Selectors
from aggregator.values.terminal import counted

NAME = "unwrap"
SETTINGS = Selectors
DESCRIPTION = (
    "Removes the tags of the elements that match any of these CSS selectors, and keeps what stands between them."
)
EXAMPLE = "unwrap: a.keyword"
IN_OUTPUTS = True


def apply(settings: tuple[str, ...], subject: Subject) -> str | None:
    """Remove the tags of the elements that match in body and summary."""
    count = edit_elements(subject, NAME, settings, without_tags)
    return None if count is None else f"unwrapped {counted(count, 'element')}"
