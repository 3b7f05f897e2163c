"""One fetched document in, its outcome out, and stored: what comes after fetching, as work for a thread.

    read -> identify -> recognize -> normalize -> decide -> store

A document is one piece of work for one thread, because threads share an interpreter: handing it from one to the next
would only make it wait. What takes long goes to other processes from here, and the store is used by one at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from aggregator import decide
from aggregator.confidential import public_entry, public_state
from aggregator.config import redact
from aggregator.errors import RowError
from aggregator.making import Batch, Document, make_entries, read_whole, unread_dates
from aggregator.models import Entry, FeedState, FeedUpdate, Fetched, HostTraffic, ParsedFeed, Source
from aggregator.parse import parse_plain
from aggregator.parse.dates import parse_date
from aggregator.pool import Pool
from aggregator.recognition import Look, recognize, settle
from aggregator.sources import KINDS
from aggregator.store import Store


class Intricate(Exception):
    """A document that may take long to read, so that `aggregator.parse.parse` reads it where that can be ended."""


@dataclass(frozen=True, slots=True)
class Digester:
    """Digests documents; from several threads at once.

    Args:
        store: used by whoever has the pool's turn.
        pool: where entries are cleaned.
        clock: the current time, aware and in UTC.
        dry_run: store nothing.
        secrets: what must not be told of an update.
        confidential: what must not be published of it either.
    """

    store: Store
    pool: Pool
    clock: Callable[[], datetime]
    dry_run: bool
    secrets: frozenset[str]
    confidential: frozenset[str] = frozenset()

    def digest(self, source: Source, state: FeedState, fetched: Fetched, read: ParsedFeed | None = None) -> FeedUpdate:
        """Make the outcome of a document, and store it.

        Args:
            state: of the source, its `request_hash` being that of the request that was made.
            read: the document, if the tolerant reader has read it.

        Raises:
            Intricate: only the tolerant reader can read it.
            SourceError: it cannot be read.
            RowError: what it says cannot be looked up or stored.
            StoreError: nothing can be stored.
        """
        now = self.clock()
        if read is None and state.last_success_at is None and KINDS[source.kind].AS_FETCHED:
            update = self._first_look(source, state, fetched, now)
            if update is not None:
                return update
        with self.pool.turn:
            parsed = KINDS[source.kind].read(source, fetched, now, _plain if read is None else lambda _: read)
            look = recognize(self.store, source.id, state, parsed, (now, *_date_of(fetched)))
            batch = Batch(source.id, parsed.language, now, look.selection.entries, look.style)
            if not self.pool.is_worth(batch):
                return self._stored(self._succeeded(source, state, fetched, parsed, look, make_entries(batch)))
        entries = self.pool.run(make_entries, batch)
        with self.pool.turn:
            return self._stored(self._succeeded(source, state, fetched, parsed, look, entries))

    def keep(self, states: list[FeedState]) -> list[RowError]:
        """Store outcomes without a document, and take them off the list; those that cannot be stored leave an error."""
        lost: list[RowError] = []
        with self.pool.turn:
            stored = states.copy()
            if not self.dry_run:
                try:
                    self.store.keep(stored)
                except RowError:
                    lost = self._keep_each(stored)
            del states[: len(stored)]
        return lost

    def host_waits(self) -> dict[str, datetime]:
        """Hosts that want to be left alone, with the time until when."""
        with self.pool.turn:
            return self.store.host_waits(self.clock())

    def silent(self, span: timedelta) -> bool:
        """Whether no source has worked for so long."""
        with self.pool.turn:
            last = self.store.last_success()
        return last is None or self.clock() - last >= span

    def record_traffic(self, traffic: Iterable[HostTraffic], waits: Mapping[str, datetime]) -> None:
        """Store what was asked of hosts, and until when they want to be left alone."""
        if not self.dry_run:
            with self.pool.turn:
                self.store.record_traffic(self.clock(), traffic, waits)

    def seen(self, source_id: str, keys: Sequence[str]) -> set[str]:
        """Those of the keys whose entries are stored, or were removed."""
        with self.pool.turn:
            return self._seen(source_id, keys)

    def without_secrets(self, update: FeedUpdate) -> FeedUpdate:
        """What is told of an update goes into the database and from there to many places; its entries to everybody."""
        if update.state.error is None and not update.notes and not self.confidential:
            return update
        state = public_state(update.state, self.confidential)
        error = state.error and redact(state.error, self.secrets)
        kept, notes = (tuple(redact(note, self.secrets) for note in some) for some in (state.notes, update.notes))
        new, changed, reread = (
            tuple([public_entry(entry, self.confidential) for entry in entries]) if self.confidential else entries
            for entries in (update.new, update.changed, update.reread)
        )
        state = replace(state, error=error, notes=kept)
        return replace(update, state=state, new=new, changed=changed, reread=reread, notes=notes)

    def _first_look(self, source: Source, state: FeedState, fetched: Fetched, now: datetime) -> FeedUpdate | None:
        """The outcome of a document that is all new, stored; None where it is too small for that, or is not all new."""
        document = Document(source.id, fetched, now)
        whole = self.pool.run(read_whole, document) if self.pool.is_worth(document) else None
        if whole is None:
            return None
        with self.pool.turn:
            if self._seen(source.id, [entry.key for entry in whole.entries]):
                return None
            entries, notes = whole.entries, (*_notes(fetched, whole.parsed), *whole.notes)
            update = decide.succeeded(
                source, state, fetched, whole.parsed, entries, (), 0, now, notes, aliases=whole.aliases
            )
            return self._stored(update)

    def _stored(self, update: FeedUpdate) -> FeedUpdate:
        update = self.without_secrets(update)
        if not self.dry_run:
            self.store.apply(update)
        return update

    def _keep_each(self, states: Sequence[FeedState]) -> list[RowError]:
        """Store those that can be stored; one that cannot leaves its source as it was, and due."""
        lost = []
        for state in states:
            try:
                self.store.keep([state])
            except RowError as error:
                lost.append(RowError(f"what came of source {state.source_id} was not stored: {error}"))
        return lost

    def _seen(self, source_id: str, keys: Sequence[str]) -> set[str]:
        found = self.store.recognize(source_id, keys)
        return found.known.keys() | found.removed

    def _succeeded(
        self,
        source: Source,
        state: FeedState,
        fetched: Fetched,
        parsed: ParsedFeed,
        look: Look,
        entries: tuple[Entry, ...],
    ) -> FeedUpdate:
        settled = settle(self.store, source.id, look, entries)
        return decide.succeeded(
            source,
            state,
            fetched,
            parsed,
            settled.new,
            settled.changed,
            settled.unchanged,
            look.now,
            (
                *_notes(fetched, parsed),
                *unread_dates(parsed, look.doubtful, look.style),
                *look.selection.notes,
                *settled.notes,
            ),
            reread=settled.reread,
            aliases=settled.aliases,
            identity=settled.trust.dump(),
        )


def _plain(fetched: Fetched) -> ParsedFeed:
    parsed = parse_plain(fetched)
    if parsed is None:
        raise Intricate
    return parsed


def _notes(fetched: Fetched, parsed: ParsedFeed) -> tuple[str, ...]:
    return (*fetched.notes, *parsed.repairs, *fetched.missing)


def _date_of(fetched: Fetched) -> list[datetime]:
    """The time of the answer by the server's clock, where it has one."""
    date = parse_date(fetched.freshness.date) if fetched.freshness.date else None
    return [] if date is None else [date]
