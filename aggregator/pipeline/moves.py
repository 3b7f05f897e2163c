"""Feeds that have moved permanently: what is remembered of the redirects, and when the new address is used.

In: a source, its state, the outcome of a fetch, the time. Out: states. RFC 9110 lets a client change its links on 301
and 308 (sections 15.4.2 and 15.4.9), but anyone who can answer for a site for an hour (a hotel's network, an intruder)
could take over a feed for ever that way. So the old address is requested again at the first poll of every week and
after every failure, and its answer counts: the move is confirmed, replaced or forgotten.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from aggregator.errors import FetchError
from aggregator.fetch import addresses
from aggregator.models import FeedState, Fetched, NotModified, Source


def usable(source: Source, state: FeedState, now: datetime) -> FeedState:
    """Return the state to fetch with: it has the new address only where that is to be requested.

    Args:
        now: the current time, aware and in UTC.
    """
    if state.moved_to is None:
        return state
    if state.failures:
        # A date that the new address gave could make the old one say 304 for a document that is not the same.
        return replace(state, moved_to=None, last_modified=None)
    confirmed_this_week = state.last_success_at is not None and _week(state.last_success_at) == _week(now)
    if confirmed_this_week and not keeps_credentials_back(source, state.moved_to):
        return state
    return replace(state, moved_to=None)


def remember(
    source: Source, state: FeedState, asked: FeedState, outcome: Fetched | NotModified, now: datetime
) -> tuple[FeedState, Fetched | NotModified]:
    """Return the state with what an answer says of the move, and the answer with a note where that is new.

    Args:
        state: as it was before.
        asked: what `usable` made of it.
    """
    moved_to = outcome.moved_to or asked.moved_to
    if moved_to == state.moved_to:
        return state, outcome
    if moved_to is None or _same(moved_to, source.url):
        return replace(state, moved_to=None, moved_since=None), outcome
    use = "and is asked there from now on"
    if keeps_credentials_back(source, moved_to):
        use = "but is asked at its old address, because its credentials belong there"
    note = f"it has moved permanently to {moved_to}, {use}; after a week, `aggregator fix` changes feeds.yaml"
    return replace(state, moved_to=moved_to, moved_since=now), replace(outcome, notes=(*outcome.notes, note))


def keeps_credentials_back(source: Source, address: str) -> bool:
    """Whether an address is of another origin than a source whose settings are for its own origin only."""
    home, new = _parse(source.url), _parse(address)
    if home is None or new is None:
        return True
    access = source.access
    own = access.headers or access.authorization or access.cookies or access.unverified_until or home.authorization
    return bool(own) and home.origin != new.origin


def _same(one: str, other: str) -> bool:
    first, second = _parse(one), _parse(other)
    return first is not None and second is not None and first.url == second.url


def _parse(url: str) -> addresses.Target | None:
    try:
        return addresses.parse(url)
    except FetchError:
        return None


def _week(moment: datetime) -> tuple[int, int]:
    return moment.astimezone(UTC).isocalendar()[:2]
