"""Raw entries of one document in, clean ones out, as work for a pool: `normalize` with the reader of dates it needs.

Of a document that is looked at for the first time all is new, so that it is read here as well: it then goes to another
process as the bytes it came in.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from aggregator.models import Entry, Fetched, Identified, Known, ParsedFeed
from aggregator.normalize import identify, normalize
from aggregator.normalize.identity import aliases_of
from aggregator.parse import parse_plain
from aggregator.parse.dates import parse_date

#: Bytes that an entry takes in most feeds, markup and all.
_USUAL_SIZE = 3000


@dataclass(frozen=True, slots=True)
class Batch:
    """New and changed entries of one document."""

    source_id: str
    #: Of the feed, for entries that name none.
    language: str | None
    #: The time of the update, aware, in UTC, whole seconds.
    now: datetime
    #: Each with what is known of it; None: it is new.
    entries: tuple[tuple[Identified, Known | None], ...]

    def __len__(self) -> int:
        return len(self.entries)


@dataclass(frozen=True, slots=True)
class Document:
    """A feed that is still to be read, of a source of which nothing is known."""

    source_id: str
    fetched: Fetched
    #: As in `Batch`.
    now: datetime

    def __len__(self) -> int:
        """About as many entries as it has."""
        return 1 + len(self.fetched.body) // _USUAL_SIZE


@dataclass(frozen=True, slots=True)
class Whole:
    """All of a document."""

    #: Its entries left out.
    parsed: ParsedFeed
    #: Each of them, as a new one.
    entries: tuple[Entry, ...]
    #: Names of those that share a guid or address, each with the key of its entry.
    aliases: tuple[tuple[str, str | None], ...]


def read_whole(document: Document) -> Whole | None:
    """Read a document and normalize all its entries; None where it is not for `parse_plain`.

    Raises:
        ParseError: it is no feed.
    """
    parsed = parse_plain(document.fetched)
    if parsed is None:
        return None
    identified = identify(parsed.entries)
    batch = Batch(document.source_id, parsed.language, document.now, tuple((one, None) for one in identified))
    return Whole(replace(parsed, entries=()), make_entries(batch), aliases_of(identified))


def make_entries(batch: Batch) -> tuple[Entry, ...]:
    """Normalize the entries, in their order."""
    return tuple(
        normalize(
            one,
            source_id=batch.source_id,
            language=batch.language,
            now=batch.now,
            parse_date=_parse_date,
            known=known,
        )
        for one, known in batch.entries
    )


def _parse_date(text: str, timezone: str | None) -> datetime | None:
    return parse_date(text, timezone=timezone)
