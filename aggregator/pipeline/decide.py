"""The outcome of a poll: what to write, what to remember, and when to come back. Pure: the time is an argument.

A failed update changes nothing but the record of the failure: entries, validators and titles stay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from aggregator.errors import FetchError, SourceError
from aggregator.models import (
    Auto,
    Entry,
    FeedState,
    FeedUpdate,
    Fetched,
    Identified,
    Known,
    NotModified,
    ParsedFeed,
    RawEntry,
    Source,
)
from aggregator.schedule import (
    NOTHING_SAID,
    FailureStreak,
    FeedHints,
    Gone,
    Rhythm,
    ServerHints,
    after_outage,
    feed_hints,
    next_due,
    observe,
    said_gone,
    server_hints,
)

#: Rewrites of one entry without a date of their own. Some feeds print the time into every entry; they must not change
#: the outputs for ever.
MAX_REVISIONS = 24
#: A date this close to the time of the request may be nothing but that time. A true one is older at the next poll.
FRESH = timedelta(minutes=10)
#: What is kept of the notes of a document.
MAX_NOTES = 10
MAX_NOTE = 300
MAX_ERROR = 500


@dataclass(frozen=True, slots=True)
class Received:
    """A fetched document, with what is known of its source."""

    source: Source
    #: Its `request_hash` is that of the request that was made.
    state: FeedState
    fetched: Fetched
    #: The time of the update, aware, in UTC, whole seconds.
    now: datetime


@dataclass(frozen=True, slots=True)
class Selection:
    """The entries of one document, by what has to be done with them."""

    new: tuple[Identified, ...]
    #: Each with what is known of it, and under the key of that.
    changed: tuple[tuple[Identified, Known], ...]
    #: The same for those that another version stored with another fingerprint: whether they changed is not known.
    reread: tuple[tuple[Identified, Known], ...]
    #: How many need nothing.
    unchanged: int
    notes: tuple[str, ...] = ()

    @property
    def entries(self) -> tuple[tuple[Identified, Known | None], ...]:
        """Those that have to be read: new, changed and to be read again, in this order."""
        return (*((one, None) for one in self.new), *self.changed, *self.reread)


@dataclass(frozen=True, slots=True)
class Settled:
    """What is to be stored of a document."""

    new: tuple[Entry, ...] = ()
    changed: tuple[Entry, ...] = ()
    reread: tuple[Entry, ...] = ()
    #: How many entries are as they were, those of `reread` among them.
    unchanged: int = 0
    #: Names to be remembered, each with the key of its entry; None: it belongs to several.
    aliases: tuple[tuple[str, str | None], ...] = ()
    #: See `FeedState`.
    identity: str | None = None
    #: Notes about the document.
    notes: tuple[str, ...] = ()


def select(
    identified: Sequence[Identified],
    known: Mapping[str, Known],
    changed_at: Callable[[RawEntry], datetime | None],
) -> Selection:
    """Tell new and changed entries from those that are stored as they are.

    An entry that has changed `MAX_REVISIONS` times is from then on rewritten only if the source dates the change.

    Args:
        known: the stored entries among them, by the keys of the document.
        changed_at: the date of the last change that a raw entry names, or None; also where it may be the time of the
            request (`is_fresh`).
    """
    new, changed, reread, restless = [], [], [], 0
    for one in identified:
        old = known.get(one.key)
        if old is None:
            new.append(one)
        elif old.hash != one.hash:
            if one.key != old.key:
                one = replace(one, key=old.key)
            if old.version != one.version:
                reread.append((one, old))
                continue
            dated = old.revision >= MAX_REVISIONS and changed_at(one.raw)
            if old.revision < MAX_REVISIONS or (dated and dated > old.updated_at):
                changed.append((one, old))
            else:
                restless += 1
    notes: tuple[str, ...] = ()
    if restless == 1:
        notes = ("1 entry changes all the time without a new date and is left as it is",)
    elif restless:
        notes = (f"{restless} entries change all the time without a new date and are left as they are",)
    unchanged = len(identified) - len(new) - len(changed) - len(reread)
    return Selection(tuple(new), tuple(changed), tuple(reread), unchanged, notes)


def is_fresh(date: datetime, requests: Iterable[datetime]) -> bool:
    """Whether a date may be that of the request, whose time is known by several clocks."""
    return any(abs(date - moment) <= FRESH for moment in requests)


def succeeded(received: Received, parsed: ParsedFeed, settled: Settled) -> FeedUpdate:
    """Return the outcome of a document that was fetched and read."""
    source, state, fetched, now = received.source, received.state, received.fetched, received.now
    # With anything missing the same document has to be polled again, so the server must not answer 304.
    whole = parsed.complete and not fetched.missing
    wishes = feed_hints(parsed.syndication)
    server = server_hints(fetched.freshness, now, no_validator=not (fetched.etag or fetched.last_modified))
    notes = (*fetched.notes, *parsed.repairs, *fetched.missing, *settled.notes)
    after = replace(
        _recovered(source, state, now, server, wishes, settled.new, first=state.last_success_at is None),
        etag=fetched.etag if whole else None,
        last_modified=fetched.last_modified if whole else None,
        title=parsed.title or state.title,
        home_url=parsed.home_url or state.home_url,
        body_hash=fetched.body_hash or None if whole else None,
        feed_hints=wishes.dump() or None,
        # A 226 has only what is new.
        whole_at=now if fetched.status == 200 else state.whole_at,
        identity=settled.identity,
        notes=tuple([note[:MAX_NOTE] for note in notes[:MAX_NOTES]]),
        memory=fetched.memory or state.memory,
    )
    entries = (settled.new, settled.changed, settled.unchanged)
    return FeedUpdate(after, *entries, notes, settled.reread, settled.aliases, pages=fetched.pages)


def not_modified(source: Source, state: FeedState, outcome: NotModified, now: datetime) -> FeedUpdate:
    """Return the outcome of a document that is still the one of last time."""
    etag, last_modified = outcome.etag or state.etag, outcome.last_modified or state.last_modified
    server = server_hints(outcome.freshness, now, no_validator=not (etag or last_modified))
    whole_at = now if outcome.whole else state.whole_at or now
    memory = outcome.memory or state.memory
    known = replace(state, etag=etag, last_modified=last_modified, whole_at=whole_at, memory=memory)
    return FeedUpdate(_recovered(source, known, now, server, FeedHints.load(state.feed_hints)), notes=outcome.notes)


def failed(source: Source, state: FeedState, error: SourceError, now: datetime) -> FeedUpdate:
    """Return the outcome of a source that could not be fetched or read: all is kept, and it is tried later."""
    fetching = error if isinstance(error, FetchError) else None
    message = str(error)[:MAX_ERROR]
    if fetching and fetching.held:
        # The host asked to be left alone, so that no request was sent: that is no failure of the source.
        until = max(fetching.retry_after or now + _TOO_MANY.backoff(), now)
        return FeedUpdate(replace(state, next_due_at=until, due_why=_HOST_WAITS), notes=(message,))
    status = fetching.status if fetching else None
    gone = Gone.of(state)
    if status == 410:
        gone = said_gone(gone, now)
    failure = FailureStreak(error.kind, state.failures + 1, status, gone)
    due = next_due(
        source.phase or source.id,
        now,
        source.interval,
        rhythm=_known_rhythm(source, state),
        server=_server(fetching, now) if fetching else NOTHING_SAID,
        feed=FeedHints.load(state.feed_hints),
        failure=failure,
        poll_without_validators=source.poll_without_validators,
    )
    after = replace(
        state,
        last_attempt_at=now,
        next_due_at=due.at,
        due_why=due.why,
        failures=failure.in_a_row,
        failure_kind=error.kind,
        error=message,
        gone_days=gone.days,
        gone_last=gone.last,
        outages=0,
    )
    return FeedUpdate(after)


def postponed(state: FeedState, why: str) -> FeedUpdate:
    """Return the outcome of a source for which there was no time: it stays due, and that is no failure of its own."""
    return FeedUpdate(state, notes=(why,))


def given_up(state: FeedState, error: SourceError, now: datetime) -> FeedUpdate:
    """Return the outcome of a failure that `failed` itself failed on: the source is tried again after a while."""
    after = replace(
        state,
        last_attempt_at=now,
        next_due_at=now + _TOO_MANY.backoff(),
        due_why="it failed",
        failures=state.failures + 1,
        failure_kind=error.kind,
        error=str(error)[:MAX_ERROR],
    )
    return FeedUpdate(after)


def not_reached(state: FeedState, now: datetime) -> FeedUpdate:
    """Return the outcome of a poll while the network here was down: no failure of the source, which is tried soon."""
    outages = state.outages + 1
    due = after_outage(state.source_id, now, outages)
    after = replace(state, last_attempt_at=now, next_due_at=due.at, due_why=due.why, outages=outages)
    return FeedUpdate(after, notes=(due.why,))


_HOST_WAITS = "the host asks to be left alone until then"
#: How long the sources of a host wait that was asked too often and does not say until when.
_TOO_MANY = FailureStreak("http_status", 1, 429)


def _recovered(
    source: Source,
    state: FeedState,
    now: datetime,
    server: ServerHints,
    wishes: FeedHints,
    new: Sequence[Entry] = (),
    *,
    first: bool = False,
) -> FeedState:
    """Return the state after a success, which resets all failures."""
    text, rhythm = _rhythm(source, state, new, now, first)
    due = next_due(
        source.phase or source.id,
        now,
        source.interval,
        rhythm=rhythm,
        server=server,
        feed=wishes,
        poll_without_validators=source.poll_without_validators,
        first=first,
    )
    return replace(
        state,
        last_attempt_at=now,
        last_success_at=now,
        next_due_at=due.at,
        due_why=due.why,
        failures=0,
        failure_kind=None,
        error=None,
        gone_days=0,
        gone_last=None,
        outages=0,
        rhythm=text,
    )


def _server(error: FetchError, now: datetime) -> ServerHints:
    said = server_hints(error.freshness, now)
    # The same moment as for the host.
    return said if error.retry_after is None else replace(said, retry_after=error.retry_after - now)


def _rhythm(
    source: Source, state: FeedState, new: Sequence[Entry], now: datetime, first: bool
) -> tuple[str | None, Rhythm | None]:
    """Return the rhythm as it is stored, and the same read where the next poll depends on it.

    It is learnt whatever the interval, so that `auto` knows it from its first day on; a poll that brings nothing costs
    nothing, since a rhythm counts time by itself.
    """
    if state.rhythm is not None and not new:
        return state.rhythm, _known_rhythm(source, state)
    # What was there before the first poll, and when, only the source itself can say.
    posts = [entry.published_at for entry in new if entry.dated or not first]
    rhythm = observe(Rhythm.load(state.rhythm), posts, now)
    return rhythm.dump(), rhythm


def _known_rhythm(source: Source, state: FeedState) -> Rhythm | None:
    return Rhythm.load(state.rhythm) if isinstance(source.interval, Auto) else None
