"""The rule `suffix`: a text of one's own behind the text of items."""

from __future__ import annotations

from typing import Any

from aggregator.rules.inserting import Insert, InsertSettings, with_insert
from aggregator.rules.kind import Subject

NAME = "suffix"
SETTINGS: Any = Insert
DESCRIPTION = (
    "Puts a text behind the text of the item, or with `html:` HTML; `{title}`, `{url}`, `{host}`, `{author}`, "
    "`{date}`, `{language}`, `{source}` and `{category}` stand for values of the item."
)
EXAMPLE = "suffix: {html: '<p><a href=\"{url}\">Read on</a></p>'}"
IN_OUTPUTS = True


def apply(settings: InsertSettings, subject: Subject) -> str | None:
    """Put it behind the body."""
    changed = with_insert(settings, subject, before=False)
    if changed == subject.entry:
        return None
    subject.entry = changed
    return "put a text behind the text"
