"""What rules made of entries is stored beside them, and decides where and how they are shown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from aggregator.errors import RowError
from aggregator.models import ALL, Decision, Enclosure, FeedState, FeedUpdate, Group, Placement, Ruling, Sight
from aggregator.models.extras import Extras, Person
from aggregator.store import POSTS, Assignment, Judged, PostFile, Store, StoredEntry, WithheldPost
from tests.store.contract.ruled import (
    LATER,
    OUTPUTS,
    add,
    decided,
    everything_current,
    memberships_of,
    outdated,
    rule_again,
    slugs,
    stored,
)
from tests.store_samples import HOUR, NOW, entry, newest_keys, pending_keys, placed, publish, ruled, source, update

# -- what is shown ---------------------------------------------------------------------------------------------------


def test_an_item_has_the_changes_of_the_rules_and_the_entry_stays(two: Store) -> None:
    before = entry("a", "k", tags=("x",), url="https://a.example/k?utm_source=x", summary="s", image="https://i/")
    after = replace(
        before,
        url="https://a.example/k",
        title="Änd\u2028erung",
        html="<p>new</p>",
        summary="",
        authors=("A", "B"),
        tags=("x", "y"),
        enclosures=(Enclosure("https://a.example/f.mp3", "audio/mpeg", 5),),
        image=None,
        comments_url="https://a.example/c",
        language="de",
        extras=Extras(people=(Person("P"),)),
    )
    two.apply(ruled("a", (before, Ruling(after, category="e", made_by=("command",)))))
    (waiting,) = two.unassigned(9)
    assert (waiting.title, waiting.category) == (after.title, "e")
    publish(two)
    for item in (*two.newest(None, 9), *two.newest("e", 9)):
        assert (item.entry, item.origin.category, item.draft) == (after, "e", False)
    assert two.newest("c", 9) == []
    (kept,) = two.entries_after(0, 9)
    assert kept.entry == before
    (found,) = two.rulings_after(0, 9)
    assert (found.stored, found.sight) == (kept, Sight("a", "c", NOW))
    assert found.ruling == Ruling(after, category="e", made_by=("command",))
    assert (found.decision, found.memberships, found.configured) == (None, (), True)


def test_an_output_shows_its_members_in_its_own_way(two: Store) -> None:
    one = entry("a", "k")
    general = replace(one, title="For all", tags=("t",))
    own = replace(general, title="For one")
    two.apply(ruled("a", (one, Ruling(general, placements=(Placement("rust", own), Placement("long"))))))
    publish(two)
    assert [item.entry for item in two.newest("rust", 9)] == [own]
    shown = [member.pk for member in two.members.newest("rust", 9, None, None)]
    assert [item.entry for item in two.members.items("rust", shown)] == [own]
    for slug in ("long", "c", None):
        assert [item.entry for item in two.newest(slug, 9)] == [general]
    (found,) = two.rulings_after(0, 9)
    assert found.ruling.placements == (Placement("long"), Placement("rust", own))


@pytest.mark.parametrize("verdict", ["held", "dropped", "copy"])
def test_what_is_withheld_is_nowhere(two: Store, verdict: str) -> None:
    assert add(two, "k", Ruling(entry("a", "k"), verdict, placements=placed("rust"))) is None  # type: ignore[arg-type]
    assert pending_keys(two) == newest_keys(two) == newest_keys(two, "c") == newest_keys(two, "rust") == []
    assert two.unassigned(9) == []
    (found,) = two.rulings_after(0, 9)
    assert (found.ruling.verdict, found.stored.id) == (verdict, None)
    assert [one.listed for one in found.memberships] == [False]
    assert two.recognize("a", ["k"]).known.keys() == {"k"}
    assert len(two.held(9)) == (verdict == "held")


def test_a_draft_has_a_post_and_is_in_no_feed(two: Store) -> None:
    one = entry("a", "k")
    two.apply(ruled("a", (one, Ruling(one, draft=True, placements=placed("rust")))))
    assert [item.draft for item in two.pending(9)] == [True]
    publish(two)
    assert newest_keys(two) == newest_keys(two, "c") == newest_keys(two, "rust") == []
    everything_current(two)
    rule_again(two, "k", placements=placed("rust"))
    assert [item.draft for item in two.pending(9)] == [False]
    assert newest_keys(two) == newest_keys(two, "c") == newest_keys(two, "rust") == ["k"]
    assert outdated(two) == {"rust"}
    assert two.pending_categories() == {"c", "rust"}


def test_an_entry_is_in_its_first_category_and_in_further_ones_once(two: Store) -> None:
    add(two, "k1", Ruling(entry("a", "k1"), placements=placed("d", "c", ALL)))
    add(two, "k2", id="b", published_at=NOW + HOUR)
    add(two, "k3", published_at=NOW - HOUR)
    assert newest_keys(two, "d") == ["k2", "k1"]
    assert newest_keys(two, "c") == ["k1", "k3"]
    assert newest_keys(two) == ["k2", "k1", "k3"]
    assert newest_keys(two, "d", 1) == ["k2"]
    # The source is moved to where its entry was already.
    two.sync_sources([source("a", category="d"), source("b", category="d")])
    assert newest_keys(two, "d") == ["k2", "k1", "k3"]
    assert [item.origin.category for item in two.newest("d", 9)] == ["d"] * 3


def test_dates_that_a_rule_keeps_are_those_of_new_entries_only(two: Store) -> None:
    one = entry("a", "k", dated=False, future_at=LATER)
    kept = Ruling(replace(one, published_at=LATER, dated=True))
    two.apply(ruled("a", (one, kept)))
    (item,) = two.pending(9)
    assert (item.entry.published_at, item.entry.updated_at, item.entry.dated) == (LATER, LATER, True)
    assert item.entry.future_at == LATER
    two.apply(ruled("a", (one, Ruling(one)), changed=True))
    assert two.pending(9)[0].entry.published_at == LATER


# -- what is known ----------------------------------------------------------------------------------------------------


def test_what_a_ruling_depends_on(two: Store) -> None:
    add(two, "k1", Ruling(entry("a", "k1"), "held", category="e"))
    two.apply(update("a", entry("a", "k2")))
    add(two, "k1", id="b")
    assert two.judged("a", ["k1", "k2", "none"]) == {
        "k1": Judged(NOW, None, "e", "held"),
        "k2": Judged(None, None, None, "published"),
    }
    one = stored(two, "k1")
    decided(two, one.pk, Decision("published", "d"), Ruling(one.entry, category="d"))
    assert two.judged("a", ["k1"]) == {"k1": Judged(NOW, Decision("published", "d"), "d", "published")}
    assert two.judged("none", ["k1"]) == {}


def test_rulings_are_read_in_the_order_of_their_rows(two: Store) -> None:
    for number in range(5):
        moment = NOW + number * HOUR
        one = entry("ab"[number % 2], f"k{number}", published_at=moment - 9 * HOUR)
        two.apply(ruled(one.source_id, (one, Ruling(one)), last_success_at=moment))
    two.apply(update("a", entry("a", "k5", published_at=NOW + HOUR)))

    def keys(pk: int, limit: int, *rest: object) -> list[str]:
        return [one.stored.entry.key for one in two.rulings_after(pk, limit, *rest)]  # type: ignore[arg-type]

    first = two.rulings_after(0, 1)[0].stored.pk
    assert keys(0, 9) == [f"k{number}" for number in range(6)]
    assert keys(first, 2) == ["k1", "k2"]
    assert keys(0, 9, "a") == ["k0", "k2", "k4", "k5"]
    assert keys(0, 9, "a", NOW + HOUR) == ["k2", "k4", "k5"]
    assert keys(0, 9, None, NOW + 3 * HOUR) == ["k3", "k4"]


# -- entries that change -----------------------------------------------------------------------------------------------


def test_a_changed_entry_is_ruled_again(two: Store) -> None:
    add(two, "k", Ruling(entry("a", "k"), category="d", placements=placed(*OUTPUTS), made_by=("http",)))
    everything_current(two)
    one = entry("a", "k", title="Two")
    two.apply(ruled("a", (one, Ruling(replace(one, tags=("t",)), placements=placed("rust"))), changed=True))
    assert [item.entry.title for item in two.newest("c", 9)] == ["Two"]
    assert newest_keys(two, "d") == newest_keys(two, "long") == []
    assert [item.entry.tags for item in two.newest("rust", 9)] == [("t",)]
    assert outdated(two) == {"c", "d", "long"}
    assert two.pending_categories() == {"c", "rust"}
    everything_current(two)
    two.apply(ruled("a", (one, Ruling(one, "dropped")), changed=True))
    assert newest_keys(two) == pending_keys(two) == []
    assert outdated(two) == {"c", "rust", ALL}


@pytest.mark.parametrize("reread", [False, True])
def test_without_a_ruling_an_entry_is_published_as_it_is(two: Store, reread: bool) -> None:
    one = entry("a", "k")
    add(two, "k", Ruling(one, "dropped", category="d", placements=placed("rust"), draft=True, address="x"))
    two.apply(FeedUpdate(FeedState("a"), **{"reread" if reread else "changed": (one,)}))  # type: ignore[arg-type]
    (item,) = two.pending(9)
    assert (item.entry, item.origin.category, item.draft) == (one, "c", False)
    (found,) = two.rulings_after(0, 9)
    assert (found.ruling, found.memberships) == (Ruling(one), ())


def test_a_copy_stays_one_where_its_texts_are_changed_by_the_store_alone(two: Store) -> None:
    for id in ("a", "b"):
        add(two, "k", Ruling(entry(id, "k"), address="x"), id=id)
    two.copies.rejoin(["x"], lambda address, found, apart: [Group(found[0].pk, (found[1].pk,))])
    (_, copy) = two.rulings_after(0, 9)
    assert copy.ruling.verdict == "copy"
    two.replace_rulings([(copy.stored, replace(copy.ruling, entry=replace(copy.ruling.entry, title="Clean")))], {})
    assert two.copies.of([copy.stored.pk])[0].pk == copy.stored.pk
    two.replace_rulings([(copy.stored, replace(copy.ruling, verdict="dropped"))], {})
    assert two.copies.of([copy.stored.pk]) == []
    assert newest_keys(two, "d") == []


def test_a_membership_that_stays_keeps_its_times(two: Store) -> None:
    one = entry("a", "k")
    item = add(two, "k", Ruling(one, placements=placed("rust")))
    assert item is not None
    two.members.release("rust", [item.pk], NOW + HOUR)
    ruling = Ruling(one, placements=placed(*OUTPUTS))
    two.apply(ruled("a", (one, ruling), changed=True, last_success_at=LATER))
    times = {one.placement.output: (one.added_at, one.released_at) for one in memberships_of(two, item.pk)}
    assert times == {"rust": (NOW, NOW + HOUR), "long": (LATER, None)}
    rule_again(two, "k", placements=placed("rust"))
    rule_again(two, "k", placements=placed(*OUTPUTS))
    times = {one.placement.output: (one.added_at, one.released_at) for one in memberships_of(two, item.pk)}
    assert times == {"rust": (NOW, NOW + HOUR), "long": (NOW, None)}


def test_rows_are_renewed_below_what_rules_changed(two: Store) -> None:
    one = entry("a", "k")
    two.apply(ruled("a", (one, Ruling(replace(one, title="Ruled")))))
    (kept,) = two.entries_after(0, 9)
    two.rewrite_entries([replace(kept, entry=replace(one, html="<p>clean</p>", title="T"))], {})
    (item,) = two.pending(9)
    assert (item.entry.title, item.entry.html) == ("Ruled", "<p>clean</p>")


# -- other rules -----------------------------------------------------------------------------------------------------


def test_other_rulings_make_out_of_date_what_they_change(two: Store) -> None:
    add(two, "k1", Ruling(entry("a", "k1"), placements=placed("long")))
    add(two, "k2")
    everything_current(two)
    rule_again(two, "k1", placements=placed(*OUTPUTS))
    assert (outdated(two), pending_keys(two)) == ({"rust"}, [])
    everything_current(two)
    rule_again(two, "k1", placements=placed("rust"), category="d")
    assert (outdated(two), pending_keys(two)) == ({"c", "d", "long"}, ["k1"])
    publish(two)
    everything_current(two)
    rule_again(two, "k1", verdict="held", placements=placed("rust"))
    assert (outdated(two), pending_keys(two)) == ({"d", "rust", ALL}, [])
    everything_current(two)
    rule_again(two, "k1")
    assert (outdated(two), pending_keys(two)) == ({"c", ALL}, ["k1"])


def test_other_rulings_are_stored_all_or_nothing(two: Store) -> None:
    for key in ("k1", "k2"):
        add(two, key)
    first, second = two.entries_after(0, 9)

    def changes() -> Iterator[tuple[StoredEntry, Ruling]]:
        yield first, Ruling(first.entry, "dropped")
        raise RuntimeError("a rule")

    with pytest.raises(RuntimeError, match="a rule"):
        two.replace_rulings(changes(), {"rules": "new"})
    assert (newest_keys(two), two.fingerprints()) == (["k2", "k1"], {})
    both = [(one, Ruling(one.entry, "dropped")) for one in (first, second)]
    assert two.replace_rulings(iter(both), {"rules": "new"}) == []
    assert (newest_keys(two), two.fingerprints()) == ([], {"rules": "new"})


def test_rulings_may_be_made_while_they_are_stored(two: Store) -> None:
    for number in range(12):
        add(two, f"k{number}")

    def changes() -> Iterator[tuple[StoredEntry, Ruling]]:
        last = 0
        while found := two.rulings_after(last, 5):
            last = found[-1].stored.pk
            yield from ((one.stored, replace(one.ruling, verdict="dropped")) for one in found)

    assert two.replace_rulings(changes(), {}) == []
    assert newest_keys(two) == []


def test_what_its_source_changed_meanwhile_is_left_as_it_is(two: Store) -> None:
    for key in ("k1", "k2", "k3"):
        add(two, key)
    read = two.entries_after(0, 9)
    two.apply(update("a", changed=(entry("a", "k2", title="New"),)))
    two.remove_entries("a", [read[2].pk])
    assert two.replace_rulings([(one, Ruling(one.entry, "dropped")) for one in read], {}) == [read[1].pk]
    assert newest_keys(two) == ["k2"]


def test_memberships_of_an_output_are_made_again(two: Store) -> None:
    pks: dict[str, int] = {}
    for key in ("k1", "k2", "k3", "k4"):
        ruling = Ruling(entry("a", key), "held" if key == "k4" else "published", placements=placed(*OUTPUTS))
        add(two, key, ruling)
        pks[key] = stored(two, key).pk
    two.members.release("rust", [pks["k2"]], LATER)
    everything_current(two)
    own = replace(stored(two, "k3").entry, title="Own")
    rows = [(pks["k2"], Placement("rust")), (pks["k3"], Placement("rust", own)), (pks["k4"], Placement("rust"))]
    two.replace_memberships("rust", iter(rows), "v2")
    assert [item.entry.title for item in two.newest("rust", 9)] == ["Own", "Title k2"]
    assert newest_keys(two, "long") == ["k3", "k2", "k1"]
    assert (outdated(two), pending_keys(two)) == ({"rust"}, [])
    assert two.fingerprints()["output/rust"] == "v2"
    (kept, _) = memberships_of(two, pks["k2"])[::-1]
    assert (kept.added_at, kept.released_at) == (NOW, LATER)
    assert [one.listed for one in memberships_of(two, pks["k4"])] == [False, False]
    two.drop_output("rust")
    assert (newest_keys(two, "rust"), "output/rust" in two.fingerprints()) == ([], False)
    assert slugs(two, pks["k2"]) == ["long"]


# -- review -----------------------------------------------------------------------------------------------------------


def test_held_entries_are_decided_on(two: Store) -> None:
    for key in ("k1", "k2", "k3"):
        add(two, key, Ruling(entry("a", key), "held"))
    first, second, third = two.held(9)
    assert [one.stored.entry.key for one in two.held(1, first.stored.pk)] == ["k2"]
    two.decide(first.stored.pk, Decision("dropped"), NOW)
    two.decide(first.stored.pk, Decision("published", "d"), LATER)
    assert [(one.stored.entry.key, one.decision) for one in two.to_carry_out(9)] == [("k1", Decision("published", "d"))]
    assert len(two.held(9)) == 3
    two.carry_out(first.stored.pk, Ruling(first.stored.entry, category="d"), LATER)
    assert two.to_carry_out(9) == []
    decided(two, second.stored.pk, Decision("dropped"), Ruling(second.stored.entry, "dropped"))
    assert [one.stored.entry.key for one in two.held(9)] == ["k3"]
    assert [item.origin.category for item in two.pending(9)] == ["d"]
    found = two.rulings_after(0, 9)
    assert [one.decision for one in found] == [Decision("published", "d"), Decision("dropped"), None]
    two.decide(first.stored.pk, None, LATER)
    assert [one.decision for one in two.to_carry_out(9)] == [None]
    two.carry_out(first.stored.pk, Ruling(first.stored.entry, "held"), LATER)
    assert two.to_carry_out(9) == []
    assert [one.stored.entry.key for one in two.held(9)] == ["k1", "k3"]
    with pytest.raises(RowError, match="no entry 99"):
        two.decide(99, None, LATER)
    two.carry_out(99, Ruling(third.stored.entry), LATER)


def test_posts_of_entries_that_are_withheld_later(two: Store) -> None:
    item = add(two, "k1")
    other = add(two, "k2")
    never = add(two, "k3")
    assert item and other and never
    two.add_posts(
        "hugo", [Assignment(item.pk, item.id, "K.md", "k.md"), Assignment(other.pk, other.id, "O.md", "o.md")]
    )
    written = {item.pk: PostFile("1", "1"), other.pk: PostFile(None, "1")}
    two.save_post_files(written)
    two.save_post_files({item.pk: PostFile("1", "1")}, "hugo")
    assert two.withheld_posts(9) == []
    for key in ("k1", "k2", "k3"):
        rule_again(two, key, verdict="dropped")
    posts = [
        WithheldPost(item.pk, POSTS, item.path or ""),
        WithheldPost(other.pk, POSTS, other.path or ""),
        WithheldPost(item.pk, "hugo", "K.md"),
    ]
    assert two.withheld_posts(9) == posts
    assert two.withheld_posts(1) == posts[:1]
    two.forget_posts(POSTS, [item.pk])
    assert two.withheld_posts(9) == posts[1:]
    two.forget_posts("hugo", [item.pk])
    rule_again(two, "k2")
    assert two.withheld_posts(9) == []
    rule_again(two, "k2", verdict="held")
    assert two.withheld_posts(9) == posts[1:2]
    two.remove_entries("a", [other.pk])
    assert two.withheld_posts(9) == []


def test_withheld_entries_of_a_source_that_is_no_longer_configured_have_no_posts(two: Store) -> None:
    add(two, "k1")
    add(two, "k2")
    rule_again(two, "k1", verdict="held")
    two.sync_sources([source("b", category="d")])
    assert [item.entry.key for item in two.retired_items(0, 9)] == ["k2"]
