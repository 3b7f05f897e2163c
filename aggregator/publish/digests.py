"""Digests: one item for each day or week of an output, with the headlines and links of that time.

In: the settings of a digest, moments, and the items that came in a period. Out: periods, and one item for each. A
period ends at a time of the clock in a zone, so that one with a change to or from summer time is an hour shorter or
longer. The id and the date of a digest depend on its period alone. Pure.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from aggregator.models import Digest, Entry, Item, Origin, Output
from aggregator.normalize.identity import minted_id
from aggregator.values.markup import attribute_value

#: Headlines in one digest at most; it says how many more there were.
MAX_HEADLINES = 200
_DAY = timedelta(days=1)
#: The weeks around a moment, so that there is an end before and after it.
_AROUND = 9


@dataclass(frozen=True, slots=True)
class Period:
    """The time of one digest: from its start, and before its end; both in UTC."""

    start: datetime
    end: datetime
    #: Its last day in the zone of the digest, and its first one.
    last: date
    first: date

    @property
    def name(self) -> str:
        """The day or the days, for people of any language."""
        return f"{self.last}" if self.first >= self.last else f"{self.first} – {self.last}"


def period_of(digest: Digest, moment: datetime) -> Period:
    """Return the period that holds a moment."""
    zone = ZoneInfo(digest.zone)
    today = moment.astimezone(zone).date()
    days = [today + number * _DAY for number in range(-_AROUND, _AROUND + 1)]
    if digest.every == "weekly":
        days = [day for day in days if day.weekday() == digest.weekday]
    clock = time(digest.minute // 60, digest.minute % 60, tzinfo=zone)
    # A time that the clock skips or has twice is the one by the offset before the change.
    ends = [datetime.combine(day, clock).astimezone(UTC) for day in days]
    start = max(end for end in ends if end <= moment)
    end = min(end for end in ends if end > moment)
    last = (end - timedelta(seconds=1)).astimezone(zone).date()
    first = last if digest.every == "daily" else start.astimezone(zone).date()
    return Period(start, end, last, first)


def digest_item(output: Output, period: Period, items: Sequence[Item], *, author: str, more: int = 0) -> Item:
    """Return the item of a period.

    Args:
        items: what came in it, as the output shows it, in the order of the feed.
        author: the author of the feed.
        more: how many further items there were.
    """
    lines = [_headline(item) for item in items]
    if more:
        lines.append(f"<li>… (+{more})</li>")
    every = "" if output.digest is None else output.digest.every
    key = f"digest {output.slug} {every} {period.last}"
    entry = Entry(
        source_id=output.slug,
        key=key,
        guid=None,
        url=None,
        title=f"{output.title}: {period.name}",
        html="<ul>\n{}\n</ul>".format("\n".join(lines)),
        summary="",
        authors=(author,),
        tags=(),
        enclosures=(),
        image=None,
        comments_url=None,
        language=output.language,
        published_at=period.end,
        updated_at=period.end,
        dated=True,
        hash="",
    )
    origin = Origin(output.slug, output.title, None, None, output.slug, None)
    return Item(entry, minted_id("", key), None, origin, 0)


def _headline(item: Item) -> str:
    title, source = html.escape(item.entry.title, quote=False), html.escape(item.origin.name, quote=False)
    if item.entry.url is not None:
        title = f'<a href="{attribute_value(item.entry.url)}">{title}</a>'
    return f"<li>{title} ({source})</li>"
