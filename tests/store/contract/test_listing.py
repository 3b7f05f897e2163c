"""Where entries are listed follows their sources and rulings, in feeds and in archives; and how they are found."""

from __future__ import annotations

from dataclasses import replace

from aggregator.models import ALL, Decision, Placement, Ruling
from aggregator.store import Assignment, Store
from tests.store.contract.ruled import (
    OUTPUTS,
    add,
    decided,
    everything_current,
    outdated,
    rule_again,
)
from tests.store_samples import HOUR, NOW, entry, newest_keys, placed, publish, ruled, source

# -- sources ----------------------------------------------------------------------------------------------------------


def test_a_source_comes_and_goes_and_its_rulings_stay(two: Store) -> None:
    for key, ruling in (
        ("k1", Ruling(entry("a", "k1"), category="e", placements=placed("rust"))),
        ("k2", Ruling(entry("a", "k2"), "held", placements=placed("rust"))),
        ("k3", Ruling(entry("a", "k3"), draft=True, placements=placed("rust"))),
        ("k4", Ruling(entry("a", "k4"), placements=placed("long"))),
    ):
        add(two, key, ruling)
    add(two, "k5", Ruling(entry("b", "k5"), placements=placed("d", "rust")), id="b")

    def shown() -> dict[str, list[str]]:
        return {slug: newest_keys(two, slug) for slug in ("c", "d", "e", *OUTPUTS)}

    before = shown()
    assert before == {"c": ["k4"], "d": ["k5"], "e": ["k1"], "rust": ["k1", "k5"], "long": ["k4"]}
    everything_current(two)
    two.sync_sources([source("b", category="d")])
    assert shown() == {"c": [], "d": ["k5"], "e": [], "rust": ["k5"], "long": []}
    assert outdated(two) == {"c", "e", *OUTPUTS, ALL}
    two.apply(ruled("a", (entry("a", "k6"), Ruling(entry("a", "k6"), placements=placed("rust")))))
    two.sync_sources([source("a"), source("b", category="d")])
    assert shown() == before
    assert two.pending_categories() == {"c", "e", *OUTPUTS}
    publish(two)
    assert newest_keys(two, "rust") == ["k6", "k1", "k5"]
    everything_current(two)
    two.sync_sources([source("a", category="d"), source("b", category="d")])
    assert shown() == {"c": [], "d": ["k6", "k4", "k5"], "e": ["k1"], "rust": ["k6", "k1", "k5"], "long": ["k4"]}
    assert outdated(two) >= {"c"}
    assert two.pending_categories() == {"d", "e", *OUTPUTS}


def test_removed_entries_make_their_outputs_out_of_date(two: Store) -> None:
    item = add(two, "k1", Ruling(entry("a", "k1"), category="e", placements=placed("rust"), address="x"))
    assert item is not None
    everything_current(two)
    decided(two, item.pk, Decision("published", "e"), Ruling(item.entry, category="e", placements=placed("rust")))
    two.remove_entries("a", [item.pk])
    assert outdated(two) == {"e", "rust", ALL}
    assert newest_keys(two, "rust") == []


# -- lookup -----------------------------------------------------------------------------------------------------------


def test_an_entry_is_found_by_whatever_names_it(two: Store) -> None:
    one = entry("a", "key:1", title="Größe of Things", url="https://a.example/1?utm_source=x")
    two.apply(ruled("a", (one, Ruling(replace(one, url="https://a.example/1", title="Ruled 广告")))))
    (item,) = two.pending(9)
    two.assign([Assignment(item.pk, "urn:1", "news/Größe.md", "news/grösse.md")])
    two.add_posts("hugo", [Assignment(item.pk, "urn:1", "c/Other.md", "c/other.md")])
    two.apply(ruled("b", (entry("b", "key:2", title="GRÖSSE"), Ruling(entry("b", "key:2")))))
    for text in (
        "urn:1",
        "key:1",
        "https://a.example/1",
        "https://a.example/1?utm_source=x",
        "news/Größe.md",
        "data/posts/news/größe.md",
        "/srv/data/hugo/c/Other.md",
        "things  GRÖSSE",
        "ruled 广告",
    ):
        assert [found.stored.pk for found in two.find(text)] == [item.pk], text
    assert [found.stored.entry.key for found in two.find("größe")] == ["key:2", "key:1"]
    assert [found.stored.entry.key for found in two.find("größe", 1)] == ["key:2"]
    assert two.find("nothing like it") == two.find("  ") == []
    assert two.tombstone_of("urn:1") is None
    two.remove_entries("a", [item.pk])
    assert two.find("urn:1") == []
    for text in ("urn:1", "key:1", "x/news/Größe.md"):
        gone = two.tombstone_of(text)
        assert gone is not None
        assert (gone.source_id, gone.key, gone.id) == ("a", "key:1", "urn:1")


# -- archives ---------------------------------------------------------------------------------------------------------


def archive(store: Store, output: str) -> list[list[str]]:
    """Close the pages of an archive, and return the keys of what is in each page."""
    store.archives.close_pages(output, 2, 2)
    count = store.archives.page_count(output)
    store.archives.mark([output])
    pages = [page for page in store.archives.stale_pages() if page.output == output]
    assert [page.number for page in pages] == list(range(1, count + 1))
    return [[item.entry.key for item in store.archives.items(page)] for page in pages]


def stale(store: Store) -> set[tuple[str, int]]:
    return {(page.output, page.number) for page in store.archives.stale_pages()}


def test_outputs_and_categories_with_further_members_have_archives(two: Store) -> None:
    for number in range(8):
        id = "ab"[number % 2]
        one = entry(id, f"k{number}", published_at=NOW + number * HOUR)
        own = replace(one, title="Own")
        member = Ruling(one, placements=(Placement("d"), Placement("rust", own))) if id == "a" else Ruling(one)
        two.apply(ruled(id, (one, member)))
        publish(two)
    assert archive(two, "d") == [["k1", "k0"], ["k3", "k2"], ["k5", "k4"]]
    assert archive(two, "c") == [["k2", "k0"]]
    assert archive(two, "rust") == [["k2", "k0"]]
    everything_current(two)
    rule_again(two, "k1", placements=placed("rust"))
    assert stale(two) == {("rust", 1)}
    assert archive(two, "rust") == [["k2", "k1", "k0"]]
    everything_current(two)
    rule_again(two, "k2", verdict="dropped")
    assert stale(two) == {("rust", 1), ("c", 1), ("d", 2)}
    assert archive(two, "d") == [["k1", "k0"], ["k3"], ["k5", "k4"]]
    assert archive(two, "rust") == [["k1", "k0"]]
    everything_current(two)
    pks = {one.entry.key: one.pk for one in two.entries_after(0, 99)}
    two.replace_memberships("rust", [(pks[f"k{number}"], Placement("rust")) for number in (0, 3, 4, 6)], "v2")
    assert stale(two) == {("rust", 1)}
    assert archive(two, "rust") == [["k0"], ["k4", "k3"]]
    everything_current(two)
    two.apply(
        ruled("a", (entry("a", "k0"), Ruling(entry("a", "k0", title="T"), placements=placed("rust"))), changed=True)
    )
    publish(two)
    assert stale(two) == {("rust", 1), ("c", 1), ("d", 1)}
    two.remove_entries("b", [pks["k3"]])
    assert stale(two) == {("rust", 1), ("rust", 2), ("c", 1), ("d", 1), ("d", 2)}
    two.sync_sources([source("b", category="d")])
    assert archive(two, "rust") == [[], []]
