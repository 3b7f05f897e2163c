"""How far the ids of a source can be trusted: what identifies its entries, and when that changes.

What was seen in a document goes in, the next level comes out. Guids that change at every look identify nothing, so the
links are used; where these change as well, title and date are. A witness, the guid of one entry, shows when the source
keeps its ids again. Pure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from aggregator.models import RawEntry
from aggregator.normalize.identity import Level

#: Looks in a row at which no guid was known and entries were found by other means.
STRIKES = 2
#: Looks at which the witness has to have kept its guid.
STEADY = 3

NOTES: Mapping[Level, str] = {
    "guid": "its guids are kept again: its entries are told apart by them",
    "link": "its guids change with every fetch: its entries are told apart by their links",
    "title": "its guids and links change with every fetch: its entries are told apart by title and date",
}


@dataclass(frozen=True, slots=True)
class Seen:
    """What a document showed of the ids in it."""

    #: Its entries, each with the key of the stored one.
    entries: Sequence[tuple[str, RawEntry]]
    #: Entries that were known by their keys.
    known: int
    #: Entries found by other means, whose guid was another one; and those whose link was another one besides.
    guids_changed: int
    links_changed: int


@dataclass(frozen=True, slots=True)
class Trust:
    """What is remembered of the ids of a source."""

    level: Level = "guid"
    strikes: int = 0
    #: Looks at which the witness kept its guid.
    steady: int = 0
    #: Hash of the key of the entry, and of its guid.
    witness: str | None = None

    @classmethod
    def load(cls, text: str | None) -> Trust:
        """Read what `dump` wrote; anything else counts as full trust."""
        if text is None:
            return _FULL
        words = text.split(" ")
        if len(words) != 4 or words[0] not in NOTES or not (words[1].isdecimal() and words[2].isdecimal()):
            return _FULL
        return cls(cast(Level, words[0]), int(words[1]), int(words[2]), None if words[3] == "-" else words[3])

    def dump(self) -> str | None:
        """Return it as text; None where there is nothing to remember."""
        return None if self == _FULL else f"{self.level} {self.strikes} {self.steady} {self.witness or '-'}"

    def after(self, seen: Seen) -> Trust:
        """Return the trust after one more document."""
        if self.level == "guid":
            return self._of_guids(seen)
        if self.level == "link" and not seen.known and seen.links_changed:
            return Trust("title")
        return self._witnessed(seen.entries)

    def _of_guids(self, seen: Seen) -> Trust:
        if seen.known:
            return self if not self.strikes else _FULL
        if not seen.guids_changed:
            return self
        if self.strikes + 1 < STRIKES:
            return replace(self, strikes=self.strikes + 1)
        return Trust("title" if seen.links_changed else "link")

    def _witnessed(self, entries: Sequence[tuple[str, RawEntry]]) -> Trust:
        now = {_digest(key): _digest(raw.guid) for key, raw in entries if raw.guid}
        key, _, guid = (self.witness or "").partition(":")
        if key not in now:
            first = next(iter(now), None)
            return replace(self, witness=first and f"{first}:{now[first]}")
        if now[key] != guid:
            return replace(self, steady=0, witness=f"{key}:{now[key]}")
        if self.steady + 1 < STEADY:
            return replace(self, steady=self.steady + 1)
        return _FULL


_FULL = Trust()


def _digest(text: str | None) -> str:
    return hashlib.sha256((text or "").encode("utf-8", "surrogatepass")).hexdigest()[:16]
