"""Decisions: what is new or changed, what is remembered, when to come back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.errors import FetchError, ParseError
from aggregator.models import (
    Auto,
    Entry,
    Every,
    FeedState,
    FeedUpdate,
    Fetched,
    Identified,
    Known,
    NotModified,
    ParsedFeed,
    RawEntry,
    Source,
    Syndication,
)
from aggregator.pipeline.decide import (
    FRESH,
    MAX_ERROR,
    MAX_NOTE,
    MAX_NOTES,
    MAX_REVISIONS,
    Received,
    Settled,
    failed,
    is_fresh,
    not_modified,
    select,
    succeeded,
)
from aggregator.schedule import NEVER, FailureStreak, Rhythm, next_due, observe
from tests import store_samples

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SOURCE = Source(
    id="s",
    name=None,
    kind="feed",
    url="https://example.org/feed.xml",
    category="news",
    section=None,
    interval=Every(timedelta(hours=1)),
    timeout=timedelta(seconds=20),
    max_body=1000,
    allow_private=False,
    explicit_id=True,
    line=1,
)
STATE = FeedState(
    "s",
    title="Old title",
    home_url="https://example.org/",
    etag='"1"',
    last_modified="Mon, 01 Jan 2026 00:00:00 GMT",
    body_hash="aa",
    request_hash="rr",
    last_success_at=NOW - timedelta(days=1),
    failures=3,
    failure_kind="timeout",
    error="too slow",
)
FETCHED = Fetched(SOURCE.url, SOURCE.url, 200, "application/xml", b"x", '"2"', "Tue", "bb")
PARSED = ParsedFeed("rss20", "test", (), "New title", "https://example.org/home")


def identified(key: str, digest: str = "new") -> Identified:
    return Identified(key, digest, RawEntry(title=None))


def known(key: str, digest: str = "old", revision: int = 0) -> Known:
    return Known(key, digest, NOW, NOW, True, revision)


def never(raw: RawEntry) -> datetime | None:
    return None


@given(st.lists(st.sampled_from("abcdef"), unique=True), st.dictionaries(st.sampled_from("abcdef"), st.booleans()))
def test_every_entry_is_new_or_changed_or_unchanged(keys: list[str], stored: dict[str, bool]) -> None:
    chosen = select(
        [identified(key) for key in keys],
        {key: known(key, "new" if same else "old") for key, same in stored.items()},
        never,
    )
    assert [one.key for one in chosen.new] == [key for key in keys if key not in stored]
    assert [one.key for one, _ in chosen.changed] == [key for key in keys if stored.get(key) is False]
    assert len(chosen.new) + len(chosen.changed) + chosen.unchanged == len(keys)
    assert all(one.key == old.key for one, old in chosen.changed)


def test_an_entry_that_never_rests_is_left_alone_in_the_end() -> None:
    at_the_limit = {"a": known("a", revision=MAX_REVISIONS), "b": known("b", revision=MAX_REVISIONS - 1)}
    chosen = select([identified("a"), identified("b")], at_the_limit, never)
    assert [one.key for one, _ in chosen.changed] == ["b"]
    assert chosen.unchanged == 1
    assert chosen.notes


def test_an_entry_of_another_version_is_read_again_and_has_not_changed() -> None:
    stored = {"a": known("a", "0" * 32), "b": known("b", "2." + "0" * 32), "c": known("c", "2." + "1" * 32)}
    chosen = select([identified(key, "2." + "1" * 32) for key in "abc"], stored, never)
    assert [one.key for one, _ in chosen.reread] == ["a"]
    assert [one.key for one, _ in chosen.changed] == ["b"]
    assert [(one.key, old and old.key) for one, old in chosen.entries] == [("b", "b"), ("a", "a")]
    assert chosen.unchanged == 1


def test_a_date_near_the_request_may_be_that_of_the_request() -> None:
    asked = [NOW, NOW - timedelta(hours=3)]
    near = [timedelta(0), FRESH, -FRESH, -timedelta(hours=3)]
    assert all(is_fresh(NOW + distance, asked) for distance in near)
    assert not is_fresh(NOW - timedelta(hours=1), asked)


@pytest.mark.parametrize(("later", "taken"), [(timedelta(minutes=1), True), (timedelta(0), False)])
def test_a_change_that_the_source_dates_is_always_taken(later: timedelta, taken: bool) -> None:
    chosen = select([identified("a")], {"a": known("a", revision=MAX_REVISIONS)}, lambda raw: NOW + later)
    assert bool(chosen.changed) is taken


def test_success_renews_the_account() -> None:
    update = succeeded(Received(SOURCE, STATE, FETCHED, NOW), PARSED, Settled(unchanged=7, notes=("a note",)))
    assert update.state == FeedState(
        "s",
        title="New title",
        home_url="https://example.org/home",
        etag='"2"',
        last_modified="Tue",
        body_hash="bb",
        request_hash="rr",
        last_attempt_at=NOW,
        last_success_at=NOW,
        next_due_at=next_due("s", NOW, SOURCE.interval).at,
        due_why="every 1h",
        rhythm=Rhythm(NOW, NOW).dump(),
        whole_at=NOW,
        notes=("a note",),
    )
    assert (update.unchanged, update.notes) == (7, ("a note",))


def test_the_notes_that_are_remembered_are_bounded_and_stay_until_the_next_document() -> None:
    state = succeeded(
        Received(SOURCE, STATE, FETCHED, NOW), PARSED, Settled(unchanged=7, notes=("x" * 1000,) * 100)
    ).state
    assert state.notes == ("x" * MAX_NOTE,) * MAX_NOTES
    assert not_modified(SOURCE, state, NotModified(SOURCE.url), NOW).state.notes == state.notes
    assert succeeded(Received(SOURCE, state, FETCHED, NOW), PARSED, Settled(unchanged=7)).state.notes == ()


def test_titles_that_are_missing_once_are_kept() -> None:
    update = succeeded(Received(SOURCE, STATE, FETCHED, NOW), replace(PARSED, title=None, home_url=""), Settled())
    assert (update.state.title, update.state.home_url) == ("Old title", "https://example.org/")


def test_validators_of_the_last_answer_do_not_outlive_it() -> None:
    update = succeeded(Received(SOURCE, STATE, replace(FETCHED, etag=None, last_modified=None), NOW), PARSED, Settled())
    assert (update.state.etag, update.state.last_modified) == (None, None)


def test_with_an_article_missing_the_list_is_asked_for_anew() -> None:
    update = succeeded(Received(SOURCE, STATE, replace(FETCHED, missing=("gone",)), NOW), PARSED, Settled())
    assert (update.state.etag, update.state.last_modified, update.state.body_hash) == (None, None, None)
    assert update.state.failures == 0


@pytest.mark.parametrize(("etag", "expected"), [(None, '"1"'), ('"3"', '"3"')])
def test_not_modified_keeps_what_is_known(etag: str | None, expected: str) -> None:
    update = not_modified(SOURCE, STATE, NotModified(SOURCE.url, etag=etag), NOW)
    assert (update.state.etag, update.state.body_hash, update.state.title) == (expected, "aa", "Old title")
    assert (update.state.failures, update.state.error, update.state.failure_kind) == (0, None, None)
    assert update.state.next_due_at == next_due("s", NOW, SOURCE.interval).at
    assert (update.new, update.changed) == ((), ())


def test_failure_keeps_everything_but_its_own_account() -> None:
    error = FetchError("no answer", kind="timeout", url=SOURCE.url)
    update = failed(SOURCE, STATE, error, NOW)
    assert update.state == replace(
        STATE,
        last_attempt_at=NOW,
        next_due_at=next_due("s", NOW, SOURCE.interval, failure=FailureStreak("timeout", 4)).at,
        due_why="failed 4 times in a row (timeout)",
        failures=4,
        failure_kind="timeout",
        error=f"no answer ({SOURCE.url})",
    )
    assert (update.new, update.changed, update.unchanged) == ((), (), 0)


def test_an_error_is_cut() -> None:
    update = failed(SOURCE, STATE, ParseError("x" * 10_000, kind="unparsable"), NOW)
    assert update.state.error == "x" * MAX_ERROR


@given(st.integers(0, 10**6), st.timedeltas(timedelta(minutes=1), timedelta(days=400)))
def test_the_wait_grows_from_the_interval_to_its_limit(failures: int, interval: timedelta) -> None:
    source, error = replace(SOURCE, interval=Every(interval)), FetchError("down", kind="connect")
    waits = []
    for count in (failures, failures + 1):
        due = failed(source, replace(STATE, failures=count), error, NOW).state.next_due_at
        assert due is not None
        waits.append(due - NOW)
    assert waits[0] <= waits[1] <= max(timedelta(hours=24), interval + timedelta(seconds=1))
    assert interval > timedelta(hours=16) or interval / 2 <= waits[0]
    assert waits[0] >= min(timedelta(minutes=10) * 2 ** min(failures, 10), timedelta(hours=12))


def test_retry_after_is_waited_for_and_a_held_source_has_not_failed() -> None:
    state = FeedState("one")
    later = NOW + timedelta(days=3)
    asked = FetchError("busy", kind="http_status", status=503, retry_after=later)
    assert failed(SOURCE, state, asked, NOW).state.next_due_at == later
    held = failed(SOURCE, state, FetchError("held", kind="http_status", retry_after=later, held=True), NOW)
    assert (held.state.failures, held.state.next_due_at, held.notes) == (0, later, ("held",))
    for_now = failed(SOURCE, state, FetchError("held", kind="http_status", held=True), NOW)
    assert (for_now.state.failures, for_now.state.next_due_at) == (0, NOW + timedelta(hours=1))


def entry(published: datetime, *, dated: bool = True) -> Entry:
    return store_samples.entry("s", published.isoformat(), published_at=published, dated=dated)


def learnt(state: FeedState) -> Rhythm:
    rhythm = Rhythm.load(state.rhythm)
    assert rhythm is not None
    return rhythm


def test_the_rhythm_is_learnt_from_new_entries_whatever_the_interval() -> None:
    posts = tuple(NOW - timedelta(hours=n) for n in range(1, 9))
    first = succeeded(
        Received(SOURCE, FeedState("s"), FETCHED, NOW), PARSED, Settled(new=tuple(map(entry, posts)))
    ).state
    assert learnt(first) == Rhythm.load(observe(None, posts, NOW).dump())
    later = NOW + timedelta(hours=3)
    again = succeeded(
        Received(SOURCE, first, FETCHED, later), PARSED, Settled(new=(entry(NOW + timedelta(hours=1)),), unchanged=8)
    ).state
    assert learnt(again).last == NOW + timedelta(hours=1)
    same = not_modified(SOURCE, again, NotModified(SOURCE.url), later + timedelta(hours=1)).state
    assert same.rhythm == again.rhythm
    broken = failed(SOURCE, same, FetchError("down", kind="dns"), later + timedelta(hours=2)).state
    assert broken.rhythm == again.rhythm


def test_undated_entries_count_when_they_are_first_seen_but_not_at_the_first_look() -> None:
    undated = (entry(NOW, dated=False),)
    first = succeeded(Received(SOURCE, FeedState("s"), FETCHED, NOW), PARSED, Settled(new=undated)).state
    assert learnt(first).last is None
    again = succeeded(Received(SOURCE, first, FETCHED, NOW), PARSED, Settled(new=undated)).state
    assert learnt(again).last == NOW


def test_a_source_from_before_the_schedule_begins_to_learn_with_its_next_look() -> None:
    auto = replace(SOURCE, interval=Auto())
    update = not_modified(auto, STATE, NotModified(SOURCE.url), NOW)
    assert learnt(update.state) == Rhythm(NOW, NOW)
    assert "its own rhythm" in (update.state.due_why or "")


HOURLY = replace(SOURCE, interval=Every(timedelta(minutes=1)))


@pytest.mark.parametrize(
    ("said", "wait"),
    [
        (Syndication(ttl="180"), timedelta(hours=3)),
        (Syndication(update_period="daily", update_frequency="4"), timedelta(hours=6)),
        (Syndication(ttl="999999"), timedelta(hours=24)),
        (Syndication(ttl="no number", skip_days=("Someday",)), timedelta(minutes=1)),
        (None, timedelta(minutes=1)),
    ],
)
def test_what_a_feed_asks_for_holds_until_the_next_document(said: Syndication | None, wait: timedelta) -> None:
    def waits(update: FeedUpdate, now: datetime) -> bool:
        due = update.state.next_due_at
        assert due is not None
        return wait <= due - now + timedelta(seconds=30) <= wait + timedelta(minutes=1)

    first = succeeded(Received(HOURLY, STATE, FETCHED, NOW), replace(PARSED, syndication=said), Settled())
    assert waits(first, NOW)
    later = NOW + timedelta(days=2)
    assert waits(not_modified(HOURLY, first.state, NotModified(SOURCE.url), later), later)
    last = succeeded(Received(HOURLY, first.state, FETCHED, NOW), PARSED, Settled())
    assert last.state.feed_hints is None


def test_skipped_hours_and_days_are_skipped_and_no_others() -> None:
    said = Syndication(skip_hours=tuple(str(hour) for hour in range(12, 20)), skip_days=("Monday",))
    first = succeeded(Received(HOURLY, STATE, FETCHED, NOW), replace(PARSED, syndication=said), Settled())
    due = first.state.next_due_at
    # NOW is a Sunday, at noon.
    assert due is not None
    assert timedelta(hours=8) <= due - NOW < timedelta(hours=8, minutes=10)
    late = NOW.replace(hour=21)
    after = not_modified(HOURLY, first.state, NotModified(SOURCE.url), late).state
    assert after.next_due_at is not None
    assert after.next_due_at - late <= timedelta(minutes=2)


def test_410_counts_days_and_ends_in_never() -> None:
    gone = FetchError("gone", kind="http_status", status=410)
    state = STATE
    for day, expected in enumerate((1, 2, 3)):
        for hour in (0, 1):
            state = failed(SOURCE, state, gone, NOW + timedelta(days=day, hours=hour)).state
            assert (state.gone_days, state.next_due_at == NEVER) == (expected, expected == 3)
    assert not_modified(SOURCE, state, NotModified(SOURCE.url), NOW).state.gone_days == 0
