"""Whatever an entry and a state hold comes back from the store as it was."""

from __future__ import annotations

import tempfile
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.errors import StoreError
from aggregator.models import Enclosure, Entry, FeedState, FeedUpdate, OriginalFeed
from aggregator.models.extras import Extras
from aggregator.store import Store
from tests.extras import FULL
from tests.store.contract.implementations import IMPLEMENTATIONS, some
from tests.store_samples import source

#: Without U+0000, which is no part of a text of PostgreSQL; nor is it of any that is parsed.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
MOMENTS = st.datetimes(timezones=st.just(UTC)).map(lambda moment: moment.replace(microsecond=0))
NUMBERS = st.none() | st.integers(0, 2**70)
ENCLOSURES = st.builds(Enclosure, TEXT, TEXT, NUMBERS, st.none() | TEXT, NUMBERS)


TEXTS = st.lists(TEXT, max_size=3).map(tuple)
ENTRIES = st.builds(
    Entry,
    source_id=st.just("a"),
    key=TEXT,
    guid=st.none() | TEXT,
    url=st.none() | TEXT,
    title=TEXT,
    html=TEXT,
    summary=TEXT,
    authors=TEXTS,
    tags=TEXTS,
    enclosures=st.lists(ENCLOSURES, max_size=3).map(tuple),
    image=st.none() | TEXT,
    comments_url=st.none() | TEXT,
    language=st.none() | TEXT,
    published_at=MOMENTS,
    updated_at=MOMENTS,
    dated=st.booleans(),
    hash=TEXT,
    original_feed=st.none() | st.builds(OriginalFeed, TEXT, st.none() | TEXT, st.none() | TEXT, st.none() | TEXT),
    extras=st.none() | st.just(FULL) | st.builds(Extras, rights=TEXT, season=NUMBERS),
)
STATES = st.builds(
    FeedState,
    source_id=st.just("a"),
    title=st.none() | TEXT,
    home_url=st.none() | TEXT,
    etag=st.none() | TEXT,
    last_modified=st.none() | TEXT,
    body_hash=st.none() | TEXT,
    request_hash=st.none() | TEXT,
    last_attempt_at=st.none() | MOMENTS,
    last_success_at=st.none() | MOMENTS,
    next_due_at=st.none() | MOMENTS,
    failures=st.integers(0, 2**31),
    failure_kind=st.none() | st.sampled_from(["dns", "timeout"]),
    error=st.none() | TEXT,
)


def test_entries_and_states_come_back_as_they_were(implementation: str) -> None:
    @some(implementation, 40)
    @given(entries=st.lists(ENTRIES, max_size=4, unique_by=lambda entry: entry.key), state=STATES)
    def check(entries: list[Entry], state: FeedState) -> None:
        check_round_trip(implementation, entries, state)

    check()


def check_round_trip(implementation: str, entries: list[Entry], state: FeedState) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        IMPLEMENTATIONS[implementation](Path(folder)) as opener,
        closing(opener()) as store,
    ):
        store.sync_sources([source("a")])
        store.apply(FeedUpdate(state, new=tuple(entries)))
        stored = [item.entry for item in store.pending(10)]
        assert store.states() == {"a": state}
        assert stored == sorted(entries, key=lambda entry: (entry.published_at, entry.key))
        assert set(store.recognize("a", [entry.key for entry in entries])[0]) == {entry.key for entry in entries}


def test_datetime_without_a_zone_is_refused(store: Store) -> None:
    store.sync_sources([source("a")])
    with pytest.raises(StoreError, match="no time zone"):
        store.apply(FeedUpdate(FeedState("a", next_due_at=datetime(2024, 1, 1))))
