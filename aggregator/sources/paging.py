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

MAX_LIMIT = 1000
"""Items of a list that are taken at most."""
USUAL_LIMIT = 20
"""Items that are taken of a list of one page unless its source says more; of several pages, all are."""
MAX_PAGES = 50
"""Pages of a list at most."""
USUAL_PAGES = 3
"""Pages that are read of a list of several, unless its source says more."""


def bounds(limit: int | None, pages: int | None, *, several: bool) -> tuple[int, int]:
    """Return how many items are taken of a list at most, and how many pages are read of it.

    Args:
        limit, pages: what its source says, or None.
        several: whether the list has several pages.
    """
    return limit or (MAX_LIMIT if several else USUAL_LIMIT), (pages or USUAL_PAGES) if several else 1


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
        #: Items of the last page that no page before had.
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
            if not (everything or await self._has_new()):
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

    async def _has_new(self) -> bool:
        """Whether any of the newest items is not stored."""
        from aggregator.normalize.identity import key_of

        # How far the ids of a source are trusted changes; an entry has one of these keys.
        keys = [{key_of(entry), key_of(entry, "link"), key_of(entry, "title")} for entry in self._newest]
        known = await self._tools.known(sorted(set().union(*keys)))
        return not all(one & known for one in keys)

    def _add(self, part: Part) -> list[RawEntry]:
        """Add the items that no page before had, and return them."""
        from aggregator.normalize.identity import key_of

        room = self._limit - len(self.entries)
        pairs = zip(part.entries, part.filled, strict=True)
        new = [(entry, filled) for entry, filled in pairs if key_of(entry) not in self._keys][:room]
        self.entries += [entry for entry, _ in new]
        self.filled += [filled for _, filled in new]
        self._keys |= {key_of(entry) for entry, _ in new}
        return [entry for entry, _ in new]
