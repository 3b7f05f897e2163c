"""Identity of entries: keys, fingerprints and published ids."""

from __future__ import annotations

import random
import uuid
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.models import Enclosure, RawEntry, Text
from aggregator.normalize.identity import (
    MAX_KEY,
    aliases_of,
    disambiguate,
    fingerprint,
    identify,
    key_of,
    minted_id,
    public_id,
)

SOURCE = "https://example.org/feed.xml"


def raw(guid: str | None = None, url: str | None = None, title: str | None = None, body: str | None = None) -> RawEntry:
    return RawEntry(
        guid=guid,
        url=url,
        title=None if title is None else Text(title, "html"),
        content=None if body is None else Text(body, "html"),
    )


few = st.none() | st.sampled_from(["a", "b", " a ", "", "a b", "é\ud800\x00"])
entries = st.lists(st.builds(raw, few, few, few, few), max_size=12)


@given(entries, st.randoms(use_true_random=False))
def test_keys_are_unique_and_independent_of_the_order(document: list[RawEntry], chance: random.Random) -> None:
    found = identify(document)
    keys = {one.key: one.hash for one in found}
    assert len(keys) == len(found)
    shuffled = list(document)
    chance.shuffle(shuffled)
    assert {one.key: one.hash for one in identify(shuffled)} == keys
    assert all(key and len(key) <= MAX_KEY and key.encode() for key in keys)


@given(entries)
def test_identifying_again_changes_nothing(document: list[RawEntry]) -> None:
    once = identify(document)
    again = identify([one.raw for one in once])
    assert [(one.key, one.hash, one.raw) for one in again] == [(one.key, one.hash, one.raw) for one in once]


def test_the_key_is_the_guid_else_the_address_else_a_hash() -> None:
    with_guid, with_url, bare = identify(
        [raw(" tag:1 ", "https://e.org/1", "t"), raw(None, "https://e.org/2", "t"), raw(title="t", body="b")]
    )
    assert (with_guid.key, with_url.key) == ("tag:1", "https://e.org/2")
    assert bare.key.startswith("hash:")


def test_a_guid_is_compared_with_case() -> None:
    assert len(identify([raw("A", title="x"), raw("a", title="x")])) == 2


def test_entries_that_share_a_guid_are_all_told_apart_by_address() -> None:
    document = [raw("same", f"https://e.org/{number}", f"title {number}") for number in range(3)]
    names = [one.names for one in identify(document)]
    assert [name and (name.base, name.place) for name in names] == [
        ("same", f"same\nhttps://e.org/{number}") for number in range(3)
    ]


@given(entries)
def test_the_names_of_an_entry_do_not_depend_on_its_siblings(document: list[RawEntry]) -> None:
    for one in identify(document):
        if one.names is not None:
            alone = disambiguate(replace(one, key=one.names.base))
            assert alone.names == replace(one.names, copied=False)


@given(entries)
def test_further_names_lead_to_one_entry_or_are_known_to_be_shared(document: list[RawEntry]) -> None:
    found = identify(document)
    keys = {one.key for one in found}
    aliases = dict(aliases_of(found))
    assert keys.isdisjoint(aliases)
    assert {key for key in aliases.values() if key is not None} <= keys
    assert {one.names.base for one in found if one.names} == {name for name, key in aliases.items() if key is None} & {
        one.names.base for one in found if one.names
    }


def test_where_guids_are_no_identity_the_link_or_title_and_date_are() -> None:
    one = replace(raw("g1", "https://e.org/1?sid=1", "t", "b"), published="Mon")
    two = replace(one, guid="g2")
    three = replace(two, url="https://e.org/1?sid=2")
    assert key_of(one, "link") == key_of(two, "link") == "https://e.org/1?sid=1"
    assert key_of(two, "title") == key_of(three, "title") != key_of(replace(three, published="Tue"), "title")
    assert fingerprint(two, "title") == fingerprint(three, "title")
    assert fingerprint(one) == fingerprint(two) != fingerprint(three)


def test_then_by_title_and_then_by_text() -> None:
    found = identify([raw("g", "u", "one"), raw("g", "u", "two"), raw("g", "u", "two", "text"), raw("h", "u", "one")])
    assert len({one.key for one in found}) == 4
    assert found[3].key == "h"


def test_a_changed_text_keeps_the_key_of_an_entry_told_apart_by_address() -> None:
    before = identify([raw("g", "u1", "t", "old"), raw("g", "u2", "t", "x")])
    after = identify([raw("g", "u1", "t", "new"), raw("g", "u2", "t", "x")])
    assert [one.names and one.names.place for one in before] == [one.names and one.names.place for one in after]
    assert before[0].hash != after[0].hash


def test_exact_duplicates_are_one_entry() -> None:
    entry = raw("g", "u", "t", "b")
    assert len(identify([entry, replace(entry), entry])) == 1


def test_two_versions_that_differ_in_nothing_shown_are_one_entry_in_any_order() -> None:
    versions = [replace(raw("g", "u", "t", "b"), tags=(tag,)) for tag in "xy"]
    assert identify(versions) == identify(versions[::-1])
    assert [one.key for one in identify(versions)] == ["g"]


def test_reports_without_guid_and_address_are_told_apart_by_their_dates() -> None:
    reports = [replace(raw(title="t", body="b"), published=day) for day in ("Mon", "Tue")]
    assert len(identify(reports)) == 2
    assert len(identify([replace(report, guid="g") for report in reports])) == 1


def test_an_entry_with_nothing_to_show_is_left_out() -> None:
    assert identify([RawEntry(), RawEntry(guid="g", published="2020-01-01")]) == ()
    assert len(identify([RawEntry(enclosures=(Enclosure("https://e.org/a.mp3"),))])) == 1


