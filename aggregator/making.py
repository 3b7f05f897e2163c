"""Raw entries of one document in, clean ones out: `normalize` with the reader of dates it needs, as work for a pool."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from aggregator.models import Entry, Identified, Known
from aggregator.normalize import normalize
from aggregator.parse.dates import parse_date


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
