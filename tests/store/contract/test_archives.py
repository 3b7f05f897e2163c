"""Pages of archives: nothing is missing, nothing is twice, and a closed page gets no further entries."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.models import ALL
from aggregator.store import ArchivePage, Assignment, Store
from tests.store.contract.implementations import IMPLEMENTATIONS, some
from tests.store_samples import NOW, entry, source, update

SIZE, LIMIT = 3, 4
#: Hours from `NOW` at which the entries of each update were published.
UPDATES = st.lists(st.tuples(st.sampled_from("ab"), st.lists(st.integers(0, 50), max_size=9)), max_size=8)


class Publisher:
    """Publishes as the program does, with ids in place of files."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.pages: dict[str, list[ArchivePage]] = {"c": [], "d": [], ALL: []}
        self.stored = 0

    def add(self, source_id: str, hours: list[int]) -> None:
        """Store new entries."""
        keys = [f"{source_id}{self.stored + place}" for place in range(len(hours))]
        self.stored += len(hours)
        moments = [NOW + timedelta(hours=hour) for hour in hours]
        new = [
            entry(source_id, key, published_at=moment, updated_at=moment)
            for key, moment in zip(keys, moments, strict=True)
        ]
        self.store.apply(update(source_id, *new))

    def publish(self) -> list[ArchivePage]:
        """Return the pages that were written."""
        store = self.store
        new = store.unassigned(1000)
        store.assign([Assignment(one.pk, f"id:{one.key}", f"{one.key}.md", f"{one.key}.md") for one in new])
        store.mark_published([item.pk for item in store.pending(1000)])
        for output in self.pages:
            store.archives.close_pages(output, LIMIT, SIZE)
        stale = store.archives.stale_pages()
        store.archives.mark_written(stale)
        # Each time, a page is stale by another stamp.
        pages = [page._replace(stamp=0) for page in stale]
        for page in pages:
            if page not in self.pages[page.output]:
                self.pages[page.output].append(page)
        assert store.archives.stale_pages() == []
        return pages

    def shown(self, output: str) -> set[str]:
        return {item.id for item in self.store.newest(None if output == ALL else output, LIMIT)}

    def archived(self, output: str) -> list[list[str]]:
        return [[item.id for item in self.store.archives.items(page)] for page in self.pages[output]]

    def listed(self, output: str) -> set[str]:
        return {item.id for item in self.store.newest(None if output == ALL else output, 1000)}


@pytest.fixture
def publisher(store: Store) -> Publisher:
    store.sync_sources([source("a"), source("b", category="d")])
    return Publisher(store)


def test_feed_and_pages_have_every_entry(implementation: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    @some(implementation, 100)
    @given(updates=UPDATES)
    def check(updates: list[tuple[str, list[int]]]) -> None:
        check_feed_and_pages(updates, implementation, tmp_path_factory)

    check()


def check_feed_and_pages(
    updates: list[tuple[str, list[int]]], implementation: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with (
        IMPLEMENTATIONS[implementation](tmp_path_factory.mktemp("store")) as opener,
        closing(opener()) as store,
    ):
        store.sync_sources([source("a"), source("b", category="d")])
        publisher = Publisher(store)
        for source_id, hours in updates:
            before = {output: publisher.archived(output) for output in publisher.pages}
            publisher.add(source_id, hours)
            publisher.publish()
            for output, pages in publisher.pages.items():
                found = publisher.archived(output)
                flat = [one for page in found for one in page]
                assert len(flat) == len(set(flat))
                assert publisher.shown(output) | set(flat) == publisher.listed(output)
                assert all(0 < len(page) <= SIZE for page in found)
                assert found[: len(before[output])] == before[output]
                assert [page.number for page in pages] == list(range(1, len(pages) + 1))
                assert store.archives.page_count(output) == len(pages)


def test_page_is_stale_when_an_entry_in_it_is_changed_or_removed(publisher: Publisher) -> None:
    publisher.add("a", list(range(10)))
    publisher.publish()
    (third,) = [page for page in publisher.pages["c"] if page.number == 2]
    first, *_ = publisher.store.archives.items(third)
    publisher.store.apply(update("a", changed=(entry("a", first.entry.key, title="Other"),)))
    assert {(page.output, page.number) for page in publisher.publish()} == {("c", 2), (ALL, 2)}
    publisher.store.remove_entries("a", [first.pk])
    assert {(page.output, page.number) for page in publisher.publish()} == {("c", 2), (ALL, 2)}
    assert first.id not in publisher.archived("c")[1]


def test_entries_follow_their_source_to_another_category(publisher: Publisher) -> None:
    publisher.add("a", list(range(10)))
    publisher.add("b", list(range(10, 20)))
    publisher.publish()
    publisher.store.sync_sources([source("a", category="d"), source("b", category="d")])
    publisher.publish()
    assert publisher.archived("c") == [[] for _ in publisher.pages["c"]]
    assert publisher.shown("d") | {one for page in publisher.archived("d") for one in page} == publisher.listed(ALL)


def test_entries_of_a_source_that_is_no_longer_configured_are_in_no_page(publisher: Publisher) -> None:
    publisher.add("a", list(range(10)))
    publisher.publish()
    publisher.store.sync_sources([source("b", category="d")])
    assert {(page.output, page.number) for page in publisher.publish()} == {
        (page.output, page.number) for output in ("c", ALL) for page in publisher.pages[output]
    }
    assert not any(publisher.archived(ALL))


def test_all_pages_of_an_output_can_be_made_stale_and_forgotten(publisher: Publisher) -> None:
    publisher.add("a", list(range(10)))
    publisher.publish()
    archives = publisher.store.archives
    archives.mark(["c", "nothing"])
    assert [page._replace(stamp=0) for page in archives.stale_pages()] == publisher.pages["c"]
    assert set(archives.outputs()) == {"c", ALL}
    archives.drop("c")
    assert (archives.stale_pages(), archives.outputs(), archives.page_count("c")) == ([], [ALL], 0)


def test_pages_stay_small_where_entries_of_other_categories_come_in(publisher: Publisher) -> None:
    # The first and the last entries of the archive of "d" are far apart.
    publisher.add("b", [0, 1])
    publisher.add("a", list(range(100, 140)))
    publisher.add("b", [2, 3, 4, 5])
    publisher.publish()
    assert publisher.store.archives.page_count("d") > 0
    publisher.store.sync_sources([source("a", category="d"), source("b", category="d")])
    publisher.pages["d"] = []
    stale = [page for page in publisher.publish() if page.output == "d"]
    assert publisher.shown("d") | {one for page in publisher.archived("d") for one in page} == publisher.listed(ALL)
    pages = publisher.archived("d")
    assert all(len(page) <= 2 * SIZE for page in pages)
    assert sum(map(len, pages)) == len({one for page in pages for one in page})
    assert [page.number for page in stale] == list(range(1, publisher.store.archives.page_count("d") + 1))
