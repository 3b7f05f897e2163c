"""What a cycle found in; what to write, what to remember and when to come back out. Pure: the time is an argument.

A failed update changes nothing but the account of the failure: entries, validators and titles stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from aggregator.errors import FetchError, SourceError
from aggregator.models import (
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

#: Rewrites of one entry without a date of their own. Some feeds print the time into every entry; they must not change
#: the outputs for ever.
MAX_REVISIONS = 24
#: A source that fails is tried at least this often, unless its own interval is longer.
MAX_BACKOFF = timedelta(hours=24)
MAX_ERROR = 500


@dataclass(frozen=True, slots=True)
class Selection:
    """The entries of one document, told apart by what has to be done with them."""

    new: tuple[Identified, ...]
    #: Each with what is known of it.
    changed: tuple[tuple[Identified, Known], ...]
    #: How many need nothing.
    unchanged: int
    notes: tuple[str, ...] = ()


def select(
    identified: Sequence[Identified],
    known: Mapping[str, Known],
    changed_at: Callable[[RawEntry], datetime | None],
) -> Selection:
    """Tell new and changed entries from those that are stored as they are.

    An entry that has changed `MAX_REVISIONS` times is from then on rewritten only if the source dates the change.

    Args:
        known: the stored entries among them, by key.
        changed_at: the date of the last change that a raw entry names, or None.
    """
    new, changed, restless = [], [], 0
    for one in identified:
        old = known.get(one.key)
        if old is None:
            new.append(one)
        elif old.hash != one.hash:
            dated = old.revision >= MAX_REVISIONS and changed_at(one.raw)
            if old.revision < MAX_REVISIONS or (dated and dated > old.updated_at):
                changed.append((one, old))
            else:
                restless += 1
    notes = (f"{restless} entries change all the time without a new date and are left as they are",) if restless else ()
    return Selection(tuple(new), tuple(changed), len(identified) - len(new) - len(changed), notes)


def succeeded(
    source: Source,
    state: FeedState,
    fetched: Fetched,
    parsed: ParsedFeed,
    new: tuple[Entry, ...],
    changed: tuple[Entry, ...],
    unchanged: int,
    now: datetime,
    notes: tuple[str, ...] = (),
) -> FeedUpdate:
    """The outcome of a document that was fetched and read.

    Args:
        state: of the source, its `request_hash` being that of the request that was made.
    """
    # With anything missing the same document has to be looked at again, so the server must not answer 304.
    whole = parsed.complete and not fetched.missing
    after = replace(
        _well(source, state, now, fetched.etag if whole else None, fetched.last_modified if whole else None),
        title=parsed.title or state.title,
        home_url=parsed.home_url or state.home_url,
        body_hash=fetched.body_hash or None if whole else None,
    )
    return FeedUpdate(after, new, changed, unchanged, notes)


def not_modified(source: Source, state: FeedState, outcome: NotModified, now: datetime) -> FeedUpdate:
    """The outcome of a document that is still the one of last time."""
    etag, last_modified = outcome.etag or state.etag, outcome.last_modified or state.last_modified
    return FeedUpdate(_well(source, state, now, etag, last_modified), notes=outcome.notes)


def failed(source: Source, state: FeedState, error: SourceError, now: datetime) -> FeedUpdate:
    """The outcome of a source that could not be had or read: everything is kept, and the next try comes later.

    The wait doubles with every failure in a row, from the source's interval up to `MAX_BACKOFF`. It is never shorter
    than the server asked for (Retry-After).
    """
    asked_for = error.retry_after if isinstance(error, FetchError) else None
    if asked_for is not None and isinstance(error, FetchError) and error.held:
        # The host asked others to wait, and this source was not even asked: that is no failure of its own.
        return FeedUpdate(replace(state, next_due_at=max(asked_for, now)), notes=(str(error)[:MAX_ERROR],))
    failures = state.failures + 1
    # The number of failures has no limit, but a duration has one.
    doubled = min(source.interval, MAX_BACKOFF) * 2 ** min(failures - 1, 20)
    wait = max(min(doubled, MAX_BACKOFF), source.interval)
    after = replace(
        state,
        last_attempt_at=now,
        next_due_at=max(now + wait, asked_for or now),
        failures=failures,
        failure_kind=error.kind,
        error=str(error)[:MAX_ERROR],
    )
    return FeedUpdate(after)


def _well(source: Source, state: FeedState, now: datetime, etag: str | None, last_modified: str | None) -> FeedState:
    return replace(
        state,
        last_attempt_at=now,
        last_success_at=now,
        next_due_at=now + source.interval,
        failures=0,
        failure_kind=None,
        error=None,
        etag=etag,
        last_modified=last_modified,
    )
