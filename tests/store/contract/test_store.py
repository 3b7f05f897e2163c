"""What every store does with sources, entries and what was published."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest

from aggregator.errors import RowError, StoreError
from aggregator.models import TEXT_COMPARED, Enclosure, FeedState, Known, Origin
from aggregator.store import (
    Assignment,
    FeedMetadata,
    PostFile,
    Recognized,
    Store,
    UnassignedEntry,
)
from aggregator.store.protocol import MAX_ALIASES
from tests.store.contract.implementations import Opener
from tests.store_samples import HOUR, NOW, entry, fill, newest_keys, pending_keys, publish, source, update

STATE = FeedState(
    "a",
    title="Feed",
    home_url="https://a.example/",
    etag='W/"x"',
    last_modified="Mon, 06 May 2024 07:08:09 GMT",
    body_hash="b" * 64,
    request_hash="r" * 64,
    last_attempt_at=NOW,
    last_success_at=NOW - HOUR,
    next_due_at=NOW + HOUR,
    failures=3,
    failure_kind="timeout",
    error="no answer within 20 s",
    due_why="failed 3 times in a row (timeout)",
    rhythm="1 2 - 0",
    feed_hints="ttl=3600",
    gone_days=2,
    gone_last=NOW.date(),
    outages=1,
    moved_to="https://b.example/feed",
    moved_since=NOW - HOUR,
)
FULL = entry(
    "a",
    "k",
    guid=None,
    title="“引号” <b> & \U0001f600",
    html="<p>line\n\x01SOH</p>",
    summary="<p>short</p>",
    authors=("A, B", "作者"),
    tags=("x", "y"),
    enclosures=(Enclosure("https://a.example/x.mp3", "audio/mpeg", 2**40, "t", 60), Enclosure("https://a.example/y")),
    image="https://a.example/i.png",
    comments_url="https://a.example/k#comments",
    language="zh-CN",
    published_at=NOW.replace(year=1),
    updated_at=NOW.replace(year=9999),
    dated=False,
)


def test_state_comes_back_as_it_was_stored(store: Store) -> None:
    store.sync_sources([source("a"), source("b")])
    assert store.states() == {"a": FeedState("a"), "b": FeedState("b")}
    store.apply(replace(update("a"), state=STATE))
    assert store.states() == {"a": STATE, "b": FeedState("b")}


def test_state_is_replaced_as_a_whole(store: Store) -> None:
    store.sync_sources([source("a")])
    store.apply(replace(update("a"), state=STATE))
    store.apply(update("a"))
    assert store.states() == {"a": FeedState("a")}


def test_name_of_a_source_is_known_to_come_from_outside(store: Store) -> None:
    store.sync_sources([source("a", name=None), source("b", name="Name")])
    for id in ("a", "b"):
        store.apply(replace(update(id, replace(FULL, source_id=id)), state=replace(STATE, source_id=id, title="Title")))
    named = {item.origin.id: (item.origin.name, item.origin.named) for item in store.pending(10)}
    assert named == {"a": ("Title", False), "b": ("Name", True)}


def test_entry_comes_back_as_it_was_stored(store: Store) -> None:
    store.sync_sources([source("a", name="Name", section="News")])
    store.apply(replace(update("a", FULL), state=STATE))
    (item,) = store.pending(10)
    assert item.entry == FULL
    assert (item.id, item.path) == ("", None)
    assert item.origin == Origin("a", "Name", "https://a.example/feed", "https://a.example/", "c", "News")


@pytest.mark.parametrize(
    ("name", "title", "expected"),
    [("Name", "Title", "Name"), (None, "Title", "Title"), (None, None, "a.example"), (None, "", "a.example")],
)
def test_origin_is_named_by_configuration_then_feed_then_host(
    store: Store, name: str | None, title: str | None, expected: str
) -> None:
    store.sync_sources([source("a", name=name)])
    store.apply(update("a", entry("a", "k"), title=title))
    assert [item.origin.name for item in store.pending(1)] == [expected]


def test_due_gives_those_never_tried_and_then_the_longest_overdue(store: Store) -> None:
    store.sync_sources([source(id) for id in ("a", "b", "c", "d", "e")])
    for id, due in (("a", NOW), ("b", NOW - HOUR), ("c", NOW + timedelta(seconds=1)), ("d", NOW - 2 * HOUR)):
        store.apply(update(id, next_due_at=due))
    assert [state.source_id for state in store.due(NOW)] == ["e", "d", "b", "a"]
    assert store.due_ids(NOW) == ["e", "d", "b", "a"]


def test_states_of_gives_those_of_configured_sources(store: Store) -> None:
    store.sync_sources([source("a"), source("b"), source("c")])
    store.apply(update("b", next_due_at=NOW))
    store.sync_sources([source("a"), source("b")])
    assert store.states_of(["b", "a", "c", "nowhere"]) == {name: store.states()[name] for name in ("a", "b")}
    assert store.states_of([]) == {}


def test_known_gives_what_decide_needs_of_the_keys_that_are_stored(store: Store) -> None:
    store.sync_sources([source("a"), source("b")])
    store.apply(update("a", entry("a", "k1"), entry("a", "k2", dated=False)))
    store.apply(update("b", entry("b", "k3")))
    assert store.recognize("a", ["k1", "k2", "k3", "k4"])[0] == {
        "k1": Known("k1", "hash of k1", NOW, NOW, True, 0),
        "k2": Known("k2", "hash of k2", NOW, NOW, False, 0),
    }
    assert store.recognize("a", [])[0] == {}
    assert store.recognize("nowhere", ["k1"])[0] == {}


def test_recognize_gives_what_is_stored_and_what_was_removed(store: Store) -> None:
    store.sync_sources([source("a"), source("b")])
    store.apply(update("a", entry("a", "k1"), entry("a", "k2"), entry("a", "k3")))
    store.apply(update("b", entry("b", "k1"), entry("b", "k4")))
    store.remove_entries("a", [item.pk for item in store.pending(9) if item.entry.key in ("k2", "k3")])
    keys = ["k1", "k2", "k4", "k5", "k1"]
    known = {"k1": Known("k1", "hash of k1", NOW, NOW, True, 0)}
    assert store.recognize("a", keys) == Recognized(known, {"k2"}, set(), False)
    of_b = store.recognize("b", keys)
    assert (set(of_b.known), of_b.removed) == ({"k1", "k4"}, set())
    assert store.recognize("a", []) == store.recognize("nowhere", keys) == Recognized({}, set(), set(), False)


def test_entries_are_known_by_their_further_keys_and_stay_removed_under_them(store: Store) -> None:
    fill(store, "k", "l")
    store.apply(replace(update("a"), aliases=(("other", "k"), ("nothing", "gone"), ("both", None))))
    found = store.recognize("a", ["other", "nothing", "both", "l"])
    assert {name: old.key for name, old in found.known.items()} == {"other": "k", "l": "l"}
    assert (found.removed, found.shared, found.aliased) == (set(), {"both"}, True)
    # What belongs to several entries does not come to belong to one again.
    store.apply(replace(update("a"), aliases=(("both", "k"), ("other", "l"))))
    found = store.recognize("a", ["other", "both"])
    assert ({name: old.key for name, old in found.known.items()}, found.shared) == ({"other": "l"}, {"both"})
    store.remove_entries("a", [item.pk for item in store.pending(9) if item.entry.key == "l"])
    assert store.recognize("a", ["other", "l"]) == Recognized({}, {"other", "l"}, set(), False)
    store.sync_sources([])
    store.remove_entries("a", [one.pk for one in store.entries_after(0, 9)])
    store.remove_source("a")
    assert store.source_ids() == []


def test_of_the_further_keys_of_an_entry_the_last_are_kept(store: Store) -> None:
    fill(store, "k")
    names = [f"n{number}" for number in range(3 * MAX_ALIASES)]
    for name in names:
        store.apply(replace(update("a"), aliases=((name, "k"),)))
    assert sorted(store.recognize("a", names).known) == sorted(names[-MAX_ALIASES:])


def test_what_is_alike_is_found_by_key_by_date_and_among_the_newest(store: Store) -> None:
    fill(store, "k", "l")
    store.apply(update("a", entry("a", "old", published_at=NOW - HOUR, html="x" * 50_000)))
    assert [one.known.key for one in store.similar_entries("a", ["k", "none"], (), 0)] == ["k"]
    (old,) = store.similar_entries("a", (), [NOW - HOUR], 0)
    assert (old.known.key, old.url, old.title) == ("old", "https://a.example/old", "Title old")
    assert len(old.html) == TEXT_COMPARED
    assert {one.known.key for one in store.similar_entries("a", (), (), 10)} == {"k", "l", "old"}
    assert store.similar_entries("nowhere", ["k"], [NOW], 10) == []


def test_an_entry_that_is_read_again_keeps_its_revision(store: Store) -> None:
    fill(store, "k")
    publish(store)
    again = entry("a", "k", title="Read otherwise", hash="2.new")
    store.apply(replace(update("a"), reread=(again,)))
    (item,) = store.pending(10)
    assert (item.entry, item.id) == (again, "id:a/k")
    assert store.recognize("a", ["k"]).known == {"k": Known("k", "2.new", NOW, NOW, True, 0)}


def test_notes_are_kept_line_by_line(store: Store) -> None:
    fill(store, "k")
    store.apply(update("a", notes=("one", "two\nlines"), identity="link 0 0 -"))
    state = store.states()["a"]
    assert (state.notes, state.identity) == (("one", "two lines"), "link 0 0 -")


def test_more_keys_than_a_statement_takes(store: Store) -> None:
    keys = [f"k{number}" for number in range(40_000)]
    fill(store, *keys[:2_000])
    assert set(store.recognize("a", keys)[0]) == set(keys[:2_000])
    publish(store)
    ids = {f"id:a/{key}" for key in keys}
    taken = store.taken(ids, {f"a/{key}" for key in keys})
    assert (len(taken[0]), len(taken[1])) == (2_000, 2_000)
    store.mark_pending([*keys, "a"])
    assert len(pending_keys(store)) == 2_000


def test_changed_entry_is_rewritten_and_keeps_its_id_and_path(store: Store) -> None:
    fill(store, "k", "other")
    publish(store)
    new = entry("a", "k", title="New", hash="new", published_at=NOW + HOUR, updated_at=NOW + 2 * HOUR)
    store.apply(update("a", changed=(new,)))
    (item,) = store.pending(10)
    assert (item.entry, item.id, item.path) == (replace(new, published_at=NOW), "id:a/k", "a/k.md")
    assert store.recognize("a", ["k"])[0] == {"k": Known("k", "new", NOW, NOW + 2 * HOUR, True, 1)}
    assert store.entry_counts() == {"a": 2}


def test_entry_without_a_date_keeps_that_of_its_first_sight(store: Store) -> None:
    fill(store, "k", dated=False)
    later = entry("a", "k", dated=False, hash="new", published_at=NOW + HOUR, updated_at=NOW + HOUR)
    store.apply(update("a", later))
    assert store.recognize("a", ["k"])[0] == {"k": Known("k", "new", NOW, NOW + HOUR, False, 1)}
    earlier = replace(later, published_at=NOW - HOUR, updated_at=NOW - HOUR)
    store.apply(update("a", changed=(earlier,)))
    assert store.recognize("a", ["k"])[0] == {"k": Known("k", "new", NOW, NOW, False, 2)}


def test_new_entry_that_is_stored_already_and_changed_one_that_is_not(store: Store) -> None:
    fill(store, "k")
    store.apply(update("a", entry("a", "k", hash="x"), entry("a", "l"), changed=(entry("a", "m"),)))
    assert {key: (known.hash, known.revision) for key, known in store.recognize("a", ["k", "l", "m"])[0].items()} == {
        "k": ("x", 1),
        "l": ("hash of l", 0),
        "m": ("hash of m", 0),
    }
    assert store.entry_counts() == {"a": 3}


def test_apply_is_all_or_nothing(store: Store) -> None:
    fill(store, "k")
    before = store.states()
    with pytest.raises(StoreError, match="surrogates"):
        store.apply(update("a", entry("a", "l"), entry("a", "m", title="\ud800"), etag="new"))
    assert (store.states(), store.entry_counts(), pending_keys(store)) == (before, {"a": 1}, ["k"])


def test_apply_for_an_unknown_source_is_an_error(store: Store) -> None:
    with pytest.raises(StoreError, match="'nowhere'"):
        store.apply(update("nowhere"))


def test_pending_comes_by_date_then_source_then_key(store: Store) -> None:
    store.sync_sources([source("b"), source("a")])
    store.apply(update("b", entry("b", "k1"), entry("b", "k0", published_at=NOW - HOUR)))
    store.apply(update("a", entry("a", "k3"), entry("a", "k2"), entry("a", "k9", published_at=NOW + HOUR)))
    assert pending_keys(store) == ["k0", "k2", "k3", "k1", "k9"]
    assert [item.entry.key for item in store.pending(2)] == ["k0", "k2"]
    every = store.pending(9)
    for place, item in enumerate(every):
        assert store.pending(9, item) == every[place + 1 :]
        assert store.pending(1, item) == every[place + 1 :][:1]


def test_unassigned_are_the_pending_ones_without_an_id_in_the_same_order(store: Store) -> None:
    store.sync_sources([source("b"), source("a"), source("gone")])
    store.apply(update("b", entry("b", "k1"), entry("b", "k0", published_at=NOW - HOUR)))
    store.apply(update("a", entry("a", "k3", guid=None, title="T"), entry("a", "k9", published_at=NOW + HOUR)))
    store.apply(update("gone", entry("gone", "k")))
    store.sync_sources([source("b"), source("a")])
    assert [one.key for one in store.unassigned(9)] == pending_keys(store) == ["k0", "k3", "k1", "k9"]
    first, second = store.unassigned(2)
    assert second == UnassignedEntry(second.pk, "k3", None, "T", "https://a.example/feed", "c", "a", NOW)
    store.assign([Assignment(first.pk, "id", "p.md", "p.md")])
    assert [one.key for one in store.unassigned(2)] == ["k3", "k1"]
    assert pending_keys(store) == ["k0", "k3", "k1", "k9"]


def test_feeds_tell_of_themselves_as_long_as_they_are_configured(store: Store) -> None:
    store.sync_sources([source("a"), source("b")])
    store.apply(update("a", title="Title", home_url="https://a.example/"))
    assert store.feed_metadata() == {"a": FeedMetadata("Title", "https://a.example/"), "b": FeedMetadata(None, None)}
    store.sync_sources([source("b")])
    assert list(store.feed_metadata()) == ["b"]


def test_published_entries_are_pending_no_longer_until_they_are_touched(store: Store) -> None:
    store.sync_sources([source("a"), source("b", category="d")])
    store.apply(update("a", entry("a", "k1"), entry("a", "k2")))
    store.apply(update("b", entry("b", "k3")))
    assert store.pending_categories() == {"c", "d"}
    store.mark_published([item.pk for item in store.pending(10) if item.entry.key != "k2"])
    assert (pending_keys(store), store.pending_categories()) == (["k2"], {"c"})
    store.mark_pending(["b", "nowhere"])
    assert (pending_keys(store), store.pending_categories()) == (["k2", "k3"], {"c", "d"})


def test_feed_title_makes_entries_pending_only_where_it_names_the_source(store: Store) -> None:
    store.sync_sources([source("a", name=None), source("b", name="Name")])
    for id in ("a", "b"):
        store.apply(update(id, entry(id, id), title="Title"))
    publish(store)
    for id in ("a", "b"):
        store.apply(update(id, title="Title"))
    assert pending_keys(store) == []
    for id in ("a", "b"):
        store.apply(update(id, title="New title"))
    assert pending_keys(store) == ["a"]


def test_newest_gives_assigned_entries_newest_first_and_equal_dates_as_in_their_document(
    store: Store,
) -> None:
    store.sync_sources([source("a"), source("b", category="d")])
    store.apply(update("a", entry("a", "k2"), entry("a", "k1"), entry("a", "old", published_at=NOW - HOUR)))
    store.apply(update("b", entry("b", "k3"), entry("b", "new", published_at=NOW + HOUR)))
    assert newest_keys(store) == []
    publish(store)
    store.apply(update("b", entry("b", "unassigned")))
    assert newest_keys(store) == ["new", "k2", "k1", "k3", "old"]
    assert newest_keys(store, "c") == ["k2", "k1", "old"]
    assert newest_keys(store, "d", 1) == ["new"]
    store.apply(update("a", entry("a", "k0"), entry("a", "k9")))
    publish(store)
    assert newest_keys(store, "c") == ["k0", "k9", "k2", "k1", "old"]
    # The count of a retention is the same order.
    pks = {item.pk: item.entry.key for item in store.newest("c", 9)}
    assert [pks[pk] for pk in store.expired("a", None, 3, 9)] == ["k1", "old"]
    assert newest_keys(store, "nowhere") == []


def test_id_and_path_are_given_once(store: Store) -> None:
    fill(store, "k", "l")
    first, second = (item.pk for item in store.pending(10))
    store.assign([Assignment(first, "id1", "P1.md", "p1.md")])
    store.assign([Assignment(first, "other", "other.md", "other.md")])
    store.assign([])
    assert [(item.id, item.path) for item in store.pending(10)] == [("id1", "P1.md"), ("", None)]
    assert store.taken(["id1", "id2"], ["P1.md", "p1.md", "other.md"]) == ({"id1"}, {"p1.md"})
    for taken in (Assignment(second, "id1", "x", "x"), Assignment(second, "id2", "p1.MD", "p1.md")):
        with pytest.raises(StoreError, match=r"(?i)unique constraint"):
            store.assign([taken])
    assert [item.id for item in store.newest(None, 10)] == ["id1"]


def test_ids_and_paths_are_given_all_or_none(store: Store) -> None:
    fill(store, "k", "l", "m")
    first, second, third = (item.pk for item in store.pending(10))
    given = [Assignment(third, "id3", "3.md", "3.md"), Assignment(first, "id1", "1.md", "1.md")]
    with pytest.raises(RowError, match=r"(?i)unique constraint"):
        store.assign([*given, Assignment(second, "id3", "2.md", "2.md")])
    assert [item.id for item in store.pending(10)] == ["", "", ""]
    store.assign(given)
    assert [item.id for item in store.pending(10)] == ["id1", "", "id3"]


def test_fingerprints_are_replaced_by_name(store: Store) -> None:
    assert store.fingerprints() == {}
    store.record_fingerprints({"a": "1", "b": "2"})
    store.record_fingerprints({"b": "3", "c": "4"})
    store.record_fingerprints({})
    assert store.fingerprints() == {"a": "1", "b": "3", "c": "4"}


def test_everything_is_there_after_opening_again(opener: Opener) -> None:
    with closing(opener()) as first:
        fill(first, "k1", "k2")
        publish(first)
        wanted = (first.states(), first.entry_counts(), first.newest("c", 10))
    with closing(opener()) as second:
        assert (second.states(), second.entry_counts(), second.newest("c", 10)) == wanted


def test_a_text_with_a_nul_is_kept_or_refused_alone(store: Store) -> None:
    fill(store, "k")
    bad, good = entry("a", "bad", html="a\0b"), entry("a", "good")
    try:
        store.apply(update("a", bad, etag="1"))
    except RowError:
        assert pending_keys(store) == ["k"]
    else:
        assert [item.entry for item in store.pending(1)] == [bad]
    store.apply(update("a", good, etag="2"))
    assert "good" in pending_keys(store)
    assert store.states()["a"].etag == "2"


def test_closing_twice_is_harmless_and_use_afterwards_is_an_error(store: Store) -> None:
    store.close()
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.states()


def test_digests_of_post_files_are_kept_until_their_entries_go(store: Store) -> None:
    fill(store, "k1", "k2")
    first, second = (item.pk for item in store.pending(9))
    assert store.post_files([first, second]) == {}
    store.save_post_files({first: PostFile(None, "1"), second: PostFile("0", "1")})
    store.save_post_files({first: PostFile(None, "2")})
    assert store.post_files([first, second, 99]) == {first: PostFile(None, "2"), second: PostFile("0", "1")}
    store.mark_published([first])
    assert store.post_files([first, second]) == {first: PostFile("2", "2"), second: PostFile("0", "1")}
    assert pending_keys(store) == ["k2"]
    store.remove_entries("a", [first])
    assert store.post_files([first, second]) == {second: PostFile("0", "1")}


def test_posts_move_only_before_they_are_written(store: Store) -> None:
    fill(store, "k1", "k2", "k3")
    pks = [item.pk for item in store.pending(9)]
    store.assign([Assignment(pk, f"id {pk}", f"{pk}.md", f"{pk}.md") for pk in pks])
    store.save_post_files({pks[0]: PostFile(None, "1"), pks[1]: PostFile("1", "2")})
    store.move_posts([Assignment(pk, "ignored", f"{pk}-2.md", f"{pk}-2.md") for pk in pks])
    assert [item.path for item in store.pending(9)] == [f"{pks[0]}-2.md", f"{pks[1]}.md", f"{pks[2]}-2.md"]
    assert {item.id for item in store.pending(9)} == {f"id {pk}" for pk in pks}
    with pytest.raises(RowError):
        store.move_posts([Assignment(pks[0], "", "x.md", f"{pks[1]}.md")])


def test_path_of_a_removed_entry_goes_to_nobody_else(store: Store) -> None:
    fill(store, "k1", "k2", id="a")
    publish(store)
    gone = store.expired("a", None, 1, 10)
    assert len(gone) == 1
    store.remove_entries("a", gone)
    (path,) = gone.values()
    assert path is not None
    key = path.removesuffix(".md")
    assert store.taken([f"id:{key}"], [key]) == ({f"id:{key}"}, {key})
    assert store.entry_counts() == {"a": 1}
    assert store.recognize("a", ["k1", "k2"])[1] == {key.partition("/")[2]}
    assert len(newest_keys(store)) == 1


def test_age_counts_from_publication(store: Store) -> None:
    day = timedelta(days=1)
    store.sync_sources([source("a")])
    store.apply(update("a", *(entry("a", str(n), published_at=NOW - n * day) for n in range(5))))
    assert len(store.expired("a", NOW - 2 * day, None, 10)) == 2
    assert len(store.expired("a", NOW - 2 * day, 1, 3)) == 3
    assert store.expired("b", NOW, 1, 10) == {}
