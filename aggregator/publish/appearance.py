"""How the items of one output look: its template of titles, and how much of each item it shows.

In: items and the settings of an output. Out: the items as this output shows them. Pure.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache

from aggregator.models import Item, Output, Republish

#: The settings that say how much is shown, the least first: the least one counts.
_LEAST: tuple[Republish, ...] = ("link", "excerpt", "full")

#: What stands for each name in a template of titles (`config.outputs.TITLE_FIELDS`), but for the title of the category.
_VALUES: Mapping[str, Callable[[Item], str]] = {
    "title": lambda item: item.entry.title,
    "source": lambda item: item.origin.name,
    "author": lambda item: ", ".join(item.entry.authors),
    "date": lambda item: f"{item.entry.published_at:%Y-%m-%d}",
}


def as_shown(item: Item, output: Output, categories: Mapping[str, str]) -> Item:
    """Return an item as an output shows it; the same object if that is as all others do.

    Args:
        categories: the titles of the categories, by slug.
    """
    if output.title_template is not None:
        title = filled(output.title_template, item, categories)
        item = replace(item, entry=replace(item.entry, title=title))
    if output.content != "full":
        origin = replace(item.origin, republish=_least(item.origin.republish, output.content))
        item = replace(item, origin=origin)
    return item


def filled(template: str, item: Item, categories: Mapping[str, str]) -> str:
    """Fill a template of titles in one pass: what a value has in braces stays as it is."""
    category = item.origin.category
    made = []
    for text, name in _parts(template):
        made.append(text)
        if name == "category":
            made.append(categories.get(category, category))
        elif name is not None:
            made.append(_VALUES[name](item))
    return " ".join("".join(made).split()) or item.entry.title


@lru_cache(maxsize=256)
def _parts(template: str) -> tuple[tuple[str, str | None], ...]:
    return tuple((text, name) for text, name, _, _ in string.Formatter().parse(template))


def _least(one: Republish, other: Republish) -> Republish:
    return min(one, other, key=_LEAST.index)
