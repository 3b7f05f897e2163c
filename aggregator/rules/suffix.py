"""The rule `suffix`: a text of one's own behind the text of items."""

from __future__ import annotations

from typing import Any

from aggregator.rules.inserting import FIELDS_HELP, Insert, InsertSettings, insert
from aggregator.rules.kind import Subject

NAME = "suffix"
SETTINGS: Any = Insert
DESCRIPTION = f"Puts a text behind the text of the item, or with `html:` HTML; {FIELDS_HELP}."
EXAMPLE = "suffix: {html: '<p><a href=\"{url}\">Read on</a></p>'}"
IN_OUTPUTS = True


def apply(settings: InsertSettings, subject: Subject) -> str | None:
    """Put it behind the body."""
    return "put a text behind the text" if insert(settings, subject, before=False) else None
