"""What becomes of a document: the same wherever it is read and cleaned, and whatever is known already."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from aggregator.digest import Digester, Intricate
from aggregator.errors import ParseError, RowError, StoreError
from aggregator.models import FeedState, FeedUpdate, Fetched
from aggregator.parse import parse
from aggregator.pool import SMALLEST, Pool
from aggregator.store import Store, open_store
from tests.store_samples import NOW, publish, source
from tests.support import item, rss

URL = "https://a.example/feed"
NEW = FeedState("a")


def document(*numbers: int, title: str | None = None) -> Fetched:
    """A feed of the source `a`."""
    items = [item(number, **({} if title is None else {"title": title})) for number in numbers]
    return Fetched(URL, URL, 200, "application/rss+xml", rss(items).encode(), etag='"1"', body_hash="of it")


#: Large enough to be worth the way to another process.
MANY = tuple(range(1, 40 * SMALLEST))


@contextmanager
def digester(folder: Path, processes: int = 0, *, dry_run: bool = False) -> Iterator[tuple[Digester, Store]]:
    """A digester whose store knows the source `a`."""
    with (
        closing(open_store(folder / "aggregator.db")) as store,
        Pool(processes=processes, first=0) as pool,
    ):
        store.sync_sources([source("a", url=URL)])
        yield Digester(store, pool, lambda: NOW, dry_run, frozenset({"s3cret"})), store


def first_look(folder: Path, processes: int) -> FeedUpdate:
    with digester(folder, processes) as (one, store):
        update = one.digest(source("a", url=URL), NEW, document(*MANY))
        publish(store)
        assert {found.entry for found in store.newest(None, 1000)} == set(update.new)
        return update


def test_a_first_look_gives_the_same_in_another_process(tmp_path: Path) -> None:
    here, there = first_look(tmp_path / "here", 0), first_look(tmp_path / "there", 1)
    assert here == there
    assert (len(here.new), here.changed, here.unchanged) == (len(MANY), (), 0)
    assert (here.state.etag, here.state.body_hash, here.state.last_success_at) == ('"1"', "of it", NOW)


@pytest.mark.parametrize("processes", [0, 1])
def test_a_first_look_at_entries_that_are_stored_compares_them(tmp_path: Path, processes: int) -> None:
    with digester(tmp_path, processes) as (one, store):
        one.digest(source("a", url=URL), NEW, document(*MANY))
        publish(store)
        removed = store.newest(None, 1)[0]
        store.remove("a", [removed.pk])
        update = one.digest(source("a", url=URL), NEW, document(*MANY, 1000))
        assert [found.url for found in update.new] == ["https://example.org/1000"]
        assert (update.changed, update.unchanged) == ((), len(MANY) - 1)


@pytest.mark.parametrize("processes", [0, 1])
def test_changed_entries_are_told_from_known_ones(tmp_path: Path, processes: int) -> None:
    with digester(tmp_path, processes) as (one, _):
        known = one.digest(source("a", url=URL), NEW, document(*MANY)).state
        assert one.digest(source("a", url=URL), known, document(*MANY)).unchanged == len(MANY)
        changed = one.digest(source("a", url=URL), known, document(*MANY, title="Another")).changed
        assert [found.title for found in changed] == ["Another"] * len(MANY)


@pytest.mark.parametrize("processes", [0, 1])
def test_what_is_no_feed_is_an_error_and_stores_nothing(tmp_path: Path, processes: int) -> None:
    page = replace(document(1), body=b"<html><body>" + b"<p>words</p>" * 5000)
    with digester(tmp_path, processes) as (one, store):
        with pytest.raises(ParseError) as error:
            one.digest(source("a", url=URL), NEW, page)
        assert error.value.kind == "not_a_feed"
        assert store.states()["a"] == NEW
        # The turn was given back.
        assert one.digest(source("a", url=URL), NEW, document(1)).new


def test_what_may_take_long_is_for_another_reader_and_goes_on_from_there(tmp_path: Path) -> None:
    with digester(tmp_path) as (one, store):
        with pytest.raises(Intricate):
            one.digest(source("a", url=URL), NEW, replace(document(1), body=b"<channel/>"))
        assert (store.states()["a"], one.pool.turn.locked()) == (NEW, False)
        read = parse(document(1, 2))
        assert len(one.digest(source("a", url=URL), NEW, document(), read).new) == 2


def test_a_value_that_cannot_be_stored_leaves_everything_as_it_was(tmp_path: Path) -> None:
    with digester(tmp_path) as (one, store):
        read = replace(parse(document(1)), title="\ud800")
        with pytest.raises(RowError):
            one.digest(source("a", url=URL), NEW, document(), read)
        assert store.states()["a"] == NEW
        assert one.digest(source("a", url=URL), NEW, document(1)).new


def test_outcomes_stay_on_the_list_until_they_are_stored(tmp_path: Path) -> None:
    with digester(tmp_path) as (one, store):
        states = [replace(NEW, failures=3)]
        store.close()
        with pytest.raises(StoreError):
            one.keep(states)
        assert len(states) == 1
    with digester(tmp_path) as (one, store):
        one.keep(states)
        assert (states, store.states()["a"].failures) == ([], 3)


def test_a_dry_run_stores_nothing_and_secrets_are_not_told(tmp_path: Path) -> None:
    with digester(tmp_path, dry_run=True) as (one, store):
        told = replace(document(1), notes=("it is at https://a.example/?key=s3cret now",))
        update = one.digest(source("a", url=URL), NEW, told)
        states = [replace(NEW, failures=3)]
        one.keep(states)
        assert (bool(update.new), states) == (True, [])
        assert "s3cret" not in " ".join(update.notes)
        assert store.states()["a"] == NEW
        assert one.seen("a", [update.new[0].key]) == set()
