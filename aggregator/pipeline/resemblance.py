"""Entries that no key finds: which stored ones they resemble, and how far the ids of their source can be trusted.

Clean entries and stored ones go into `match`, pairs come out. A site that moves to https or to another host, a
generator that makes new guids, a guid that comes later: the entry is the same where all else that is said of it is.
Two entries are never joined for one resemblance alone, and never where there is a choice: a copy does less harm
than a lost entry.

What was seen in a document goes into `Trust.after`, the next level comes out. Guids that change at every poll identify
nothing, so the links are used; where these change as well, title and date are. A witness, the guid of one entry, shows
when the source keeps its ids again. Pure.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, cast
from urllib.parse import urlsplit

from aggregator.models import TEXT_COMPARED, Entry, KnownEntry, RawEntry
from aggregator.normalize.identity import Level

#: Pairs that are compared among entries of one title.
MAX_PAIRS = 400

Difference = Literal["address", "guid", "both"]
"""In what the two of a pair differ: the address (and the guid, where that is an address), the guid, or both."""


@dataclass(frozen=True, slots=True)
class Pair:
    """An entry and the stored one that it is."""

    #: Place among the new entries.
    place: int
    stored: KnownEntry
    differs: Difference


@dataclass(frozen=True, slots=True)
class Address:
    """An address without what changes when a site moves."""

    #: Host without `www.`.
    site: str
    #: From the first slash on, "" where there is none but that.
    path: str


def match(new: Sequence[Entry], stored: Iterable[KnownEntry], *, whole: bool) -> list[Pair]:
    """Find the pairs.

    Args:
        new: entries that are not known.
        stored: entries of the source that are not in the document under their own keys.
        whole: whether no entry of the document is known, so that the source as a whole has changed its ids.
    """
    by_title: dict[str, tuple[list[int], list[KnownEntry]]] = {}
    for place, entry in enumerate(new):
        by_title.setdefault(entry.title, ([], []))[0].append(place)
    for one in stored:
        if one.title in by_title:
            by_title[one.title][1].append(one)
    found = [pair for places, alike in by_title.values() for pair in _pairs(new, places, alike, whole)]
    apart = [pair for pair in found if pair.differs == "both"]
    # A single entry with another guid and address may be a second one with the same text.
    return found if len(apart) != 1 else [pair for pair in found if pair.differs != "both"]


def address_of(url: str | None) -> Address | None:
    """Take an address apart, None where there is none."""
    try:
        parts = urlsplit(url or "")
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host:
        return None
    site = host.removeprefix("www.") + (f":{port}" if port not in (None, 80, 443) else "")
    rest = parts._replace(scheme="", netloc="").geturl()
    return Address(site, "" if rest == "/" else rest)


def is_another(url: str | None, title: str, published_at: datetime | None, stored: KnownEntry) -> bool:
    """Whether an entry with the guid of a stored one is another: its address, its title and its date are.

    Where the address is no identity (`url` is None), title and date decide.
    """
    if published_at is None or not stored.known.dated or published_at == stored.known.published_at:
        return False
    here, there = address_of(url), address_of(stored.url)
    if url is not None and (here is None or there is None or here.path == there.path):
        return False
    return bool(title) and title != stored.title


def variants(url: str | None) -> list[str]:
    """Return the same address with the other scheme, with and without `www.`."""
    scheme, separator, rest = (url or "").partition("://")
    if scheme not in ("http", "https") or not separator:
        return []
    other = rest.removeprefix("www.") if rest.startswith("www.") else f"www.{rest}"
    swapped = "http" if scheme == "https" else "https"
    return [f"{swapped}://{rest}", f"{scheme}://{other}", f"{swapped}://{other}"]


def _pairs(new: Sequence[Entry], places: Sequence[int], alike: Sequence[KnownEntry], whole: bool) -> list[Pair]:
    """Pairs among entries of one title, where neither side has a choice."""
    if not alike or len(places) * len(alike) > MAX_PAIRS:
        return []
    pairs = [
        Pair(place, one, differs)
        for place in places
        for one in alike
        if (differs := _resemblance(new[place], one, whole)) is not None
    ]
    # An address that is the same is better than one that is not.
    near = [pair for pair in pairs if pair.differs != "both"] or pairs
    entries, keys = Counter(pair.place for pair in near), Counter(pair.stored.known.key for pair in near)
    return [pair for pair in near if entries[pair.place] == keys[pair.stored.known.key] == 1]


def _resemblance(entry: Entry, stored: KnownEntry, whole: bool) -> Difference | None:
    """How an entry resembles a stored one of the same title; None where they are two."""
    dated = entry.dated and stored.known.dated
    if dated and entry.published_at != stored.known.published_at:
        return None
    if len(entry.enclosures) != len(stored.enclosures):
        return None
    here, there = address_of(entry.url), address_of(stored.url)
    if entry.url == stored.url:
        return "guid" if _says_the_same(entry, stored, dated) else None
    if here is None or there is None:
        return None
    if here.path == there.path and here.path:
        moved = here.site == there.site and (dated or _says_the_same(entry, stored, dated))
        if moved and _same_guid(entry.guid, stored.guid):
            return "address"
        if (here.site == there.site or whole) and _says_the_same(entry, stored, dated):
            return "address" if _same_guid(entry.guid, stored.guid) else "guid"
        return None
    return "both" if whole and dated and _words(entry.html) and _says_the_same(entry, stored, dated) else None


def _same_guid(one: str | None, other: str | None) -> bool:
    """Whether two guids are the same, or are addresses that moved."""
    if one == other:
        return True
    here, there = address_of(one), address_of(other)
    return here is not None and there is not None and here.path == there.path


def _says_the_same(entry: Entry, stored: KnownEntry, dated: bool) -> bool:
    """Whether the texts are the same; two entries without a text are told apart by their dates only."""
    if entry.hash == stored.known.hash:
        return True
    words = _words(entry.html)
    return words == _words(stored.html) and (bool(words) or dated)


def _words(html: str) -> str:
    # Few documents have entries without a known key, and the sanitizer takes long to import.
    from aggregator.normalize.sanitizer import text_of

    return text_of(html[:TEXT_COMPARED])


#: Polls in a row at which no guid was known and entries were found by other means.
STRIKES = 2
#: Polls at which the witness has to have kept its guid.
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
    #: Polls at which the witness kept its guid.
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
