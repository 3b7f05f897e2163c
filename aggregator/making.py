"""Raw entries of one document in, clean ones out, as work for a pool: `normalize` with the reader of dates it needs.

Of a document that is looked at for the first time all is new, so that it is read here as well: it then goes to another
process as the bytes it came in.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from aggregator.models import Entry, Fetched, Identified, Known, ParsedFeed, RawEntry
from aggregator.normalize import identify, normalize
from aggregator.normalize.identity import aliases_of
from aggregator.parse import parse_plain
from aggregator.parse.dates import ANY_STYLE, Style, parse_date, style_of

#: Characters of a date that cannot be read, in a note.
_QUOTED = 60
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
    #: How the dates of the document are written.
    style: Style = ANY_STYLE

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
    #: What is worth telling of its dates.
    notes: tuple[str, ...]


def read_whole(document: Document) -> Whole | None:
    """Read a document and normalize all its entries; None where it is not for `parse_plain`.

    Raises:
        ParseError: it is no feed.
    """
    parsed = parse_plain(document.fetched)
    if parsed is None:
        return None
    identified = identify(parsed.entries)
    style = style_of_dates(parsed)
    new = tuple((one, None) for one in identified)
    batch = Batch(document.source_id, parsed.language, document.now, new, style)
    notes = unread_dates(parsed, parsed.entries, style)
    return Whole(replace(parsed, entries=()), make_entries(batch), aliases_of(identified), notes)


def make_entries(batch: Batch) -> tuple[Entry, ...]:
    """Normalize the entries, in their order."""
    read = partial(_parse_date, batch.style)
    return tuple(
        normalize(
            one,
            source_id=batch.source_id,
            language=batch.language,
            now=batch.now,
            parse_date=read,
            known=known,
        )
        for one, known in batch.entries
    )


def style_of_dates(parsed: ParsedFeed) -> Style:
    """How the dates of a document are written."""
    return style_of((text for raw in parsed.entries for text in (raw.published, raw.updated)), parsed.language)


def unread_dates(parsed: ParsedFeed, doubtful: Iterable[RawEntry], style: Style) -> tuple[str, ...]:
    """A note where dates of a document cannot be read, with the first of them.

    Args:
        parsed: the document.
        doubtful: those of its entries whose dates may be unreadable.
    """
    unread = [
        texts[0]
        for raw in doubtful
        if (texts := [text for text in (raw.published, raw.updated) if text and not text.isspace()])
        and not any(parse_date(text, timezone=raw.timezone, style=style) for text in texts)
    ]
    if not unread:
        return ()
    total = sum(1 for raw in parsed.entries if raw.published or raw.updated)
    # What a page shows was chosen by a selector.
    hint = "; correct the selector `article.date`" if parsed.reader == "scrape" else ""
    return (f"{len(unread)} of {total} dates could not be read: `{_quoted(unread[0])}`{hint}",)


def _quoted(text: str) -> str:
    one_line = " ".join("".join(c if c.isprintable() else " " for c in text[: _QUOTED * 4]).split())
    return one_line if len(one_line) <= _QUOTED else f"{one_line[: _QUOTED - 1]}…"


def _parse_date(style: Style, text: str, timezone: str | None) -> datetime | None:
    return parse_date(text, timezone=timezone, style=style)
