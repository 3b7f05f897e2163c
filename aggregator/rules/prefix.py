"""The rule `prefix`: a text of one's own before the text of items."""

from __future__ import annotations

from typing import Any

from aggregator.rules.inserting import FIELDS_HELP, Insert, InsertSettings, insert
from aggregator.rules.kind import Subject

NAME = "prefix"
SETTINGS: Any = Insert
DESCRIPTION = f"Puts a text before the text of the item, or with `html:` HTML; {FIELDS_HELP}."
EXAMPLE = "prefix: 'From {source}, by {author}'"
IN_OUTPUTS = True


def apply(settings: InsertSettings, subject: Subject) -> str | None:
    """Put it before the body."""
    return "put a text before the text" if insert(settings, subject, before=True) else None
