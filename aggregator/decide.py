"""What a cycle found in; what to write, what to remember and when to come back out. Pure: the time is an argument.

A failed update changes nothing but the account of the failure: entries, validators and titles stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from aggregator.errors import SourceError
from aggregator.models import Entry, FeedState, FeedUpdate, Fetched, Identified, Known, NotModified, ParsedFeed, Source

#: Rewrites of one entry. Some feeds print the time into every entry; they must not change the outputs for ever.
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


def select(identified: Sequence[Identified], known: Mapping[str, Known]) -> Selection:
    """Tell new and changed entries from those that are stored as they are.

    Args:
        known: the stored entries among them, by key.
    """
    new, changed = [], []
    for one in identified:
        old = known.get(one.key)
        if old is None:
            new.append(one)
        elif old.hash != one.hash and old.revision < MAX_REVISIONS:
            changed.append((one, old))
    return Selection(tuple(new), tuple(changed), len(identified) - len(new) - len(changed))


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
        _well(source, state, now),
        title=parsed.title or state.title,
        home_url=parsed.home_url or state.home_url,
        etag=fetched.etag if whole else None,
        last_modified=fetched.last_modified if whole else None,
        body_hash=fetched.body_hash or None if whole else None,
    )
    return FeedUpdate(after, new, changed, unchanged, notes)


def not_modified(source: Source, state: FeedState, outcome: NotModified, now: datetime) -> FeedUpdate:
    """The outcome of a document that is still the one of last time."""
    after = replace(
        _well(source, state, now),
        etag=outcome.etag or state.etag,
        last_modified=outcome.last_modified or state.last_modified,
    )
    return FeedUpdate(after, notes=outcome.notes)


def failed(source: Source, state: FeedState, error: SourceError, now: datetime) -> FeedUpdate:
    """The outcome of a source that could not be had or read: everything is kept, and the next try comes later.

    The wait doubles with every failure in a row, from the source's interval up to `MAX_BACKOFF`.
    """
    failures = state.failures + 1
    # Beyond some thirty doublings every interval is over the limit; the number of failures has none.
    wait = min(source.interval * 2 ** min(failures - 1, 30), max(MAX_BACKOFF, source.interval))
    after = replace(
        state,
        last_attempt_at=now,
        next_due_at=now + wait,
        failures=failures,
        failure_kind=error.kind,
        error=str(error)[:MAX_ERROR],
    )
    return FeedUpdate(after)


def _well(source: Source, state: FeedState, now: datetime) -> FeedState:
    return replace(
        state,
        last_attempt_at=now,
        last_success_at=now,
        next_due_at=now + source.interval,
        failures=0,
        failure_kind=None,
        error=None,
    )
