"""The rule `prefix`: a text of one's own before the text of items."""

from __future__ import annotations

from typing import Any

from aggregator.rules.inserting import Insert, InsertSettings, with_insert
from aggregator.rules.kind import Subject

NAME = "prefix"
SETTINGS: Any = Insert
DESCRIPTION = (
    "Puts a text before the text of the item, or with `html:` HTML; `{title}`, `{url}`, `{host}`, `{author}`, "
    "`{date}`, `{language}`, `{source}` and `{category}` stand for values of the item."
)
EXAMPLE = "prefix: 'From {source}, by {author}'"
IN_OUTPUTS = True


def apply(settings: InsertSettings, subject: Subject) -> str | None:
    """Put it before the body."""
    changed = with_insert(settings, subject, before=True)
    if changed == subject.entry:
        return None
    subject.entry = changed
    return "put a text before the text"
