"""The rule `strip_tracking`: no tracking parameters in the address of an item; on by default."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pydantic import StrictBool

from aggregator.rules.kind import Subject

NAME = "strip_tracking"
SETTINGS: Any = StrictBool
DESCRIPTION = (
    "Removes parameters such as `utm_source` from the address of the item, not from links in its text. It is on for "
    "items that are first seen from now on; `false` switches it off, `true` is for older items, too."
)
EXAMPLE = "strip_tracking: false"
IN_OUTPUTS = False


def apply(settings: bool, subject: Subject) -> str | None:
    """Remove the parameters from the item's address."""
    from aggregator.values.tracking import without_tracking

    entry = subject.entry
    if not settings or entry.url is None:
        return None
    url = without_tracking(entry.url)
    if url == entry.url:
        return None
    subject.entry = replace(entry, url=url)
    return "removed tracking parameters from the address"
