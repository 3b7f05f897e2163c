"""What becomes of a document: the same wherever it is read and normalized, and whatever is known already."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from aggregator.errors import ParseError, RowError, StoreError
from aggregator.models import FeedState, FeedUpdate, Fetched
from aggregator.parse import parse
from aggregator.pipeline.decide import Received
from aggregator.pipeline.ingest import Ingester, NeedsTolerantParser, read_new
from aggregator.store import Store, open_store
from tests.store_samples import NOW, publish, source
from tests.support import item, rss

URL = "https://a.example/feed"
NEW = FeedState("a")
MANY = tuple(range(1, 200))


def document(*numbers: int, title: str | None = None) -> Fetched:
    """A feed of the source `a`."""
    items = [item(number, **({} if title is None else {"title": title})) for number in numbers]
    return Fetched(URL, URL, 200, "application/rss+xml", rss(items).encode(), etag='"1"', body_hash="of it")


def received(fetched: Fetched, state: FeedState = NEW) -> Received:
    return Received(source("a", url=URL), state, fetched, NOW)


@contextmanager
def ingester(folder: Path, *, dry_run: bool = False) -> Iterator[tuple[Ingester, Store]]:
    """An ingester whose store knows the source `a`."""
    with closing(open_store(folder / "aggregator.db")) as store:
        store.sync_sources([source("a", url=URL)])
        yield Ingester(store, lambda: NOW, dry_run, frozenset({"s3cret"})), store


def first_look(folder: Path, *, elsewhere: bool) -> FeedUpdate:
    with ingester(folder) as (one, store):
        new = received(document(*MANY))
        if elsewhere:
            read = read_new("a", new.fetched, new.now)
            assert read is not None
            update = one.ingest_new(new, read)
        else:
            update = one.ingest(new)
        assert update is not None
        publish(store)
        assert {found.entry for found in store.newest(None, 1000)} == set(update.new)
        return update


def test_a_first_look_gives_the_same_where_it_is_read_elsewhere(tmp_path: Path) -> None:
    here = first_look(tmp_path / "here", elsewhere=False)
    assert here == first_look(tmp_path / "there", elsewhere=True)
    assert (len(here.new), here.changed, here.unchanged) == (len(MANY), (), 0)
    assert (here.state.etag, here.state.body_hash, here.state.last_success_at) == ('"1"', "of it", NOW)


def test_a_first_look_at_entries_that_are_stored_compares_them(tmp_path: Path) -> None:
    with ingester(tmp_path) as (one, store):
        one.ingest(received(document(*MANY)))
        publish(store)
        removed = store.newest(None, 1)[0]
        store.remove_entries("a", [removed.pk])
        again = received(document(*MANY, 1000))
        read = read_new("a", again.fetched, again.now)
        assert read is not None
        assert one.ingest_new(again, read) is None
        update = one.ingest(again)
        assert [found.url for found in update.new] == ["https://example.org/1000"]
        assert (update.changed, update.unchanged) == ((), len(MANY) - 1)


def test_changed_entries_are_told_from_known_ones(tmp_path: Path) -> None:
    with ingester(tmp_path) as (one, _):
        known = one.ingest(received(document(*MANY))).state
        assert one.ingest(received(document(*MANY), known)).unchanged == len(MANY)
        changed = one.ingest(received(document(*MANY, title="Another"), known)).changed
        assert [found.title for found in changed] == ["Another"] * len(MANY)


def test_what_is_no_feed_is_an_error_and_stores_nothing(tmp_path: Path) -> None:
    page = replace(document(1), body=b"<html><body>" + b"<p>words</p>" * 5000)
    with ingester(tmp_path) as (one, store):
        for read in (one.ingest, lambda received: read_new("a", received.fetched, NOW)):
            with pytest.raises(ParseError) as error:
                read(received(page))
            assert error.value.kind == "not_a_feed"
        assert store.states()["a"] == NEW
        assert one.ingest(received(document(1))).new


def test_what_may_take_long_is_for_another_reader_and_goes_on_from_there(tmp_path: Path) -> None:
    with ingester(tmp_path) as (one, store):
        bare = replace(document(1), body=b"<channel/>")
        assert read_new("a", bare, NOW) is None
        with pytest.raises(NeedsTolerantParser):
            one.ingest(received(bare))
        assert store.states()["a"] == NEW
        assert len(one.ingest(received(document()), parse(document(1, 2))).new) == 2


def test_a_value_that_cannot_be_stored_leaves_everything_as_it_was(tmp_path: Path) -> None:
    with ingester(tmp_path) as (one, store):
        read = replace(parse(document(1)), title="\ud800")
        with pytest.raises(RowError):
            one.ingest(received(document()), read)
        assert store.states()["a"] == NEW
        assert one.ingest(received(document(1))).new


def test_outcomes_stay_on_the_list_until_they_are_stored(tmp_path: Path) -> None:
    with ingester(tmp_path) as (one, store):
        states = [replace(NEW, failures=3)]
        store.close()
        with pytest.raises(StoreError):
            one.keep(states)
        assert len(states) == 1
    with ingester(tmp_path) as (one, store):
        one.keep(states)
        assert (states, store.states()["a"].failures) == ([], 3)


def test_a_dry_run_stores_nothing_and_secrets_are_not_told(tmp_path: Path) -> None:
    with ingester(tmp_path, dry_run=True) as (one, store):
        told = replace(document(1), notes=("it is at https://a.example/?key=s3cret now",))
        update = one.ingest(received(told))
        states = [replace(NEW, failures=3)]
        one.keep(states)
        assert (bool(update.new), states) == (True, [])
        assert "s3cret" not in " ".join(update.notes)
        assert store.states()["a"] == NEW
        assert one.seen("a", [update.new[0].key]) == set()