def test_a_long_key_is_cut_and_stays_unique() -> None:
    one, two = identify([raw("x" * 100_000, title="t"), raw("x" * 100_001, title="t")])
    assert one.key != two.key
    assert len(one.key) == len(two.key) == MAX_KEY


@pytest.mark.parametrize(
    "change",
    [
        {"url": "other"},
        {"title": Text("t", "text")},
        {"title": None},
        {"summary": Text("", "html")},
        {"authors": ("a", "b")},
        {"authors": ("ab",)},
        {"tags": ("a",)},
        {"enclosures": (Enclosure("u", length=1),)},
        {"image": "i"},
        {"comments_url": "c"},
        {"language": "en"},
    ],
    ids=str,
)
def test_the_fingerprint_changes_with_everything_the_source_says(change: dict[str, object]) -> None:
    entry = raw("g", "u", "t", "b")
    assert fingerprint(replace(entry, **change)) != fingerprint(entry)  # type: ignore[arg-type]


@pytest.mark.parametrize("change", [{"guid": "x"}, {"published": "x"}, {"updated": "x"}, {"timezone": "Asia/Tokyo"}])
def test_the_fingerprint_does_not_change_with_what_is_fixed_at_the_first_sight(change: dict[str, str]) -> None:
    entry = raw("g", "u", "t", "b")
    assert fingerprint(replace(entry, **change)) == fingerprint(entry)  # type: ignore[arg-type]


def test_fingerprints_that_are_stored_stay_valid() -> None:
    entry = RawEntry(
        guid="g",
        url="https://e.org/1",
        title=Text("T\u00e9\ud800", "html", "https://e.org/"),
        summary=Text("", "text"),
        published="Mon",
        authors=("A", "B"),
        tags=("x",),
        enclosures=(Enclosure("https://e.org/a.mp3", "audio/mpeg", 5, None, 60),),
        image="i",
        language="en",
    )
    assert fingerprint(entry) == "3.6ab9c950b46315b004b4d61ae01610f1"
    assert fingerprint(RawEntry()) == "3.f7930f95331bc06d536c66f65b02bfca"


def test_the_fingerprint_does_not_change_when_the_feed_moves() -> None:
    old, new = (RawEntry(content=Text("b", "html", base)) for base in ("http://a.example/", "https://b.example/"))
    assert fingerprint(old) == fingerprint(new)


@given(st.lists(st.text(), max_size=4), st.lists(st.text(), max_size=4))
def test_the_fingerprint_is_unambiguous(one: list[str], two: list[str]) -> None:
    first, second = (fingerprint(RawEntry(authors=tuple(names))) for names in (one, two))
    assert (first == second) == (one == two)


@pytest.mark.parametrize(
    "guid",
    [
        "https://example.org/a?b=c#d",
        "http://example.org",
        "HTTPS://EXAMPLE.ORG/",
        "tag:example.org,2024-01-02:a/b",
        "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
        "URN:UUID:F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6",
        "urn:f:1",
        "tag:me.you@mail.example.org,2024:a?b#c",
        "https://例子.测试/文章",
        "yt:video:abc",
        "https://[::1]/x",
    ],
)
def test_an_absolute_uri_is_kept_as_the_id(guid: str) -> None:
    assert guid == public_id(guid, SOURCE, "k") or guid.startswith("https://[")


@pytest.mark.parametrize(
    "guid",
    [
        None,
        "",
        "42",
        "/a/b",
        "C:",
        "https://",
        "https:///x",
        "https://example.org/a b",
        "https://example.org/<b>",
        "https://example.org/%zz",
        "https://example.org/#a#b",
        "https://example.org/\u202e",
        "https://example.org/\ud800",
        "javascript:alert(1)",
        "data:text/html,x",
        "tag:no-date",
        "urn:x",
        "urn:uuid:post-7",
        "urn:UUID:f81d4fae-7dec-11d0-a765-00a0c91e6bf",
        "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6/2",
        "urn:isbn:風",
        "tag:example.org,2024:風",
        "tag:exa mple.org,2024:a",
        "https://example.org/list[]",
        "https://example.org/?a[1]=2",
        "https://example.org/" + "a" * 2000,
        "https://example.org/\n",
    ],
)
def test_anything_else_gets_an_id_of_its_own(guid: str | None) -> None:
    made = public_id(guid, SOURCE, "k")
    assert made == minted_id(SOURCE, "k")
    assert uuid.UUID(made.removeprefix("urn:uuid:")).version == 5


@given(st.text(), st.text(), st.text(), st.text())
def test_minted_ids_differ_where_source_or_key_do(source: str, key: str, source_2: str, key_2: str) -> None:
    assert (minted_id(source, key) == minted_id(source_2, key_2)) == ((source, key) == (source_2, key_2))


@given(st.text(max_size=60))
def test_a_public_id_has_no_white_space_and_a_scheme(guid: str) -> None:
    made = public_id(guid, SOURCE, "k")
    assert not any(letter.isspace() for letter in made)
    assert ":" in made


def test_a_better_address_than_the_link_changes_no_key() -> None:
    """Entries that were known by a link through a counter stay known when the publisher's own address is shown."""
    link, own = "https://counter.example/~r/1", "https://site.example/a"
    for guid in (None, "shared"):
        before = identify([RawEntry(guid=guid, url=link), RawEntry(guid=guid, url=link + "2")])
        after = identify(
            [RawEntry(guid=guid, url=own, former_url=link), RawEntry(guid=guid, url=own + "2", former_url=link + "2")]
        )
        assert [one.key for one in after] == [one.key for one in before]
