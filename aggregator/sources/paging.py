"""Lists of several pages: which of them are read, and the items of all of them. Kinds say how a page is asked for.

All pages are read when a source is read for the first time; later only as long as a page has items that are not
stored. An item that is on several pages counts once. A further page that cannot be read is no failure of the source; it
is told, and tried again next time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from aggregator.errors import FetchError, SourceError
from aggregator.models import RawEntry
from aggregator.sources.kind import ShareUsedUp, Tools

MAX_PAGES = 50
"""Pages of a list at most."""


class Part(Protocol):
    """A page of a list, read."""

    @property
    def entries(self) -> Sequence[RawEntry]: ...

    @property
    def filled(self) -> Sequence[Mapping[str, bool]]:
        """Of each entry the fields that were looked for, and whether they were filled."""


Ask = Callable[[int], Awaitable[Part | None]]
"""Fetches and reads the page with a number, from 2; returns None where there is none, raises as `Tools.fetch`."""


class Pages:
    """The items of a list.

    Args:
        limit: items to take at most, from the top.
        first: the first page.
    """

    def __init__(self, tools: Tools, limit: int, first: Part) -> None:
        self._tools = tools
        self._limit = limit
        self._keys: set[str] = set()
        self.entries: list[RawEntry] = []
        self.filled: list[Mapping[str, bool]] = []
        #: What could not be read, as messages.
        self.missing: list[str] = []
        #: Whether there are pages that were not read, and have to be next time.
        self.left = False
        self._newest = self._add(first)

    async def follow(self, most: int, ask: Ask, *, everything: bool, counted: bool) -> None:
        """Add the items of the following pages.

        Args:
            most: pages to read at most, the first among them.
            everything: read them whatever is stored.
            counted: whether pages are asked for by number, so that one beyond the last is missing (404, 410).
        """
        for number in range(2, most + 1):
            if len(self.entries) >= self._limit or not self._newest:
                return
            if not everything and self._newest <= await self._tools.known(sorted(self._newest)):
                return
            try:
                part = await ask(number)
            except ShareUsedUp as spent:
                self.missing.append(f"further pages of the list are left for the next time: {spent}")
                self.left = True
                return
            except SourceError as error:
                if not (counted and isinstance(error, FetchError) and error.status in (404, 410)):
                    self.missing.append(f"page {number} of the list could not be read: {error}")
                    self.left = True
                return
            if part is None:
                return
            self._newest = self._add(part)

    def _add(self, part: Part) -> set[str]:
        """Add the items that no page before had, and return their keys."""
        from aggregator.normalize.identity import key_of

        added = set()
        for entry, filled in zip(part.entries, part.filled, strict=True):
            key = key_of(entry)
            if len(self.entries) < self._limit and key not in self._keys:
                self.entries.append(entry)
                self.filled.append(filled)
                added.add(key)
        self._keys |= added
        return added
