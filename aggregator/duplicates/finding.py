"""By what the same item from other sources is found: the address or the key of an entry. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

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

    def __call__(self, entry: Entry, sight: Sight, variables: Mapping[str, Any]) -> str | None:
        """Return the canonical address of an entry, or `KEY` and its key; None: it is no other one's copy.

        Args:
            entry: as rules left it.
            variables: `aggregator.rules.facts.Facts` of it.
        """
        settings = self._levels.of(variables["category"])
        if settings.by == "off":
            return None
        if settings.key is None:
            return None if entry.url is None else canonical_address(entry.url)
        if settings.key not in self._keys:
            from aggregator.rules.expressions import parse_expression

            self._keys[settings.key] = parse_expression(settings.key, age=True, key=True)
        key = self._keys[settings.key].key(variables)
        return f"{KEY}{key[:MAX_KEY]}" if key else None
