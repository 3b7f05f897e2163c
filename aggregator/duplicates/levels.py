"""Where the same item from several sources comes out once: everywhere, or among the items of a category. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from aggregator.models import ALL, Duplicates

#: Raise this with every change of canonical addresses, or of what is joined. Then everything stored is joined again.
VERSION = 1

_OFF = Duplicates()


@dataclass(frozen=True, slots=True)
class Levels:
    """The settings of the whole file and of the categories; outputs have their own.

    Args:
        settings: by the slug of the first category, and `models.ALL` for the whole file and all other categories.
    """

    settings: Mapping[str, Duplicates]

    def of(self, category: str) -> Duplicates:
        """Return the settings for the entries whose first category this is."""
        return self.settings.get(category, self.settings.get(ALL, _OFF))

    def scope(self, category: str) -> str | None:
        """Return among what the entries of a category are joined: `ALL`, or the category; None: they are not."""
        if self.of(category).by == "off":
            return None
        return category if self.of(ALL).by == "off" else ALL

    @property
    def definition(self) -> str:
        """A digest of everything on which it depends what is joined, "" if nothing is."""
        if all(one.by == "off" for one in self.settings.values()):
            return ""
        whole = self.of(ALL)
        # A category that only repeats the settings of the whole file changes nothing.
        levels = sorted((slug, one) for slug, one in self.settings.items() if slug == ALL or one != whole)
        text = json.dumps([VERSION, [[slug, one.by, one.prefer, one.key] for slug, one in levels]], ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()
