"""One fetched document in, its outcome out, and stored.

    read -> identify -> recognize -> normalize -> settle -> decide -> judge -> store

An `Ingester` works in the thread of the store: a document is one piece of work, because handing it from one thread to
the next would only make it wait. What may take long to parse is parsed in another process before, see
`NeedsTolerantParser`; documents of new sources may be normalized there as well, see `read_new`. Steps of one's own run
outside of the thread, see `NeedsSteps`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from aggregator.config.secrets import public_update
from aggregator.dates.formats import DateStyle, parse_date
from aggregator.errors import RowError
from aggregator.models import (
    Entry,
    FeedState,
    FeedUpdate,
    Fetched,
    HostTraffic,
    Identified,
    InstanceState,
    Known,
    ParsedFeed,
    RawEntry,
    Source,
)
from aggregator.normalize.identity import aliases_of, identify
from aggregator.parse import parse_plain
from aggregator.pipeline import decide
from aggregator.pipeline.decide import Received, Settled
from aggregator.pipeline.judge import NOTHING_TRIED, Judge
from aggregator.pipeline.recognition import recognize, settle, style_of_dates
from aggregator.sources import KINDS
from aggregator.store import Store

#: Characters of a date that cannot be read, in a note.
_QUOTED = 60


OnRead = Callable[[str, ParsedFeed], None]
"""Gets the id of a source and what its kind has read."""


class NeedsTolerantParser(Exception):
    """A document that may take long to parse, so that another process does it (`aggregator.parse.parse`)."""


@dataclass(frozen=True, slots=True)
class NewDocument:
    """A document of which every entry is new."""

    #: Its entries left out.
    parsed: ParsedFeed
    settled: Settled


@dataclass(frozen=True, slots=True)
class Ingester:
    """Brings documents and other outcomes into the store; it is used by one thread.

    Args:
        clock: the current time, aware and in UTC.
        dry_run: store nothing.
        secrets: what must not enter the store.
        confidential: what must not be published either.
        judge: gives entries their rulings; None: all are published as they are.
        steps: whether steps of one's own may run: a look at what would be new must not use up their budget.
        on_read: called for each document that was read here; None: nobody wants to know.
    """

    store: Store
    clock: Callable[[], datetime]
    dry_run: bool
    secrets: frozenset[str]
    confidential: frozenset[str] = frozenset()
    judge: Judge | None = None
    steps: bool = True
    on_read: OnRead | None = None

    def ingest(self, received: Received, parsed: ParsedFeed | None = None) -> FeedUpdate:
        """Make the outcome of a document, and store it.

        Args:
            parsed: the document, if the tolerant reader has read it.

        Raises:
            NeedsTolerantParser: only the tolerant reader can read it.
            NeedsSteps: steps of one's own have to run; `finish` goes on from there.
            SourceError: it cannot be read.
            RowError: what it says cannot be looked up or stored.
            StoreError: nothing can be stored.
        """
        source, now = received.source, received.now
        parse = _parse_plain if parsed is None else lambda _: parsed
        parsed = KINDS[source.kind].read(source, received.fetched, now, parse)
        if self.on_read is not None:
            self.on_read(source.id, parsed)
        compared = recognize(self.store, source.id, received.state, parsed, (now, *_date_of(received.fetched)))
        entries = normalized(source.id, parsed, now, compared.selection.entries, compared.style)
        settled = settle(self.store, source.id, compared, entries)
        advice = KINDS[source.kind].DATE_ADVICE
        notes = (*_unread_dates(parsed, compared.doubtful(entries), compared.style, advice), *settled.notes)
        update = decide.succeeded(received, parsed, replace(settled, notes=notes))
        return self.finish(source, self.public(update))

    def ingest_new(self, received: Received, document: NewDocument) -> FeedUpdate | None:
        """Store a document of which `read_new` has made entries; None where some of them are stored already.

        Raises:
            NeedsSteps: as for `ingest`.
        """
        keys = [entry.key for entry in document.settled.new]
        if self.seen(received.source.id, keys):
            return None
        update = decide.succeeded(received, document.parsed, document.settled)
        return self.finish(received.source, self.public(update))

    def finish(self, source: Source, update: FeedUpdate, tried: Mapping[str, str] = NOTHING_TRIED) -> FeedUpdate:
        """Judge the entries of an outcome without secrets, and store it.

        Args:
            tried: as for `Judge.judge`.

        Raises:
            NeedsSteps: other steps have to run first.
        """
        if self.judge is not None and (update.new or update.changed or update.reread):
            update = self.judge.judge(source, update, tried if self.steps and not self.dry_run else None)
        if not self.dry_run:
            self.store.apply(update)
        return update

    def keep(self, states: list[FeedState]) -> list[RowError]:
        """Store outcomes without a document, and take them off the list; those that cannot be stored leave an error."""
        lost: list[RowError] = []
        stored = states.copy()
        if not self.dry_run:
            try:
                self.store.save_states(stored)
            except RowError:
                lost = self._keep_each(stored)
        del states[: len(stored)]
        return lost

    def host_waits(self) -> dict[str, datetime]:
        """Hosts that want to be left alone, with the time until when."""
        return self.store.host_waits(self.clock())

    def silent(self, span: timedelta) -> bool:
        """Whether no source has worked for this long."""
        last = self.store.last_success()
        return last is None or self.clock() - last >= span

    def record_traffic(self, traffic: Iterable[HostTraffic], waits: Mapping[str, datetime]) -> None:
        """Store the traffic of hosts, and until when they want to be left alone."""
        if not self.dry_run:
            self.store.record_traffic(self.clock(), traffic, waits)

    def record_instances(self, states: Sequence[InstanceState]) -> None:
        """Store how instances answered."""
        if states and not self.dry_run:
            self.store.pages.record_instances(states)

    def seen(self, source_id: str, keys: Sequence[str]) -> set[str]:
        """Those of the keys whose entries are stored, or were removed."""
        found = self.store.recognize(source_id, keys)
        return found.known.keys() | found.removed

    def public(self, update: FeedUpdate) -> FeedUpdate:
        """Return the update without secrets, as it may enter the store."""
        return public_update(update, self.secrets, self.confidential)

    def _keep_each(self, states: Sequence[FeedState]) -> list[RowError]:
        """Store those that can be stored; one that cannot leaves its source as it was, and due."""
        lost = []
        for state in states:
            try:
                self.store.save_states([state])
            except RowError as error:
                lost.append(RowError(f"what came of source {state.source_id} was not stored: {error}"))
        return lost


def read_new(source_id: str, fetched: Fetched, now: datetime) -> NewDocument | None:
    """Read a document and normalize all its entries as new ones; None where it is not for `parse_plain`.

    It uses no store, so that another process can do it.

    Raises:
        ParseError: it is no feed.
    """
    parsed = parse_plain(fetched)
    if parsed is None:
        return None
    identified = identify(parsed.entries)
    style = style_of_dates(parsed)
    entries = normalized(source_id, parsed, now, tuple((one, None) for one in identified), style)
    read = _dated(identified, entries)
    notes = _unread_dates(parsed, (raw for raw in parsed.entries if id(raw) not in read), style)
    return NewDocument(replace(parsed, entries=()), Settled(entries, aliases=aliases_of(identified), notes=notes))


def _parse_plain(fetched: Fetched) -> ParsedFeed:
    parsed = parse_plain(fetched)
    if parsed is None:
        raise NeedsTolerantParser
    return parsed


def normalized(
    source_id: str,
    parsed: ParsedFeed,
    now: datetime,
    entries: Sequence[tuple[Identified, Known | None]],
    style: DateStyle,
) -> tuple[Entry, ...]:
    """Return the entries, normalized, in their order; each comes with what is known of it (None: it is new)."""
    # A cycle without a document does without it, and it takes long to import.
    from aggregator.normalize.entry import normalize

    return tuple(
        [
            normalize(
                one,
                source_id=source_id,
                language=parsed.language,
                now=now,
                known=known,
                style=style,
                general=parsed.extras,
            )
            for one, known in entries
        ]
    )


def _dated(identified: Iterable[Identified], entries: Sequence[Entry]) -> set[int]:
    """Return the `id` of each raw entry whose normalized entry has a date, so that its dates are not read twice."""
    return {id(one.raw) for one, entry in zip(identified, entries, strict=True) if entry.dated}


def _unread_dates(
    parsed: ParsedFeed, doubtful: Iterable[RawEntry], style: DateStyle, advice: str = ""
) -> tuple[str, ...]:
    """Return a note where dates of a document cannot be read, with the first of them.

    Args:
        doubtful: those of its entries whose dates may be unreadable.
        advice: what to do, as a clause, or "".
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
    hint = f"; {advice}" if advice else ""
    return (f"{len(unread)} of {total} dates could not be read: `{_quoted(unread[0])}`{hint}",)


def _quoted(text: str) -> str:
    one_line = " ".join("".join(c if c.isprintable() else " " for c in text[: _QUOTED * 4]).split())
    return one_line if len(one_line) <= _QUOTED else f"{one_line[: _QUOTED - 1]}…"


def _date_of(fetched: Fetched) -> list[datetime]:
    """Return the time of the answer by the server's clock, where it has one."""
    date = parse_date(fetched.freshness.date) if fetched.freshness.date else None
    return [] if date is None else [date]
