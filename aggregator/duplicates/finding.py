"""By what the same item from other sources is found: the address or the key of an entry. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aggregator.duplicates.addresses import canonical_address
from aggregator.duplicates.joining import KEY
from aggregator.duplicates.levels import Levels
from aggregator.models import Entry, Sight

if TYPE_CHECKING:
    from aggregator.rules.expressions import Expression

#: Characters of a key at most.
MAX_KEY = 2000


class Finder:
    """Gives entries the addresses by which other entries with the same item are found.

    Args:
        levels: where items are joined, and by what; its expressions were checked before.
    """

    def __init__(self, levels: Levels) -> None:
        self._levels = levels
        self._keys: dict[str, Expression] = {}

    def __call__(self, entry: Entry, sight: Sight, category: str) -> str | None:
        """Return the canonical address of an entry, or `KEY` and its key; None: it is no other one's copy.

        Args:
            entry: as rules left it.
            category: its first category, as rules left it.
        """
        settings = self._levels.of(category)
        if settings.by == "off":
            return None
        if settings.key is None:
            return None if entry.url is None else canonical_address(entry.url)
        return self._key(settings.key, entry, sight, category)

    def _key(self, text: str, entry: Entry, sight: Sight, category: str) -> str | None:
        from aggregator.rules.expressions import parse_expression
        from aggregator.rules.facts import Facts

        if text not in self._keys:
            self._keys[text] = parse_expression(text, age=False, key=True)
        key = self._keys[text].key(Facts(entry, sight, category))
        return f"{KEY}{key[:MAX_KEY]}" if key else None
